"""New essays and a Student: its folder, its scores, its flags; and the whole way from a CSV."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_models import classical, fitted
from study_runs import ROOT, clean, run_study
from transformers import pipeline

from cyborg_utils.cli import main
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.corpus.table_files import TableError
from cyborg_utils.models.novelty import BLANK, CUT, LONG, REPEATED, SHORT, UNLIKE, profile_of
from cyborg_utils.models.saved_model import StudentError, load_student, save_student
from cyborg_utils.reporting.model_card import model_card
from cyborg_utils.reporting.notebooks import run_notebook
from cyborg_utils.statistics.agreement import bootstrap_agreement
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import Condition, saves_model
from cyborg_utils.study.schema.models import EncoderScorer
from cyborg_utils.study.storage import read_json, write_json
from cyborg_utils.workflow import score_essays, study_files
from cyborg_utils.workflow.score_essays import score_file

LABELS = [1, 2, 3, 4, 5, 6]
SCORES = ["continuous", "score", "linked", "linked_score"]
GERMAN = (
    "Als ich gestern durch den alten Wald spazierte, begegnete mir ein freundlicher Nachbar, der "
    "seit vielen Jahren allein in einem kleinen Haus am Fluss wohnt und Gedichte schreibt. "
) * 6


@pytest.fixture(scope="module")
def corpus() -> pd.DataFrame:
    return simulate_corpus(400, seed=5)


@pytest.fixture(scope="module")
def made(tmp_path_factory, corpus) -> Path:
    """The folder of a ridge Student that learnt from the first 300 essays."""
    folder = tmp_path_factory.mktemp("student") / "model"
    train = corpus.head(300)
    model, _ = fitted(classical(), train)
    save_student(folder, model, profile_of(train["text"].tolist()), "A Student of tests.")
    return folder


@pytest.fixture
def ridge(made, tmp_path) -> Path:
    """A copy of it that a test may spoil."""
    return shutil.copytree(made, tmp_path / "model")


@pytest.fixture
def new(corpus) -> pd.DataFrame:
    """Essays that the Student has not seen, as a file has them."""
    return pd.DataFrame({"essay_id": [f"n{i}" for i in range(100)], "essay": corpus["text"][300:]})


def scores_of(folder: Path, frame: pd.DataFrame, place: Path, **how) -> pd.DataFrame:
    frame.to_csv(place / "new.csv", index=False)
    score_file(folder, place / "new.csv", place / "scores.csv", **how)
    return pd.read_csv(place / "scores.csv", dtype={"essay_id": str})


# ---------------------------------------------------------------- scores


def test_scores_are_the_models_own_in_the_order_of_the_file(ridge, new, tmp_path, monkeypatch):
    monkeypatch.setattr(score_essays, "ROWS", 30)
    scored = scores_of(ridge, new, tmp_path)
    model, _ = load_student(ridge)
    expected = model.score(new["essay"].tolist())
    assert scored.columns.tolist() == ["essay_id", *SCORES, "flag"]
    assert scored["essay_id"].tolist() == new["essay_id"].tolist()
    np.testing.assert_allclose(scored["continuous"], expected["continuous"], atol=5e-5)
    np.testing.assert_array_equal(scored["score"], expected["score"])


def test_a_block_of_blank_essays_has_the_columns_of_the_others(ridge, new, tmp_path, monkeypatch):
    monkeypatch.setattr(score_essays, "ROWS", 4)
    new.iloc[:4, 1] = " "
    scored = scores_of(ridge, new.head(8), tmp_path)
    assert scored.columns.tolist() == ["essay_id", *SCORES, "flag"]
    assert scored[SCORES].notna().all(axis=1).tolist() == [False] * 4 + [True] * 4
    assert (scored["flag"][:4] == BLANK).all()


def test_hardly_an_essay_of_the_same_kind_is_flagged(ridge, new, tmp_path):
    scored = scores_of(ridge, new, tmp_path)
    assert scored["score"].notna().all()
    assert scored["flag"].notna().sum() <= 2


def test_unusual_essays_are_flagged_and_meaningless_ones_not_scored(ridge, new, tmp_path):
    usual = new.loc[300, "essay"]
    odd = {
        "blank": ("  ", BLANK),
        "German": (GERMAN, UNLIKE),
        "Chinese": ("我昨天去了学校，我们读了一本很好的书。" * 20, f"{LONG}; {UNLIKE}"),
        "keys": ("asdf jkl qwer zxcv " * 40, UNLIKE),
        "digits": ("123 456 " * 60, f"{SHORT}; {UNLIKE}"),
        "short": (usual[:60].rsplit(" ", 1)[0], SHORT),
        "long": (usual * 20, LONG),
    }
    rows = pd.DataFrame({"essay_id": list(odd), "essay": [text for text, _ in odd.values()]})
    scored = scores_of(ridge, pd.concat([new, rows]), tmp_path).set_index("essay_id")
    assert scored.loc[list(odd), "flag"].tolist() == [flag for _, flag in odd.values()]
    assert scored.loc[["blank", "German", "Chinese", "keys", "digits"], "score"].isna().all()
    assert scored.loc[["short", "long"], "score"].notna().all()


def test_an_id_that_stands_in_two_blocks_is_flagged_in_both(ridge, new, tmp_path, monkeypatch):
    monkeypatch.setattr(score_essays, "ROWS", 10)
    new.loc[399, "essay_id"] = "n0"
    scored = scores_of(ridge, new, tmp_path)
    assert scored.index[scored["flag"] == REPEATED].tolist() == [0, 99]


@pytest.mark.parametrize("how", [{"sep": ";", "encoding": "cp1252"}, {"sep": "\t"}])
def test_a_file_is_read_however_it_was_saved(ridge, new, tmp_path, how):
    new.to_csv(tmp_path / "new.csv", index=False, **how)
    result = score_file(ridge, tmp_path / "new.csv", tmp_path / "scores.csv")
    assert result.essays == 100


def test_a_student_remembers_the_columns_of_its_training_essays(made, new, tmp_path, capsys):
    model, profile = load_student(made)
    folder = tmp_path / "remembers"
    save_student(folder, model, profile, "A Student.", {"id": "Nr", "text": "Aufsatz"})
    rows = pd.DataFrame(
        {
            "Kommentar": [f"{GERMAN} {i}" for i in range(100)],
            "essay": [f"A review by a peer of essay {i} is longer. " * 30 for i in range(100)],
            "Aufsatz": new["essay"].tolist(),
            "Nr": new["essay_id"].tolist(),
        }
    )
    scored = scores_of(folder, rows, tmp_path)
    np.testing.assert_allclose(
        scored["continuous"], model.score(new["essay"].tolist())["continuous"], atol=5e-5
    )
    printed = capsys.readouterr().out
    for role, column in (("text", "Aufsatz"), ("id", "Nr")):
        assert (
            f"{role}: column '{column}' (called as in the Student's training essays; "
            f"--{role} COLUMN)" in printed
        )


def test_a_students_file_that_names_no_columns_is_refused(ridge, new, tmp_path):
    (ridge / "student.json").write_text('{"columns": 3}')
    with pytest.raises(StudentError, match="no columns; write"):
        scores_of(ridge, new, tmp_path)


def test_the_column_that_is_read_is_printed_with_the_others(ridge, new, tmp_path, capsys):
    scores_of(ridge, new.assign(comment=[f"{GERMAN} {i}" for i in range(100)]), tmp_path)
    printed = capsys.readouterr().out
    assert "text: column 'essay' (also possible: 'comment'; --text COLUMN)" in printed
    assert "id: column 'essay_id'" in printed


def test_two_columns_that_could_be_the_text_are_asked_about(made, new, tmp_path, capsys):
    new.assign(text=new["essay"] + " The end.").to_csv(tmp_path / "new.csv", index=False)
    files = [str(made), str(tmp_path / "new.csv"), str(tmp_path / "scores.csv")]
    assert main(["score", *files]) == 2
    assert capsys.readouterr().err.endswith(
        "new.csv: columns 'text', 'essay' could all be the essays' text: name it with --text "
        "COLUMN\n"
    )


def test_scores_have_the_separator_and_the_decimal_mark_of_the_essays(made, new, tmp_path, capsys):
    new.assign(mean="2,5").to_csv(tmp_path / "new.csv", index=False, sep=";", encoding="utf-8-sig")
    files = [str(made), str(tmp_path / "new.csv"), str(tmp_path / "scores.csv")]
    assert main(["score", *files]) == 0
    assert (
        "scores.csv (utf-8-sig, columns separated by ';', decimal mark ','): 100 essays"
        in capsys.readouterr().out
    )
    text = (tmp_path / "scores.csv").read_text(encoding="utf-8-sig")
    assert re.fullmatch(r"n0;\d,\d+;\d;\d,\d+;\d;[^;]*", text.splitlines()[1])
    scored = pd.read_csv(tmp_path / "scores.csv", sep=";", decimal=",", encoding="utf-8-sig")
    model, _ = load_student(made)
    expected = model.score(new["essay"].tolist())
    np.testing.assert_allclose(scored["continuous"], expected["continuous"], atol=5e-5)


def test_essays_without_ids_are_named_by_their_rows(ridge, new, tmp_path, capsys):
    scored = scores_of(ridge, new[["essay"]].assign(grade="B"), tmp_path)
    assert scored["id"].head(2).tolist() == ["new-2", "new-3"]
    assert "id: no column, so ids are made from the file's name" in capsys.readouterr().out


def test_the_reading_options_of_new_are_those_of_score(made, new, tmp_path, capsys):
    new["essay_id"] = "one id"
    out = tmp_path / "scores.csv"
    new.to_csv(tmp_path / "new.csv", index=False, sep=";", encoding="utf-16")
    options = ["--row-ids", "--decimal", ",", "--encoding", "utf-16", "--separator", ";"]
    assert main(["score", str(made), str(tmp_path / "new.csv"), str(out), *options]) == 0
    told = capsys.readouterr().out
    assert "id: no column, so ids are made from the file's name and the row" in told
    assert "columns separated by ';', decimal mark ','): 100 essays" in told
    scored = pd.read_csv(out, sep=";", decimal=",")
    assert scored["id"].tolist() == [f"new-{row}" for row in range(2, 102)]
    model, _ = load_student(made)
    expected = model.score(new["essay"].tolist())["continuous"].round(4)
    np.testing.assert_array_equal(scored["continuous"], expected)


def test_the_summary_of_scores_adds_up(made, new, tmp_path, capsys):
    new.loc[[300, 301], "essay"] = "  "
    new.loc[302, "essay"] = GERMAN
    new.to_csv(tmp_path / "new.csv", index=False)
    files = [str(made), str(tmp_path / "new.csv"), str(tmp_path / "scores.csv")]
    assert main(["score", *files]) == 0
    assert (
        f"rows in the file: 100 = 97 scored + 3 without a score (2 {BLANK}, 1 {UNLIKE}) + 0 left "
        "out" in capsys.readouterr().out
    )


def test_a_killed_run_goes_on_with_its_next_block(ridge, new, tmp_path, monkeypatch):
    monkeypatch.setattr(score_essays, "ROWS", 30)
    whole = scores_of(ridge, new, tmp_path)
    (tmp_path / "scores.csv").unlink()
    score, seen = score_essays._score, []

    def until_the_third(texts, *rest):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(len(texts))
        return score(texts, *rest)

    monkeypatch.setattr(score_essays, "_score", until_the_third)
    files = [str(ridge), str(tmp_path / "new.csv"), str(tmp_path / "scores.csv")]
    assert main(["score", *files]) == 130
    assert not (tmp_path / "scores.csv").exists()
    with open(tmp_path / "scores.csv.part", "a") as part:
        part.write("half a li")
    monkeypatch.setattr(score_essays, "_score", lambda *a: seen.append(len(a[0])) or score(*a))
    assert main(["score", *files]) == 0
    assert seen == [30, 30, 30, 10]
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "scores.csv"), whole)
    assert [p.name for p in tmp_path.glob("*.part*")] == []


def test_a_calibration_in_the_folder_is_applied_and_none_else(ridge, new, tmp_path):
    plain = scores_of(ridge, new, tmp_path)
    (tmp_path / "scores.csv").unlink()
    write_json(ridge / "calibration.json", {"slope": 1.0, "shift": 1.0})
    moved = scores_of(ridge, new, tmp_path)
    np.testing.assert_allclose(moved["continuous"], plain["continuous"] + 1)
    assert (moved["score"] >= plain["score"]).all()
    write_json(ridge / "calibration.json", {"slope": "steep"})
    with pytest.raises(StudentError, match="not a line; write"):
        scores_of(ridge, new, tmp_path / "model")


# ---------------------------------------------------------------- what is refused


SPOILT = {
    "no folder": (shutil.rmtree, "no such folder; name the `model` folder of a Student"),
    "no scale": (lambda f: (f / "scorer.json").unlink(), "no scorer.json, which says what kind"),
    "no essays": (lambda f: (f / "training_essays.json").unlink(), "no training_essays.json"),
    "half a file": (
        lambda f: (f / "scorer.json").write_text('{"labels": [1,'),
        "not readable as a Student",
    ),
    "no numbers": (lambda f: (f / "classical.npz").unlink(), "not readable as a Student"),
}


@pytest.mark.parametrize(("spoil", "told"), SPOILT.values(), ids=SPOILT)
def test_a_folder_that_is_no_student_is_refused(ridge, new, tmp_path, capsys, spoil, told):
    spoil(ridge)
    new.to_csv(tmp_path / "new.csv", index=False)
    assert main(["score", str(ridge), str(tmp_path / "new.csv"), str(tmp_path / "scores.csv")]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


FILES = {
    "none": (None, [], "no such file"),
    "names alone": ("id,text\n", [], "there are no rows below the column names"),
    "no text": ("id,n\n1,2\n", [], "no column looks like the essays' text"),
    "a wrong option": ("id,text\n1,an essay of some words\n", ["--text", "b"], "--text: no column"),
    "an id missing": (
        "id,text\n1,an essay of some words\n,another essay of some words\n",
        ["--id", "id"],
        "column 'id' is empty in 1 rows (first: row 3)",
    ),
    "a broken end": (
        "id,text\n" + "".join(f"{i},essay {i} of some words\n" for i in range(300)) + '9,"a, b\n',
        [],
        "row 302: a quotation mark inside a quoted text is not doubled",
    ),
}


@pytest.mark.parametrize(("rows", "options", "told"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_scored_is_refused(made, tmp_path, capsys, rows, options, told):
    if rows:
        (tmp_path / "new.csv").write_text(rows)
    files = [str(made), str(tmp_path / "new.csv"), str(tmp_path / "scores.csv")]
    assert main(["score", *files, *options]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "scores.csv").exists()


@pytest.mark.slow
def test_a_hundred_thousand_essays_take_no_more_memory_than_ten_thousand(made, corpus, tmp_path):
    most = {}
    for n in (10_000, 100_000):
        texts = np.resize(corpus["text"].to_numpy(dtype=object), n)
        file = tmp_path / f"{n}.csv"
        pd.DataFrame({"essay_id": np.arange(n), "text": texts}).to_csv(file, index=False)
        command = [sys.executable, "-m", "cyborg_utils", "score", str(made), str(file)]
        code = (
            "import resource, subprocess, sys;"
            "done = subprocess.run(sys.argv[1:], capture_output=True, text=True, check=True);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.stdout)"
        )
        run = subprocess.run(
            [sys.executable, "-c", code, *command, str(tmp_path / f"{n}-scores.csv")],
            capture_output=True, text=True, cwd=ROOT, check=True,
        )  # fmt: skip
        assert "a second" in run.stdout
        print(n, run.stdout)
        most[n] = int(run.stdout.split()[0])
    assert most[100_000] < 1.05 * most[10_000]


def test_scores_are_never_overwritten(made, new, tmp_path):
    scores_of(made, new, tmp_path)
    with pytest.raises(TableError, match="is there already; remove it"):
        scores_of(made, new, tmp_path)


# ---------------------------------------------------------------- training essays


def test_a_training_essay_is_judged_without_itself():
    """Words that one or two essays share are not known to those two from others."""
    texts = ["common words here"] * 50 + ["quirk oddity"] * 2
    profile = profile_of(texts)
    assert set(profile.vocabulary) == {"common", "words", "here", "quirk", "oddity"}
    assert UNLIKE not in profile.flags("common words here")
    assert profile_of(["one", "two"]).least_known == 0


# ---------------------------------------------------------------- an encoder's folder


@pytest.mark.parametrize("head", ["regression", "classification", "ordinal"])
def test_an_encoders_folder_is_one_that_transformers_reads(tmp_path, corpus, head):
    shape = {"architecture": "electra", "hidden_size": 16, "layers": 1, "heads": 2,
             "vocab_size": 400}  # fmt: skip
    spec = EncoderScorer(
        kind="encoder", name="electra", head=head, model={"from_scratch": shape}, max_tokens=48,
        epochs=1,
    )  # fmt: skip
    train = corpus.head(40).assign(label_source="human")
    texts = train["text"].tolist()
    model, _ = fitted(spec, train, corpus[40:60])
    folder, profile = tmp_path / "model", profile_of(texts)
    save_student(folder, model, profile, "A Student of tests.")
    assert not list(folder.glob("*.bin"))
    scored = model.score(texts[:3])
    read = pipeline("text-classification", str(folder))
    given = read(texts[:3], truncation=True, max_length=48, top_k=None)
    by_name = [{output["label"]: output["score"] for output in row} for row in given]
    if head == "regression":
        mean, sd = model.scorer.mean["holistic"], model.scorer.sd["holistic"]
        theirs = [mean + sd * row["score"] for row in by_name]
        np.testing.assert_allclose(theirs, scored["continuous"], atol=1e-4)
    elif head == "classification":
        likeliest = [max(row, key=row.get) for row in by_name]
        assert likeliest == [f"{s:g}" for s in scored["score"]]
    else:
        steps = [[row[f"above {label}"] for label in LABELS[:-1]] for row in by_name]
        expected = [LABELS[0] + sum(np.cumprod(row)) for row in steps]  # points are 1 apart
        np.testing.assert_allclose(expected, scored["continuous"], atol=1e-4)
    rows = pd.DataFrame({"essay_id": ["a", "b"], "essay": texts[:2]})
    assert (scores_of(folder, rows, tmp_path)["flag"] == CUT).all()
    told = bootstrap_agreement([1, 2, 3, 3], [1, 2, 3, 2], LABELS, 200)
    card = model_card(
        load_study("demo"), model, "electra", Condition("full"), 1, train, told, profile
    )
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "are **simulated**" in card
    assert "pipeline('text-classification', folder)" in card
    assert ("is the score on the scale" in card) == (head == "regression")


def test_a_card_counts_lengths_in_characters_where_no_spaces_separate_words(corpus):
    train = corpus.head(40).assign(label_source="human")
    model, _ = fitted(classical(), train)
    chinese = train.assign(text=[f"我昨天去了学校，我们读了第{i}本很好的书。" for i in range(40)])
    for essays, unit in ((train, "words"), (chinese, "characters")):
        profile = profile_of(essays["text"].tolist())
        about = load_study("demo"), model, "ridge", Condition("full"), 1, essays, None, profile
        assert f"{profile.shortest} to {profile.longest} {unit} on the same" in model_card(*about)


def test_students_at_the_main_fraction_are_kept():
    study = load_study("demo")
    kept = {f: saves_model(study, Condition("human", None, f, 1)) for f in study.sampling.fractions}
    assert kept == {0.05: False, 0.1: True}
    assert saves_model(study, Condition("full"))
    assert not saves_model(study, Condition("full", held_out=0))


# ---------------------------------------------------------------- the whole way


@pytest.fixture(scope="module")
def whole_way(tmp_path_factory):
    """A CSV of 200 scored and 80 unscored essays, its study, and the study's run."""
    place = tmp_path_factory.mktemp("mine")
    essays = simulate_corpus(280, seed=11)
    frame = essays[["essay_id", "text", "gender"]].assign(mark=essays["score"].astype("Int64"))
    frame.loc[200:, "mark"] = pd.NA
    frame.to_csv(place / "essays.csv", sep=";", index=False)
    patch, name = pytest.MonkeyPatch(), f"test_mine_{os.getpid()}"
    patch.setattr(study_files, "params_folder", lambda: place)
    try:
        assert main(["new", name, str(place / "essays.csv")]) == 0
        settings = ["teachers=[{name: ridge, kind: classical}]",
                    "students=[{name: ridge, kind: classical}]", "evaluation.replicates=200",
                    "evaluation.min_group=5", "sampling.fractions=[0.5, 1.0]",
                    "evaluation.cross_fitting=3"]  # fmt: skip
        given = [argument for setting in settings for argument in ("--set", setting)]
        done = run_study(str(place / f"{name}.yaml"), *given, "--cores", "2")
        assert done.returncode == 0, done.stderr
        yield load_study(str(place / f"{name}.yaml"), settings), place
    finally:
        patch.undo()
        clean(name)


def test_from_a_csv_to_reports_and_new_scores(whole_way):
    study, place = whole_way
    summary = read_json(study.folder / "summary.json")
    at = {row["condition"]: row for row in summary["agreement"]}
    assert at["cyborg-ridge-f1"]["n_human"] == 110
    assert at["cyborg-ridge-f1"]["n_train"] == 190
    (advice,) = (x for x in summary["findings"] if x.startswith("Score more by hand? "))
    assert "this draw" in advice and "from 55 to 110 hand-scored train essays" in advice
    page = (ROOT / "reports" / study.name / "index.html").read_text(encoding="utf-8")
    assert "Score more by hand?" in page
    ledger = pd.read_parquet(study.folder / "labels/ridge/f1-d1/labels.parquet")
    assert ledger["label_source"].value_counts().to_dict() == {"human": 110, "teacher": 80}
    verdicts = read_json(study.folder / "fairness/ridge.json")["groups"]
    assert {row["attribute"] for row in verdicts} == {"gender"}

    folder = study.folder / "students/ridge/cyborg-ridge-f1-d1/s1/model"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "190 essays: 110 scored by human raters, 80 by a Teacher" in card
    assert re.search(r"on 60 test essays: QWK 0\.\d{3} \(95 % interval 0\.\d{3} to 0\.\d{3}", card)
    assert not (study.folder / "students/ridge/cyborg-ridge-f0.5-d1/s1/model").exists()
    out = place / "scores.csv"
    assert main(["score", str(folder), str(place / "essays.csv"), str(out)]) == 0
    scored = pd.read_csv(out, sep=";").set_index("essay_id")
    assert len(scored) == 280
    students = pd.read_parquet(folder.parent / "predictions.parquet").set_index("essay_id")
    shared = students.index.intersection(scored.dropna(subset="score").index)
    assert len(shared) > 80
    np.testing.assert_allclose(
        scored.loc[shared, "continuous"], students.loc[shared, "continuous"], atol=5e-5
    )


def test_all_scored_essays_train_and_evaluate_the_student_to_use(whole_way):
    study, place = whole_way
    summary = read_json(study.folder / "summary.json")
    result = summary["analyses"]["05a_cross_fitted_agreement"]
    assert summary["findings"][: len(result["findings"])] == result["findings"]
    linked = [row for row in result["agreement"] if row["reading"] == "linked"]
    assert len(linked) == len(result["agreement"]) / 2
    by_condition = {row["condition"]: row for row in linked}
    assert {c: row["n_train"] for c, row in by_condition.items()} == {
        "full": 133, "cyborg-ridge-f1": 213,
    }  # fmt: skip
    assert min(row["low"] for row in by_condition.values()) > 0.3
    assert {row["attribute"] for row in result["groups"]} == {"gender"}
    scores = pd.read_parquet(study.folder / "cross_fitting/scores.parquet")
    assert scores.groupby("condition")["essay_id"].nunique().tolist() == [200, 200]
    best = max(result["agreement"], key=lambda row: row["qwk"])["condition"]
    folder = study.folder / "cross_fitting/models/ridge" / best
    assert f"{folder.relative_to(study.folder.parents[1])} new.csv" in result["findings"][-1]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "200 scored by human raters" in card
    assert "on 200 hand-scored essays, each scored by a model of 3 that was trained without" in card
    assert "05a_cross_fitted_agreement.html" in card
    out = place / "scores_of_best.csv"
    assert main(["score", str(folder), str(place / "essays.csv"), str(out)]) == 0
    assert pd.read_csv(out, sep=";")[["score", "linked_score"]].notna().all(axis=None)


def test_the_notebook_scores_the_same_essays(whole_way, tmp_path):
    study, place = whole_way
    given = {
        "study": str(place / f"{study.name}.yaml"), "settings": study.settings, "arm": "cyborg",
        "teacher": "ridge", "fraction": 1.0, "data": str(place / "essays.csv"),
        "out": str(tmp_path / "scores.csv"),
    }  # fmt: skip
    report = tmp_path / "07.html"
    run_notebook("07_score_essays", given, tmp_path / "07.ipynb", report)
    assert len(pd.read_csv(tmp_path / "scores.csv", sep=";")) == 280
    assert "Flagged essays" in report.read_text(encoding="utf-8")
