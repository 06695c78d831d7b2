"""The tables of a study's summary, of all its Students or machines, in one reading of the scores.

Plain rounding of a regression narrows the distribution of scores, and labels of a wider
distribution widen it again. What cyborg data gain after linking, which every scorer has alike, is
more than that: a study's comparisons are made in both readings.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from cyborg_utils.analysis.agreement import agreement_by_condition, comparisons, last_steps
from cyborg_utils.analysis.measures import measures_by_condition
from cyborg_utils.analysis.predictions import collect_runs
from cyborg_utils.study.schema.study import Study


class SummaryTables(NamedTuple):
    """Each with a column `student`: the runs, and the tables of the functions of their names,
    `agreement_by_condition, comparisons, last_steps` and both of `measures_by_condition`."""

    runs: pd.DataFrame
    agreement: pd.DataFrame
    comparisons: pd.DataFrame
    last_steps: pd.DataFrame
    measures: pd.DataFrame
    rules: pd.DataFrame


def summary_tables(
    study: Study, second: pd.Series | None = None, reading: str = "plain"
) -> SummaryTables:
    """Agreement, comparisons, measures and criteria of every Student, or of the machines of a file.

    Parameters
    ----------
    second : a second human score by essay id.
    reading : as for `collect_runs`.
    """
    parts = []
    for name in study.reported:
        runs = collect_runs(study, name, reading=reading)
        table, resampled = agreement_by_condition(study, runs)
        compared = comparisons(study, table, resampled)
        steps = last_steps(study, table, resampled)
        measured = measures_by_condition(study, runs, table, second)
        frames = (runs, table, compared, steps, *measured)
        parts.append([frame.assign(student=name) for frame in frames])
    return SummaryTables(*(pd.concat(f, ignore_index=True) for f in zip(*parts, strict=True)))
