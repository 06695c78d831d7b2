"""Figures of how machines err: each function returns a figure and its alt text."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from cyborg_utils.reporting.figures import MAX_TICKS, WIDTH, Drawn
from cyborg_utils.reporting.labels import source_label, statistic_label
from cyborg_utils.reporting.tables import _short

SHAPES = ["o", "s", "D", "^", "v", "P", "X", "*"]


def _styles(conditions: list[str]) -> Iterator[tuple[str, dict]]:
    """Each condition with its color and marker, second raters in black."""
    palette = sns.color_palette("colorblind", max(len(conditions), 1))
    for i, condition in enumerate(conditions):
        color = "black" if condition == "second_rater" else palette[i]
        yield condition, {"color": color, "marker": SHAPES[i % len(SHAPES)]}


def error_by_point(table: pd.DataFrame, title: str) -> Drawn:
    """Bias, and proportion of equal scores, at each human score point.

    Parameters
    ----------
    table : rows of `cyborg_utils.analysis.error_profile.by_score_point`.
    """
    conditions = list(table["condition"].unique())
    scores = sorted(table["score"].unique())
    step = np.diff(scores).min() if len(scores) > 1 else 1
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.4), layout="constrained")
    names = {"bias": "bias: mean of M − H", "exact": "proportion with M = H"}
    for panel, (statistic, label) in zip(axes, names.items(), strict=True):
        for i, (condition, style) in enumerate(_styles(conditions)):
            rows = table[(table["condition"] == condition) & (table["statistic"] == statistic)]
            shift = (i - (len(conditions) - 1) / 2) * 0.08 * step
            errors = [rows["estimate"] - rows["low"], rows["high"] - rows["estimate"]]
            panel.errorbar(
                rows["score"] + shift, rows["estimate"], errors, linewidth=1, markersize=4,
                label=source_label(condition), **style,
            )  # fmt: skip
        if len(scores) < MAX_TICKS:
            panel.set_xticks(scores, [f"{score:g}" for score in scores])
        panel.set(xlabel="human score", ylabel=label)
    axes[0].axhline(0, color="grey", linewidth=1)
    axes[1].set_ylim(0, 1)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small"
    )
    figure.suptitle(title)
    ends = table[table["score"].isin([scores[0], scores[-1]]) & (table["statistic"] == "bias")]
    values = "; ".join(
        f"{source_label(r.condition)} at {r.score:g}: {r.estimate:+.2f} "
        f"({r.low:+.2f} to {r.high:+.2f})"
        for r in ends.itertuples()
    )
    return figure, f"{title}, 95 % intervals. Bias at both ends of the scale: {values}."


def confusion_matrices(table: pd.DataFrame, title: str) -> Drawn:
    """Proportion of essays at each machine score, by human score, one panel per condition.

    Parameters
    ----------
    table : rows of `cyborg_utils.analysis.error_profile.confusion`.
    """
    conditions = list(table["condition"].unique())
    columns = min(3, len(conditions))
    rows = -(-len(conditions) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH, 0.6 + 2.6 * rows), squeeze=False, layout="constrained"
    )
    words = []
    for panel, condition in zip(axes.flat, conditions, strict=False):
        of = table[table["condition"] == condition]
        shares = of.pivot(index="human", columns="machine", values="share")
        few = len(shares) <= 7
        sns.heatmap(
            shares, vmin=0, vmax=1, cmap="Blues", cbar=False, square=True, ax=panel,
            annot=100 * shares if few else False, fmt=".0f", annot_kws={"fontsize": 8},
            xticklabels=[f"{s:g}" for s in shares], yticklabels=[f"{s:g}" for s in shares.index],
        )  # fmt: skip
        panel.invert_yaxis()
        panel.set_title(_short(source_label(condition), 26), fontsize="small")
        panel.set(xlabel="machine score", ylabel="human score")
        diagonal = ", ".join(f"{s:g}: {shares.loc[s, s]:.0%}" for s in shares.dropna().index)
        words.append(f"{source_label(condition)}: {diagonal}")
    for panel in list(axes.flat)[len(conditions) :]:
        panel.set_visible(False)
    figure.suptitle(title)
    return figure, f"{title}. Proportion with the same machine score. {'; '.join(words)}."


def estimates_by(
    table: pd.DataFrame, by: str, title: str, unit: str, bounds: tuple[float, ...] = ()
) -> Drawn:
    """Estimates with 95 % intervals, one row per value of `by`, one mark per condition.

    Parameters
    ----------
    table : rows with `condition`, the column `by`, `estimate, low, high`; the value of `by` that
        comes first is the top row.
    bounds : values that a criterion names, as dashed lines.
    """
    conditions, values = list(table["condition"].unique()), list(table[by].unique())
    places = {value: -i for i, value in enumerate(values)}
    height = 1.4 + len(values) * max(0.3, 0.13 * len(conditions))
    figure, axes = plt.subplots(figsize=(WIDTH, height), layout="constrained")
    for bound in bounds:
        axes.axvline(bound, color="grey", linewidth=1, linestyle="--")
    for i, (condition, style) in enumerate(_styles(conditions)):
        rows = table[table["condition"] == condition]
        y = rows[by].map(places) + ((len(conditions) - 1) / 2 - i) * 0.8 / len(conditions)
        errors = [rows["estimate"] - rows["low"], rows["high"] - rows["estimate"]]
        axes.errorbar(
            rows["estimate"], y, xerr=errors, linestyle="none", markersize=4,
            label=source_label(condition), **style,
        )  # fmt: skip
    axes.set_yticks(list(places.values()), [_short(str(value), 40) for value in values])
    axes.set_ylim(0.5 - len(values), 0.5)
    axes.yaxis.grid(False)
    axes.set(xlabel=f"{unit} (95 % interval)", title=title)
    if len(conditions) > 1:
        figure.legend(loc="outside lower center", ncols=3, fontsize="small")
    words = "; ".join(
        f"{getattr(r, by)}, {source_label(r.condition)}: {r.estimate:.2f} "
        f"({r.low:.2f} to {r.high:.2f})"
        for r in table.itertuples()
    )
    return figure, f"{title}: {unit}, 95 % intervals. {words}."


def machine_and_second_rater(table: pd.DataFrame, title: str) -> Drawn:
    """SMD of machines and of a second human rater by subgroup, one mark per condition.

    Parameters
    ----------
    table : rows of `cyborg_utils.analysis.second_rater.compare_with_second_rater` with
        `smd_machine` or `smd_human`, and `group`, the name of the subgroup.
    """
    shown = table[table["statistic"].isin(["smd_machine", "smd_human"])]
    return estimates_by(
        shown.assign(
            condition=shown["condition"].mask(shown["statistic"] == "smd_human", "second_rater")
        ).drop_duplicates(["condition", "group"]),
        "group",
        title,
        statistic_label("smd"),
        (0.0,),
    )
