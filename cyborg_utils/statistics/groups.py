"""Subgroups of essays: their names, and the suppression of small ones."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

MISSING = "(missing)"
Attribute = str | Sequence[str]  # a column, or several for their intersection


def group_name(attribute: Attribute) -> str:
    """Name an attribute by its column, an intersection by its columns joined by " × "."""
    return attribute if isinstance(attribute, str) else " × ".join(attribute)


def group_levels(frame: pd.DataFrame, attribute: Attribute) -> tuple[str, pd.Series]:
    """Name each essay's level of an attribute or of an intersection of attributes.

    Parameters
    ----------
    frame : pandas.DataFrame
    attribute : str or sequence of str
        A column, or several for their intersection.

    Returns
    -------
    name : str
        That of `group_name`.
    levels : pandas.Series of str
        Missing and blank values are the level "(missing)".

    Raises
    ------
    ValueError
        If a column is absent.
    """
    columns = [attribute] if isinstance(attribute, str) else list(attribute)
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise ValueError(
            f"group columns {', '.join(absent)} are not in the frame; it has "
            f"{', '.join(map(str, frame.columns))}"
        )
    names = []
    for column in columns:
        text = frame[column].astype("string").str.strip()
        names.append(text.mask(text == "").fillna(MISSING).astype(object))
    levels = names[0]
    for further in names[1:]:
        levels = levels + " × " + further
    return group_name(attribute), levels


def is_missing(levels: pd.Series) -> pd.Series:
    """Find the levels that are no group: essays whose attribute, or one of two, is missing.

    Parameters
    ----------
    levels : pandas.Series of str
        Names by `group_levels`.

    Returns
    -------
    pandas.Series of bool
    """
    return pd.Series([MISSING in str(level).split(" × ") for level in levels], levels.index, bool)


def suppress_small_cells(counts: pd.Series, least: int, also: pd.Series | None = None) -> pd.Series:
    """Find the counts that a report suppresses, so that no small group can be inferred from it.

    Results hold every digit, so that sums follow exactly from means: whatever the total, essays
    that are fewer than `least` must not be what is left of it.

    Parameters
    ----------
    counts : pandas.Series of int
        Essays by level, or by cell of two attributes (a MultiIndex).
    least : int
        Smallest count that may be shown.
    also : pandas.Series of bool, optional
        Counts that are suppressed anyway.

    Returns
    -------
    pandas.Series of bool
        True for counts below `least`, for those of `also`, and where these alone would follow from
        a total for others too (complementary suppression): essays whose level is missing first, for
        they are no group, then the next smallest.
    """
    hidden = (counts > 0) & (counts < least)
    if also is not None:
        hidden |= also
    missing = is_missing(pd.Series([_joined(name) for name in counts.index], counts.index))
    lines = [pd.Series(True, counts.index)]
    if counts.index.nlevels > 1:
        lines = [
            pd.Series(counts.index.get_level_values(axis) == level, counts.index)
            for axis in range(counts.index.nlevels)
            for level in counts.index.unique(axis)
        ]
    waiting = True
    while waiting:
        waiting = False
        for line in lines:
            shown = counts[line & ~hidden & (counts > 0)]
            if 0 < counts[line & hidden].sum() < least and len(shown):
                first = shown[missing[shown.index]] if missing[shown.index].any() else shown
                hidden[first.idxmin()] = waiting = True
    return hidden


def _joined(name: object) -> str:
    return " × ".join(map(str, name)) if isinstance(name, tuple) else str(name)
