"""Agreement and comparisons of Students whose scores are linked to the human scale.

Plain rounding of a regression narrows the distribution of scores, and labels of a wider
distribution widen it again. What cyborg data gain after linking, which every scorer has alike, is
more than that.
"""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.agreement import agreement_by_condition, comparisons
from cyborg_utils.analysis.measures import measures_by_condition
from cyborg_utils.analysis.predictions import collect_runs
from cyborg_utils.study.schema.study import Study


def linked_results(
    study: Study, second: pd.Series | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Agreement, comparisons and measures of all Students, of their linked scores.

    Parameters
    ----------
    second : a second human score by essay id.

    Returns
    -------
    the tables of `agreement_by_condition`, `comparisons` and `measures_by_condition`, each with a
    column `student`; their tests are not part of the confirmatory family
    """
    parts = []
    for name in [] if study.machines else study.reported:
        runs = collect_runs(study, name, reading="linked")
        table, resampled = agreement_by_condition(study, runs)
        compared = comparisons(study, table, resampled)
        measures, _ = measures_by_condition(study, runs, table, second)
        parts.append([frame.assign(student=name) for frame in (table, compared, measures)])
    if not parts:
        return pd.DataFrame(), pd.DataFrame(), pd.DataFrame()
    return tuple(pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
