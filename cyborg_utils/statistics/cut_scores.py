"""Classification at cut scores: accuracy against human scores, and consistency of two ratings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cyborg_utils.statistics.bootstrap import ratio
from cyborg_utils.statistics.scales import aligned_scores
from cyborg_utils.statistics.weighting import as_weights, estimates_table, linearized

CUT_STATISTICS = (
    "accuracy", "cut_kappa", "sensitivity", "specificity", "human_rate", "machine_rate",
    "rate_difference",
)  # fmt: skip
CONSISTENCY = ("consistency", "consistency_kappa", "accuracy_loss")


def classification_at_cuts(
    human: ArrayLike,
    machine: ArrayLike,
    cuts: Sequence[float],
    second: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> pd.DataFrame:
    """Estimate how machine scores classify essays at cut scores, next to two human ratings.

    An essay is above a cut where its score is at least the cut. Accuracy is the proportion of
    essays that H and M classify alike, with the human score as the criterion; consistency that of
    two human ratings, which two independent ratings of equal quality would reach (Livingston and
    Lewis, 1995, distinguish the two).

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        In score points.
    cuts : sequence of float
    second : array_like, shape (n,), optional
        A second human score, missing where an essay has none.
    weights : array_like, shape (n,), optional
        Sampling weights.

    Returns
    -------
    pandas.DataFrame
        One row per cut and statistic: `cut, statistic, estimate, se, n`. Statistics: `accuracy`;
        `cut_kappa`, Cohen's kappa of the two classes; `sensitivity` and `specificity`, the
        proportions of the essays above and below the cut by H that M classifies so; `human_rate`,
        `machine_rate` and `rate_difference` (M minus H), the proportions above the cut. With
        second ratings, of the essays that have one: `consistency` and `consistency_kappa` of H and
        H2, and `accuracy_loss`, the consistency minus the accuracy of M on the same essays. NaN
        where undefined.

    Raises
    ------
    ValueError
        If lengths differ, or a human or machine score is missing.
    """
    h, m = aligned_scores(human=human, machine=machine)
    w = as_weights(weights, h.size)
    other = np.full(h.size, np.nan) if second is None else np.asarray(second, dtype=float)
    if other.size != h.size:
        raise ValueError(f"second has {other.size} values for {h.size} essays")
    both, tables = np.isfinite(other), []
    for cut in cuts:
        above = [vector >= cut - 1e-9 for vector in (h, m, other)]
        tables.append(_beside_human(above, w).assign(cut=cut))
        if both.any():
            tables.append(
                _beside_second([vector[both] for vector in above], w[both]).assign(cut=cut)
            )
    columns = ["cut", "statistic", "estimate", "se", "n"]
    return (
        pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    )


def _beside_human(above: list[np.ndarray], w: np.ndarray) -> pd.DataFrame:
    """Whether H and M are above a cut, compared."""
    features = np.stack([*above[:2], above[0] & above[1]], axis=1).astype(float)
    return estimates_table(CUT_STATISTICS, linearized(features, _at_a_cut, w), len(w))


def _beside_second(above: list[np.ndarray], w: np.ndarray) -> pd.DataFrame:
    """Whether H, M and H2 are above a cut, compared."""
    human, machine, second = above
    features = np.stack([human, second, human & second, human == machine], axis=1).astype(float)
    return estimates_table(CONSISTENCY, linearized(features, _consistency, w), len(w))


def _alike(a: np.ndarray, b: np.ndarray, both: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The proportion that two classify alike, and kappa."""
    alike, chance = 1 - a - b + 2 * both, 1 - a - b + 2 * a * b
    return alike, ratio(alike - chance, 1 - chance)


def _at_a_cut(means: np.ndarray, n: ArrayLike) -> np.ndarray:
    h, m, both = np.moveaxis(means, -1, 0)
    accuracy, kappa = _alike(h, m, both)
    specificity = ratio(1 - h - m + both, 1 - h)
    return np.stack([accuracy, kappa, ratio(both, h), specificity, h, m, m - h], axis=-1)


def _consistency(means: np.ndarray, n: ArrayLike) -> np.ndarray:
    h, other, both, accuracy = np.moveaxis(means, -1, 0)
    consistency, kappa = _alike(h, other, both)
    return np.stack([consistency, kappa, consistency - accuracy], axis=-1)
