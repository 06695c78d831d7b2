"""Training and inference of all neural scorers.

Training uses the Trainer of transformers. Inference is a separate loop, because `Trainer.predict`
with length grouping returns its rows in shuffled order.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate.utils.memory import should_reduce_batch_size
from safetensors.torch import load_file, save_file
from torch.utils.data import Sampler
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from cyborg_utils.models.loading import device
from cyborg_utils.models.scorer import ModelError
from cyborg_utils.study.schema.models import Training

Collate = Callable[[list[dict]], dict[str, torch.Tensor]]
Penalty = Callable[[torch.nn.Module, int, torch.device], torch.Tensor]
OnEvaluate = Callable[[pd.DataFrame], None]

CHECKS = 6  # evaluations on dev in a training
POOL = 4  # batches that are sorted by length together
SAVE_SECONDS = 300  # an interrupted training loses no more than this
NO_ROOM = (
    "out of memory with a single essay of {:,} tokens: lower max_tokens, use a smaller model (or, "
    "for a Teacher, quantization: nf4), or free the device of other work"
)


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
        for name in {"labels", "label_weights"} & set(examples[0]):
            batch[name] = torch.stack([torch.as_tensor(e[name]) for e in examples])
        return batch


def split_by_tokens(lengths: list[int], tokens: int | None) -> Iterator[slice]:
    """Split sequences into consecutive batches of at most `tokens` tokens, padding included.

    A longer sequence is a batch by itself; None makes one batch.
    """
    first, longest = 0, 0
    for i, length in enumerate(lengths):
        longest = max(longest, length)
        if tokens is not None and i > first and longest * (i + 1 - first) > tokens:
            yield slice(first, i)
            first, longest = i, length
    if lengths:
        yield slice(first, len(lengths))


class LengthBucketSampler(Sampler[int]):
    """Random batches of essays of similar length: random pools of `POOL` batches are sorted by
    length, and the batches of a pool shuffled.

    Larger pools, as in the Trainer's own length grouping, would need less padding; but longer
    essays have higher scores, and many consecutive batches of one length make a model follow their
    mean score.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int):
        self.lengths, self.batch_size, self.seed = np.array(lengths), batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer, so that a resumed epoch has the same order."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng, size = np.random.default_rng([self.seed, self.epoch]), self.batch_size
        order = rng.permutation(len(self.lengths))
        for first in range(0, len(order), POOL * size):
            pool = order[first : first + POOL * size]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            n_full = len(pool) // size  # the last batch of an epoch may be smaller
            for batch in rng.permutation(n_full):
                yield from pool[batch * size : (batch + 1) * size].tolist()
            yield from pool[n_full * size :].tolist()


@dataclass
class Batch:
    """The essays of one optimizer step, not yet padded; the Trainer passes it on unchanged."""

    examples: list[dict]


class EssayTrainer(Trainer):
    """The Trainer with batches of similar length that are split into micro-batches.

    The gradients of the micro-batches add up to the batch's. Where memory runs out, the
    micro-batches are halved and the step is repeated; where a single essay does not fit,
    activations are recomputed instead of stored.
    """

    def __init__(
        self, *args, collate: Collate, tokens: int | None, best: BestCheckpoint | None,
        penalty: Penalty | None, **more,
    ):  # fmt: skip
        super().__init__(*args, data_collator=lambda rows: {"batch": Batch(rows)}, **more)
        self.collate, self.best, self.penalty = collate, best, penalty
        self.tokens = self.first_tokens = tokens
        self.recomputes = False

    def _get_train_sampler(self, train_dataset=None) -> Sampler:
        lengths = [len(example["input_ids"]) for example in self.train_dataset]
        return LengthBucketSampler(lengths, self.args.train_batch_size, self.args.seed)

    def floating_point_ops(self, inputs) -> int:
        return 0

    def training_step(self, model, inputs, num_items_in_batch=None) -> torch.Tensor:
        examples = inputs["batch"].examples
        model.train()
        while True:
            try:
                return self._forward_and_backward(model, examples)
            except RuntimeError as error:
                if not should_reduce_batch_size(error):
                    raise
            # Not in the handler, where the error still references the failed step's tensors.
            self._free_memory(model, [len(e["input_ids"]) for e in examples])

    def _forward_and_backward(self, model, examples: list[dict]) -> torch.Tensor:
        total = torch.zeros((), device=self.args.device)
        for micro in split_by_tokens([len(e["input_ids"]) for e in examples], self.tokens):
            inputs = self._prepare_inputs(self.collate(examples[micro]))
            with self.compute_loss_context_manager():
                loss = model(**inputs).loss * ((micro.stop - micro.start) / len(examples))
            self.accelerator.backward(loss)
            total += loss.detach()
        if self.penalty is not None:
            with self.compute_loss_context_manager():
                loss = self.penalty(model, self.state.global_step, self.args.device)
            self.accelerator.backward(loss)
        return total

    def _free_memory(self, model, lengths: list[int]) -> None:
        model.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        longest = max(lengths)
        if self.tokens is None or self.tokens > longest:
            before = longest * len(lengths) if self.tokens is None else self.tokens
            self.tokens = max(longest, before // 2)
            remedy = f"micro-batches of {self.tokens:,} tokens"
        elif not self.recomputes:
            self.recomputes, self.tokens = True, self.first_tokens
            recompute_activations(model)
            remedy = "activations recomputed, which takes a third more time"
        else:
            raise ModelError(NO_ROOM.format(longest))
        print(
            f"step {self.state.global_step + 1}: out of memory; continuing with {remedy}, and the "
            f"same batch of {len(lengths)} essays"
        )

    def _save(self, output_dir=None, state_dict=None) -> None:
        """Save only the trained weights, and those that are best on dev."""
        folder = Path(output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(trained_weights(self.model), folder / "trained.safetensors")
        if self.best is not None and self.best.weights is not None:
            save_file(self.best.weights, folder / "best.safetensors")
            (folder / "best.json").write_text(json.dumps(self.best.rows))

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None) -> None:
        folder = Path(resume_from_checkpoint)
        self.model.load_state_dict(load_file(folder / "trained.safetensors"), strict=False)
        if self.best is not None and (folder / "best.safetensors").exists():
            self.best.weights = load_file(folder / "best.safetensors", str(self.args.device))
            self.best.rows = json.loads((folder / "best.json").read_text())


def trained_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of the trainable weights: all, or those of an adapter."""
    trained = ((k, p) for k, p in model.named_parameters() if p.requires_grad)
    return {name: weight.detach().clone() for name, weight in trained}


def recompute_activations(model: torch.nn.Module) -> None:
    """Enable gradient checkpointing: recompute activations in the backward pass."""
    inner = next(m for m in model.modules() if isinstance(m, PreTrainedModel))
    inner.gradient_checkpointing_enable({"use_reentrant": False})


class Progress(TrainerCallback):
    """Print the time left about ten times, and save checkpoints for an interrupted run."""

    def on_train_begin(self, args, state, control, **_):
        self.start = self.saved = time.monotonic()
        self.first, self.interval = state.global_step, max(1, state.max_steps // 10)
        if self.first:
            print(f"resuming at step {self.first} of {state.max_steps} of an interrupted run")

    def on_step_end(self, args, state, control, **_):
        now = time.monotonic()
        if state.global_step % self.interval == 0 and state.global_step < state.max_steps:
            per_step = (now - self.start) / (state.global_step - self.first)
            left = per_step * (state.max_steps - state.global_step)
            print(f"step {state.global_step} of {state.max_steps}, about {left:.0f} s left")
        if now - self.saved >= SAVE_SECONDS:
            self.saved, control.should_save = now, True


class BestCheckpoint(TrainerCallback):
    """Evaluate on dev at `CHECKS` steps of training and keep the weights of the best one, or, with
    a penalty on dev, of the last: agreement would be best at a step at which the penalty had no
    effect yet."""

    def __init__(self, evaluate: Callable[[], float], on_evaluate: OnEvaluate | None, last: bool):
        self.evaluate, self.on_evaluate, self.last = evaluate, on_evaluate, last
        self.rows, self.weights = [], None

    def on_step_end(self, args, state, control, model=None, **_):
        if state.global_step % max(1, -(-state.max_steps // CHECKS)) and (
            state.global_step != state.max_steps
        ):
            return
        score = self.evaluate()
        model.train()
        if self.last or score > max((row["dev_qwk"] for row in self.rows), default=-np.inf):
            self.weights = trained_weights(model)
        self.rows.append({"step": state.global_step, "dev_qwk": score})
        if self.on_evaluate is not None and state.log_history:
            self.on_evaluate(training_log(state.log_history, self.rows))


def training_log(history: list[dict], evaluations: list[dict]) -> pd.DataFrame:
    """`step`, `loss` and, where dev was evaluated, `dev_qwk`."""
    log = pd.DataFrame([r for r in history if "loss" in r], columns=["step", "loss"])
    return log.merge(pd.DataFrame(evaluations), on="step", how="outer") if evaluations else log


def train_network(
    model: torch.nn.Module,
    examples: list[dict],
    collate: Collate,
    spec: Training,
    seed: int,
    evaluate: Callable[[], float] | None = None,
    work: Path | None = None,
    on_evaluate: OnEvaluate | None = None,
    penalty: Penalty | None = None,
) -> pd.DataFrame:
    """Train a model in place.

    Parameters
    ----------
    examples : dicts with `input_ids` and `labels`.
    evaluate : agreement with the dev scores, in [-1, 1]; with it, the model ends with the weights
        of its highest value (checkpoint selection, the same for every arm) or, with a penalty,
        with the last ones.
    work : folder for checkpoints, every `SAVE_SECONDS`; training resumes from the last one there.
    on_evaluate : called with the log so far whenever dev has been evaluated.
    penalty : of the model at a step, added to each step's loss; not part of the logged loss.

    Returns
    -------
    frame with `step`, `loss` and, where evaluated, `dev_qwk`.
    """
    torch.set_num_threads(spec.threads)
    steps = max(round(spec.epochs * len(examples) / spec.batch_size), spec.min_steps, 1)
    best = None
    if evaluate is not None:
        best = BestCheckpoint(evaluate, on_evaluate, last=penalty is not None)
    if spec.gradient_checkpointing:
        recompute_activations(model)
    with tempfile.TemporaryDirectory() as temporary:
        trainer = EssayTrainer(
            model=model,
            args=_arguments(spec, steps, seed, str(work or temporary)),
            train_dataset=examples,
            callbacks=[Progress(), best] if best else [Progress()],
            collate=collate,
            tokens=spec.micro_batch_tokens,
            best=best,
            penalty=penalty,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=last_checkpoint(work))
    log = training_log(trainer.state.log_history, best.rows if best else [])
    if best is not None:
        model.load_state_dict(best.weights, strict=False)
    return log


def _arguments(spec: Training, steps: int, seed: int, folder: str) -> TrainingArguments:
    arguments = TrainingArguments(
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
        save_strategy="no",  # Progress requests checkpoints by time
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        seed=seed,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=False,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # no DataParallel on several GPUs
    return arguments


def last_checkpoint(work: Path | None) -> str | None:
    """The newest complete checkpoint of a folder; the Trainer writes `trainer_state.json` last."""
    if work is None:
        return None
    complete = [p.parent for p in work.glob("checkpoint-*/trainer_state.json") if p.stat().st_size]
    return str(max(complete, key=lambda p: int(p.name.split("-")[1]))) if complete else None


@torch.inference_mode()
def logits_of(
    model: torch.nn.Module, examples: list[dict], collate: Collate, spec: Training
) -> np.ndarray:
    """The model's outputs, one row per example, in the order of `examples`.

    Batches have up to `spec.inference_batch_tokens` tokens and are sorted by length, longest first,
    for little padding and an early out-of-memory error, after which batches are halved.
    """
    torch.set_num_threads(spec.threads)
    model.eval()
    on_device = next(model.parameters()).device
    order = np.argsort([-len(e["input_ids"]) for e in examples], kind="stable")
    lengths = [len(examples[i]["input_ids"]) for i in order]
    dtype = torch.bfloat16 if spec.precision == "bf16" else None
    rows, done, tokens = [None] * len(examples), 0, spec.inference_batch_tokens
    while done < len(order):
        batch = next(split_by_tokens(lengths[done:], tokens))
        chosen = order[done : done + batch.stop]
        try:
            inputs = collate([{"input_ids": examples[i]["input_ids"]} for i in chosen])
            with torch.autocast(on_device.type, dtype=dtype, enabled=dtype is not None):
                output = model(**{k: v.to(on_device) for k, v in inputs.items()}).logits
        except RuntimeError as error:
            if not should_reduce_batch_size(error):
                raise
            output = None
        if output is None:
            if len(chosen) == 1:
                raise ModelError(NO_ROOM.format(lengths[done]))
            torch.cuda.empty_cache()
            tokens = max(lengths[done], tokens // 2)
            print(f"out of memory; continuing with {tokens:,} tokens at once")
            continue
        output = output.float().cpu().numpy()
        if not np.isfinite(output).all():
            raise ModelError("outputs are not numbers: training diverged; lower learning_rate")
        for i, row in zip(chosen, output, strict=True):
            rows[i] = row
        done += len(chosen)
    return np.stack(rows)


def to_device(model: torch.nn.Module) -> torch.nn.Module:
    """Move a model to the device for training and scoring."""
    return model.to(device())
