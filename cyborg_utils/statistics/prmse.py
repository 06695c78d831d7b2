"""Agreement with the true score: PRMSE, from two human ratings or a rater variance."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cyborg_utils.statistics.bootstrap import Statistics, influence_functions, ratio
from cyborg_utils.statistics.scales import as_scores
from cyborg_utils.statistics.weighting import as_weights


def prmse(
    ratings: ArrayLike,
    machine: ArrayLike,
    rater_variance: float | None = None,
    weights: ArrayLike | None = None,
) -> float:
    """Compute the proportion of true-score variance that the machine's score explains.

    PRMSE of Haberman (2008) for ratings of unequal number, as in Loukina, Madnani, Cahill, Yao,
    Johnson, Riordan and McCaffrey (2020): with c ratings of an essay, mean rating Hbar and
    variance V, and C = sum c,
    var_e = sum (c - 1) V / sum (c - 1),
    var_T = [sum c (Hbar - mean)^2 - (N - 1) var_e] / (C - sum c^2 / C),
    PRMSE = 1 - ([sum c (Hbar - M)^2 - N var_e] / C) / var_T.

    Parameters
    ----------
    ratings : array_like, shape (n, r)
        One column per rating, missing where an essay does not have it.
    machine : array_like, shape (n,)
    rater_variance : float, optional
        A declared variance of the error of one rating, in squared score points, such as one from
        other essays of the same raters. It replaces var_e: no essay then needs a second rating.
    weights : array_like, shape (n,), optional
        Sampling weights of the essays.

    Returns
    -------
    float
        NaN where no essay has two ratings and no variance is declared, or no true variance is left.
        It is not bounded by 0 and 1 in a sample.

    Raises
    ------
    ValueError
        If lengths differ, an essay has no rating or no machine score, or the declared variance is
        negative.
    """
    features, statistic = _features(ratings, machine), _with_error(rater_variance)
    w = as_weights(weights, len(features))
    return float(statistic(w @ features / len(features), len(features))[0])


def prmse_interval(
    ratings: ArrayLike,
    machine: ArrayLike,
    level: float = 0.95,
    rater_variance: float | None = None,
    weights: ArrayLike | None = None,
) -> pd.Series:
    """Estimate PRMSE with the interval of its influence functions.

    A declared rater variance is taken as known.

    Parameters
    ----------
    ratings : array_like, shape (n, r)
    machine : array_like, shape (n,)
    level : float
    rater_variance, weights
        As in `prmse`.

    Returns
    -------
    pandas.Series
        `prmse, se, low, high, n, n_double` (essays with two or more ratings).

    Raises
    ------
    ValueError
        As `prmse`.
    """
    features, statistic = _features(ratings, machine), _with_error(rater_variance)
    n = len(features)
    w = as_weights(weights, n)
    estimate = float(statistic(w @ features / n, n)[0])
    influence = w * influence_functions(features, w, statistic)[:, 0]
    se = float(np.sqrt((influence**2).sum()) / n)
    half_width = stats.norm.ppf(0.5 + level / 2) * se
    return pd.Series(
        {
            "prmse": estimate,
            "se": se,
            "low": estimate - half_width,
            "high": estimate + half_width,
            "n": n,
            "n_double": int((features[:, 0] > 1).sum()),
        }
    )


def _features(ratings: ArrayLike, machine: ArrayLike) -> np.ndarray:
    table = pd.DataFrame(ratings).to_numpy(dtype=float, na_value=np.nan)
    scores = as_scores(machine, "machine")
    if len(table) != scores.size:
        raise ValueError(f"ratings are of {len(table)} essays, machine scores of {scores.size}")
    rated = np.isfinite(table)
    c = rated.sum(axis=1)
    if (c == 0).any():
        raise ValueError(
            f"{(c == 0).sum()} essays have no human rating (first positions: "
            f"{', '.join(map(str, np.flatnonzero(c == 0)[:3]))}); exclude them"
        )
    center = table[rated].mean()
    table, scores = np.where(rated, table - center, 0.0), scores - center
    mean = table.sum(axis=1) / c
    within = (np.where(rated, table - mean[:, None], 0.0) ** 2).sum(axis=1)
    return np.stack(
        [c, c**2, within, c * mean, c * mean**2, c * (mean - scores) ** 2], axis=1
    ).astype(float)


def _with_error(rater_variance: float | None) -> Statistics:
    """PRMSE as a function of mean features, with the error variance estimated or declared."""
    if rater_variance is not None and not rater_variance >= 0:
        raise ValueError(f"rater_variance must not be negative, got {rater_variance!r}")
    return partial(_prmse, declared=rater_variance)


def _prmse(means: np.ndarray, n: ArrayLike, declared: float | None) -> np.ndarray:
    c, c_squared, within, total, squares, misfit = np.moveaxis(means, -1, 0)
    error = ratio(within, c - 1) if declared is None else declared
    between = squares - total**2 / c
    true = ratio(between - (1 - 1 / n) * error, c - c_squared / (c * n))
    return np.stack([1 - ratio((misfit - error) / c, true)], axis=-1)
