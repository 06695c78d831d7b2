"""Tables of a report: readable headers, rounded numbers, intervals and p values."""

from __future__ import annotations

import html

import pandas as pd
from IPython.display import HTML, display

from cyborg_utils.analysis.subgroups import Outcome, outcomes
from cyborg_utils.reporting.labels import condition_label, group_labels, verdict_label

P_VALUES = ["p", "p_holm", "p_bh", "p_adjusted"]
# Behind a verdict; its word says it too.
OUTCOME_COLOURS = {
    Outcome.WITHIN: "#d9f0e3",
    Outcome.TOO_LOW: "#fbd9c0",
    Outcome.TOO_HIGH: "#f6cfe4",
}
NO_FORMULAS = {"text.parse_math": False}  # a dollar in a group's name is a dollar


def table(frame: pd.DataFrame, caption: str, dress=None, digits: int = 3) -> None:
    """Show a frame as a table with a caption; text is escaped, missing values are a dash.

    `dress` changes the table's Styler before it is drawn.
    """
    style = frame.style.hide(axis="index").set_caption(html.escape(caption, quote=False))
    style = style.format(precision=digits, na_rep="–", escape="html")
    style = style.format_index(escape="html", axis=1)
    for column in frame.select_dtypes("bool"):
        style = style.format(lambda value: "yes" if value else "no", subset=[column])
    for column in frame.columns.intersection(P_VALUES):
        style = style.format(p_value, subset=[column], na_rep="–")
    for column in frame.select_dtypes(exclude="number"):
        head = {"selector": "th.col_heading", "props": "text-align: left"}
        style = style.set_table_styles({column: [head]}, overwrite=False)
        longest = frame[column].astype(str).str.len().max()
        width = {"min-width": "16rem"} if longest > 30 else {"white-space": "nowrap"}
        style = style.set_properties(subset=[column], **{"text-align": "left", **width})
    left = {"selector": "caption", "props": "text-align: left"}
    style = style.set_table_styles([left], overwrite=False)
    whole = [c for c in frame if pd.api.types.is_integer_dtype(frame[c])]
    style = style.format("{:,}", subset=whole)
    style = dress(style) if dress else style
    display(HTML(style.to_html(table_attributes='role="table"')))


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def p_value(p: float) -> str:
    """A p value as text."""
    return "<\u00a00.001" if p < 0.001 else f"{p:.3f}"


def intervals(low: pd.Series, high: pd.Series) -> list[str | None]:
    """Intervals as text, `+0.011 to +0.045`; None where there is none."""
    return [None if pd.isna(a) else f"{a:+.3f} to {b:+.3f}" for a, b in zip(low, high, strict=True)]


def smd_cells(report: pd.DataFrame) -> pd.DataFrame:
    """Rows of `group_bias` with `outcome`, and `text`: its label with the SMD."""
    outcome = outcomes(report)
    texts = [
        verdict_label(o) + ("" if o == Outcome.UNDEFINED else f" {smd:+.2f}")
        for o, smd in zip(outcome, report["smd"], strict=True)
    ]
    return report.assign(outcome=outcome, text=texts)


def conditional_cells(bands: pd.DataFrame) -> pd.DataFrame:
    """Rows of `conditional_group_bias` with `outcome`, and `text`: its label with the smallest and
    the largest coefficient."""
    outcome = bands["verdict"].mask(bands["smallest"].isna(), Outcome.UNDEFINED)
    texts = [
        verdict_label(o) + ("" if o == Outcome.UNDEFINED else f" {low:+.2f} to {high:+.2f}")
        for o, low, high in zip(outcome, bands["smallest"], bands["largest"], strict=True)
    ]
    return bands.assign(outcome=outcome, text=texts)


def verdict_matrix(cells: pd.DataFrame, value: str = "text") -> pd.DataFrame:
    """A row a group, `group` and `n`, then a column a condition with the `value` of its cell."""
    named = cells.assign(group=group_labels(cells))
    keys = ["group", "n"]
    matrix = named.pivot(index=keys, columns="condition", values=value)
    order = pd.MultiIndex.from_frame(named[keys].drop_duplicates())
    conditions = list(named["condition"].unique())
    return matrix.loc[order, conditions].reset_index().rename_axis(None, axis=1)


def verdicts(cells: pd.DataFrame, caption: str) -> None:
    """Show a matrix of verdicts, a colour behind each that says within or outside.

    `cells` are of `smd_cells` or `conditional_cells`.
    """

    def background(outcome: str) -> str:
        colour = OUTCOME_COLOURS.get(outcome)
        return f"background-color: {colour}; color: black" if colour else ""

    names = {condition: condition_label(condition) for condition in cells["condition"].unique()}
    colours = verdict_matrix(cells, "outcome")[list(names)].map(background).rename(columns=names)
    table(
        verdict_matrix(cells).rename(columns=names),
        caption,
        lambda style: style.apply(lambda _: colours, axis=None, subset=list(names.values())),
    )
