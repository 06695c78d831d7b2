"""Levels that are treated as missing, so that no small subgroup follows from the others.

What a report suppresses is in `cyborg_utils.analysis.disclosure`.
"""

from __future__ import annotations

import pandas as pd

from cyborg_utils.statistics.groups import MISSING, group_levels
from cyborg_utils.study.schema.study import Study


def with_residual(study: Study, corpus: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """The corpus with enough test essays without a level, of each attribute that has small
    subgroups or missing values, for no few essays to follow by subtraction.

    Essays of the attribute's largest subgroup, chosen by a hash of their ids, lose their level of
    that attribute; at most `min_cell` - 1 do.
    """
    least, corpus = study.least_shown, corpus.copy()
    test = corpus[corpus["split"] == "test"].dropna(subset=["score", *study.machines])
    for group in groups:
        _, levels = group_levels(test, group)
        counts = levels.value_counts().drop(MISSING, errors="ignore")
        large = counts[counts >= least]
        residual = len(test) - int(large.sum())
        lacking = least - residual
        if residual == 0 or lacking <= 0 or large.empty or large.max() < least + lacking:
            continue
        members = test.loc[levels == large.idxmax(), "essay_id"]
        order = pd.util.hash_pandas_object(members + group, index=False)
        corpus.loc[order.nsmallest(lacking).index, group] = None
    return corpus
