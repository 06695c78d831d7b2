"""Figures of bias by subgroup: each function returns a figure and its alt text."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from cyborg_utils.reporting.figures import WIDTH, Drawn
from cyborg_utils.reporting.labels import condition_label
from cyborg_utils.reporting.tables import _short
from cyborg_utils.statistics.hypothesis_tests import Verdict


def bias_forest(report: pd.DataFrame, conditional: pd.DataFrame, bound: float, title: str) -> Drawn:
    """DSM and SMD of every subgroup of an attribute, and its bias conditional on human score.

    Parameters
    ----------
    report : rows with `condition, level, n, dsm, dsm_low, dsm_high, dsm_verdict, smd`; one
        attribute. The SMD is a small hollow mark.
    conditional : rows with `condition, level, reference, smallest, largest, low, high`; the
        thick line is the range over assumed reliabilities, the thin one the sampling error.
        May be empty.
    """
    levels = report.drop_duplicates("level")[["level", "n"]]
    conditions = list(report["condition"].unique())
    step = 0.8 / len(conditions)
    places = {level: -i for i, level in enumerate(levels["level"])}
    height = 1.6 + len(levels) * max(0.45, 0.17 * len(conditions))
    height += 0.2 * ((len(conditions) + 1) // 2)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(WIDTH, height), sharey=True, width_ratios=[3, 2], layout="constrained"
    )
    left.axvspan(-bound, bound, color="grey", alpha=0.15)
    palette = sns.color_palette("colorblind", max(len(conditions), 1))
    shapes = ["s", "o", "D", "^", "v", "P", "X", "*"]
    for i, condition in enumerate(conditions):
        marks = {"color": palette[i], "marker": shapes[i % len(shapes)]}
        shift = ((len(conditions) - 1) / 2 - i) * step
        rows = report[report["condition"] == condition].dropna(subset="dsm")
        y = rows["level"].map(places).astype(float) + shift
        hollow = marks | {"markerfacecolor": "none"}
        left.plot(rows["smd"], y, linestyle="none", markersize=3.5, **hollow)
        left.errorbar(
            rows["dsm"],
            y,
            xerr=[rows["dsm"] - rows["dsm_low"], rows["dsm_high"] - rows["dsm"]],
            linestyle="none",
            markersize=5,
            label=condition_label(condition),
            **marks,
        )
        band = conditional[
            (conditional["condition"] == condition) & conditional["level"].isin(places)
        ]
        y = band["level"].map(places).astype(float) + shift
        right.hlines(y, band["low"], band["high"], color=marks["color"], linewidth=1.2)
        right.hlines(y, band["smallest"], band["largest"], color=marks["color"], linewidth=3)
        right.plot(
            (band["smallest"] + band["largest"]) / 2, y, linestyle="none", markersize=4, **marks
        )
    _separate_levels((left, right), len(levels))
    names = [f"{_short(r.level, 34)}\n(n = {r.n:,})" for r in levels.itertuples()]
    left.set_yticks(list(places.values()), names)
    left.set_ylim(0.5 - len(levels), 0.5)
    left.set_xlabel(f"DSM with 90 % interval; hollow: SMD\n(grey: within ±{bound:g})")
    right.set_xlabel(_conditional_axis(conditional))
    figure.suptitle(title)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize="small")
    return figure, f"{title}. {_bias_in_words(report, conditional, bound)}"


def _separate_levels(panels: tuple[plt.Axes, ...], n_levels: int) -> None:
    for axes in panels:
        axes.axvline(0, color="grey", linewidth=1)
        axes.yaxis.grid(False)
        for edge in range(1, n_levels):
            axes.axhline(0.5 - edge, color="lightgrey", linewidth=1)


def _conditional_axis(conditional: pd.DataFrame) -> str:
    if conditional.empty:
        return "conditional on human score:\nno comparison possible"
    return (
        "conditional on human score, with 90 %\ninterval, in score points, compared\n"
        f"with {_short(conditional['reference'].iloc[0], 28)}"
    )


def _bias_in_words(report: pd.DataFrame, conditional: pd.DataFrame, bound: float) -> str:
    outside = report[report["dsm_verdict"] == Verdict.OUTSIDE]
    words = [f"DSM with 90 % intervals, {len(outside)} of {len(report)} outside ±{bound:g}"]
    words += [
        f"{condition_label(r.condition)}, {r.level}: {r.dsm:+.2f}" for r in outside.itertuples()
    ]
    bands = [
        f"{condition_label(r.condition)}, {r.level}: {r.smallest:+.2f} to {r.largest:+.2f} "
        f"(90 % interval {r.low:+.2f} to {r.high:+.2f})"
        for r in conditional.dropna(subset="smallest").itertuples()
    ]
    return f"{'; '.join(words)}. Conditional on human score: {'; '.join(bands) or 'no comparison'}."
