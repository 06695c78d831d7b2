"""How long a study's trainings took, and how long those of more draws and seeds would take."""

from __future__ import annotations

import json
from pathlib import Path

from cyborg_utils.study.design import conditions
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.stages import BY_NAME

DRAWS, SEEDS = 3, 2  # the fewest that bear claims about new draws and new trainings


def training_hours(study: Study) -> tuple[float, float] | None:
    """Hours of all trainings and labelings, and what `DRAWS` draws and `SEEDS` seeds would take.

    Returns
    -------
    (hours that they took, hours with at least so many draws and seeds); None where a run was not
    made on this machine
    """
    sampling = study.sampling
    draws = max(1.0, DRAWS / len(sampling.draws))
    seeds = max(1.0, SEEDS / len(sampling.seeds))
    without_draw = {c.slug for c in conditions(study) if c.draw is None}
    took = would_take = 0.0
    for stage in map(BY_NAME.get, ("02_teacher_training", "03_labeling", "04_student_training")):
        for key in stage.keys_of(study):
            executed = study.folder / "notebooks" / f"{stage.executed(key)}.ipynb"
            if not executed.is_file():
                return None
            times = 1.0 if key.get("condition") in without_draw else draws
            if "student" in key and study.student(key["student"]).neural:
                times *= seeds
            hours = _seconds(executed) / 3600
            took, would_take = took + hours, would_take + times * hours
    return took, would_take


def _seconds(executed: Path) -> float:
    metadata = json.loads(executed.read_text(encoding="utf-8"))["metadata"]
    return metadata["papermill"]["duration"]
