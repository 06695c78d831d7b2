"""Encoder scorers: a small encoder with a scoring head for each trait."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cross_entropy, mse_loss
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from cyborg_utils.corpus.columns import of_trait, side_by_side
from cyborg_utils.models.group_penalty import GroupPenalty
from cyborg_utils.models.loading import load_encoder
from cyborg_utils.models.outputs import scores_from_probabilities, softmax, target_probabilities
from cyborg_utils.models.scorer import TrainingInput, read_description, write_description
from cyborg_utils.models.trainer import Pad, logits_of, to_device, train_network
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.schema.models import EncoderScorer


class ScoringLoss(torch.nn.Module):
    """An encoder with its loss: squared error or, for `points` > 1, cross-entropy with the target
    probabilities, weighted by label; the mean over essays of the sum over traits."""

    def __init__(self, model: torch.nn.Module, points: int):
        super().__init__()
        self.model, self.points = model, points

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor,
        label_weights: torch.Tensor,
    ) -> SequenceClassifierOutput:
        logits = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        if self.points == 1:
            losses = mse_loss(logits.float(), labels, reduction="none")
        else:
            flat = logits.float().view(-1, self.points), labels.view(-1, self.points)
            losses = cross_entropy(*flat, reduction="none").view(label_weights.shape)
        return SequenceClassifierOutput(loss=(losses * label_weights).sum(1).mean(), logits=logits)


@dataclass
class EncoderModel:
    """An encoder, its tokenizer, and the transformation of its output to scores of each trait.

    `mean` and `sd` of each trait's training labels standardize the targets of a regression head.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    spec: EncoderScorer
    labels: list[float]
    mean: dict[str, float]
    sd: dict[str, float]

    @property
    def traits(self) -> list[str]:
        return list(self.mean)

    @property
    def commit(self) -> str | None:
        """The commit of the hub's weights that it was made from."""
        return getattr(self.model.config, "_commit_hash", None)

    @property
    def pad(self) -> Pad:
        """The function that collates its examples."""
        return Pad(self.tokenizer.pad_token_id, mask=True)

    def encode(self, texts: list[str]) -> list[dict]:
        """Token ids of each text, and whether the text is truncated at `max_tokens`.

        Special tokens inside an essay are plain text.
        """
        return tokenize(texts, self.tokenizer, self.spec.max_tokens)

    def count_truncated(self, texts: list[str]) -> int:
        """How many texts are truncated at `max_tokens`."""
        return sum(e["truncated"] for e in self.encode(texts))

    def score(self, texts: list[str]) -> pd.DataFrame:
        """See `Scorer.score`; a classification head gives probabilities."""
        examples, points = self.encode(texts), np.array(self.labels, dtype=float)
        outputs = logits_of(self.model, examples, self.pad, self.spec)
        by_trait = {}
        for trait, logits in zip(self.traits, np.split(outputs, len(self.traits), 1), strict=True):
            if self.spec.head == "regression":
                continuous = logits[:, 0].astype(float) * self.sd[trait] + self.mean[trait]
                score = round_to_scale(continuous, self.labels)
                by_trait[trait] = pd.DataFrame({"continuous": continuous, "score": score})
            else:
                by_trait[trait] = scores_from_probabilities(softmax(logits), points)
        return side_by_side(by_trait).assign(truncated=[e["truncated"] for e in examples])

    def examples_of(self, labeled: pd.DataFrame) -> list[dict]:
        """Encoded essays with `labels` and `label_weights`."""
        examples = self.encode(labeled["text"].tolist())
        for example, target, weight in zip(examples, *self.targets(labeled), strict=True):
            example |= {"labels": target, "label_weights": weight}
        return examples

    def targets(self, labeled: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Targets of the head, standardized scores of shape (n, traits) or probabilities of shape
        (n, traits * points), and the weights of the labels, shape (n, traits)."""
        targets, weights = [], []
        for trait in self.traits:
            labels = of_trait(labeled, trait)
            if self.spec.head == "regression":
                score = labels["score"].to_numpy(dtype=float)
                targets.append((score[:, None] - self.mean[trait]) / self.sd[trait])
            else:
                targets.append(target_probabilities(labels, self.labels))
            weights.append(labels["weight"] if "weight" in labels else np.ones(len(labels)))
        return np.hstack(targets).astype("float32"), np.column_stack(weights).astype("float32")

    def save(self, folder: Path) -> None:
        """A standard model folder (safetensors) with the scorer's description."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        write_description(folder, self, mean=self.mean, sd=self.sd)


def fit(spec: EncoderScorer, training: TrainingInput) -> tuple[EncoderModel, pd.DataFrame, None]:
    """Train an encoder on weighted labels."""
    labels, traits = training.labels, training.traits
    points = 1 if spec.head == "regression" else len(labels)
    model, tokenizer = load_encoder(
        spec.model, points * len(traits), spec.max_tokens, training.texts, training.seed
    )
    scores = {trait: _used_scores(training.train, trait) for trait in traits}
    mean = {trait: float(score.mean()) for trait, score in scores.items()}
    sd = {trait: float(score.std(ddof=0)) or 1.0 for trait, score in scores.items()}
    scorer = EncoderModel(to_device(model), tokenizer, spec, labels, mean, sd)
    model.config.problem_type = "regression" if points == 1 else "single_label_classification"
    if len(traits) == 1:  # names of the outputs for users of the folder
        names = ["score"] if points == 1 else [f"{label:g}" for label in labels]
        model.config.id2label = dict(enumerate(names))
        model.config.label2id = {name: i for i, name in enumerate(names)}
    penalty = None
    if spec.group_penalty:
        dev, groups = scorer.examples_of(training.dev), training.dev[list(training.groups)]
        penalty = GroupPenalty(dev, groups, scorer.pad, spec, training.seed)
    log = train_network(
        ScoringLoss(model, points),
        scorer.examples_of(training.train),
        scorer.pad,
        spec,
        training.seed,
        evaluate=lambda: training.dev_kappa(scorer),
        work=training.work,
        on_evaluate=training.on_evaluate,
        penalty=penalty,
    )
    return scorer, log, None


def load(folder: Path, base: Path | None = None) -> EncoderModel:
    """Load a saved encoder scorer; its folder has all its weights, and `base` is not used."""
    spec, about = read_description(folder)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    scale = about["labels"], about["mean"], about["sd"]
    return EncoderModel(to_device(model), tokenizer, spec, *scale)


def _used_scores(train: pd.DataFrame, trait: str) -> pd.Series:
    """A trait's labels, without those of weight 0."""
    labels = of_trait(train, trait)
    used = labels["weight"] > 0 if "weight" in labels else slice(None)
    return labels["score"].astype(float)[used]


def tokenize(texts: list[str], tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> list[dict]:
    """`input_ids` of each text, at most `max_tokens`, and whether it was `truncated`."""
    options = {"truncation": True, "max_length": max_tokens, "split_special_tokens": True}
    encoded = tokenizer(texts, return_overflowing_tokens=True, **options)
    rows = {}
    for i, ids in zip(encoded["overflow_to_sample_mapping"], encoded["input_ids"], strict=True):
        if i in rows:
            rows[i]["truncated"] = True
        else:
            rows[i] = {"input_ids": ids, "truncated": False}
    return list(rows.values())
