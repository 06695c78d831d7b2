"""Standardized mean differences between machine and human scores: SMD of a group, and DSM."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cyborg_utils.statistics.scales import aligned_scores, as_scores

DENOMINATORS = ("pooled", "human", "pooled_population", "human_population")


def standardized_mean_difference(
    human: ArrayLike,
    machine: ArrayLike,
    denominator: str = "pooled",
    population_human: ArrayLike | None = None,
    population_machine: ArrayLike | None = None,
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

    Returns
    -------
    float
        NaN where d is zero or its variance needs more than one essay.

    Raises
    ------
    ValueError
        If the denominator is unknown or its population is absent, lengths differ, or a score
        is missing.
    """
    return smd_with_error(human, machine, denominator, population_human, population_machine)[0]


def smd_with_error(
    human: ArrayLike,
    machine: ArrayLike,
    denominator: str = "pooled",
    population_human: ArrayLike | None = None,
    population_machine: ArrayLike | None = None,
) -> tuple[float, float]:
    """Compute the SMD and its standard error, with M and H paired.

    The error is the influence function's: for D / d with D = mean(M - H), an essay contributes
    (M - H - D) / d - D (v - d^2) / (2 d^3), where v is its squared deviation (averaged over H and
    M if pooled). A whole-sample d is taken as known.

    Parameters
    ----------
    human, machine, denominator, population_human, population_machine
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
    population = {"human": population_human, "machine": population_machine}
    if not denominator.endswith("_population"):
        return _smd(h, m, denominator)
    used = ("human",) if denominator.startswith("human") else ("human", "machine")
    absent = [f"population_{name}" for name in used if population[name] is None]
    if absent:
        raise ValueError(f"denominator {denominator!r} needs {' and '.join(absent)}")
    return _smd(h, m, denominator, *(as_scores(population[name], name) for name in used))


def _smd(
    h: np.ndarray, m: np.ndarray, denominator: str, *population: np.ndarray
) -> tuple[float, float]:
    """The SMD and its error, of checked scores."""
    in_group = not denominator.endswith("_population")
    basis = (h, m) if in_group else population
    vectors = basis[:1] if denominator.startswith("human") else basis
    if min(vector.size for vector in vectors) < 2:
        return np.nan, np.nan
    variance = np.mean([vector.var(ddof=1) for vector in vectors])
    if not variance > 1e-12:
        return np.nan, np.nan
    d, gap = np.sqrt(variance), (m - h).mean()
    if h.size < 2:
        return float(gap / d), np.nan
    influence = (m - h - gap) / d
    if in_group:
        squares = np.mean([(vector - vector.mean()) ** 2 for vector in vectors], axis=0)
        influence = influence - gap * (squares - squares.mean()) / (2 * d**3)
    return float(gap / d), float(influence.std(ddof=1) / np.sqrt(h.size))


def difference_of_standardized_means(
    human: ArrayLike,
    machine: ArrayLike,
    population_human: ArrayLike,
    population_machine: ArrayLike,
) -> float:
    """Compute DSM: the group mean of z(M) - z(H), z over the whole sample.

    Unlike the SMD, it removes a shift or scale that is common to all essays.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores of the group.
    population_human, population_machine : array_like, shape (N,)
        Scores of the whole sample.

    Returns
    -------
    float
        NaN where the whole sample's H or M does not vary.

    Raises
    ------
    ValueError
        If lengths differ or a score is missing.
    """
    h, m = aligned_scores(human=human, machine=machine)
    whole_h, whole_m = aligned_scores(
        population_human=population_human, population_machine=population_machine
    )
    if whole_h.size < 2 or min(np.ptp(whole_h), np.ptp(whole_m)) == 0:
        return np.nan
    z_m = (m.mean() - whole_m.mean()) / whole_m.std(ddof=1)
    return float(z_m - (h.mean() - whole_h.mean()) / whole_h.std(ddof=1))


def dsm_with_error(human: ArrayLike, machine: ArrayLike, member: ArrayLike) -> tuple[float, float]:
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

    Returns
    -------
    dsm, se : float
        NaN where undefined; a group of fewer than two essays has no error.

    Raises
    ------
    ValueError
        If lengths differ or a score is missing.
    """
    h, m = aligned_scores(human=human, machine=machine)
    member = np.asarray(member, dtype=bool)
    if member.shape != h.shape:
        raise ValueError(f"member has {member.size} values for {h.size} essays")
    if h.size < 2 or not member.any() or min(np.ptp(h), np.ptp(m)) == 0:
        return np.nan, np.nan
    if member.all():
        return 0.0, 0.0
    z_h, z_m = ((x - x.mean()) / x.std(ddof=1) for x in (h, m))
    mean_h, mean_m = z_h[member].mean(), z_m[member].mean()
    dsm, error = mean_m - mean_h, z_m - z_h
    if member.sum() < 2:
        return float(dsm), np.nan
    influence = np.where(member, error - dsm, 0) / member.mean() - error
    influence += (mean_h * (z_h**2 - 1) - mean_m * (z_m**2 - 1)) / 2
    return float(dsm), float(influence.std(ddof=1) / np.sqrt(h.size))
