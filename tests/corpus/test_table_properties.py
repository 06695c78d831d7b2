"""Any table that is written is read back with the same rows, or refused."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from cyborg_utils.corpus.score_values import group_values, numbers
from cyborg_utils.corpus.table_files import TableError, open_table

MARKED = ("utf-8-sig", "utf-16", "utf-32")
UNICODE = ("utf-8", *MARKED, "utf-16-le", "utf-16-be")
LEGACY = {"cp1252": "éß’", "gb18030": "中文é", "cp932": "日本ア", "cp1251": "школа"}
NAMES = ["id", "text", "score", "Gruppe ß", "question, as asked?", "c-1"]
CODES = ["-1", "99", "TD", "NA", "n/a", ""]
WHOLE = re.compile(r'".*"', re.DOTALL)


@dataclass
class File:
    """A table, and how it is written; what is not declared has to be detected."""

    header: list[str]
    rows: list[list[str]]
    separator: str
    quoting: str
    encoding: str
    line_end: str
    sep_line: bool
    declared: dict[str, str]

    def content(self) -> bytes:
        text = io.StringIO()
        lines = [self.header, *self.rows]
        if self.quoting == "none":
            text.writelines(self.separator.join(cells) + self.line_end for cells in lines)
        else:
            every = self.quoting == "all" or self.line_end == "\r"  # else a line feed is bare
            how = csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL
            csv.writer(
                text, delimiter=self.separator, quoting=how, lineterminator=self.line_end
            ).writerows(lines)
        hint = f"sep={self.separator}{self.line_end}" if self.sep_line else ""
        return (hint + text.getvalue()).encode(self.encoding)


@st.composite
def written(draw) -> File:
    encoding = draw(st.sampled_from([*UNICODE, *LEGACY]))
    quoting = draw(st.sampled_from(["all", "minimal", "none"]))
    separator = draw(st.sampled_from(",;\t|"))
    beyond = LEGACY.get(encoding, "é中😀")
    characters = "ab 19.,;|\t\"'[{=" + beyond + ("\n" if quoting != "none" else "")
    if quoting == "none":
        characters = characters.replace(separator, "")
    cells = st.text(st.sampled_from(characters), max_size=12) | st.sampled_from(CODES)
    usable = [name for name in NAMES if name.isascii() or encoding in (*UNICODE, "cp1252")]
    if quoting == "none" or encoding in LEGACY:
        usable.remove("question, as asked?")
    header = draw(st.lists(st.sampled_from(usable), min_size=2, max_size=5, unique=True))
    width = len(header)
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=9))
    declared = {"encoding": encoding} if encoding in LEGACY or draw(st.booleans()) else {}
    if draw(st.booleans()):
        declared["separator"] = separator
    if draw(st.booleans()):
        declared["quoting"] = "none" if quoting == "none" else "double"
    elif quoting == "none":  # cells that any reader takes for quoted ones
        assume(not any(WHOLE.fullmatch(cell) for row in rows for cell in row))
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    return File(header, rows, separator, quoting, encoding, line_end, draw(st.booleans()), declared)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(written())
def test_a_written_table_is_read_back_or_refused(tmp_path_factory, file):
    path = tmp_path_factory.getbasetemp() / "essays.csv"
    path.write_bytes(file.content())
    full = [row for row in file.rows if any(cell.strip() for cell in row)]
    try:
        table = open_table(path, **file.declared)
    except TableError as error:
        assert str(error).startswith(f"{path}: ")
        return
    assert table.columns == file.header
    assert table.read().fillna("").to_numpy().tolist() == full
    assert table.rows_in_file == len(file.rows) == len(full) + len(table.left_out)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(written())
def test_a_plain_table_is_never_refused(tmp_path_factory, file):
    """Where cells have no quotation mark and no separator, there is one way to read them."""
    marks = str.maketrans("", "", '",;|\t\n[{')
    file.header = [name.translate(marks) for name in file.header]
    file.rows = [["x" + cell.translate(marks) for cell in row] for row in file.rows]
    path = tmp_path_factory.getbasetemp() / "essays.csv"
    path.write_bytes(file.content())
    assert open_table(path, **file.declared).read().to_numpy().tolist() == file.rows


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.integers(1, 6).map(str) | st.sampled_from(CODES), min_size=1, max_size=9),
    st.sampled_from(["lines", "list", "workbook"]),
    st.randoms(use_true_random=False),
)
def test_scores_and_missing_codes_survive_every_format(tmp_path_factory, scores, layout, order):
    columns = ["id", "text", "score"]
    order.shuffle(columns)
    frame = pd.DataFrame(
        {"id": [f"0{i}" for i in range(len(scores))], "text": "=1+1", "score": scores}
    )[columns]
    path = tmp_path_factory.getbasetemp() / "essays.any"
    write_as(frame, path, layout)
    read = open_table(path).read()
    assert read["id"].tolist() == frame["id"].tolist()
    assert read["text"].tolist() == frame["text"].tolist()
    score = numbers(read["score"], "essays", "", missing=[-1, 99, "TD"])
    expected = [None if code in CODES else float(code) for code in scores]
    assert score.astype(object).where(score.notna(), None).tolist() == expected
    group = group_values(read["score"], missing_codes := ["-1", 99, "TD"])
    assert (group.isna() == [code in CODES for code in scores]).all(), missing_codes


def write_as(frame: pd.DataFrame, path: Path, layout: str) -> None:
    rows = frame.to_dict("records")
    if layout == "lines":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif layout == "list":
        path.write_text(json.dumps(rows, indent=1))
    else:
        book = Workbook()
        for values in [list(frame), *frame.to_numpy().tolist()]:
            book.active.append(values)
            for cell in book.active[book.active.max_row]:
                cell.data_type = "s"
        book.save(path)


SENTENCES = {
    "cp1252": "Das Café schließt heute früher – “schade”, sagten die Schüler, denn es wäre größer.",
    "cp1250": "Uważam, że szkoła powinna zaczynać się później, bo młodzież śpi zbyt krótko.",
    "cp1251": "Я считаю, что школа должна начинаться позже, потому что подростки спят мало.",
    "gb18030": "我认为学校应该晚一点开始，因为学生睡眠不足。手机可以帮助我们学习。",
    "cp932": "私は学校がもっと遅く始まるべきだと思います。生徒は十分に寝ていないからです。",
    "cp949": "나는 학교가 더 늦게 시작해야 한다고 생각합니다. 학생들이 자지 못하기 때문입니다.",
    "mac_roman": "Das Café schließt heute früher – “schade”, sagten die Schüler, es wäre größer.",
    "utf-16-le": "我认为学校应该晚一点开始",
    "utf-16-be": "Das Café schließt heute früher",
}


@pytest.mark.parametrize("encoding", SENTENCES)
def test_an_encoding_is_detected_from_all_bytes(tmp_path, encoding):
    """The letters stand far below rows of ASCII, and the note names the encoding."""
    path = tmp_path / "essays.csv"
    rows = [f"e{i},Plain words for many rows.,3" for i in range(400)]
    rows += [f"f{i},{SENTENCES[encoding].replace(',', ';')},4" for i in range(20)]
    path.write_bytes("\r".join(["id,text,score", *rows]).encode(encoding))
    table = open_table(path)
    assert table.encoding == encoding
    assert table.read()["text"].iloc[-1] == SENTENCES[encoding].replace(",", ";")
    assert any(note.startswith(f"encoding {encoding}, detected") for note in table.notes)
