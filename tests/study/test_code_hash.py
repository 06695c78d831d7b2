"""What makes a stage run again: code that bears its numbers, settings it uses, libraries."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from cyborg_utils.study import code_hash as hashing
from cyborg_utils.study import notebook_cells
from cyborg_utils.study.code_hash import SHOWS, TEACHES, code_hash
from cyborg_utils.study.config import load_study
from cyborg_utils.study.notebook_cells import without_lesson
from cyborg_utils.study.schema.base import ROOT


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """Copies of the notebooks and the package that a test may edit."""
    for name, ending in (("notebooks", "ipynb"), ("cyborg_utils", "py")):
        (tmp_path / name).mkdir()
        for path in (ROOT / name).glob(f"*.{ending}"):
            shutil.copy(path, tmp_path / name)
    monkeypatch.setattr(notebook_cells, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(code_hash, "PACKAGE", tmp_path / "cyborg_utils")
    return tmp_path


def edit_notebook(workshop: Path, name: str, kind: str, change) -> None:
    path = workshop / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = without_lesson(notebook).cells if kind == "code" else notebook.cells
    last = [c.id for c in cells if c.cell_type == kind][-1]
    cell = next(c for c in notebook.cells if c.id == last)
    cell.source = change(cell.source)
    nbformat.write(notebook, path)


def edit_module(workshop: Path, name: str, change) -> None:
    path = workshop / "cyborg_utils" / f"{name}.py"
    path.write_text(change(path.read_text()))


def with_more_code(code: str) -> str:
    return code + "\nEXTRA = 1\n"


def test_prose_and_comments_of_a_notebook_rerun_nothing(workshop):
    before = code_hash("03_labeling")
    edit_notebook(workshop, "03_labeling", "markdown", lambda text: text + "\n\nMore words.")
    edit_notebook(workshop, "03_labeling", "code", lambda code: "# a comment\n" + code + "  # end")
    assert code_hash("03_labeling") == before


def test_a_solution_reruns_nothing(workshop):
    before = code_hash("03_labeling")
    path = workshop / "notebooks" / "03_labeling.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = next(c for c in notebook.cells if "solution" in c.metadata.get("tags", []))
    cell.source += "\nextra = 1"
    nbformat.write(notebook, path)
    assert code_hash("03_labeling") == before


def test_code_of_a_notebook_reruns_its_stage_alone(workshop):
    before = {name: code_hash(name) for name in ("03_labeling", "04_student_training")}
    edit_notebook(workshop, "03_labeling", "code", lambda code: code + "\nextra = 1")
    assert code_hash("03_labeling") != before["03_labeling"]
    assert code_hash("04_student_training") == before["04_student_training"]


def test_docstrings_and_comments_of_a_module_rerun_nothing(workshop):
    before = code_hash("03_labeling")
    edit_module(workshop, "labeling", lambda code: code.replace('"""The ', '"""Now the '))
    edit_module(workshop, "stages", lambda code: code.replace("\n\n", "\n# a comment\n\n"))
    assert code_hash("03_labeling") == before


def test_code_of_a_module_reruns_what_uses_it_and_nothing_else(workshop):
    names = ("01_corpus", "02_teacher_training", "04_student_training")
    before = {n: code_hash(n) for n in names}
    edit_module(workshop, "teacher", with_more_code)
    changed = {n for n in names if code_hash(n) != before[n]}
    assert "02_teacher_training" in changed
    assert "01_corpus" not in changed
    edit_module(workshop, "scale", with_more_code)  # reached through other modules alone
    assert {n for n in names if code_hash(n) != before[n]} == set(names)


def test_a_figures_code_reruns_drawing_stages_alone(workshop):
    before = code_hash("05_fairness_analysis"), code_hash("05_fairness_analysis", drawing=True)
    edit_module(workshop, "plots", with_more_code)
    assert code_hash("05_fairness_analysis") == before[0]
    assert code_hash("05_fairness_analysis", drawing=True) != before[1]


def test_a_setting_of_a_stage_reruns_it(tiny_file):
    plain, changed = (
        load_study(str(tiny_file), given) for given in ([], ["students.electra.epochs=3"])
    )
    first, second = (
        code_hash("04_student_training", s.student("electra")) for s in (plain, changed)
    )
    assert first != second
    assert code_hash("04_student_training", plain.student("ridge")) == code_hash(
        "04_student_training", changed.student("ridge")
    )


