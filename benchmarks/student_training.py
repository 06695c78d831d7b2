"""Time Students, trained and scoring: padding to the longest of a batch against `max_tokens`.

    python benchmarks/student_training.py [--essays FILE.csv] [--model HUB_ID ...] [--n N] [--write]

Batches of near length, padded to their longest essay, against the same batches with every essay
padded to the study's `max_tokens`. Training sees the essays twice and the second time is measured.
On a GPU the models are ELECTRA-base and ModernBERT-base; on a CPU, unless `--model` names some,
tiny ones of their kinds. All weights are random.
"""

import tempfile
from functools import partial

import hardware
import numpy as np
import torch

from cyborg_utils.models.encoder import tokenize
from cyborg_utils.models.loading import load_encoder
from cyborg_utils.models.trainer import Pad, logits_of, to_device, train_network

MODELS = ["google/electra-base-discriminator", "answerdotai/ModernBERT-base"]
AGREE = 0.01  # largest difference of a score in fp32, in standard deviations
WAYS = ("longest of a near-length batch", "max_tokens")


class PadToMask(Pad):
    """Collate examples that are padded already."""

    def __call__(self, examples):
        batch = super().__call__(examples)
        batch["attention_mask"] = (batch["input_ids"] != self.pad_id).long()
        return batch


def prepare(spec, texts, full):
    """A fresh model, examples with made-up labels, and their collate function.

    Parameters
    ----------
    spec : cyborg_utils.study.schema.models.EncoderScorer
    texts : list of str
    full : bool
        Pad every essay to `max_tokens`.

    Returns
    -------
    (transformers.PreTrainedModel, list of dict, Pad)
    """
    model, tokenizer = load_encoder(spec.model, 1, spec.max_tokens, [], spec.seed)
    model.config.problem_type = "regression"
    examples, pad = tokenize(texts, tokenizer, spec.max_tokens), tokenizer.pad_token_id
    for i, example in enumerate(examples):
        example["labels"] = float(i % 2)
        if full:
            example["input_ids"] += [pad] * (spec.max_tokens - len(example["input_ids"]))
    return to_device(model), examples, (PadToMask if full else Pad)(pad, mask=True)


def measure_model(hub, spec, texts, repeats):
    """Check that both ways of padding score the same, and time scoring and training with each.

    Parameters
    ----------
    hub : str
        The model's name in the table.
    spec : cyborg_utils.study.schema.models.EncoderScorer
    texts : list of str
    repeats : int

    Returns
    -------
    (list of dict, float)
        The rows, and how far the scores in fp32 are apart at most, in standard deviations.
    """
    exact, scores, found, ways = spec.model_copy(update={"precision": "fp32"}), [], {}, {}
    for full, way in enumerate(WAYS):
        model, examples, collate = prepare(spec, texts, full)
        with hardware.Steps(model) as steps:
            scores.append(logits_of(model, examples, collate, exact))
        found["scoring", way] = [steps.positions]
        ways[way] = partial(logits_of, model, examples, collate, spec)
    apart = np.abs(scores[0] - scores[1]).max() / scores[1].std()
    if not apart <= AGREE:
        raise SystemExit(f"{hub}: scores are {apart:.2g} SD apart: no table")
    for way, (seconds, peak, _) in hardware.measure(ways, repeats).items():
        found["scoring", way] += [seconds, peak]
    tokens = collate(examples)["attention_mask"].sum().item()
    del model, ways
    for full, way in enumerate(WAYS):
        model, examples, collate = prepare(spec, texts, full)
        hardware.reset_peak()
        with hardware.Steps(model) as steps:
            train_network(model, examples, collate, spec, spec.seed)
        seconds, positions = steps.second_half()
        found["training", way] = [positions, seconds, hardware.peak_memory()]
    rows = []
    for (task, way), (positions, seconds, peak) in found.items():
        work = hardware.operations(model, tokens, "forward" if task == "scoring" else "full")
        row = {"model": hub, "task": task, "padded to": way, "essays": len(texts)}
        row |= {"padded": 1 - tokens / positions}
        row |= hardware.figures(len(texts), tokens, seconds, work, peak)
        usual = found[task, WAYS[1]][1]
        rows.append(row | {"times as fast": usual / seconds})
    return rows, apart


def main(arguments=None):
    """Measure, check that both ways of padding score the same, print and write.

    Parameters
    ----------
    arguments : list of str or None

    Returns
    -------
    list of dict
        The table's rows.
    """
    gpu = torch.cuda.is_available()
    options = hardware.options_of(
        __doc__, arguments,
        model={"nargs": "+", "help": f"hub ids with a shape; {' '.join(MODELS)} if not given"},
        batch={"type": int, "help": "essays of a step; on a GPU the study's, else 4"},
        max_tokens={"type": int, "help": "at most; on a GPU the study's, else 768"},
        repeats={"type": int, "default": 2},
    )  # fmt: skip
    n, tiny = options.n or (512 if gpu else 16), options.tiny or not (gpu or options.model)
    texts, known, what = hardware.read_essays(options.essays, n)
    ceilings = [hardware.matmul_ceiling()]
    rows, told = [], []
    with tempfile.TemporaryDirectory() as place:
        for hub in options.model or MODELS:
            folder, about = hardware.random_model(hub, known, options.folder or place, tiny)
            name = "electra" if "electra" in hub else "modernbert"
            most = min(hardware.scorer(name, folder).max_tokens,
                       options.max_tokens or (10**6 if gpu else 768))  # fmt: skip
            spec = hardware.scorer(name, folder, epochs=2, min_steps=0, max_tokens=most,
                                   batch_size=options.batch or (None if gpu else 4))  # fmt: skip
            chosen = texts[: n - n % spec.batch_size]
            found, apart = measure_model(hub, spec, chosen, options.repeats)
            rows += found
            told.append(
                f"{about}, {most:,} tokens at most, batches of {spec.batch_size}; scores in fp32 "
                f"are at most {apart:.1g} standard deviations apart"
            )
    heading = f"{len(chosen):,} {what}. {'. '.join(told)}. Tokens are counted without padding."
    ceilings.append(hardware.matmul_ceiling())
    hardware.report("student-training", options, heading, rows, ceilings)
    return rows


if __name__ == "__main__":
    main()
