"""From a CSV of one's own to a study: what is understood, what is refused, and what is written."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from cyborg_utils.cli import main
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.reporting.narrative.corpus import not_scored_note
from cyborg_utils.reporting.narrative.findings import labeling_recommendation
from cyborg_utils.study.config import load_study
from cyborg_utils.workflow import new_study, study_files
from cyborg_utils.workflow.essay_summary import small_on_test
from cyborg_utils.workflow.essay_table import Choices
from cyborg_utils.workflow.first_estimate import first_estimate
from cyborg_utils.workflow.new_study import write_study

N, SCORED = 260, 160


@pytest.fixture(scope="module")
def simulated() -> pd.DataFrame:
    return simulate_corpus(N, seed=7)


@pytest.fixture
def essays(simulated) -> pd.DataFrame:
    """Essays as a school may have them; the last 100 are not scored."""
    frame = pd.DataFrame(
        {
            "Essay ID": [f"e{i}" for i in range(N)],
            "Essay": simulated["text"],
            "Mark": simulated["score"].astype("Int64"),
            "Gender": simulated["gender"],
            "teacher": "Smith",
        }
    )
    frame.loc[SCORED:, "Mark"] = pd.NA
    return frame


@pytest.fixture
def study_of(tmp_path, monkeypatch, capsys):
    """Write a frame or bytes as a file and make a study of it: (code, printed, error, its path)."""
    monkeypatch.setattr(study_files, "params_folder", lambda: tmp_path)
    monkeypatch.setattr(new_study, "first_estimate", lambda *_: "")  # of its own test below

    def make(data, *options: str, name="mine", file="essays.csv", **how):
        path = tmp_path / file
        if isinstance(data, pd.DataFrame):
            data.to_csv(path, index=False, **how)
        elif data is not None:
            path.write_bytes(data)
        code = main(["new", name, str(path), *options])
        printed = capsys.readouterr()
        return code, printed.out, printed.err, tmp_path / f"{name}.yaml"

    return make


# ---------------------------------------------------------------- what is understood


@pytest.mark.parametrize(
    ("separator", "encoding", "told"),
    [
        (",", "utf-8", "utf-8, columns separated by ','"),
        (";", "utf-8-sig", "utf-8-sig, columns separated by ';'"),
        ("\t", "cp1252", "cp1252, columns separated by 'tab'"),
        (";", "utf-16", "utf-16, columns separated by ';'"),
    ],
)
def test_a_table_is_read_however_it_was_saved(essays, study_of, separator, encoding, told):
    essays.loc[3, "Essay"] += " Café, “quoted”; then\nmore."
    code, printed, error, path = study_of(essays, sep=separator, encoding=encoding)
    assert (code, error) == (0, "")
    assert f"essays.csv: 260 essays ({told}), of which 160 are scored" in printed
    corpus = load_corpus(load_study(str(path))).set_index("essay_id")
    assert corpus.loc["e3", "text"] == essays.loc[3, "Essay"]
    np.testing.assert_array_equal(
        corpus["score"].reindex(essays["Essay ID"]), essays["Mark"].astype(float)
    )


def test_it_says_what_it_understood(essays, study_of):
    essays.loc[200, "Essay"] = "Too short."
    code, printed, _, _ = study_of(essays)
    assert code == 0
    counts = essays["Mark"].value_counts().sort_index()
    for line in (
        "  id: column 'Essay ID'",
        "  text: column 'Essay'",
        "  score: column 'Mark'",
        "0 blank, 1 of fewer than 20 words",
        f"  scale: {counts.index[0]} to {counts.index[-1]} in steps of 1",
        "  scores: " + ", ".join(f"{score}: {n}" for score, n in counts.items()),
        "  group gender: ",
        "  not used: 'teacher'",
        "scored essays: 88 train, 24 dev, 48 test; 100 unscored ones are for the Teacher",
    ):
        assert line in printed


def test_the_study_is_one_of_all_scored_essays_and_a_curve(essays, study_of):
    study = load_study(str(study_of(essays)[3]))
    assert study.arms == ["human", "cyborg"]
    assert study.corpus.label_unscored
    assert study.sampling.fractions == [0.25, 0.5, 1.0]
    assert study.primary_fraction == 1.0
    assert [s.kind for s in study.students] == ["stacked", "classical"]
    assert study.corpus.group_names == ["gender"]
    assert not_scored_note(study, load_corpus(study)) == (
        "100 of 188 train essays have no human score. A Teacher scores them; their human "
        "scores are unknown, so that no model is trained on or compared with them, and "
        "human–machine agreement is estimated on 24 dev and 48 test essays alone."
    )


def test_where_all_are_scored_scores_are_hidden(essays, study_of):
    code, printed, _, path = study_of(essays.dropna())
    assert code == 0
    assert "All essays are scored, so none is left to score" in printed
    study = load_study(str(path))
    assert not_scored_note(study, load_corpus(study)) is None
    assert study.arms == ["human", "cyborg", "full"]
    assert study.sampling.fractions == [0.25, 0.5]


def test_half_points_and_columns_named_by_hand(essays, study_of):
    essays = essays.rename(columns={"Mark": "niveau", "Gender": "cohort: A/B"})
    essays["niveau"] = essays["niveau"].astype(float) / 2
    options = ["--score", "niveau", "--group", "cohort: A/B", "--scale", "0.5-4:0.5"]
    code, _, error, path = study_of(essays, *options)
    assert (code, error) == (0, "")
    study = load_study(str(path))
    assert study.labels == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    assert study.corpus.columns.groups == {"cohort_a_b": "cohort: A/B"}


def test_the_files_own_parts_and_second_scores_are_used(essays, study_of):
    essays["rater2"] = essays["Mark"] + (essays["Mark"] == 5)  # a 6 that the first rater never gave
    essays["Mark"] = essays["Mark"].clip(upper=5)
    essays["set"] = ["Training"] * 60 + ["Validation"] * 40 + ["test"] * 60 + ["Training"] * 100
    code, printed, _, path = study_of(essays)
    assert code == 0
    assert "  second score: column 'rater2'" in printed
    assert "scored essays: 60 train, 40 dev, 60 test" in printed
    study = load_study(str(path))
    assert study.corpus.columns.second_score == "rater2"
    assert study.labels[-1] == 6


def test_a_study_is_never_overwritten(essays, study_of):
    path = study_of(essays)[3]
    before = path.read_bytes()
    code, _, error, _ = study_of(essays.head(200))
    assert code == 2
    assert error.endswith("mine.yaml is there already: take another name, or remove it\n")
    assert path.read_bytes() == before


# ---------------------------------------------------------------- what is refused


def change(column: str, values):
    """A change of a frame's column; `values` is a list for the first rows, or for all."""

    def changed(essays: pd.DataFrame) -> pd.DataFrame:
        given = essays[column].astype(object)
        given.iloc[: len(values)] = values
        return essays.assign(**{column: given})

    return changed


HOSTILE = {
    "an empty file": (lambda e: b"", "the file is empty; give one with a row of column names"),
    "names alone": (lambda e: b"id,text,score\n", "there are no rows below the column names"),
    "one column": (lambda e: b"essays\nhello there\n", "one column only, 'essays'"),
    "a spreadsheet": (
        lambda e: b"PK\x03\x04rest",
        "this is a broken ZIP file or workbook: save it again",
    ),
    "bytes": (lambda e: b"id,text\n1,a\0b\n", "save the file as CSV, UTF-8"),
    "no names": (
        lambda e: ("1," + "many words " * 20 + ",3\n").encode() * 200,
        "the first line reads like an essay ('many words many words",
    ),
    "a name twice": (
        lambda e: b"id,text,score,score\n1,a b,2,3\n",
        "two columns are called 'score'",
    ),
    "unquoted commas": (
        lambda e: b"id,text,score\n1,so,we,went,3\n2,a text,2\n",
        "row 2 has 5 cells, but the first line names 3 columns: put texts that contain",
    ),
    "an open quote": (
        lambda e: b'id,text,score\n1,"so, we went,3\n2,a text,2\n',
        "row 2: a quotation mark inside a quoted text is not doubled, or a quoted text has no end",
    ),
    "no text": (lambda e: e.drop(columns="Essay"), "no column looks like the essays' text"),
    "one text": (change("Essay", ["the same few words again"] * N), "looks like the essays' text"),
    "no score": (
        lambda e: e.drop(columns="Mark"),
        "name it with --score COLUMN; it has 'Essay",
    ),
    "nobody scored": (
        change("Mark", [pd.NA] * N),
        "no essay is scored; score at least 100 by hand",
    ),
    "one score": (change("Mark", [3] * SCORED), "column 'Mark' is 3 for all 160 scored essays"),
    "scores as text": (
        change("Mark", ["3 points", "4 points"]),
        "column 'Mark' has 2 values that are not numbers ('3 points' 1, '4 points' 1; first: row "
        "2): --missing '3 points' --missing '4 points' where they mean no score, --score-value "
        "'3 points=3' --score-value '4 points=4' where they are scores",
    ),
    "letters": (change("Mark", ["A"] * SCORED), "has 160 values that are not numbers ('A' 160; "),
    "decimal commas": (change("Mark", ["2,5"]), "row 2): --decimal , reads 2,5 as 2.5"),
    "percentages": (
        change("Mark", list(np.linspace(0, 99.37, SCORED))),
        "that fit no scale of 101 points or fewer: round them",
    ),
    "infinite": (change("Mark", ["inf"]), "column 'Mark' has 1 values that are not numbers"),
    "an id twice": (
        change("Essay ID", ["a", "a"]),
        "2 rows share their id with another row (first: 'a', rows 2 and 3): keep one row per "
        "essay, or name another column with --id COLUMN, or name essays by their rows: --row-ids",
    ),
    "an id missing": (change("Essay ID", [pd.NA]), "'Essay ID' is empty in 1 rows (first: row 2)"),
    "few scored": (
        lambda e: e.iloc[100:],
        "60 scored essays are too few: 100 are needed (50 for train, 20 for dev, 30 for test), "
        "since without scored test essays neither human-machine agreement nor fairness can be "
        "known; score 40 more by hand",
    ),
}


@pytest.mark.parametrize(("spoil", "told"), HOSTILE.values(), ids=HOSTILE)
def test_what_a_file_lacks_is_one_sentence_with_a_remedy(essays, study_of, spoil, told):
    code, _, error, path = study_of(spoil(essays))
    assert code == 2
    assert told in error
    assert "Traceback" not in error
    assert not path.exists()


@pytest.mark.parametrize(
    ("options", "how", "told"),
    [
        (["--text", "esay"], {}, "--text: no column 'esay'; it has 'Essay ID', 'Essay', 'Mark'"),
        (["--second", "b"], {}, "--second: no column 'b'"),
        (["--group", "sex"], {}, "--group: no column 'sex'"),
        (["--scale", "1-2"], {}, "scores are off the scale 1 to 2"),
        (["--scale", "1-6:4"], {}, "no whole number of steps of 4.0 from 1.0 to 6.0"),
        ([], {"name": "my study"}, "'my study' names no study"),
        ([], {"name": "../mine"}, "'../mine' names no study"),
    ],
)
def test_a_wrong_option_is_named(essays, study_of, options, how, told):
    code, _, error, _ = study_of(essays, *options, **how)
    assert code == 2
    assert told in error


def test_a_file_that_is_not_there(study_of):
    code, _, error, _ = study_of(None, file="none.csv")
    assert code == 2
    assert error.endswith("none.csv: no such file; name a file that is there\n")


# ---------------------------------------------------------------- guesses that are said


def test_no_comment_is_taken_for_the_essay(essays, study_of):
    german = {"Essay ID": "Nr", "Essay": "Aufsatz", "Mark": "Punkte"}
    essays = essays.rename(columns=german)
    essays["Kommentar"] = [f"{text} Gut gemacht." * 2 for text in essays["Aufsatz"]]
    code, printed, _, path = study_of(essays)
    assert code == 0
    assert "  text: column 'Aufsatz' (also possible: 'Kommentar'; --text COLUMN)" in printed
    columns = load_study(str(path)).corpus.columns
    assert (columns.id, columns.text, columns.score) == ("Nr", "Aufsatz", "Punkte")


def test_a_grade_of_school_is_a_group_and_no_score(essays, study_of):
    essays = essays.rename(columns={"Mark": "band"}).assign(
        grade_level=[str(8 + i % 5) for i in range(N)]
    )
    code, printed, _, path = study_of(essays)
    assert code == 0
    assert (
        "  score: column 'band' ('grade_level' looks like a grade of school; --score COLUMN)"
        in printed
    )
    assert load_study(str(path)).corpus.columns.groups["grade_level"] == "grade_level"


def test_raters_of_asap_are_paired_with_each_other(essays, study_of):
    first = essays["Mark"].fillna(3)
    essays = pd.DataFrame(
        {
            "essay_id": essays["Essay ID"],
            "essay_set": ["1", "2"] * (N // 2),
            "essay": essays["Essay"],
            "rater1_domain1": first,
            "rater2_domain1": first,
            "domain1_score": first * np.where(np.arange(N) % 2, 1, 2),
            "domain2_score": (first + 1) // 2,
        }
    )
    code, printed, _, path = study_of(essays)
    assert code == 0
    columns = load_study(str(path)).corpus.columns
    assert (columns.score, columns.second_score) == ("rater1_domain1", "rater2_domain1")
    assert "'domain1_score' runs over another range for each prompt" in printed
    code, printed, _, _ = study_of(essays, "--score", "domain1_score", name="resolved")
    assert code == 0
    assert "  second score: none: 'domain2_score' is of another part or trait" in printed
    assert "    the scores run over different ranges ('1' " in printed


def test_ids_are_made_from_rows_and_said(essays, study_of):
    code, printed, _, path = study_of(essays.drop(columns=["Essay ID"]))
    assert code == 0
    assert (
        "  id: no column, so ids are made from the file's name and the row as a spreadsheet counts "
        "it (the first is 'essays-2'; --id COLUMN names one)" in printed
    )
    corpus = load_corpus(load_study(str(path))).set_index("essay_id")
    assert corpus.loc["essays-2", "text"] == essays["Essay"][0]
    assert corpus.loc[f"essays-{N + 1}", "text"] == essays["Essay"][N - 1]


def test_a_writer_of_several_essays_is_no_id(essays, study_of):
    essays = essays.rename(columns={"Essay ID": "student_id"})
    essays["student_id"] = [f"S{i % (N // 2)}" for i in range(N)]
    code, printed, _, path = study_of(essays)
    assert code == 0
    assert "  writer: column 'student_id'\n    130 writers of 260 essays" in printed
    columns = load_study(str(path)).corpus.columns
    assert (columns.id, columns.writer) == (None, "student_id")
    corpus = load_corpus(load_study(str(path)))
    assert (corpus.groupby("writer")["split"].nunique() == 1).all()
    last = printed[printed.index("rows in the file: ") :].splitlines()[0]
    left_out = N - len(corpus)
    assert last == (
        f"rows in the file: 260 = 160 scored + {100 - left_out} unscored + {left_out} left out "
        f"({left_out} unscored, with the text or writer of a dev or test essay)"
    )


def test_groups_in_other_scripts_keep_their_names(essays, study_of):
    essays["性别"] = np.where(essays["Gender"] == "F", "女", "男")
    essays["母语"] = ["汉语", "英语"] * (N // 2)
    code, printed, error, path = study_of(essays)
    assert (code, error) == (0, "")
    assert "  group 母语: 汉语 130, 英语 130" in printed
    assert set(load_corpus(load_study(str(path)))["性别"]) == {"女", "男"}


def test_columns_that_look_like_groups_are_asked_about(essays, study_of):
    _, printed, _, _ = study_of(essays.assign(FRL=["Y", "N"] * (N // 2)))
    assert "    groups? --group Gender --group FRL (FRL: Y 130, N 130)" in printed


# ---------------------------------------------------------------- values that mean none


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("-1", "-1 (25 essays) far from the other scores, {range}: --missing -1 where that is a "
               "code for no score; --scale -1-{high} where that is a score"),
        ("99", "99 (25 essays) far from the other scores, {range}: --missing 99 where"),
        ("TD", "has 25 values that are not numbers ('TD' 25; first: row 2): --missing TD where it "
               "means no score, --score-value TD=NUMBER where it is one"),
    ],
)  # fmt: skip
def test_a_code_for_no_score_is_asked_about(essays, study_of, code, message):
    essays["Mark"] = essays["Mark"].astype(object)
    essays.loc[:24, "Mark"] = code
    low, high = (essays["Mark"][25:SCORED].agg(end) for end in ("min", "max"))
    status, _, error, path = study_of(essays)
    assert status == 2
    assert message.format(range=f"{low} to {high}", high=high) in error
    status, printed, _, path = study_of(essays, "--missing", code)
    assert status == 0
    assert f"  missing: '{code}' means no value (25 in 'Mark')" in printed
    assert "rows in the file: 260 = 135 scored + 125 unscored + 0 left out" in printed
    study = load_study(str(path))
    assert study.labels == list(range(low, high + 1))
    assert load_corpus(study)["score"].notna().sum() == 135


def test_a_code_that_is_a_score_is_kept(essays, study_of):
    essays["Mark"] = essays["Mark"].astype(object)
    essays.loc[:24, "Mark"] = "-1"
    code, _, _, path = study_of(essays, "--scale", "-1-6")
    assert code == 0
    assert load_study(str(path)).labels == [-1, 0, 1, 2, 3, 4, 5, 6]


def test_na_of_other_programs_is_missing_in_scores_and_groups(essays, study_of):
    essays.loc[:59, "Gender"] = "n/a"
    code, printed, _, path = study_of(essays, na_rep="NA")
    assert code == 0
    assert "  missing: 'NA' means no value (100 in 'Mark')" in printed
    assert "  missing: 'n/a' means no value (60 in 'Gender')" in printed
    corpus = load_corpus(load_study(str(path)))
    assert corpus["gender"].isna().sum() == 60
    assert corpus["score"].isna().sum() == 100


def test_levels_are_given_their_numbers(essays, study_of):
    levels = {1: "low", 2: "low", 3: "mid", 4: "mid", 5: "high", 6: "high"}
    essays["Mark"] = essays["Mark"].astype(object).map(levels)
    code, _, error, _ = study_of(essays)
    assert code == 2
    assert all(f"--score-value {level}=NUMBER" in error for level in ("low", "mid", "high"))
    assert "--missing low where" not in error
    options = [o for pair in ("low=1", "mid=2", "high=3") for o in ("--score-value", pair)]
    code, printed, _, path = study_of(essays, *options)
    assert code == 0
    assert "  score value: 'low' is read as 1" in printed
    assert load_study(str(path)).labels == [1, 2, 3]


def test_decimal_commas_between_semicolons_are_read(essays, study_of):
    essays["Mark"] = essays["Mark"].map(
        lambda mark: mark if pd.isna(mark) else f"{mark / 2:g}".replace(".", ",")
    )
    code, printed, _, path = study_of(essays, sep=";")
    assert code == 0
    assert "  decimal commas: 2,5 is read as 2.5; --decimal . changes it" in printed
    study = load_study(str(path))
    assert study.corpus.scale.step == 0.5
    assert load_corpus(study)["score"].notna().sum() == SCORED
    code, _, error, _ = study_of(essays, name="commas")
    assert code == 2
    assert "--decimal , reads 2,5 as 2.5" in error
    assert study_of(essays, "--decimal", ",", name="commas")[0] == 0


# ---------------------------------------------------------------- rows that are left out


def test_blank_essays_are_left_out_and_listed(essays, study_of):
    essays.loc[[3, 250], "Essay"] = [" ", "\u200b"]
    code, printed, _, path = study_of(essays)
    assert code == 0
    assert (
        "rows in the file: 260 = 159 scored + 99 unscored + 2 left out (1 blank text, scored, 1 "
        "blank text)" in printed
    )
    assert path.with_name("mine_left_out.csv").read_text().splitlines() == [
        "row,id,reason", '5,e3,"blank text, scored"', "252,e250,blank text",
    ]  # fmt: skip
    assert not set(load_corpus(load_study(str(path)))["essay_id"]) & {"e3", "e250"}


def test_blank_essays_can_get_the_lowest_score_or_be_refused(essays, study_of):
    essays.loc[3, "Essay"] = " "
    code, printed, _, path = study_of(essays, "--blanks", "lowest")
    assert code == 0
    assert "rows in the file: 260 = 160 scored + 100 unscored + 0 left out" in printed
    corpus = load_corpus(load_study(str(path))).set_index("essay_id")
    assert corpus.loc["e3", "score"] == essays["Mark"].min()
    code, _, error, _ = study_of(essays, "--blanks", "refuse", name="other")
    assert code == 2
    assert "1 essays have no text (first: 'e3'): --blanks drop leaves them out" in error


def repeated(essays: pd.DataFrame) -> pd.DataFrame:
    """Essays of which three stand twice: with another score, unscored, with the same score."""
    essays["Essay"] = essays["Essay"].where(
        ~essays["Essay"].duplicated(), essays["Essay"] + " Yes."
    )
    for copy, original in ((1, 0), (200, 2), (5, 4)):
        essays.loc[copy, "Essay"] = essays.loc[original, "Essay"].upper()
    essays.loc[[0, 1, 4, 5], "Mark"] = [3, 4, 2, 2]
    return essays


def test_equal_texts_are_named_and_kept_together(essays, study_of):
    code, printed, _, path = study_of(repeated(essays))
    assert code == 0
    mark = essays["Mark"][2]
    for line in (
        "  equal texts: 3 texts stand in 6 rows; those of one text stay in one part",
        "    1 of them with two different human scores, all of which are kept: 'e0' (3) and 'e1' "
        "(4)",
        f"    1 of them scored in one row and unscored in another: 'e2' ({mark}) and 'e200' (no "
        "score); --drop-duplicates keeps the scored one",
        "    1 of them with the same score, or none: --drop-duplicates keeps one row of each",
    ):
        assert line in printed
    corpus = load_corpus(load_study(str(path)))
    assert (corpus.groupby(corpus["text"].str.lower())["split"].nunique() == 1).all()


def test_copies_are_left_out_without_the_loss_of_a_score(essays, study_of):
    code, printed, _, path = study_of(repeated(essays), "--drop-duplicates")
    assert code == 0
    assert (
        "rows in the file: 260 = 159 scored + 99 unscored + 2 left out (1 copy of another essay, "
        "scored, 1 copy of another essay)" in printed
    )
    ids = set(load_corpus(load_study(str(path)))["essay_id"])
    assert {"e0", "e1", "e2", "e4"} <= ids
    assert not {"e5", "e200"} & ids


# ---------------------------------------------------------------- all faults at once


def test_all_faults_are_in_one_error_each_with_its_remedy(essays, study_of):
    essays["Mark"] = essays["Mark"].astype(object)
    essays.loc[:1, "Mark"] = ["TD", "99"]
    essays.loc[10:11, "Essay ID"] = "twice"
    essays["text"] = essays["Essay"] + " The end."
    code, printed, error, path = study_of(essays, "--prompt", "topic", "--group", "teachers")
    assert code == 2
    lines = error.splitlines()
    assert lines[0].endswith("essays.csv: 6 faults, each with its remedy:")
    for line, message in zip(
        lines[1:],
        (
            "--prompt: no column 'topic'; it has",
            "columns 'text', 'Essay' could all be the essays' text: name it with --text COLUMN",
            "--group: no column 'teachers'; it has",
            "2 rows share their id with another row (first: 'twice', rows 12 and 13)",
            "1 values that are not numbers ('TD' 1; first: row 2): --missing TD",
            "99 (1 essays) far from the other scores",
        ),
        strict=True,
    ):
        assert line.startswith("  - ")
        assert message in line
    assert "  score: column 'Mark'" in printed
    assert not path.exists()
    options = ["--missing", "TD", "--missing", "99", "--text", "Essay", "--row-ids"]
    assert study_of(essays, *options)[0] == 0


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b'id\ttext\tscore\n1\t"a b\n', ["--quoting", "double"],
         "where the file is written without quoting, give --quoting none"),
        ("id,text\n".encode("utf-16"), ["--encoding", "utf-8"],
         "this is UTF-16: give --encoding utf-16 or leave it out, or save the file as UTF-8"),
        (b"id,text\n1,a\n", ["--encoding", "klingon"],
         "no encoding is called 'klingon': give --encoding another one, such as utf-8"),
    ],
)  # fmt: skip
def test_a_file_that_is_written_otherwise_names_the_option(study_of, data, options, message):
    code, _, error, _ = study_of(data, *options)
    assert code == 2
    assert message in error
    assert "corpus." not in error and "null" not in error


def test_how_a_file_is_written_is_an_option(essays, study_of):
    essays.loc[3, "Essay"] += " Привет, мир."
    code, printed, _, path = study_of(
        essays, "--encoding", "koi8-r", "--separator", "tab", sep="\t", encoding="koi8-r"
    )
    assert code == 0
    assert "(koi8-r, columns separated by 'tab')" in printed
    corpus = load_corpus(load_study(str(path))).set_index("essay_id")
    assert corpus.loc["e3", "text"].endswith(" Привет, мир.")


def test_rows_above_the_column_names_are_no_essays(essays, study_of):
    data = b"\n" + essays.to_csv(index=False).encode()
    code, printed, _, _ = study_of(data)
    assert code == 0
    assert "rows in the file: 260 = 160 scored + 100 unscored + 0 left out\n" in printed


def test_two_texts_are_asked_about_wherever_blank_essays_go(essays, study_of):
    essays["Draft"] = essays["Essay"].str[::-1]
    code, _, error, _ = study_of(essays.rename(columns={"Essay": "Final"}), "--blanks", "lowest")
    assert code == 2
    assert "'Draft'" in error and "'Final'" in error and "--text" in error


def test_title_and_purpose_are_options_or_asked_for(essays, study_of, tmp_path, monkeypatch):
    options = ["--title", "Writing 2024: grade 8", "--about", "Whether it's good enough"]
    study = load_study(str(study_of(essays, *options)[3]))
    assert study.title == "Writing 2024: grade 8"
    assert study.about == "Whether it's good enough"
    asked = []

    def answer(question: str, proposed: str) -> str:
        asked.append((question, proposed))
        return "answered"

    write_study("asked", tmp_path / "essays.csv", Choices(about="known"), answer)
    assert asked == [("Title of the study", "Essays of essays.csv")]
    assert load_study(str(tmp_path / "asked.yaml")).title == "answered"


# ---------------------------------------------------------------- how many more to score


@pytest.mark.parametrize(
    ("gain", "low", "high", "told"),
    [
        (0.03, 0.01, 0.05, "more labels still help; 400 may add as much again, more likely less"),
        (
            0.01,
            -0.02,
            0.04,
            "inconclusive whether 400 would help; a gain of more than +0.040 is",
        ),
        (-0.03, -0.05, -0.01, "more labels of this kind did not help"),
    ],
)
def test_the_best_curves_last_step_says_whether_more_labels_help(gain, low, high, told):
    steps = pd.DataFrame(
        {
            "student": ["a", "b"], "condition": "cyborg-t-f1", "qwk": [0.5, 0.7], "n_before": 100,
            "n_last": 200, "gain": [0.2, gain], "low": [0.1, low], "high": [0.3, high],
            "population": "new_draws",
        }
    )  # fmt: skip
    (line,) = labeling_recommendation(steps, 180)
    assert told in line
    assert "**b** on cyborg by t, all scored" in line
    assert labeling_recommendation(steps.head(0), 180) == []


def test_the_first_estimate_is_that_of_cross_validation_and_sees_no_score_twice(simulated):
    """With the essays' own scores it agrees as cross-fitting does; with others' not at all."""
    labels = [1, 2, 3, 4, 5, 6]
    told = [
        first_estimate(simulated.assign(score=scores), labels)
        for scores in (simulated["score"], simulated["score"].sample(frac=1, random_state=1).values)
    ]
    found = [re.search(r"QWK (-?\d\.\d\d) \(.* (-?\d\.\d\d) to (-?\d\.\d\d)\)", t) for t in told]
    (true, low, _), (shuffled, _, high) = (map(float, match.groups()) for match in found)
    assert low < true and true > 0.5
    assert shuffled < 0.25 and high < low
    assert f"on the {N:,} scored essays" in told[0]


def test_groups_that_will_be_too_few_to_judge_are_said_beforehand():
    scored = pd.Series(["English"] * 196 + ["Spanish"] * 77 + ["other"] * 27)
    assert small_on_test(scored, 300) == []
    (line,) = small_on_test(scored, 60)
    assert line.startswith(
        "    too few of 60 test essays for a verdict: about Spanish 15, other 5;"
    )
