"""Embedding scorers: a Gaussian process on what a frozen pretrained encoder makes of an essay.

The encoder is not trained. An essay's embedding is the mean of its last hidden states
(Reimers and Gurevych, 2019); a Gaussian process (`cyborg_utils.models.gaussian_process`) learns
from the labels what it says of the score.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import SequenceClassifierOutput

from cyborg_utils.corpus.columns import column, of_trait, side_by_side
from cyborg_utils.corpus.related_essays import related
from cyborg_utils.models.encoder import tokenize
from cyborg_utils.models.gaussian_process import GaussianProcess, fit_gaussian_process
from cyborg_utils.models.linking import folds
from cyborg_utils.models.loading import load_frozen
from cyborg_utils.models.scorer import TrainingInput, read_description, write_description
from cyborg_utils.models.trainer import Pad, logits_of, to_device
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.schema.models import EmbeddingScorer, Model

FILE = "processes.npz"
KEPT = 50_000  # train texts whose embeddings the process keeps, for the next scorer of the encoder
ENCODER = "encoder"


class MeanPooling(torch.nn.Module):
    """An encoder whose output is the mean of its last hidden states over an essay's tokens."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> SequenceClassifierOutput:
        output = self.model(input_ids=input_ids, attention_mask=attention_mask)
        states, mask = output.last_hidden_state, attention_mask[..., None]
        return SequenceClassifierOutput(logits=(states * mask).sum(1) / mask.sum(1))


@dataclass
class EmbeddingModel:
    """A frozen encoder, and a Gaussian process per trait.

    `center` and `scale`, shape (d,), standardize an embedding.
    """

    spec: EmbeddingScorer
    labels: list[float]
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    center: np.ndarray
    scale: np.ndarray
    processes: dict[str, GaussianProcess]

    @property
    def traits(self) -> list[str]:
        return list(self.processes)

    @property
    def commit(self) -> str | None:
        """The commit of the hub's weights."""
        return getattr(self.model.config, "_commit_hash", None)

    def score(self, texts: list[str]) -> pd.DataFrame:
        """See `Scorer.score`; with `sd`, the standard deviation of a human score around the
        prediction."""
        embedded, truncated = self.embed(texts)
        by_trait = {}
        for trait, process in self.processes.items():
            predicted, sd = process.predict((embedded - self.center) / self.scale)
            continuous = np.clip(predicted, self.labels[0], self.labels[-1])
            score = round_to_scale(continuous, self.labels)
            by_trait[trait] = pd.DataFrame({"continuous": continuous, "score": score, "sd": sd})
        return side_by_side(by_trait).assign(truncated=truncated)

    def embed(self, texts: list[str], keep: bool = False) -> tuple[np.ndarray, list[bool]]:
        """Embeddings, shape (n, d), and whether each text is truncated at `max_tokens`; `keep`
        them for later calls, also of other scorers with this encoder."""
        known = _known(self.spec.model_dump_json(include={"model", "max_tokens", "precision"}))
        new = [text for text in dict.fromkeys(texts) if text not in known]
        found = {text: known[text] for text in texts if text in known}
        if new:
            examples = tokenize(new, self.tokenizer, self.spec.max_tokens)
            pad = Pad(self.tokenizer.pad_token_id, mask=True)
            embedded = logits_of(MeanPooling(self.model), examples, pad, self.spec)
            truncated = [e["truncated"] for e in examples]
            found |= dict(zip(new, zip(embedded, truncated, strict=True), strict=True))
        if keep and len(known) + len(new) <= KEPT:
            known |= {text: found[text] for text in new}
        rows, truncated = zip(*(found[text] for text in texts), strict=True)
        return np.stack(rows).astype(float), list(truncated)

    def count_truncated(self, texts: list[str]) -> int:
        """How many texts are truncated at `max_tokens`."""
        return sum(e["truncated"] for e in tokenize(texts, self.tokenizer, self.spec.max_tokens))

    def save(self, folder: Path) -> None:
        """The encoder as a model folder (safetensors), the rest as JSON and NumPy arrays."""
        self.model.save_pretrained(folder / ENCODER)
        self.tokenizer.save_pretrained(folder / ENCODER)
        write_description(folder, self)
        numbers = {"center": self.center, "scale": self.scale}
        for i, process in enumerate(self.processes.values()):
            numbers |= {f"{n}_{i}": getattr(process, n) for n in GaussianProcess.ARRAYS}
        np.savez(folder / FILE, **numbers)


@lru_cache(maxsize=1)
def _known(encoder: str) -> dict[str, tuple[np.ndarray, bool]]:
    """The embeddings that are kept of the last encoder used, by text."""
    return {}


def fit(
    spec: EmbeddingScorer, training: TrainingInput
) -> tuple[EmbeddingModel, None, pd.DataFrame]:
    """Fit a Gaussian process per trait to the embeddings of train; dev is not used."""
    encoder, tokenizer = load_frozen(spec.model, spec.max_tokens)
    none = np.empty(0)
    scorer = EmbeddingModel(spec, training.labels, to_device(encoder), tokenizer, none, none, {})
    embedded, _ = scorer.embed(training.train["text"].tolist(), keep=True)
    scorer.center, scorer.scale = embedded.mean(axis=0), embedded.std(axis=0)
    scorer.scale[scorer.scale < 1e-9] = 1.0
    features = (embedded - scorer.center) / scorer.scale
    parts, cross_validated = folds(related(training.train), spec.seed), {}
    for trait in training.traits:
        labels = of_trait(training.train, trait)
        weight = labels.get("weight", pd.Series(1.0, labels.index)).to_numpy(dtype=float)
        score = labels["score"].to_numpy(dtype=float)
        fitted = fit_gaussian_process(features, score, weight, parts, spec.seed)
        scorer.processes[trait], held_out = fitted
        held_out = np.clip(held_out, training.labels[0], training.labels[-1])
        cross_validated[column("continuous", trait)] = held_out
    return scorer, None, pd.DataFrame(cross_validated)


def load(folder: Path, base: Path | None = None) -> EmbeddingModel:
    """Load a saved embedding scorer; its folder has the encoder, and `base` is not used."""
    spec, about = read_description(folder)
    encoder, tokenizer = load_frozen(Model(folder=str(folder / ENCODER)), spec.max_tokens)
    with np.load(folder / FILE, allow_pickle=False) as file:
        numbers = dict(file)
    processes = {
        trait: GaussianProcess(*(numbers[f"{n}_{i}"] for n in GaussianProcess.ARRAYS))
        for i, trait in enumerate(about["traits"])
    }
    scale = numbers["center"], numbers["scale"]
    return EmbeddingModel(spec, about["labels"], to_device(encoder), tokenizer, *scale, processes)
