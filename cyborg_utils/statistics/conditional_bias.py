"""Conditional bias: differences between groups' machine scores conditional on the human score.

The human score H measures the true score T with error. At equal H a group with a lower mean has
the lower expected T, so that a perfectly fair machine, which follows T, seems to score it too
severely. The coefficient is therefore corrected for the error of H: by a second human rating where
there is one, which decides alone; otherwise for a declared band of reliabilities.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.tools import add_constant
from statsmodels.tools.sm_exceptions import SingularMatrixWarning

from cyborg_utils.statistics.groups import MISSING, is_missing
from cyborg_utils.statistics.hypothesis_tests import holm
from cyborg_utils.statistics.scales import aligned_scores

# Reliability of one human rating of one essay, where no second rating shows it: an assumption that
# a study should replace by what its own raters reach.
RELIABILITY_BAND = (0.60, 0.80)


class Correction(StrEnum):
    """How a coefficient is corrected for the error of the human score."""

    NONE = "none"
    RELIABILITY = "reliability"
    SECOND_RATING = "second_rating"


class ConditionalVerdict(StrEnum):
    """How a group is scored at equal true score."""

    WITHIN = "within"
    TOO_LOW = "too_low"
    TOO_HIGH = "too_high"
    INCONCLUSIVE = "inconclusive"
    DEPENDS = "depends_on_reliability"
    NOT_ESTIMABLE = "not_estimable"


class ConditionalBias(NamedTuple):
    """Result of `conditional_bias`."""

    osa: float
    osd: float
    csd: float
    coefficients: pd.DataFrame
    min_essays: int

    @property
    def verdicts(self) -> pd.DataFrame:
        """Those of `conditional_verdicts`, one row per level but the reference."""
        return conditional_verdicts(self.coefficients, min_essays=self.min_essays)


def conditional_bias(
    human: ArrayLike,
    machine: ArrayLike,
    group: ArrayLike,
    reference: str | None = None,
    reliabilities: Sequence[float] = RELIABILITY_BAND,
    second_rating: ArrayLike | None = None,
    bound: float = 0.10,
    min_essays: int = 30,
) -> ConditionalBias:
    """Measure how far group explains the machine's error, also conditional on human score.

    OSA and OSD are the adjusted R^2 of (M - H)^2 and of M - H on group; CSD is the rise of the
    adjusted R^2 of M - H when group is added to the human score as categories (Loukina, Madnani
    and Zechner, 2019, as in RSMTool). Coefficients are of M - H on group with H
    linear, so that the error of H can be corrected: errors in variables with error variance
    (1 - reliability) Var(H) (Fuller, 1987), or two-stage least squares with the second rating as
    instrument; their errors are the sandwich's. A machine that is not linear in the true score,
    for it gives nobody the highest scores, can have a coefficient though it treats groups alike.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        In score points.
    group : array_like, shape (n,)
        Level of each essay; missing ones are the level "(missing)".
    reference : str, optional
        By default the largest level, ties alphabetical.
    reliabilities : sequence of float
        Ends of the band that is assumed without a second rating; the coefficient is monotone in
        between. One that leaves no true variance within the groups gives `NOT_ESTIMABLE`.
    second_rating : array_like, shape (n,), optional
        A second, independent human score, missing where an essay has none.
    bound : float
        Largest tolerable absolute coefficient, in standard deviations of H.
    min_essays : int
        As in `conditional_verdicts`.

    Returns
    -------
    ConditionalBias
        `osa, osd, csd` (NaN where there is one level or the error does not vary);
        `coefficients` in score points, one row per level and correction: `level, reference, n,
        correction, reliability, coefficient, se, df, p, bound`; `verdicts`, of
        `conditional_verdicts`, computed where they are asked for.

    Raises
    ------
    ValueError
        If a length, a score, the reference or a reliability is wrong.
    """
    h, m = aligned_scores(human=human, machine=machine)
    sizes, reference, dummies = _levels(group, h.size, reference)
    fits = _fits(m, h, dummies, reliabilities, second_rating)
    coefficients = _coefficients(sizes, reference, fits)
    coefficients["bound"] = bound * h.std(ddof=1) if h.size > 1 else np.nan
    return ConditionalBias(*_association(h, m - h, dummies), coefficients, min_essays)


def conditional_verdicts(
    coefficients: pd.DataFrame,
    keys: Sequence[str] = ("level",),
    level: float = 0.90,
    min_essays: int = 30,
) -> pd.DataFrame:
    """Decide how each group is scored at equal true score.

    The second rating decides alone where there is one, for it shows the reliability; otherwise all
    assumed reliabilities together. `TOO_LOW` and `TOO_HIGH`: every deciding coefficient is beyond
    the bound, by a one-sided test at 5 % that is adjusted over the groups by Holm's method;
    `DEPENDS`: only at some of the reliabilities. `WITHIN`: every interval lies inside the bound, as
    in `equivalence_verdict`.

    Parameters
    ----------
    coefficients : pandas.DataFrame
        One row per group and correction, as in `ConditionalBias`; several attributes of one
        machine together are one family of tests.
    keys : sequence of str
        Columns that identify a group.
    level : float
        Of the intervals; 0.90 tests each side at 5 %.
    min_essays : int
        A smaller group is `INCONCLUSIVE` and in no family; nor is the level "(missing)".

    Returns
    -------
    pandas.DataFrame
        One row per group: the keys, `n, correction, smallest, largest` (coefficients over the
        deciding corrections), `low, high` (their intervals' outer ends), `bound, p_holm` (of a
        coefficient beyond the bound), `verdict`.
    """
    columns = [*keys, "n", "correction", "smallest", "largest", "low", "high", "bound",
               "inside", "p_whole", "p_any"]  # fmt: skip
    rows = [
        (*key, *_evidence(_deciding(part), level))
        for key, part in coefficients.groupby(list(keys), sort=False)
    ]
    table = pd.DataFrame(rows, columns=columns)
    tested = (table["n"] >= min_essays) & ~is_missing(table["level"])
    table["p_holm"] = holm(table["p_whole"].where(tested).astype(float))
    alpha = (1 - level) / 2
    anywhere = holm(table["p_any"].where(tested).astype(float)) < alpha
    everywhere = table["p_holm"] < alpha
    table["verdict"] = np.select(
        [
            table["low"].isna(), ~tested, everywhere & (table["largest"] < 0), everywhere,
            anywhere, table["inside"].astype(bool),
        ],
        [
            ConditionalVerdict.NOT_ESTIMABLE, ConditionalVerdict.INCONCLUSIVE,
            ConditionalVerdict.TOO_LOW, ConditionalVerdict.TOO_HIGH, ConditionalVerdict.DEPENDS,
            ConditionalVerdict.WITHIN,
        ],
        ConditionalVerdict.INCONCLUSIVE,
    ).astype(object)  # fmt: skip
    return table.drop(columns=["inside", "p_whole", "p_any"])


def _deciding(of_group: pd.DataFrame) -> pd.DataFrame:
    for correction in (Correction.SECOND_RATING, Correction.RELIABILITY):
        if (of_group["correction"] == correction).any():
            return of_group[of_group["correction"] == correction]
    return of_group


def _evidence(rows: pd.DataFrame, level: float) -> tuple:
    """What the deciding coefficients of one group say."""
    value, se, bound = (rows[c].to_numpy(float) for c in ("coefficient", "se", "bound"))
    first = rows.iloc[0]
    summary = (first["n"], first["correction"], value.min(), value.max())
    if np.isnan(se).any():
        return (*summary, np.nan, np.nan, bound[0], False, np.nan, np.nan)
    margin = stats.t.ppf(0.5 + level / 2, rows["df"]) * se
    low, high = value - margin, value + margin
    with np.errstate(divide="ignore", invalid="ignore"):
        p = stats.t.sf((np.abs(value) - bound) / se, rows["df"])
    one_side = (value > 0).all() or (value < 0).all()
    inside = bool(((low > -bound) & (high < bound)).all())
    return (*summary, low.min(), high.max(), bound[0], inside,
            p.max() if one_side else 1.0, p.min())  # fmt: skip


def _levels(group: ArrayLike, n: int, reference: str | None) -> tuple[pd.Series, str, np.ndarray]:
    """Sizes of the levels other than the reference, its name, and their indicators."""
    levels = pd.Series(group).astype("string").fillna(MISSING).to_numpy(dtype=object)
    if levels.size != n:
        raise ValueError(f"group has {levels.size} values for {n} essays")
    sizes = pd.Series(levels).value_counts()
    ordered = sorted(sizes.index, key=lambda name: (-sizes[name], name))
    reference = ordered[0] if reference is None else str(reference)
    if reference not in sizes:
        raise ValueError(f"reference {reference!r} is not a level: use {', '.join(ordered)}")
    others = [name for name in ordered if name != reference]
    return sizes[others], reference, (levels[:, None] == np.array(others, dtype=object)) * 1.0


def _association(
    h: np.ndarray, error: np.ndarray, dummies: np.ndarray
) -> tuple[float, float, float]:
    """OSA, OSD and CSD."""
    if dummies.shape[1] == 0:
        return np.nan, np.nan, np.nan
    scores = (h[:, None] == np.unique(h)[1:]).astype(float)
    csd = _adjusted_r2(error, np.hstack([scores, dummies])) - _adjusted_r2(error, scores)
    return _adjusted_r2(error**2, dummies), _adjusted_r2(error, dummies), csd


def _fits(
    m: np.ndarray,
    h: np.ndarray,
    dummies: np.ndarray,
    reliabilities: Sequence[float],
    second_rating: ArrayLike | None,
) -> list[tuple[Correction, float, tuple[np.ndarray, np.ndarray]]]:
    """Correction, reliability, and the coefficients and errors of the levels."""
    impossible = [value for value in reliabilities if not 0 < value <= 1]
    if impossible:
        raise ValueError(f"reliabilities must be above 0 and at most 1, got {impossible}")
    fits = [(Correction.NONE, 1.0, _fit(m, h, dummies, 1.0))]
    for reliability in reliabilities:
        fit = _fit(m, h, dummies, reliability)
        fits.append((Correction.RELIABILITY, reliability, fit))
    if second_rating is not None:
        second = pd.Series(second_rating).to_numpy(dtype=float, na_value=np.nan)
        if second.size != h.size:
            raise ValueError(f"second_rating has {second.size} values for {h.size} essays")
        rated = np.isfinite(second)
        fit = _fit(m[rated], h[rated], dummies[rated], 1.0, second[rated])
        fits.append((Correction.SECOND_RATING, np.nan, fit))
    return fits


def _coefficients(sizes: pd.Series, reference: str, fits: list) -> pd.DataFrame:
    rows = []
    for index, (name, n) in enumerate(sizes.items()):
        for correction, reliability, (estimates, errors) in fits:
            value, se = estimates[index], errors[index]
            df = max(int(n) - 1, 1)
            p = 2 * stats.t.sf(abs(value) / se, df) if se > 0 else np.nan
            rows.append((name, reference, int(n), correction, reliability, value, se, df, p))
    columns = ["level", "reference", "n", "correction", "reliability", "coefficient", "se", "df",
               "p"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _adjusted_r2(outcome: np.ndarray, regressors: np.ndarray) -> float:
    design = add_constant(regressors, has_constant="add")
    if np.ptp(outcome) < 1e-12 or outcome.size <= design.shape[1]:
        return np.nan
    with warnings.catch_warnings():
        # A level that has a score point to itself is collinear; rank and R^2 stay correct.
        warnings.simplefilter("ignore", SingularMatrixWarning)
        return float(OLS(outcome, design).fit().rsquared_adj)


def _fit(
    machine: np.ndarray,
    h: np.ndarray,
    dummies: np.ndarray,
    reliability: float,
    second: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit M on H and group; the group coefficients are those of M - H, whose slope differs by one.

    Parameters
    ----------
    machine, h : ndarray, shape (n,)
    dummies : ndarray, shape (n, k)
    reliability : float
        Of H; 1 corrects nothing.
    second : ndarray, shape (n,), optional
        Instrument of H.

    Returns
    -------
    coefficients, errors : ndarray, shape (k,)
        Sandwich standard errors (HC1 without a correction). NaN for a level of fewer than two
        essays, and where no true variance of H is left within the levels.
    """
    k = dummies.shape[1]
    estimates, errors = np.full(k, np.nan), np.full(k, np.nan)
    kept = dummies.sum(axis=0) > 1
    rows = ~dummies[:, ~kept].any(axis=1)
    machine, h, dummies = machine[rows], h[rows], dummies[rows]
    second = None if second is None else second[rows]
    if h.size <= kept.sum() + 2:
        return estimates, errors
    design = np.column_stack([h - h.mean(), np.ones(h.size), dummies[:, kept]])
    instruments = design.copy()
    if second is not None:
        instruments[:, 0] = second - second.mean()
    noise = (1 - reliability) * (h - h.mean()) ** 2
    with_h = (
        instruments[:, 0]
        - design[:, 1:] @ np.linalg.lstsq(design[:, 1:], instruments[:, 0], rcond=None)[0]
    )
    if with_h @ design[:, 0] / h.size - noise.mean() < 1e-10:
        return estimates, errors
    bread = instruments.T @ design / h.size
    bread[0, 0] -= noise.mean()
    beta = np.linalg.solve(bread, instruments.T @ machine / h.size)
    scores = instruments * (machine - design @ beta)[:, None]
    scores[:, 0] += noise * beta[0]
    influence = np.linalg.solve(bread, scores.T)
    estimates[kept] = beta[2:]
    variance = (influence[2:] ** 2).sum(axis=1) / (h.size * (h.size - beta.size))
    errors[kept] = np.sqrt(variance)
    return estimates, errors
