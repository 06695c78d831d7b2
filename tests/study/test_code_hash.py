"""What makes a stage run again: code that bears its numbers, settings it uses, libraries."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from small_models import ELECTRA, LLAMA
from study_runs import ROOT

from cyborg_utils.study import code_hash as hashing
from cyborg_utils.study import notebook_cells
from cyborg_utils.study.code_hash import COMPUTES, code_hash, reachable
from cyborg_utils.study.config import load_study
from cyborg_utils.study.notebook_cells import report_code, without_lesson
from cyborg_utils.study.stages import STAGES

EVERY_KIND = f"""\
title: Every kind of scorer
corpus: {{kind: simulated, n_train: 60, n_dev: 20, n_test: 60, n_prompts: 2, seed: 3}}
sampling: {{fractions: [0.5], seeds: [1]}}
teachers:
{LLAMA}  - {{name: ridge, kind: classical}}
students:
{ELECTRA}  - {{name: ridge, kind: classical}}
"""
PAGES = {
    "05_fairness_analysis", "05b_calibration", "05c_teacher_audit", "05d_teacher_comparison",
    "05i_measures", "06_summary",
}  # fmt: skip
LABELED = {"03_labeling llama", "03_labeling ridge"}
TEACHERS = {"02_teacher_training llama", "02_teacher_training ridge"}
STUDENTS = {"04_student_training electra", "04_student_training ridge"}
ALL = {"01_corpus", "01b_teacher_pretraining llama"} | TEACHERS | LABELED | STUDENTS | PAGES


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "every_kind.yaml"
    path.write_text(EVERY_KIND)
    return load_study(str(path))


@pytest.fixture
def editable(tmp_path, monkeypatch):
    """Copies of the notebooks and the package that a test may edit."""
    ignored = shutil.ignore_patterns("__pycache__", "precomputed", "precomputed")
    for name in ("notebooks", "cyborg_utils"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    monkeypatch.setattr(notebook_cells, "notebooks_folder", lambda: tmp_path / "notebooks")
    monkeypatch.setattr(hashing, "PACKAGE", tmp_path / "cyborg_utils")
    return tmp_path


def hashes(study) -> dict[str, str]:
    """The hash of a run of every stage, for a trained or scoring model one of each."""
    return {
        f"{stage.notebook} {key[stage.scorer]}" if stage.scorer else stage.notebook: stage.hash(
            study, key
        )
        for stage in STAGES
        for key in stage.keys_of(study)
    }


def append_code(editable: Path, module: str) -> None:
    with (editable / "cyborg_utils" / module).open("a", encoding="utf-8") as file:
        file.write("\nEXTRA = 1\n")


def edit_notebook(editable: Path, name: str, kind: str, change) -> None:
    path = editable / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = without_lesson(notebook).cells if kind == "code" else notebook.cells
    last = [c.id for c in cells if c.cell_type == kind][-1]
    cell = next(c for c in notebook.cells if c.id == last)
    cell.source = change(cell.source)
    nbformat.write(notebook, path)


# ---------------------------------------------------------------- code


@pytest.mark.parametrize(
    ("module", "stages"),
    [
        ("statistics/scales.py", ALL),
        ("statistics/conditional_bias.py", {"05_fairness_analysis", "05b_calibration"}),
        ("corpus/loaders.py", {"01_corpus", "01b_teacher_pretraining llama"}),
        ("corpus/simulation/composer.py", {
            "01_corpus", "01b_teacher_pretraining llama", "05_fairness_analysis", "05b_calibration",
        }),
        ("corpus/residual_levels.py", {"01_corpus"}),
        ("models/causal.py", {
            "01b_teacher_pretraining llama", "02_teacher_training llama", "03_labeling llama",
        }),
        ("models/encoder.py", {"04_student_training electra"}),
        ("models/classical.py", {
            "02_teacher_training ridge", "03_labeling ridge", "04_student_training ridge",
        }),
        ("models/pretraining.py", {"01b_teacher_pretraining llama"}),
        ("models/saved_model.py", STUDENTS),
        ("labeling/sharding.py", LABELED),
        ("analysis/teacher_audit.py", {"05c_teacher_audit"}),
        ("reporting/figures.py", PAGES),
        ("reporting/narrative/fairness.py", {"05_fairness_analysis", "06_summary"}),
        ("reporting/notebooks.py", set()),
        ("teaching/concepts.py", set()),
        ("study/schema/study.py", set()),
        ("study/storage.py", set()),
        ("workflow/runner.py", set()),
    ],
)  # fmt: skip
def test_an_edit_reruns_exactly_the_stages_whose_numbers_it_bears(editable, study, module, stages):
    before = hashes(study)
    assert set(before) == ALL
    append_code(editable, module)
    after = hashes(study)
    assert {stage for stage in ALL if after[stage] != before[stage]} == stages


def test_no_edit_of_the_schema_of_a_sentence_or_of_a_plot_trains_anything(editable, study):
    before = hashes(study)
    package = editable / "cyborg_utils"
    for folder in ("study", "reporting", "analysis", "teaching", "workflow"):
        for path in (package / folder).rglob("*.py"):
            append_code(editable, path.relative_to(package).as_posix())
    after = hashes(study)
    assert {stage for stage in ALL if after[stage] != before[stage]} == PAGES


def test_word_lists_of_the_simulated_corpus_count_where_it_is_simulated(editable, study):
    before = hashes(study)
    with (editable / "cyborg_utils/corpus/simulation/prompts.yaml").open("a") as file:
        file.write("\nmore: 1\n")
    after = hashes(study)
    assert after["01_corpus"] != before["01_corpus"]
    assert after["02_teacher_training llama"] == before["02_teacher_training llama"]


def test_a_name_from_a_subpackage_counts_as_its_defining_module(editable):
    init = editable / "cyborg_utils/statistics/__init__.py"
    init.write_text("from cyborg_utils.statistics.prmse import prmse\n")
    names = reachable("from cyborg_utils.statistics import prmse as p", COMPUTES)
    assert "cyborg_utils.statistics.prmse" in names
    assert "cyborg_utils.statistics.conditional_bias" not in names
    assert reachable("from cyborg_utils.statistics import scales", COMPUTES) == {
        "cyborg_utils.statistics.scales"
    }
    with pytest.raises(ValueError, match="relative import"):
        reachable("from .scales import rescale", COMPUTES)


def test_every_import_of_the_package_is_found():
    """A layout that the search cannot follow would switch reruns off in silence."""
    for stage in STAGES:
        assert reachable(report_code(stage.notebook), stage.subpackages), stage.notebook


def test_prose_comments_and_docstrings_rerun_nothing(editable, study):
    before = hashes(study)
    edit_notebook(editable, "03_labeling", "markdown", lambda text: text + "\n\nMore words.")
    edit_notebook(editable, "03_labeling", "code", lambda code: "# a comment\n" + code + "  # end")
    path = editable / "cyborg_utils/labeling/ledger.py"
    path.write_text(path.read_text().replace('"""The ', '"""Now the ').replace("\n\n", "\n#\n\n"))
    assert hashes(study) == before


def test_a_solution_reruns_nothing(editable, study):
    before = hashes(study)
    path = editable / "notebooks" / "03_labeling.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = next(c for c in notebook.cells if "solution" in c.metadata.get("tags", []))
    cell.source += "\nextra = 1"
    nbformat.write(notebook, path)
    assert hashes(study) == before


def test_code_of_a_notebook_reruns_its_stage_alone(editable, study):
    before = hashes(study)
    edit_notebook(editable, "03_labeling", "code", lambda code: code + "\nextra = 1")
    after = hashes(study)
    assert {stage for stage in ALL if after[stage] != before[stage]} == LABELED


# ---------------------------------------------------------------- settings and libraries


@pytest.mark.parametrize(
    ("setting", "stages"),
    [
        ("students.electra.epochs=3", {"04_student_training electra"}),
        ("teachers.llama.epochs=5", {"02_teacher_training llama"}),
        ("evaluation.smd_bound=0.2", PAGES),
        ("evaluation.privacy.min_cell=5", PAGES | {"01_corpus"}),
        ("title=Another", {"06_summary"}),
        ("corpus.seed=9", {"01_corpus"}),  # what reads the new corpus runs again for the file
        ("corpus.scale={min: 1, max: 5}", {"01_corpus"} | TEACHERS | LABELED | STUDENTS),
    ],
)
def test_a_setting_reruns_the_stages_that_use_it(study, tmp_path, setting, stages):
    path = tmp_path / "every_kind.yaml"
    path.write_text(EVERY_KIND)
    before, after = hashes(study), hashes(load_study(str(path), [setting]))
    assert {stage for stage in ALL if after[stage] != before[stage]} == stages


def test_a_new_version_of_a_library_reruns_what_trains_with_it(study, monkeypatch):
    before = hashes(study)
    installed = metadata.version
    monkeypatch.setattr(
        hashing.metadata, "version", lambda n: "99" if n == "peft" else installed(n)
    )
    after = hashes(study)
    assert {stage for stage in ALL if after[stage] != before[stage]} == {
        "01b_teacher_pretraining llama", "02_teacher_training llama", "03_labeling llama",
    }  # fmt: skip


def test_the_hash_is_the_same_from_call_to_call():
    assert code_hash("03_labeling") == code_hash("03_labeling")
