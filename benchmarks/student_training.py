"""Time training and scoring of Students with two ways of padding.

    python benchmarks/student_training.py [--essays FILE.csv] [--model HUB_ID ...] [--n N] [--write]

Batches of similar length, padded to their longest essay, are compared with the same batches with
all essays padded to the study's `max_tokens`. Training is two epochs, of which the second is
measured. On a GPU the models are ELECTRA-base and ModernBERT-base; on a CPU, unless `--model` names
some, tiny ones of their types. All weights are random.
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
PADDINGS = ("longest of a batch of similar length", "max_tokens")


class PadToMask(Pad):
    """Collate examples that are already padded."""

    def __call__(self, examples):
        batch = super().__call__(examples)
        batch["attention_mask"] = (batch["input_ids"] != self.pad_id).long()
        return batch


def prepare(spec, texts, full):
    """A new model, examples with arbitrary labels, and their collate function.

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
    """Check that both paddings give the same scores, and time scoring and training with each.

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
        The rows, and the largest difference of the scores in fp32, in standard deviations.
    """
    exact, scores, measured, runs = spec.model_copy(update={"precision": "fp32"}), [], {}, {}
    for full, padding in enumerate(PADDINGS):
        model, examples, collate = prepare(spec, texts, full)
        with hardware.Steps(model) as steps:
            scores.append(logits_of(model, examples, collate, exact))
        measured["scoring", padding] = [steps.positions]
        runs[padding] = partial(logits_of, model, examples, collate, spec)
    difference = np.abs(scores[0] - scores[1]).max() / scores[1].std()
    if not difference <= AGREE:
        raise SystemExit(f"{hub}: scores differ by {difference:.2g} SD: no table")
    for padding, (seconds, peak, _) in hardware.measure(runs, repeats).items():
        measured["scoring", padding] += [seconds, peak]
    tokens = collate(examples)["attention_mask"].sum().item()
    del model, runs
    for full, padding in enumerate(PADDINGS):
        model, examples, collate = prepare(spec, texts, full)
        hardware.reset_peak()
        with hardware.Steps(model) as steps:
            train_network(model, examples, collate, spec, spec.seed)
        seconds, positions = steps.second_half()
        measured["training", padding] = [positions, seconds, hardware.peak_memory()]
    rows = []
    for (task, padding), (positions, seconds, peak) in measured.items():
        work = hardware.operations(model, tokens, "forward" if task == "scoring" else "full")
        row = {"model": hub, "task": task, "padded to": padding, "essays": len(texts)}
        row |= {"padded": 1 - tokens / positions}
        row |= hardware.figures(len(texts), tokens, seconds, work, peak)
        reference = measured[task, PADDINGS[1]][1]
        rows.append(row | {"speedup": reference / seconds})
    return rows, difference


def main(arguments=None):
    """Measure, check that both paddings give the same scores, print and write.

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
        model={"nargs": "+", "help": f"hub ids in shapes.yaml; default {' '.join(MODELS)}"},
        batch={"type": int, "help": "essays per step; on a GPU the study's, else 4"},
        max_tokens={"type": int, "help": "maximum length; on a GPU the study's, else 768"},
        repeats={"type": int, "default": 2},
    )  # fmt: skip
    n, tiny = options.n or (512 if gpu else 16), options.tiny or not (gpu or options.model)
    texts, tokenizer_texts, kind = hardware.read_essays(options.essays, n)
    ceilings = [hardware.matmul_ceiling()]
    rows, descriptions = [], []
    with tempfile.TemporaryDirectory() as place:
        for hub in options.model or MODELS:
            folder, model = hardware.random_model(
                hub, tokenizer_texts, options.folder or place, tiny
            )
            name = "electra" if "electra" in hub else "modernbert"
            limit = options.max_tokens or (10**6 if gpu else 768)
            max_tokens = min(hardware.scorer(name, folder).max_tokens, limit)
            spec = hardware.scorer(name, folder, epochs=2, min_steps=0, max_tokens=max_tokens,
                                   batch_size=options.batch or (None if gpu else 4))  # fmt: skip
            essays = texts[: n - n % spec.batch_size]
            model_rows, difference = measure_model(hub, spec, essays, options.repeats)
            rows += model_rows
            descriptions.append(
                f"{model}, {max_tokens:,} tokens at most, batches of {spec.batch_size}; scores in "
                f"fp32 differ by at most {difference:.1g} standard deviations"
            )
    heading = f"{len(essays):,} {kind}. {'. '.join(descriptions)}. Tokens exclude padding."
    ceilings.append(hardware.matmul_ceiling())
    hardware.report("student-training", options, heading, rows, ceilings)
    return rows


if __name__ == "__main__":
    main()
