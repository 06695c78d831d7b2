"""Figures of the study (seaborn): each function returns a figure and its alt text."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Image, Markdown, display
from matplotlib.colors import same_color
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter

from cyborg_utils.analysis.agreement import HUMAN
from cyborg_utils.reporting.fonts import FAMILIES, fonts_for
from cyborg_utils.reporting.labels import (
    METHODS,
    arm_label,
    condition_label,
    method_label,
    source_label,
)
from cyborg_utils.reporting.tables import NO_FORMULAS, _short

Drawn = tuple[plt.Figure, str]  # a figure and its alt text
COLORS = dict(zip(("human", "cyborg", "full"), sns.color_palette("colorblind")[:3], strict=True))
MARKERS = {"human": "s", "cyborg": "o", "full": "D"}
WIDTH = 7.6
MAX_TICKS = 16  # of an axis of scores with a label for each


sns.set_theme("notebook", "whitegrid", "colorblind", font_scale=0.85, rc=NO_FORMULAS)


def show(figure: plt.Figure, alt: str, save: Path | None = None) -> None:
    """Show a figure with its alt text, and save it as PNG where a path is given."""
    redrawable(figure, alt, save)


def redrawable(figure: plt.Figure, alt: str, save: Path | None = None, over=None):
    """Show a figure and return its handle; a later call with that handle as `over` replaces it."""
    buffer = io.BytesIO()
    families, missing = fonts_for(figure)
    with plt.rc_context({FAMILIES: families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the sentence below says it
        figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight")
    plt.close(figure)
    if missing:
        display(
            Markdown(
                f"No font of this machine has the letters {missing}: the next figure shows boxes "
                "in their place. Install a font that has them, such as one of Noto, and run again."
            )
        )
    if save is not None:
        save.parent.mkdir(parents=True, exist_ok=True)
        save.write_bytes(buffer.getvalue())
    width = int.from_bytes(buffer.getvalue()[16:20], "big") // 2
    image = Image(buffer.getvalue(), alt=alt, width=width)
    if over is None:
        return display(image, display_id=True)
    over.update(image)
    return over


def score_distribution(shares: pd.DataFrame, title: str) -> Drawn:
    """Proportion of essays at each score point.

    Parameters
    ----------
    shares : proportions; index: every score of the scale in order; one column per source (label).
    """
    tidy = shares.rename_axis("score").reset_index().melt("score", var_name="source")
    tidy["score"] = tidy["score"].map("{:g}".format)
    rows = -(-shares.shape[1] // 3)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0 + 0.2 * rows), layout="constrained")
    sns.barplot(tidy, x="score", y="value", hue="source", ax=axes)
    for bars, hatch in zip(axes.containers, ["", "//", "..", "xx", "\\\\", "--"], strict=False):
        for bar in bars:
            bar.set_hatch(hatch)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _label_some(axes, [f"{score:g}" for score in shares.index])
    axes.set(xlabel="score", ylabel="proportion of essays", title=title)
    handles, labels = axes.get_legend_handles_labels()
    axes.get_legend().remove()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    top = "; ".join(f"{source} {p:.1%}" for source, p in shares.iloc[-2:].sum().items())
    return figure, f"Proportion of essays at each score. The two highest scores: {top}."


def _label_some(axes: plt.Axes, scores: list[str]) -> None:
    """Label an axis of scores at every second one, or third, where it has many."""
    if every := len(scores) // MAX_TICKS:
        positions = range(0, len(scores), every + 1)
        axes.set_xticks(positions, [scores[i] for i in positions])


def training_curve(log: pd.DataFrame, title: str) -> Drawn:
    """Loss by step and, where evaluated, QWK on the dev set; the best checkpoint is marked."""
    has_dev = "dev_qwk" in log
    figure, axes = plt.subplots(1, 1 + has_dev, figsize=(WIDTH, 2.6), squeeze=False)
    sns.lineplot(log.dropna(subset="loss"), x="step", y="loss", ax=axes[0, 0])
    axes[0, 0].set(ylabel="training loss", xlabel="training step", ylim=(0, None))
    if has_dev:
        dev = log.dropna(subset="dev_qwk")
        best = dev.loc[dev["dev_qwk"].idxmax()]
        sns.lineplot(dev, x="step", y="dev_qwk", marker="o", ax=axes[0, 1])
        axes[0, 1].plot(best["step"], best["dev_qwk"], "*", markersize=14, color="black")
        axes[0, 1].set(ylabel="QWK on dev (star: selected)", xlabel="training step")
    figure.suptitle(title)
    figure.tight_layout()
    last = log["loss"].dropna().iloc[-1]
    alt = f"Training loss by step, {last:.3f} at the end"
    if has_dev:
        alt += f", and QWK on dev; the best is {log['dev_qwk'].max():.3f}"
    return figure, f"{alt}."


def live_training_curve(title: str) -> Callable[[pd.DataFrame], None]:
    """A function that redraws the training curve in place from the log so far."""
    handle = None

    def draw(log: pd.DataFrame) -> None:
        nonlocal handle
        handle = redrawable(*training_curve(log, title), over=handle)

    return draw


def budget_curve(points: pd.DataFrame, title: str) -> Drawn:
    """QWK by the number of hand-scored essays, with 95 % intervals, one panel per Student.

    Parameters
    ----------
    points : rows with `student, condition, arm, teacher, n_human, qwk, low, high`; the
        full arm is drawn as a band at its own number of labels.
    """
    students = list(points["student"].unique())
    figure, axes = plt.subplots(
        1, len(students), figsize=(WIDTH, 3.6), sharey=True, squeeze=False, layout="constrained"
    )
    colors = sns.color_palette("colorblind")[1:2] + sns.color_palette("colorblind")[3:]
    lines = points.drop_duplicates(["arm", "teacher"])[["arm", "teacher"]]
    cyborgs = [t for a, t in lines.itertuples(index=False) if a == "cyborg"]
    for panel, student in zip(axes[0], students, strict=True):
        of_student = points[points["student"] == student]
        for i, (arm, teacher) in enumerate(lines.itertuples(index=False)):
            by_teacher = of_student["teacher"] == teacher if arm == "cyborg" else True
            line = of_student[(of_student["arm"] == arm) & by_teacher].sort_values("n_human")
            panel.errorbar(
                line["n_human"] * 1.04 ** (i - len(lines) / 2),
                line["qwk"],
                [line["qwk"] - line["low"], line["high"] - line["qwk"]],
                marker=MARKERS[arm],
                linestyle="--" if arm == "human" else "-",
                color=colors[cyborgs.index(teacher)] if arm == "cyborg" else COLORS[arm],
                capsize=3,
                label=arm_label(arm, teacher),
            )
        full = of_student[of_student["arm"] == "full"]
        if len(full):
            panel.axhspan(
                full["low"].iloc[0], full["high"].iloc[0], color=COLORS["full"], alpha=0.12
            )
        panel.set_xscale("log")
        ticks = sorted(of_student["n_human"].unique())
        panel.set_xticks(ticks, [f"{t:,.0f}" for t in ticks], rotation=45)
        panel.xaxis.set_minor_locator(plt.NullLocator())
        panel.set(xlabel="hand-scored train essays", title=student)
    axes[0, 0].set_ylabel("QWK on test (95 % interval)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4))
    figure.suptitle(title)
    values = "; ".join(
        f"{r.student}, {condition_label(r.condition)}: {r.qwk:.3f} ({r.low:.3f} to {r.high:.3f})"
        for r in points.itertuples()
    )
    return figure, f"QWK by hand-scored essays, 95 % intervals. {values}."


def reliability_diagram(bins: pd.DataFrame, title: str) -> Drawn:
    """Accuracy of the labels by their confidence, in bins.

    Parameters
    ----------
    bins : rows with `confidence, accuracy, essays`.
    """
    figure, axes = plt.subplots(figsize=(WIDTH / 2, 3.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    axes.plot(bins["confidence"], bins["accuracy"], marker="o")
    axes.set(xlabel="confidence", ylabel="proportion equal to the human score")
    axes.set(xlim=(0, 1), ylim=(0, 1), title=title)
    values = ", ".join(f"{r.accuracy:.2f} at {r.confidence:.2f}" for r in bins.itertuples())
    return figure, f"Proportion of labels equal to the human score, by confidence: {values}."


def trade_off(table: pd.DataFrame, title: str) -> Drawn:
    """QWK against the largest |SMD| over subgroups: one color per name, one marker per method.

    Parameters
    ----------
    table : rows with `name` (of the condition, in the legend), `method, qwk, largest`.
    """
    methods = [METHODS[method] for method in METHODS if method in set(table["method"])]
    shown = table.assign(method=[method_label(method) for method in table["method"]])
    figure, axes = plt.subplots(figsize=(WIDTH, 4), layout="constrained")
    for bound in (0.05, 0.10):
        axes.axvline(bound, color="grey", linewidth=1, linestyle="--")
    sns.lineplot(
        shown, x="largest", y="qwk", hue="name", sort=False, estimator=None, linewidth=0.8,
        alpha=0.5, legend=False, ax=axes,
    )  # fmt: skip
    sns.scatterplot(
        shown, x="largest", y="qwk", hue="name", style="method", style_order=methods,
        s=70, ax=axes,
    )  # fmt: skip
    axes.set(xlabel="largest |SMD| over subgroups (dashed: 0.05 and 0.10)", ylabel="QWK on test")
    axes.set(xlim=(0, None), title=title)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    points = shown.dropna(subset="largest")
    values = "; ".join(
        f"{r.name}, {r.method}: {r.qwk:.3f} at {r.largest:.2f}"
        for r in points.itertuples(index=False)
    )
    return figure, f"QWK against the largest absolute SMD of a subgroup. {values}."


def differences(table: pd.DataFrame, title: str, unit: str) -> Drawn:
    """Differences with their 95 % intervals, one row each, one color per group of rows.

    Parameters
    ----------
    table : rows with `name, of, difference, low, high`; rows of one `of` share a color.
    """
    groups = list(table["of"].unique())
    palette = sns.color_palette("colorblind", max(len(groups), 1))
    figure, axes = plt.subplots(
        figsize=(WIDTH, 1.2 + 0.32 * len(table) + 0.2 * len(groups)), layout="constrained"
    )
    axes.axvline(0, color="grey", linewidth=1)
    y = -np.arange(len(table))
    for group, color in zip(groups, palette, strict=True):
        of_group = (table["of"] == group).to_numpy()
        rows = table[of_group]
        axes.errorbar(
            rows["difference"], y[of_group],
            xerr=[rows["difference"] - rows["low"], rows["high"] - rows["difference"]],
            linestyle="none", marker="o", color=color, label=group,
        )  # fmt: skip
    axes.set_yticks(y, [_short(name, 46) for name in table["name"]])
    axes.yaxis.grid(False)
    axes.set(xlabel=f"{unit} (95 % interval)", title=title)
    if len(groups) > 1:
        figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    values = "; ".join(
        f"{r.name}: {r.difference:+.3f}"
        + ("" if pd.isna(r.low) else f" ({r.low:+.3f} to {r.high:+.3f})")
        for r in table.itertuples(index=False)
    )
    return figure, f"{unit}, 95 % intervals. {values}."


def shares_by_group(shares: pd.DataFrame, title: str) -> Drawn:
    """Proportion of essays at each score, one panel per subgroup; human scores are the black line.

    Parameters
    ----------
    shares : rows with `level, n, source` (`HUMAN` or a condition), `score, share`.
    """
    levels = shares.drop_duplicates("level")[["level", "n"]]
    names = {r.level: f"{_short(r.level, 26)}\n(n = {r.n:,})" for r in levels.itertuples()}
    sources = {source: source_label(source) for source in shares["source"].unique()}
    machines = [label for source, label in sources.items() if source != HUMAN]
    palette = dict(zip(machines, sns.color_palette("colorblind", len(machines)), strict=True))
    palette[source_label(HUMAN)] = "black"
    step = np.diff(np.sort(shares["score"].unique())).min() if shares["score"].nunique() > 1 else 1
    gaps = shares.groupby(["level", "source"], sort=False)["score"].diff() > 1.5 * step
    grid = sns.relplot(
        shares.assign(
            panel=shares["level"].map(names), segment=gaps.cumsum(),
            source=shares["source"].map(sources),
        ),
        x="score", y="share", hue="source", style="source", col="panel", kind="line",
        units="segment", estimator=None,  # a line ends where a proportion is suppressed
        col_wrap=min(3, len(levels)), height=2.1, aspect=WIDTH / 2.1 / 3,
        palette=palette, markers=True, dashes=False, markersize=5,
    )  # fmt: skip
    for axes in grid.axes.flat:
        for line in axes.lines:
            if same_color(line.get_color(), "black"):
                line.set_linewidth(2.5)
        few = np.ptp(shares["score"]) < MAX_TICKS
        axes.xaxis.set_major_locator(MultipleLocator(1) if few else MaxNLocator(6))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    grid.set_titles("{col_name}", size="small").set_axis_labels("score", "proportion of essays")
    grid.figure.suptitle(title, y=1.05)
    sns.move_legend(grid, "upper center", bbox_to_anchor=(0.5, 0), ncols=2, title=None)
    panels = "; ".join(f"{r.level} ({r.n:,} essays)" for r in levels.itertuples())
    lines = ", ".join(sources.values())
    return grid.figure, f"{title}, one panel per subgroup: {panels}; lines: {lines}."


def length_by_score(lengths: pd.Series, scores: pd.Series) -> Drawn:
    """Length of an essay by its human score; the name of `lengths` is their unit."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.8))
    order = [f"{v:g}" for v in sorted(scores.unique())]
    sns.boxplot(x=scores.map("{:g}".format), y=lengths, order=order, fliersize=2, ax=axes,
                color=sns.color_palette("colorblind")[0])  # fmt: skip
    _label_some(axes, order)
    axes.set(xlabel="human score", ylabel=lengths.name, title="Longer essays score higher")
    medians = lengths.groupby(scores).median()
    values = ", ".join(f"{median:.0f} at score {score:g}" for score, median in medians.items())
    return figure, f"{str(lengths.name).capitalize()} of an essay by human score; medians {values}."
