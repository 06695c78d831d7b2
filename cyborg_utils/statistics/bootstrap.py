"""Resampling of count tables: the basis of the intervals in the other modules.

Scores on a scale fall into few cells (human x machine, or human x machine x machine), and every
statistic of agreement is a smooth function of the cells' mean features. Resampling essays is then
a multinomial draw of the cells, and an influence function is a gradient at the mean features.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize

FEW_CLUSTERS = 5
WEBB = np.outer([-1, 1], np.sqrt([0.5, 1.0, 1.5])).ravel()  # weights of a wild bootstrap


class InferenceTo(StrEnum):
    """What an interval generalizes to: essays on the same prompts, or similar prompts."""

    NEW_ESSAYS = "new_essays"
    NEW_PROMPTS = "new_prompts"
    TOO_FEW_PROMPTS = "too_few_prompts"  # fewer than FEW_CLUSTERS: no interval


PAIR_STATISTICS = (
    "qwk",
    "exact",
    "adjacent",
    "smd",
    "sd_ratio",
    "correlation",
    "mean_difference",
)
Statistics = Callable[[np.ndarray, ArrayLike], np.ndarray]  # of mean features and n


def observed_cells(*scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the nonempty cells of the count table.

    Parameters
    ----------
    *scores : ndarray of float, shape (n,)
        Human and machine scores of the same essays.

    Returns
    -------
    cells : ndarray, shape (c, number of vectors)
        The scores that make each cell.
    counts : ndarray of int, shape (c,)
    cell_of_essay : ndarray of int, shape (n,)
    """
    code, levels = np.zeros(scores[0].size, dtype=np.int64), []
    for vector in scores:
        values, position = np.unique(vector, return_inverse=True)
        code = code * values.size + position
        levels.append(values)
    codes, cell_of_essay, counts = np.unique(code, return_inverse=True, return_counts=True)
    positions = np.unravel_index(codes, [values.size for values in levels])
    columns = [values[index] for values, index in zip(levels, positions, strict=True)]
    return np.stack(columns, axis=1), counts, cell_of_essay


def pair_features(human: np.ndarray, machine: np.ndarray, step: float = 1.0) -> np.ndarray:
    """Compute the features whose means determine every pairwise statistic of agreement.

    Parameters
    ----------
    human, machine : ndarray, shape (...)
    step : float
        Between two points of the scale.

    Returns
    -------
    ndarray of float, shape (..., 7)
        H, M, H^2, M^2, HM, M = H, abs(M - H) <= step.
    """
    distance = np.abs(machine - human)
    adjacent = distance <= step * (1 + 1e-4)  # labels are rounded to six decimals
    columns = [human, machine, human**2, machine**2, human * machine, distance == 0, adjacent]
    return np.stack([np.asarray(column, dtype=float) for column in columns], axis=-1)


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> np.ndarray:
    """Divide, with NaN where the denominator is zero (within rounding) or negative.

    Parameters
    ----------
    numerator, denominator : array_like

    Returns
    -------
    ndarray
    """
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    result = np.full(numerator.shape, np.nan, dtype=np.result_type(numerator, denominator, float))
    return np.divide(numerator, denominator, out=result, where=denominator.real > 1e-12)


def pair_statistics(means: np.ndarray, n: ArrayLike) -> np.ndarray:
    """Compute the statistics of agreement from mean features.

    QWK is 2 Cov / (Var H + Var M + (mean M - mean H)^2) with ddof = 0, which equals
    1 - sum(w O) / sum(w E) with w = (i - j)^2 (Fleiss and Cohen, 1973).

    Parameters
    ----------
    means : ndarray, shape (..., 7)
        Means of `pair_features`; complex values are accepted, for complex-step derivatives.
    n : int or ndarray, shape (...)
        Number of essays.

    Returns
    -------
    ndarray, shape (..., 7)
        In the order of `PAIR_STATISTICS`; NaN where undefined.
    """
    h, m, hh, mm, hm, exact, adjacent = np.moveaxis(means, -1, 0)
    var_h, var_m, covariance, gap = hh - h**2, mm - m**2, hm - h * m, m - h
    unbiased = ratio(n, np.asarray(n) - 1.0)
    pooled = unbiased * (var_h + var_m) / 2
    positive_h, positive_m = (np.where(v.real > 1e-12, v, 0) for v in (var_h, var_m))
    return np.stack(
        [
            ratio(2 * covariance, var_h + var_m + gap**2),
            exact,
            adjacent,
            ratio(gap, np.sqrt(np.where(pooled.real > 1e-12, pooled, 0))),
            ratio(np.sqrt(positive_m), np.sqrt(positive_h)),
            ratio(covariance, np.sqrt(positive_h * positive_m)),
            gap,
        ],
        axis=-1,
    )


def influence_functions(
    features: np.ndarray, counts: np.ndarray, statistics: Statistics
) -> np.ndarray:
    """Differentiate statistics of mean features: one influence value per cell and statistic.

    The gradient is taken by the complex step (Squire and Trapp, 1998), exact to rounding.

    Parameters
    ----------
    features : ndarray, shape (c, f)
    counts : ndarray, shape (c,)
        Essays in each cell.
    statistics : callable
        From (mean features, n) to an array of k statistics.

    Returns
    -------
    ndarray, shape (c, k)
        Centered: the mean over essays is zero.
    """
    n = counts.sum()
    means = counts @ features / n
    return (features - means) @ gradients(means, n, statistics)


def gradients(means: np.ndarray, n: ArrayLike, statistics: Statistics) -> np.ndarray:
    """Differentiate statistics with respect to the mean features, by the complex step.

    Parameters
    ----------
    means : ndarray, shape (..., f)
    n : int
        Number of essays.
    statistics : callable
        From (mean features, n) to k statistics on the last axis.

    Returns
    -------
    ndarray, shape (..., f, k)
    """
    step = 1e-30
    moved = means[..., None, :] + 1j * step * np.eye(means.shape[-1])
    return np.imag(statistics(moved, n)) / step


def bootstrap_means(
    features: np.ndarray,
    counts: np.ndarray,
    n_replicates: int,
    rng: np.random.Generator,
    cluster: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Resample essays, or whole clusters of essays, and return each replicate's mean features.

    Parameters
    ----------
    features : ndarray, shape (c, f)
        Features of the cells, or of the essays if `cluster` is given.
    counts : ndarray, shape (c,)
        Essays in each cell.
    n_replicates : int
    rng : numpy.random.Generator
    cluster : ndarray of int, shape (c,), optional
        Cluster of each row, 0 to g - 1.

    Returns
    -------
    means : ndarray, shape (n_replicates, f)
    n : ndarray, shape (n_replicates,)
        Essays in each replicate.
    """
    if cluster is None:
        n = counts.sum()
        drawn = rng.multinomial(n, counts / n, size=n_replicates)
        return drawn @ features / n, np.full(n_replicates, n)
    sizes = np.bincount(cluster, weights=counts)
    sums = np.zeros((sizes.size, features.shape[1]))
    np.add.at(sums, cluster, features * counts[:, None])
    drawn = rng.multinomial(sizes.size, np.full(sizes.size, 1 / sizes.size), size=n_replicates)
    n = drawn @ sizes
    return drawn @ sums / n[:, None], n


def cluster_codes(cluster: ArrayLike, n: int) -> np.ndarray:
    """Number the clusters of essays from 0.

    Parameters
    ----------
    cluster : array_like, shape (n,)
    n : int
        Number of essays.

    Returns
    -------
    ndarray of int, shape (n,)

    Raises
    ------
    ValueError
        If the length differs or a cluster is missing.
    """
    codes, _ = pd.factorize(pd.Series(cluster))
    if codes.size != n or (codes < 0).any():
        raise ValueError(
            f"cluster must name one cluster for each of the {n} essays; got {codes.size}, of "
            f"which {int((codes < 0).sum())} are missing"
        )
    return codes


def percentile_interval(replicates: np.ndarray, level: float) -> np.ndarray:
    """Compute the percentile interval of bootstrap replicates, without undefined ones.

    Parameters
    ----------
    replicates : ndarray, shape (r, ...)
    level : float
        Confidence level, for example 0.95.

    Returns
    -------
    ndarray, shape (2, ...)
        Low and high; NaN where more than one replicate in twenty is undefined.
    """
    tail = 50 * (1 - level)
    undefined = np.isnan(replicates)
    filled = np.where(undefined.mean(axis=0) > 0.05, 0.0, replicates)
    limits = np.nanpercentile(filled, [tail, 100 - tail], axis=0)
    return np.where(undefined.mean(axis=0) > 0.05, np.nan, limits)


def wild_cluster(
    estimate: float,
    influence: np.ndarray,
    cluster: np.ndarray,
    level: float,
    n_replicates: int,
    rng: np.random.Generator,
    null: float = 0.0,
) -> tuple[float, float, float, float]:
    """Test and interval by the wild cluster bootstrap-t of the influence functions.

    The null is imposed on the cluster totals, weights are Rademacher's or, up to twelve clusters,
    Webb's six points, and the interval inverts the test (Cameron, Gelbach and Miller, 2008;
    Webb, 2023; MacKinnon, Nielsen and Webb, 2023).

    Parameters
    ----------
    estimate, null : float
        The statistic, and the value that p tests.
    influence, cluster : ndarray, shape (n,)
        Centered influence value, and number of the cluster, of each essay.
    level, n_replicates, rng
        Of the interval and of the bootstrap.

    Returns
    -------
    se, low, high, p : float
        Cluster-robust standard error; interval and two-sided p, NaN below `FEW_CLUSTERS` and
        where the estimate does not vary with the essays.
    """
    sizes = np.bincount(cluster).astype(float)
    totals = np.bincount(cluster, weights=influence)
    groups, n = sizes.size, sizes.sum()
    if groups < 2:
        return (np.nan,) * 4
    se = np.sqrt(groups / (groups - 1) * (totals**2).sum()) / n
    if groups < FEW_CLUSTERS or not se > 1e-12:
        return se, np.nan, np.nan, np.nan
    weights = rng.choice(WEBB if groups <= 12 else (-1.0, 1.0), size=(n_replicates, groups))

    def squared_t(sums: np.ndarray) -> np.ndarray:
        mean = sums.sum(axis=-1, keepdims=True) / n
        squares = ((sums - sizes * mean) ** 2).sum(axis=-1)
        return mean[..., 0] ** 2 / np.maximum(squares, 1e-300)

    def p_value(value: float) -> float:
        sums = totals + sizes * (estimate - value)
        as_extreme = squared_t(weights * sums) >= squared_t(sums) * (1 - 1e-9)
        return (1 + as_extreme.sum()) / (1 + n_replicates)

    def limit(side: int) -> float:
        distance = 4.0  # in standard errors
        while p_value(estimate + side * distance * se) > 1 - level:
            distance *= 2
            if distance > 1e3:
                return side * np.inf
        far = estimate + side * distance * se
        return optimize.bisect(lambda v: p_value(v) - (1 - level), estimate, far, xtol=se * 1e-4)

    return se, limit(-1), limit(+1), p_value(null)


def infer(
    features: np.ndarray,
    counts: np.ndarray,
    cell: np.ndarray,
    statistics: Statistics,
    n_replicates: int,
    level: float,
    cluster: ArrayLike | None,
    seed: int,
    null: float = 0.0,
) -> pd.DataFrame:
    """Estimate statistics of mean features with error, interval and p, one row per statistic.

    Parameters
    ----------
    features, counts : ndarray, shape (c, f) and (c,)
        Features of the cells, and essays in each.
    cell : ndarray of int, shape (n,)
        Cell of each essay.
    statistics : callable
        From (mean features, n) to k statistics on the last axis.
    cluster : array_like, shape (n,), or None
        Prompts, if inference is to new prompts.
    null : float
        Value that p tests, two-sided.

    Returns
    -------
    pandas.DataFrame
        `estimate, se, se_bootstrap, low, high, p, n, inference_to` (an `InferenceTo`), k rows.
    """
    rng, n = np.random.default_rng(seed), int(counts.sum())
    estimates = statistics(counts @ features / n, n)
    influence = influence_functions(features, counts, statistics)
    if cluster is None:
        means, sizes = bootstrap_means(features, counts, n_replicates, rng)
        replicates = statistics(means, sizes)
        low, high = percentile_interval(replicates, level)
        below = (replicates <= null + 1e-12).sum(axis=0)
        above = (replicates >= null - 1e-12).sum(axis=0)
        p = np.minimum(1.0, 2 * (1 + np.minimum(below, above)) / (1 + n_replicates))
        p = np.where(np.isnan(estimates), np.nan, p)
        se = np.sqrt(counts @ influence**2) / n
        inference_to = InferenceTo.NEW_ESSAYS
    else:
        codes = cluster_codes(cluster, n)
        means, sizes = bootstrap_means(features[cell], np.ones(n), n_replicates, rng, codes)
        replicates = statistics(means, sizes)
        wild = [
            wild_cluster(value, column[cell], codes, level, n_replicates, rng, null)
            for value, column in zip(estimates, influence.T, strict=True)
        ]
        se, low, high, p = np.array(wild).T
        few = codes.max() + 1 < FEW_CLUSTERS
        inference_to = InferenceTo.TOO_FEW_PROMPTS if few else InferenceTo.NEW_PROMPTS
    return pd.DataFrame(
        {"estimate": estimates, "se": se, "se_bootstrap": _sd(replicates), "low": low,
         "high": high, "p": p, "n": n, "inference_to": inference_to}
    )  # fmt: skip


def _sd(replicates: np.ndarray) -> np.ndarray:
    defined = np.where(np.isnan(replicates).any(axis=0), 0.0, replicates)
    return np.where(np.isnan(replicates).any(axis=0), np.nan, defined.std(axis=0, ddof=1))
