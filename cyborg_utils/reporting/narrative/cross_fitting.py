"""Sentences on Students that are evaluated by cross-fitting."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.reporting.labels import condition_label, reading_label
from cyborg_utils.reporting.narrative.fairness import judged_in_words, not_judged_in_words
from cyborg_utils.statistics.groups import is_missing
from cyborg_utils.study.results import CrossFittingResult
from cyborg_utils.study.schema.study import Study


def cross_fitting_findings(
    study: Study, fitted: CrossFittingResult, agreement: pd.DataFrame, report: pd.DataFrame
) -> list[str]:
    """Agreement and fairness of the Student with the highest QWK, and the command that scores new
    essays with it, in sentences of Markdown.

    Parameters
    ----------
    agreement : rows with `student, condition, reading, qwk, best_low, best_high`; the last two are
        limits adjusted for the choice of the best row.
    report : of `cyborg_utils.analysis.subgroups.group_bias`, with a column `student`.
    """
    best = agreement.loc[agreement["qwk"].idxmax()]
    column = "linked_score" if best["reading"] == "linked" else "score"
    lines = [
        f"**{best['student']}** trained on {condition_label(best['condition'])}, "
        f"{reading_label(best['reading'])}: QWK "
        f"{best['qwk']:.3f} ({best['best_low']:.3f} to {best['best_high']:.3f}) for new essays "
        f"like these, estimated on all {fitted.n_scored:,} hand-scored essays by "
        f"{fitted.folds} folds. The limits are adjusted for the choice among {len(agreement)} "
        "models and readings."
    ]
    model = f"runs/{study.name}/" + fitted.models[f"{best['student']}/{best['condition']}"]
    use = f"To score new essays with it, in the column `{column}`: `cyborg score {model} new.csv "
    use += "scores.csv`."
    if report.empty:
        return [*lines, "Fairness: the study names no subgroups, so none was judged.", use]
    rows = report[
        (report["student"] == best["student"]) & (report["condition"] == best["condition"])
    ]
    rows = rows[~is_missing(rows["level"])]
    small = rows[rows["n"] < study.evaluation.min_group]
    judged = rows.drop(small.index).dropna(subset="dsm")
    fairness = judged_in_words(judged, study.evaluation.smd_bound)
    unjudged = not_judged_in_words(small, study.evaluation.min_group)
    return [*lines, f"Fairness: {fairness}{unjudged}", use]
