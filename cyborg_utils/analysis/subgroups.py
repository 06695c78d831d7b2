"""Every run of a study by group of writers: bias, conditional bias, intersections, verdicts.

Takes the frame of runs of `cyborg_utils.analysis.predictions.collect_runs`. Groups too small to be
shown are left out here, before anything is drawn or written (`cyborg_utils.analysis.disclosure`).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.analysis.disclosure import only_shown, shown_levels
from cyborg_utils.statistics.conditional_bias import conditional_bias
from cyborg_utils.statistics.fairness import group_differences
from cyborg_utils.statistics.groups import MISSING, group_levels
from cyborg_utils.statistics.hypothesis_tests import (
    OUTSIDE,
    WITHIN,
    benjamini_hochberg,
    equivalence_verdict,
    essays_needed,
)
from cyborg_utils.statistics.replications import pool_replications
from cyborg_utils.study.schema.study import Study

KEYS = ["series", "arm", "attribute", "level"]


def group_bias(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """SMD of every group for every series, on rounded scores, averaged over the runs.

    Parameters
    ----------
    groups : attributes; a list of attributes inside it is their intersection.

    Returns
    -------
    frame, a row a series and group level: `series, arm, attribute, level, n, mean_human,
    mean_machine, qwk, smd, smd_se, smd_low, smd_high` (90 %), `p` (SMD = 0), `p_bh`
    (Benjamini-Hochberg over the groups that get a verdict), `verdict, essays_needed, dsm`, and
    the SMD over other standard deviations: `smd_human` (the group's human scores),
    `smd_pooled_population`, `smd_human_population` (the whole sample).
    """
    every = bias_by_run(study, runs, corpus, groups)
    return every if every.empty else mean_bias(study, every)


def bias_by_run(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """What `group_bias` averages: a row a run and group level, with `draw` and `seed`."""
    if not groups:
        return pd.DataFrame(columns=[*KEYS, "n", "mean_human", "smd", "verdict"])
    known = corpus.set_index("essay_id").drop(columns=["human", "score"], errors="ignore")
    parts = []
    for keys, run in runs.groupby(["series", "arm", "draw", "seed"], sort=False):
        essays = run.set_index("essay_id")[["human", "score"]].join(known)
        table = group_differences(essays, groups, machine="score", labels=study.labels)
        table = only_shown(study, table, essays, groups)
        table["essays_needed"] = [
            essays_needed(0.0, study.evaluation.smd_bound, se * n**0.5) if se > 0 else np.nan
            for se, n in zip(table["smd_se"], table["n"], strict=True)
        ]
        run_of = dict(zip(("series", "arm", "draw", "seed"), keys, strict=True))
        parts.append(table.assign(**run_of))
    return pd.concat(parts, ignore_index=True)


def mean_bias(study: Study, every: pd.DataFrame) -> pd.DataFrame:
    """The table of `group_bias` from that of `bias_by_run`."""
    bounds = study.evaluation
    measures = [
        "n", "mean_human", "mean_machine", "sd_human", "qwk", "smd_human",
        "smd_pooled_population", "smd_human_population", "dsm", "essays_needed",
    ]  # fmt: skip
    table = every.groupby(KEYS, sort=False)[measures].mean().reset_index().astype({"n": int})
    table = table.merge(pool_replications(every, KEYS, "smd", "n", "smd_se"), on=KEYS)
    reach = stats.t.ppf(0.95, table["df"]) * table["smd_se"]
    table["smd_low"], table["smd_high"] = table["smd"] - reach, table["smd"] + reach
    table["p"] = 2 * stats.t.sf((table["smd"] / table["smd_se"]).abs(), table["df"])
    table["p_bh"] = benjamini_hochberg(table["p"].where(table["n"] >= bounds.min_group))
    table["verdict"] = [
        equivalence_verdict(
            r.smd, r.smd_se, r.n, bounds.smd_bound, min_essays=bounds.min_group, df=r.df
        )
        for r in table.itertuples()
    ]
    return table


def intersections(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """The SMD of every intersection of two attributes, in the columns of `group_bias`."""
    varied = [g for g in groups if group_levels(corpus, g)[1].nunique() > 1]
    pairs = [list(pair) for pair in combinations(varied, 2)]
    return group_bias(study, runs, corpus, pairs)


def conditional_by_series(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Conditional bias of every series at equal human score, of its runs' mean continuous score.

    The coefficient is linear in the machine score, so that of the mean is the mean of the runs'.
    Groups are compared with the largest whose level is known. A second human score is used where
    every group of a reportable size has enough of them.

    Returns
    -------
    (bands: a row a series and level: `series, attribute, level, reference, n, smallest, largest,
    verdict`; association: `series, attribute, osa, osd, csd`)
    """
    corpus = corpus.set_index("essay_id")
    order = ["series", "attribute", "level", "reference", "n", "smallest", "largest", "verdict"]
    bands, association = [], []
    for name, part in runs.groupby("series", sort=False):
        mean = part.groupby("essay_id")[["human", "continuous"]].mean()
        known = corpus.loc[mean.index]
        for attribute in groups:
            _, levels = group_levels(known, attribute)
            sizes, shown = levels.value_counts(), shown_levels(study, known, attribute)
            if len(sizes) < 2 or not shown:
                continue
            found = conditional_bias(
                mean["human"], mean["continuous"], levels,
                reference=sizes.drop(MISSING, errors="ignore").sort_index().idxmax(),
                second_rating=_second_rating(study, known, levels),
            )  # fmt: skip
            at = {"series": name, "attribute": attribute}
            reference = found.coefficients["reference"].iloc[0]
            verdicts = found.verdicts[found.verdicts["level"].isin(shown)]
            bands.append(verdicts.assign(**at, reference=reference)[order])
            association.append(at | {"osa": found.osa, "osd": found.osd, "csd": found.csd})
    whole = pd.concat(bands, ignore_index=True) if bands else pd.DataFrame(columns=order)
    return whole, pd.DataFrame(association)


def _second_rating(study: Study, known: pd.DataFrame, levels: pd.Series) -> pd.Series | None:
    if "score_2" not in known:
        return None
    enough = study.evaluation.min_group
    given = known["score_2"].notna().groupby(levels).agg(["sum", "size"])
    large = given["size"] >= enough
    return known["score_2"] if (given.loc[large, "sum"] >= enough).all() and large.any() else None


def verdict_matrix(report: pd.DataFrame) -> pd.DataFrame:
    """A row a group, a column a series; the cell is the verdict in a word, with the SMD."""

    def word(row) -> str:
        if pd.isna(row.smd):
            return "undefined"
        told = {WITHIN: "within", OUTSIDE: "too low" if row.smd < 0 else "too high"}
        return f"{told.get(row.verdict, 'cannot tell')} {row.smd:+.2f}"

    return _matrix(report.assign(cell=[word(r) for r in report.itertuples()]))


def conditional_matrix(bands: pd.DataFrame) -> pd.DataFrame:
    """A row a group, a column a series; the cell is the verdict at equal human score in a word,
    with the smallest and the largest coefficient."""

    def word(row) -> str:
        if pd.isna(row.smallest):
            return "undefined"
        told = {
            "scored lower at equal true score": "too low",
            "scored higher at equal true score": "too high",
            "no bias shown": "none shown",
            "depends on the reliability of the human score": "depends",
        }
        span = f"{row.smallest:+.2f} to {row.largest:+.2f}"
        return f"{told.get(row.verdict, 'cannot tell')} {span}"

    return _matrix(bands.assign(cell=[word(r) for r in bands.itertuples()]))


def group_names(report: pd.DataFrame) -> pd.Series:
    """What a table calls a group: `gender: F`."""
    return report["attribute"] + ": " + report["level"]


def _matrix(cells: pd.DataFrame) -> pd.DataFrame:
    named = cells.assign(group=group_names(cells))
    keys = ["group", "n"]
    matrix = named.pivot(index=keys, columns="series", values="cell")
    order = pd.MultiIndex.from_frame(named[keys].drop_duplicates())
    return matrix.loc[order, list(named["series"].unique())].reset_index().rename_axis(None, axis=1)


def count_verdicts(study: Study, report: pd.DataFrame) -> pd.DataFrame:
    """How many groups of each series have which verdict, and the largest SMD of those that are
    large enough to get one: `series, groups, within, too low, too high, cannot tell, largest, n,
    smd, low, high` (90 %)."""
    rows = []
    large = report[report["n"] >= study.evaluation.min_group]
    for series, part in large.groupby("series", sort=False):
        known = part.dropna(subset="smd")
        if known.empty:
            continue
        worst = known.loc[known["smd"].abs().idxmax()]
        outside = part["verdict"] == OUTSIDE
        within = part["verdict"] == WITHIN
        rows.append(
            {
                "series": series,
                "groups": len(part),
                "within": int(within.sum()),
                "too low": int((outside & (part["smd"] < 0)).sum()),
                "too high": int((outside & (part["smd"] > 0)).sum()),
                "cannot tell": int((~within & ~outside).sum()),
                "largest": f"{worst['attribute']}: {worst['level']}",
                "n": int(worst["n"]),
                "smd": worst["smd"],
                "low": worst["smd_low"],
                "high": worst["smd_high"],
            }
        )
    return pd.DataFrame(rows)
