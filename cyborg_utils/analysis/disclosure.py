"""Small-cell suppression: subgroups that are too small to be shown.

A subgroup with fewer than `evaluation.privacy.min_cell` essays is suppressed. Subtraction of the
others from the total must not reveal it either, for results hold every digit: the essays that are
left of a total are none, or `min_cell` at least. Where the small subgroups of an attribute and the
essays without a level are fewer, some essays of its largest subgroup are treated as if their level
were missing (`cyborg_utils.corpus.residual_levels`), so that no other subgroup has to be
suppressed; where no subgroup has enough, the next smallest one is suppressed too (complementary
suppression). Intersectional subgroups are suppressed within each level of either attribute.
"""

from __future__ import annotations

import pandas as pd

from cyborg_utils.statistics.groups import group_levels, group_name, suppress_small_cells
from cyborg_utils.study.schema.study import Study


def shown_levels(study: Study, essays: pd.DataFrame, attribute: str | list[str]) -> list[str]:
    """The levels of an attribute, or of an intersection of two, that reports may show, named as by
    `cyborg_utils.statistics.groups.group_levels`."""
    columns = [attribute] if isinstance(attribute, str) else list(attribute)
    parts = [group_levels(essays, column)[1].rename(column) for column in columns]
    names = parts[0] if len(parts) == 1 else group_levels(essays, attribute)[1]
    counts = pd.concat(parts, axis=1).groupby(columns).size()
    named = pd.concat([*parts, names.rename(None)], axis=1).drop_duplicates(columns)
    named = named.set_index(columns).iloc[:, 0].loc[counts.index]
    also = pd.Series(False, counts.index)
    if len(columns) > 1:  # the cells of a level that is suppressed would add up to it
        for column in columns:
            shown = shown_levels(study, essays, column)
            also |= ~counts.index.get_level_values(column).isin(shown)
    return named[~suppress_small_cells(counts, study.least_shown, also)].tolist()


def only_shown(
    study: Study, report: pd.DataFrame, essays: pd.DataFrame, attributes: list
) -> pd.DataFrame:
    """The rows of a report, with `attribute` and `level`, whose subgroups may be shown."""
    shown = pd.Series(False, report.index)
    for attribute in attributes:
        levels = shown_levels(study, essays, attribute)
        shown |= (report["attribute"] == group_name(attribute)) & report["level"].isin(levels)
    return report[shown].reset_index(drop=True)


def subgroup_sizes(study: Study, essays: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """Number of essays, mean and SD of human scores by subgroup: `attribute, level, essays, mean,
    sd`."""
    parts = []
    for attribute in groups:
        _, levels = group_levels(essays, attribute)
        sizes = essays.groupby(levels)["score"].agg(essays="size", mean="mean", sd="std")
        sizes = sizes.rename_axis("level").reset_index().assign(attribute=attribute)
        parts.append(only_shown(study, sizes, essays, [attribute]))
    columns = ["attribute", "level", "essays", "mean", "sd"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
