"""Validity against an external criterion: a measure of the examinees from outside the essay.

A criterion is, for example, the score of another section of a test, or a grade. It is not an error
of the machine that its scores and the human ones correlate with it unequally; but what the machine
adds or loses is seen there without taking the human score for the truth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cyborg_utils.statistics.accuracy import correlation_of_moments
from cyborg_utils.statistics.bootstrap import ratio
from cyborg_utils.statistics.scales import aligned_scores
from cyborg_utils.statistics.weighting import as_weights, estimates_table, linearized

CRITERION_STATISTICS = (
    "human_criterion", "machine_criterion", "criterion_difference", "partial_machine",
    "partial_human",
)  # fmt: skip
MATCHED_STATISTICS = ("matched_human", "matched_machine", "matched_difference")


def criterion_correlations(
    human: ArrayLike, machine: ArrayLike, criterion: ArrayLike, weights: ArrayLike | None = None
) -> pd.DataFrame:
    """Estimate the correlations of human and machine scores with a criterion X.

    The difference of the two correlations is paired, on the same essays. The partial correlation of
    M and X given H shows whether M predicts X beyond what H does, and that of H and X given M
    whether M has lost something that H has.

    Parameters
    ----------
    human, machine, criterion : array_like, shape (n,)
    weights : array_like, shape (n,), optional
        Sampling weights.

    Returns
    -------
    pandas.DataFrame
        `statistic` (human_criterion, machine_criterion, criterion_difference (M minus H),
        partial_machine, partial_human), `estimate, se, n`; NaN where undefined.

    Raises
    ------
    ValueError
        If lengths differ, or a value or weight is missing.
    """
    vectors = aligned_scores(human=human, machine=machine, criterion=criterion)
    h, m, x = (_standardized(vector) for vector in vectors)
    products = [h * h, m * m, x * x, h * m, h * x, m * x]
    features = np.stack([h, m, x, *products], axis=1)
    estimated = linearized(features, _correlations, weights)
    return estimates_table(CRITERION_STATISTICS, estimated, h.size)


def _standardized(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1)


def _correlations(means: np.ndarray, n: ArrayLike) -> np.ndarray:
    h, m, x, hh, mm, xx, hm, hx, mx = np.moveaxis(means, -1, 0)
    r_hm = correlation_of_moments(h, m, hh, mm, hm)
    r_hx, r_mx = (
        correlation_of_moments(*parts) for parts in ((h, x, hh, xx, hx), (m, x, mm, xx, mx))
    )
    partial_m, partial_h = _partial(r_mx, r_hx, r_hm), _partial(r_hx, r_mx, r_hm)
    return np.stack([r_hx, r_mx, r_mx - r_hx, partial_m, partial_h], axis=-1)


def _partial(r: np.ndarray, r_other: np.ndarray, r_both: np.ndarray) -> np.ndarray:
    """The partial correlation given another score, whose own correlations are the other two."""
    left = (1 - r_both**2) * (1 - r_other**2)
    return ratio(r - r_other * r_both, np.sqrt(np.where(left.real > 1e-12, left, 0)))


def matched_difference(
    human: ArrayLike,
    machine: ArrayLike,
    criterion: ArrayLike,
    member: ArrayLike,
    reference: ArrayLike,
    n_strata: int = 10,
    weights: ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare a group's scores with a reference group's at equal criterion, for M and for H.

    Standardization (Dorans and Kulick, 1986): essays are matched in strata of the criterion, and
    the differences of the strata's means are averaged with the group's essays as weights. Strata
    without essays of both are left out. A difference of H is not the machine's; that of M minus
    that of H is, and it does not depend on the error of H.

    Parameters
    ----------
    human, machine, criterion : array_like, shape (n,)
    member, reference : array_like of bool, shape (n,)
        Essays of the group, and of the group that it is compared with.
    n_strata : int
        Quantile strata; fewer where the criterion has fewer values.
    weights : array_like, shape (n,), optional
        Sampling weights.

    Returns
    -------
    pandas.DataFrame
        `statistic` (matched_human, matched_machine, matched_difference (M minus H)), `estimate, se,
        n` (essays of the group that were matched), in score points. NaN without a match.

    Raises
    ------
    ValueError
        If lengths differ, or a value or weight is missing.
    """
    h, m, x = aligned_scores(human=human, machine=machine, criterion=criterion)
    group, others = np.asarray(member, dtype=bool), np.asarray(reference, dtype=bool)
    w = as_weights(weights, h.size)
    edges = np.unique(np.quantile(x, np.linspace(0, 1, n_strata + 1)[1:-1]))
    stratum = np.searchsorted(edges, x, side="right")
    estimates, variances, matched, total = np.zeros(3), np.zeros(3), 0, 0.0
    outcomes = np.stack([h, m, m - h], axis=1)
    for level in np.unique(stratum):
        sides = [(stratum == level) & side & (w > 0) for side in (group, others)]
        if min(side.sum() for side in sides) < 2:
            continue
        share, size = w[sides[0]].sum(), int(sides[0].sum())
        means, errors = zip(
            *(linearized(outcomes[side], lambda v, n: v, w[side]) for side in sides), strict=True
        )
        estimates += share * (means[0] - means[1])
        variances += share**2 * (errors[0] ** 2 + errors[1] ** 2)
        matched, total = matched + size, total + share
    if not matched:
        return estimates_table(MATCHED_STATISTICS, (np.full(3, np.nan), np.full(3, np.nan)), 0)
    return estimates_table(
        MATCHED_STATISTICS, (estimates / total, np.sqrt(variances) / total), matched
    )
