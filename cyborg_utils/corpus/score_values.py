"""The values of score and group columns: numbers, levels that stand for numbers, missing codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from cyborg_utils.corpus.numerals import (
    DECIMAL_COMMA,
    DECIMAL_POINT,
    numerals,
    with_point,
)
from cyborg_utils.corpus.table_files import TableError, row_number

MISSING = (
    "", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "nil", "missing", ".", "-", "--", "–",
)  # fmt: skip
NOT_IN_GROUPS = ("none", "nil", "missing")  # no disability, say: a category of examinees
FEW = 3  # values that an error shows
CODES = 3  # codes that may stand at one end of the scores, such as 97, 98 and 99


def is_missing(
    values: pd.Series, codes: Iterable[object] | None, groups: bool = False
) -> pd.Series:
    """Whether each value of a column means that there is none.

    Parameters
    ----------
    values : texts or numbers.
    codes : texts or numbers that a study declares as missing. None: the usual ones alone, `MISSING`
        in any case; an empty list: an empty cell alone; others are added to the usual ones.
    groups : whether the column holds groups of examinees, in which `none` is a category.
    """
    declared = None if codes is None else [str(code).strip().casefold() for code in codes]
    usual = {text for text in MISSING if not (groups and text in NOT_IN_GROUPS)}
    texts = values.astype("string").str.strip().str.casefold()
    named = {""} if declared == [] else usual | set(declared or [])
    missing = values.isna() | texts.isin(named).fillna(False)
    if numbers_declared := _floats(declared or []):
        missing |= pd.to_numeric(texts, errors="coerce").isin(numbers_declared).fillna(False)
    return missing.astype(bool)


def _floats(texts: Iterable[str]) -> list[float]:
    parsed = pd.to_numeric(pd.Series(list(texts), dtype="string"), errors="coerce")
    return parsed.dropna().astype(float).tolist()


def group_values(values: pd.Series, codes: Iterable[object] | None = None) -> pd.Series:
    """A group of each examinee, without spaces around it; missing where the value means none.

    Numbers stay numbers, other than those among the codes.
    """
    missing = is_missing(values, codes, groups=True)
    if pd.api.types.is_numeric_dtype(values):
        return values.mask(missing)
    return values.astype("string").str.strip().mask(missing).astype(object)


def numbers(
    values: pd.Series,
    source: str,
    other_column: str,
    *,
    missing: Iterable[object] | None = None,
    decimal: str | None = None,
    score_values: Mapping[str, float] | None = None,
) -> pd.Series:
    """The scores of a column as numbers; a blank cell and a missing code are missing.

    Parameters
    ----------
    values : as read from a file: text, or numbers of a dataset. Its name is the column's, its index
        that of `Table.read`.
    source : the file or dataset, as messages name it.
    other_column : the remedy of naming another column.
    missing : codes of no score, as in `is_missing`.
    decimal : `,` where 2,5 is two and a half; otherwise a point.
    score_values : numbers of texts, such as `low: 1`; they are looked up first.

    Raises
    ------
    TableError
        Some values are not finite numbers.
    """
    parsed, bad = _parsed(values, missing, decimal, score_values or {})
    if not bad.any():
        return parsed
    remedy = (
        "write numbers only and leave the cell empty where an essay has no score, declare codes of "
        "no score (corpus.missing) or the numbers of levels (corpus.score_values)"
    )
    stripped = values[bad].astype(str).str.strip()
    if stripped.str.fullmatch(DECIMAL_COMMA.pattern).all():
        remedy = "write a decimal point, 2.5 for 2,5, or set corpus.decimal: ','"
    first = ", ".join(repr(str(value)[:40]) for value in values[bad].unique()[:FEW])
    raise TableError(
        f"{source}: column {values.name!r} has {int(bad.sum()):,} values that are not numbers "
        f"(first: {first}, row {row_number(bad.idxmax())}): {remedy}, or {other_column}"
    )


def not_numbers(
    values: pd.Series,
    missing: Iterable[object] | None = None,
    decimal: str | None = None,
    score_values: Mapping[str, float] | None = None,
) -> pd.Series:
    """Whether `numbers` would refuse each value; parameters as there."""
    return _parsed(values, missing, decimal, score_values or {})[1]


def _parsed(
    values: pd.Series,
    missing: Iterable[object] | None,
    decimal: str | None,
    score_values: Mapping[str, float],
) -> tuple[pd.Series, pd.Series]:
    """The finite numbers of a column, and which values are neither numbers nor missing."""
    if pd.api.types.is_numeric_dtype(values) and not score_values:
        parsed = pd.to_numeric(values, errors="coerce").mask(is_missing(values, missing))
        return parsed.mask(np.isinf(parsed)), pd.Series(np.isinf(parsed), values.index)
    without = is_missing(values, missing)
    texts = with_point(numerals(values.mask(without)), decimal or ".")
    parsed = pd.to_numeric(texts.astype(object), errors="coerce").astype(float)
    parsed = parsed.mask(np.isinf(parsed)) if np.isinf(parsed).any() else parsed
    if score_values:
        levels = {text.strip().casefold(): number for text, number in score_values.items()}
        mapped = values.astype("string").str.strip().str.casefold().map(levels).astype(float)
        parsed, without = mapped.fillna(parsed), without & mapped.isna()
    return parsed, parsed.isna() & ~without


def detect_decimal(columns: Iterable[pd.Series], separator: str | None) -> str:
    """`,` where fields are split by `;` and every score that is not whole has a comma, else `.`.

    Parameters
    ----------
    columns : texts of the score columns of a table.
    separator : what splits its fields; None where nothing does, as in a workbook.
    """
    if separator != ";":
        return "."
    texts = pd.concat([numerals(column.dropna()) for column in columns])
    has_point = texts.str.fullmatch(DECIMAL_POINT.pattern).any()
    return "," if texts.str.fullmatch(DECIMAL_COMMA.pattern).any() and not has_point else "."


def standing_apart(scores: pd.Series) -> list[float]:
    """The scores at either end that stand apart from the rest, as codes such as -1 or 99 do.

    One to three of the points at an end are such where at least three others remain, and they are
    negative while no other is, on a scale that is not symmetric; or the gap is as wide as all the
    others together; or the others follow each other in equal steps, and the gap is more than two of
    them, or two where the score at its far side is more frequent than that at its near side.

    Parameters
    ----------
    scores : human scores; missing where an essay has none.
    """
    points, counts = np.unique(scores.dropna().to_numpy(dtype=float), return_counts=True)
    apart: list[float] = []
    for sign in (1, -1):
        values, n = (sign * points)[::sign], counts[::sign]
        for k in range(min(CODES, len(values) - 3), 0, -1):
            if _is_apart(values[:-k], values[-k:], n[-k - 1], n[-k], sign):
                apart += (sign * values[-k:]).tolist()
                break
    return sorted(apart)


def _is_apart(rest: np.ndarray, codes: np.ndarray, n_near: int, n_far: int, sign: int) -> bool:
    """Whether scores above the rest are codes; with `sign` -1, all are negated."""
    if sign < 0 and rest[-1] <= 0 < codes[0]:
        return codes[-1] != -rest[0]
    gap, steps = codes[0] - rest[-1], np.diff(rest)
    if gap >= rest[-1] - rest[0]:
        return True
    if not np.allclose(steps, steps[0]):
        return False
    return gap > 2.01 * steps[0] or (gap > 1.99 * steps[0] and n_far > n_near)
