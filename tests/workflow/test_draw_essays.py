"""`cyborg draw`: essays from a file, their ledger and their score sheets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from cyborg_utils.cli import main
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.corpus.table_files import open_table
from cyborg_utils.hand_scoring.ledger import read_ledger
from cyborg_utils.workflow import draw_essays, essay_pool

HIDDEN = ["score", "score_2", "true_score", "gender", "ell_status", "machine"]


@pytest.fixture(scope="module")
def corpus() -> pd.DataFrame:
    essays = simulate_corpus(240, seed=5)
    return essays.assign(machine=essays["true_score"], essay_id=[f"{i:03d}" for i in range(240)])


@pytest.fixture
def essays(corpus, tmp_path):
    path = tmp_path / "essays.csv"
    corpus.to_csv(path, index=False)
    return path


def draw(path, *options) -> int:
    return main(["draw", str(path), *map(str, options)])


def drawn(path) -> pd.DataFrame:
    return read_ledger(path.with_name("essays-ledger.csv"))


def sheet(path, draw=1, rater=1, ending="csv") -> pd.DataFrame:
    return open_table(path.with_name(f"essays-draw{draw}-rater{rater}.{ending}")).read()


def test_draws_continue_each_other_and_no_essay_is_drawn_twice(essays, capsys):
    assert draw(essays, "--for", "evaluation", "--n", 50) == 0
    assert draw(essays, "--for", "training", "--n", 20, "--method", "cluster") == 0
    assert draw(essays, "--for", "training", "--n", 20) == 0
    assert draw(essays, "--for", "evaluation", "--n", 30, "--method", "stratified") == 0
    ledger = drawn(essays)
    assert ledger["essay_id"].is_unique and len(ledger) == 120
    by_draw = ledger.groupby("draw").first()
    assert by_draw["purpose"].tolist() == ["evaluation", "training", "training", "evaluation"]
    assert by_draw["method"].tolist() == ["random", "cluster", "random", "stratified"]
    assert by_draw["drawn_from"].tolist() == [240, 190, 170, 150]
    assert by_draw["probability"].tolist() == pytest.approx(
        [50 / 240, np.nan, 20 / 170, 30 / 150], nan_ok=True
    )
    said = capsys.readouterr().out
    assert "the 40 essays drawn for training before are not among those" in said
    assert draw(essays, "--for", "evaluation", "--n", 121) == 2
    assert "has 120 essays to draw from; 120 were drawn before" in capsys.readouterr().err
    assert len(drawn(essays)) == 120
    assert draw(essays, "--for", "evaluation", "--n", 120) == 0
    assert drawn(essays)["essay_id"].nunique() == 240


@pytest.mark.parametrize("method", draw_essays.METHODS)
def test_the_same_seed_draws_the_same_essays(corpus, tmp_path, method):
    options = ["--for", "training", "--n", 45, "--method", method]
    options += ["--group", "gender", "--per-group", 5] * (method == "groups")
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "essays.csv"
        corpus.to_csv(path, index=False)
        for _ in range(2):
            assert draw(path, *options, "--seed", seed, "--double", 0.4) == 0
        names = sorted(p for p in path.parent.glob("*-rater*.csv"))
        found.append((drawn(path)["essay_id"].tolist(), [p.read_bytes() for p in names]))
    assert found[0] == found[1] and found[0] != found[2]
    assert len(found[0][1]) == 4


def test_a_draw_by_groups_reaches_its_numbers(essays, corpus, capsys):
    options = ["--group", "ell_status", "--group", "gender", "--per-group", 20]
    assert draw(essays, "--for", "evaluation", *options) == 0
    ledger = drawn(essays)
    got = corpus.set_index("essay_id").loc[ledger["essay_id"]]
    counts = pd.concat([got[c].value_counts() for c in ("ell_status", "gender")])
    assert counts.min() >= 19 and len(ledger) < 60
    assert ledger["probability"].nunique() > 1
    assert "of a mean over all essays these are worth" in capsys.readouterr().out


def test_a_sheet_shows_the_rater_the_essay_and_nothing_else(essays, corpus, tmp_path):
    rubric = tmp_path / "rubric.txt"
    rubric.write_text("6: excellent\n=1+1\n")
    draw(essays, "--for", "evaluation", "--n", 40, "--rubric", rubric)
    for ending in ("csv", "xlsx"):
        rows = sheet(essays, ending=ending)
        assert list(rows) == ["essay_id", "prompt", "text", "rater", "score"]
        assert rows[["rater", "score"]].isna().all(axis=None) and set(rows["essay_id"]) == set(
            drawn(essays)["essay_id"]
        )
        texts = corpus.set_index("essay_id")["text"]
        assert (rows["text"].to_numpy() == texts[rows["essay_id"]].to_numpy()).all()
        assert rows["essay_id"].tolist() != sorted(rows["essay_id"])
    book = load_workbook(essays.with_name("essays-draw1-rater1.xlsx"))
    assert book.sheetnames == ["essays", "rubric"]
    assert [c.value for c in book["rubric"]["A"]] == ["6: excellent", "=1+1"]
    assert {c.data_type for c in book["rubric"]["A"]} == {"s"}


def test_essays_that_are_scored_twice_are_on_two_sheets(essays):
    options = ["--double", 0.25, "--raters", 3]
    draw(essays, "--for", "evaluation", "--n", 48, *options)
    hands = [set(sheet(essays, rater=i)["essay_id"]) for i in (1, 2, 3)]
    counts = pd.Series([id for hand in hands for id in hand]).value_counts()
    assert len(counts) == 48 and counts.value_counts().to_dict() == {1: 36, 2: 12}
    assert all(len(hands[i] & hands[j]) == 4 for i, j in ((0, 1), (0, 2), (1, 2)))
    assert all(len(hand) == 20 for hand in hands)


def test_scored_and_blank_essays_are_not_drawn(corpus, tmp_path):
    path = tmp_path / "essays.csv"
    some = corpus.assign(mark=["4", ""] * 120)
    some.loc[1::4, "text"] = "  "
    some.to_csv(path, index=False)
    assert draw(path, "--for", "training", "--n", 60, "--score", "mark") == 0
    assert set(drawn(path)["essay_id"]) == set(corpus["essay_id"][3::4])


def test_a_large_file_is_drawn_from_in_blocks(essays, corpus, monkeypatch):
    monkeypatch.setattr(essay_pool, "ROWS", 17)
    monkeypatch.setattr(draw_essays, "CANDIDATES", 50)
    assert draw(essays, "--for", "training", "--n", 30, "--group", "gender", "--method",
                "stratified") == 0  # fmt: skip
    assert draw(essays, "--for", "training", "--n", 40, "--method", "cluster") == 0
    assert draw(essays, "--for", "training", "--n", 60, "--method", "cluster") == 0
    assert drawn(essays)["essay_id"].nunique() == 130
    assert sheet(essays, 3)["text"].notna().all()
    share = corpus.set_index("essay_id").loc[drawn(essays)["essay_id"][:30], "gender"]
    assert abs((share == "F").sum() - 30 * (corpus["gender"] == "F").mean()) < 2


def test_essays_without_ids_are_named_by_their_rows(corpus, tmp_path):
    path = tmp_path / "essays.csv"
    corpus[["text", "gender"]].to_csv(path, index=False)
    assert draw(path, "--for", "evaluation", "--n", 5) == 0
    assert drawn(path)["essay_id"].str.fullmatch(r"essays-\d+").all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--n", 5, "--method", "cluster"], "for evaluation use --method random, stratified"),
        ([], "how many essays? Give --n, or the wanted --per-group"),
        (["--n", 5, "--group", "gender"], "a random draw knows no groups"),
        (["--per-group", 5], "which groups? Name their columns with --group"),
        (["--n", 5, "--method", "groups", "--group", "gender"], "--per-group go together"),
        (["--n", 9, "--per-group", 9, "--group", "gender"], "at least 18 of 240 are needed"),
        (["--n", 5, "--group", "sex", "--method", "stratified"], "--group: no column 'sex'"),
        (["--n", 5, "--double", 0.5, "--raters", 1], "give --raters 2 or more"),
        (["--n", 5, "--id", "prompt"], "essays have the id of another one"),
        (["--n", 5, "--rubric", "none.txt"], "none.txt"),
    ],
)
def test_a_mistake_is_answered_by_a_sentence_and_nothing_is_written(
    essays, options, message, capsys
):
    assert draw(essays, "--for", "evaluation", *options) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in essays.parent.iterdir()] == ["essays.csv"]


def test_filled_sheets_are_never_overwritten(essays, capsys):
    draw(essays, "--for", "evaluation", "--n", 5)
    before = essays.with_name("essays-draw1-rater1.csv").read_bytes()
    essays.with_name("essays-ledger.csv").unlink()
    assert draw(essays, "--for", "evaluation", "--n", 6) == 2
    assert "is there already, and may hold scores" in capsys.readouterr().err
    assert essays.with_name("essays-draw1-rater1.csv").read_bytes() == before


def test_a_ledger_of_other_essays_is_refused(essays, corpus, capsys):
    draw(essays, "--for", "evaluation", "--n", 200)
    corpus.head(50).to_csv(essays, index=False)
    assert draw(essays, "--for", "evaluation", "--n", 1) == 2
    assert "essays that were drawn from it (first: " in capsys.readouterr().err
