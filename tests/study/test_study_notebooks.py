"""The notebooks of a study: short, without outputs, one parameters cell with a comment each."""

from __future__ import annotations

import ast

import nbformat
import pytest
from study_runs import ROOT

from cyborg_utils.reporting.notebooks import (
    StageError,
    run_notebook,
)
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import condition
from cyborg_utils.study.notebook_cells import parameters_cell, without_lesson

NOTEBOOKS = sorted((ROOT / "notebooks").glob("0*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_a_notebook_is_valid_and_its_code_parses(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)


def test_a_notebook_is_kept_without_outputs_and_traces_of_a_run(notebook):
    assert "papermill" not in notebook.metadata
    for cell in notebook.cells:
        assert "papermill" not in cell.metadata
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_a_notebook_stays_short_and_begins_with_its_title(notebook):
    assert len(without_lesson(notebook).cells) < 34
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")


def test_parameters_are_plain_values_with_a_comment_each(notebook):
    source = parameters_cell(notebook)
    tree = ast.parse(source)
    assert tree.body
    for statement in tree.body:
        assert isinstance(statement, ast.Assign)
        assert isinstance(statement.targets[0], ast.Name)
        ast.literal_eval(statement.value)
        assert "#" in source.splitlines()[statement.end_lineno - 1]


def test_the_default_parameters_are_those_of_the_demo(notebook):
    values = {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(parameters_cell(notebook)).body
    }
    if set(values) == {"seed"}:
        return  # the opening lesson belongs to no study
    if values["study"] == "mine":
        assert set(values) == {"study", "settings"}
        return  # a study of one's own, which 06b_no_test_set alone is about
    study = load_study(values["study"], values["settings"])
    assert study.name in ("demo", "tour")  # whose results are shipped
    if "teacher" in values:
        study.teacher(values["teacher"])
    if "student" in values:
        study.student(values["student"])
    if "fraction" in values:
        arm = values.get("arm", "cyborg")
        condition(study, arm, values["teacher"], values["fraction"], values["draw"])
    if "seed" in values:
        assert values["seed"] in study.sampling.seeds


def test_an_unknown_parameter_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(StageError) as caught:
        run_notebook(
            "02_teacher_training",
            {"study": "demo", "drow": 1},
            tmp_path / "executed.ipynb",
            tmp_path / "report.html",
        )
    message = str(caught.value)
    assert message.startswith("02_teacher_training has no parameter 'drow'; it has [")
    assert "'draw'" in message
    assert "\n" not in message
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "cells",
    [
        [nbformat.v4.new_code_cell("a = 1")],
        [nbformat.v4.new_markdown_cell("a", metadata={"tags": ["parameters"]})],
        [nbformat.v4.new_code_cell("a", metadata={"tags": ["parameters"]}) for _ in range(2)],
    ],
    ids=["no tag", "tag on a text cell", "two tags"],
)
def test_a_notebook_needs_one_code_cell_with_the_tag(cells):
    with pytest.raises(ValueError, match="exactly one code cell tagged `parameters`"):
        parameters_cell(nbformat.v4.new_notebook(cells=cells))
