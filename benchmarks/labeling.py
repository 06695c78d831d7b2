"""Time five methods of labeling the same essays with the same model.

    python benchmarks/labeling.py [--essays FILE.csv] [--model HUB_ID] [--n N] [--write]

On a GPU the model has the architecture of Llama 3.1 8B; on a CPU, unless `--model` names one, it is
a tiny one with the same vocabulary. All weights are random: times do not depend on them.
"""

import tempfile

import hardware
import numpy as np
import torch
from transformers.modeling_outputs import SequenceClassifierOutput

from cyborg_utils.models.causal import CausalModel, LabelTokenModel, trait_prompt
from cyborg_utils.models.loading import load_causal
from cyborg_utils.models.trainer import Pad, logits_of, to_device
from cyborg_utils.study.schema.base import HOLISTIC

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
LABELS = list(range(1, 7))
BATCH = 16  # essays per batch of `generate`
AGREE = {"fp32": 1e-4, "bf16": 0.2}  # largest difference of a logit, in standard deviations


class FullLogits(torch.nn.Module):
    """The same model with the logits of all positions and tokens, of which the labels' are kept."""

    def __init__(self, model, answers):
        super().__init__()
        self.model, self.answers = model, answers

    def forward(self, input_ids, lengths):
        logits = self.model(input_ids=input_ids, use_cache=False).logits
        rows = torch.arange(len(lengths), device=logits.device)
        last = logits[rows, lengths.to(logits.device) - 1]
        return SequenceClassifierOutput(logits=last[:, self.answers])


def generate(model, tokenizer, examples, answers, new):
    """The label logits of the first of `new` generated tokens, in batches padded on the left.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    tokenizer : transformers.PreTrainedTokenizerBase
    examples : list of dict
        With `input_ids`; their order is kept.
    answers : list of int
        The labels' tokens.
    new : int

    Returns
    -------
    ndarray, shape (n, labels)
    """
    rows = []
    for first in range(0, len(examples), BATCH):
        ids = [{"input_ids": e["input_ids"]} for e in examples[first : first + BATCH]]
        batch = tokenizer.pad(ids, padding_side="left", return_tensors="pt").to(model.device)
        output = model.generate(
            **batch, do_sample=False, min_new_tokens=new, max_new_tokens=new,
            pad_token_id=tokenizer.pad_token_id, return_dict_in_generate=True, output_logits=True,
        )  # fmt: skip
        rows.append(output.logits[0][:, answers].float().cpu().numpy())
    return np.concatenate(rows)


def main(arguments=None):
    """Measure, check that all methods give the same logits, print and write.

    Parameters
    ----------
    arguments : list of str or None

    Returns
    -------
    list of dict
        The table's rows.
    """
    options = hardware.options_of(
        __doc__, arguments,
        model={"help": f"hub id in shapes.yaml; default {MODEL}"},
        tokens={"type": int, "help": "tokens of a batch; on a GPU the study's, else 4096"},
        repeats={"type": int, "default": 2},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:  # `generate` looks for its model's folder
        return compare(options, options.folder or place)


def compare(options, place):
    """Measure the five methods on one model.

    Parameters
    ----------
    options : argparse.Namespace
    place : str or Path
        Where the model is saved.

    Returns
    -------
    list of dict
    """
    gpu = torch.cuda.is_available()
    n, tiny = options.n or (256 if gpu else 32), options.tiny or not (gpu or options.model)
    texts, tokenizer_texts, kind = hardware.read_essays(options.essays, n)
    ceilings = [hardware.matmul_ceiling()]
    folder, description = hardware.random_model(
        options.model or MODEL, tokenizer_texts, place, tiny
    )
    tokens = options.tokens or (None if gpu else 4096)
    spec = hardware.scorer("llama", folder, inference_batch_tokens=tokens)

    model, tokenizer = load_causal(spec.model, spec.max_tokens, [], 1)
    prompt = trait_prompt(tokenizer, spec, LABELS)
    reader = to_device(LabelTokenModel(model.eval(), prompt.answers))
    examples = CausalModel(reader, tokenizer, {HOLISTIC: prompt}, spec, LABELS).encode(texts)
    pad, shared = Pad(tokenizer.pad_token_id, mask=False), prompt.before
    rest = [{"input_ids": e["input_ids"][len(shared) :]} for e in examples]
    full = FullLogits(model, prompt.answers)
    arguments = model, tokenizer, examples, prompt.answers

    def after_prompt():
        with reader.after(shared):
            return logits_of(reader, rest, pad, spec)

    real = sum(len(e["input_ids"]) for e in examples)
    methods = {
        "label rows, shared prompt once": (after_prompt, real - (n - 1) * len(shared)),
        "label rows": (lambda: logits_of(reader, examples, pad, spec), real),
        "logits of all positions": (lambda: logits_of(full, examples, pad, spec), real),
        "generate, 1 token": (lambda: generate(*arguments, 1), real),
        "generate, 8 tokens": (lambda: generate(*arguments, 8), real + 7 * n),
    }
    runs = {method: run for method, (run, _) in methods.items()}
    measured = hardware.measure(runs, options.repeats)
    rows, logits = [], [result for _, _, result in measured.values()]
    for method, (seconds, peak, _) in measured.items():
        passed = methods[method][1]
        work = hardware.operations(model, passed, "forward")
        figures = hardware.figures(n, passed, seconds, work, peak)
        rows.append({"method": method, "essays": n, **figures})
    difference = max(np.abs(values - logits[2]).max() for values in logits) / logits[2].std()
    if not difference <= AGREE[spec.precision]:
        raise SystemExit(f"the methods disagree (logits differ by {difference:.2g} SD): no table")
    for row in rows:
        row["speedup"] = row["essays/s"] / rows[3]["essays/s"]
    heading = (
        f"{description}; {n:,} {kind} of {real / n:,.0f} tokens with the prompt, {len(shared)} of "
        f"them before every essay; {spec.inference_batch_tokens:,} tokens per batch, sorted by "
        f"length; for `generate` {BATCH} essays per batch in their original order, padded left. "
        "Tokens are those that the model processes, without padding. The label logits of the five "
        f"methods differ by at most {difference:.1g} standard deviations."
    )
    ceilings.append(hardware.matmul_ceiling())
    hardware.report("labeling", options, heading, rows, ceilings)
    return rows


if __name__ == "__main__":
    main()
