"""The SMD of linked scores by subgroup, beside that of the scores as the model gives them.

Linking matches mean and standard deviation to the human scale. It removes the SMD that comes of too
narrow a distribution of scores, which each subgroup far from the mean has. Where test differs in
level from the essays linked on, it adds a shift of all essays. DSM compares standardized scores:
a linear link does not change it.
"""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.paired import EVERYONE
from cyborg_utils.analysis.predictions import primary_runs, with_fields
from cyborg_utils.analysis.subgroups import group_bias, shift_of_all
from cyborg_utils.study.schema.study import Study

MEASURES = ["smd", "smd_low", "smd_high", "verdict"]
_KEYS = ["condition", "attribute", "level", "n"]


def smd_in_both_readings(
    study: Study,
    student: str,
    corpus: pd.DataFrame,
    groups: list,
    shift: pd.DataFrame,
    report: pd.DataFrame,
) -> pd.DataFrame:
    """SMD of all essays and of every subgroup, of plainly rounded and of linked scores.

    Parameters
    ----------
    student : a Student of the study.
    corpus, groups : as for `group_bias`.
    shift, report : of `shift_of_all` and `group_bias`, of the plainly rounded scores.

    Returns
    -------
    frame, one row per condition and level, with the condition's fields: `attribute, level, n`, the
    `MEASURES` of `group_bias` (90 % interval), and the same as `linked_<measure>`. The first row of
    a condition is of all essays.
    """
    runs = primary_runs(study, student, "linked")
    linked = _smd(shift_of_all(study, runs), group_bias(study, runs, corpus, groups))
    linked = linked.rename(columns={name: f"linked_{name}" for name in MEASURES})
    return with_fields(_smd(shift, report).merge(linked, on=_KEYS, validate="1:1"), runs)


def _smd(shift: pd.DataFrame, by_group: pd.DataFrame) -> pd.DataFrame:
    of_all = shift.assign(attribute=EVERYONE, level="")
    table = pd.concat([part[[*_KEYS, *MEASURES]] for part in (of_all, by_group) if len(part)])
    order = {condition: i for i, condition in enumerate(of_all["condition"])}
    return table.sort_values("condition", key=lambda c: c.map(order), kind="stable")
