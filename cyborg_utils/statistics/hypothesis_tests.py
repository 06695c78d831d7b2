"""Tests of equivalence, sample sizes for them, and adjustment for multiple tests."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats
from statsmodels.stats.multitest import fdrcorrection


def holm(p: ArrayLike) -> np.ndarray:
    """Adjust the p values of a confirmatory family (Holm, 1979).

    Parameters
    ----------
    p : array_like, shape (k,)
        NaN is a test that could not be made; it is excluded and stays NaN.

    Returns
    -------
    ndarray, shape (k,)
    """

    def adjust(values: np.ndarray) -> np.ndarray:
        order = np.argsort(values)
        stepped = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
        adjusted = np.empty_like(stepped)
        adjusted[order] = np.minimum(stepped, 1)
        return adjusted

    return _adjust_defined(p, adjust)


def holm_alphas(p: ArrayLike, alpha: float = 0.05) -> np.ndarray:
    """The error rate at which Holm's procedure tests each hypothesis of a family.

    An interval at 1 - its error rate excludes the null value exactly where the adjusted p is below
    `alpha`; that of the smallest p is Bonferroni's.

    Parameters
    ----------
    p : array_like, shape (k,)
        NaN as in `holm`.
    alpha : float
        Error rate of the family.

    Returns
    -------
    ndarray, shape (k,)
    """
    p = np.asarray(p, dtype=float)
    alphas, made = np.full(p.shape, np.nan), np.flatnonzero(np.isfinite(p))
    ranked = made[np.argsort(p[made], kind="stable")]
    factors = np.arange(len(ranked), 0, -1)
    adjusted = np.maximum.accumulate(p[ranked] * factors)
    at_zero = 1 / factors
    ratios = np.divide(p[ranked], adjusted, where=adjusted > 0, out=at_zero)
    alphas[ranked] = alpha * ratios
    return alphas


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """Adjust the p values of many exploratory tests (Benjamini and Hochberg, 1995).

    Parameters
    ----------
    p : array_like, shape (k,)
        NaN as in `holm`.

    Returns
    -------
    ndarray, shape (k,)
        At most q where the expected proportion of false discoveries is q.
    """
    return _adjust_defined(p, lambda values: fdrcorrection(values)[1])


def _adjust_defined(p: ArrayLike, adjust: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    values = np.asarray(p, dtype=float)
    adjusted, finite = np.full(values.shape, np.nan), np.isfinite(values)
    if finite.any():
        adjusted[finite] = adjust(values[finite])
    return adjusted


class Verdict(StrEnum):
    """Whether an interval lies inside its bounds, beyond one of them, or neither."""

    WITHIN = "within"
    OUTSIDE = "outside"
    INCONCLUSIVE = "inconclusive"


def equivalence_verdict(
    smd: float,
    se: float,
    n: int,
    bound: float = 0.10,
    level: float = 0.90,
    min_essays: int = 30,
    df: float | None = None,
) -> Verdict:
    """Decide whether a group's SMD is within its bounds, outside them, or inconclusive.

    Two one-sided tests (Schuirmann, 1987): `WITHIN` where the 90 % interval lies inside
    (-bound, bound), `OUTSIDE` where it lies entirely beyond a bound, each at 5 % error;
    otherwise `INCONCLUSIVE`. That includes a narrow interval that contains a bound: the
    true SMD is then near the bound, and more essays are needed to decide on which side.

    Parameters
    ----------
    smd, se : float
        Estimate and standard error; NaN gives `INCONCLUSIVE`.
    n : int
        Essays in the group; below `min_essays` the verdict is always `INCONCLUSIVE`, since the
        standard error itself is then unreliable.
    bound : float
        Largest tolerable absolute SMD.
    level : float
        Level of the interval; 0.90 tests each side at 5 %.
    min_essays : int
    df : float, optional
        Degrees of freedom of the standard error; n - 1 if not given.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If the bound is not positive.
    """
    if not bound > 0:
        raise ValueError(f"bound must be positive, got {bound!r}")
    if n < min_essays or not np.isfinite(smd) or not np.isfinite(se):
        return Verdict.INCONCLUSIVE
    low, high = t_interval(smd, se, n if df is None else df + 1, level)
    if -bound < low and high < bound:
        return Verdict.WITHIN
    return Verdict.OUTSIDE if low > bound or high < -bound else Verdict.INCONCLUSIVE


def essays_needed(
    true_smd: float = 0.0,
    bound: float = 0.10,
    error_sd: float = 0.51,
    power: float = 0.80,
    level: float = 0.90,
) -> int:
    """Compute how many essays of a group are needed to certify an SMD within its bounds.

    Parameters
    ----------
    true_smd : float
        The assumed SMD of the group, inside the bounds.
    bound : float
    error_sd : float
        sd(M - H) / d.
    power : float
        Probability of the verdict `WITHIN`.
    level : float
        Level of the interval, 0.90 for tests at 5 %.

    Returns
    -------
    int
        By the normal approximation of the power of two one-sided tests.

    Raises
    ------
    ValueError
        If the true SMD is not inside the bounds.
    """
    if not abs(true_smd) < bound:
        raise ValueError(f"true_smd {true_smd!r} must be inside the bounds +/-{bound!r}")
    z = special.ndtri(0.5 + level / 2)

    def shortfall(n: float) -> float:
        se = error_sd / np.sqrt(n)
        sides = special.ndtr([(bound - true_smd) / se - z, (bound + true_smd) / se - z])
        return sides.sum() - 1 - power

    return int(np.ceil(optimize.brentq(shortfall, 1e-6, 1e9)))


def t_interval(estimate: float, se: float, n: float, level: float) -> tuple[float, float]:
    """Compute the t interval of a mean-like estimate over n essays.

    Parameters
    ----------
    estimate, se : float
    n : float
        Degrees of freedom plus one.
    level : float

    Returns
    -------
    low, high : float
    """
    half_width = stats.t.ppf(0.5 + level / 2, n - 1) * se
    return estimate - half_width, estimate + half_width
