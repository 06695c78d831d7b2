"""The graph and the notebooks, and one whole run of a study that takes a minute or two."""

from __future__ import annotations

import ast
import errno
import json
import os
import shutil
import subprocess
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from small_models import ELECTRA, LLAMA
from study_runs import ROOT, Page, clean, run_study

from cyborg_utils.cli import main
from cyborg_utils.reporting.notebooks import (
    StageError,
    run_notebook,
)
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import Condition, condition, conditions, seeds
from cyborg_utils.study.notebook_cells import parameters_cell, without_lesson
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import (
    MissingInput,
    need,
    new_folder,
    only_run,
    read_json,
    records,
    write_json,
    write_parquet,
)
from cyborg_utils.study.storage import hash_folder as files_fingerprint

NOTEBOOKS = sorted((ROOT / "notebooks").glob("0*.ipynb"))
NAME = f"test_tiny_{os.getpid()}"
TINY = f"""\
title: A tiny study
about: It learns nothing; it only has every part.
corpus: {{kind: simulated, n_train: 60, n_dev: 20, n_test: 60, n_prompts: 2, seed: 3}}
sampling: {{fractions: [0.5], seeds: [1]}}
teachers:
{LLAMA}  - {{name: ridge, kind: classical}}
students:
{ELECTRA}  - {{name: ridge, kind: classical}}
evaluation: {{replicates: 200, min_group: 5}}
"""


@pytest.fixture
def tiny_file(tmp_path) -> Path:
    path = tmp_path / f"{NAME}_other.yaml"
    path.write_text(TINY)
    yield path
    clean(path.stem)


# ---------------------------------------------------------------- notebooks


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


# ---------------------------------------------------------------- conditions


def test_every_condition_of_a_study_has_a_folder_of_its_own(tiny_file):
    wide = ["sampling={fractions: [0.05, 0.5], draws: [1, 2], seeds: [1, 2, 3]}"]
    study = load_study(str(tiny_file), wide)
    result = conditions(study)
    assert len(result) == 4 + 2 * 4 + 1
    assert len({c.slug for c in result}) == len(result)
    assert {"full", "human-f0.05-d1", "cyborg-llama-f0.5-d2"} < {c.slug for c in result}
    assert seeds(study, "electra") == [1, 2, 3]
    assert seeds(study, "ridge") == [1]


def test_a_condition_leaves_out_what_its_arm_does_not_depend_on(tiny_file):
    study = load_study(str(tiny_file))
    assert condition(study, "full", "llama", 0.5, 1) == Condition("full")
    assert condition(study, "human", "llama", 0.5, 1) == Condition("human", None, 0.5, 1)
    assert condition(study, "cyborg", "llama", 0.5, 1) == Condition(
        "cyborg", "llama", 0.5, 1, "hard"
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("robot", None, 0.5, 1), "has no arm 'robot'"),
        (("human", None, 0.4, 1), "has no fraction 0.4 with draw 1; it has fractions [0.5]"),
        (("human", None, 0.5, 7), "has no fraction 0.5 with draw 7"),
        (("cyborg", "lama", 0.5, 1), "has no teacher 'lama'; it has llama, ridge"),
    ],
)
def test_a_condition_that_the_study_does_not_have_is_refused(tiny_file, arguments, problem):
    with pytest.raises(ParameterError) as caught:
        condition(load_study(str(tiny_file)), *arguments)
    assert problem in str(caught.value)


# ---------------------------------------------------------------- files


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "a.json"
    write_json(path, {"a": np.float64(0.5), "b": np.arange(2), "c": None})
    assert read_json(path) == {"a": 0.5, "b": [0, 1], "c": None}
    before = path.read_bytes()
    for bad in ({"a": object()}, {"a": float("nan")}):
        with pytest.raises((TypeError, ValueError)):
            write_json(path, bad)
        with pytest.raises((TypeError, ValueError)):
            write_json(path.with_name("new.json"), bad)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_a_write_that_is_interrupted_leaves_the_old_file(tmp_path, monkeypatch, kind):
    path = tmp_path / f"a.{kind}"

    def write(value):
        if kind == "json":
            write_json(path, {"value": value})
        else:
            write_parquet(path, pd.DataFrame({"value": [value]}))

    def stop(self, where, *_, **__):
        Path(where if kind == "parquet" else self).write_bytes(b"half")
        raise KeyboardInterrupt

    target = (Path, "write_text") if kind == "json" else (pd.DataFrame, "to_parquet")
    with monkeypatch.context() as patch:
        patch.setattr(*target, stop)
        with pytest.raises(KeyboardInterrupt):
            write(1)
    assert not path.exists()
    write(2)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(*target, stop)
        with pytest.raises(KeyboardInterrupt):
            write(3)
    assert path.read_bytes() == before
    write(4)
    assert path.read_bytes() != before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_folder_takes_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "models" / "teacher"
    with pytest.raises(RuntimeError, match="stop"), new_folder(path) as folder:
        (folder / "half").write_text("x")
        raise RuntimeError("stop")
    assert not path.exists()
    with new_folder(path) as folder:
        assert not list(folder.iterdir())
        (folder / "first").write_text("1")
    assert [p.name for p in path.iterdir()] == ["first"]
    with pytest.raises(RuntimeError, match="stop"), new_folder(path) as folder:
        raise RuntimeError("stop")
    assert [p.name for p in path.iterdir()] == ["first"]
    with new_folder(path) as folder:
        (folder / "second").write_text("2")
    assert [p.name for p in path.iterdir()] == ["second"]
    assert [p.name for p in path.parent.iterdir()] == ["teacher"]


def test_records_keep_every_digit_and_missing_values():
    frame = pd.DataFrame({"a": [1 / 3, None], "b": ["x", None], "c": [1, 2], "p": [1e-20, np.inf]})
    assert records(frame) == [
        {"a": 1 / 3, "b": "x", "c": 1, "p": 1e-20},
        {"a": None, "b": None, "c": 2, "p": None},
    ]
    assert [type(v) for v in records(frame)[0].values()] == [float, str, int, float]


def test_a_missing_input_says_which_notebook_and_command_make_it(tiny_file):
    study = load_study(str(tiny_file))
    with pytest.raises(MissingInput) as caught:
        need(study.folder / "corpus.parquet", study)
    text = str(caught.value)
    assert f"runs/{study.name}/corpus.parquet is not there yet" in text
    assert "notebooks/01_corpus.ipynb" in text
    assert f"cyborg run {study.name}" in text


# ---------------------------------------------------------------- one whole run


class TinyRun:
    """One whole run of a tiny study, the first time and again."""

    def __init__(self, folder: Path):
        self.file = folder / f"{NAME}.yaml"
        self.file.write_text(TINY)
        self.runs, self.reports = ROOT / "runs" / NAME, ROOT / "reports" / NAME
        self.first = self("--cores", "2")

    def __call__(self, *options: str) -> subprocess.CompletedProcess:
        return run_study(str(self.file), *options)

    @property
    def study(self) -> Study:
        return load_study(str(self.file))

    @property
    def summary(self) -> dict:
        return read_json(self.runs / "summary.json")

    def would_run(self, *options: str) -> list[str]:
        done = self("--dry-run", *options)
        assert done.returncode == 0, done.stderr
        lines = [line.strip() for line in done.stderr.splitlines()]
        return sorted(line.removeprefix("start  ") for line in lines if line.startswith("start  "))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    clean(NAME)
    try:
        yield TinyRun(tmp_path_factory.mktemp("study"))
    finally:
        clean(NAME)


def test_a_study_runs_from_its_file_to_its_reports(tiny):
    assert tiny.first.returncode == 0, tiny.first.stderr
    assert f"report: reports/{NAME}/index.html" in tiny.first.stdout
    assert "22 stages to run" in tiny.first.stderr
    assert "21 of 22 stages done" in tiny.first.stderr


def test_the_summary_has_every_arm_of_every_student(tiny):
    summary = tiny.summary
    result = {(r["student"], r["condition"]): r for r in summary["agreement"]}
    names = ["human-f0.5", "cyborg-llama-f0.5", "cyborg-ridge-f0.5", "full"]
    assert set(result) == {(student, name) for student in ("electra", "ridge") for name in names}
    for (_, name), row in result.items():
        assert row["n_human"] == (60 if name == "full" else 30)
        assert row["n_train"] == (30 if row["arm"] == "human" else 60)
        assert -1 <= row["low"] <= row["qwk"] <= row["high"] <= 1
        assert row["low"] < row["high"] or row["qwk"] == 0
    assert {r["arm"] for r in summary["agreement"]} == {"human", "cyborg", "full"}
    assert {r["teacher"] for r in summary["comparisons"]} == {"llama", "ridge"}
    assert len(summary["teachers"]) == 2
    assert set(summary["fairness"]) == {"electra", "ridge"}
    assert summary["simulated"] is True
    budget = {"fraction": 0.5, "draw": 1, "train": 30, "dev": 20, "total": 50}
    assert budget in summary["budget"]


def test_a_classical_student_knows_nothing_of_who_else_is_in_the_study(tiny):
    """The yardstick on human labels only is the ridge Teacher itself, trained on the same U."""
    student = next(
        r["qwk"] for r in tiny.summary["agreement"]
        if r["student"] == "ridge" and r["arm"] == "human"
    )  # fmt: skip
    teacher = next(r["qwk"] for r in tiny.summary["teachers"] if r["teacher"] == "ridge")
    assert student == teacher


def test_the_ledgers_of_a_run_are_those_of_its_teachers(tiny):
    corpus = pd.read_parquet(tiny.runs / "corpus.parquet").set_index("essay_id")
    drawn = []
    for teacher in ("llama", "ridge"):
        folder = tiny.runs / "labels" / teacher / "f0.5-d1"
        ledger = pd.read_parquet(folder / "labels.parquet").set_index("essay_id")
        assert set(ledger.index) == set(corpus.index[corpus["split"] == "train"])
        human = ledger[ledger["label_source"] == "human"]
        assert human["score"].to_dict() == corpus.loc[human.index, "score"].to_dict()
        drawn.append(set(human.index))
        about = read_json(folder / "labeling.json")
        trained = tiny.runs / "teachers" / teacher / "f0.5-d1"
        assert about["teacher_sha256"] == files_fingerprint(trained, skip="teacher.json")
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 30


def test_every_student_scores_every_dev_and_test_essay_once(tiny):
    corpus = pd.read_parquet(tiny.runs / "corpus.parquet").set_index("essay_id")
    held_out = corpus[corpus["split"] != "train"]
    files = sorted((tiny.runs / "students").rglob("predictions.parquet"))
    assert len(files) == 8
    for file in files:
        scores = pd.read_parquet(file).set_index("essay_id")
        assert scores.index.is_unique
        assert set(scores.index) == set(held_out.index)
        assert scores["human"].to_dict() == held_out["score"].to_dict()
        assert scores["split"].to_dict() == held_out["split"].to_dict()
        assert scores["score"].isin(tiny.study.labels).all()


def test_nothing_half_written_is_left_by_a_run(tiny):
    for folder in (tiny.runs, tiny.reports):
        assert not [p for p in folder.rglob("*") if "partial" in p.name]


def test_a_report_loads_nothing_from_elsewhere(tiny):
    pages = sorted(tiny.reports.glob("*.html"))
    assert len(pages) == 22
    for path in pages:
        page = Page(path)
        loaded = [
            attributes.get("src") or attributes.get("href") or ""
            for tag, attributes in page.tags
            if tag in ("script", "img", "link", "iframe", "object", "embed", "source", "video")
        ]
        assert not [link[:80] for link in loaded if link and not link.startswith("data:")]
        text = path.read_text(encoding="utf-8")
        assert "url(http" not in text.replace("'", "").replace('"', "")
        assert "@import" not in text
    assert not Page(tiny.reports / "index.html").all("script")


def test_every_picture_of_a_report_is_told_in_words(tiny):
    pictures = 0
    for path in tiny.reports.glob("*.html"):
        for picture in Page(path).all("img"):
            assert len(picture.get("alt") or "") > 20, path.name
            pictures += 1
    assert pictures >= 10


def test_the_index_shows_the_numbers_and_links_every_report(tiny):
    page = Page(tiny.reports / "index.html")
    text = (tiny.reports / "index.html").read_text(encoding="utf-8")
    for row in tiny.summary["agreement"]:
        assert f"{row['qwk']:.3f}" in text
    assert "simulated" in text
    linked = {a["href"] for a in page.all("a") if a.get("href", "").endswith(".html")}
    assert linked == {p.name for p in tiny.reports.glob("*.html")}


def test_a_second_run_runs_nothing(tiny):
    before = {p: p.stat().st_mtime_ns for p in tiny.runs.rglob("*") if p.name != ".lock"}
    again = tiny()
    assert again.returncode == 0
    assert "start" not in again.stderr
    assert f"report: reports/{NAME}/index.html" in again.stdout
    after = {p: p.stat().st_mtime_ns for p in tiny.runs.rglob("*") if p.name != ".lock"}
    assert {p for p in before if p.is_file()} == {p for p in after if p.is_file()}
    assert all(after[p] == before[p] for p in before if p.is_file())


def test_a_students_epochs_rerun_that_student_its_fairness_and_the_summary(tiny):
    title = "title='Another {title}'"
    assert tiny.would_run("--set", "students.electra.epochs=2", "--set", title) == [
        "04 Student electra on cyborg-llama-f0.5-d1, seed 1",
        "04 Student electra on cyborg-ridge-f0.5-d1, seed 1",
        "04 Student electra on full, seed 1",
        "04 Student electra on human-f0.5-d1, seed 1",
        "05 fairness of electra",
        "05b calibration of electra",
        "05c audit of Teacher llama",
        "05c audit of Teacher ridge",
        "05d teacher comparison",
        "06 summary",
    ]


def test_one_more_seed_trains_only_that_seed(tiny):
    runs = tiny.would_run("--set", "sampling.seeds=[1, 2]")
    trained = [line for line in runs if not line.startswith(("05", "06"))]
    assert len(trained) == 4
    assert all(line.startswith("04 Student electra") for line in trained)
    assert all(line.endswith("seed 2") for line in trained)
    assert "06 summary" in runs


def test_a_teachers_setting_reruns_what_hangs_on_that_teacher(tiny):
    runs = tiny.would_run("--set", "teachers.llama.lora.r=4")
    assert runs == [
        "02 Teacher llama on U (f0.5-d1)",
        "03 labels of Teacher llama (f0.5-d1)",
        "04 Student electra on cyborg-llama-f0.5-d1, seed 1",
        "04 Student ridge on cyborg-llama-f0.5-d1, seed 1",
        "05 fairness of electra",
        "05 fairness of ridge",
        "05b calibration of electra",
        "05b calibration of ridge",
        "05c audit of Teacher llama",
        "05c audit of Teacher ridge",
        "05d teacher comparison",
        "06 summary",
    ]


def test_a_run_that_was_killed_goes_on_from_the_stages_that_were_finished(tiny, tmp_path):
    unfinished = [
        tiny.runs / "students" / "electra" / "full" / "s1",
        tiny.runs / "fairness" / "electra.json",
        tiny.runs / "summary.json",
        tiny.reports / "index.html",
    ]
    for number, path in enumerate(unfinished):
        path.rename(tmp_path / str(number))
    try:
        assert tiny.would_run() == [
            "04 Student electra on full, seed 1",
            "05 fairness of electra",
            "05b calibration of electra",
            "05c audit of Teacher llama",
            "05c audit of Teacher ridge",
            "05d teacher comparison",
            "06 summary",
        ]
    finally:
        for number, path in enumerate(unfinished):
            (tmp_path / str(number)).rename(path)


@pytest.mark.slow
def test_the_same_seeds_give_the_same_summary_to_the_last_digit(tiny):
    first = (tiny.runs / "summary.json").read_bytes()
    shutil.rmtree(tiny.runs)
    again = tiny("--cores", "2")
    assert again.returncode == 0, again.stderr
    assert (tiny.runs / "summary.json").read_bytes() == first


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["dmo"], "no study 'dmo': did you mean 'demo'?"),
        (["demo", "--set", "sampling.fraction=[0.1]"], "did you mean `fractions`?"),
        (["demo", "--set", "sampling.fractions=[10]"], "less than or equal to 1"),
        (["demo", "--set", "students.ridge.alpha=5e-5"], "write 5.0e-5"),
    ],
)
def test_a_wrong_study_is_one_line_and_starts_nothing(arguments, problem):
    done = run_study(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert problem in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_wrong_key_leaves_no_folder(tiny_file):
    tiny_file.write_text(TINY.replace("n_train", "n_trian"))
    done = run_study(str(tiny_file))
    assert done.returncode == 2
    assert done.stderr == (f"{tiny_file}: corpus.n_trian: unknown key; did you mean `n_train`?\n")
    assert not (ROOT / "runs" / tiny_file.stem).exists()


def test_a_missing_corpus_file_is_one_line_and_starts_nothing(tmp_path):
    study = tmp_path / "no_file.yaml"
    study.write_text(
        "title: t\n"
        "corpus: {kind: persuade, files: {train: [nowhere.csv]}}\n"
        "teachers: [{name: ridge, kind: classical}]\n"
        "students: [{name: ridge, kind: classical}]\n"
    )
    done = run_study(str(study))
    assert done.returncode == 2
    assert done.stderr.startswith("no_file: corpus.files.train: no file nowhere.csv; ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (ROOT / "runs" / "no_file").exists()


def test_a_study_or_a_stage_cannot_be_run_twice_at_once(tmp_path):
    lock = tmp_path / "study" / ".lock"
    running = f"^study x is being run by process {os.getpid()}; wait for it, or stop it first$"
    with (
        only_run(lock, "study x"),
        pytest.raises(ParameterError, match=running),
        only_run(lock, "study x"),
    ):
        raise AssertionError("the second run got in")
    with only_run(lock, "study x"):
        pass


def test_a_file_system_without_locks_is_not_taken_for_a_run(tmp_path, monkeypatch, capsys):
    def no_locks(descriptor, blocking):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("cyborg_utils.study.storage.lock_descriptor", no_locks)
    with only_run(tmp_path / "study" / ".lock", "study x"):
        pass
    assert "(No locks available): study x continues without a lock" in capsys.readouterr().err


def test_a_stage_whose_earlier_run_is_still_at_it_says_so(tmp_path, capsys):
    executed = tmp_path / "01_corpus.ipynb"
    with only_run(tmp_path / ".01_corpus.lock", "stage"):
        given = [
            "run-stage",
            "01_corpus",
            str(executed),
            str(tmp_path / "page.html"),
            "study=demo",
            "settings=[]",
        ]
        assert main(given) == 2
    assert capsys.readouterr().err.startswith("stage 01_corpus is being run by process ")
    assert not executed.exists()


def test_a_stage_that_fails_says_so_in_one_line_and_leaves_no_result(tmp_path, tiny_file):
    essays = tmp_path / "essays.csv"
    essays.write_text("nr,essay\n1,A text.\n")
    table = {
        "kind": "table",
        "files": {"train": [str(essays)]},
        "columns": {"id": "nr", "text": "essay", "score": "grade"},
        "scale": {},
    }
    done = run_study(str(tiny_file), "--set", f"corpus={json.dumps(table)}")
    assert done.returncode == 1
    assert (
        f"TableError: {essays}: corpus.columns: no column 'grade'; it has 'nr', 'essay'\n"
        in done.stderr
    )
    assert "FAILED 01 corpus" in done.stderr
    assert "report:" not in done.stdout
    runs, reports = (ROOT / folder / tiny_file.stem for folder in ("runs", "reports"))
    assert not (runs / "corpus.parquet").exists()
    assert not (reports / "index.html").exists()
    failed = runs / "notebooks" / "01_corpus.html"
    assert "no column" in failed.read_text(encoding="utf-8")
