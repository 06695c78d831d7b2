"""Time LoRA training of a Teacher with the loss at the label alone and with a plain Trainer.

    python benchmarks/teacher_training.py [--essays FILE.csv] [--model HUB_ID] [--n N] [--write]

The plain Trainer of transformers is trained on the same label in a full sequence of labels, -100
before the last, in random batches padded to their longest essay. Both train for two epochs, of
which the second is measured. On a GPU the model has the architecture of Llama 3.1 8B; on a CPU,
unless `--model` names one, it is a tiny one with the same vocabulary. All weights are random.
"""

import tempfile

import hardware
import torch
from peft import LoraConfig, get_peft_model
from transformers import DataCollatorForSeq2Seq, PrinterCallback, Trainer, TrainingArguments

from cyborg_utils.models.causal import CausalModel, LabelTokenModel, trait_prompt
from cyborg_utils.models.loading import load_causal
from cyborg_utils.models.trainer import Pad, to_device, train_network
from cyborg_utils.study.schema.base import HOLISTIC

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
LABELS = list(range(1, 7))


def prepare(spec, texts):
    """A new model with LoRA, and examples with arbitrary labels.

    Parameters
    ----------
    spec : cyborg_utils.study.schema.models.CausalTeacher
    texts : list of str

    Returns
    -------
    (LabelTokenModel, transformers.PreTrainedTokenizerBase, list of dict)
    """
    model, tokenizer = load_causal(spec.model, spec.max_tokens, [], spec.seed)
    prompt = trait_prompt(tokenizer, spec, LABELS)
    lora = {"r": spec.lora.r, "lora_alpha": spec.lora.alpha, "lora_dropout": spec.lora.dropout}
    lora |= {"task_type": "CAUSAL_LM", "target_modules": "all-linear"}
    reader = to_device(LabelTokenModel(get_peft_model(model, LoraConfig(**lora)), prompt.answers))
    examples = CausalModel(reader, tokenizer, {HOLISTIC: prompt}, spec, LABELS).encode(texts)
    for i, example in enumerate(examples):
        example["labels"] = i % len(LABELS)
    return reader, tokenizer, examples


def at_the_label(spec, texts):
    """Train with the loss at the label position, in micro-batches of similar length.

    Parameters
    ----------
    spec : cyborg_utils.study.schema.models.CausalTeacher
    texts : list of str

    Returns
    -------
    dict
        What `timed` measured.
    """
    reader, tokenizer, examples = prepare(spec, texts)
    collate = Pad(tokenizer.pad_token_id, mask=False)

    def train():
        train_network(reader, examples, collate, spec, spec.seed)

    return timed(reader, reader.causal, examples, spec, train)


def plain(spec, texts, at_once):
    """Train with an unmodified Trainer on full sequences; the rest is as in `at_the_label`.

    Parameters
    ----------
    spec : cyborg_utils.study.schema.models.CausalTeacher
    texts : list of str
    at_once : int or None
        Essays per forward pass; None for as many of the longest as `micro_batch_tokens` allows.

    Returns
    -------
    dict
        What `timed` measured, and `at_once`.
    """
    reader, tokenizer, examples = prepare(spec, texts)
    answers, rows = reader.answers.tolist(), []
    for example in examples:
        ids, label = example["input_ids"], answers[example["labels"]]
        rows.append({"input_ids": [*ids, label], "labels": [-100] * len(ids) + [label]})
    fits = spec.micro_batch_tokens // max(len(row["input_ids"]) for row in rows)
    divisors = [k for k in range(1, spec.batch_size + 1) if spec.batch_size % k == 0]
    at_once = at_once or max(k for k in divisors if k <= max(fits, 1))
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            num_train_epochs=spec.epochs,
            per_device_train_batch_size=at_once,
            gradient_accumulation_steps=spec.batch_size // at_once,
            learning_rate=spec.learning_rate,
            weight_decay=spec.weight_decay,
            bf16=spec.precision == "bf16",
            gradient_checkpointing=spec.gradient_checkpointing,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=spec.seed,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=False,
        )
        settings._n_gpu = min(1, settings.n_gpu)
        collate = DataCollatorForSeq2Seq(tokenizer)
        trainer = Trainer(reader.model, settings, collate, train_dataset=rows)
        trainer.remove_callback(PrinterCallback)
        measured = timed(reader.model, reader.causal, examples, spec, trainer.train)
    return {**measured, "at_once": at_once}


def timed(trained, causal, examples, spec, train):
    """Train for two epochs and measure the second.

    Parameters
    ----------
    trained : torch.nn.Module
        The module that the training calls.
    causal : transformers.PreTrainedModel
        The language model in it.
    examples : list of dict
    spec : cyborg_utils.study.schema.models.CausalTeacher
    train : callable

    Returns
    -------
    dict
        `seconds`, `tokens`, `positions` (padding counted), `work` (floating-point operations) and
        `peak` (GB).
    """
    hardware.reset_peak()
    with hardware.Steps(trained) as steps:
        train()
    seconds, positions = steps.second_half()
    tokens = sum(len(e["input_ids"]) for e in examples)
    how = "lora recomputed" if spec.gradient_checkpointing else "lora"
    return {
        "seconds": seconds,
        "tokens": tokens,
        "positions": positions,
        "work": hardware.operations(causal, tokens, how),
        "peak": hardware.peak_memory(),
    }


def main(arguments=None):
    """Measure, print and write.

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
        model={"help": f"hub id in shapes.yaml; default {MODEL}"},
        batch={"type": int, "help": "essays per step; on a GPU the study's, else 4"},
        plain_batch={"type": int, "help": "essays per pass of the plain Trainer; else what fits"},
        gradient_checkpointing={"action": "store_true", "help": "recompute activations"},
    )  # fmt: skip
    n, tiny = options.n or (128 if gpu else 16), options.tiny or not (gpu or options.model)
    texts, tokenizer_texts, kind = hardware.read_essays(options.essays, n)
    ceilings = [hardware.matmul_ceiling()]
    with tempfile.TemporaryDirectory() as place:
        place = options.folder or place
        folder, model = hardware.random_model(options.model or MODEL, tokenizer_texts, place, tiny)
        spec = hardware.scorer(
            "llama", folder, epochs=2, min_steps=0,
            gradient_checkpointing=options.gradient_checkpointing,
            batch_size=options.batch or (None if gpu else 4),
        )  # fmt: skip
        texts = texts[: n - n % spec.batch_size]
        reference = plain(spec, texts, options.plain_batch)
        methods = {
            "plain Trainer": reference,
            "loss at the label, similar lengths": at_the_label(spec, texts),
        }
    rows = []
    for method, measured in methods.items():
        values = [measured[key] for key in ("tokens", "seconds", "work", "peak")]
        row = hardware.figures(len(texts), *values)
        padded = 1 - measured["tokens"] / measured["positions"]
        rows.append({"method": method, "essays": len(texts), **row, "padded": padded})
    for row in rows:
        row["speedup"] = row["essays/s"] / rows[0]["essays/s"]
    recomputed = ", activations recomputed" if spec.gradient_checkpointing else ""
    heading = (
        f"{model}; LoRA of rank {spec.lora.r} on all linear layers{recomputed}; {len(texts):,} "
        f"{kind} of {reference['tokens'] / len(texts):,.0f} tokens with the prompt, in batches of "
        f"{spec.batch_size}: {reference['at_once']} per forward pass in the plain Trainer, at most "
        f"{spec.micro_batch_tokens:,} tokens per forward pass with similar lengths."
    )
    ceilings.append(hardware.matmul_ceiling())
    hardware.report("teacher-training", options, heading, rows, ceilings)
    return rows


if __name__ == "__main__":
    main()
