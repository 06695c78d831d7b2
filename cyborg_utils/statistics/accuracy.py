"""Error and association of machine scores: RMSE, R squared, correlation, unweighted kappa."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cyborg_utils.statistics.bootstrap import ratio
from cyborg_utils.statistics.scales import aligned_scores, as_labels, scores_on_scale
from cyborg_utils.statistics.weighting import estimates_table, linearized

ACCURACY_STATISTICS = ("rmse", "r2", "correlation")


def continuous_accuracy(
    human: ArrayLike, machine: ArrayLike, weights: ArrayLike | None = None
) -> pd.DataFrame:
    """Estimate RMSE, R squared and correlation of continuous machine scores.

    RMSE is the root of the mean of (M - H)^2, R squared is 1 - mean (M - H)^2 / Var H (the
    proportion of the variance of H that M predicts as it is, without a regression; RSMTool's `R2`),
    Pearson's r is unaffected by a linear change of M.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        H may be a mean of ratings.
    weights : array_like, shape (n,), optional
        Sampling weights.

    Returns
    -------
    pandas.DataFrame
        `statistic` (rmse, r2, correlation), `estimate, se, n`; NaN where undefined.

    Raises
    ------
    ValueError
        If lengths differ, or a score or weight is missing.
    """
    h, m = aligned_scores(human=human, machine=machine)
    h, m = h - h.mean(), m - h.mean()
    features = np.stack([h, m, h**2, m**2, h * m], axis=1)
    estimated = linearized(features, _continuous, weights)
    return estimates_table(ACCURACY_STATISTICS, estimated, h.size)


def _continuous(means: np.ndarray, n: ArrayLike) -> np.ndarray:
    h, m, hh, mm, hm = np.moveaxis(means, -1, 0)
    squared = hh - 2 * hm + mm
    rmse = np.sqrt(np.where(squared.real > 1e-12, squared, 0))
    r = correlation_of_moments(h, m, hh, mm, hm)
    return np.stack([rmse, 1 - ratio(squared, hh - h**2), r], axis=-1)


def correlation_of_moments(
    a: np.ndarray, b: np.ndarray, aa: np.ndarray, bb: np.ndarray, ab: np.ndarray
) -> np.ndarray:
    """Compute Pearson's correlation from the means of a, b, a^2, b^2 and ab.

    Parameters
    ----------
    a, b, aa, bb, ab : ndarray, shape (...)
        Complex values are accepted.

    Returns
    -------
    ndarray, shape (...)
        NaN where one of them does not vary.
    """
    var_a, var_b = (np.where(v.real > 1e-12, v, 0) for v in (aa - a**2, bb - b**2))
    return ratio(ab - a * b, np.sqrt(var_a * var_b))


def unweighted_kappa(
    human: ArrayLike, machine: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> pd.DataFrame:
    """Estimate Cohen's (1960) kappa, in which every disagreement counts the same.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores on the scale.
    labels : array_like, shape (k,)
        Every score of the scale.
    weights : array_like, shape (n,), optional
        Sampling weights.

    Returns
    -------
    pandas.DataFrame
        `statistic` (kappa), `estimate, se, n`; NaN where both give all essays one score.

    Raises
    ------
    ValueError
        If lengths differ, a score is missing, or a score is not on the scale.
    """
    h, m = scores_on_scale(labels, human=human, machine=machine)
    scale = as_labels(labels).astype(float)
    indicators = [vector[:, None] == scale for vector in (h, m)]
    features = np.column_stack([h == m, *indicators]).astype(float)
    return estimates_table(("kappa",), linearized(features, _kappa, weights), h.size)


def _kappa(means: np.ndarray, n: ArrayLike) -> np.ndarray:
    of_h, of_m = np.split(means[..., 1:], 2, axis=-1)
    by_chance = (of_h * of_m).sum(axis=-1)
    return np.stack([ratio(means[..., 0] - by_chance, 1 - by_chance)], axis=-1)
