"""Measures of agreement, averaged over a study's runs, and evaluation criteria for a machine."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd

from cyborg_utils.analysis.predictions import RUN, weights_of, with_fields
from cyborg_utils.statistics.accuracy import continuous_accuracy, unweighted_kappa
from cyborg_utils.statistics.agreement import concordance, estimate_agreement
from cyborg_utils.statistics.human_agreement import human_human_comparison
from cyborg_utils.statistics.hypothesis_tests import t_interval
from cyborg_utils.statistics.prmse import prmse_interval
from cyborg_utils.statistics.replications import pool_replications
from cyborg_utils.statistics.scales import nearest_points
from cyborg_utils.statistics.weighting import effective_n
from cyborg_utils.study.schema.study import Study


class Rule(StrEnum):
    """Evaluation criteria for a machine as a whole.

    QWK, correlation, SMD and the degradations of QWK and correlation after Williamson, Xi and
    Breyer (2012), SD ratio and the degradation of exact agreement after Wang and von Davier (2014).
    """

    QWK = "qwk"
    CORRELATION = "correlation"
    SMD = "smd"
    SD_RATIO = "sd_ratio"
    QWK_DEGRADATION = "qwk_degradation"
    CORRELATION_DEGRADATION = "correlation_degradation"
    EXACT_DEGRADATION = "exact_degradation"


class RuleVerdict(StrEnum):
    """Whether a whole interval lies inside or outside the bounds of a criterion."""

    MET = "met"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"


BOUNDS = {
    Rule.QWK: (0.70, np.inf),
    Rule.CORRELATION: (0.70, np.inf),
    Rule.SMD: (-0.15, 0.15),
    Rule.SD_RATIO: (2 / 3, 3 / 2),
}


def measures_by_condition(
    study: Study, runs: pd.DataFrame, table: pd.DataFrame, second: pd.Series | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measures of agreement, and evaluation criteria for a machine as a whole.

    Concordance, correlation, RMSE, R squared and PRMSE are of the continuous scores, and of human
    scores as they are in a file, means of ratings included; all others are of points of the scale.

    Parameters
    ----------
    table : that of `agreement_by_condition`, whose interval of QWK the criterion uses.
    second : a second human score by essay id, missing where an essay has none.

    Returns
    -------
    (measures: one row per condition, means over its runs; rules: those of `evaluation_rules`; both
    with the conditions' fields)
    """
    rows = []
    for keys, run in runs.groupby(RUN, sort=False):
        human, score, continuous = (run[c].to_numpy() for c in ("human", "score", "continuous"))
        w, mean = weights_of(run), human_mean(run)
        measured = estimate_agreement(human, score, study.labels, w)["estimate"]
        accuracy = continuous_accuracy(mean, continuous, w).set_index("statistic")["estimate"]
        kappa = unweighted_kappa(human, score, study.labels, w).loc[0, "estimate"]
        row = {"condition": keys[0], **measured.drop(["mean_difference", "correlation"]),
               "concordance": concordance(mean, continuous, w), **accuracy,
               "kappa": kappa}  # fmt: skip
        other = second_scores(run, second)
        if np.isfinite(other).any():
            ratings = np.column_stack([mean, other])
            row["prmse"] = prmse_interval(ratings, continuous, weights=w)["prmse"]
        rows.append(row)
    measures = pd.DataFrame(rows).groupby("condition", sort=False).mean().reset_index()
    intervals = table.set_index("condition")[["low", "high"]]
    rules = evaluation_rules(study, runs, second, intervals)
    return with_fields(measures, runs), with_fields(rules, runs)


def evaluation_rules(
    study: Study,
    runs: pd.DataFrame,
    second: pd.Series | None = None,
    kappas: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Evaluation criteria with intervals and verdicts, of every condition.

    A statistic of several runs is their mean, its error as in `pool_replications`. A criterion is
    met or broken only if the whole 95 % interval lies inside or outside its bounds. Correlations
    are of the continuous scores.

    Parameters
    ----------
    second : a second human score by essay id, missing where an essay has none.
    kappas : `low, high` of the QWK by condition, in place of the interval of its error.

    Returns
    -------
    frame, one row per condition and criterion: `condition, rule, value, low, high, verdict`
    """
    ruled = [
        (*keys, *rule)
        for keys, run in runs.groupby(RUN, sort=False)
        for rule in _rules_of_run(study, run, second)
    ]
    columns = [*RUN, "rule", "value", "se", "least", "most"]
    keys = ["condition", "rule", "least", "most"]
    essays = essays_counted(runs)
    rules = pool_replications(pd.DataFrame(ruled, columns=columns), keys, "value", essays)
    rules["low"], rules["high"] = t_interval(rules["value"], rules["se"], rules["df"] + 1, 0.95)
    if kappas is not None:
        of_kappa = rules["rule"] == Rule.QWK
        intervals = kappas.loc[rules.loc[of_kappa, "condition"], ["low", "high"]]
        rules.loc[of_kappa, ["low", "high"]] = intervals.to_numpy()
    inside = (rules["low"] >= rules["least"]) & (rules["high"] <= rules["most"])
    outside = (rules["high"] < rules["least"]) | (rules["low"] > rules["most"])
    rules["verdict"] = RuleVerdict.INCONCLUSIVE
    rules.loc[inside, "verdict"] = RuleVerdict.MET
    rules.loc[outside, "verdict"] = RuleVerdict.BROKEN
    return rules[["condition", "rule", "value", "low", "high", "verdict"]]


def _rules_of_run(study: Study, run: pd.DataFrame, second: pd.Series | None) -> list[tuple]:
    """Every criterion's name, value, error and bounds for one run."""
    human, score, continuous = (run[c].to_numpy() for c in ("human", "score", "continuous"))
    w = weights_of(run)
    measured = estimate_agreement(human, score, study.labels, w)
    accuracy = continuous_accuracy(human_mean(run), continuous, w).set_index("statistic")
    measured.loc["correlation"] = accuracy.loc["correlation", ["estimate", "se"]].astype(float)
    rules = [
        (r, *measured.loc[r.value, ["estimate", "se"]], *bounds) for r, bounds in BOUNDS.items()
    ]
    other = second_scores(run, second)
    both = np.isfinite(other)
    if both.sum() > 1:
        points = human[both], nearest_points(other[both], study.labels), score[both]
        compared = human_human_comparison(
            *points, study.labels, 200, continuous=continuous[both],
            weights=None if w is None else w[both],
        )  # fmt: skip
        for statistic, row in compared.iterrows():
            limits = (-np.inf, row["limit"])
            rules.append((Rule(f"{statistic}_degradation"), row["degradation"], row["se"], *limits))
    return rules


def essays_counted(runs: pd.DataFrame) -> float:
    """Number of essays of the runs; the effective number where they have sampling weights."""
    first = runs.drop_duplicates("essay_id")
    return len(first) if "weight" not in first else effective_n(first["weight"])


def second_scores(run: pd.DataFrame, second: pd.Series | None) -> np.ndarray:
    """The second human score of each of a run's essays, NaN where there is none."""
    return run["essay_id"].map({} if second is None else second).to_numpy(dtype=float)


def human_mean(run: pd.DataFrame) -> np.ndarray:
    """The human score of each of a run's essays as it is in the file, be it a mean of ratings."""
    return run.get("human_mean", run["human"]).to_numpy()
