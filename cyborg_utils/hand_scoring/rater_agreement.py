"""Raters of the same essays: their agreement, their severity, and essays to be adjudicated."""

from __future__ import annotations

import warnings
import zlib

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cyborg_utils.statistics.agreement import estimate_agreement

LEAST = 10  # essays of two raters whose agreement is a row of its own
CLOSE = 1 + 1e-4  # of a step, so that thirds of a point are no discrepancy


class NotEstimated(ValueError):
    """A statistic cannot be estimated from these ratings; the message says why."""


def paired_ratings(ratings: pd.DataFrame) -> pd.DataFrame:
    """The two ratings of every essay that has two.

    Which of them is called the first follows from the essay's id, so that no rater is always the
    first.

    Parameters
    ----------
    ratings : DataFrame
        One row per rating: `essay_id, rater, score`.

    Returns
    -------
    DataFrame
        Index `essay_id`; `rater, score, rater_2, score_2`.
    """
    both = ratings[ratings["essay_id"].duplicated(keep=False)].sort_values(["essay_id", "rater"])
    both = both[["essay_id", "rater", "score"]].set_index("essay_id")
    odd = np.array([zlib.crc32(id.encode()) % 2 for id in both.index], dtype=bool)
    later = both.index.duplicated()
    return both[odd == later].join(both[odd != later].add_suffix("_2"))


def agreement_of_raters(pairs: pd.DataFrame, labels: ArrayLike) -> pd.DataFrame:
    """Estimate the agreement of the two ratings of essays, of all and of each pair of raters.

    Parameters
    ----------
    pairs : DataFrame, as `paired_ratings` returns it; at least two essays.
    labels : array_like, shape (k,)
        Every score of the scale.

    Returns
    -------
    DataFrame
        One row for all, and one for each pair of raters with at least 10 essays where there are
        several pairs: `raters, n, qwk, qwk_se, exact, adjacent`.
    """
    names = pairs[["rater", "rater_2"]].apply(lambda row: " and ".join(sorted(row)), axis=1)
    parts = {"all": pairs}
    if names.nunique() > 1:
        parts |= {name: part for name, part in pairs.groupby(names) if len(part) >= LEAST}
    rows = []
    for name, part in parts.items():
        table = estimate_agreement(part["score"], part["score_2"], labels)
        estimates = table["estimate"]
        rows.append({
            "raters": name, "n": len(part), "qwk": estimates["qwk"],
            "qwk_se": table.loc["qwk", "se"], "exact": estimates["exact"],
            "adjacent": estimates["adjacent"],
        })  # fmt: skip
    return pd.DataFrame(rows)


def severity(ratings: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Estimate how much lower than the mean rater each rater scores the same essays.

    A linear mixed model with raters as fixed effects that sum to zero and essays as random effects
    (Searle, Casella and McCulloch, 1992), by restricted maximum likelihood, of the essays with
    several ratings: raters may have scored others that differ in quality. Raters who are not linked
    to the others through shared essays are left out.

    Parameters
    ----------
    ratings : DataFrame
        One row per rating: `essay_id, rater, score`.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        One row per rater: `rater, n` (ratings of these essays), `severity` (in score points,
        positive where scores are lower), `se, low, high`.

    Raises
    ------
    NotEstimated
        No two raters share essays, or the model has no solution.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM

    linked = _linked(ratings)
    rater, names = pd.factorize(linked["rater"], sort=True)
    k = len(names)
    effects = np.vstack([np.eye(k - 1), -np.ones(k - 1)])
    design = np.column_stack([np.ones(len(linked)), effects[rater]])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = MixedLM(linked["score"].to_numpy(), design, linked["essay_id"].to_numpy()).fit()
        covariance = np.asarray(fit.cov_params())[:k, :k][1:, 1:]
        estimate = -effects @ np.asarray(fit.fe_params)[1:]
    except (np.linalg.LinAlgError, ValueError):
        raise NotEstimated("the mixed model has no solution for these ratings") from None
    error = np.sqrt(np.diag(effects @ covariance @ effects.T))
    if not fit.converged or not np.isfinite(error).all():
        raise NotEstimated("the mixed model does not converge on these ratings")
    half = stats.norm.ppf(0.5 + level / 2) * error
    return pd.DataFrame({
        "rater": names, "n": np.bincount(rater), "severity": estimate, "se": error,
        "low": estimate - half, "high": estimate + half,
    })  # fmt: skip


def _linked(ratings: pd.DataFrame) -> pd.DataFrame:
    """The ratings of the largest set of raters who are linked through shared essays."""
    ratings = ratings[ratings["essay_id"].duplicated(keep=False)]
    essay, essays = pd.factorize(ratings["essay_id"])
    rater, names = pd.factorize(ratings["rater"])
    size = len(essays) + len(names)
    links = coo_array((np.ones(len(ratings)), (essay, len(essays) + rater)), shape=(size, size))
    part = connected_components(links, directed=False)[1][len(essays) :]
    linked = np.bincount(part).argmax() if len(part) else 0
    if (part == linked).sum() < 2:
        raise NotEstimated("no two raters share essays (cyborg draw --double 0.2 makes them)")
    return ratings[(part == linked)[rater]]


def discrepancies(pairs: pd.DataFrame, step: float) -> pd.DataFrame:
    """The essays whose two scores differ by more than one step of the scale.

    Parameters
    ----------
    pairs : DataFrame, as `paired_ratings` returns it.
    step : float
        Between two points of the scale.
    """
    return pairs[(pairs["score"] - pairs["score_2"]).abs() > step * CLOSE]
