"""Sentences and tables on prediction-powered estimates of a study of machine scores."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.prediction_powered import with_unscored
from cyborg_utils.reporting.labels import STATISTICS, group_labels
from cyborg_utils.study.schema.study import Study

CLASSICAL = "human-scored essays alone"
AUGMENTED = "with machine scores of all"


def assumption(study: Study, corpus: pd.DataFrame) -> str:
    """What the estimates rest on, and of which essays they speak; why there are none otherwise."""
    essays = with_unscored(study, corpus)
    if essays.empty:
        return (
            "There are no such estimates: they need a file in which at least a tenth of the essays "
            "that every machine scored have no human score, and at least "
            f"{study.evaluation.min_group} have one."
        )
    n = int(essays["score"].notna().sum())
    drawn = "drawn at random from all of them"
    if "probability" in essays:
        drawn = f"drawn with the probabilities of column `{study.corpus.columns.probability}`"
    return (
        f"**These estimates hold only if the {n:,} essays that people scored were {drawn}**, the "
        f"{len(essays):,} that every machine scored, and not because of their scores, and if no "
        "machine was trained on these human scores. They speak of essays like these "
        f"{len(essays):,}."
    )


def shown_estimates(table: pd.DataFrame) -> pd.DataFrame:
    """Both estimates of each machine and group in the columns of `reporting.tables.estimates`:
    `condition, group, from, statistic, n, estimate, low, high`."""
    names = {"low": "classical_low", "high": "classical_high", "estimate": "classical"}
    group = group_labels(table).replace("(all): (all)", "all essays")
    keys = table[["condition"]].assign(group=group, statistic=_named(table), n=table["n"])
    parts = [
        keys.assign(**{"from": source, **{to: table[column] for to, column in columns.items()}})
        for source, columns in (
            (AUGMENTED, {name: name for name in names}), (CLASSICAL, names),
        )
    ]  # fmt: skip
    both = pd.concat(parts).sort_index(kind="stable")  # one under the other
    return both.dropna(subset="estimate").reset_index(drop=True)


def label_equivalents(table: pd.DataFrame) -> pd.DataFrame:
    """How many human scores the estimates are worth: one row per machine and group."""
    group = group_labels(table).replace("(all): (all)", "all essays")
    shown = table.assign(group=group, statistic=_named(table))
    rows = ["condition", "group", "n"]
    wide = shown.pivot(index=rows, columns="statistic", values="label_equivalents")
    order = pd.MultiIndex.from_frame(shown[rows].drop_duplicates())
    return (
        wide.loc[order, list(shown["statistic"].unique())].reset_index().rename_axis(None, axis=1)
    )


def _named(table: pd.DataFrame) -> pd.Series:
    names = STATISTICS | {"mean_human": "mean H", "dsm": "DSM"}
    return table["statistic"].map(lambda s: names.get(s, s.replace("share_", "share of ")))
