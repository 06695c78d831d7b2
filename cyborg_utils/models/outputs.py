"""Scores from a model's outputs, and training targets from labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cyborg_utils.corpus.columns import column, probability_columns
from cyborg_utils.statistics.agreement import quadratic_weighted_kappa


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities from logits, shape (n, k)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def continuation_probabilities(logits: np.ndarray) -> np.ndarray:
    """Probabilities of k scores, shape (n, k), from the k - 1 logits of an ordinal head, shape
    (n, k - 1): each is that of a higher score given that the score is no lower (continuation-ratio
    model; the conditional probabilities of CORN, Shi, Cao and Raschka, 2023)."""
    higher = 1 / (1 + np.exp(-logits.astype(float)))
    ends = np.ones((len(logits), 1))
    reached = np.cumprod(np.hstack([ends, higher]), axis=1)
    return reached * np.hstack([1 - higher, ends])


def scores_from_probabilities(probabilities: np.ndarray, points: np.ndarray) -> pd.DataFrame:
    """`score` is the most probable point, the lower one at a tie; `continuous` is the expected
    score."""
    frame = pd.DataFrame(probabilities.astype(float), columns=probability_columns(points))
    frame.insert(0, "continuous", probabilities @ points)
    frame.insert(1, "score", points[probabilities.argmax(axis=1)])
    return frame


def target_probabilities(train: pd.DataFrame, labels: list[float]) -> np.ndarray:
    """Target probabilities of a classifier, shape (n, k): `p_<label>` where `train` has them.

    Otherwise a score on the scale has probability 1, and one between two points is divided between
    them so that it is the expected score.
    """
    columns = probability_columns(labels)
    if set(columns) <= set(train):
        return train[columns].to_numpy(dtype=float)
    points = np.asarray(labels, dtype=float)
    score = np.clip(train["score"].to_numpy(dtype=float), points[0], points[-1])
    above = np.clip(np.searchsorted(points, score), 1, len(points) - 1)
    share = (score - points[above - 1]) / (points[above] - points[above - 1])
    target, rows = np.zeros((len(score), len(points))), np.arange(len(score))
    target[rows, above - 1], target[rows, above] = 1 - share, share
    return target


def mean_kappa(
    human: pd.DataFrame, scored: pd.DataFrame, labels: list[float], traits: Sequence[str]
) -> float:
    """Mean over the traits of QWK between two frames with `score` and `score:<trait>`; an undefined
    QWK counts as 0."""
    names = [column("score", trait) for trait in traits]
    kappas = [quadratic_weighted_kappa(human[n], scored[n], labels) for n in names]
    return float(np.mean(np.nan_to_num(kappas)))
