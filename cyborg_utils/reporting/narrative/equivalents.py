"""Retention and human-label equivalents with their intervals, rounded to what they can bear."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from cyborg_utils.reporting.labels import no_interval_label


def in_words(compared: pd.DataFrame) -> pd.DataFrame:
    """The comparisons with `retention` and `worth`, where there are any, as texts."""
    written = {"retention": retention_texts, "worth": worth_texts}
    return compared.assign(**{n: text(compared) for n, text in written.items() if n in compared})


def retention_texts(compared: pd.DataFrame) -> list[str]:
    """The retention of each row of `cyborg_utils.analysis.agreement.comparisons`, with its interval
    or the reason why it has none."""
    return [_retention(row) for row in compared.itertuples()]


def _retention(row: NamedTuple) -> str:
    if pd.isna(row.retention):
        return ""
    if pd.isna(row.retention_low):
        return f"{row.retention:.1f} ({no_interval_label(row.no_interval)})"
    digits = 2 if row.retention_high - row.retention_low < 0.5 else 1
    low, high = (f"{limit:.{digits}f}" for limit in (row.retention_low, row.retention_high))
    return f"{row.retention:.{digits}f} ({low} to {high})"


def worth_texts(compared: pd.DataFrame) -> list[str]:
    """The human-label equivalent of each row of `cyborg_utils.analysis.agreement.comparisons`, with
    its interval, to two digits; a value off the label-budget curve is said to be beyond its end."""
    return [_worth(row) for row in compared.itertuples()]


def _worth(row: NamedTuple) -> str:
    off = dict(side.split("_") for side in row.worth_off_curve.split())

    def text(name: str, value: float) -> str:
        if name in off:
            end = row.curve_to if off[name] == "above" else row.curve_from
            return f"{'more' if off[name] == 'above' else 'fewer'} than {end:,.0f}"
        return f"{float(f'{value:.2g}'):,.0f}"

    labels = text("labels", row.worth)
    low, high = text("low", row.worth_low), text("high", row.worth_high)
    return f"{labels} ({low})" if low == high else f"{labels} ({low} to {high})"
