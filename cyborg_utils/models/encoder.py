"""Students: small encoders with a scoring head a trait, trained on one arm's labels.

The same code trains an encoder Teacher on U.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cross_entropy, mse_loss
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.modeling_outputs import SequenceClassifierOutput

from cyborg_utils.corpus.columns import of_trait, side_by_side
from cyborg_utils.models.group_penalty import GroupPenalty
from cyborg_utils.models.loading import load_encoder
from cyborg_utils.models.outputs import (
    mean_kappa,
    scores_from_probabilities,
    softmax,
    target_probabilities,
)
from cyborg_utils.models.trainer import Pad, fit, logits_of, to_device
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.models import EncoderScorer


class ScoringLoss(torch.nn.Module):
    """An encoder with its loss: squared error or, for `points` > 1, cross-entropy with the
    targets' probabilities, each label counted with its weight; the mean over essays of the sum
    over traits."""

    def __init__(self, model: torch.nn.Module, points: int):
        super().__init__()
        self.model, self.points = model, points

    def forward(self, input_ids, attention_mask, labels, label_weights):
        logits = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        if self.points == 1:
            losses = mse_loss(logits.float(), labels, reduction="none")
        else:
            flat = logits.float().view(-1, self.points), labels.view(-1, self.points)
            losses = cross_entropy(*flat, reduction="none").view(label_weights.shape)
        return SequenceClassifierOutput(loss=(losses * label_weights).sum(1).mean(), logits=logits)


@dataclass
class Student:
    """A trained encoder, its tokenizer, and how its output becomes scores of each trait."""

    model: torch.nn.Module
    tokenizer: object
    spec: EncoderScorer
    labels: list
    mean: dict[str, float]  # of each trait's learnt labels, what a regression head is centred on
    sd: dict[str, float]

    @property
    def traits(self) -> list[str]:
        return list(self.mean)

    def encode(self, texts: list[str]) -> list[dict]:
        """Token ids of each text, and whether the text loses its end to `max_tokens`.

        Special tokens inside an essay are plain text.
        """
        return tokenize(texts, self.tokenizer, self.spec.max_tokens)

    def count_truncated(self, texts: list[str]) -> int:
        """How many texts lose their end to `max_tokens`."""
        return sum(e["truncated"] for e in self.encode(texts))

    def score(self, texts: list[str]) -> pd.DataFrame:
        """Scores of essays: `continuous` on the score scale, `score` a point of the scale, for a
        classification head the probabilities `p_<label>`, and `truncated`; the columns of a trait
        end in `:<trait>`."""
        examples, points = self.encode(texts), np.array(self.labels, dtype=float)
        outputs = logits_of(self.model, examples, _pad(self.tokenizer), self.spec)
        parts = {}
        for trait, logits in zip(self.traits, np.split(outputs, len(self.traits), 1), strict=True):
            if self.spec.head == "regression":
                continuous = logits[:, 0].astype(float) * self.sd[trait] + self.mean[trait]
                score = round_to_scale(continuous, self.labels)
                parts[trait] = pd.DataFrame({"continuous": continuous, "score": score})
            else:
                parts[trait] = scores_from_probabilities(softmax(logits), points)
        return side_by_side(parts).assign(truncated=[e["truncated"] for e in examples])

    def targets(self, train: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """What the head learns, shape (n, traits) standardized or (n, traits * points), and the
        weights of the labels, shape (n, traits)."""
        learnt, weights = [], []
        for trait in self.traits:
            labels = of_trait(train, trait)
            if self.spec.head == "regression":
                score = labels["score"].to_numpy(dtype=float)
                learnt.append((score[:, None] - self.mean[trait]) / self.sd[trait])
            else:
                learnt.append(target_probabilities(labels, self.labels))
            weights.append(labels["weight"] if "weight" in labels else np.ones(len(labels)))
        return np.hstack(learnt).astype("float32"), np.column_stack(weights).astype("float32")

    @property
    def commit(self) -> str | None:
        """The commit of the hub's weights that it was made from."""
        return getattr(self.model.config, "_commit_hash", None)

    def save(self, folder: Path) -> None:
        """A standard model folder (safetensors), with the score scale beside it."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        about = {
            "labels": self.labels,
            "mean": self.mean,
            "sd": self.sd,
            "spec": self.spec.model_dump(),
        }
        (folder / "scoring.json").write_text(json.dumps(about, indent=2))

    @classmethod
    def load(cls, folder: Path) -> Student:
        about = json.loads((folder / "scoring.json").read_text())
        how = {"dtype": torch.float32, "use_safetensors": True}
        model = AutoModelForSequenceClassification.from_pretrained(folder, **how)
        return cls(
            to_device(model),
            AutoTokenizer.from_pretrained(folder),
            EncoderScorer(**about["spec"]),
            about["labels"],
            about["mean"],
            about["sd"],
        )


def train_student(
    spec: EncoderScorer,
    train: pd.DataFrame,
    dev: pd.DataFrame,
    labels: list,
    texts: list[str],
    seed: int,
    work: Path | None = None,
    watch: Callable[[pd.DataFrame], None] | None = None,
    traits: Sequence[str] = (HOLISTIC,),
    groups: Sequence[str] = (),
) -> tuple[Student, pd.DataFrame]:
    """Train one Student.

    Parameters
    ----------
    train, dev : frames with `text`, `score` and `score:<trait>` for each trait; train may have
        `weight` and `p_<label>` beside each. dev is human-scored and picks the best weights.
    texts : texts of train, scored or not, for the tokenizer of a model from scratch.
    work, watch : as for `cyborg_utils.models.trainer.fit`.
    groups : columns of dev that `spec.group_penalty` is about.

    Returns
    -------
    (the Student, its training log)
    """
    points = 1 if spec.head == "regression" else len(labels)
    model, tokenizer = load_encoder(spec.model, points * len(traits), spec.max_tokens, texts, seed)
    scores = {trait: _learnt(train, trait) for trait in traits}
    mean = {trait: float(score.mean()) for trait, score in scores.items()}
    sd = {trait: float(score.std(ddof=0)) or 1.0 for trait, score in scores.items()}
    student = Student(to_device(model), tokenizer, spec, labels, mean, sd)
    model.config.problem_type = "regression" if points == 1 else "single_label_classification"
    if len(traits) == 1:  # what others see who load the folder
        names = ["score"] if points == 1 else [f"{label:g}" for label in labels]
        model.config.id2label = dict(enumerate(names))
        model.config.label2id = {name: i for i, name in enumerate(names)}

    def examples_of(frame: pd.DataFrame) -> list[dict]:
        examples = tokenize(frame["text"].tolist(), tokenizer, spec.max_tokens)
        for example, target, weight in zip(examples, *student.targets(frame), strict=True):
            example |= {"labels": target, "label_weights": weight}
        return examples

    def judge() -> float:
        return mean_kappa(dev, student.score(dev["text"].tolist()), labels, traits)

    penalty = None
    if spec.group_penalty:
        penalty = GroupPenalty(examples_of(dev), dev[list(groups)], _pad(tokenizer), spec, seed)
    log = fit(
        ScoringLoss(model, points), examples_of(train), _pad(tokenizer), spec, seed, judge, work,
        watch, penalty,
    )  # fmt: skip
    return student, log


def _learnt(train: pd.DataFrame, trait: str) -> pd.Series:
    """A trait's labels, those of weight 0 left out."""
    labels = of_trait(train, trait)
    used = labels["weight"] > 0 if "weight" in labels else slice(None)
    return labels["score"].astype(float)[used]


def tokenize(texts: list[str], tokenizer, max_tokens: int) -> list[dict]:
    """`input_ids` of each text, cut to `max_tokens`, and whether it was `truncated`."""
    how = {"truncation": True, "max_length": max_tokens, "split_special_tokens": True}
    encoded = tokenizer(texts, return_overflowing_tokens=True, **how)
    rows = {}
    for i, ids in zip(encoded["overflow_to_sample_mapping"], encoded["input_ids"], strict=True):
        if i in rows:
            rows[i]["truncated"] = True
        else:
            rows[i] = {"input_ids": ids, "truncated": False}
    return list(rows.values())


def _pad(tokenizer) -> Pad:
    return Pad(tokenizer.pad_token_id, mask=True)
