"""Essays that need adjudication: two scores that differ by more than one step of the scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cyborg_utils.statistics.scales import aligned_scores
from cyborg_utils.statistics.weighting import estimates_table, linearized


def adjudication_rate(
    first: ArrayLike, second: ArrayLike, step: float = 1.0, weights: ArrayLike | None = None
) -> pd.DataFrame:
    """Estimate the proportion of essays whose two scores differ by more than one step.

    Operational programs send such essays to a third rater; the rate is one minus adjacent
    agreement.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Scores on the scale, of two raters or of a rater and a machine.
    step : float
        Between two points of the scale.
    weights : array_like, shape (n,), optional
        Sampling weights.

    Returns
    -------
    pandas.DataFrame
        `statistic` (adjudication), `estimate, se, n`, one row.

    Raises
    ------
    ValueError
        If lengths differ, or a score or weight is missing.
    """
    a, b = aligned_scores(first=first, second=second)
    features = (np.abs(a - b) > step * (1 + 1e-4)).astype(float)[:, None]
    return estimates_table(("adjudication",), linearized(features, lambda m, n: m, weights), a.size)


def proportion_interval(
    proportion: ArrayLike,
    se: ArrayLike,
    n: ArrayLike,
    level: float = 0.95,
    df: ArrayLike = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute Wilson's (1927) interval of a proportion whose error may exceed the binomial one.

    The number of essays is replaced by the effective one, p (1 - p) / se^2 (Dean and Pagano, 2015),
    never more than n; where the proportion is 0 or 1, by n. The interval stays within 0 and 1 and
    has a width there too.

    Parameters
    ----------
    proportion, se : array_like, shape (k,)
    n : array_like, shape (k,)
        Number of essays.
    level : float
    df : array_like, shape (k,)
        Degrees of freedom of the error: the quantile is t's.

    Returns
    -------
    low, high : ndarray, shape (k,)
    """
    p, error, size = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (proportion, se, n)))
    with np.errstate(divide="ignore", invalid="ignore"):
        varied = (error > 0) & (p * (1 - p) > 1e-12)
        effective = np.where(varied, np.minimum(p * (1 - p) / error**2, size), size)
    z2 = stats.t.ppf(0.5 + level / 2, df) ** 2
    center = (p + z2 / (2 * effective)) / (1 + z2 / effective)
    spread = np.sqrt(z2 * (p * (1 - p) / effective + z2 / (4 * effective**2)))
    half_width = spread / (1 + z2 / effective)
    # At 0 and 1 a limit is the proportion itself, but for rounding.
    return np.clip(center - half_width, 0, p), np.clip(center + half_width, p, 1)
