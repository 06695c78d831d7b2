"""Fairness of machine scores by group: SMD, DSM, group differences and the group report.

Conditional bias, which controls for the human score, is in
`cyborg_utils.statistics.conditional_bias`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cyborg_utils.statistics.agreement import bootstrap_agreement
from cyborg_utils.statistics.bootstrap import (
    PAIR_STATISTICS,
    observed_cells,
    pair_features,
    pair_statistics,
)
from cyborg_utils.statistics.groups import group_levels
from cyborg_utils.statistics.hypothesis_tests import (
    Verdict,
    benjamini_hochberg,
    equivalence_verdict,
    essays_needed,
    t_interval,
)
from cyborg_utils.statistics.scales import (
    aligned_scores,
    as_labels,
    as_scores,
    check_on_scale,
    round_to_scale,
    scale_step,
)

DENOMINATORS = ("pooled", "human", "pooled_population", "human_population")
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
        d: `pooled`, sqrt((var H + var M) / 2) in the group (Williamson, Xi and Breyer, 2012);
        `human`, sd of H in the group; `pooled_population` and `human_population`, the same over
        the whole sample. Variances have ddof = 1.
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
    return _dsm(h, m, whole_h, whole_m)


def _dsm(h: np.ndarray, m: np.ndarray, whole_h: np.ndarray, whole_m: np.ndarray) -> float:
    if whole_h.size < 2 or min(np.ptp(whole_h), np.ptp(whole_m)) == 0:
        return np.nan
    z_m = (m.mean() - whole_m.mean()) / whole_m.std(ddof=1)
    return float(z_m - (h.mean() - whole_h.mean()) / whole_h.std(ddof=1))


def group_differences(
    frame: pd.DataFrame,
    groups: Groups,
    human: str = "human",
    machine: str = "machine",
    *,
    labels: ArrayLike,
    denominators: Sequence[str] = DENOMINATORS,
) -> pd.DataFrame:
    """Tabulate agreement and bias of one machine for every level of every attribute.

    Estimates only, without intervals or verdicts, for example to average them over the runs of an
    arm. Kappa and agreement are of scores on the scale (a continuous machine score is rounded by
    `round_to_scale`); means, SMD and DSM are of the unrounded scores. Missing group values are a
    level; essays without a score are counted.

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

    Returns
    -------
    pandas.DataFrame
        One row per level, the largest first, ties alphabetical: `attribute, level, n, n_unscored,
        mean_human, mean_machine, sd_human, sd_machine, qwk, exact, adjacent, smd, smd_se, dsm`, and
        `smd_<denominator>` for every further denominator. NaN where undefined.

    Raises
    ------
    ValueError
        If a column is absent, no essay has both scores, or a human score is not on the scale.
    """
    whole, scored_groups = _scored_groups(frame, groups, human, machine, labels)
    rows = [_differences(g, whole, denominators, scale_step(labels)) for g in scored_groups]
    further = [f"smd_{name}" for name in denominators[1:]]
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
) -> pd.DataFrame:
    """Report agreement and bias of one machine by group, with intervals, tests and verdicts.

    Parameters
    ----------
    frame, groups, human, machine, labels
        As in `group_differences`.
    denominator : str
        Of the SMD, as in `standardized_mean_difference`.
    bound, level, min_essays
        As in `equivalence_verdict`; `smd_low` and `smd_high` are the interval at `level`.
    n_replicates, seed : int
        Of the bootstrap of kappa, whose interval is at 95 %.

    Returns
    -------
    pandas.DataFrame
        The rows and columns of `group_differences`, and: `reference` (the largest level), `qwk_low,
        qwk_high, smd_low, smd_high, verdict, essays_needed` (to certify a true SMD of zero, at this
        group's sd(M - H) / d), `p` (two-sided, SMD = 0), `p_bh` (Benjamini-Hochberg over the
        table), `denominator, bound, notes` (a tuple of `GroupNote`).

    Raises
    ------
    ValueError
        As `group_differences`.
    """
    whole, scored_groups = _scored_groups(frame, groups, human, machine, labels)
    rows = []
    for group in scored_groups:
        row = _differences(group, whole, (denominator,), scale_step(labels))
        row |= _inference(row, bound, level, min_essays)
        if np.isfinite(row.get("qwk", np.nan)):
            scores = group.human, group.on_scale
            table = bootstrap_agreement(*scores, labels, n_replicates, seed=seed)
            row["qwk_low"], row["qwk_high"] = table.loc["qwk", ["low", "high"]]
        rows.append(row | {"reference": group.largest, "notes": _notes(group, row, min_essays)})
    table = pd.DataFrame(rows, columns=_REPORT).assign(denominator=denominator, bound=bound)
    return table.assign(p_bh=benjamini_hochberg(table["p"]))


_DIFFERENCES = [
    "attribute", "level", "n", "n_unscored", "mean_human", "mean_machine", "sd_human", "sd_machine",
    "qwk", "exact", "adjacent", "smd", "smd_se", "dsm",
]  # fmt: skip
_REPORT = [
    "attribute", "level", "reference", "n", "n_unscored", "mean_human", "mean_machine", "sd_human",
    "sd_machine", "qwk", "qwk_low", "qwk_high", "exact", "adjacent", "smd", "smd_se", "smd_low",
    "smd_high", "verdict", "essays_needed", "dsm", "p", "p_bh", "denominator", "bound", "notes",
]  # fmt: skip


class _Group(NamedTuple):
    """The scored essays of one level of an attribute."""

    attribute: str
    level: str
    largest: bool
    n_unscored: int
    human: np.ndarray
    machine: np.ndarray
    on_scale: np.ndarray  # the machine's scores, rounded to the scale


def _scored_groups(
    frame: pd.DataFrame, groups: Groups, human: str, machine: str, labels: ArrayLike
) -> tuple[tuple[np.ndarray, np.ndarray], Iterator[_Group]]:
    """The human and machine scores of the whole sample, and those of every group."""
    absent = [column for column in (human, machine) if column not in frame.columns]
    if absent:
        raise ValueError(f"score columns {', '.join(absent)} are not in the frame")
    h, m = (frame[column].to_numpy(dtype=float, na_value=np.nan) for column in (human, machine))
    scored = np.isfinite(h) & np.isfinite(m)
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
                yield _Group(name, level, rank == 0, unscored, h[rows], m[rows], on_scale[rows])

    return (h[scored], m[scored]), iterate()


def _differences(
    group: _Group, whole: tuple[np.ndarray, ...], denominators: Sequence[str], step: float
) -> dict:
    h, m = group.human, group.machine
    row = {"attribute": group.attribute, "level": group.level, "n": h.size,
           "n_unscored": group.n_unscored}  # fmt: skip
    if h.size == 0:
        return row
    row |= {"mean_human": h.mean(), "mean_machine": m.mean(), "dsm": _dsm(h, m, *whole)}
    if h.size > 1:
        row |= {"sd_human": h.std(ddof=1), "sd_machine": m.std(ddof=1)}
    row["smd"], row["smd_se"] = _smd(h, m, denominators[0], *whole)
    row |= {f"smd_{name}": _smd(h, m, name, *whole)[0] for name in denominators[1:]}
    cells, counts, _ = observed_cells(h, group.on_scale)
    means = counts @ pair_features(*cells.T, step) / h.size
    agreement = dict(zip(PAIR_STATISTICS, pair_statistics(means, h.size), strict=True))
    row |= {name: agreement[name] for name in ("exact", "adjacent")}
    return row | ({"qwk": agreement["qwk"]} if np.ptp(h) > 0 else {})


def _inference(row: dict, bound: float, level: float, min_essays: int) -> dict:
    n, smd, se = row["n"], row.get("smd", np.nan), row.get("smd_se", np.nan)
    verdict = equivalence_verdict(smd, se, n, bound, level, min_essays)
    if not np.isfinite(se):
        return {"verdict": verdict}
    low, high = t_interval(smd, se, n, level)
    inference = {"verdict": verdict, "smd_low": low, "smd_high": high}
    if se > 0:
        inference["p"] = 2 * stats.t.sf(abs(smd) / se, n - 1)
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
