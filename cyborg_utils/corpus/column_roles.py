"""Infer the role of each column of a table from its name and its values."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from cyborg_utils.corpus.table_files import TableError
from cyborg_utils.study.schema.columns import RESERVED

TEXTS = ("text", "essay", "full_text", "response", "answer", "content")
IDS = ("id", "essay_id", "text_id", "student_id", "nr", "number", "code")
SCORES = ("score", "holistic", "overall", "mark", "grade", "points", "rating", "rater_1")
SECOND = {"2", "two", "second"}  # words in a second score's column
PROMPTS = ("prompt", "prompt_name", "task", "topic", "question", "assignment", "essay_set")
PARTS = ("split", "set", "partition", "part", "competition_set")
PART_VALUES = {
    "train": "train", "training": "train", "dev": "dev", "valid": "dev", "validation": "dev",
    "test": "test", "testing": "test",
}  # fmt: skip
GROUPS = {
    "gender", "sex", "ell", "esl", "ethnicity", "race", "disability", "disadvantaged", "ses",
    "lunch", "grade", "age", "language", "country", "region", "school",
}  # fmt: skip
MIN_WORDS = 5  # on average, of a column that looks like the essays' text
MAX_LEVELS = 12  # of an attribute of examinees


def tokens(name: str) -> list[str]:
    """The words and numbers of a column's name: `EssayID-2` is essay, id, 2."""
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", str(name))
    return re.findall(r"[^\W\d_]+|\d+", apart.lower())


def named_like(columns: Iterable[str], names: Iterable[str]) -> list[str]:
    """The columns that have one of the names, then those that have its words among theirs."""
    columns, names = list(columns), [n.split("_") for n in names]
    exact = [c for n in names for c in columns if tokens(c) == n]
    within = [c for n in names for c in columns if set(n) <= set(tokens(c))]
    return list(dict.fromkeys(exact + within))


def text_column(frame: pd.DataFrame, source: str) -> str:
    """The column with the essays: its values are long, and few are equal.

    `source` names the file in messages, here and below; without a required column, a TableError
    is raised.
    """
    words = {c: frame[c].dropna().str.split().str.len().mean() for c in frame}
    varied = {c: frame[c].nunique() > 0.5 * frame[c].notna().sum() for c in frame}
    long = [c for c in frame if words[c] >= MIN_WORDS and varied[c]]
    if not long:
        raise TableError(
            f"{source}: no column looks like the essays' text (of {MIN_WORDS} words or more on "
            "average, most of them different): name it with --text COLUMN, or add it"
        )
    return next(iter(named_like(long, TEXTS)), max(long, key=words.get))


def id_column(frame: pd.DataFrame, text: str, source: str) -> str:
    """The column that names each essay: by its name, else the first whose values all differ."""
    others = [c for c in frame if c != text]
    unique = [c for c in others if frame[c].notna().all() and frame[c].is_unique]
    by_name = [c for c in named_like(others, IDS) if frame[c].nunique() > len(frame) / 2]
    whole = [c for c in unique if not pd.to_numeric(frame[c], errors="coerce").mod(1).any()]
    candidates = [c for c in by_name if c in unique] + by_name + whole
    if not candidates:
        raise TableError(
            f"{source}: no column names each essay: add one, such as `id` with 1, 2, 3 ..., so "
            "that scores can be matched to their essays when rows are sorted or removed"
        )
    return candidates[0]


def score_column(frame: pd.DataFrame, text: str, source: str) -> str:
    """The column with the human scores, by its name."""
    others = [c for c in frame if c != text and not SECOND & set(tokens(c))]
    if candidates := named_like(others, SCORES):
        return candidates[0]
    raise TableError(
        f"{source}: no column is named like a score ({', '.join(SCORES)}): name it with --score "
        f"COLUMN; it has {', '.join(map(repr, frame))}"
    )


def second_score_column(rest: pd.DataFrame) -> str | None:
    """The column with a second rater's scores, among those without another role; None without
    such a column, here and below."""
    scores = [c for c in named_like(rest, SCORES + ("rater",)) if SECOND & set(tokens(c))]
    return next((c for c in scores if pd.to_numeric(rest[c], errors="coerce").notna().any()), None)


def prompt_column(rest: pd.DataFrame) -> str | None:
    """The column with the prompt of each essay, which has few different values."""
    return next((c for c in named_like(rest, PROMPTS) if rest[c].nunique() < len(rest) / 5), None)


def split_column(rest: pd.DataFrame) -> str | None:
    """The column with the split of each essay, which includes train."""

    def fits(column: str) -> bool:
        values = set(rest[column].dropna().str.lower())
        return "train" in {PART_VALUES.get(v) for v in values} and values <= set(PART_VALUES)

    return next((c for c in named_like(rest, PARTS) if fits(c)), None)


def group_columns(rest: pd.DataFrame) -> list[str]:
    """The columns that look like subgroups of examinees: by name, with few different values."""
    return [c for c in rest if GROUPS & set(tokens(c)) and 2 <= rest[c].nunique() <= MAX_LEVELS]


def group_name(column: str) -> str:
    """The name of a group in a study, from that of its column."""
    name = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_") or "group"
    return f"{name}_group" if name in RESERVED else name
