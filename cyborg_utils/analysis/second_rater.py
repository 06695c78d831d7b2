"""Subgroups with a second human rater: SMD, agreement, adjudication and PRMSE of both.

The difference between two raters in a subgroup is the reference for that of a machine there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cyborg_utils.analysis.disclosure import shown_levels
from cyborg_utils.analysis.error_profile import prmse_table
from cyborg_utils.analysis.measures import human_mean, second_scores
from cyborg_utils.analysis.predictions import weights_of
from cyborg_utils.analysis.run_estimates import estimates_of_runs
from cyborg_utils.statistics.adjudication import adjudication_rate
from cyborg_utils.statistics.agreement import estimate_agreement
from cyborg_utils.statistics.external_criterion import criterion_correlations, matched_difference
from cyborg_utils.statistics.groups import group_levels, is_missing
from cyborg_utils.statistics.scales import nearest_points, scale_step
from cyborg_utils.study.schema.study import Study

EVERYONE = "(all)"  # in place of an attribute
KEYS = ["attribute", "level"]


def compare_with_second_rater(
    study: Study,
    runs: pd.DataFrame,
    corpus: pd.DataFrame,
    groups: list[str],
    second: pd.Series | None = None,
) -> pd.DataFrame:
    """What the machine, and a second human rater, differ from the first one by, in each subgroup.

    Parameters
    ----------
    second : a second human score by essay id. A subgroup with fewer of them than `min_group`, or
        whose double-scored essays small-cell suppression hides, has no statistics of two raters.

    Returns
    -------
    frame of `estimates_of_runs` with the keys `attribute` (`EVERYONE`, then each) and `level`;
    statistics `adjudication_machine` (of H and M, on all essays of the subgroup) and `prmse`; on
    the double-scored ones `adjudication_human` (of H and H2), `smd_machine` and `smd_human` (of M
    and of H2 minus H, in pooled standard deviations), `qwk_machine` and `qwk_human`
    """

    def tables(run: pd.DataFrame) -> Iterator[pd.DataFrame]:
        other = second_scores(run, second)
        for member, rated, keys in strata(study, run, other, corpus, groups):
            part = run[member]
            w = weights_of(part)
            parts = [_adjudication(study, part["human"], part["score"], "machine", w)]
            if rated:
                scores = human_mean(part), other[member], part["continuous"].to_numpy()
                parts.append(prmse_table(study, *scores, w))
                parts += _of_both_raters(study, part, other[member])
            elif study.evaluation.rater_variance is not None and not np.isfinite(other).any():
                none = np.full(len(part), np.nan)
                scores = human_mean(part), none, part["continuous"].to_numpy()
                parts.append(prmse_table(study, *scores, w))
            yield pd.concat(parts, ignore_index=True).assign(**keys)

    return estimates_of_runs(runs, KEYS, tables)


def strata(
    study: Study, run: pd.DataFrame, second: np.ndarray, corpus: pd.DataFrame, groups: list[str]
) -> Iterator[tuple[np.ndarray, bool, dict[str, str]]]:
    """All essays of a run, then each subgroup of a reportable size: its members, whether statistics
    of its double-scored essays may be shown, and its keys."""
    least, rated = study.evaluation.min_group, np.isfinite(second)
    enough = rated.sum() >= max(least, study.least_shown)
    yield np.ones(len(run), dtype=bool), bool(enough), {"attribute": EVERYONE, "level": ""}
    essays = corpus.set_index("essay_id").loc[run["essay_id"]]
    for group in groups:
        _, levels = group_levels(essays, group)
        shown = shown_levels(study, essays, group)
        shown_rated = shown_levels(study, essays[rated], group) if rated.any() else []
        for level in levels[~is_missing(levels)].value_counts().index:
            member = (levels == level).to_numpy()
            if level not in shown or member.sum() < least:
                continue
            of_two = level in shown_rated and (member & rated).sum() >= least
            yield member, bool(of_two), {"attribute": group, "level": level}


def _adjudication(
    study: Study,
    first: pd.Series | np.ndarray,
    second: pd.Series | np.ndarray,
    of: str,
    weights: np.ndarray | None,
) -> pd.DataFrame:
    rate = adjudication_rate(first, second, scale_step(study.labels), weights)
    return rate.assign(statistic=f"adjudication_{of}")


def _of_both_raters(study: Study, part: pd.DataFrame, second: np.ndarray) -> list[pd.DataFrame]:
    """Statistics of M and of H2 against H, on the essays that have all three."""
    both = np.isfinite(second)
    human, machine = (part[c].to_numpy()[both] for c in ("human", "score"))
    other = nearest_points(second[both], study.labels)
    w = weights_of(part[both])
    tables = [_adjudication(study, human, other, "human", w)]
    for name, scores in (("machine", machine), ("human", other)):
        table = estimate_agreement(human, scores, study.labels, w)
        table = table.loc[["smd", "qwk"]].reset_index()
        table["statistic"] += f"_{name}"
        tables.append(table.assign(n=int(both.sum())))
    return tables


def against_criterion(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list[str]
) -> pd.DataFrame:
    """Human and machine scores against the study's external criterion, and subgroups matched by it.

    The reference of an attribute is its largest known level, of those that are shown.

    Returns
    -------
    frame of `estimates_of_runs` with the keys `attribute, level`; of all essays with a criterion
    the statistics of `criterion_correlations`, of each other level those of `matched_difference`.
    Empty where the corpus has no criterion.
    """
    if "criterion" not in corpus:
        return estimates_of_runs(runs.iloc[:0], KEYS, lambda run: iter(()))
    value = corpus.set_index("essay_id")["criterion"]

    def tables(run: pd.DataFrame) -> Iterator[pd.DataFrame]:
        x = run["essay_id"].map(value).to_numpy(dtype=float)
        kept = np.isfinite(x)
        if kept.sum() < max(3, study.evaluation.min_group, study.least_shown):
            return
        of_kept = run[kept]
        scores = human_mean(of_kept), of_kept["continuous"].to_numpy(), x[kept]
        w = weights_of(of_kept)
        table = criterion_correlations(*scores, w)
        yield table.assign(attribute=EVERYONE, level="")
        every = list(strata(study, of_kept, scores[2], corpus, groups))
        for group in groups:
            members = {k["level"]: m for m, _, k in every if k["attribute"] == group}
            for level in list(members)[1:]:
                reference = next(iter(members.values()))
                matched = matched_difference(*scores, members[level], reference, weights=w)
                yield matched.assign(attribute=group, level=level)

    return estimates_of_runs(runs, KEYS, tables)
