"""Infer the role of each column of a table from its name and its values.

A function returns a `Guess`: the column, and what a person should know of the choice. Where no
column is clearly the one that is sought, it raises a TableError that names the candidates and the
option that decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cyborg_utils.corpus.column_names import (
    ANSWERS,
    COMMENTS,
    COUNTS,
    FIRST,
    GROUPS,
    IDS,
    MACHINES,
    OTHER_TRAITS,
    OVERALL,
    PARTS,
    PERSONAL,
    PROMPTS,
    QUESTIONS,
    RATERS,
    SCHOOL_GRADES,
    SCORES,
    SECOND,
    SPLIT_VALUES,
    SPLITS,
    TEXTS,
    WRITERS,
    exactly_named,
    has_word,
    named_like,
    tokens,
)
from cyborg_utils.corpus.numerals import as_numbers
from cyborg_utils.corpus.score_values import is_missing, standing_apart
from cyborg_utils.corpus.table_files import TableError
from cyborg_utils.corpus.text_screening import word_count
from cyborg_utils.study.schema.columns import RESERVED

MIN_WORDS = 5  # on average, of a column that looks like the essays' text
LONG_NAME = 8  # words of a column's name that is a question put to the writers
MAX_LEVELS = 12  # of an attribute of examinees
NO_IDS = (COUNTS | PERSONAL | {"timestamp"}) - {"id"}
LEVEL = re.compile(r"(?:grade\s*)?\d{1,2}(?:st|nd|rd|th)?(?:\s*grade)?", re.IGNORECASE)


@dataclass(frozen=True)
class Guess:
    """The column of a role.

    Attributes
    ----------
    column : None where no column has the role.
    others : columns that could have it too.
    why : what the choice rests on, where that is less than a name and values that fit; or what a
        person should know of it.
    """

    column: str | None
    others: tuple[str, ...] = ()
    why: str = ""

    def note(self, option: str) -> str:
        """What a person should know, in brackets after the column; empty where it is certain."""
        others = f"also possible: {shown(self.others)}" if self.others else ""
        doubt = "; ".join(filter(None, [self.why, others]))
        return f" ({doubt}; {option} COLUMN)" if doubt else ""


def shown(columns: Iterable[str]) -> str:
    """Names of columns in quotation marks, with commas between."""
    return ", ".join(map(repr, columns))


def filled(values: pd.Series) -> pd.Series:
    """The values of a column that are neither blank nor a usual word for a missing value."""
    return values[~is_missing(values, None, groups=True)]


def is_numeric(values: pd.Series) -> bool:
    """Whether half of the values of a column, or more, are numbers."""
    values = filled(values)
    return len(values) > 0 and bool(as_numbers(values).notna().mean() >= 0.5)


# ---------------------------------------------------------------- essays


def text_guess(frame: pd.DataFrame) -> Guess:
    """The column with the essays: its values are long, and most of them differ.

    Raises
    ------
    TableError
        There is none, only one of comments, or several between which no name decides.
    """
    words = {c: _words(frame[c].dropna()) for c in frame}
    long = [
        c
        for c in frame
        if words[c] >= MIN_WORDS and frame[c].nunique() > 0.5 * frame[c].notna().sum()
    ]
    if not long:
        raise TableError(
            f"no column looks like the essays' text (of {MIN_WORDS} words or more on average, most "
            "of them different): name it with --text COLUMN, or add it"
        )
    essays = [c for c in long if not _is_comment(c)]
    exact = exactly_named(essays, TEXTS)
    named = exact or named_like(essays, TEXTS)
    candidates = named or essays
    if len(candidates) > 1:
        raise TableError(
            f"columns {shown(candidates)} could all be the essays' text: name it with --text COLUMN"
        )
    if not candidates:
        raise TableError(
            f"column {shown(long)} is long, but named like comments or questions: where it holds "
            f"the essays, give --text '{long[0]}'"
        )
    others = tuple(c for c in long if c not in candidates)
    return Guess(candidates[0], others, "" if named else "by its length alone")


def _words(texts: pd.Series) -> float:
    """Words of a text on average; of a script without spaces, each character counts as one.
    Numbers count where there are as many words."""
    texts = texts.astype(str)
    numbers = texts.str.count(r"\b\d+\b")
    n_words = word_count(texts).astype(int) - numbers
    return (n_words + np.minimum(numbers, n_words)).mean()


def _is_comment(column: str) -> bool:
    words = set(tokens(column))
    if len(words) > LONG_NAME:
        return False
    return has_word(column, COMMENTS) or (has_word(column, QUESTIONS) and not ANSWERS & words)


def id_guess(rest: pd.DataFrame) -> Guess:
    """The column that names each essay: by its name, else one whose values all differ.

    A writer's id is none where a writer has several essays. Without a column, ids are made from
    the rows.
    """
    unique = [c for c in rest if rest[c].notna().all() and rest[c].is_unique]
    writers = set(_writer_columns(rest)) - set(unique)
    named = [c for c in named_like(rest, IDS) if rest[c].nunique() > len(rest) / 2]
    named = [c for c in named if c not in writers]
    by_name = [c for c in named if c in unique] + [c for c in named if c not in unique]
    if by_name:
        exact = set(exactly_named(by_name, IDS))
        others = [c for c in by_name[1:] if c in unique and (c in exact or by_name[0] not in exact)]
        return Guess(by_name[0], tuple(others))
    plain = [c for c in unique if _words(rest[c]) < MIN_WORDS and not has_word(c, NO_IDS)]
    whole = [c for c in plain if not as_numbers(rest[c]).mod(1).any()]
    if whole:
        return Guess(whole[0], tuple(whole[1:]), "by its values, which all differ")
    return Guess(None)


def writer_guess(rest: pd.DataFrame) -> Guess:
    """The column that names the writer of each essay, some of whom wrote several."""
    columns = _writer_columns(rest)
    fit = [c for c in columns if rest[c].notna().any() and rest[c].nunique() > MAX_LEVELS]
    fit = [c for c in fit if rest[c].nunique() < rest[c].notna().sum()]
    return Guess(fit[0], tuple(fit[1:])) if fit else Guess(None)


def _writer_columns(columns: Iterable[str]) -> list[str]:
    columns = list(columns)
    by_id = named_like(columns, [n for n in WRITERS if n.endswith("_id") or not n.isascii()])
    return list(dict.fromkeys(by_id + exactly_named(columns, WRITERS)))


# ---------------------------------------------------------------- scores


def score_guess(rest: pd.DataFrame, prompts: pd.Series | None = None) -> Guess:
    """The column with the human scores, by its name and values: an overall score goes before those
    of criteria, and one with the same range for all prompts before others.

    Parameters
    ----------
    rest : the columns without another role.
    prompts : the prompt of each essay, where it is known.

    Raises
    ------
    TableError
        No column is named like a score, or several are equally likely.
    """
    ranks = {c: _score_rank(c, rest[c], prompts) for c in rest}
    ranks = {c: rank for c, rank in ranks.items() if rank}
    best = [c for c, rank in ranks.items() if rank == min(ranks.values())]
    if not best:
        columns = ", ".join(with_range(c, rest[c]) for c in rest if is_numeric(rest[c]))
        raise TableError(
            f"no column is named like a score ({', '.join(SCORES[:8])}): name it with --score "
            f"COLUMN; it has {shown(rest)}; columns of numbers: {columns or 'none'}"
        )
    if len(best) > 1:
        both = ", ".join(with_range(c, rest[c]) for c in best)
        raise TableError(
            f"columns {both} could all be the human score: name it with --score COLUMN"
        )
    others = [c for c in sorted(ranks, key=ranks.get) if c != best[0] and ranks[c][0] < 2]
    mixed = [c for c in others if ranks[c][1]]
    why = [f"{c!r} runs over another range for each prompt" for c in mixed]
    return Guess(best[0], tuple(others), "; ".join(filter(None, [*why, school_note(rest)])))


def school_note(rest: pd.DataFrame) -> str:
    """Which columns hold grades of school, and so no scores."""
    school = [c for c in rest if is_school_grade(c, rest[c])]
    return "; ".join(f"{c!r} looks like a grade of school" for c in school)


def _score_rank(column: str, values: pd.Series, prompts: pd.Series | None) -> tuple | None:
    """How likely a column holds the human scores, the lowest first; None where it does not."""
    words = set(tokens(column))
    numeric, levels = is_numeric(values), filled(values).nunique()
    machine = words & (MACHINES - {"student", "m", "system"})
    if machine or words & (SECOND | COUNTS) or is_school_grade(column, values):
        return None
    exact = bool(exactly_named([column], SCORES))
    if (not numeric and levels > MAX_LEVELS and not exact) or len(tokens(column)) > LONG_NAME:
        return None
    named = bool(named_like([column], SCORES))
    if has_word(column, PARTS):
        kind = 4 if named else None
    elif has_word(column, OVERALL):
        kind = 0
    elif named:
        kind = 1 if exact else 2
    else:
        kind = 3 if named_like([column], RATERS) else None
    mixed = numeric and prompts is not None and prompt_ranges(values, prompts) is not None
    readable = 0 if numeric else 1 if levels else 2  # as numbers; as levels; not at all
    return None if kind is None else (readable, mixed, kind)


def is_school_grade(column: str, values: pd.Series) -> bool:
    """Whether a column holds a grade of school (`grade_level`; `grade` from 5 to 13)."""
    words = set(tokens(column))
    if has_word(column, SCHOOL_GRADES) or ("grade" in words and words & {"level", "school"}):
        return True
    values = filled(values).astype(str).str.strip()
    if words != {"grade"} or values.empty or not values.str.fullmatch(LEVEL).all():
        return False
    numbers = values.str.extract(r"(\d+)")[0].astype(int)
    named = values.str.contains(r"[a-z]", case=False).any()
    return bool(named or (numbers.between(5, 13).all() and numbers.max() > 6))


def prompt_ranges(scores: pd.Series, prompts: pd.Series) -> dict[str, tuple] | None:
    """Lowest and highest score of each prompt with 20 scores or more, where they run over
    different ranges (one highest score is 1.5 times another); else None."""
    scores = _without_codes(as_numbers(scores))
    by_prompt = scores.groupby(prompts[scores.index]).agg(["min", "max", "count"])
    by_prompt = by_prompt[by_prompt["count"] >= 20]
    if len(by_prompt) < 2 or by_prompt["max"].max() <= 1.5 * by_prompt["max"].min():
        return None
    return {prompt: (row["min"], row["max"]) for prompt, row in by_prompt.iterrows()}


def second_guess(
    rest: pd.DataFrame, score: str, first: pd.Series, human: Iterable[str] | None = None
) -> Guess:
    """The column with a second rater's scores: named like one, of the first score's range, and of
    the same trait. `column` is None without one; `why` then says what was not taken, and why.

    Parameters
    ----------
    rest : the columns without another role.
    score, first : name and values of the column with the human scores.
    human : the columns that are named like human scores; by default, those named like scores.
    """
    if human is None:
        human = named_like(rest, (*SCORES, "rater"))
    named = [c for c in human if SECOND & set(tokens(c)) and is_numeric(rest[c])]
    fit, reasons = [], []
    for column in named:
        if _other_trait(column, score):
            reasons.append(f"'{column}' is of another part or trait")
        elif (pair := _first_of(column, rest)) and pair != score:
            reasons.append(f"'{column}' goes with '{pair}' (--score '{pair}' --second '{column}')")
        elif not same_range(as_numbers(first), as_numbers(rest[column])):
            reasons.append(
                f"{with_range(column, rest[column])} has another range than "
                f"{with_range(score, first)}"
            )
        else:
            fit.append(column)
    if fit:
        return Guess(fit[0], tuple(fit[1:]))
    return Guess(None, why="; ".join(reasons))


def _other_trait(column: str, score: str) -> bool:
    """Whether a name's number is that of a trait or part that the score's name does not have."""

    def numbered(name: str) -> set[tuple[str, str]]:
        words = tokens(name)
        return {pair for pair in zip(words, words[1:], strict=False) if pair[0] in OTHER_TRAITS}

    theirs = {pair for pair in numbered(column) if pair[1] in SECOND}
    return bool(theirs - numbered(score))


def _first_of(column: str, rest: pd.DataFrame) -> str | None:
    """The first rater's column of a second rater's, among columns without a role."""
    words = tokens(column)
    for i, word in enumerate(words):
        if word in FIRST:
            first = [*words[:i], FIRST[word], *words[i + 1 :]]
            return next((c for c in rest if tokens(c) == first), None)
    return None


def same_range(first: pd.Series, second: pd.Series) -> bool:
    """Whether two columns of numbers have about the same lowest and highest value."""
    first, second = _without_codes(first), _without_codes(second)
    if first.empty or second.empty:
        return False
    slack = max(first.max() - first.min(), second.max() - second.min()) / 3
    return bool(
        abs(first.max() - second.max()) <= slack and abs(first.min() - second.min()) <= slack
    )


def _without_codes(scores: pd.Series) -> pd.Series:
    return scores[scores.notna() & ~scores.isin(standing_apart(scores))]


def with_range(column: str, values: pd.Series) -> str:
    """A column's name, and the lowest and highest of its numbers."""
    numbers = as_numbers(filled(values)).dropna()
    return f"'{column}'" + (f" ({numbers.min():g} to {numbers.max():g})" if len(numbers) else "")


# ---------------------------------------------------------------- prompts, splits, groups


def prompt_guess(rest: pd.DataFrame) -> Guess:
    """The column with the prompt of each essay, which has few different values."""
    fit = [c for c in named_like(rest, PROMPTS) if 0 < rest[c].nunique() < len(rest) / 5]
    fit = [c for c in fit if not has_word(c, SCORES) and not has_word(c, RATERS)]
    fit = [c for c in fit if len(tokens(c)) <= LONG_NAME]
    return Guess(fit[0], tuple(fit[1:])) if fit else Guess(None)


def split_guess(rest: pd.DataFrame) -> Guess:
    """The column with the split of each essay, which includes train."""

    def fits(column: str) -> bool:
        values = set(rest[column].dropna().str.strip().str.lower())
        return "train" in {SPLIT_VALUES.get(v) for v in values} and values <= set(SPLIT_VALUES)

    return Guess(next((c for c in named_like(rest, SPLITS) if fits(c)), None))


def group_columns(rest: pd.DataFrame) -> list[str]:
    """The columns that look like subgroups of examinees: by name, with few different values."""
    return [c for c in few_levels(rest) if has_word(c, GROUPS)]


def few_levels(rest: pd.DataFrame) -> list[str]:
    """The columns with 2 to 12 different values, which could be subgroups of examinees."""
    return [c for c in rest if 2 <= filled(rest[c]).nunique() <= MAX_LEVELS]


def group_names(columns: Iterable[str]) -> dict[str, str]:
    """A name of its own for each group, in small letters of any script, and its column."""
    names: dict[str, str] = {}
    for column in columns:
        name = re.sub(r"\W+", "_", column.lower()).strip("_") or "group"
        name = f"{name}_group" if name in RESERVED else name
        same = sum(re.fullmatch(rf"{re.escape(name)}(_\d+)?", other) is not None for other in names)
        names[f"{name}_{same + 1}" if same else name] = column
    return names
