"""`cyborg collect`: finished score sheets, their faults, the raters' report, the scored file."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from cyborg_utils.cli import main
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.corpus.table_files import open_table
from cyborg_utils.hand_scoring.ledger import read_ledger
from cyborg_utils.workflow.essay_table import Choices, read_essay_table
from cyborg_utils.workflow.evaluate_scores import Choices as EvaluationChoices
from cyborg_utils.workflow.evaluate_scores import read_scores

FORMULAS = ['=HYPERLINK("http://x.y")', "+1 for this, I say", "-1-", "@SUM(A1)", "\t=1+1", "＝1+1"]


@pytest.fixture(scope="module")
def corpus() -> pd.DataFrame:
    essays = simulate_corpus(120, seed=5)[["essay_id", "text", "prompt", "gender", "true_score"]]
    essays["essay_id"] = [f"{i:03d}" for i in range(len(essays))]
    essays.loc[:5, "text"] = [f"{start} {essays['text'][i]}" for i, start in enumerate(FORMULAS)]
    essays.loc[6:9, "essay_id"] = ["=1+1", "-7", "+a", "@b"]
    return essays


@pytest.fixture
def essays(corpus, tmp_path):
    path = tmp_path / "essays.csv"
    corpus.drop(columns="true_score").to_csv(path, index=False)
    return path


def draw(path, *options) -> None:
    assert main(["draw", str(path), *map(str, options)]) == 0


def collect(path, *options) -> int:
    sheets = sorted(path.parent.glob("essays-draw*.csv")) + sorted(
        path.parent.glob("essays-adjudication*.csv")
    )
    return main(["collect", *map(str, sheets), "--essays", str(path), *map(str, options)])


def scores_of(corpus, ids, rater: str) -> list[str]:
    """A simulated rater's scores, the same for every sheet."""
    severity = {"A": 0.7, "B": 0.0, "C": 0.0}[rater]
    truth = corpus.set_index("essay_id")["true_score"]
    noise = [np.random.default_rng([ord(rater), *id.encode()]).normal(0, 0.9) for id in ids]
    return [f"{s:.0f}" for s in np.clip(np.round(truth[list(ids)] + noise - severity), 1, 6)]


def fill(path, corpus, rater: str, column: str = "score") -> pd.DataFrame:
    """Score a CSV sheet as a spreadsheet program saves it."""
    sheet = pd.read_csv(path, dtype=str, keep_default_na=False)
    ids = [id[1:] if id[:1] == "'" else id for id in sheet["essay_id"]]
    sheet[column] = scores_of(corpus, ids, rater)
    sheet["rater"] = [rater] + [""] * (len(sheet) - 1)
    sheet.to_csv(path, index=False, encoding="utf-8-sig")
    return sheet


def fill_workbook(path, corpus, rater: str) -> None:
    book = load_workbook(path)
    rows = book["essays"].iter_rows(min_row=2)
    for row in rows:
        (score,) = scores_of(corpus, [row[0].value], rater)
        row[3].value, row[4].value = rater, int(score)
    book.save(path)


def scored(path) -> pd.DataFrame:
    return pd.read_csv(path.with_name("essays-scored.csv"), dtype=str).set_index("essay_id")


def edit(path, change) -> None:
    sheet = pd.read_csv(path, dtype=str, keep_default_na=False)
    change(sheet)
    sheet.to_csv(path, index=False)


@pytest.fixture
def finished(essays, corpus):
    """Essays of which 60 are scored for evaluation, 30 of them twice."""
    draw(essays, "--for", "evaluation", "--n", 60, "--double", 0.5)
    for i, rater in ((1, "A"), (2, "B")):
        fill(essays.with_name(f"essays-draw1-rater{i}.csv"), corpus, rater)
    return essays


# ---------------------------------------------------------------- the scored file


def test_the_scored_file_has_every_essay_and_who_scored_it(finished, corpus):
    assert collect(finished) == 0
    table, ledger = scored(finished), read_ledger(finished.with_name("essays-ledger.csv"))
    assert table.index.tolist() == corpus["essay_id"].tolist()
    assert table["text"].tolist() == corpus["text"].tolist()
    assert set(table.index[table["score"].notna()]) == set(ledger["essay_id"])
    assert table["score_2"].notna().sum() == table["scored_by_2"].notna().sum() == 30
    for suffix in ("", "_2"):
        rows = table[table[f"score{suffix}"].notna()]
        for rater, of_rater in rows.groupby(f"scored_by{suffix}"):
            assert of_rater[f"score{suffix}"].tolist() == scores_of(corpus, of_rater.index, rater)
    weights = table["weight"].dropna().astype(float)
    assert weights.to_numpy() == pytest.approx(2.0) and len(weights) == 60
    assert set(table["probability"].dropna()) == {"0.5"} and "split" not in table


def test_the_scored_file_is_read_by_new_and_by_evaluate(finished, corpus):
    draw(finished, "--for", "training", "--n", 40)
    fill(finished.with_name("essays-draw2-rater1.csv"), corpus, "C")
    assert collect(finished) == 0
    path = finished.with_name("essays-scored.csv")
    essays, _ = read_essay_table(open_table(path), Choices())
    roles = {"id": "essay_id", "text": "text", "prompt": "prompt", "score": "score",
             "second_score": "score_2", "split": "split"}  # fmt: skip
    assert essays.columns == roles and essays.groups == {"gender": "gender"}
    assert essays.scores.notna().sum() == 100
    assert essays.parts.value_counts().to_dict() == {"test": 60, "train": 60}
    table = pd.read_csv(path, dtype=str)
    table["machine"] = corpus["true_score"].round().astype(int)
    table.drop(columns="text").to_csv(path, index=False)
    contents, faults = read_scores(open_table(path), EvaluationChoices())
    faults.check()
    assert contents.columns["score"] == "score" and contents.columns["second_score"] == "score_2"
    assert contents.machines == {"machine": "machine"}


def test_essays_scored_before_keep_their_scores(essays, corpus):
    given = corpus.drop(columns="true_score").assign(score=["3"] * 40 + [""] * 80)
    given.to_csv(essays, index=False)
    draw(essays, "--for", "evaluation", "--n", 20, "--score", "score")
    fill(essays.with_name("essays-draw1-rater1.csv"), corpus, "C")
    assert collect(essays) == 2
    assert collect(essays, "--score", "score") == 0
    table = scored(essays)
    assert (table["score"][:40] == "3").all() and table["score"].notna().sum() == 60


def test_essays_whose_scores_differ_go_to_a_third_rater(finished, corpus, capsys):
    assert collect(finished) == 0
    table = scored(finished).dropna(subset="score_2")
    apart = (table["score"].astype(int) - table["score_2"].astype(int)).abs() > 1
    said = capsys.readouterr().out
    assert apart.sum() > 2 and f"{apart.sum()} of 30 essays have two scores more" in said
    path = finished.with_name("essays-adjudication1.csv")
    sheet = open_table(path).read()
    assert list(sheet) == ["essay_id", "prompt", "text", "rater", "adjudicated_score"]
    assert {id.removeprefix("'") for id in sheet["essay_id"]} == set(table.index[apart])
    path.rename(path.with_suffix(".later"))
    finished.with_name("essays-adjudication1.xlsx").unlink()
    assert collect(finished) == 0
    path.with_suffix(".later").rename(path)
    fill(path, corpus, "C", "adjudicated_score")
    assert collect(finished) == 0
    after = scored(finished)
    assert f"{apart.sum()} of them are adjudicated" in capsys.readouterr().out
    third = after.dropna(subset="adjudicated")
    assert set(third.index) == set(table.index[apart]) and set(third["adjudicated_by"]) == {"C"}
    assert (third["resolved"] == third["adjudicated"]).all()
    others = after.drop(index=third.index)
    pd.testing.assert_series_equal(others["resolved"], others["score"], check_names=False)
    pd.testing.assert_series_equal(after["score"], scored(finished)["score"])


def test_one_adjudication_sheet_is_written_for_the_same_essays(finished, capsys):
    def adjudications() -> int:
        return len(list(finished.parent.glob("*adjudication*.csv")))

    sheets = sorted(map(str, finished.parent.glob("essays-draw1-rater?.csv")))
    for _ in range(2):
        assert main(["collect", *sheets, "--essays", str(finished)]) == 0
    assert adjudications() == 1 and "already" in capsys.readouterr().out


def test_the_report_has_agreement_and_severity(finished, capsys):
    assert collect(finished) == 0
    said = capsys.readouterr().out
    assert "90 scores of 60 essays by 2 raters; scale 1 to 6 in steps of 1" in said
    assert "agreement of raters, all: 30 essays, QWK 0." in said
    assert "severity of A: +" in said and "severity of B: -" in said


def test_raters_who_share_no_essay_get_the_reason(essays, corpus, capsys):
    draw(essays, "--for", "evaluation", "--n", 20, "--raters", 2)
    for i, rater in ((1, "A"), (2, "B")):
        fill(essays.with_name(f"essays-draw1-rater{i}.csv"), corpus, rater)
    assert collect(essays, "--scale", "1-6") == 0
    assert "not known, since fewer than two essays have two scores" in capsys.readouterr().out


# ---------------------------------------------------------------- files


def test_csv_and_workbook_of_a_sheet_give_the_same_file(finished, corpus):
    assert collect(finished) == 0
    by_csv = finished.with_name("essays-scored.csv").read_bytes()
    sheets = [finished.with_name(f"essays-draw1-rater{i}.xlsx") for i in (1, 2)]
    for sheet, rater in zip(sheets, "AB", strict=True):
        fill_workbook(sheet, corpus, rater)
    assert main(["collect", *map(str, sheets), "--essays", str(finished)]) == 0
    assert finished.with_name("essays-scored.csv").read_bytes() == by_csv


def test_no_cell_of_a_sheet_is_a_formula(essays, corpus):
    draw(essays, "--for", "evaluation", "--n", 120)
    base = essays.with_name("essays-draw1-rater1")
    raw = pd.read_csv(f"{base}.csv", dtype=str, keep_default_na=False)
    assert not raw.map(lambda cell: cell.startswith(tuple("=+-@\t＝"))).any(axis=None)
    assert raw["text"].str.startswith("'").sum() == len(FORMULAS)
    cells = [c for row in load_workbook(f"{base}.xlsx")["essays"].iter_rows() for c in row]
    assert {c.data_type for c in cells if c.value is not None} == {"s"}
    texts = {row[0].value: row[2].value for row in
             load_workbook(f"{base}.xlsx")["essays"].iter_rows(min_row=2)}  # fmt: skip
    assert texts == dict(zip(corpus["essay_id"], corpus["text"], strict=True))


def test_long_texts_and_control_characters_fit_a_workbook(essays, corpus):
    given = corpus.drop(columns="true_score").copy()
    given.loc[20, "text"] = "word " * 9000
    given.loc[21, "text"] = "a\x0b b\x01 c " + given.loc[21, "text"]
    given.to_csv(essays, index=False)
    draw(essays, "--for", "evaluation", "--n", 120)
    sheet = open_table(essays.with_name("essays-draw1-rater1.xlsx")).read().set_index("essay_id")
    assert sheet.loc["020", "text"].endswith("[cut here: the CSV sheet has the whole text]")
    assert "\x0b" not in sheet.loc["021", "text"]
    whole = open_table(essays.with_name("essays-draw1-rater1.csv")).read().set_index("essay_id")
    assert len(whole.loc["020", "text"]) > 44_000


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("way", ["xlsx:xlsx", "xlsx:csv", "csv:xlsx", "csv:csv"])
def test_sheets_are_read_after_saving_in_libreoffice(finished, corpus, way, tmp_path):
    assert collect(finished) == 0
    expected = scored(finished)[["score", "scored_by", "score_2", "scored_by_2"]]
    source, target = way.split(":")
    saved = tmp_path / "saved"
    for i, rater in ((1, "A"), (2, "B")):
        sheet = finished.with_name(f"essays-draw1-rater{i}.{source}")
        if source == "xlsx":
            fill_workbook(sheet, corpus, rater)
        options = ["--infilter=CSV:44,34,76"] * (source == "csv")  # comma, quotation mark, UTF-8
        profile = f"-env:UserInstallation=file://{tmp_path}/profile"
        command = ["soffice", "--headless", profile, *options, "--convert-to", target]
        command += ["--outdir", str(saved), str(sheet)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
    files = sorted(map(str, saved.iterdir()))
    assert main(["collect", *files, "--essays", str(finished)]) == 0
    pd.testing.assert_frame_equal(scored(finished)[list(expected)], expected)


# ---------------------------------------------------------------- faults


def spoil(column, value, row=2):
    def change(sheet) -> None:
        sheet.loc[row, column] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil("score", ""), "column 'score': 1 rows have no score (first: row 4): score them, or"),
        (spoil("score", "4?"), "column 'score': 1 rows are no numbers (first: row 4 '4?'): write"),
        (spoil("score", "9"), "column 'score': 1 scores are off the scale 1 to 6 (first: row 4 9)"),
        (spoil("score", "3.5"), "column 'score': 1 scores are off the scale 1 to 6"),
        (spoil("essay_id", "zzz"), "1 rows have an id that was not drawn (first: row 4 'zzz')"),
        (spoil("essay_id", ""), "column 'essay_id': 1 rows have no id (first: row 4): restore"),
        (spoil("rater", ["A", "A", "", "Z"], [0, 1, 2, 3]), "have a score, but no rater code"),
        (lambda s: s.insert(4, "x", s.pop("score")), "no column 'score'; a sheet has the columns"),
        (lambda s: s.__setitem__("essay_id", [s["essay_id"][0]] * len(s)),
         "is scored twice by one rater"),
    ],
)  # fmt: skip
def test_a_fault_names_file_row_column_value_and_remedy(finished, change, message, capsys):
    edit(finished.with_name("essays-draw1-rater1.csv"), change)
    assert collect(finished, "--scale", "1-6") == 2
    error = capsys.readouterr().err
    assert "essays-draw1-rater1.csv" in error and message in error
    assert not finished.with_name("essays-scored.csv").exists()


def test_all_faults_are_listed_together(finished, capsys):
    edit(finished.with_name("essays-draw1-rater1.csv"), spoil("score", "x"))
    edit(finished.with_name("essays-draw1-rater2.csv"), spoil("essay_id", "zzz"))
    assert collect(finished) == 2
    assert "score sheets: 2 faults, each with its remedy" in capsys.readouterr().err


def test_a_typing_error_is_found_without_a_declared_scale(finished, capsys):
    edit(finished.with_name("essays-draw1-rater1.csv"), spoil("score", "44"))
    assert collect(finished) == 2
    assert "44 stands apart from the other scores: correct it, or say" in capsys.readouterr().err


def test_the_sheet_of_one_rater_given_twice_is_refused(finished, capsys):
    shutil.copy(finished.with_name("essays-draw1-rater1.csv"),
                finished.with_name("essays-draw1-rater9.csv"))  # fmt: skip
    assert collect(finished) == 2
    assert "is scored twice by one rater, as" in capsys.readouterr().err


def test_an_adjudicator_is_a_third_person(finished, corpus, capsys):
    assert collect(finished) == 0
    fill(finished.with_name("essays-adjudication1.csv"), corpus, "A", "adjudicated_score")
    assert collect(finished) == 2
    assert "is adjudicated by one of its two raters" in capsys.readouterr().err


def test_unfinished_sheets_are_collected_on_request(finished, capsys):
    edit(finished.with_name("essays-draw1-rater1.csv"), spoil("score", ""))
    assert collect(finished, "--incomplete") == 0
    assert "89 scores of" in capsys.readouterr().out


def test_scores_with_a_decimal_comma_are_read(finished):
    for i in (1, 2):
        edit(finished.with_name(f"essays-draw1-rater{i}.csv"),
             lambda s: s.__setitem__("score", s["score"] + ",5"))  # fmt: skip
    assert collect(finished) == 0
    assert scored(finished)["score"].dropna().str.endswith(".5").all()


def test_ids_that_lost_their_zeros_are_found_again(finished):
    assert collect(finished) == 0
    for path in finished.parent.glob("*adjudication*"):
        path.unlink()
    before = finished.with_name("essays-scored.csv").read_bytes()
    for i in (1, 2):
        edit(finished.with_name(f"essays-draw1-rater{i}.csv"),
             lambda s: s.__setitem__("essay_id", s["essay_id"].str.lstrip("0")))  # fmt: skip
    assert collect(finished) == 0
    assert finished.with_name("essays-scored.csv").read_bytes() == before


def test_sheets_with_other_ids_alone_are_refused(finished, capsys):
    for i in (1, 2):
        edit(finished.with_name(f"essays-draw1-rater{i}.csv"),
             lambda s: s.__setitem__("essay_id", "x" + s["essay_id"]))  # fmt: skip
    assert collect(finished) == 2
    assert "45 rows have an id that was not drawn" in capsys.readouterr().err


def test_without_a_ledger_nothing_is_collected(finished, capsys):
    finished.with_name("essays-ledger.csv").unlink()
    assert collect(finished) == 2
    assert "there is no ledger of draws at" in capsys.readouterr().err


def test_no_file_that_is_read_is_overwritten(finished, capsys):
    before = finished.read_bytes()
    assert collect(finished, "--out", finished) == 2
    assert "is read here: name another file with --out" in capsys.readouterr().err
    assert finished.read_bytes() == before
