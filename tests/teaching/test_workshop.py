"""The notebooks as tutorials: their parts, the copies for a workshop, precomputed results."""

from __future__ import annotations

import os
import re
import shutil
import time

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from study_runs import ROOT

from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.reporting.page_header import checkpoint, starting_from
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.stages import require_page
from cyborg_utils.study.storage import (
    OWN_RESULTS,
    MissingInput,
    corpus_file,
    is_shipped,
    need,
    precomputed_folder,
)
from cyborg_utils.teaching.workshop import for_instructor, for_participants, write_copies

NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("0*.ipynb"))
# They open on a study of one's own; tests/workflow and tests/analysis/test_no_test.py run them.
APART = ["04b_cross_fitting", "05a_cross_fitted_agreement", "06b_no_test_set"]
QUICK = ["01_corpus", "03_labeling", "05_fairness_analysis", "05g_traits", "07_score_essays"]


def read(name: str):
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def lines(cells) -> set[str]:
    return {line.strip() for cell in cells for line in cell.source.splitlines()}


def tagged(notebook, tag: str) -> list:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


# ---------------------------------------------------------------- the parts of a notebook


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_states_its_aims_and_ends_with_its_key_points(name):
    notebook = read(name)
    first = notebook.cells[0].source + notebook.cells[1].source
    for part in ("**Questions.**", "**You will learn**", "**Needs:**", "**Time:**", "minutes"):
        assert part in first, part
    headings = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("#")
    ]
    levels = [len(line) - len(line.lstrip("#")) for line in headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))
    assert "## Key points" in headings
    assert "**Expect**" in "".join(c.source for c in notebook.cells) or name == "00_concepts"
    assert len(tagged(notebook, "checkpoint")) == (name != "00_concepts")


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_short_and_nothing_is_installed_from_a_notebook(name):
    """Colab's one line of installation is on the start page."""
    notebook = read(name)
    assert not tagged(notebook, "install")
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert max(len(source.splitlines()) for source in code) <= 20
    for source in code:
        imports = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
        assert len(imports) <= 14


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_has_its_solution(name):
    tags = [(cell.metadata.get("tags") or [""])[0] for cell in read(name).cells]
    kinds = "".join({"exercise": "e", "solution": "s"}.get(tag, ".") for tag in tags)
    assert re.fullmatch(r"\.+(e+s+){1,2}\.*", kinds), kinds


@pytest.mark.parametrize("name", [*NAMES, "Start"])
def test_participants_get_no_solution_and_the_instructor_gets_all(name):
    notebook = read(name)
    solutions = tagged(notebook, "solution")
    participants, instructor = for_participants(notebook), for_instructor(notebook)
    kept = lines(c for c in notebook.cells if c not in solutions)
    assert not (lines(solutions) - kept) & lines(participants.cells)
    assert all(len(lines([cell]) - kept) > 1 for cell in solutions)
    assert not tagged(participants, "solution")
    assert len(tagged(participants, "answer")) == len(
        [c for c, then in zip(notebook.cells, notebook.cells[1:], strict=False)
         if c not in solutions and then in solutions]
    )  # fmt: skip
    assert [c.source for c in instructor.cells] == [c.source for c in notebook.cells]
    assert all(c.metadata["jupyter"]["source_hidden"] for c in tagged(instructor, "solution"))
    nbformat.validate(participants)
    nbformat.validate(instructor)


def test_existing_copies_are_not_overwritten(tmp_path):
    written = write_copies(tmp_path)
    assert len(written) == 2 * (len(NAMES) + 1)
    with pytest.raises(FileExistsError, match="participants exists already"):
        write_copies(tmp_path)


def test_no_link_of_the_start_page_is_broken(checkout):
    for folder in ("notebooks", "workshop/participants", "workshop/instructor"):
        page = checkout / folder / "Start.ipynb"
        links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        assert len(links) == len(NAMES) + 5
        assert not [link for link in links if not (page.parent / link).is_file()]


# ---------------------------------------------------------------- precomputed results


@pytest.mark.parametrize("name", ["demo", "tour"])
def test_precomputed_results_are_of_the_current_study(name):
    study = load_study(name)
    assert is_shipped(study), f"make reports STUDY={name}, then make precomputed"
    shipped = pd.read_parquet(precomputed_folder(study) / "corpus.parquet")
    pd.testing.assert_frame_equal(shipped, load_corpus(study))
    files = [path for path in precomputed_folder(study).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 6 * 2**20


def test_precomputed_results_are_used_for_this_study_alone(tmp_path, monkeypatch):
    study = load_study("demo")
    monkeypatch.setattr(type(study), "folder", tmp_path / "demo")
    monkeypatch.setenv("CYBORG_HOME", str(tmp_path))
    precomputed = need(corpus_file(study), study)
    assert precomputed == precomputed_folder(study) / "corpus.parquet"
    sentence = starting_from(study, "03_labeling")
    assert "01_corpus (1 of 1)" in sentence and "02_teacher_training (1 of 1)" in sentence
    assert "04_student_training" not in sentence
    with monkeypatch.context() as run:
        run.setenv(OWN_RESULTS, "1")
        assert starting_from(study, "03_labeling") == ""
        with pytest.raises(MissingInput, match="run notebooks/01_corpus.ipynb"):
            need(corpus_file(study), study)
    other = load_study("demo", ["corpus.n_train=200"])
    assert starting_from(other, "03_labeling") == ""
    with pytest.raises(MissingInput, match="run notebooks/01_corpus.ipynb"):
        need(corpus_file(other), other)
    own = corpus_file(study)
    own.parent.mkdir()
    own.touch()
    assert need(own, study) == own
    assert "own results" in starting_from(study, "01b_teacher_pretraining")


def test_a_missing_result_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="run the cells above"):
        checkpoint(tmp_path / "nothing")


@pytest.mark.parametrize("page", ["05e_pseudo_labels", "05g_traits", "05h_transfer"])
def test_a_page_that_does_not_apply_to_a_study_is_refused(page):
    require_page(load_study("tour"), page)
    with pytest.raises(ParameterError, match=f"study demo has nothing for {page}: .*tour has it"):
        require_page(load_study("demo"), page)


# ---------------------------------------------------------------- stepping through


def run_all(checkout, name: str, copy: str = "instructor"):
    """Run All of a copy, in a new kernel; its texts."""
    path = checkout / "workshop" / copy / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": path.parent}})
    client.execute(env={**os.environ, "PYTHONPATH": str(checkout)})
    return "\n".join(
        output.get("text", "") + str(output.get("data", {}).get("text/markdown", ""))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )


def run_alone(checkout, name: str) -> None:
    shutil.rmtree(checkout / "runs", ignore_errors=True)
    output = run_all(checkout, name)
    if name not in ("00_concepts", "01_corpus"):
        assert "Starts from precomputed results" in output
    if name != "00_concepts":
        assert "**Results written**" in output


@pytest.mark.parametrize("name", QUICK)
def test_a_solved_notebook_runs_from_the_precomputed_results_alone(checkout, name):
    run_alone(checkout, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in QUICK + APART])
def test_so_do_the_others(checkout, name):
    run_alone(checkout, name)


@pytest.mark.slow
def test_run_all_in_order_takes_less_than_a_quarter_of_an_hour(checkout):
    shutil.rmtree(checkout / "runs", ignore_errors=True)
    start = time.monotonic()
    for name in ["Start", *(name for name in NAMES if name not in APART)]:
        run_all(checkout, name, "participants")
    assert time.monotonic() - start < 15 * 60


def test_no_path_of_a_machine_is_shipped():
    for path in (ROOT / "notebooks" / "precomputed").rglob("*"):
        if path.suffix in (".json", ".md"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r'"/(?:home|root|tmp|work|Users)/', text), path
