"""What more draws and seeds would take, from the times of a study's executed notebooks."""

from __future__ import annotations

import json

import pytest

from cyborg_utils.analysis.run_times import training_hours
from cyborg_utils.reporting.narrative.findings import time_note
from cyborg_utils.study.config import load_study
from cyborg_utils.study.stages import BY_NAME

TRAIN = ("02_teacher_training", "03_labeling", "04_student_training")


def executed(study, hours: float) -> None:
    """All trainings and labelings of a study took equally long."""
    folder = study.folder / "notebooks"
    folder.mkdir(parents=True)
    about = json.dumps({"metadata": {"papermill": {"duration": 3600 * hours}}})
    for stage in map(BY_NAME.get, TRAIN):
        for key in stage.keys_of(study):
            (folder / f"{stage.executed(key)}.ipynb").write_text(about)


@pytest.fixture
def study_of(tmp_path, monkeypatch):
    def make(*settings: str):
        study = load_study("demo", ["sampling.fractions=[0.1]", *settings])
        monkeypatch.setattr(type(study), "folder", property(lambda _: tmp_path / "runs"))
        return study

    return make


def test_draws_repeat_what_hangs_on_u_and_seeds_what_is_trained_at_random(study_of):
    """One draw and one seed of the demo: a Teacher, its labels, two Students in three arms. Three
    draws and two seeds: three of the first two, of the neural Student 2 * 3 * 2 + 2 runs, of the
    classical one 3 * 2 + 1."""
    study = study_of("sampling.draws=[1]", "sampling.seeds=[1]")
    executed(study, 1)
    took, would_take = training_hours(study)
    assert took == pytest.approx(2 + 3 + 3)
    assert would_take == pytest.approx(3 * 2 + (2 * 3 * 2 + 2) + (3 * 2 + 1))
    note = time_note((took, would_take))
    assert "took 8.0 hours" in note and "would take about 27.0 hours" in note
    assert "took 5 minutes" in time_note((0.08, 0.2))


def test_a_design_that_suffices_and_one_whose_times_are_unknown_have_no_note(study_of):
    study = study_of("sampling.draws=[1, 2, 3]", "sampling.seeds=[1, 2]")
    assert training_hours(study) is None and time_note(None) == ""
    executed(study, 1)
    took, would_take = training_hours(study)
    assert took == pytest.approx(would_take) and time_note((took, took)) == ""
