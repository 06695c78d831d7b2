"""Encoder scorers: a small encoder with a scoring head for each trait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import log_softmax, logsigmoid, mse_loss, pad
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from cyborg_utils.corpus.columns import of_trait, side_by_side
from cyborg_utils.models.group_penalty import GroupPenalty
from cyborg_utils.models.loading import load_encoder
from cyborg_utils.models.outputs import (
    continuation_probabilities,
    scores_from_probabilities,
    softmax,
    target_probabilities,
)
from cyborg_utils.models.scorer import TrainingInput, read_description, write_description
from cyborg_utils.models.trainer import Pad, logits_of, to_device, train_network
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.schema.models import EncoderScorer


def n_outputs(head: str, n_labels: int) -> int:
    """Outputs of a head for one trait: one score, one logit per point of the scale, or (ordinal)
    one between each two points."""
    return {"regression": 1, "classification": n_labels, "ordinal": n_labels - 1}[head]


class ScoringLoss(torch.nn.Module):
    """An encoder with its loss: squared error or, of a classification or an ordinal head,
    cross-entropy with the target probabilities, weighted by label; the mean over essays of the sum
    over traits."""

    def __init__(self, model: torch.nn.Module, head: str, n_labels: int):
        super().__init__()
        self.model, self.head, self.n_labels = model, head, n_labels

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor,
        label_weights: torch.Tensor,
    ) -> SequenceClassifierOutput:
        logits = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        if self.head == "regression":
            losses = mse_loss(logits.float(), labels, reduction="none")
        else:
            by_trait = logits.float().view(-1, n_outputs(self.head, self.n_labels))
            log_p = log_softmax(by_trait, 1)
            if self.head == "ordinal":  # as `continuation_probabilities`
                log_p = pad(logsigmoid(-by_trait), (0, 1))
                log_p = log_p + pad(logsigmoid(by_trait), (1, 0)).cumsum(1)
            losses = -(labels.view(-1, self.n_labels) * log_p).sum(1).view(label_weights.shape)
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
        """See `Scorer.score`; a classification or an ordinal head gives probabilities."""
        examples, points = self.encode(texts), np.array(self.labels, dtype=float)
        outputs = logits_of(self.model, examples, self.pad, self.spec)
        by_trait = {}
        for trait, logits in zip(self.traits, np.split(outputs, len(self.traits), 1), strict=True):
            if self.spec.head == "regression":
                continuous = logits[:, 0].astype(float) * self.sd[trait] + self.mean[trait]
                score = round_to_scale(continuous, self.labels)
                by_trait[trait] = pd.DataFrame({"continuous": continuous, "score": score})
            else:
                ordinal = self.spec.head == "ordinal"
                probabilities = continuation_probabilities(logits) if ordinal else softmax(logits)
                by_trait[trait] = scores_from_probabilities(probabilities, points)
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
    outputs = n_outputs(spec.head, len(labels)) * len(traits)
    model, tokenizer = load_encoder(
        spec.model, outputs, spec.max_tokens, training.texts, training.seed
    )
    scores = {trait: _used_scores(training.train, trait) for trait in traits}
    mean = {trait: float(score.mean()) for trait, score in scores.items()}
    sd = {trait: float(score.std(ddof=0)) or 1.0 for trait, score in scores.items()}
    scorer = EncoderModel(to_device(model), tokenizer, spec, labels, mean, sd)
    _name_outputs(model.config, spec.head, labels, traits)
    penalty = None
    if spec.group_penalty:
        dev, groups = scorer.examples_of(training.dev), training.dev[list(training.groups)]
        penalty = GroupPenalty(dev, groups, scorer.pad, spec, training.seed)
    log = train_network(
        ScoringLoss(model, spec.head, len(labels)),
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


def _name_outputs(
    config: PretrainedConfig, head: str, labels: list[float], traits: Sequence[str]
) -> None:
    """Say what the outputs are, for users of the model's folder without this package."""
    kinds = {"regression": "regression", "classification": "single_label_classification"}
    config.problem_type = kinds.get(head, "multi_label_classification")  # of logits alone
    if len(traits) > 1:
        return
    of_head = {
        "regression": ["score"],
        "classification": [f"{label:g}" for label in labels],
        "ordinal": [f"above {label:g}" for label in labels[:-1]],
    }
    config.id2label = dict(enumerate(of_head[head]))
    config.label2id = {name: i for i, name in config.id2label.items()}


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
