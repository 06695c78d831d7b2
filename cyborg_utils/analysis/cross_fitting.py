"""Agreement of Students that are evaluated by cross-fitting."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.agreement import agreement_by_condition
from cyborg_utils.analysis.predictions import READINGS, read_as
from cyborg_utils.analysis.subgroups import group_bias
from cyborg_utils.statistics.contrasts import contrast
from cyborg_utils.study.schema.study import Study


def cross_fitted_agreement(study: Study, scores: pd.DataFrame) -> pd.DataFrame:
    """QWK of every Student, condition and reading with 95 % intervals over essays.

    Essays are resampled with the scores that they have, which the models of the folds gave: how
    these models vary is not resampled. `benchmarks/cross_fitting_coverage.py` measures on redrawn
    samples of real essays how often the intervals cover the QWK of the kept model on fresh essays.

    Parameters
    ----------
    scores : of `cyborg_utils.labeling.cross_fitting.cross_fit`.

    Returns
    -------
    frame, one row per Student, condition and reading, with the condition's fields: `student,
    reading, n_human, n_train, qwk, low, high`; `best_low, best_high`, limits adjusted for the
    choice of any one row (Bonferroni)
    """
    parts = []
    for reading in READINGS:
        for student, runs in read_as(scores, reading).groupby("student", sort=False):
            table, resampled = agreement_by_condition(study, runs)
            parts.append((table.assign(student=student, reading=reading), resampled))
    n_rows, tables = sum(len(table) for table, _ in parts), []
    for table, resampled in parts:
        adjusted = [contrast(resampled, {c: 1.0}, 1 - 0.05 / n_rows) for c in table["condition"]]
        limits = {f"best_{end}": [row[end] for row in adjusted] for end in ("low", "high")}
        tables.append(table.assign(**limits))
    fields = ["arm", "teacher", "strategy", "fraction", "n_human", "n_train", "truncated"]
    limits = ["low", "high", "best_low", "best_high"]
    table = pd.concat(tables, ignore_index=True)
    return table[["student", "condition", "reading", *fields, "qwk", *limits]]


def cross_fitted_bias(
    study: Study, scores: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """Bias by subgroup of every Student, as `cyborg_utils.analysis.subgroups.group_bias`, with a
    column `student`; `scores` as for `cross_fitted_agreement`.

    The SMD is of linked scores. A linear function of all scores changes no DSM.
    """
    parts = [
        group_bias(study, runs, corpus, groups).assign(student=student)
        for student, runs in read_as(scores, "linked").groupby("student", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)
