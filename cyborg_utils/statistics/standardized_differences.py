"""Standardized mean differences between machine and human scores: SMD of a group, and DSM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from cyborg_utils.statistics.scales import aligned_scores, as_scores
from cyborg_utils.statistics.weighting import as_weights

DENOMINATORS = ("pooled", "human", "pooled_population", "human_population")


def standardized_mean_difference(
    human: ArrayLike,
    machine: ArrayLike,
    denominator: str = "pooled",
    population_human: ArrayLike | None = None,
    population_machine: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    population_weights: ArrayLike | None = None,
) -> float:
    """Compute (mean M - mean H) / d for one group of essays.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores of the group.
    denominator : str
        d: `pooled`, sqrt((var H + var M) / 2) in the group; `human`, sd of H in the group;
        `pooled_population`, the pooled one over the whole sample (the method "williamson" of
        RSMTool); `human_population`, sd of H in the whole sample (Williamson, Xi and Breyer, 2012,
        standardize on the distribution of human scores). Variances have ddof = 1.
    population_human, population_machine : array_like, shape (N,), optional
        Scores of the whole sample, for the two denominators that need them.
    weights, population_weights : array_like, shape (n,) and (N,), optional
        Sampling weights of the group's essays, and of the whole sample's; weighted variances have
        the factor n / (n - 1).

    Returns
    -------
    float
        NaN where d is zero or its variance needs more than one essay.

    Raises
    ------
    ValueError
        If the denominator is unknown or its population is absent, lengths differ, or a score or
        weight is missing.
    """
    return smd_with_error(
        human, machine, denominator, population_human, population_machine, weights,
        population_weights,
    )[0]  # fmt: skip


def smd_with_error(
    human: ArrayLike,
    machine: ArrayLike,
    denominator: str = "pooled",
    population_human: ArrayLike | None = None,
    population_machine: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    population_weights: ArrayLike | None = None,
) -> tuple[float, float]:
    """Compute the SMD and its standard error, with M and H paired.

    The error is the influence function's: for D / d with D = mean(M - H), an essay contributes
    (M - H - D) / d - D (v - d^2) / (2 d^3), where v is its squared deviation (averaged over H and
    M if pooled). A whole-sample d is taken as known.

    Parameters
    ----------
    human, machine, denominator, population_human, population_machine, weights, population_weights
        As in `standardized_mean_difference`.

    Returns
    -------
    smd, se : float
        NaN where undefined.

    Raises
    ------
    ValueError
        As `standardized_mean_difference`.
    """
    if denominator not in DENOMINATORS:
        raise ValueError(
            f"denominator must be one of {', '.join(DENOMINATORS)}; got {denominator!r}"
        )
    h, m = aligned_scores(human=human, machine=machine)
    w = as_weights(weights, h.size)
    population = {"human": population_human, "machine": population_machine}
    if not denominator.endswith("_population"):
        return _smd(h, m, denominator, w)
    used = ("human",) if denominator.startswith("human") else ("human", "machine")
    absent = [f"population_{name}" for name in used if population[name] is None]
    if absent:
        raise ValueError(f"denominator {denominator!r} needs {' and '.join(absent)}")
    whole = [as_scores(population[name], name) for name in used]
    return _smd(h, m, denominator, w, whole, as_weights(population_weights, whole[0].size))


def _smd(
    h: np.ndarray,
    m: np.ndarray,
    denominator: str,
    w: np.ndarray,
    population: Sequence[np.ndarray] = (),
    population_w: np.ndarray | None = None,
) -> tuple[float, float]:
    """The SMD and its error, of checked scores and weights of mean 1."""
    in_group = population_w is None
    basis, basis_w = ((h, m), w) if in_group else (population, population_w)
    vectors = basis[:1] if denominator.startswith("human") else basis
    if min(vector.size for vector in vectors) < 2:
        return np.nan, np.nan
    variance = np.mean([_variance(vector, basis_w) for vector in vectors])
    if not variance > 1e-12:
        return np.nan, np.nan
    d, gap = np.sqrt(variance), _mean(m - h, w)
    if h.size < 2:
        return float(gap / d), np.nan
    influence = (m - h - gap) / d
    if in_group:
        squares = np.mean([(vector - _mean(vector, w)) ** 2 for vector in vectors], axis=0)
        influence = influence - gap * (squares - _mean(squares, w)) / (2 * d**3)
    return float(gap / d), float((w * influence).std(ddof=1) / np.sqrt(h.size))


def _mean(values: np.ndarray, w: np.ndarray) -> float:
    return w @ values / w.sum()


def _variance(values: np.ndarray, w: np.ndarray) -> float:
    return w @ (values - _mean(values, w)) ** 2 / w.sum() * values.size / (values.size - 1)


def weighted_sd(values: np.ndarray, weights: ArrayLike | None = None) -> float:
    """Compute a standard deviation with ddof = 1.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Two or more.
    weights : array_like, shape (n,), optional
        Sampling weights; the weighted variance has the factor n / (n - 1).

    Returns
    -------
    float
    """
    if weights is None:
        return float(values.std(ddof=1))
    return float(np.sqrt(_variance(values, as_weights(weights, values.size))))


def difference_of_standardized_means(
    human: ArrayLike,
    machine: ArrayLike,
    population_human: ArrayLike,
    population_machine: ArrayLike,
    weights: ArrayLike | None = None,
    population_weights: ArrayLike | None = None,
) -> float:
    """Compute DSM: the group mean of z(M) - z(H), z over the whole sample.

    Unlike the SMD, it removes a shift or scale that is common to all essays.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores of the group.
    population_human, population_machine : array_like, shape (N,)
        Scores of the whole sample.
    weights, population_weights : array_like, shape (n,) and (N,), optional
        Sampling weights of the group's essays, and of the whole sample's.

    Returns
    -------
    float
        NaN where the whole sample's H or M does not vary.

    Raises
    ------
    ValueError
        If lengths differ, or a score or weight is missing.
    """
    h, m = aligned_scores(human=human, machine=machine)
    whole_h, whole_m = aligned_scores(
        population_human=population_human, population_machine=population_machine
    )
    if whole_h.size < 2 or min(np.ptp(whole_h), np.ptp(whole_m)) == 0:
        return np.nan
    w, whole_w = as_weights(weights, h.size), as_weights(population_weights, whole_h.size)
    z_h, z_m = (
        (_mean(x, w) - _mean(whole, whole_w)) / np.sqrt(_variance(whole, whole_w))
        for x, whole in ((h, whole_h), (m, whole_m))
    )
    return float(z_m - z_h)


def dsm_with_error(
    human: ArrayLike, machine: ArrayLike, member: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, float]:
    """Compute DSM and its standard error, with M and H paired.

    DSM is the group measure of RSMTool since its version 7 (its evaluation documentation, "DSM",
    where 0.10 is flagged), of continuous scores. The error is the influence function's, with the
    whole sample's means and standard deviations estimated: for a group with the share s of the
    essays and e = z(M) - z(H), an essay contributes (e - DSM) / s if it is a member, minus e, minus
    the group's mean z(M) times (z(M)^2 - 1) / 2, plus the same for H.

    Parameters
    ----------
    human, machine : array_like, shape (N,)
        Scores of the whole sample.
    member : array_like of bool, shape (N,)
        Whether an essay is in the group.
    weights : array_like, shape (N,), optional
        Sampling weights.

    Returns
    -------
    dsm, se : float
        NaN where undefined; a group of fewer than two essays has no error.

    Raises
    ------
    ValueError
        If lengths differ, or a score or weight is missing.
    """
    dsm, influence = dsm_influence(human, machine, member, weights)
    if np.isnan(influence).any():
        return dsm, np.nan
    return dsm, float(influence.std(ddof=1) / np.sqrt(influence.size))


def dsm_influence(
    human: ArrayLike, machine: ArrayLike, member: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, np.ndarray]:
    """Compute DSM and what each essay contributes to it, as in `dsm_with_error`.

    The difference of two machines' contributions gives the error of a paired difference in DSM.

    Parameters
    ----------
    human, machine, member, weights
        As in `dsm_with_error`.

    Returns
    -------
    dsm : float
    influence : ndarray, shape (N,)
        Zero for a group of all essays; NaN where DSM is undefined or the group has one essay.

    Raises
    ------
    ValueError
        As `dsm_with_error`.
    """
    h, m = aligned_scores(human=human, machine=machine)
    w = as_weights(weights, h.size)
    member = np.asarray(member, dtype=bool)
    if member.shape != h.shape:
        raise ValueError(f"member has {member.size} values for {h.size} essays")
    undefined = np.full(h.size, np.nan)
    if h.size < 2 or not member.any() or min(np.ptp(h), np.ptp(m)) == 0:
        return np.nan, undefined
    if member.all():
        return 0.0, np.zeros(h.size)
    z_h, z_m = ((x - _mean(x, w)) / np.sqrt(_variance(x, w)) for x in (h, m))
    share = w[member].sum() / w.sum()
    if not share > 0:
        return np.nan, undefined
    mean_h, mean_m = (_mean(z[member], w[member]) for z in (z_h, z_m))
    dsm, error = mean_m - mean_h, z_m - z_h
    if member.sum() < 2:
        return float(dsm), undefined
    influence = np.where(member, error - dsm, 0) / share - error
    influence += (mean_h * (z_h**2 - 1) - mean_m * (z_m**2 - 1)) / 2
    return float(dsm), w * influence
