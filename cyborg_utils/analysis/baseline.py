"""Neural Students on cyborg data against the classical baselines on the same human labels."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from cyborg_utils.analysis.predictions import hard_only, with_fields
from cyborg_utils.statistics.contrasts import compare_arms
from cyborg_utils.statistics.hypothesis_tests import holm, holm_alphas
from cyborg_utils.statistics.replications import resample_runs, runs_from_frame
from cyborg_utils.study.schema.models import CLASSICAL
from cyborg_utils.study.schema.study import Study


def compare_with_baseline(
    study: Study, runs: pd.DataFrame, every_strategy: bool = False
) -> pd.DataFrame:
    """Compare every neural Student on cyborg data with every classical one on human labels only.

    At the primary fraction; paired on the same essays and draws. All comparisons are one family
    (Holm).

    Parameters
    ----------
    runs : of `cyborg_utils.analysis.predictions.collect_runs`, with a column `student`.
    every_strategy : Students on any pseudo-labels; by default on hard ones only.

    Returns
    -------
    frame, one row per comparison, empty where a study has no such pair: the fields of the cyborg
    condition, `student, baseline, qwk, baseline_qwk, difference` (QWK of the Student minus that of
    the baseline), `low, high` (95 %), `p, p_holm`, `low_holm, high_holm` (the interval at the level
    of Holm's procedure), `population`
    """
    classical = [s.name for s in study.students if s.kind in CLASSICAL]
    is_classical = runs["student"].isin(classical)
    human_only = (runs["arm"] == "human") & is_classical
    cyborg = (runs["arm"] == "cyborg") & ~is_classical
    wanted = (runs["fraction"] == study.primary_fraction) & (human_only | cyborg)
    chosen = runs[wanted] if every_strategy else hard_only(runs[wanted])
    if chosen["arm"].nunique() < 2:
        return pd.DataFrame()
    human, arms = runs_from_frame(chosen.assign(scorer=_name(chosen)), arm="scorer")
    resampled = resample_runs(human, arms, study.labels, study.evaluation.replicates)
    pairs = chosen.drop_duplicates(["student", "condition"]).assign(scorer=_name)
    baselines = pairs[pairs["arm"] == "human"]
    rows = []
    for row in pairs[pairs["arm"] == "cyborg"].itertuples():
        for baseline in baselines.itertuples():
            compared = compare_arms(resampled, row.scorer, baseline.scorer)
            kept = compared[["difference", "low", "high", "se", "df", "p", "population"]]
            rows.append(
                {"condition": row.condition, "student": row.student, "baseline": baseline.student,
                 "qwk": resampled.estimates[row.scorer],
                 "baseline_qwk": resampled.estimates[baseline.scorer], **kept}
            )  # fmt: skip
    table = pd.DataFrame(rows)
    t = stats.t.isf(holm_alphas(table["p"]) / 2, table["df"])
    table["p_holm"] = holm(table["p"])
    table["low_holm"] = table["difference"] - t * table["se"]
    table["high_holm"] = table["difference"] + t * table["se"]
    return with_fields(table.drop(columns=["se", "df"]), runs)


def _name(runs: pd.DataFrame) -> pd.Series:
    return runs["student"] + " " + runs["condition"]
