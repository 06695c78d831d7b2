"""Tables of a report: readable headers, rounded numbers, intervals and p values."""

from __future__ import annotations

import html

import pandas as pd
from IPython.display import HTML, display

P_VALUES = ["p", "p_holm", "p_bh", "p_adjusted"]
NO_FORMULAS = {"text.parse_math": False}  # a dollar sign in a subgroup's name starts no formula


def table(frame: pd.DataFrame, caption: str, dress=None, digits: int = 3) -> None:
    """Show a frame as a table with a caption; text is escaped, missing values are a dash.

    `dress` changes the table's Styler before it is rendered.
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


def estimates(frame: pd.DataFrame, rows: list[str], digits: int = 2) -> pd.DataFrame:
    """Estimates with their intervals as text, `0.84 (0.82 to 0.86)`, one column per statistic.

    Parameters
    ----------
    frame : rows with `statistic, n, estimate, low, high` and the columns `rows`.
    rows : what identifies a row of the result; `n`, the largest of its statistics, follows.
    """
    texts = []
    for values in frame[["estimate", "low", "high"]].round(digits).add(0.0).itertuples(index=False):
        value, low, high = (f"{v:.{digits}f}" for v in values)
        texts.append(value if pd.isna(values.low) else f"{value} ({low} to {high})")
    shown = frame.assign(text=texts, n=frame.groupby(rows)["n"].transform("max").astype(int))
    for column in shown[rows].select_dtypes("number"):
        shown[column] = shown[column].map("{:g}".format)
    columns = list(dict.fromkeys(shown["statistic"]))
    wide = shown.pivot(index=[*rows, "n"], columns="statistic", values="text")
    order = pd.MultiIndex.from_frame(shown[[*rows, "n"]].drop_duplicates())
    return wide.loc[order, columns].reset_index().rename_axis(None, axis=1)
