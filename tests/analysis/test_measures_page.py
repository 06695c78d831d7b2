"""The page 05i, run as a stage runs: what it writes for machines of a file."""

from __future__ import annotations

import pytest
from machine_study import FAIR, STUDY, machine_scores

from cyborg_utils.reporting.notebooks import run_notebook
from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import HOME
from cyborg_utils.study.results import MeasuresResult, read_result
from cyborg_utils.study.storage import measures_file


@pytest.mark.long
def test_essays_that_nobody_scored_are_used_too(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME, str(tmp_path))
    scores = machine_scores()
    scores.loc[scores.index % 3 > 0, "rater_1"] = None
    scores.to_csv(tmp_path / "scores.csv", index=False)
    path = tmp_path / "machines.yaml"
    path.write_text(STUDY.format(file="scores.csv"))
    given = {"study": str(path), "settings": []}
    run_notebook("01_corpus", given, tmp_path / "01.ipynb", tmp_path / "01.html")
    page = tmp_path / "05i.html"
    run_notebook("05i_measures", given | {"student": "machines"}, tmp_path / "05i.ipynb", page)
    text = page.read_text(encoding="utf-8")
    assert "hold only if the 499 essays that people scored were drawn at random" in text
    assert "Label equivalents: as many human scores" in text and "an island" not in text
    result = read_result(measures_file(load_study(str(path)), "machines"), MeasuresResult)
    rows = [r for r in result.prediction_powered if r["condition"] == FAIR]
    assert {r["n_all"] for r in rows if r["attribute"] == "(all)"} == {1496}
    assert all(r["n"] >= 30 for r in rows)


@pytest.mark.long
def test_the_page_has_its_figures_before_its_tables_and_writes_its_result(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME, str(tmp_path))
    machine_scores().to_csv(tmp_path / "scores.csv", index=False)
    path = tmp_path / "machines.yaml"
    path.write_text(STUDY.format(file="scores.csv") + "  cut_scores: [4]\n")
    given = {"study": str(path), "settings": []}
    run_notebook("01_corpus", given, tmp_path / "01.ipynb", tmp_path / "01.html")
    page = tmp_path / "05i.html"
    run_notebook("05i_measures", given | {"student": "machines"}, tmp_path / "05i.ipynb", page)
    result = read_result(measures_file(load_study(str(path)), "machines"), MeasuresResult)
    assert {row["condition"] for row in result.cut_scores} >= {FAIR}
    assert len(result.findings) == 4 and not result.criterion
    assert "an island" not in page.read_text(encoding="utf-8")  # a group of one essay
    text = page.read_text(encoding="utf-8")
    assert text.index("<img") < text.index("<table")
