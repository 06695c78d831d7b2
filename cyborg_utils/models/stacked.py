"""Stacked scorers for few labels: a Gaussian process on surface features and topics, and a ridge
regression on words, combined by their cross-validated predictions (stacking; Wolpert, 1992).

What needs no score is learned from all train texts of a study, scored or not: word frequencies, the
topics (singular vectors of tf-idf; Deerwester et al., 1990), and the scale of every feature.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from cyborg_utils.corpus.columns import column, of_trait, side_by_side
from cyborg_utils.corpus.related_essays import related
from cyborg_utils.models.gaussian_process import GaussianProcess, fit_gaussian_process
from cyborg_utils.models.linking import folds
from cyborg_utils.models.scorer import TrainingInput, read_description, write_description
from cyborg_utils.models.surface_features import Description, describe
from cyborg_utils.models.word_statistics import WordStatistics
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.schema.models import StackedScorer

TOPICS = 50
ALPHA = 1.0  # penalty of the ridge regression
EXTREME = (0.005, 0.995)  # quantiles of train texts beyond which a feature does not go
FILE = "stacked.npz"


@dataclass
class Representation:
    """Essays in numbers, learned from texts without scores.

    Parameters
    ----------
    features : names of the surface features.
    topics : shape (words, k).
    limits, center, scale : of the dense features, surface features and then topics: shapes (2, f),
        (f,), (f,).
    described : the train texts as they were described when it was learned.
    """

    statistics: WordStatistics
    features: list[str]
    topics: np.ndarray
    limits: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    described: dict[str, Description] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Iterable[str], seed: int) -> Representation:
        """Learn it from the train texts, in any order. The last one is kept: a Teacher and its
        Students, trained one after the other, know the same texts."""
        return _learned(tuple(sorted(set(texts))), seed)

    @classmethod
    def learn(cls, texts: tuple[str, ...], seed: int) -> Representation:
        """Learn it from distinct texts."""
        statistics = WordStatistics.of(texts)
        described = [describe(text, statistics) for text in texts]
        names = list(described[0].features)
        words = _tf_idf([d.words for d in described], statistics.documents, statistics.n_texts)
        k = max(0, min(TOPICS, *(n - 1 for n in words.shape)))
        topics = np.zeros((words.shape[1], 0))
        if k:
            topics = randomized_svd(words, k, n_iter=4, random_state=seed)[2].T
        by_text = dict(zip(texts, described, strict=True))
        new = cls(statistics, names, topics, np.empty(0), np.empty(0), np.empty(0), by_text)
        dense = new._dense(described, words)
        new.limits = np.quantile(dense, EXTREME, axis=0)
        dense = np.clip(dense, *new.limits)
        new.center, new.scale = dense.mean(axis=0), dense.std(axis=0)
        new.scale[new.scale < 1e-9] = 1.0
        return new

    def __call__(self, texts: list[str]) -> tuple[np.ndarray, csr_matrix]:
        """Standardized dense features, shape (n, f), and tf-idf of words and pairs of words with
        the length, shape (n, words + pairs + 1)."""
        counts = self.statistics
        described = [self.described.get(t) or describe(t, counts) for t in texts]
        words = _tf_idf([d.words for d in described], counts.documents, counts.n_texts)
        dense = np.clip(self._dense(described, words), *self.limits)
        both = [np.concatenate([d.words, len(counts.documents) + d.pairs]) for d in described]
        documents = np.concatenate([counts.documents, counts.pair_documents])
        terms = _tf_idf(both, documents, counts.n_texts)
        return (dense - self.center) / self.scale, hstack([terms, dense[:, :1]]).tocsr()

    def _dense(self, described: list[Description], words: csr_matrix) -> np.ndarray:
        surface = np.array([list(d.features.values()) for d in described])
        return np.hstack([surface.reshape(len(described), -1), words @ self.topics])


@lru_cache(maxsize=1)
def _learned(texts: tuple[str, ...], seed: int) -> Representation:
    return Representation.learn(texts, seed)


def _tf_idf(rows: list[np.ndarray], documents: np.ndarray, n_texts: int) -> csr_matrix:
    """Rows of length 1, of log term frequencies times log inverse document frequencies."""
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.concatenate([np.empty(0, dtype=int), *rows])
    shape = len(rows), len(documents)
    counts = csr_matrix((np.ones(len(columns)), columns, ends), shape=shape)
    counts.sum_duplicates()
    counts.data = 1 + np.log(counts.data)
    idf = 1 + np.log((n_texts + 1) / (documents + 1))
    weighted = counts.multiply(idf[None, :]).tocsr()
    return normalize(weighted) if documents.size else weighted


@dataclass
class Stack:
    """What is learned from one trait's labels.

    `shares` are the weights of the process and of the ridge regression around their mean
    predictions `means`; `mean` is that of the labels.
    """

    process: GaussianProcess
    coef: np.ndarray
    intercept: float
    shares: np.ndarray
    means: np.ndarray
    mean: float

    def predict(self, dense: np.ndarray, terms: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
        """Predicted scores, and the process's standard deviation of a human score around them."""
        by_process, sd = self.process.predict(dense)
        by_ridge = terms @ self.coef + self.intercept
        predicted = np.column_stack([by_process, by_ridge])
        return _combined(predicted, self.shares, self.means, self.mean), sd


@dataclass
class StackedModel:
    """A stack per trait on one representation of the essays."""

    spec: StackedScorer
    labels: list[float]
    representation: Representation
    stacks: dict[str, Stack]

    @property
    def traits(self) -> list[str]:
        return list(self.stacks)

    @property
    def commit(self) -> None:
        """None: it has no pretrained weights."""
        return None

    def score(self, texts: list[str]) -> pd.DataFrame:
        """See `Scorer.score`; with `sd`, the standard deviation of a human score around the
        Gaussian process's prediction. No text is truncated."""
        dense, terms = self.representation(texts)
        by_trait = {}
        for trait, stack in self.stacks.items():
            predicted, sd = stack.predict(dense, terms)
            continuous = np.clip(predicted, self.labels[0], self.labels[-1])
            score = round_to_scale(continuous, self.labels)
            by_trait[trait] = pd.DataFrame({"continuous": continuous, "score": score, "sd": sd})
        return side_by_side(by_trait).assign(truncated=False)

    def count_truncated(self, texts: list[str]) -> int:
        """0: it reads every essay to its end."""
        return 0

    def save(self, folder: Path) -> None:
        """Words and names as JSON, numbers as NumPy arrays: no pickle."""
        learned = self.representation
        write_description(
            folder, self, statistics=learned.statistics.plain, features=learned.features
        )
        numbers = dict(learned.statistics.arrays)
        numbers |= {n: getattr(learned, n) for n in ("topics", "limits", "center", "scale")}
        for i, stack in enumerate(self.stacks.values()):
            numbers |= {f"{n}_{i}": getattr(stack, n) for n in STACK}
            numbers |= {f"process_{n}_{i}": getattr(stack.process, n) for n in PROCESS}
        np.savez(folder / FILE, **numbers)


STACK = ("coef", "intercept", "shares", "means", "mean")
PROCESS = GaussianProcess.ARRAYS


def fit(spec: StackedScorer, training: TrainingInput) -> tuple[StackedModel, None, pd.DataFrame]:
    """Fit a stack per trait; dev is not used. The seed is that of the settings."""
    texts = training.train["text"].tolist()
    representation = Representation.of([*training.texts, *texts], spec.seed)
    dense, terms = representation(texts)
    parts = folds(related(training.train), spec.seed)
    stacks, cross_validated = {}, {}
    for trait in training.traits:
        labels = of_trait(training.train, trait)
        stacks[trait], held_out = _fit_stack(dense, terms, labels, parts, spec.seed)
        held_out = np.clip(held_out, training.labels[0], training.labels[-1])
        cross_validated[column("continuous", trait)] = held_out
    model = StackedModel(spec, training.labels, representation, stacks)
    return model, None, pd.DataFrame(cross_validated)


def load(folder: Path, base: Path | None = None) -> StackedModel:
    """Load a saved stacked scorer; `base` is not used."""
    spec, about = read_description(folder)
    with np.load(folder / FILE, allow_pickle=False) as file:
        numbers = dict(file)
    statistics = WordStatistics.loaded(about["statistics"], numbers)
    learned = [numbers[n] for n in ("topics", "limits", "center", "scale")]
    stacks = {}
    for i, trait in enumerate(about["traits"]):
        process = GaussianProcess(*(numbers[f"process_{n}_{i}"] for n in PROCESS))
        stacks[trait] = Stack(process, *(numbers[f"{n}_{i}"] for n in STACK))
    representation = Representation(statistics, about["features"], *learned)
    return StackedModel(spec, about["labels"], representation, stacks)


def _fit_stack(
    dense: np.ndarray,
    terms: csr_matrix,
    labels: pd.DataFrame,
    parts: list[tuple[np.ndarray, np.ndarray]],
    seed: int,
) -> tuple[Stack, np.ndarray]:
    """A stack, and its prediction of each essay without the essay's label; a label between two
    points of the scale is learned as it is."""
    score = labels["score"].to_numpy(dtype=float)
    weight = labels.get("weight", pd.Series(1.0, labels.index)).to_numpy(dtype=float)
    process, by_process = fit_gaussian_process(dense, score, weight, parts, seed)
    by_ridge = np.full(len(score), np.nan)
    for seen, unseen in parts:
        line = Ridge(alpha=ALPHA).fit(terms[seen], score[seen], weight[seen])
        by_ridge[unseen] = line.predict(terms[unseen])
    line = Ridge(alpha=ALPHA).fit(terms, score, weight)
    predicted = np.column_stack([by_process, by_ridge])
    rule = _rule(predicted, score, weight)
    stack = Stack(process, line.coef_, float(line.intercept_), *rule)
    held_out = np.full(len(score), np.nan)
    for seen, unseen in parts:
        held_out[unseen] = _combined(
            predicted[unseen], *_rule(predicted[seen], score[seen], weight[seen])
        )
    return stack, held_out


def _rule(
    predicted: np.ndarray, score: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Weights of two scorers that are not negative, by least squares from their cross-validated
    predictions, shape (n, 2), with the means of these and of the scores; the first scorer alone
    where there are none, as with one label."""
    mean = float(np.average(score, weights=weight))
    if len(score) < 2 or np.isnan(predicted).any():
        return np.array([1.0, 0.0]), np.full(2, mean), mean
    means = np.average(predicted, axis=0, weights=weight)
    root = np.sqrt(weight)
    shares, _ = nnls(root[:, None] * (predicted - means), root * (score - mean))
    return shares, means, mean


def _combined(
    predicted: np.ndarray, shares: np.ndarray, means: np.ndarray, mean: float
) -> np.ndarray:
    return mean + (predicted - means) @ shares
