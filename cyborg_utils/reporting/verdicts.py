"""Tables of verdicts: one row per subgroup, one column per condition, colored by verdict."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.subgroups import Outcome, outcomes
from cyborg_utils.reporting.labels import condition_label, group_labels, verdict_label
from cyborg_utils.reporting.tables import table
from cyborg_utils.study.schema.study import Study

# Background of a verdict, which is also written out.
OUTCOME_COLORS = {
    Outcome.WITHIN: "#d9f0e3",
    Outcome.TOO_LOW: "#fbd9c0",
    Outcome.TOO_HIGH: "#f6cfe4",
}


def dsm_cells(study: Study, report: pd.DataFrame) -> pd.DataFrame:
    """Rows of `group_bias` with `outcome`, and `text`: its label with the DSM."""
    outcome = outcomes(study, report)
    texts = [
        verdict_label(o) + ("" if pd.isna(dsm) else f" {dsm:+.2f}")
        for o, dsm in zip(outcome, report["dsm"], strict=True)
    ]
    return report.assign(outcome=outcome, text=texts)


def conditional_cells(bands: pd.DataFrame) -> pd.DataFrame:
    """Rows of `conditional_group_bias` with `outcome`, and `text`: its label with the coefficient,
    or with the smallest and the largest over the assumed reliabilities."""
    outcome = bands["verdict"].mask(bands["smallest"].isna(), Outcome.UNDEFINED)

    def text(verdict: str, smallest: float, largest: float) -> str:
        if verdict == Outcome.UNDEFINED:
            return verdict_label(verdict)
        further = f" to {largest:+.2f}" * (f"{smallest:+.2f}" != f"{largest:+.2f}")
        return f"{verdict_label(verdict)} {smallest:+.2f}{further}"

    rows = zip(outcome, bands["smallest"], bands["largest"], strict=True)
    return bands.assign(outcome=outcome, text=[text(*row) for row in rows])


def verdict_matrix(cells: pd.DataFrame, value: str = "text") -> pd.DataFrame:
    """One row per subgroup: `group`, `n`, then one column per condition with its `value`."""
    named = cells.assign(group=group_labels(cells))
    keys = ["group", "n"]
    matrix = named.pivot(index=keys, columns="condition", values=value)
    order = pd.MultiIndex.from_frame(named[keys].drop_duplicates())
    conditions = list(named["condition"].unique())
    return matrix.loc[order, conditions].reset_index().rename_axis(None, axis=1)


def verdict_table(cells: pd.DataFrame, caption: str) -> None:
    """Show a matrix of verdicts, those within and outside the bounds colored.

    `cells` are of `dsm_cells` or `conditional_cells`.
    """

    def background(outcome: str) -> str:
        color = OUTCOME_COLORS.get(outcome)
        return f"background-color: {color}; color: black" if color else ""

    names = {condition: condition_label(condition) for condition in cells["condition"].unique()}
    colors = verdict_matrix(cells, "outcome")[list(names)].map(background).rename(columns=names)
    table(
        verdict_matrix(cells).rename(columns=names),
        caption,
        lambda style: style.apply(lambda _: colors, axis=None, subset=list(names.values())),
    )
