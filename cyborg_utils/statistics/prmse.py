"""Agreement with the true score: PRMSE, which needs two human ratings of some essays."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cyborg_utils.statistics.bootstrap import influence_functions, ratio
from cyborg_utils.statistics.scales import as_scores


def prmse(ratings: ArrayLike, machine: ArrayLike) -> float:
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

    Returns
    -------
    float
        NaN where no essay has two ratings or no true variance is left. It is not bounded by 0 and
        1 in a sample.

    Raises
    ------
    ValueError
        If lengths differ, an essay has no rating or no machine score.
    """
    features = _features(ratings, machine)
    return float(_prmse(features.mean(axis=0), len(features))[0])


def prmse_interval(ratings: ArrayLike, machine: ArrayLike, level: float = 0.95) -> pd.Series:
    """Estimate PRMSE with the interval of its influence functions.

    Parameters
    ----------
    ratings : array_like, shape (n, r)
    machine : array_like, shape (n,)
    level : float

    Returns
    -------
    pandas.Series
        `prmse, se, low, high, n, n_double` (essays with two or more ratings).

    Raises
    ------
    ValueError
        As `prmse`.
    """
    features = _features(ratings, machine)
    n = len(features)
    estimate = float(_prmse(features.mean(axis=0), n)[0])
    influence = influence_functions(features, np.ones(n), _prmse)[:, 0]
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


def _prmse(means: np.ndarray, n: ArrayLike) -> np.ndarray:
    c, c_squared, within, total, squares, misfit = np.moveaxis(means, -1, 0)
    error = ratio(within, c - 1)
    between = squares - total**2 / c
    true = ratio(between - (1 - 1 / n) * error, c - c_squared / (c * n))
    return np.stack([1 - ratio((misfit - error) / c, true)], axis=-1)
