"""Fairness of machine scores by group: group differences and the group report.

SMD and DSM are in `cyborg_utils.statistics.standardized_differences`; conditional bias, which
controls for the human score, is in `cyborg_utils.statistics.conditional_bias`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cyborg_utils.statistics.agreement import bootstrap_agreement, estimate_agreement
from cyborg_utils.statistics.bootstrap import (
    PAIR_STATISTICS,
    observed_cells,
    pair_features,
    pair_statistics,
)
from cyborg_utils.statistics.groups import group_levels, is_missing
from cyborg_utils.statistics.hypothesis_tests import (
    Verdict,
    benjamini_hochberg,
    equivalence_verdict,
    essays_needed,
    t_interval,
)
from cyborg_utils.statistics.scales import as_labels, check_on_scale, round_to_scale, scale_step
from cyborg_utils.statistics.standardized_differences import (
    DENOMINATORS,
    dsm_with_error,
    smd_with_error,
    weighted_sd,
)
from cyborg_utils.statistics.weighting import as_weights, effective_n

Groups = str | Sequence[str | Sequence[str]]


class GroupNote(StrEnum):
    """Notes on a row of the group report."""

    SOME_UNSCORED = "some_unscored"  # essays without a human or machine score are excluded
    NONE_SCORED = "none_scored"
    ONE_HUMAN_SCORE = "one_human_score"  # kappa is undefined
    ONE_MACHINE_SCORE = "one_machine_score"
    TOO_FEW_ESSAYS = "too_few_essays"  # no verdict
    NO_VARIANCE = "no_variance"  # the SMD is undefined
    CONTAINS_BOUND = "contains_bound"  # the interval of the SMD does


def group_differences(
    frame: pd.DataFrame,
    groups: Groups,
    human: str = "human",
    machine: str = "machine",
    *,
    labels: ArrayLike,
    denominators: Sequence[str] = DENOMINATORS,
    continuous: str | None = None,
    weights: str | None = None,
) -> pd.DataFrame:
    """Tabulate agreement and bias of one machine for every level of every attribute.

    Estimates only, without intervals or verdicts, for example to average them over the runs of an
    arm. Kappa and agreement are of scores on the scale (a continuous machine score is rounded by
    `round_to_scale`); means and SMD are of `machine` as it is, DSM is of `continuous`. Missing
    group values are a level; essays without a score are counted.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per essay.
    groups : str or sequence of (str or sequence of str)
        Attributes; a sequence inside the sequence is an intersection.
    human, machine : str
        Columns of the scores.
    labels : array_like, shape (k,)
        Every score of the scale.
    denominators : sequence of str
        Of the SMD, as in `standardized_mean_difference`; the first is that of `smd`.
    continuous : str, optional
        Column of the machine's continuous scores, for DSM; by default `machine`.
    weights : str, optional
        Column of sampling weights.

    Returns
    -------
    pandas.DataFrame
        One row per level, the largest first, ties alphabetical: `attribute, level, n, n_unscored,
        mean_human, mean_machine, sd_human, sd_machine, qwk, exact, adjacent, smd, smd_se, dsm,
        dsm_se`, and `smd_<denominator>` for every further denominator; with weights `n_effective`,
        the number of equally weighted essays with the same error. NaN where undefined.

    Raises
    ------
    ValueError
        If a column is absent, no essay has both scores, or a human score is not on the scale.
    """
    columns = human, machine, continuous or machine, weights
    whole, scored_groups = _scored_groups(frame, groups, columns, labels)
    rows = [_differences(g, whole, denominators, scale_step(labels)) for g in scored_groups]
    further = [f"smd_{name}" for name in denominators[1:]]
    further += ["n_effective"] if weights else []
    return pd.DataFrame(rows, columns=[*_DIFFERENCES, *further])


def group_report(
    frame: pd.DataFrame,
    groups: Groups,
    human: str = "human",
    machine: str = "machine",
    *,
    labels: ArrayLike,
    denominator: str = "pooled",
    bound: float = 0.10,
    level: float = 0.90,
    min_essays: int = 30,
    n_replicates: int = 2_000,
    seed: int = 0,
    continuous: str | None = None,
    weights: str | None = None,
) -> pd.DataFrame:
    """Report agreement and bias of one machine by group, with intervals, tests and verdicts.

    Parameters
    ----------
    frame, groups, human, machine, labels, continuous, weights
        As in `group_differences`.
    denominator : str
        Of the SMD, as in `standardized_mean_difference`.
    bound, level, min_essays
        As in `equivalence_verdict`, of SMD and of DSM; `smd_low` and `smd_high`, `dsm_low` and
        `dsm_high` are intervals at `level`.
    n_replicates, seed : int
        Of the bootstrap of kappa, whose interval is at 95 %; with weights it is t's.

    Returns
    -------
    pandas.DataFrame
        The rows and columns of `group_differences`, and: `reference` (the largest level), `qwk_low,
        qwk_high, smd_low, smd_high, verdict` (of the SMD), `essays_needed` (to certify a true SMD
        of zero, at this group's sd(M - H) / d; NaN where the interval excludes zero), `dsm_low,
        dsm_high, dsm_verdict, p` (two-sided, SMD = 0), `p_bh` (Benjamini-Hochberg over the groups,
        of which "(missing)" is none), `denominator, bound, notes` (a tuple of `GroupNote`).

    Raises
    ------
    ValueError
        As `group_differences`.
    """
    columns = human, machine, continuous or machine, weights
    whole, scored_groups = _scored_groups(frame, groups, columns, labels)
    rows = []
    for group in scored_groups:
        row = _differences(group, whole, (denominator,), scale_step(labels))
        row |= _inference(row, bound, level, min_essays)
        if np.isfinite(row.get("qwk", np.nan)):
            row["qwk_low"], row["qwk_high"] = _kappa_limits(group, labels, n_replicates, seed)
        rows.append(row | {"reference": group.largest, "notes": _notes(group, row, min_essays)})
    table = pd.DataFrame(rows, columns=_REPORT).assign(denominator=denominator, bound=bound)
    return table.assign(p_bh=benjamini_hochberg(table["p"].mask(is_missing(table["level"]))))


_DIFFERENCES = [
    "attribute", "level", "n", "n_unscored", "mean_human", "mean_machine", "sd_human", "sd_machine",
    "qwk", "exact", "adjacent", "smd", "smd_se", "dsm", "dsm_se",
]  # fmt: skip
_REPORT = [
    "attribute", "level", "reference", "n", "n_unscored", "mean_human", "mean_machine", "sd_human",
    "sd_machine", "qwk", "qwk_low", "qwk_high", "exact", "adjacent", "smd", "smd_se", "smd_low",
    "smd_high", "verdict", "essays_needed", "dsm", "dsm_se", "dsm_low", "dsm_high", "dsm_verdict",
    "p", "p_bh", "denominator", "bound", "notes",
]  # fmt: skip


def _kappa_limits(
    group: _Group, labels: ArrayLike, n_replicates: int, seed: int
) -> tuple[float, float]:
    scores = group.human, group.on_scale, labels
    if group.weights is None:
        table = bootstrap_agreement(*scores, n_replicates, seed=seed)
        return tuple(table.loc["qwk", ["low", "high"]])
    estimate, se = estimate_agreement(*scores, group.weights).loc["qwk", ["estimate", "se"]]
    return t_interval(estimate, se, effective_n(group.weights), 0.95)


class _Group(NamedTuple):
    """The scored essays of one level of an attribute."""

    attribute: str
    level: str
    largest: bool
    n_unscored: int
    human: np.ndarray
    machine: np.ndarray
    on_scale: np.ndarray  # the machine's scores, rounded to the scale
    member: np.ndarray  # of the whole sample's scored essays
    weights: np.ndarray | None


class _Sample(NamedTuple):
    """The scored essays of the whole sample."""

    human: np.ndarray
    machine: np.ndarray
    continuous: np.ndarray
    weights: np.ndarray | None


def _scored_groups(
    frame: pd.DataFrame,
    groups: Groups,
    columns: tuple[str, str, str, str | None],
    labels: ArrayLike,
) -> tuple[_Sample, Iterator[_Group]]:
    """The human and machine scores of the whole sample, and those of every group.

    `columns` are those of human, machine and continuous scores, and of weights or None.
    """
    human, machine = columns[:2]
    absent = [name for name in dict.fromkeys(columns) if name and name not in frame.columns]
    if absent:
        raise ValueError(f"score columns {', '.join(absent)} are not in the frame")
    h, m, c, w = (
        None if column is None else frame[column].to_numpy(dtype=float, na_value=np.nan)
        for column in columns
    )
    scored = np.isfinite(h) & np.isfinite(m) & np.isfinite(c)
    if not scored.any():
        raise ValueError(f"no essay has both a {human!r} and a {machine!r} score")
    check_on_scale(h[scored], labels, human)
    on_scale = m.copy()
    if not np.isin(m[scored], as_labels(labels).astype(float)).all():
        on_scale[scored] = round_to_scale(m[scored], labels)

    def iterate() -> Iterator[_Group]:
        for attribute in [groups] if isinstance(groups, str) else groups:
            name, levels = group_levels(frame, attribute)
            sizes = levels[scored].value_counts().reindex(levels.unique(), fill_value=0)
            ordered = sorted(sizes.index, key=lambda level: (-sizes[level], level))
            for rank, level in enumerate(ordered):
                members = (levels == level).to_numpy()
                rows, unscored = members & scored, int((members & ~scored).sum())
                scores = h[rows], m[rows], on_scale[rows]
                weights = None if w is None else w[rows]
                yield _Group(name, level, rank == 0, unscored, *scores, members[scored], weights)

    whole_weights = None if w is None else as_weights(w[scored], int(scored.sum()))
    return _Sample(h[scored], m[scored], c[scored], whole_weights), iterate()


def _differences(group: _Group, sample: _Sample, denominators: Sequence[str], step: float) -> dict:
    h, m = group.human, group.machine
    row = {"attribute": group.attribute, "level": group.level, "n": h.size,
           "n_unscored": group.n_unscored}  # fmt: skip
    if h.size == 0:
        return row
    n = h.size
    for name, scores in (("mean_human", h), ("mean_machine", m)):
        row[name] = np.average(scores, weights=group.weights)
    row["dsm"], row["dsm_se"] = dsm_with_error(
        sample.human, sample.continuous, group.member, sample.weights
    )
    if n > 1:
        row |= {
            "sd_human": weighted_sd(h, group.weights),
            "sd_machine": weighted_sd(m, group.weights),
        }
    whole = sample.human, sample.machine, group.weights, sample.weights
    row["smd"], row["smd_se"] = smd_with_error(h, m, denominators[0], *whole)
    row |= {f"smd_{name}": smd_with_error(h, m, name, *whole)[0] for name in denominators[1:]}
    if group.weights is None:
        cells, counts, _ = observed_cells(h, group.on_scale)
        means = counts @ pair_features(*cells.T, step) / n
    else:
        row["n_effective"] = effective_n(group.weights)
        means = as_weights(group.weights, n) @ pair_features(h, group.on_scale, step) / n
    agreement = dict(zip(PAIR_STATISTICS, pair_statistics(means, n), strict=True))
    row |= {name: agreement[name] for name in ("exact", "adjacent")}
    return row | ({"qwk": agreement["qwk"]} if np.ptp(h) > 0 else {})


def _inference(row: dict, bound: float, level: float, min_essays: int) -> dict:
    n, smd, se = row["n"], row.get("smd", np.nan), row.get("smd_se", np.nan)
    dsm, dsm_se = row.get("dsm", np.nan), row.get("dsm_se", np.nan)
    size = row.get("n_effective", n)  # of the degrees of freedom
    inference = {
        "verdict": equivalence_verdict(smd, se, n, bound, level, min_essays, size - 1),
        "dsm_verdict": equivalence_verdict(dsm, dsm_se, n, bound, level, min_essays, size - 1),
    }
    if np.isfinite(dsm_se):
        inference["dsm_low"], inference["dsm_high"] = t_interval(dsm, dsm_se, size, level)
    if not np.isfinite(se):
        return inference
    low, high = t_interval(smd, se, size, level)
    inference |= {"smd_low": low, "smd_high": high}
    if se > 0:
        inference["p"] = 2 * stats.t.sf(abs(smd) / se, size - 1)
    if se > 0 and low < 0 < high:
        inference["essays_needed"] = essays_needed(0.0, bound, se * np.sqrt(n), level=level)
    return inference


def _notes(group: _Group, row: dict, min_essays: int) -> tuple[GroupNote, ...]:
    h, m = group.human, group.on_scale
    too_few = h.size < min_essays
    undefined = not np.isfinite(row.get("smd", np.nan))
    applies = {
        GroupNote.SOME_UNSCORED: group.n_unscored > 0,
        GroupNote.NONE_SCORED: h.size == 0,
        GroupNote.ONE_HUMAN_SCORE: h.size > 0 and np.ptp(h) == 0,
        GroupNote.ONE_MACHINE_SCORE: h.size > 0 and np.ptp(h) > 0 and np.ptp(m) == 0,
        GroupNote.TOO_FEW_ESSAYS: h.size > 0 and too_few,
        GroupNote.NO_VARIANCE: not too_few and undefined,
        GroupNote.CONTAINS_BOUND: not too_few
        and not undefined
        and row["verdict"] == Verdict.INCONCLUSIVE,
    }
    return tuple(note for note, holds in applies.items() if holds)
