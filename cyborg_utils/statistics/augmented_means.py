"""Statistics of mean features where few essays are scored by people and all by machines.

The mean feature of the human-scored essays is moved by what predictions say of the others
(augmented inverse probability weighting), with the weight that makes the variance smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.statistics.adjudication import proportion_interval
from cyborg_utils.statistics.bootstrap import Statistics, gradients, ratio


class EssayPopulation(StrEnum):
    """What an estimate speaks of: the essays of the file, or essays like them."""

    THESE_ESSAYS = "these_essays"
    NEW_ESSAYS = "new_essays"


class FeatureMeans(NamedTuple):
    """Statistics of mean features, and the features of essays.

    Attributes
    ----------
    names : tuple of k str
        Of the statistics; `qwk`, `exact`, `adjacent` and `share_...` get intervals of their own.
    statistics : callable
        From (mean features, n) to k statistics on the last axis; it must accept complex values.
    observed : ndarray, shape (n, f)
        Features of the human-scored essays.
    predicted : ndarray, shape (n, f)
        Their predictions, by models that were fitted without the essay.
    everyone : ndarray, shape (f,)
        Mean prediction over all essays.
    """

    names: tuple[str, ...]
    statistics: Statistics
    observed: np.ndarray
    predicted: np.ndarray
    everyone: np.ndarray


class Design(NamedTuple):
    """How the human-scored essays were drawn.

    Attributes
    ----------
    weights : ndarray, shape (n,)
        Sampling weights, of any scale.
    probability : ndarray, shape (n,), or float
        Of being drawn.
    n_all : int
        Number of all essays.
    """

    weights: np.ndarray
    probability: np.ndarray | float
    n_all: int


def augmented_estimates(
    means: FeatureMeans, design: Design, population: EssayPopulation, level: float
) -> pd.DataFrame:
    """Estimate statistics with predictions and, beside it, from the human-scored essays alone.

    With the weighted means mu_H of the observed and mu_P of the predicted features, and mu_all of
    the predictions of all essays, the estimate is g(mu_H + w (mu_all - mu_P)). For the influence u
    of an essay's observed features on a statistic and f of its predicted ones, the variance is that
    of u - w f, smallest at w = sum(v u f) / sum(v f^2) with v = (1 - p) / p^2; w is kept within 0
    and 1 (power tuning; Angelopoulos, Duchi and Zrnic, 2023), and is 0 where it saves next to
    nothing.

    Parameters
    ----------
    means : FeatureMeans
        Of two human-scored essays or more.
    design : Design
    population : EssayPopulation
    level : float
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row per statistic: `statistic, estimate, se, low, high, df, classical, classical_se,
        classical_low, classical_high, prediction_weight`, and `variance_ratio`, classical over
        augmented, to essays like these. NaN where undefined.
    """
    n, features = len(means.observed), (means.observed, means.predicted)
    w = design.weights / design.weights.sum()
    start = w @ means.observed
    human, machine = _influences(features, w, gradients(start, n, means.statistics))
    weight = _power_weight(human, machine, (1 - design.probability) * w**2)
    moved = start + weight[:, None] * (means.everyone - w @ means.predicted)  # a row per statistic
    slopes = np.diagonal(gradients(moved, n, means.statistics), axis1=0, axis2=2)
    at_moved, machine = _influences(features, w, slopes)
    residual = at_moved - weight * machine
    to_new = [
        _error(part, at_moved, w, design, EssayPopulation.NEW_ESSAYS, n - 1)[0]
        for part in (at_moved, residual)
    ]
    augmented = _error(residual, at_moved, w, design, population, n - 2)
    alone = _error(human, human, w, design, population, n - 1)
    parts = {
        ("estimate", "se", "low", "high", "df"): (
            np.diagonal(means.statistics(moved, n)), augmented,
        ),
        ("classical", "classical_se", "classical_low", "classical_high"): (
            np.asarray(means.statistics(start, n)), alone,
        ),
    }  # fmt: skip
    table = {"statistic": means.names, "prediction_weight": weight}
    for names, (estimates, (se, df)) in parts.items():
        limits = _interval(means.names, estimates, se, df, (n, design.n_all), level)
        table |= dict(zip(names, (estimates, se, *limits, df), strict=False))
    return pd.DataFrame(table | {"variance_ratio": ratio(*np.square(to_new))})


def _influences(
    features: tuple[np.ndarray, ...], w: np.ndarray, slopes: np.ndarray
) -> list[np.ndarray]:
    return [(x - w @ x) @ slopes for x in features]


def _power_weight(human: np.ndarray, machine: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The best weight; 0 where the variance that it saves is less than 2 / n of it (AIC)."""
    covariance = v @ (human * machine)
    with np.errstate(divide="ignore", invalid="ignore"):
        best = covariance / (v @ machine**2)
        saved = best * covariance / (v @ human**2)
    return np.where(saved > 2 / len(human), np.clip(best, 0.0, 1.0), 0.0)


def _error(
    residual: np.ndarray,
    influence: np.ndarray,
    w: np.ndarray,
    design: Design,
    population: EssayPopulation,
    most: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Standard errors, and their degrees of freedom.

    The variance over draws of the human-scored essays, sum of (1 - p) w^2 residual^2 (Sarndal,
    Swensson and Wretman, 1992), and that over essays like these. The degrees of freedom are 2 over
    the squared coefficient of variation of its n terms: n of normal ones with equal weights, fewer
    of unequal or heavy-tailed ones (Satterthwaite, 1946); `most` at most.
    """
    n = len(w)
    terms = ((1 - design.probability) * w**2 * residual.T**2).T
    if population == EssayPopulation.NEW_ESSAYS:
        terms = terms + w[:, None] * influence**2 / design.n_all
    total = terms.sum(axis=0)
    spread = ((terms - total / n) ** 2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.fmin(most, 2 * total**2 / spread)
    return np.sqrt(total * n / max(most, 1)), np.where(most > 0, df, np.nan)


def _interval(
    names: Sequence[str],
    estimates: np.ndarray,
    se: np.ndarray,
    df: np.ndarray,
    sizes: tuple[int, int],
    level: float,
) -> tuple[np.ndarray, np.ndarray]:
    """t intervals; of kappa on Fisher's z; of proportions Wilson's, by the effective number."""
    half_width = stats.t.ppf(0.5 + level / 2, df) * se
    low, high = estimates - half_width, estimates + half_width
    kappa = np.array([name == "qwk" for name in names]) & (np.abs(estimates) < 1 - 1e-9)
    z, z_width = np.arctanh(estimates[kappa]), half_width[kappa] / (1 - estimates[kappa] ** 2)
    low[kappa], high[kappa] = np.tanh(z - z_width), np.tanh(z + z_width)
    share = np.array([name in ("exact", "adjacent") or "share_" in name for name in names])
    p = np.clip(estimates[share], 0, 1)
    varied = (se[share] > 1e-9) & (p * (1 - p) > 1e-9)
    size = np.where(varied, sizes[1], sizes[0])
    low[share], high[share] = proportion_interval(p, se[share], size, level, sizes[0] - 1)
    return low, high
