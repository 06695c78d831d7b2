"""Bias of every run by subgroup: SMD, DSM, conditional bias, intersections, verdicts.

Takes the frame of runs of `cyborg_utils.analysis.predictions.collect_runs`. Small subgroups are
suppressed here, before anything is shown or written (`cyborg_utils.analysis.disclosure`).
"""

from __future__ import annotations

from enum import StrEnum
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.analysis.disclosure import only_shown, shown_levels
from cyborg_utils.analysis.predictions import weights_of, with_fields
from cyborg_utils.corpus.simulation.generator import PLANTED_GROUP
from cyborg_utils.statistics.conditional_bias import (
    ConditionalBias,
    conditional_bias,
    conditional_verdicts,
)
from cyborg_utils.statistics.fairness import group_differences
from cyborg_utils.statistics.groups import MISSING, group_levels, is_missing
from cyborg_utils.statistics.hypothesis_tests import (
    Verdict,
    benjamini_hochberg,
    equivalence_verdict,
    essays_needed,
    t_interval,
)
from cyborg_utils.statistics.replications import pool_replications
from cyborg_utils.statistics.standardized_differences import smd_with_error, weighted_sd
from cyborg_utils.statistics.weighting import effective_n
from cyborg_utils.study.design import CONDITION_FIELDS
from cyborg_utils.study.schema.study import Study

KEYS = ["condition", "attribute", "level"]
BAND = [
    "attribute", "level", "reference", "n", "correction", "smallest", "largest", "low", "high",
    "bound", "p_holm", "verdict",
]  # fmt: skip


class Outcome(StrEnum):
    """A subgroup's verdict with the direction of its bias, or why it has none."""

    WITHIN = "within"
    TOO_LOW = "too_low"
    TOO_HIGH = "too_high"
    INCONCLUSIVE = "inconclusive"
    UNDEFINED = "undefined"
    TOO_FEW = "too_few"
    NO_GROUP = "no_group"  # essays whose attribute is missing


COUNTED = (Outcome.WITHIN, Outcome.TOO_LOW, Outcome.TOO_HIGH, Outcome.INCONCLUSIVE)


def group_bias(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """SMD and DSM of every subgroup for every condition, averaged over the runs.

    The SMD is of rounded scores and contains a shift of all essays; DSM is of continuous scores and
    does not.

    Parameters
    ----------
    groups : attributes; a nested list of attributes is their intersection.

    Returns
    -------
    frame, one row per condition and level, with the condition's fields: `attribute, level, n,
    mean_human, mean_machine, qwk, smd, smd_se, smd_low, smd_high` (90 %), `p` (SMD = 0), `p_bh`
    (Benjamini-Hochberg over the subgroups that get a verdict), `verdict` (of the SMD), `dsm,
    dsm_se, dsm_low, dsm_high, dsm_verdict`, `essays_needed` (to show a DSM of zero within the
    bound; missing where the interval excludes zero), and the SMD over other standard deviations:
    `smd_human` (the group's human scores), `smd_pooled_population`, `smd_human_population` (the
    whole sample).
    """
    by_run = bias_by_run(study, runs, corpus, groups)
    return by_run if by_run.empty else with_fields(mean_bias(study, by_run), runs)


def bias_by_run(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """What `group_bias` averages: one row per run and level, with `draw` and `seed`."""
    if not groups:
        columns = [*CONDITION_FIELDS, *KEYS[1:], "n", "mean_human", "smd", "verdict", "dsm",
                   "dsm_verdict"]  # fmt: skip
        return pd.DataFrame(columns=columns)
    weights = "weight" if "weight" in runs else None
    scores = ["human", "score", "continuous", *([weights] if weights else [])]
    by_id = corpus.set_index("essay_id").drop(columns=scores, errors="ignore")
    parts = []
    for keys, run in runs.groupby(["condition", "draw", "seed"], sort=False):
        essays = run.set_index("essay_id")[scores].join(by_id)
        table = group_differences(
            essays, groups, machine="score", labels=study.labels, denominators=("pooled",),
            continuous="continuous", weights=weights,
        )  # fmt: skip
        table = only_shown(study, table, essays, groups)
        table["essays_needed"] = [
            essays_needed(0.0, study.evaluation.smd_bound, se * n**0.5) if se > 0 else np.nan
            for se, n in zip(table["dsm_se"], table["n"], strict=True)
        ]
        run_of = dict(zip(("condition", "draw", "seed"), keys, strict=True))
        parts.append(table.assign(**run_of, **_other_units(table, run)))
    return pd.concat(parts, ignore_index=True)


def _other_units(table: pd.DataFrame, scores: pd.DataFrame) -> dict[str, pd.Series]:
    """The same mean difference over the other standard deviations."""
    difference = table["mean_machine"] - table["mean_human"]
    w = weights_of(scores)
    sd_human, sd_machine = (weighted_sd(scores[c].to_numpy(), w) for c in ("human", "score"))
    return {
        "smd_human": difference / table["sd_human"].where(table["sd_human"] > 0),
        "smd_pooled_population": difference / ((sd_human**2 + sd_machine**2) / 2) ** 0.5,
        "smd_human_population": difference / sd_human,
    }


def mean_bias(study: Study, by_run: pd.DataFrame) -> pd.DataFrame:
    """The table of `group_bias` from that of `bias_by_run`."""
    measures = [
        "n", "mean_human", "mean_machine", "sd_human", "qwk", "smd_human",
        "smd_pooled_population", "smd_human_population", "essays_needed",
    ]  # fmt: skip
    table = by_run.groupby(KEYS, sort=False)[measures].mean().reset_index().astype({"n": int})
    for measure, verdict in (("dsm", "dsm_verdict"), ("smd", "verdict")):
        pooled = _with_verdicts(study, by_run, KEYS, measure, verdict)
        table = table.drop(columns="df", errors="ignore").merge(pooled, on=KEYS)
    table["p"] = 2 * stats.t.sf((table["smd"] / table["smd_se"]).abs(), table["df"])
    table["p_bh"] = benjamini_hochberg(table["p"].where(has_verdict(study, table)))
    compatible = (table["dsm_low"] < 0) & (table["dsm_high"] > 0)
    table["essays_needed"] = table["essays_needed"].where(compatible)
    return table


def _with_verdicts(
    study: Study, by_run: pd.DataFrame, keys: list[str], measure: str, verdict: str
) -> pd.DataFrame:
    """A measure averaged over runs: the keys, the measure, `<measure>_se, df, <measure>_low,
    <measure>_high` (90 %), and the column `verdict`."""
    se, bounds = f"{measure}_se", study.evaluation
    size = "n_effective" if "n_effective" in by_run else "n"
    pooled = pool_replications(by_run, keys, measure, size, se)
    limits = t_interval(pooled[measure], pooled[se], pooled["df"] + 1, 0.90)
    pooled[f"{measure}_low"], pooled[f"{measure}_high"] = limits
    sizes = by_run.groupby(keys, sort=False)["n"].first().to_numpy()
    pooled[verdict] = [
        equivalence_verdict(value, error, n, bounds.smd_bound, min_essays=bounds.min_group, df=df)
        for value, error, n, df in zip(
            pooled[measure], pooled[se], sizes, pooled["df"], strict=True
        )
    ]
    return pooled


def has_verdict(study: Study, report: pd.DataFrame) -> pd.Series:
    """Whether a row of `group_bias` is a subgroup, and one with enough essays for a verdict."""
    return (report["n"] >= study.evaluation.min_group) & ~is_missing(report["level"])


def shift_of_all(study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """The SMD of all essays of every condition: a shift that each subgroup's SMD contains.

    Returns
    -------
    frame, one row per condition with its fields: `n, smd, smd_low, smd_high` (90 %), `verdict`
    """
    rows = []
    for keys, run in runs.groupby(["condition", "draw", "seed"], sort=False):
        w = weights_of(run)
        found = smd_with_error(run["human"], run["score"], weights=w)
        rows.append((*keys, len(run), *found, len(run) if w is None else effective_n(w)))
    columns = ["condition", "draw", "seed", "n", "smd", "smd_se", "n_effective"]
    by_run = pd.DataFrame(rows, columns=columns)
    table = _with_verdicts(study, by_run, ["condition"], "smd", "verdict")
    table["n"] = table["condition"].map(by_run.groupby("condition")["n"].first())
    return with_fields(table[["condition", "n", "smd", "smd_low", "smd_high", "verdict"]], runs)


def intersections(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """The SMD of every intersection of two attributes, in the columns of `group_bias`."""
    varied = [g for g in groups if group_levels(corpus, g)[1].nunique() > 1]
    pairs = [list(pair) for pair in combinations(varied, 2)]
    return group_bias(study, runs, corpus, pairs)


def conditional_group_bias(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Conditional bias of every condition at equal human score, averaged over its runs.

    The regressions are those of each run's continuous score; their coefficients' errors contain the
    variance between draws and between seeds, as in `pool_replications`. The reference is the
    largest subgroup whose level is known. A second human score is used if every subgroup of a
    reportable size has enough of them. The verdicts of a condition are one family of tests.

    Returns
    -------
    (bands: one row per condition and level: `attribute, level, reference, n, correction, smallest,
    largest, low, high, bound, p_holm, verdict`, as in `conditional_verdicts`; association:
    `attribute, osa, osd, csd`, means over the runs; both with the conditions' fields)
    """
    corpus = corpus.set_index("essay_id")
    coefficients, association = [], []
    for keys, run in runs.groupby(["condition", "draw", "seed"], sort=False):
        essays = corpus.loc[run["essay_id"]]
        run_of = dict(zip(("condition", "draw", "seed"), keys, strict=True))
        for attribute in groups:
            bias = _conditional_bias_of_run(study, run, essays, attribute)
            if bias is None:
                continue
            coefficients.append(bias.coefficients.assign(**run_of, attribute=attribute))
            summary = {"osa": bias.osa, "osd": bias.osd, "csd": bias.csd}
            association.append(run_of | {"attribute": attribute} | summary)
    if not coefficients:
        return pd.DataFrame(columns=[*CONDITION_FIELDS, *BAND]), pd.DataFrame()
    pooled = _pooled_coefficients(pd.concat(coefficients, ignore_index=True))
    bands = [
        conditional_verdicts(part, [*KEYS, "reference"], min_essays=study.evaluation.min_group)
        for _, part in pooled.groupby("condition", sort=False)
    ]
    keys = ["condition", "attribute"]
    explained = pd.DataFrame(association).drop(columns=["draw", "seed"])
    explained = explained.groupby(keys, sort=False).mean().reset_index()
    whole = pd.concat(bands, ignore_index=True)[["condition", *BAND]]
    return with_fields(whole, runs), with_fields(explained, runs)


def _conditional_bias_of_run(
    study: Study, run: pd.DataFrame, essays: pd.DataFrame, attribute: str
) -> ConditionalBias | None:
    """None where fewer than two levels can be compared; suppressed levels have no coefficient."""
    _, levels = group_levels(essays, attribute)
    sizes, shown = levels.value_counts(), shown_levels(study, essays, attribute)
    if len(sizes) < 2 or not shown:
        return None
    bias = conditional_bias(
        run["human"], run["continuous"], levels,
        reference=sizes.drop(MISSING, errors="ignore").sort_index().idxmax(),
        reliabilities=study.evaluation.reliability_band,
        second_rating=_second_rating(study, essays, levels),
        bound=study.evaluation.conditional_bound,
    )  # fmt: skip
    of_shown = bias.coefficients["level"].isin(shown)
    return bias._replace(coefficients=bias.coefficients[of_shown])


def _pooled_coefficients(by_run: pd.DataFrame) -> pd.DataFrame:
    """The coefficients averaged over a condition's runs."""
    keys = [*KEYS, "reference", "correction", "reliability"]
    pooled = pool_replications(by_run, keys, "coefficient", "n")
    sizes = by_run.groupby(keys, sort=False, dropna=False)[["n", "bound"]].mean()
    return pooled.merge(sizes.reset_index().astype({"n": int}), on=keys)


def _second_rating(study: Study, essays: pd.DataFrame, levels: pd.Series) -> pd.Series | None:
    if "score_2" not in essays:
        return None
    enough = study.evaluation.min_group
    counts = essays["score_2"].notna().groupby(levels).agg(["sum", "size"])
    counts = counts.drop(MISSING, errors="ignore")
    large = counts["size"] >= enough
    usable = large.any() and (counts.loc[large, "sum"] >= enough).all()
    return essays["score_2"] if usable else None


def outcomes(study: Study, report: pd.DataFrame) -> pd.Series:
    """The `Outcome` of each row of `group_bias`, by DSM: beyond a shift of all essays."""
    kinds = pd.Series(Outcome.INCONCLUSIVE, report.index, dtype=object)
    kinds[report["dsm_verdict"] == Verdict.WITHIN] = Outcome.WITHIN
    outside = report["dsm_verdict"] == Verdict.OUTSIDE
    kinds[outside & (report["dsm"] < 0)] = Outcome.TOO_LOW
    kinds[outside & (report["dsm"] > 0)] = Outcome.TOO_HIGH
    kinds[report["dsm"].isna()] = Outcome.UNDEFINED
    kinds[report["n"] < study.evaluation.min_group] = Outcome.TOO_FEW
    kinds[is_missing(report["level"])] = Outcome.NO_GROUP
    return kinds


def count_verdicts(study: Study, report: pd.DataFrame) -> pd.DataFrame:
    """Number of subgroups by condition and verdict, and the largest DSM of those that are large
    enough for a verdict.

    Returns
    -------
    frame, one row per condition with its fields: `groups, within, too_low, too_high, inconclusive`
    (numbers of subgroups), and of the largest DSM `attribute, level, n, dsm, low, high` (90 %)
    """
    rows = []
    large = report[has_verdict(study, report)]
    for condition, part in large.groupby("condition", sort=False):
        defined = part.dropna(subset="dsm")
        if defined.empty:
            continue
        worst = defined.loc[defined["dsm"].abs().idxmax()]
        counts = outcomes(study, part).replace(Outcome.UNDEFINED, Outcome.INCONCLUSIVE)
        counts = counts.value_counts()
        rows.append(
            {
                "condition": condition,
                "groups": len(part),
                **{o.value: int(counts.get(o, 0)) for o in COUNTED},
                "attribute": worst["attribute"],
                "level": worst["level"],
                "n": int(worst["n"]),
                "dsm": worst["dsm"],
                "low": worst["dsm_low"],
                "high": worst["dsm_high"],
            }
        )
    return with_fields(pd.DataFrame(rows), report) if rows else pd.DataFrame()


def planted_gap(runs: pd.DataFrame, corpus: pd.DataFrame) -> pd.DataFrame:
    """How the subgroup with a simulated corpus's planted bias is scored compared with the others.

    Returns
    -------
    frame, one row per condition with its fields: `gap`, the subgroup's mean continuous score minus
    that of the others at equal true score, in score points, weighted by the subgroup's essays
    """
    attribute, level = PLANTED_GROUP
    truth = corpus.set_index("essay_id")[["true_score", attribute]]
    rows = []
    for condition, run in runs.groupby("condition", sort=False):
        scored = run.join(truth, on="essay_id")
        means = scored.groupby(["true_score", scored[attribute] == level])["continuous"]
        means = means.agg(["mean", "size"])
        mean, weight = means["mean"].unstack(), means["size"].unstack()[True].fillna(0)
        gap = ((mean[True] - mean[False]) * weight).sum() / weight.sum()
        rows.append({"condition": condition, "gap": gap})
    return with_fields(pd.DataFrame(rows), runs)
