"""Groups of writers that are too small to be shown, and what is said in their place.

A group is left out where fewer than `evaluation.privacy.min_cell` essays are in it. Where the
groups of an attribute have fewer than `ROUNDED` essays together, the next smallest one is left out
too, as long as all that is left out comes to fewer than `min_cell`: the others, taken from the
whole, would tell it. Of more essays a mean of three digits tells no single score. With two
attributes at once that holds for each level of either.
"""

from __future__ import annotations

import pandas as pd

from cyborg_utils.fairness import group_levels
from cyborg_utils.markdown import as_text
from cyborg_utils.schema import Study

ROUNDED = 1000  # essays; half a thousandth of their mean on either side is a score point


def hidden_cells(counts: pd.Series, least: int) -> pd.Series:
    """Which counts, or cells of a table of two attributes (a MultiIndex), are left out."""
    hidden = (counts > 0) & (counts < least)
    lines = [pd.Series(True, counts.index)]
    if counts.index.nlevels > 1:
        lines = [
            pd.Series(counts.index.get_level_values(axis) == level, counts.index)
            for axis in range(counts.index.nlevels)
            for level in counts.index.unique(axis)
        ]
    lines = [line for line in lines if counts[line].sum() < ROUNDED]
    waiting = bool(lines)
    while waiting:
        waiting = False
        for line in lines:
            open_ones = counts[line & ~hidden & (counts > 0)]
            if 0 < counts[line & hidden].sum() < least and len(open_ones):
                hidden[open_ones.idxmin()] = waiting = True
    return hidden


def shown_levels(study: Study, essays: pd.DataFrame, attribute: str | list[str]) -> list[str]:
    """The levels of an attribute, or of two at once, that reports may show, as
    `cyborg_utils.fairness.group_levels` names them."""
    columns = [attribute] if isinstance(attribute, str) else list(attribute)
    parts = [group_levels(essays, column)[1].rename(column) for column in columns]
    _, names = group_levels(essays, attribute)
    counts = pd.concat(parts, axis=1).groupby(columns).size()
    named = pd.concat([*parts, names.rename(None)], axis=1).drop_duplicates(columns)
    named = named.set_index(columns).iloc[:, 0].loc[counts.index]
    return named[~hidden_cells(counts, study.least_shown)].tolist()


def only_shown(
    study: Study, report: pd.DataFrame, essays: pd.DataFrame, attributes: list
) -> pd.DataFrame:
    """The rows of a report, with `attribute` and `level`, whose groups may be shown."""
    shown = pd.Series(False, report.index)
    for attribute in attributes:
        name = group_levels(essays, attribute)[0]
        levels = shown_levels(study, essays, attribute)
        shown |= (report["attribute"] == name) & report["level"].isin(levels)
    return report[shown].reset_index(drop=True)


def groups_of_writers(study: Study, essays: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """Essays, mean and spread of people's scores by group: `attribute, level, essays, mean, sd`."""
    parts = []
    for attribute in groups:
        _, levels = group_levels(essays, attribute)
        sizes = essays.groupby(levels)["score"].agg(essays="size", mean="mean", sd="std")
        sizes = sizes.rename_axis("level").reset_index().assign(attribute=attribute)
        parts.append(only_shown(study, sizes, essays, [attribute]))
    columns = ["attribute", "level", "essays", "mean", "sd"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def left_out_groups(study: Study, essays: pd.DataFrame, groups: list[str]) -> str | None:
    """How many groups are left out and why, in one sentence; None where all are shown."""
    lacking = {
        group: group_levels(essays, group)[1].nunique() - len(shown_levels(study, essays, group))
        for group in groups
    }
    n, among = sum(lacking.values()), ", ".join(as_text(g) for g, k in lacking.items() if k)
    if not n:
        return None
    told = "1 group of writers" if n == 1 else f"{n} groups of writers"
    verb = "is" if n == 1 else "are"
    return (
        f"{told} (of {among}) {verb} left out of every table and figure, so that no single "
        f"writer's scores can be read from them: fewer than {study.least_shown} essays, or what "
        "would tell such a group by subtraction."
    )
