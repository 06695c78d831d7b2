"""One way to train every neural scorer, and one way to score with it.

Training is the Trainer of transformers. Scoring is a loop of its own, because `Trainer.predict`
with length grouping returns its rows in shuffled order.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Sampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from cyborg_utils.models import device
from cyborg_utils.schema_models import Training

CHECKS = 6
POOL = 4


class Pad:
    """Collate examples by padding `input_ids` on the right to the longest of the batch."""

    def __init__(self, pad_id: int, mask: bool):
        self.pad_id, self.mask = pad_id, mask

    def __call__(self, examples: list[dict]) -> dict[str, torch.Tensor]:
        longest = max(len(e["input_ids"]) for e in examples)
        rows = [e["input_ids"] + [self.pad_id] * (longest - len(e["input_ids"])) for e in examples]
        lengths = torch.tensor([len(e["input_ids"]) for e in examples])
        batch = {"input_ids": torch.tensor(rows)}
        if self.mask:
            batch["attention_mask"] = (torch.arange(longest) < lengths[:, None]).long()
        else:
            batch["lengths"] = lengths
        if "labels" in examples[0]:
            batch["labels"] = torch.tensor([e["labels"] for e in examples])
        return batch


class NearLengths(Sampler):
    """Random batches of essays of near length: pools of `POOL` batches, drawn at random, are
    sorted by length inside and their batches shuffled.

    Sorting larger pools, as the Trainer's own length grouping does, pads less; but longer essays
    score higher, and whole runs of batches with one length make a model chase their mean score.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int):
        self.lengths, self.batch_size = np.array(lengths), batch_size
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self):
        order, size = self.rng.permutation(len(self.lengths)), self.batch_size
        for first in range(0, len(order), POOL * size):
            pool = order[first : first + POOL * size]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            whole = len(pool) // size  # the last batch of an epoch may be a short one
            for batch in self.rng.permutation(whole):
                yield from pool[batch * size : (batch + 1) * size].tolist()
            yield from pool[whole * size :].tolist()


class NearLengthTrainer(Trainer):
    """The Trainer with batches of near length."""

    def _get_train_sampler(self, train_dataset=None) -> Sampler:
        lengths = [len(example["input_ids"]) for example in self.train_dataset]
        return NearLengths(lengths, self.args.train_batch_size, self.args.seed)


class Progress(TrainerCallback):
    """Print the loss and the time left at about ten moments."""

    def on_train_begin(self, args, state, control, **_):
        self.start, self.every = time.monotonic(), max(1, state.max_steps // 10)

    def on_step_end(self, args, state, control, **_):
        if state.global_step % self.every == 0 and state.global_step < state.max_steps:
            spent = time.monotonic() - self.start
            left = spent / state.global_step * (state.max_steps - state.global_step)
            print(f"step {state.global_step} of {state.max_steps}, about {left:.0f} s left")


class BestOnDev(TrainerCallback):
    """Judge on dev at `CHECKS` moments of training and keep the weights of the best one."""

    def __init__(self, judge: Callable[[], float]):
        self.judge, self.best, self.rows, self.state = judge, -np.inf, [], None

    def on_step_end(self, args, state, control, model=None, **_):
        if state.global_step % max(1, -(-state.max_steps // CHECKS)) and (
            state.global_step != state.max_steps
        ):
            return
        score = self.judge()
        if np.isnan(score):
            raise ValueError(
                "training diverged: agreement on dev is no number; lower learning_rate"
            )
        model.train()
        self.rows.append({"step": state.global_step, "dev_qwk": score})
        if score > self.best:
            trained = {k for k, p in model.named_parameters() if p.requires_grad}
            self.best = score
            self.state = {k: deepcopy(v) for k, v in model.state_dict().items() if k in trained}


def fit(
    model: torch.nn.Module,
    examples: list[dict],
    collate: Callable,
    spec: Training,
    seed: int,
    judge: Callable[[], float] | None = None,
) -> pd.DataFrame:
    """Train a model in place.

    Parameters
    ----------
    examples : dicts with `input_ids` and `labels`.
    judge : agreement with the dev scores, in [-1, 1]; where given, the model ends with the
        weights that it judged best, by the same rule for every arm.

    Returns
    -------
    frame with `step`, `loss` and, where judged, `dev_qwk`.
    """
    torch.set_num_threads(spec.threads)
    steps = max(round(spec.epochs * len(examples) / spec.batch_size), spec.min_steps, 1)
    callbacks = [Progress()]
    if judge is not None:
        callbacks.append(BestOnDev(judge))
    with tempfile.TemporaryDirectory() as folder:
        trainer = NearLengthTrainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                max_steps=steps,
                per_device_train_batch_size=spec.batch_size,
                learning_rate=spec.learning_rate,
                lr_scheduler_type="linear",
                warmup_steps=int(spec.warmup * steps),
                weight_decay=spec.weight_decay,
                max_grad_norm=1.0,
                bf16=spec.precision == "bf16",
                remove_unused_columns=False,
                logging_steps=max(1, steps // 50),
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                seed=seed,
                use_cpu=not torch.cuda.is_available(),
                dataloader_pin_memory=torch.cuda.is_available(),
            ),
            data_collator=collate,
            train_dataset=examples,
            callbacks=callbacks,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    log = pd.DataFrame([r for r in trainer.state.log_history if "loss" in r])[["step", "loss"]]
    if judge is None:
        return log
    best = callbacks[-1]
    model.load_state_dict(best.state, strict=False)
    return log.merge(pd.DataFrame(best.rows), on="step", how="outer")


@torch.inference_mode()
def logits_of(
    model: torch.nn.Module,
    examples: list[dict],
    collate: Callable,
    spec: Training,
    batch_size: int = 64,
    report: bool = False,
) -> np.ndarray:
    """The model's outputs, one row an example, in the order of `examples`.

    Batches are sorted by length, longest first, so that little is padded and a lack of memory
    shows at once.
    """
    torch.set_num_threads(spec.threads)
    model.eval()
    where = next(model.parameters()).device
    order = np.argsort([-len(e["input_ids"]) for e in examples], kind="stable")
    rows, start = [None] * len(examples), time.monotonic()
    lowest = torch.bfloat16 if spec.precision == "bf16" else None
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        inputs = [{"input_ids": examples[i]["input_ids"]} for i in chosen]
        batch = {k: v.to(where) for k, v in collate(inputs).items()}
        with torch.autocast(where.type, dtype=lowest, enabled=lowest is not None):
            output = model(**batch).logits
        for i, row in zip(chosen, output.float().cpu().numpy(), strict=True):
            rows[i] = row
        done = first + len(chosen)
        if report and (first // batch_size) % 10 == 9:
            rate = done / (time.monotonic() - start)
            print(
                f"{done} of {len(order)} essays, {rate:.0f} a second, "
                f"about {(len(order) - done) / rate:.0f} s left"
            )
    return np.stack(rows)


def to_device(model: torch.nn.Module) -> torch.nn.Module:
    return model.to(device())
