"""Files as people have them, one test a case: what is read, and the sentence that says so.

Each file has simulated essays in the layout, and with the accident, of a public report or corpus.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cyborg_utils.cli import main
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.related_essays import same_text
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.models.novelty import profile_of
from cyborg_utils.models.saved_model import save_student
from cyborg_utils.study.config import load_study
from cyborg_utils.workflow import new_study, study_files

N = 160


@dataclass
class Answer:
    """What `cyborg new` gives: its exit status, what it prints, the study's essays by id, the names
    of its columns of ids and texts, and the reasons for rows that are left out."""

    code: int
    told: str
    error: str
    corpus: pd.DataFrame | None
    columns: dict[str, str]
    left_out: list[str]


@pytest.fixture(scope="module")
def simulated() -> pd.DataFrame:
    frame = simulate_corpus(N, seed=9)
    return pd.DataFrame(
        {
            "id": [f"{i:04d}" for i in range(N)],
            "prompt": frame["prompt"],
            "gender": frame["gender"],
            "text": frame["text"].str.replace("\n", " "),
            "score": frame["score"].astype(int).astype(str),
        }
    )


@pytest.fixture
def essays(simulated) -> pd.DataFrame:
    return simulated.copy()


@pytest.fixture
def new(tmp_path, monkeypatch, capsys):
    """A function that writes a file and makes a study of it, as `cyborg new` does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(study_files, "params_folder", lambda: tmp_path)
    monkeypatch.setattr(new_study, "first_estimate", lambda *_: "")

    def make(content: bytes | str | pd.DataFrame, *options: str, name="essays.csv", study="mine"):
        if isinstance(content, pd.DataFrame):
            content = content.to_csv(index=False)
        content = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(content)
        code = main(["new", study, name, *options])
        out, error = capsys.readouterr()
        file, left_out = (tmp_path / f"{study}{end}" for end in (".yaml", "_left_out.csv"))
        corpus, columns = None, {}
        if code == 0:
            result = load_study(str(file))
            corpus = load_corpus(result).set_index("essay_id").sort_index()
            columns = {role: getattr(result.corpus.columns, role) for role in ("id", "text")}
        reasons = pd.read_csv(left_out)["reason"].tolist() if left_out.exists() else []
        return Answer(code, out, error, corpus, columns, reasons)

    return make


@pytest.fixture
def scores(tmp_path, capsys, made):
    """A function that scores the file of a case, as `cyborg score` does: the scores as text."""

    def score(name: str = "essays.csv", sep: str = ",", student: Path | None = None) -> tuple:
        out = tmp_path / "scores.csv"
        out.unlink(missing_ok=True)
        code = main(["score", str(student or made.ridge), str(tmp_path / name), str(out)])
        told = capsys.readouterr().out
        assert code == 0
        return pd.read_csv(out, sep=sep, dtype=str, keep_default_na=False), told

    return score


def is_read(answer: Answer, essays: pd.DataFrame, *columns: str) -> None:
    """All essays are in the study, with their text, their score and further columns, unchanged."""
    assert answer.code == 0, answer.error
    read = answer.corpus.loc[essays["id"]]
    assert len(answer.corpus) == len(essays)
    assert read["text"].tolist() == essays["text"].tolist()
    np.testing.assert_array_equal(read["score"], pd.to_numeric(essays["score"], errors="coerce"))
    for column in columns:
        assert read[column].tolist() == essays[column].tolist()


def balance(n: int, unscored: int = 0, left_out: str = "0 left out") -> str:
    total = n + unscored + int(left_out.split()[0])
    return f"rows in the file: {total} = {n} scored + {unscored} unscored + {left_out}\n"


# ---------------------------------------------------------------- how files are written


def test_01_unquoted_tsv_quote(essays, new, scores):
    essays.loc[[3, 50, 90], "text"] = '"' + essays["text"]
    essays.loc[120, "text"] += ' "Enough," they said.'
    lines = ["\t".join(essays), *("\t".join(row) for row in essays.to_numpy())]
    answer = new("\n".join(lines), name="essays.tsv")
    is_read(answer, essays)
    assert "quotation marks are read as text: with quoted cells, the rows would not" in answer.told
    assert balance(N) in answer.told
    read, told = scores("essays.tsv", "\t")
    assert read["id"].tolist() == essays["id"].tolist() and (read["score"] != "").all()
    assert f"rows in the file: {N} = {N} scored + 0 without a score + 0 left out" in told


def test_02_excel_sep_line(essays, new, scores):
    text = "sep=;\r\n" + essays.to_csv(index=False, sep=";", lineterminator="\r\n")
    answer = new(text.encode("utf-8-sig"))
    is_read(answer, essays)
    assert "the line 'sep=;' names the separator, as Excel reads it" in answer.told
    read, told = scores(sep=";")
    assert len(read) == N and "columns separated by ';'" in told


def test_03_ids_like_numbers(essays, new, scores):
    essays.loc[:7, "id"] = ["007", "7", "1E5", "100000", "=1+1", "-1", "1_000", "true"]
    answer = new(essays)
    is_read(answer, essays)
    assert "id: column 'id'\n" in answer.told
    read, _ = scores()
    assert read["id"].tolist() == essays["id"].tolist()


def test_19_long_header(essays, new):
    question = "In the space below, write 100 to 200 words: should phones be allowed? Give reasons."
    assert len(question) > 80
    answer = new(essays.rename(columns={"text": question}))
    is_read(answer, essays)
    assert f"text: column '{question}'" in answer.told


def test_22_one_bad_byte(essays, new):
    essays.loc[39, "text"] = "At the café, “naïve” señores say it’s late. " + essays.loc[39, "text"]
    data = essays.to_csv(index=False).encode().replace("’".encode(), b"\x92")
    answer = new(data)
    is_read(answer, essays)
    assert "1 bytes are not utf-8 and are read as cp1252 (row 41: byte 0x92, read as '’')" in (
        answer.told
    )


def test_33_jsonl_and_zip(essays, new, scores):
    lines = "".join(json.dumps(row) + "\n" for row in essays.to_dict("records"))
    answer = new(lines, name="essays.jsonl")
    is_read(answer, essays)
    assert "JSON objects, one per row" in answer.told and balance(N) in answer.told
    read, _ = scores("essays.jsonl")
    assert read["id"].tolist() == essays["id"].tolist()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("essays.csv", essays.to_csv(index=False))
    answer = new(packed.getvalue(), name="essays.csv.zip", study="packed")
    is_read(answer, essays)
    assert "'essays.csv' in the ZIP file" in answer.told


def test_34_asap1_cp1252(essays, new, tmp_path):
    frame = asap1(essays)
    frame["essay"] = "I don’t agree with “everyone” here. " + frame["essay"]
    data = frame.to_csv(index=False, sep="\t").encode("cp1252")
    answer = new(data, name="training_set_rel3.tsv")
    assert answer.corpus.loc[frame["essay_id"], "text"].tolist() == frame["essay"].tolist()
    assert "encoding cp1252, detected from the bytes of the whole file" in answer.told
    assert "invisible characters" not in answer.told
    spec = {"kind": "asap1", "dev_size": 9, "files": {"train": ["training_set_rel3.tsv"]}}
    ridge = {"name": "ridge", "kind": "classical"}
    values = {"title": "T", "teachers": [ridge], "students": [ridge], "corpus": spec}
    (tmp_path / "asap.yaml").write_text(json.dumps(values))
    corpus = load_corpus(load_study(str(tmp_path / "asap.yaml"))).set_index("essay_id")
    first = frame[frame["essay_set"] == "1"]
    assert corpus.loc[first["essay_id"], "text"].tolist() == first["essay"].tolist()
    assert any("cp1252, as the corpus is published" in note for note in corpus.attrs["notes"])


# ---------------------------------------------------------------- which rows are essays


def test_08_repeated_texts(essays, new):
    for column in ("text", "score"):
        essays.loc[100:119, column] = essays.loc[:19, column].to_numpy()
    essays.loc[100:104, "score"] = "6"
    essays.loc[:4, "score"] = "1"
    answer = new(essays)
    is_read(answer, essays)
    assert answer.corpus.groupby(same_text(answer.corpus["text"]))["split"].nunique().max() == 1
    assert "equal texts: 20 texts stand in 40 rows; those of one text stay in one part" in (
        answer.told
    )
    assert "5 of them with two different human scores, all of which are kept: '000" in (answer.told)


def test_18_trailing_rows(essays, new, scores):
    text = essays.to_csv(index=False) + ",,,,\n" * 5 + "Mean,,,,3.4\n"
    answer = new(text)
    is_read(answer, essays)
    assert balance(N, 0, "6 left out (5 empty, 1 'Mean' below the essays)") in answer.told
    assert answer.left_out == ["empty"] * 5 + ["'Mean' below the essays"]
    read, told = scores()
    assert len(read) == N
    assert "6 left out (5 empty, 1 'Mean' below the essays)" in told


def test_29_same_writer_twice(essays, new):
    essays["student_id"] = [f"S{i // 2:03d}" for i in range(N)]
    answer = new(essays)
    is_read(answer, essays)
    writers = pd.Series(essays["student_id"].to_numpy(), essays["id"])
    assert answer.corpus.groupby(writers)["split"].nunique().max() == 1
    assert "writer: column 'student_id'\n    80 writers of 160 essays: those of one" in answer.told
    answer = new(essays.drop(columns="id"), study="without")
    assert answer.corpus["text"].tolist().count(essays["text"][0]) == 1
    assert "id: no column, so ids are made from the file's name and the row" in answer.told
    assert set(answer.corpus.index) == {f"essays-{row}" for row in range(2, N + 2)}


# ---------------------------------------------------------------- scores


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "-1",
            "-1 (8 essays) far from the other scores, 1 to 6: --missing -1 where that is a code",
        ),
        (
            "99",
            "99 (8 essays) far from the other scores, 1 to 6: --missing 99 where that is a code",
        ),
        ("TD", "8 values that are not numbers ('TD' 8; first: row 2): --missing TD where it means"),
    ],
    ids=["05a_code_minus1", "05b_code_99", "05e_code_TD"],
)
def test_05_codes_for_not_scorable(essays, new, code, message):
    essays.loc[::20, "score"] = code
    answer = new(essays)
    assert answer.code == 2 and message in answer.error
    answer = new(essays, "--missing", code)
    is_read(answer, essays.replace({"score": {code: "NA"}}))
    assert balance(N - 8, 8) in answer.told
    assert f"missing: '{code}' means no value (8 in 'score')" in answer.told


def test_06_enem_layout(essays, new):
    essays["score"] = [str(40 * (i % 26)) for i in range(N)]
    half = essays["text"].str.len() // 2
    pairs = [(text[:n], text[n:]) for text, n in zip(essays["text"], half, strict=True)]
    frame = pd.DataFrame(
        {
            "prompt": essays["prompt"].factorize()[0],
            "title": None,
            "essay": [str(list(pair)) for pair in pairs],
            "competence": "[80, 40, 80, 80, 40]",
            "score": essays["score"],
        }
    )
    answer = new(frame)
    expected = essays.assign(id=[f"essays-{row}" for row in range(2, N + 2)])
    is_read(answer, expected.assign(text=["\n".join(pair) for pair in pairs]))
    assert "scale: 0 to 1000 in steps of 40, from the scores that occur" in answer.told
    assert "ids are made from the file's name and the row as a spreadsheet counts" in answer.told
    assert "has printed lists of paragraphs: each list is joined, one line" in answer.told


def test_09c_grade_level(essays, new):
    levels = [str(8 + i % 5) for i in range(N)]
    frame = essays.rename(columns={"score": "band"})
    frame.insert(1, "grade_level", levels)
    answer = new(frame)
    is_read(answer, essays)
    assert "score: column 'band' ('grade_level' looks like a grade of school; --score COL" in (
        answer.told
    )


def test_09d_trait_scores_first(essays, new):
    frame = essays.rename(columns={"score": "overall_score"})
    frame.insert(1, "content_score", [str(1 + i % 5) for i in range(N)])
    frame.insert(2, "organization_score", [str(1 + i % 4) for i in range(N)])
    answer = new(frame)
    is_read(answer, essays)
    assert (
        "score: column 'overall_score' (also possible: 'content_score', 'organization_score'; "
        "--score COLUMN)"
    ) in answer.told
    assert "name them under corpus.columns.traits in the study" in answer.told


def asap1(essays: pd.DataFrame) -> pd.DataFrame:
    """ASAP 1.0's columns: sets 1 and 2, two raters, a resolved score, a second domain of set 2."""
    ratings = essays["score"].astype(int)
    second = ratings.where(essays.index % 3 > 0, (ratings % 6) + 1)
    is_first = pd.Series(essays.index < N // 2)
    domain1 = (ratings + second).where(is_first, ratings)
    return pd.DataFrame(
        {
            "essay_id": [str(1000 + i) for i in range(N)],
            "essay_set": is_first.map({True: "1", False: "2"}),
            "essay": essays["text"],
            "rater1_domain1": ratings,
            "rater2_domain1": second,
            "rater3_domain1": None,
            "domain1_score": domain1,
            "rater1_domain2": (ratings.clip(1, 4)).where(~is_first),
            "rater2_domain2": (second.clip(1, 4)).where(~is_first),
            "domain2_score": (ratings.clip(1, 4)).where(~is_first),
        }
    )


def test_12b_asap1_make_study(essays, new):
    frame = asap1(essays)
    answer = new(frame.to_csv(index=False, sep="\t"), name="essays.tsv")
    read = answer.corpus.loc[frame["essay_id"]]
    assert read["score"].tolist() == frame["rater1_domain1"].tolist()
    assert read["score_2"].tolist() == frame["rater2_domain1"].tolist()
    assert "second score: column 'rater2_domain1'\n" in answer.told
    assert "'domain1_score' runs over another range for each prompt" in answer.told
    assert "other scores, which nothing is compared with: 'domain1_score', 'rater1_d" in answer.told


def test_17_decimal_comma(essays, new, scores):
    essays["text"] = "„Über Schule“ – " + essays["text"]
    essays["score"] = [f"{1 + i % 11 / 2}" for i in range(N)]
    frame = essays.assign(score=essays["score"].str.replace(".", ","))
    data = frame.to_csv(index=False, sep=";", lineterminator="\r\n").encode("cp1252")
    answer = new(data)
    is_read(answer, essays)
    assert "decimal commas: 2,5 is read as 2.5; --decimal . changes it" in answer.told
    assert "scale: 1 to 6 in steps of 0.5" in answer.told
    read, told = scores(sep=";")
    assert read["continuous"].str.fullmatch(r"\d+(,\d+)?").all() and "decimal mark ','" in told


def test_31_na_strings(essays, new):
    essays.loc[::8, "score"] = "NA"
    essays.loc[::4, "gender"] = "NA"
    answer = new(essays)
    is_read(answer, essays)
    assert balance(N - 20, 20) in answer.told
    assert "missing: 'NA' means no value (20 in 'score', 40 in 'gender')" in answer.told
    assert set(answer.corpus["gender"].dropna()) == set(essays["gender"]) - {"NA"}
    assert answer.corpus["gender"].isna().sum() == 40


# ---------------------------------------------------------------- names and languages


def test_15_groups_other_scripts(essays, new):
    frame = essays.rename(columns={"gender": "性别"})
    frame["性别"] = frame["性别"].map({"F": "女", "M": "男"})
    frame["母语"] = ["是", "否"] * (N // 2)
    answer = new(frame)
    is_read(answer, frame, "性别", "母语")
    assert "group 性别: " in answer.told and "group 母语: 是 80, 否 80" in answer.told


CHINESE = "因为学校可以手机问题最后努力认为知识城市时间朋友重要应该生活未来首先其次"


def test_23_chinese(essays, new, scores, made, tmp_path):
    rng = np.random.default_rng(2)
    essays["text"] = ["".join(rng.choice(list(CHINESE), 40 + 8 * int(s))) for s in essays["score"]]
    frame = essays.set_axis(["id", "题目", "性别", "作文", "分数"], axis=1)
    answer = new(frame)
    is_read(answer, essays)
    assert "text: column '作文'" in answer.told and "score: column '分数'" in answer.told
    assert "characters in the middle, 88 at most; 0 blank, 0 of fewer than 20 ch" in answer.told
    read, told = scores()
    assert f"{N} without a score ({N} unlike the training essays)" in told
    assert (read["score"] == "").all()


@pytest.mark.parametrize("name", ["2024", "1_2", "1e5", "true", "null"])
def test_24_numeric_names(essays, new, name):
    answer = new(essays, study=name)
    is_read(answer, essays)
    assert f"wrote {name}.yaml; look it over, then: cyborg run {name}" in answer.told
    assert load_study(name).name == name


def test_28_two_text_columns(essays, new, scores, made, tmp_path):
    frame = essays.set_axis(["Nr", "prompt", "gender", "Aufsatz", "Punkte"], axis=1)
    frame["Kommentar"] = essays["text"].str.replace("school", "work") + " Good, but too short."
    answer = new(frame)
    is_read(answer, essays)
    assert "text: column 'Aufsatz' (also possible: 'Kommentar'; --text COLUMN)" in answer.told
    student, profile = tmp_path / "student", profile_of(essays["text"].tolist())
    save_student(student, made.model, profile, "A Student.", answer.columns)
    peers = frame.assign(essay=frame["Kommentar"] + " I liked your essay a lot.")
    peers.to_csv(tmp_path / "essays.csv", index=False)
    read, told = scores(student=student)
    assert "text: column 'Aufsatz' (called as in the Student's training essays; --text COL" in told
    expected = made.model.score(essays["text"].tolist())["score"].astype(str)
    assert read["score"].tolist() == expected.tolist()


def test_36_make_quoting(essays, new):
    answer = new(essays, "--title", 'It\'s #1: "ü"', name="O'Brien file #1 ä.csv")
    is_read(answer, essays)
    assert load_study("mine").title == 'It\'s #1: "ü"'
    assert load_study("mine", ["title=It's"]).title == "It's"


# ---------------------------------------------------------------- exports of other tools


def test_export_of_a_form_with_scores_out_of_a_total(essays, new):
    frame = pd.DataFrame(
        {
            "Timestamp": [f"2024/03/01 10:{i % 60:02d}:00" for i in range(N)],
            "Total score": [f"{score}.00 / 6" for score in essays["score"]],
            "Write an essay: should phones be allowed at school?": essays["text"],
            "How hard was this task for you? [1 = easy, 5 = hard]": [1 + i % 5 for i in range(N)],
            "I like writing": ["Agree", "Neutral"] * (N // 2),
        }
    )
    answer = new(frame)
    is_read(answer, essays.assign(id=[f"essays-{row}" for row in range(2, N + 2)]))
    assert "'Total score': the numbers before '/6' are read as scores" in answer.told
    assert "prompt: column" not in answer.told and "group" not in answer.corpus
    assert "groups? --group 'I like writing' (I like writing: Agree 80, Neutral 80)" in answer.told


def test_export_of_a_quiz_with_html_in_the_answers(essays, new):
    frame = pd.DataFrame(
        {
            "Surname": [f"S{i}" for i in range(N)],
            "Email address": [f"u{i}@example.org" for i in range(N)],
            "Grade/6.00": [f"{score}.00" for score in essays["score"]],
            "Response 1": "<p>" + essays["text"] + "&nbsp;</p>",
        }
    )
    answer = new(frame.to_csv(index=False) + "Overall average,,3.40,\n")
    ids = [f"essays-{row}" for row in range(2, N + 2)]
    is_read(answer, essays.assign(id=ids, text=frame["Response 1"]))
    assert f"of {N} essays: {N} with HTML, such as <p> or &nbsp;. They are scored unchanged" in (
        answer.told
    )
    assert balance(N, 0, "1 left out (1 'Overall average' below the essays)") in answer.told


def test_export_of_a_course_with_a_row_of_possible_points(essays, new):
    frame = essays.rename(columns={"score": "Final score"})
    head, *rows = frame.to_csv(index=False).splitlines(keepends=True)
    answer = new(head + "    Points Possible,,,,6\n" + "".join(rows))
    is_read(answer, essays)
    reason = "'Points Possible' below the column names"
    assert balance(N, 0, f"1 left out (1 {reason})") in answer.told and answer.left_out == [reason]


def test_export_of_a_survey_with_three_header_rows(essays, new):
    frame = essays[["id", "text", "score"]].set_axis(["ResponseId", "Q1", "SC0"], axis=1)
    questions = ["Response ID", "Please write about phones.\n(100 words)", "Score"]
    imported = [json.dumps({"ImportId": name}) for name in ("_recordId", "QID1_TEXT", "SC_1")]
    above = pd.DataFrame([questions, imported], columns=list(frame))
    answer = new(pd.concat([above, frame]), "--score", "SC0")
    is_read(answer, essays)
    assert balance(N, 0, "2 left out (2 further column names)") in answer.told
    refused = new(pd.concat([above, frame]), study="asked")
    assert refused.code == 2 and "no column is named like a score" in refused.error


def test_grades_with_a_sign_are_asked_about(essays, new):
    signs = ["", "+", "-"]
    frame = essays.assign(score=[f"{s}{signs[i % 3]}" for i, s in enumerate(essays["score"])])
    answer = new(frame)
    assert answer.code == 2
    assert "--score-value 3+=NUMBER" in answer.error and "--missing 3+" in answer.error
