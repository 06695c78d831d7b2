"""Calibration of continuous machine scores to the human scale, after training.

Every calibration function is fitted on dev alone, separately for each run, and is the same for all
examinees: no subgroup is needed when an essay is scored.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.analysis.agreement import agreement_by_condition
from cyborg_utils.analysis.predictions import with_fields
from cyborg_utils.analysis.subgroups import bias_by_run, has_verdict, mean_bias
from cyborg_utils.statistics.calibration import METHODS, fit_calibration
from cyborg_utils.statistics.contrasts import compare_arms
from cyborg_utils.statistics.hypothesis_tests import Verdict
from cyborg_utils.statistics.standardized_differences import standardized_mean_difference
from cyborg_utils.study.schema.study import Study


def calibrate_runs(dev: pd.DataFrame, test: pd.DataFrame, method: str, labels) -> pd.DataFrame:
    """Every run of a Student, calibrated on its own dev scores.

    Parameters
    ----------
    dev, test : frames of `cyborg_utils.analysis.predictions.collect_runs` of the two splits.

    Returns
    -------
    `test` with new `continuous` and `score`; the human scores of test are not used
    """
    run = ["condition", "draw", "seed"]
    parts = []
    dev_runs = dict(list(dev.groupby(run, sort=False)))
    for key, scores in test.groupby(run, sort=False):
        scorer = fit_calibration(
            method, dev_runs[key]["continuous"], dev_runs[key]["human"], labels
        )
        continuous, score = scorer(scores["continuous"])
        parts.append(scores.assign(continuous=continuous, score=score))
    return pd.concat(parts, ignore_index=True)


def compare_calibrations(
    study: Study, dev: pd.DataFrame, test: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every method on every condition of one Student: agreement, and bias by group, on test.

    Returns
    -------
    table : one row per condition and method, with the condition's fields: `method, qwk, low, high`;
        `change` in QWK from plain rounding with `change_low, change_high, p` (paired over
        essays, draws and trainings, for this dev set alone); `smd_all`, of all
        essays; `largest`, the mean over the runs of each one's largest |SMD| of a subgroup, and the
        `attribute` and `level` of the largest of all; the numbers of subgroups shown to be
        `within` and `outside` the bound, and `judged`, of those that are large enough.
    bias : `cyborg_utils.analysis.subgroups.group_bias` of every method, with `method`
    """
    scored = {m: calibrate_runs(dev, test, m, study.labels) for m in METHODS}
    by_run = {m: bias_by_run(study, runs, corpus, groups) for m, runs in scored.items()}
    means = {m: rows if rows.empty else mean_bias(study, rows) for m, rows in by_run.items()}
    bias = pd.concat([t.assign(method=m) for m, t in means.items()], ignore_index=True)
    rows = []
    for name in test["condition"].unique():
        of_name = {m: runs[runs["condition"] == name] for m, runs in scored.items()}
        as_arms = [runs.assign(condition=m) for m, runs in of_name.items()]
        table, resampled = agreement_by_condition(
            study, pd.concat(as_arms, ignore_index=True), same_trainings=True
        )
        for method, row in table.set_index("condition").loc[list(METHODS)].iterrows():
            change = {} if method == "none" else compare_arms(resampled, method, "none")
            by_group = means[method].query("condition == @name")
            by_group = by_group[has_verdict(study, by_group)]
            rows.append(
                {
                    "condition": name, "method": method,
                    "qwk": row["qwk"], "low": row["low"], "high": row["high"],
                    "change": change.get("difference"), "change_low": change.get("low"),
                    "change_high": change.get("high"), "p": change.get("p"),
                    "smd_all": _mean_smd(of_name[method]),
                    **_largest(by_run[method].query("condition == @name"), study),
                    "within": int((by_group["verdict"] == Verdict.WITHIN).sum()),
                    "outside": int((by_group["verdict"] == Verdict.OUTSIDE).sum()),
                    "judged": len(by_group),
                }
            )  # fmt: skip
    return with_fields(pd.DataFrame(rows), test), with_fields(bias, test)


def _mean_smd(runs: pd.DataFrame) -> float:
    by_run = runs.groupby(["draw", "seed"])
    return float(np.mean([standardized_mean_difference(r["human"], r["score"]) for _, r in by_run]))


def _largest(by_run: pd.DataFrame, study: Study) -> dict:
    """The mean over the runs of each one's largest |SMD|, so that biases of opposite sign do not
    cancel, and the subgroup with the largest of all."""
    evaluated = by_run[has_verdict(study, by_run)].dropna(subset="smd")
    if evaluated.empty:
        return {"largest": None, "attribute": None, "level": None}
    size = evaluated["smd"].abs()
    worst = evaluated.loc[size.idxmax()]
    return {
        "largest": size.groupby([evaluated["draw"], evaluated["seed"]]).max().mean(),
        "attribute": worst["attribute"],
        "level": worst["level"],
    }
