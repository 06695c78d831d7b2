"""Pretraining of a small causal model: from random weights, on texts without their scores.

A model from the hub is pretrained already.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import SequenceClassifierOutput

from cyborg_utils.models.causal import CausalModel
from cyborg_utils.models.loading import load_causal
from cyborg_utils.models.scoring_prompts import build_prompt
from cyborg_utils.models.trainer import Pad, to_device, train_network
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.models import CausalTeacher, Pretraining

ANSWER_SHARE = 0.9  # of a document's weight: an answer is one token among hundreds


def pretrain(
    spec: CausalTeacher,
    texts: list[str],
    folder: Path,
    graded: pd.DataFrame | None = None,
    work: Path | None = None,
) -> tuple[pd.DataFrame, dict]:
    """Pretrain a small causal model by next-token prediction and save it as a model folder.

    It is trained on the texts, each followed by questions on its surface (length, rare words, ...)
    whose answers are counted from the text, and on any essays of another testing program, in the
    scoring prompt with their grades there.

    Parameters
    ----------
    texts : texts of train; no human score of this testing program is used.
    graded : essays of another program, with `text` and `grade` (whole, 0 to 9), or None.
    work : folder for checkpoints, from which an interrupted run resumes.

    Returns
    -------
    (training log, counts: parameters, documents, tokens, graded_elsewhere)
    """
    model, tokenizer = load_causal(spec.model, spec.max_tokens, texts, spec.seed)
    documents = pretraining_documents(texts, tokenizer, spec)
    if graded is not None:
        documents += graded_documents(model, tokenizer, spec, graded)
    pre: Pretraining = spec.pretraining
    training = spec.model_copy(
        update={
            "epochs": pre.epochs,
            "learning_rate": pre.learning_rate,
            "batch_size": pre.batch_size,
            "min_steps": 0,
        }
    )
    reader = to_device(NextTokenModel(model))
    log = train_network(
        reader, documents, _weighted_batch(tokenizer.pad_token_id), training, spec.seed, work=work
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return log, {
        "parameters": model.num_parameters(),
        "documents": len(documents),
        "tokens": sum(len(document["input_ids"]) for document in documents),
        "graded_elsewhere": 0 if graded is None else len(graded),
    }


def surface_features(texts: list[str]) -> pd.DataFrame:
    """Surface features of each text, each as a decile 0-9 among `texts`."""
    words = [[w.strip(".,;:!?\"'()").lower() for w in t.split()] for t in texts]
    frequency = pd.Series([w for text in words for w in set(text)]).value_counts()
    rare = set(frequency.index[frequency <= max(2, 0.002 * len(texts))])
    features = pd.DataFrame(
        {
            "Words": [len(w) for w in words],
            "Sentences": [sum(t.count(c) for c in ".!?") for t in texts],
            "Paragraphs": [len([p for p in t.split("\n") if p.strip()]) for t in texts],
            "Long words": [np.mean([len(x) > 6 for x in w] or [0]) for w in words],
            "Different words": [len(set(w)) / max(1, len(w)) ** 0.5 for w in words],
            "Rare words": [np.mean([x in rare for x in w] or [0]) for w in words],
        }
    )
    ranks = features.rank(method="average", pct=True)
    return (ranks * 10).clip(upper=9.999).astype(int)


def pretraining_documents(
    texts: list[str], tokenizer: PreTrainedTokenizerBase, spec: CausalTeacher
) -> list[dict]:
    """Token ids of the pretraining documents: an essay, then questions on its surface.

    Returns
    -------
    dicts of `input_ids` and `weights`, the weight of each token in the loss: `ANSWER_SHARE` for all
    answers together and the rest for the text.
    """
    prompt = build_prompt(tokenizer, [0, 1], spec.rubric, "plain")
    essays = tokenizer(texts, add_special_tokens=False, split_special_tokens=True, verbose=False)
    digits = set(tokenizer.convert_tokens_to_ids(list("0123456789")))
    questions = [""] * len(texts)
    if spec.pretraining.surface_questions:
        rng = np.random.default_rng(spec.seed)
        for i, row in enumerate(surface_features(texts).to_dict("records")):
            names = rng.permutation(list(row))
            questions[i] = "".join(f"\n\n{name}: {row[name]}" for name in names)
    rows = []
    for essay, text in zip(essays["input_ids"], questions, strict=True):
        end = tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
        ids = prompt.before + essay[: spec.max_tokens - len(prompt.before) - len(end)]
        answers = [False] * len(ids) + [token in digits for token in end]
        rows.append({"input_ids": ids + end, "weights": _weights(answers)})
    return rows


def graded_documents(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    spec: CausalTeacher,
    graded: pd.DataFrame,
) -> list[dict]:
    """Documents of graded essays: the scoring prompt around the essay, then its grade."""
    grades = sorted(int(g) for g in graded["grade"].unique())
    scorer = CausalModel.wrap(model, tokenizer, spec, grades)
    answer = dict(zip(grades, scorer.prompts[HOLISTIC].answers, strict=True))
    rows = []
    for example, grade in zip(scorer.encode(graded["text"].tolist()), graded["grade"], strict=True):
        ids = [*example["input_ids"], answer[grade]]
        rows.append({"input_ids": ids, "weights": _weights([False] * (len(ids) - 1) + [True])})
    return rows


def _weights(answers: list[bool]) -> list[float]:
    n, total = sum(answers), len(answers)
    if n == 0:
        return [1.0 / total] * total
    return [ANSWER_SHARE / n if a else (1 - ANSWER_SHARE) / (total - n) for a in answers]


class NextTokenModel(torch.nn.Module):
    """A causal language model with a weighted next-token loss, for pretraining."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, weights: torch.Tensor) -> SequenceClassifierOutput:
        logits = self.model(input_ids=input_ids, use_cache=False).logits[:, :-1]
        losses = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), input_ids[:, 1:].flatten(), reduction="none"
        )
        weights = weights[:, 1:].flatten()
        return SequenceClassifierOutput(loss=(losses * weights).sum() / weights.sum())


def _weighted_batch(pad_id: int) -> Callable[[list[dict]], dict[str, torch.Tensor]]:
    pad = Pad(pad_id, mask=False)

    def collate(examples: list[dict]) -> dict[str, torch.Tensor]:
        ids = pad(examples)["input_ids"]
        weights = torch.zeros(ids.shape)
        for row, example in zip(weights, examples, strict=True):
            row[: len(example["weights"])] = torch.tensor(example["weights"])
        return {"input_ids": ids, "weights": weights}

    return collate
