"""Tables with one row per rating, or per machine score: one row per essay is made of them."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.corpus.column_names import SCORERS, SYSTEMS, tokens
from cyborg_utils.corpus.numerals import as_numbers

NAMES = {"id", "name", "code", "no", "nr"}  # words next to those of who scored
MOST = 12  # ratings of an essay, and machines


def one_row_per_essay(frame: pd.DataFrame) -> tuple[pd.DataFrame, str | None]:
    """A table with one row per rating or machine score as one with one row per essay.

    A column such as `rater` or `model` names who scored; a rater scores an essay once, and the rows
    of an essay differ in this column and in numbers only. The ratings of an essay become the
    columns `score`, `score_2` ..., in the order of the raters' names. Machine scores become one
    column for each machine, such as `model gpt`.

    Returns
    -------
    the table, and a sentence on what was done; the table as it is, and None, where it already has
    one row per essay, or what its rows are is not as plain as that.
    """
    for scorer in frame.columns[[_names_scorers(column) for column in frame]]:
        for essay in frame.columns.drop(scorer):
            if scores := _scores(frame, essay, scorer):
                return _wide(frame, essay, scorer, scores)
    return frame, None


def _names_scorers(column: str) -> bool:
    words = set(tokens(column))
    return bool(words & (SCORERS | SYSTEMS)) and words <= SCORERS | SYSTEMS | NAMES


def _scores(frame: pd.DataFrame, essay: str, scorer: str) -> list[str]:
    """The columns of scores where `essay` names essays and `scorer` who scored them; else none."""
    ids = frame[essay]
    several = ids.duplicated(keep=False)
    if ids.isna().any() or frame[scorer].isna().any() or several.sum() < len(frame) / 2:
        return []
    if frame.duplicated([essay, scorer]).any() or ids.value_counts().iloc[0] > MOST:
        return []
    differ = frame.groupby(essay).nunique(dropna=False).gt(1).any()
    varied = [column for column in differ.index[differ] if column != scorer]
    numeric = [as_numbers(frame[c]).notna().mean() > 0.5 for c in varied]
    return varied if varied and all(numeric) and scorer in differ.index[differ] else []


def _wide(
    frame: pd.DataFrame, essay: str, scorer: str, scores: list[str]
) -> tuple[pd.DataFrame, str | None]:
    levels = sorted(frame[scorer].unique())
    machines = bool(set(tokens(scorer)) & SYSTEMS)
    if machines and (len(levels) > MOST or len(scores) > 1):
        return frame, None
    rank = frame.sort_values(scorer, kind="stable").groupby(essay).cumcount()
    wide = frame.drop_duplicates(essay).drop(columns=[scorer, *scores]).set_index(essay, drop=False)
    for column in scores:
        keys = frame[scorer] if machines else rank
        values = frame.assign(key=keys)[[essay, "key", column]].pivot(index=essay, columns="key")
        values = values.droplevel(0, axis=1)
        for i, key in enumerate(values):
            name = f"{scorer} {key}" if machines else column if i == 0 else f"{column}_{i + 1}"
            wide[name] = values[key]
    wide.index = frame.drop_duplicates(essay).index
    what = "machine score" if machines else "rating"
    made = ", ".join(repr(column) for column in wide if column not in frame or column in scores)
    return wide, (
        f"one row per {what}, by columns {essay!r} and {scorer!r}: {len(frame):,} rows are made "
        f"{len(wide):,} essays, with the columns {made}"
    )
