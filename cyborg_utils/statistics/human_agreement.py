"""Human-machine agreement compared with the agreement of two human raters on the same essays."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cyborg_utils.statistics.accuracy import correlation_of_moments
from cyborg_utils.statistics.agreement import compare_machines
from cyborg_utils.statistics.hypothesis_tests import Verdict
from cyborg_utils.statistics.scales import aligned_scores, scores_on_scale
from cyborg_utils.statistics.weighting import linearized

# Largest tolerable degradation of each statistic.
LIMITS = {"qwk": 0.10, "correlation": 0.10, "exact": 0.05125}


def human_human_comparison(
    first: ArrayLike,
    second: ArrayLike,
    machine: ArrayLike,
    labels: ArrayLike,
    n_replicates: int = 10_000,
    level: float = 0.95,
    cluster: ArrayLike | None = None,
    seed: int = 0,
    continuous: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare human-machine with human-human agreement on the same essays.

    The evaluation criteria: QWK and correlation at most 0.10 below human-human (Williamson, Xi and
    Breyer, 2012), exact agreement at most 5.125 percentage points below (Wang and von Davier,
    2014).

    Parameters
    ----------
    first, second, machine : array_like, shape (n,)
        Scores on the scale; only essays with both ratings.
    labels : array_like, shape (k,)
        Every score of the scale.
    n_replicates, level, cluster, seed
        As in `cyborg_utils.statistics.agreement.compare_machines`.
    continuous : array_like, shape (n,), optional
        The machine's continuous scores, of which the correlation is; its interval is then that of
        the influence functions, over essays. By default `machine`.
    weights : array_like, shape (n,), optional
        Sampling weights.

    Returns
    -------
    pandas.DataFrame
        Index `statistic` (qwk, correlation, exact); columns `human_human, machine_human,
        degradation` (the first minus the second), `se, low, high, limit, verdict` (WITHIN or
        OUTSIDE where the whole interval is on that side of the limit, otherwise INCONCLUSIVE), `n`.

    Raises
    ------
    ValueError
        As `compare_machines`.
    """
    h, other, m = scores_on_scale(labels, first=first, second=second, machine=machine)
    rows = []
    for statistic, limit in LIMITS.items():
        if statistic == "correlation" and continuous is not None:
            compared = _compare_correlations(h, other, continuous, level, weights)
        else:
            options = n_replicates, level, cluster, seed, weights
            compared = compare_machines(h, other, m, labels, statistic, 0.0, *options)
        row = {"statistic": statistic, "human_human": compared["a"],
               "machine_human": compared["b"], "degradation": compared["difference"],
               **compared[["se", "low", "high"]], "limit": limit}  # fmt: skip
        rows.append(row | {"verdict": _verdict(row), "n": h.size})
    return pd.DataFrame(rows).set_index("statistic")


def _verdict(row: dict) -> Verdict:
    if row["high"] <= row["limit"]:
        return Verdict.WITHIN
    return Verdict.OUTSIDE if row["low"] > row["limit"] else Verdict.INCONCLUSIVE


def _compare_correlations(
    human: np.ndarray,
    second: np.ndarray,
    machine: ArrayLike,
    level: float,
    weights: ArrayLike | None,
) -> pd.Series:
    """The correlation of two ratings, that of H and M, and their difference."""
    h, a, b = (x - x.mean() for x in aligned_scores(human=human, second=second, machine=machine))
    features = np.stack([h, a, b, h * h, a * a, b * b, h * a, h * b], axis=1)
    (first, other, difference), errors = linearized(features, _correlations, weights)
    half_width = stats.norm.ppf(0.5 + level / 2) * errors[2]
    return pd.Series(
        {"a": first, "b": other, "difference": difference, "se": errors[2],
         "low": difference - half_width, "high": difference + half_width}
    )  # fmt: skip


def _correlations(means: np.ndarray, n: ArrayLike) -> np.ndarray:
    h, a, b, hh, aa, bb, ha, hb = np.moveaxis(means, -1, 0)
    first = correlation_of_moments(h, a, hh, aa, ha)
    other = correlation_of_moments(h, b, hh, bb, hb)
    return np.stack([first, other, first - other], axis=-1)
