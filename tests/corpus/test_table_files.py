"""Files as people have them: what is read of each, and the sentence that says so."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from corpus_files import corpus_error, essay_table, study, table
from openpyxl import Workbook

from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.related_essays import surplus_copies
from cyborg_utils.corpus.table_files import Table, TableError, open_table

N = 40
TEXTS = [f"Essay {i} says why a school should, or should not, begin later." for i in range(N)]


def essays() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"{i:04d}" for i in range(N)],
            "group": ["F", "M"] * (N // 2),
            "text": TEXTS,
            "score": [str(1 + i % 6) for i in range(N)],
        }
    )


@pytest.fixture
def opened(tmp_path):
    """A function that writes a file and opens it."""

    def write(content: str | bytes | pd.DataFrame, name: str = "essays.csv", **declared) -> Table:
        if isinstance(content, pd.DataFrame):
            content = content.to_csv(index=False)
        content = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(content)
        return open_table(tmp_path / name, **declared)

    return write


def fault(opened, content, **declared) -> str:
    with pytest.raises(TableError) as caught:
        opened(content, **declared)
    return str(caught.value).partition("essays.csv: ")[2]


# ---------------------------------------------------------------- bytes


def test_one_byte_of_another_encoding_is_named_and_the_rest_is_right(opened):
    frame = essays()
    frame["text"] = "At the café, “naïve” señores say: " + frame["text"]
    content = frame.to_csv(index=False).encode().replace(b"Essay 7 ", b"Essay\x927 ")
    read = opened(content)
    assert read.encoding == "utf-8+cp1252"
    assert read.read()["text"].tolist() == [
        text.replace("Essay 7 ", "Essay’7 ") for text in frame["text"]
    ]
    assert read.notes[0] == (
        "1 bytes are not utf-8 and are read as cp1252 (row 9: byte 0x92, read as '’')"
    )
    assert fault(opened, content, encoding="utf-8").startswith("row 9: byte 0x92 is not utf-8")
    assert read.read().equals(opened(content, encoding="utf-8+cp1252").read())


def test_a_declared_encoding_is_not_replaced_by_the_one_that_fits(opened):
    content = essays().to_csv(index=False).replace("says", "säys").encode("cp1252")
    assert opened(content).encoding == "cp1252"
    assert opened(content, encoding="cp1250").read()["text"][0].startswith("Essay 0 säys")
    assert opened(content, encoding="cp1251").read()["text"][0].startswith("Essay 0 sдys")
    assert fault(opened, content, encoding="utf-99").startswith("no encoding is called 'utf-99'")


def test_cp1252_with_a_byte_that_it_lacks_keeps_its_quotation_marks(opened):
    content = essays().to_csv(index=False).replace("says", "“says”").encode("cp1252")
    read = opened(content.replace(b"Essay 3", b"Essay\x9d 3"), encoding="cp1252+latin-1")
    assert read.read()["text"][3].startswith("Essay\x9d 3 “says”")
    assert "row 5: byte 0x9d, read as '\\x9d'" in read.notes[0]


def test_old_line_ends_of_the_mac_are_line_ends(opened):
    assert opened(essays().to_csv(index=False, lineterminator="\r")).read().equals(essays())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_declared_utf_16_is_read_and_a_contradicted_one_refused(opened, encoding):
    content = essays().to_csv(index=False).encode(encoding)
    assert opened(content).read().equals(essays())
    if encoding != "utf-16-le":
        expected = f"this is {encoding.upper()}: set corpus.encoding to {encoding} or leave it out"
        assert fault(opened, content, encoding="cp1252").startswith(expected)


def test_a_broken_utf_16_and_a_null_byte_are_refused(opened):
    assert fault(opened, codecs.BOM_UTF16_LE + b"a\0,\0b").startswith("broken UTF-16")
    assert fault(opened, b"id,text\n1,a\0b\n").startswith("it contains a null byte")


# ---------------------------------------------------------------- rows


def unquoted(frame: pd.DataFrame) -> str:
    return "\n".join("\t".join(cells) for cells in [list(frame), *frame.to_numpy()]) + "\n"


def test_quotation_marks_of_a_file_without_quoting_are_text(opened):
    frame = essays()
    frame.loc[[5, 30], "text"] = '"All is well, said the sign'
    frame.loc[12, "text"] = 'A "later" start, they said'
    read = opened(unquoted(frame))
    assert read.read().equals(frame)
    assert read.quoting == "none"
    assert read.notes[0].startswith("quotation marks are read as text")


def test_rows_that_a_quotation_mark_may_swallow_are_refused_by_their_number(opened):
    """One text opens with a mark, and a later one ends with one: both ways of reading fit."""
    frame = essays()
    frame.loc[5, "text"] = '"All is well, said the sign'
    frame.loc[30, "text"] = 'they answered, "yes"'.replace('"yes', "yes")
    content = unquoted(frame)
    message = fault(opened, content)
    assert message.startswith("row 7: from a quotation mark on, several lines are one text")
    assert "set corpus.quoting to none" in message
    assert opened(content, quoting="none").read().equals(frame)


def test_a_stray_mark_in_a_file_of_quoted_lines_leaves_the_other_cells_unquoted(opened):
    frame = essays()
    lines = frame.to_csv(index=False, sep="\t", quoting=1).splitlines()
    lines[9] = lines[9].replace("says why", 'says "why"')
    read = opened("\n".join(lines))
    assert read.quoting == "lines"
    expected = frame.assign(text=frame["text"].where(frame.index != 8, f'"{frame["text"][8]}"'))
    expected["text"] = expected["text"].str.replace('"Essay 8 says why', '"Essay 8 says "why"')
    assert read.read().equals(expected)


def test_an_unquoted_mark_in_a_text_with_commas_is_named_by_its_row(opened):
    content = essays().to_csv(index=False).replace("Essay 7 says", 'Essay 7 "says"')
    assert fault(opened, content).startswith("row 9: a quotation mark inside a quoted text")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_sep_line_of_excel_names_the_separator(opened, mark):
    read = opened(f"{mark}sep=;\r\n" + essays().to_csv(index=False, sep=";"))
    assert read.read().equals(essays())
    assert read.separator == ";"
    assert read.notes[0] == "the line 'sep=;' names the separator, as Excel reads it"


def test_empty_rows_and_a_row_of_means_are_left_out_and_add_up(opened):
    blank = "\n,,,\n" + essays().to_csv(index=False, header=False)
    read = opened(essays().to_csv(index=False) + blank + ",,,\nMean,,,3.4\nSD,,,1.1\n")
    assert len(read.read()) == 2 * N
    assert read.rows_in_file == 2 * N + len(read.left_out) == 2 * N + 5
    assert read.left_out[-2:] == [
        (2 * N + 5, "'Mean' below the essays"),
        (2 * N + 6, "'SD' below the essays"),
    ]
    assert read.notes == [
        "85 rows below the column names: 80 read, 5 left out: 3 empty (row 42, 43, 84); "
        "1 'Mean' below the essays (row 85); 1 'SD' below the essays (row 86)"
    ]
    assert read.read().index[N] == 42  # row 44 of the spreadsheet


def test_an_essay_of_max_is_no_row_of_maxima(opened):
    frame = essays()
    frame.loc[N - 1] = ["Max", "M", "", "4"]
    assert opened(frame).left_out == []


def test_a_table_that_was_joined_of_several_files_has_its_column_names_once(opened):
    read = opened(essays().to_csv(index=False) * 2)
    assert len(read.read()) == 2 * N
    assert read.left_out == [(N + 2, "further column names")]


SURVEY = "StartDate,Progress,Duration (in seconds),Q1,grade\n"
QUESTIONS = 'Start Date,Progress,Duration (in seconds),"Begin later, or not?",Grade of 6\n'
IMPORT_IDS = ",".join(f'"{{""ImportId"":""QID{i}""}}"' for i in range(5)) + "\n"
ANSWERS = "".join(f'2024-01-{i + 1:02d},100,{300 + i},"{TEXTS[i]}",3\n' for i in range(20))


@pytest.mark.parametrize(("further", "n"), [(QUESTIONS + IMPORT_IDS, 2), (QUESTIONS, 1)])
def test_the_further_header_rows_of_a_survey_tool_are_left_out(opened, further, n):
    read = opened(SURVEY + further + ANSWERS)
    assert read.left_out == [(row, "further column names") for row in range(2, 2 + n)]
    assert read.read()["Q1"].tolist() == TEXTS[:20]


def test_a_first_essay_that_could_not_be_scored_is_no_header(opened):
    frame = essays().assign(second=essays()["score"])
    frame.loc[0, ["id", "score", "second"]] = ["a first", "absent", "absent"]
    assert opened(frame).left_out == []


def test_spaces_around_column_names_are_no_part_of_them(opened):
    frame = essays().rename(columns={"text": " text ", "score": " score"})
    assert opened(frame).columns == list(essays())


def test_a_long_question_is_a_column_name_and_an_essay_is_none(opened):
    question = "In the space below, write an essay of 100 to 200 words: should school begin later?"
    assert question in opened(essays().rename(columns={"text": question})).read()
    bare = essays().to_csv(index=False, header=False).replace("begin later", "begin later" * 9)
    assert fault(opened, bare).startswith("the first line reads like an essay ('Essay 0 says")


def test_a_short_row_is_named(opened):
    content = essays().to_csv(index=False).replace("0007,M,", "0007\nM,")
    assert fault(opened, content).startswith("row 9 has 1 cells, but the first line names 4")


def test_a_table_that_two_separators_split_alike_is_refused(opened):
    message = fault(opened, "id;a,b\n1;2,3\n")
    assert message.startswith("',' and ';' separate columns equally well: set corpus.separator")


# ---------------------------------------------------------------- other formats


def test_a_printed_list_of_paragraphs_becomes_their_text(opened):
    frame = essays()
    parts = [[f"{text}", "It's so.", 'He said "yes".'] for text in TEXTS]
    read = opened(frame.assign(text=[str(p) for p in parts], points="[40, 80]"))
    assert read.read()["text"].tolist() == ["\n".join(p) for p in parts]
    assert set(read.read()["points"]) == {"[40, 80]"}
    assert read.notes[0].startswith("column 'text' has printed lists of paragraphs")


def lines(frame: pd.DataFrame) -> str:
    return "\n".join(json.dumps(row) for row in frame.to_dict("records"))


def test_json_lines_and_lists_are_tables(opened):
    frame = essays()
    assert opened(lines(frame), "essays.jsonl").read().equals(frame)
    rows = frame.to_dict("records")
    assert opened(json.dumps(rows), "essays.json").read().equals(frame)
    assert opened(json.dumps({"data": rows}), "essays.json").read().equals(frame)
    nested = [{"id": r["id"], "scores": {"overall": 3.0, "form": 2.5}} for r in rows]
    read = opened(json.dumps(nested), "essays.json").read()
    assert read.iloc[0].to_dict() == {"id": "0000", "scores.overall": "3", "scores.form": "2.5"}


def test_broken_json_names_its_line(opened):
    message = fault(opened, lines(essays()).replace('"0007"', "0007"))
    assert message == "line 8 is no JSON object: write one on each line"
    assert fault(opened, '[{"id": 1}, 2]').startswith("JSON, but no list of objects")


def test_json_in_another_encoding_is_text(opened):
    frame = essays().assign(text="Grüße, “Schüler”")
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in frame.to_dict("records"))
    read = opened(text.encode("cp1252"), "essays.jsonl")
    assert read.read().equals(frame)
    assert read.notes[0].startswith("encoding cp1252, detected")
    mixed = text.encode().replace("“".encode(), b"\x93", 1)
    assert opened(mixed, "essays.jsonl").read().equals(frame)
    assert fault(opened, mixed, encoding="utf-8").startswith("byte 0x93 is not utf-8")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"%PDF-1.7 ", "a PDF file"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>", "a web page"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook, or one with a password"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    ],
)
def test_a_file_that_holds_no_table_is_named(opened, start, kind):
    assert fault(opened, start + b"more").startswith(f"this is {kind}")


def zipped(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return content.getvalue()


def test_a_packed_file_is_unpacked_whatever_its_name(opened):
    text = essays().to_csv(index=False)
    read = opened(zipped(essays_csv=text), "essays.csv.zip")
    assert read.read().equals(essays())
    assert read.notes[0] == "'essays.csv' in the ZIP file"
    assert opened(gzip.compress(text.encode())).read().equals(essays())
    message = fault(opened, zipped(a_csv=text, b_csv=text))
    assert message == "the ZIP file has 2 files ('a.csv', 'b.csv'): unpack the one to read"


def workbook(frame: pd.DataFrame, above: int = 0, **sheets: list) -> bytes:
    book = Workbook()
    for _ in range(above):
        book.active.append(["Essays of spring"])
    for row in [list(frame), *frame.astype(object).to_numpy().tolist()]:
        book.active.append(row)
    for name, rows in sheets.items():
        for row in rows:
            (book[name] if name in book.sheetnames else book.create_sheet(name)).append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_workbook_is_read_as_it_is_shown(opened):
    frame = essays().assign(score=[1 + i % 6 for i in range(N)], half=2.5, whole=3.0, none=None)
    read = opened(workbook(frame, above=2, Codes=[["code", "meaning"], [1, "low"]]), "e.xlsx")
    expected = essays().assign(half="2.5", whole="3", none=None)
    assert read.read().fillna("").to_numpy().tolist() == expected.fillna("").to_numpy().tolist()
    assert read.encoding is None and read.separator is None
    assert read.notes[:2] == [
        "sheet 'Sheet' of the workbook; 'Codes' not read",
        "2 lines above the column names, which are in row 3",
    ]
    assert read.read().index[0] == 2  # row 4 of the sheet


@pytest.mark.parametrize("how", ["workbook", "text"])
def test_names_that_stand_for_several_columns_are_above_the_column_names(opened, how):
    frame = essays().assign(second=essays()["score"])
    above = pd.DataFrame([list(frame)], columns=["Student", "", "Answer", "Ratings", ""])
    assert frame.shape[1] == above.shape[1]
    rows = pd.concat([above, frame.set_axis(list(above), axis=1)])
    rows.columns = ["Student", "", "Answer", "", ""]
    read = opened(workbook(rows, 1), "e.xlsx") if how == "workbook" else opened(rows)
    assert read.read().reset_index(drop=True).equals(frame)
    assert "lines above the column names, which are in row" in " ".join(read.notes)


def test_a_first_column_without_a_name_stays_a_column(opened):
    frame = essays().rename(columns={"id": ""})
    assert list(opened(frame).read())[0] == "Unnamed: 0"
    assert len(opened(frame).read()) == N


def test_the_row_of_possible_points_of_a_course_is_left_out(opened):
    possible = pd.DataFrame([{"id": "    Points Possible", "score": "6"}], columns=list(essays()))
    read = opened(pd.concat([possible, essays()]))
    assert read.read().reset_index(drop=True).equals(essays())
    assert read.left_out == [(2, "'Points Possible' below the column names")]


def test_a_formula_without_a_value_is_refused(opened):
    frame = essays().assign(score="=1+2")
    assert fault(opened, workbook(frame)).startswith(
        "sheet 'Sheet', cell D2: the formula has no value in the file: open it in Excel, save it"
    )


def test_a_parquet_file_is_a_table(opened, tmp_path):
    essays().assign(score=range(N)).to_parquet(tmp_path / "e")
    read = open_table(tmp_path / "e").read()
    assert read["score"].tolist() == [str(i) for i in range(N)]


# ---------------------------------------------------------------- one row per rating


def test_one_row_per_rating_becomes_one_row_per_essay(opened):
    frame = essays()
    ratings = pd.concat([frame.assign(rater="B"), frame.assign(rater="A", score="5")])
    read = opened(ratings.sort_values("id", kind="stable"))
    expected = frame.drop(columns="score").assign(score="5", score_2=frame["score"])
    assert read.read().reset_index(drop=True).equals(expected)
    assert read.notes[-1] == (
        "one row per rating, by columns 'id' and 'rater': 80 rows are made 40 essays, with the "
        "columns 'score', 'score_2'"
    )


def test_ratings_with_decimal_commas_are_ratings(opened):
    ratings = pd.concat([essays().assign(rater=r, score=f"{i},5") for i, r in enumerate("AB")])
    read = opened(ratings.to_csv(index=False, sep=";")).read()
    assert len(read) == N and set(read["score"]) == {"0,5"} and set(read["score_2"]) == {"1,5"}


def test_one_row_per_machine_becomes_one_column_per_machine(opened):
    frame = essays().drop(columns="text").rename(columns={"score": "human"})
    machines = [frame.assign(model=name, prediction=value) for name, value in PREDICTIONS.items()]
    read = opened(pd.concat(machines)).read()
    assert list(read) == ["id", "group", "human", "model bert", "model gpt"]
    assert set(read["model gpt"]) == {"2.5"}


PREDICTIONS = {"gpt": "2.5", "bert": "3.5"}


def test_essays_that_share_an_id_stay_as_they_are(opened):
    twice = pd.concat([essays(), essays().assign(text="Another text", rater="B")])
    assert len(opened(twice).read()) == 2 * N


# ---------------------------------------------------------------- as a study reads them


def read_study(path: Path, **more) -> tuple[pd.DataFrame, str]:
    corpus = load_corpus(study(table(path, **more)))
    return corpus.set_index("essay_id").sort_index(), "\n".join(corpus.attrs["notes"])


def test_missing_codes_apply_to_scores_and_groups_and_are_counted(tmp_path):
    frame = essay_table().astype({"grade": object})
    frame.loc[[0, 1, 2, 3], "grade"] = [-1, 99, "TD", "NA"]
    frame.loc[[4, 5, 6], "colour"] = ["n/a", "TD", "None"]
    frame.to_csv(path := tmp_path / "essays.csv", index=False)
    columns = table(path)["columns"] | {"groups": {"hue": "colour"}}
    corpus, notes = read_study(path, columns=columns, missing=[-1, 99, "TD"])
    assert corpus["score"].isna().sum() == 4
    assert corpus["hue"].isna().sum() == 2 and corpus.loc["n06", "hue"] == "None"
    assert "column 'grade': read as missing: 1 '-1', 1 '99', 1 'TD', 1 'NA'" in notes
    assert "column 'colour': read as missing: 'n/a', 'TD'" in notes
    spec = table(path, columns=columns, missing=[])
    message = corpus_error(spec)
    assert "has 2 values that are not numbers (first: 'TD', 'NA', row 4)" in message


def test_levels_are_numbers_where_the_study_says_so(tmp_path):
    levels = {"4 - Proficient": 4, "low": 1, "A": 5}
    frame = essay_table().astype({"grade": object})
    frame.loc[[0, 1, 2], "grade"] = [*levels]
    frame.to_csv(path := tmp_path / "essays.csv", index=False)
    corpus, _ = read_study(path, score_values=levels)
    assert corpus.loc[["n00", "n01", "n02", "n03"], "score"].tolist() == [4, 1, 5, 4]


@pytest.mark.parametrize(("separator", "decimal"), [(";", None), ("\t", ",")])
def test_decimal_commas_are_read(tmp_path, separator, decimal):
    frame = essay_table().assign(grade=[f"{1 + i % 5},5" for i in range(60)])
    frame.to_csv(path := tmp_path / "essays.csv", index=False, sep=separator)
    scale = {"min": 1, "max": 6, "step": 0.5}
    corpus, notes = read_study(path, scale=scale, decimal=decimal)
    assert corpus.loc["n03", "score"] == 4.5
    assert ("decimal commas in the scores" in notes) == (decimal is None)
    if decimal:
        message = corpus_error(table(path, scale=scale))
        assert "write a decimal point, 2.5 for 2,5, or set corpus.decimal: ','" in message


@pytest.mark.parametrize("blanks", ["drop", "lowest", "refuse"])
def test_blank_essays_are_left_out_scored_lowest_or_refused(tmp_path, blanks):
    frame = essay_table()
    frame.loc[[0, 7, 8], "essay"] = ["", " ", "\u200b"]
    frame.to_csv(path := tmp_path / "essays.csv", index=False)
    if blanks == "refuse":
        assert "3 essays have an empty text" in corpus_error(table(path))
        return
    corpus, notes = read_study(path, blanks=blanks)
    assert len(corpus) == (60 if blanks == "lowest" else 57)
    if blanks == "lowest":
        assert corpus.loc[["n00", "n07", "n08"], "score"].tolist() == [1, 1, 1]
    assert "3 essays have an empty text, 3 of them with a score" in notes


def test_essays_without_ids_are_named_by_file_and_row(tmp_path):
    essay_table().drop(columns="nr").to_csv(path := tmp_path / "essays.csv", index=False)
    corpus, notes = read_study(path, columns={"text": "essay", "score": "grade"})
    assert corpus.loc["essays-2", "text"] == "A café is number 0"
    assert "no column of ids; an essay is named by its row" in notes


def test_texts_without_a_visible_character_are_not_equal_texts(tmp_path):
    frame = essay_table()
    frame.loc[:19, "essay"] = "\u200b"
    frame.to_csv(path := tmp_path / "essays.csv", index=False)
    corpus, _ = read_study(path, blanks="lowest")
    assert len(corpus) == 60
    assert surplus_copies(corpus["text"], corpus["score"]).sum() == 0
