"""Where studies are looked for and results go: in a checkout, below it, and without any."""

from __future__ import annotations

import pytest
from study_runs import ROOT

from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import (
    notebooks_folder,
    params_folder,
    resource,
    shown_path,
    working_folder,
)
from cyborg_utils.study.schema.base import ParameterError

STUDY = "title: Mine\ncorpus: {kind: simulated}\n" + "".join(
    f"{key}: [{{name: ridge, kind: classical}}]\n" for key in ("teachers", "students")
)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("place", [".", "notebooks", "docs"])
def test_in_a_checkout_results_go_to_its_root(place, monkeypatch):
    monkeypatch.chdir(ROOT / place)
    assert working_folder() == ROOT
    assert load_study("demo").folder == ROOT / "runs" / "demo"
    assert params_folder() == ROOT / "params"


def test_without_a_checkout_results_go_to_the_current_folder(empty):
    assert working_folder() == empty
    assert load_study("demo").folder == empty / "runs" / "demo"
    assert params_folder() == empty
    assert (notebooks_folder() / "01_corpus.ipynb").is_file()
    assert resource("Snakefile").is_file()


def test_a_variable_names_another_folder(empty, monkeypatch):
    monkeypatch.setenv("CYBORG_HOME", str(ROOT))
    assert working_folder() == ROOT
    assert shown_path(ROOT / "runs" / "x") == "runs/x"


def test_a_study_of_ones_own_goes_before_a_shipped_one(empty):
    shipped = load_study("demo").title
    (empty / "demo.yaml").write_text(STUDY)
    assert load_study("demo").title == "Mine" != shipped
    (empty / "params").mkdir()
    (empty / "params" / "demo.yaml").write_text(STUDY.replace("Mine", "In params"))
    assert load_study("demo").title == "In params"
    assert load_study("demo.yaml").title == "Mine"


def test_an_unknown_study_is_answered_by_those_that_there_are(empty):
    (empty / "mine.yaml").write_text(STUDY)
    with pytest.raises(ParameterError, match="did you mean 'mine'.* the studies are .*demo.*mine"):
        load_study("mien")
