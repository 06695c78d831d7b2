"""Sampling weights: inverse probabilities, their design effect, and estimates with them.

Essays that are drawn with unequal probabilities represent unequal numbers of others. A weighted
estimate describes the population that they were drawn from; its error is larger by the design
effect.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cyborg_utils.statistics.bootstrap import InferenceTo, Statistics, influence_functions
from cyborg_utils.statistics.scales import as_scores


def inverse_probability_weights(probability: ArrayLike) -> np.ndarray:
    """Compute sampling weights from the probabilities of being drawn (Horvitz and Thompson, 1952).

    Parameters
    ----------
    probability : array_like, shape (n,)
        Of each essay, above 0 and at most 1.

    Returns
    -------
    ndarray, shape (n,)
        1 / probability, scaled to a mean of 1.

    Raises
    ------
    ValueError
        If a probability is missing, or not above 0 and at most 1.
    """
    values = as_scores(probability, "probability")
    if ((values <= 0) | (values > 1)).any():
        raise ValueError("a probability of being drawn must be above 0 and at most 1")
    return as_weights(1 / values, values.size)


def design_effect(weights: ArrayLike) -> float:
    """Compute by how much unequal weights raise the variance of a mean (Kish, 1965).

    Parameters
    ----------
    weights : array_like, shape (n,)

    Returns
    -------
    float
        n sum(w^2) / (sum w)^2, at least 1. The effective number of essays is n over this.

    Raises
    ------
    ValueError
        If a weight is missing or negative, or all are zero.
    """
    values = as_weights(weights, np.size(weights))
    return float((values**2).mean())


def effective_n(weights: ArrayLike) -> float:
    """Compute the number of equally weighted essays with the same variance of a mean.

    Parameters
    ----------
    weights : array_like, shape (n,)

    Returns
    -------
    float
        (sum w)^2 / sum(w^2), at most n (Kish, 1965).

    Raises
    ------
    ValueError
        As `design_effect`.
    """
    return np.size(weights) / design_effect(weights)


def as_weights(weights: ArrayLike | None, n: int) -> np.ndarray:
    """Check sampling weights and scale them to a mean of 1.

    Parameters
    ----------
    weights : array_like, shape (n,), or None
        None: every essay counts once.
    n : int
        Number of essays.

    Returns
    -------
    ndarray of float, shape (n,)

    Raises
    ------
    ValueError
        If the length differs, a weight is missing or negative, or all are zero.
    """
    if weights is None:
        return np.ones(n)
    values = as_scores(weights, "weights")
    if values.size != n:
        raise ValueError(f"weights has {values.size} values for {n} essays")
    if (values < 0).any() or not values.any():
        raise ValueError("weights must not be negative, nor all be zero")
    return values / values.mean()


def linearized(
    features: np.ndarray, statistics: Statistics, weights: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate statistics of mean features with their errors, by Taylor linearization.

    The error is that of the weighted mean of the influence functions, with the factor n / (n - 1)
    (Lumley, 2010, section 2.2, for a design without strata); without weights, of a mean it is the
    usual one.

    Parameters
    ----------
    features : ndarray, shape (n, f)
        One row per essay.
    statistics : callable
        From (mean features, n) to k statistics on the last axis; it must accept complex values.
    weights : array_like, shape (n,), optional

    Returns
    -------
    estimates, errors : ndarray, shape (k,)
        Errors are NaN for a single essay.

    Raises
    ------
    ValueError
        As `as_weights`.
    """
    n = len(features)
    w = as_weights(weights, n)
    influence = w[:, None] * influence_functions(features, w, statistics)
    estimates = np.asarray(statistics(w @ features / n, n), dtype=float)
    if n < 2:
        return estimates, np.full(estimates.shape, np.nan)
    return estimates, np.sqrt((influence**2).sum(axis=0) / (n * (n - 1)))


def linearized_inference(
    features: np.ndarray, statistics: Statistics, weights: ArrayLike, level: float, null: float
) -> pd.DataFrame:
    """Estimate statistics of mean features with t intervals and p, for new essays.

    Parameters
    ----------
    features, statistics, weights
        As in `linearized`.
    level : float
        Of the interval, whose degrees of freedom are the effective number of essays minus 1.
    null : float
        Value that p tests, two-sided.

    Returns
    -------
    pandas.DataFrame
        The columns of `cyborg_utils.statistics.bootstrap.infer`; `se_bootstrap` is NaN.

    Raises
    ------
    ValueError
        As `as_weights`.
    """
    estimates, se = linearized(features, statistics, weights)
    df = max(effective_n(weights) - 1, 1)
    half_width = stats.t.ppf(0.5 + level / 2, df) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.t.sf(np.abs(estimates - null) / se, df)
    return pd.DataFrame(
        {"estimate": estimates, "se": se, "se_bootstrap": np.nan, "low": estimates - half_width,
         "high": estimates + half_width, "p": p, "n": len(features),
         "inference_to": InferenceTo.NEW_ESSAYS}
    )  # fmt: skip


def estimates_table(
    names: tuple[str, ...], estimated: tuple[np.ndarray, np.ndarray], n: int
) -> pd.DataFrame:
    """Tabulate what `linearized` returns.

    Parameters
    ----------
    names : tuple of str, length k
    estimated : tuple of ndarray, shape (k,)
    n : int
        Number of essays.

    Returns
    -------
    pandas.DataFrame
        `statistic, estimate, se, n`, k rows.
    """
    estimates, errors = estimated
    return pd.DataFrame({"statistic": names, "estimate": estimates, "se": errors, "n": n})
