"""Measures of agreement, averaged over a study's runs, and evaluation criteria for a machine."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.analysis.predictions import with_fields
from cyborg_utils.statistics.agreement import (
    concordance,
    correlation,
    estimate_agreement,
)
from cyborg_utils.statistics.human_agreement import human_human_comparison
from cyborg_utils.statistics.prmse import prmse_interval
from cyborg_utils.statistics.replications import pool_replications
from cyborg_utils.statistics.scales import nearest_points
from cyborg_utils.study.schema.study import Study


class Rule(StrEnum):
    """Evaluation criteria for a machine as a whole.

    QWK, SMD and QWK's degradation after Williamson, Xi and Breyer (2012), SD ratio and the
    degradation of exact agreement after Wang and von Davier (2014).
    """

    QWK = "qwk"
    SMD = "smd"
    SD_RATIO = "sd_ratio"
    QWK_DEGRADATION = "qwk_degradation"
    EXACT_DEGRADATION = "exact_degradation"


class RuleVerdict(StrEnum):
    """Whether a whole interval lies inside or outside the bounds of a criterion."""

    MET = "met"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"


BOUNDS = {Rule.QWK: (0.70, np.inf), Rule.SMD: (-0.15, 0.15), Rule.SD_RATIO: (2 / 3, 3 / 2)}
DEGRADATIONS = {"qwk": Rule.QWK_DEGRADATION, "exact": Rule.EXACT_DEGRADATION}


def measures_by_condition(
    study: Study, runs: pd.DataFrame, table: pd.DataFrame, second: pd.Series | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measures of agreement, and evaluation criteria for a machine as a whole.

    A statistic of several runs is their mean, its error as in `pool_replications`. A criterion is
    met or broken only if the whole 95 % interval lies inside or outside its bounds. Concordance,
    correlation and PRMSE are of the continuous scores, and of human scores as they are in a file,
    means of ratings included; all others are of points of the scale.

    Parameters
    ----------
    table : that of `agreement_by_condition`, whose interval of QWK the criterion uses.
    second : a second human score by essay id, missing where an essay has none.

    Returns
    -------
    (measures: one row per condition; rules: one row per condition and criterion: `rule, value, low,
    high, verdict`; both with the conditions' fields)
    """
    rows, ruled = [], []
    for keys, run in runs.groupby(["condition", "draw", "seed"], sort=False):
        human, score, continuous = (run[c].to_numpy() for c in ("human", "score", "continuous"))
        measured = estimate_agreement(human, score, study.labels)
        mean = run.get("human_mean", run["human"]).to_numpy()
        row = {"condition": keys[0], **measured["estimate"].drop("mean_difference"),
               "concordance": concordance(mean, continuous),
               "correlation": correlation(mean, continuous)}  # fmt: skip
        for rule, bounds in BOUNDS.items():
            ruled.append((*keys, rule, *measured.loc[rule.value, ["estimate", "se"]], *bounds))
        other = run["essay_id"].map({} if second is None else second).to_numpy(dtype=float)
        both = np.isfinite(other)
        if both.any():
            points = human[both], nearest_points(other[both], study.labels), score[both]
            comparison = human_human_comparison(*points, study.labels, 200)
            for statistic, rule in DEGRADATIONS.items():
                value, se, limit = comparison.loc[statistic, ["degradation", "se", "limit"]]
                ruled.append((*keys, rule, value, se, -np.inf, limit))
            row["prmse"] = prmse_interval(np.column_stack([mean, other]), continuous)["prmse"]
        rows.append(row)
    measures = pd.DataFrame(rows).groupby("condition", sort=False).mean().reset_index()
    columns = ["condition", "draw", "seed", "rule", "value", "se", "least", "most"]
    every = pd.DataFrame(ruled, columns=columns)
    essays = runs["essay_id"].nunique()
    rules = pool_replications(every, ["condition", "rule", "least", "most"], "value", essays)
    half_width = stats.t.ppf(0.975, rules["df"]) * rules["se"]
    rules["low"], rules["high"] = rules["value"] - half_width, rules["value"] + half_width
    kappa = rules["rule"] == Rule.QWK
    intervals = table.set_index("condition").loc[rules.loc[kappa, "condition"], ["low", "high"]]
    rules.loc[kappa, ["low", "high"]] = intervals.to_numpy()
    inside = (rules["low"] >= rules["least"]) & (rules["high"] <= rules["most"])
    outside = (rules["high"] < rules["least"]) | (rules["low"] > rules["most"])
    rules["verdict"] = RuleVerdict.INCONCLUSIVE
    rules.loc[inside, "verdict"] = RuleVerdict.MET
    rules.loc[outside, "verdict"] = RuleVerdict.BROKEN
    rules = rules[["condition", "rule", "value", "low", "high", "verdict"]]
    return with_fields(measures, runs), with_fields(rules, runs)
