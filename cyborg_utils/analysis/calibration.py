"""Calibration: a machine's continuous scores mapped, after training, onto people's on dev.

Every map is fitted on dev alone, for each run by itself, and is one for all writers: no group is
known when an essay is scored.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.analysis.agreement import agreement_by_condition
from cyborg_utils.analysis.predictions import with_fields
from cyborg_utils.analysis.subgroups import bias_by_run, mean_bias
from cyborg_utils.statistics.calibration import METHODS, fit_calibration
from cyborg_utils.statistics.contrasts import compare_arms
from cyborg_utils.statistics.fairness import standardized_mean_difference
from cyborg_utils.statistics.hypothesis_tests import Verdict
from cyborg_utils.study.schema.study import Study


def calibrate_runs(dev: pd.DataFrame, test: pd.DataFrame, method: str, labels) -> pd.DataFrame:
    """Every run of a Student, calibrated on its own dev scores.

    Parameters
    ----------
    dev, test : frames of `cyborg_utils.analysis.predictions.collect_runs` for the two parts.

    Returns
    -------
    `test` with new `continuous` and `score`; people's scores of test are not looked at
    """
    run = ["condition", "draw", "seed"]
    parts = []
    known = dict(list(dev.groupby(run, sort=False)))
    for key, scores in test.groupby(run, sort=False):
        scorer = fit_calibration(method, known[key]["continuous"], known[key]["human"], labels)
        continuous, score = scorer(scores["continuous"])
        parts.append(scores.assign(continuous=continuous, score=score))
    return pd.concat(parts, ignore_index=True)


def compare_calibrations(
    study: Study, dev: pd.DataFrame, test: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every method on every condition of one Student: agreement, and bias by group, on test.

    Returns
    -------
    table : a row a condition and method, with the condition's fields: `method, qwk, low, high`;
        `change` in QWK against plain rounding with `change_low, change_high, p` (paired over
        essays, draws and seeds, for this dev set: another one would move it too); `smd_all`, of all
        essays; `largest`, the mean over the runs of each one's largest |SMD| of a group, and the
        `attribute` and `level` of the worst run's; how many groups are shown to be `within` and
        `outside` the bound, and how many are `judged`, being large enough.
    bias : `cyborg_utils.analysis.subgroups.group_bias` of every method, with `method`
    """
    scored = {m: calibrate_runs(dev, test, m, study.labels) for m in METHODS}
    by_run = {m: bias_by_run(study, runs, corpus, groups) for m, runs in scored.items()}
    means = {m: every if every.empty else mean_bias(study, every) for m, every in by_run.items()}
    bias = pd.concat([t.assign(method=m) for m, t in means.items()], ignore_index=True)
    rows = []
    for name in test["condition"].unique():
        of_name = {m: runs[runs["condition"] == name] for m, runs in scored.items()}
        as_arms = [runs.assign(condition=m) for m, runs in of_name.items()]
        table, resampled = agreement_by_condition(study, pd.concat(as_arms, ignore_index=True))
        for method, row in table.set_index("condition").loc[list(METHODS)].iterrows():
            change = {} if method == "none" else compare_arms(resampled, method, "none")
            by_group = means[method].query("condition == @name")
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
                    "judged": int((by_group["n"] >= study.evaluation.min_group).sum()),
                }
            )  # fmt: skip
    return with_fields(pd.DataFrame(rows), test), with_fields(bias, test)


def _mean_smd(runs: pd.DataFrame) -> float:
    every = runs.groupby(["draw", "seed"])
    return float(np.mean([standardized_mean_difference(r["human"], r["score"]) for _, r in every]))


def _largest(by_run: pd.DataFrame, study: Study) -> dict:
    """The mean over the runs of each one's largest |SMD|, so that biases of opposite sign do not
    cancel, and the group of the worst run."""
    judged = by_run[by_run["n"] >= study.evaluation.min_group].dropna(subset="smd")
    if judged.empty:
        return {"largest": None, "attribute": None, "level": None}
    size = judged["smd"].abs()
    worst = judged.loc[size.idxmax()]
    return {
        "largest": size.groupby([judged["draw"], judged["seed"]]).max().mean(),
        "attribute": worst["attribute"],
        "level": worst["level"],
    }
