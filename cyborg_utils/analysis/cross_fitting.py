"""Agreement of Students that are evaluated by cross-fitting."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.agreement import agreement_by_condition
from cyborg_utils.analysis.subgroups import group_bias
from cyborg_utils.statistics.contrasts import contrast
from cyborg_utils.study.schema.study import Study


def cross_fitted_agreement(study: Study, scores: pd.DataFrame) -> pd.DataFrame:
    """QWK of every Student and condition with 95 % intervals over essays.

    Essays are resampled with the scores that they have, which the models of ten folds gave. In
    redrawn samples of real essays these intervals cover the QWK on fresh essays of the model that
    is trained on all (`benchmarks/cross_fitting.py`).

    Parameters
    ----------
    scores : of `cyborg_utils.labeling.cross_fitting.cross_fit`.

    Returns
    -------
    frame, one row per Student and condition with its fields: `student, n_human, n_train, qwk, low,
    high`; `best_low, best_high`, limits adjusted for the choice of any one row (Bonferroni)
    """
    n_rows = len(scores.drop_duplicates(["student", "condition"]))
    parts = []
    for student, runs in scores.groupby("student", sort=False):
        table, resampled = agreement_by_condition(study, runs)
        adjusted = [contrast(resampled, {c: 1.0}, 1 - 0.05 / n_rows) for c in table["condition"]]
        limits = {f"best_{end}": [row[end] for row in adjusted] for end in ("low", "high")}
        parts.append(table.assign(student=student, **limits))
    table = pd.concat(parts, ignore_index=True)
    fields = ["arm", "teacher", "strategy", "fraction", "n_human", "n_train", "truncated"]
    limits = ["low", "high", "best_low", "best_high"]
    return table[["student", "condition", *fields, "qwk", *limits]]


def cross_fitted_bias(
    study: Study, scores: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """Bias by subgroup of every Student, as `cyborg_utils.analysis.subgroups.group_bias`, with a
    column `student`; `scores` as for `cross_fitted_agreement`."""
    parts = [
        group_bias(study, runs, corpus, groups).assign(student=student)
        for student, runs in scores.groupby("student", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)
