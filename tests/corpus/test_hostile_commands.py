"""Broken files for `cyborg new` and `cyborg score`."""

from __future__ import annotations

import gzip

import pytest
from hostile_inputs import (
    SHORT,
    check,
    put,
    score,
    study,
    written,
)

TABLE = [  # driver, name, input, answer
    (
        study,
        "study: semicolons",
        written(sep=";"),
        ("essays.csv: 160 essays (utf-8, columns separated by ';'), of which 160 are scored"),
    ),
    (
        study,
        "study: tabs",
        written(sep="\t"),
        ("essays.csv: 160 essays (utf-8, columns separated by 'tab'), of which 160 are scored"),
    ),
    (
        study,
        "study: bars",
        written(sep="|"),
        ("essays.csv: 160 essays (utf-8, columns separated by '|'), of which 160 are scored"),
    ),
    (
        study,
        "study: a byte order mark",
        written(encoding="utf-8-sig"),
        ("essays.csv: 160 essays (utf-8-sig, columns separated by ','), of which 160 are scored"),
    ),
    (
        study,
        "study: UTF-16",
        written(encoding="utf-16"),
        ("essays.csv: 160 essays (utf-16, columns separated by ','), of which 160 are scored"),
    ),
    (
        study,
        "study: half of a UTF-16 file",
        lambda t: written(encoding="utf-16")(t)[:-1],
        "essays.csv: broken UTF-16: save it as CSV, UTF-8",
    ),
    (
        study,
        "study: CP1252",
        lambda t: put("text", ["Café " + SHORT])(t).to_csv(index=False).encode("cp1252"),
        ("essays.csv: 160 essays (cp1252, columns separated by ','), of which 160 are scored"),
    ),
    (
        study,
        "study: an open quote",
        lambda t: t.to_csv(index=False).encode() + b'z,"open,1,F\n',
        (
            "essays.csv: row 162: a quotation mark inside a quoted text is not doubled, or a "
            'quoted text has no end: write "" for a quotation mark in a text in double quotes, '
            "or, where the file is written without quoting, give --quoting none"
        ),
    ),
    (
        study,
        "study: a null byte",
        put("text", [SHORT + "\0"]),
        (
            "essays.csv: it contains a null byte, so it is not a text file: remove the byte, or "
            "save the file as CSV, UTF-8"
        ),
    ),
    (
        study,
        "study: a gzip file called .csv",
        lambda t: gzip.compress(written()(t)),
        "essays.csv: 160 essays (utf-8, columns separated by ','), of which 160 are scored",
    ),
    (
        study,
        "study: a CSV called .gz",
        (written(), "essays.csv.gz"),
        "essays.csv.gz: 160 essays (utf-8, columns separated by ','), of which 160 are scored",
    ),
    (
        study,
        "study: half of a gzip file",
        (lambda t: gzip.compress(written()(t))[:-20], "essays.csv.gz"),
        (
            "essays.csv.gz: not readable (Compressed file ended before the end-of-stream "
            "marker was reached): check that it is complete and has the right ending"
        ),
    ),
    (
        study,
        "study: a spreadsheet called .csv",
        b"PK\x03\x04" + b"\0rest" * 20,
        "essays.csv: this is a broken ZIP file or workbook: save it again",
    ),
    (study, "study: a folder", "folder", "essays.csv: this is a folder; name a file in it"),
    (
        study,
        "study: nothing there",
        None,
        "essays.csv: no such file; name a file that is there",
    ),
    (
        study,
        "study: one score",
        lambda t: t.assign(score=3),
        (
            "essays.csv: column 'score' is 3 for all 160 scored essays: there is nothing "
            "to learn; score essays of every quality"
        ),
    ),
    (
        study,
        "study: one scored essay",
        lambda t: t.assign(score=t["score"].where(t.index == 0)),
        (
            "essays.csv: column 'score' is 3 for all 1 scored essays: there is nothing to "
            "learn; score essays of every quality"
        ),
    ),
    (
        study,
        "study: an id twice",
        put("id", ["a", "a"]),
        (
            "essays.csv: 2 rows share their id with another row (first: 'a', rows 2 and 3): keep "
            "one row per essay, or name another column with --id COLUMN, or name essays by their "
            "rows: --row-ids"
        ),
    ),
    (
        study,
        "study: scores with points",
        put("score", ["3 points"]),
        (
            "essays.csv: column 'score' has 1 values that are not numbers ('3 points' 1; first: "
            "row 2): --missing '3 points' where it means no score, --score-value '3 points=3' "
            "where it is one; or write numbers, or name another column with --score COLUMN"
        ),
    ),
    (
        study,
        "study: scores that are NA",
        put("score", ["NA"]),
        "essays.csv: 160 essays (utf-8, columns separated by ','), of which 159 are scored",
    ),
    (
        score,
        "score: an id that is blank",
        b"id,text\n,an essay of some words\nb,my essay of some words\nc,one more essay of mine\n",
        (
            "new.csv: column 'id' is empty in 1 rows (first: row 2): give every essay an id, or "
            "name another column with --id COLUMN, or name essays by their rows: --row-ids"
        ),
    ),
    (
        score,
        "score: UTF-16",
        "id,text\na,an essay of some words\n".encode("utf-16"),
        "scored: 1 essays",
    ),
    (
        score,
        "score: a null byte",
        b"id,text\na,an essay\0 of some words\n",
        (
            "new.csv: it contains a null byte, so it is not a text file: remove the byte, or "
            "save the file as CSV, UTF-8"
        ),
    ),
    (
        score,
        "score: names alone",
        b"id,text\n",
        "new.csv: there are no rows below the column names: add some",
    ),
]


@pytest.mark.parametrize(
    ("driver", "data", "answer"),
    [(driver, data, answer) for driver, _, data, answer in TABLE],
    ids=[name for _, name, _, _ in TABLE],
)
def test_the_answer_to_an_input(driver, data, answer, tmp_path, made):
    check(driver(data, tmp_path, made), answer)
