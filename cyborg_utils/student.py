"""Students: small encoders with a scoring head, trained on one arm's labels.

The same code trains an encoder Teacher on U.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from cyborg_utils.agreement import quadratic_weighted_kappa, round_to_scale
from cyborg_utils.models import load_encoder
from cyborg_utils.schema_models import EncoderScorer
from cyborg_utils.training import Pad, fit, logits_of, to_device


@dataclass
class Student:
    """A trained encoder, its tokenizer, and how its output becomes a score."""

    model: torch.nn.Module
    tokenizer: object
    spec: EncoderScorer
    labels: list
    mean: float
    sd: float

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
        classification head the probabilities `p_<label>`, and `truncated`."""
        examples = self.encode(texts)
        logits = logits_of(self.model, examples, _pad(self.tokenizer), self.spec)
        if self.spec.head == "regression":
            continuous = logits[:, 0].astype(float) * self.sd + self.mean
            scores = pd.DataFrame(
                {"continuous": continuous, "score": round_to_scale(continuous, self.labels)}
            )
        else:
            points = np.array(self.labels, dtype=float)
            scores = scores_from_probabilities(softmax(logits), points)
        return scores.assign(truncated=[e["truncated"] for e in examples])

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
        model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
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
) -> tuple[Student, pd.DataFrame]:
    """Train one Student.

    Parameters
    ----------
    train, dev : frames with `text` and `score`; dev is human-scored and picks the best weights.
    texts : texts of train, scored or not, for the tokenizer of a model from scratch.
    work, watch : as for `cyborg_utils.training.fit`.

    Returns
    -------
    (the Student, its training log)
    """
    outputs = 1 if spec.head == "regression" else len(labels)
    model, tokenizer = load_encoder(spec.model, outputs, spec.max_tokens, texts, seed)
    mean, sd = float(train["score"].mean()), float(train["score"].std(ddof=0)) or 1.0
    student = Student(to_device(model), tokenizer, spec, labels, mean, sd)
    if spec.head == "regression":
        targets = ((train["score"] - mean) / sd).astype("float32").tolist()
        model.config.problem_type = "regression"
    else:
        targets = train["score"].map({v: i for i, v in enumerate(labels)}).astype(int).tolist()
        model.config.problem_type = "single_label_classification"
    examples = tokenize(train["text"].tolist(), tokenizer, spec.max_tokens)
    for example, target in zip(examples, targets, strict=True):
        example["labels"] = target

    def judge() -> float:
        return quadratic_weighted_kappa(
            dev["score"], student.score(dev["text"].tolist())["score"], labels
        )

    log = fit(model, examples, _pad(tokenizer), spec, seed, judge, work, watch)
    return student, log


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


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def scores_from_probabilities(probabilities: np.ndarray, points: np.ndarray) -> pd.DataFrame:
    """`score` is the most probable point, the lower one at a tie, `continuous` the expected one."""
    labels = [f"p_{p:g}" for p in points]
    frame = pd.DataFrame(probabilities.astype(float), columns=labels)
    frame.insert(0, "continuous", probabilities @ points)
    frame.insert(1, "score", points[probabilities.argmax(axis=1)])
    return frame


def _pad(tokenizer) -> Pad:
    return Pad(tokenizer.pad_token_id, mask=True)
