"""A study of a table of scores: which column is what, and what is refused in doubt."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cyborg_utils.cli import main
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.table_files import TableError, open_table
from cyborg_utils.study.config import load_study
from cyborg_utils.workflow import runner
from cyborg_utils.workflow.evaluate_scores import Choices, read_scores, write_evaluation

N = 60


@pytest.fixture
def scores() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    human = rng.integers(1, 7, N)
    return pd.DataFrame(
        {
            "Essay ID": [f"e{i}" for i in range(N)],
            "human score": human,
            "human score 2": np.clip(human + rng.integers(-1, 2, N), 1, 6),
            "GPT score": (human + rng.normal(0, 0.5, N)).round(2),
            "task": np.where(np.arange(N) % 2, "A", "B"),
            "gender": np.where(np.arange(N) % 3, "F", "M"),
            "note": "fine",
        }
    )


@pytest.fixture
def table_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(frame: pd.DataFrame, name: str = "scores.csv", **how):
        frame.to_csv(name, index=False, **how)
        return open_table(tmp_path / name)

    return write


def test_columns_are_inferred_and_printed(scores, table_of, capsys):
    table = table_of(scores, sep=";")
    assert write_evaluation(table.path) == "scores"
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "scores.csv: 60 essays (utf-8, columns separated by ';'), of which 60 have a human score",
        "  60 rows below the column names: 60 read, 0 left out",
        "  id: column 'Essay ID'",
        "  human score: column 'human score'",
        "  second human score: column 'human score 2'",
        "  prompt: column 'task'",
        "  machine gpt_score: column 'GPT score'",
        "  scale: 1 to 6 in steps of 1; where it is another one, give --scale MIN-MAX:STEP",
        "  group gender: F 40, M 20",
        "  not used: 'note'",
        "rows in the file: 60 = 60 with human and machine scores + 0 left out",
        "wrote scores.yaml",
    ]
    study = load_study("scores")
    assert study.machines == ["gpt_score"]
    corpus = load_corpus(study).set_index("essay_id").loc[scores["Essay ID"]]
    for role, column in (("score", "human score"), ("score_2", "human score 2"),
                         ("gpt_score", "GPT score"), ("prompt", "task")):  # fmt: skip
        np.testing.assert_array_equal(corpus[role], scores[column])


def test_a_grade_of_school_is_no_human_score_and_said(scores, table_of, capsys):
    levels = [str(8 + i % 4) for i in range(len(scores))]
    write_evaluation(table_of(scores.assign(grade_level=levels)).path)
    assert (
        "human score: column 'human score' ('grade_level' looks like a grade of school; --human "
        "COLUMN)"
    ) in capsys.readouterr().out


def test_rows_that_are_not_compared_are_listed_and_add_up(scores, table_of, tmp_path, capsys):
    scores = scores.astype({"human score": object, "GPT score": object})
    scores.loc[[3, 4], "human score"] = ["NA", None]
    scores.loc[[4, 5], "GPT score"] = None
    below = pd.DataFrame([dict.fromkeys(scores), {"Essay ID": "Mean", "GPT score": 3.2}])
    table = table_of(pd.concat([scores, below]))
    write_evaluation(table.path)
    printed = capsys.readouterr().out
    assert (
        "rows in the file: 62 = 57 with human and machine scores + 5 left out (2 no human score, "
        "1 no score by gpt_score, 1 empty, 1 'Mean' below the essays)\n"
        "wrote scores_left_out.csv: the rows that are left out, and why\n"
    ) in printed
    left_out = pd.read_csv("scores_left_out.csv", keep_default_na=False)
    assert left_out["row"].tolist() == [5, 6, 7, 62, 63]
    assert left_out["id"].tolist() == [*scores["Essay ID"][3:6], "", ""]
    corpus = load_corpus(load_study("scores"))
    assert corpus[["score", "gpt_score"]].notna().all(axis=1).sum() == 57


def test_what_a_person_names_goes_first(scores, table_of):
    scores = scores.rename(columns={"human score": "x", "GPT score": "y", "task": "z"})
    choices = Choices("x", ("y", "human score 2"), None, "Essay ID", "gender", ("z",), (0, 6, 1))
    contents, _ = read_scores(table_of(scores), choices)
    assert contents.columns == {"id": "Essay ID", "score": "x", "prompt": "gender"}
    assert contents.machines == {"y": "y", "human_score_2": "human score 2"}
    assert contents.groups == {"z": "z"}
    assert contents.scale == (0, 6, 1)


def test_machines_get_names_that_nothing_else_has(scores, table_of):
    scores = scores.assign(score=scores["GPT score"], gender_=scores["GPT score"])
    contents, _ = read_scores(
        table_of(scores), Choices("human score", ("score", "GPT score", "gender_"))
    )
    assert list(contents.machines) == ["machine_score", "gpt_score", "machine_gender"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rater score": "human score"},
         "columns 'human score' and 'rater score' look like human scores: name the one that "
         "counts with --human COLUMN"),
        ({"AI score": "GPT score"},
         "columns 'GPT score' and 'AI score' look like machine scores: name the one that counts "
         "with --machine COLUMN; several machines are named one by one"),
        ({"rater 2": "human score"},
         "columns 'human score 2' and 'rater 2' look like second scores: name the one that counts "
         "with --second COLUMN"),
    ],
)  # fmt: skip
def test_a_doubt_is_answered_by_the_candidates_and_the_option(scores, table_of, change, message):
    table = table_of(scores.assign(**{new: scores[old] for new, old in change.items()}))
    with pytest.raises(TableError) as caught:
        read_scores(table, Choices())[1].check()
    assert str(caught.value) == f"scores.csv: {message}"


def test_a_score_that_no_name_tells_is_asked_for(scores, table_of):
    table = table_of(scores.rename(columns={"GPT score": "y"}))
    with pytest.raises(TableError) as caught:
        read_scores(table, Choices())[1].check()
    assert str(caught.value) == (
        "scores.csv: no column is called like a machine score: name it with --machine COLUMN; "
        "columns of numbers are 'human score', 'human score 2', 'y'"
    )


def test_the_usual_short_names_are_known(scores, table_of):
    short = {"human score": "H1", "human score 2": "H2", "GPT score": "M"}
    contents, _ = read_scores(table_of(scores.rename(columns=short)), Choices())
    assert contents.columns["score"] == "H1"
    assert contents.columns["second_score"] == "H2"
    assert contents.machines == {"m": "M"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--machine", "none"], "scores.csv: --machine: no column 'none'"),
        (["--human", "note"], "column 'note' has 60 values that are not numbers"),
        (["--scale", "1-4"], "off the scale 1 to 4"),
        (["--name", "a/b"], "'a/b' names no study"),
    ],
)
def test_a_wrong_option_writes_nothing(scores, table_of, tmp_path, capsys, options, message):
    table_of(scores)
    assert main(["evaluate", "scores.csv", *options]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


def test_a_study_is_run_again_but_never_overwritten(
    scores, table_of, tmp_path, monkeypatch, capsys
):
    table_of(scores)
    runs = []
    monkeypatch.setattr(runner, "run_study", lambda name, **how: runs.append(name) or 0)
    assert main(["evaluate", "scores.csv"]) == 0
    written = (tmp_path / "scores.yaml").read_text()
    assert main(["evaluate", "scores.csv"]) == 0
    assert runs == ["scores", "scores"]
    assert main(["evaluate", "scores.csv", "--scale", "0-6"]) == 2
    assert "scores.yaml is there already and says something else" in capsys.readouterr().err
    assert (tmp_path / "scores.yaml").read_text() == written
    assert main(["evaluate", "scores.csv", "--scale", "0-6", "--name", "wider"]) == 0
    assert load_study("wider").labels[0] == 0


def test_study_and_reports_go_to_the_folder_that_is_named(scores, table_of, tmp_path, monkeypatch):
    table_of(scores)
    monkeypatch.setenv("CYBORG_HOME", "")  # what the command sets is removed after the test
    monkeypatch.setattr(runner, "run_study", lambda name, **how: 0)
    assert main(["evaluate", "scores.csv", "--out", "results"]) == 0
    study = load_study("scores")
    assert study.folder == tmp_path / "results" / "runs" / "scores"
    assert study.corpus.file == "../scores.csv"


@pytest.mark.parametrize(
    ("code", "choices", "read"),
    [
        ("TD", {"missing": ("TD",)}, np.nan),
        ("top", {"score_values": {"top": 6}}, 6),
        ("5,0", {"decimal": ","}, 5),
    ],
)
def test_how_scores_are_written_reaches_the_study(scores, table_of, code, choices, read):
    scores = scores.astype({"human score": object})
    scores.loc[0, "human score"] = code
    table = table_of(scores.assign(**{"GPT score": scores["GPT score"].round().astype(int)}))
    write_evaluation(table.path, Choices(**choices))
    corpus = load_corpus(load_study("scores")).set_index("essay_id")
    np.testing.assert_array_equal(corpus["score"].get("e0", np.nan), read)


def drawn_with(scores: pd.DataFrame, name: str, low: float = 0.2) -> pd.DataFrame:
    """The scores with a column of probabilities."""
    return scores.assign(**{name: np.where(np.arange(N) % 3, low, 0.8)})


def test_essays_are_weighted_by_the_probability_that_is_named(scores, table_of, capsys):
    table = table_of(drawn_with(scores, "p_drawn"))
    write_evaluation(table.path, Choices(probability="p_drawn"))
    printed = capsys.readouterr().out
    weights = 1 / drawn_with(scores, "p")["p"]
    effective = weights.sum() ** 2 / (weights**2).sum()
    assert (
        f"design effect {N / effective:.2f}, 60 human-scored essays count as {effective:.0f}"
        in printed
    )
    study = load_study("scores")
    assert study.corpus.columns.probability == "p_drawn"
    assert load_corpus(study)["probability"].isin([0.2, 0.8]).all()


@pytest.mark.parametrize("name", ["inclusion_probability", "Weight", "sampling prob", "peso"])
def test_a_column_of_weights_that_nobody_named_is_pointed_out(scores, table_of, capsys, name):
    table = table_of(drawn_with(scores, name))
    write_evaluation(table.path)
    printed = capsys.readouterr().out
    assert f"WARNING: column {name!r} is named like a sampling probability or weight" in printed
    assert "--probability COLUMN" in printed
    corpus = load_corpus(load_study("scores"))
    assert any(repr(name) in note for note in corpus.attrs["notes"])
    assert "probability" not in corpus


def test_without_such_a_column_nothing_is_said(scores, table_of, capsys):
    write_evaluation(table_of(scores).path)
    assert "probability" not in capsys.readouterr().out
    assert not any(
        "probability" in note for note in load_corpus(load_study("scores")).attrs["notes"]
    )


@pytest.mark.parametrize("low", [0.0, 3.0])
def test_weights_in_place_of_probabilities_are_refused(scores, table_of, low):
    table = table_of(drawn_with(scores, "w", low))
    with pytest.raises(TableError, match="reciprocal of a sampling weight"):
        write_evaluation(table.path, Choices(probability="w"))
