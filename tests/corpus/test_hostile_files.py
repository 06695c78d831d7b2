"""Broken corpus files, as a study reads them."""

from __future__ import annotations

import gzip

import pytest
from hostile_inputs import (
    SHORT,
    check,
    put,
    read,
    unscored,
    written,
)

TABLE = [  # driver, name, input, answer
    (read, "a byte order mark", written(encoding="utf-8-sig"), "read: 160 essays"),
    (read, "Windows line ends", written(lineterminator="\r\n"), "read: 160 essays"),
    (
        read,
        "another separator",
        written(sep=";"),
        "read: 160 essays",
    ),
    (
        read,
        "UTF-16",
        written(encoding="utf-16"),
        "read: 160 essays",
    ),
    (
        read,
        "CP1252",
        lambda t: put("text", ["Café " + SHORT])(t).to_csv(index=False).encode("cp1252"),
        "read: 160 essays",
    ),
    (
        read,
        "a lone surrogate",
        lambda t: t.to_csv(index=False).encode() + b"z,\xed\xa0\x80,1,Mars,train,F\n",
        "read: 161 essays",
    ),
    (
        read,
        "an open quote",
        lambda t: t.to_csv(index=False).encode() + b'z,"open,1,Mars,train,F\n',
        (
            "essays.csv: row 162: a quotation mark inside a quoted text is not doubled, or a "
            'quoted text has no end: write "" for a quotation mark in a text in double quotes, '
            "or, where the file is written without quoting, set corpus.quoting: none"
        ),
    ),
    (
        read,
        "rows of more cells",
        lambda t: (
            t.assign(more="a,b")
            .to_csv(index=False, quoting=3, escapechar="\\")
            .replace("\\", "")
            .encode()
        ),
        (
            "essays.csv: row 2 has 2 cells, but the first line names 7 columns: put texts that "
            "contain the separator, a quote or a line break in double quotes, so that every "
            "row has a cell for each column"
        ),
    ),
    (
        read,
        "a first row of more cells",
        b"id,text,score,prompt,split,gender\n1,so,we,went,3,a,b\n",
        (
            "essays.csv: row 2 has 7 cells, but the first line names 6 columns: put texts that "
            "contain the separator, a quote or a line break in double quotes, so that every "
            "row has a cell for each column"
        ),
    ),
    (
        read,
        "rows of fewer cells",
        b"id,text,score,prompt,split,gender\n1,so we went\n",
        (
            "essays.csv: row 2 has 2 cells, but the first line names 6 columns: put texts that "
            "contain the separator, a quote or a line break in double quotes, so that every "
            "row has a cell for each column"
        ),
    ),
    (
        read,
        "an empty file",
        b"",
        "essays.csv: the file is empty; give one with a row of column names",
    ),
    (
        read,
        "names alone",
        b"id,text,score,prompt,split,gender\n",
        "essays.csv: there are no rows below the column names: add some",
    ),
    (
        read,
        "a name twice",
        lambda t: written()(t).replace(b"prompt", b"score", 1),
        "essays.csv: two columns are called 'score': rename one of them",
    ),
    (
        read,
        "a spreadsheet called .csv",
        b"PK\x03\x04" + b"\0rest" * 20,
        "essays.csv: this is a broken ZIP file or workbook: save it again",
    ),
    (
        read,
        "a gzip file called .csv",
        lambda t: gzip.compress(written()(t)),
        "read: 160 essays",
    ),
    (
        read,
        "scores off the scale",
        put("score", [7, 0, -1]),
        (
            "the corpus cannot be used:\n  - 3 scores are off the scale 1 to 6 (points [1, "
            "2, 3, 4, 5, 6]) (first: 7, 0, -1): correct the scores, or the study's "
            "corpus.scale"
        ),
    ),
    (
        read,
        "half scores",
        put("score", [2.5]),
        (
            "the corpus cannot be used:\n  - 1 scores are off the scale 1 to 6 (points [1, "
            "2, 3, 4, 5, 6]) (first: 2.5): correct the scores, or the study's corpus.scale"
        ),
    ),
    (
        read,
        "scores in words",
        put("score", ["six", "3 points"]),
        (
            "essays.csv: column 'score' has 2 values that are not numbers (first: 'six', '3 "
            "points', row 2): write numbers only and leave the cell empty where an essay has "
            "no score, declare codes of no score (corpus.missing) or the numbers of levels "
            "(corpus.score_values), or correct corpus.columns"
        ),
    ),
    (
        read,
        "scores that are NA",
        put("score", ["NA", "NaN", "n/a"]),
        "read",
    ),
    (
        read,
        "infinite scores",
        put("score", ["inf", "1e400"]),
        (
            "essays.csv: column 'score' has 2 values that are not numbers (first: 'inf', "
            "'1e400', row 2): write numbers only and leave the cell empty where an essay has "
            "no score, declare codes of no score (corpus.missing) or the numbers of levels "
            "(corpus.score_values), or correct corpus.columns"
        ),
    ),
    (
        read,
        "one score for all of test",
        lambda t: t.assign(score=t["score"].where(t["split"] != "test", 3)),
        (
            "the corpus cannot be used:\n  - all 30 scored essays of test have the same score: "
            "agreement cannot be evaluated on them, so add essays with other scores"
        ),
    ),
    (
        read,
        "one scored essay",
        lambda t: t.assign(score=t["score"].where(t.index == 0)),
        (
            "the corpus cannot be used:\n  - 60 dev or test essays have no score (first: "
            "'e100', 'e101', 'e102'): score them, or move them to train\n  - no scored "
            "essays in dev: each model's checkpoint is selected on them; score some, or let "
            "corpus.dev_size draw them from train\n  - no scored essays in test: without them "
            "neither agreement with human raters nor fairness can be evaluated; score some, drawn "
            "at random, or let corpus.test_share draw them from train; to evaluate neither, set "
            "evaluation.has_test_set: false\n  - only 1 scored train essays: the "
            "study needs at least 10"
        ),
    ),
    (
        read,
        "a test part that nobody scored",
        unscored("test"),
        (
            "the corpus cannot be used:\n  - 30 dev or test essays have no score (first: 'e130', "
            "'e131', 'e132'): score them, or move them to train\n  - no scored essays in test: "
            "without them neither agreement with human raters nor fairness can be evaluated; "
            "score some, drawn at random, or let corpus.test_share draw "
            "them from train; to evaluate neither, set evaluation.has_test_set: false"
        ),
    ),
    (
        read,
        "all of the file in train",
        lambda t: t.assign(split="train"),
        "dev_size 300 leaves none of the 128 scored train essays; lower corpus.dev_size",
    ),
    (read, "a group of one value", lambda t: t.assign(gender="F"), "read"),
    (read, "a group of one writer", put("gender", ["X"]), "read"),
    (
        read,
        "groups with markup",
        put("gender", ["<script>alert(1)</script>", "$x$", "a|b"]),
        "read",
    ),
    (read, "a group that nobody names", lambda t: t.assign(gender=""), "read"),
    (
        read,
        "prompts with markup and slashes",
        put("prompt", ["<b>a</b>", "../../b", "c\nd", "$e$"]),
        "read",
    ),
]


@pytest.mark.parametrize(
    ("driver", "data", "answer"),
    [(driver, data, answer) for driver, _, data, answer in TABLE],
    ids=[name for _, name, _, _ in TABLE],
)
def test_the_answer_to_an_input(driver, data, answer, tmp_path, made):
    check(driver(data, tmp_path, made), answer)
