"""One whole run of a study, which takes a minute or two, and runs that stop with an error."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from study_runs import ROOT, Page, clean, numbers_of, run_study
from tiny_study import NAME, TINY

from cyborg_utils.statistics.agreement import quadratic_weighted_kappa
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import hash_folder, read_json


class TinyRun:
    """One whole run of a tiny study, first and again."""

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
    assert "24 stages to run" in tiny.first.stderr
    assert "23 of 24 stages done" in tiny.first.stderr


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
    (budget,) = summary["budget"]
    assert {n: budget[n] for n in ("fraction", "train", "dev", "total")} == {
        "fraction": 0.5, "train": 30, "dev": 20, "total": 50,
    }  # fmt: skip


def test_the_summary_has_both_readings_of_the_same_runs(tiny):
    summary = tiny.summary
    for rows, column in (("agreement", "score"), ("linked_agreement", "linked_score")):
        found = {(r["student"], r["condition"]): r["qwk"] for r in summary[rows]}
        assert len(found) == 8
        for student in ("electra", "ridge"):
            file = tiny.runs / "students" / student / "human-f0.5-d1/s1/predictions.parquet"
            test = pd.read_parquet(file).query("split == 'test'")
            kappa = quadratic_weighted_kappa(test["human"], test[column], tiny.study.labels)
            assert found[student, "human-f0.5"] == pytest.approx(kappa, abs=1e-12)
    assert {r["condition"] for r in summary["linked_comparisons"]} == {
        r["condition"] for r in summary["comparisons"]
    }


def test_the_fairness_report_has_the_smd_of_both_readings(tiny):
    report = tiny.summary["fairness"]["ridge"]
    readings = pd.DataFrame(report["readings"]).set_index(["condition", "attribute", "level"])
    plain = pd.DataFrame(report["groups"]).set_index(["condition", "attribute", "level"])["smd"]
    pd.testing.assert_series_equal(readings.loc[plain.index, "smd"], plain)
    of_all = {row["condition"]: row["smd"] for row in report["shift"]}
    rows = readings.xs("(all)", level="attribute").droplevel("level")
    assert rows["smd"].to_dict() == of_all
    changed = readings["linked_smd"] - readings["smd"]
    assert changed.notna().all() and (changed != 0).any()


def test_a_classical_student_knows_nothing_of_who_else_is_in_the_study(tiny):
    """The baseline on human labels only is the ridge Teacher itself, trained on the same U."""
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
        assert about["teacher_sha256"] == hash_folder(trained, skip="teacher.json")
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


def test_a_report_loads_nothing_from_the_network(tiny):
    pages = sorted(tiny.reports.glob("*.html"))
    assert len(pages) == 24
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


def test_every_figure_of_a_report_has_an_alt_text(tiny):
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
        "05i measures of electra",
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
        "05i measures of electra",
        "05i measures of ridge",
        "06 summary",
    ]


def test_an_interrupted_run_resumes_from_its_finished_stages(tiny, tmp_path):
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
            "05i measures of electra",
            "06 summary",
        ]
    finally:
        for number, path in enumerate(unfinished):
            (tmp_path / str(number)).rename(path)


@pytest.mark.slow
def test_the_same_seeds_give_the_same_summary_to_the_last_digit(tiny):
    first = numbers_of(tiny.runs / "summary.json")
    shutil.rmtree(tiny.runs)
    again = tiny("--cores", "2")
    assert again.returncode == 0, again.stderr
    assert numbers_of(tiny.runs / "summary.json") == first


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
