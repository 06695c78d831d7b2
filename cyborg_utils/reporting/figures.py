"""Every figure of the study (seaborn), each with alt text, and the tables beside them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Image, display
from matplotlib.colors import same_color
from matplotlib.ticker import MultipleLocator, PercentFormatter, ScalarFormatter

from cyborg_utils.reporting.tables import NO_FORMULAS, _short, table

ARMS = {"human": "human labels only", "cyborg": "cyborg data", "full": "all human labels"}
COLOURS = dict(zip(("human", "cyborg", "full"), sns.color_palette("colorblind")[:3], strict=True))
MARKERS = {"human": "s", "cyborg": "o", "full": "D"}
WIDTH = 7.6


sns.set_theme("notebook", "whitegrid", "colorblind", font_scale=0.85, rc=NO_FORMULAS)


def show(figure: plt.Figure, alt: str, save: Path | None = None) -> None:
    """Show a figure with its alt text, and save it as PNG where a path is given."""
    redrawable(figure, alt, save)


def redrawable(figure: plt.Figure, alt: str, save: Path | None = None, over=None):
    """Show a figure and return its handle; given as `over` to a later call, it is redrawn there."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight")
    plt.close(figure)
    if save is not None:
        save.parent.mkdir(parents=True, exist_ok=True)
        save.write_bytes(buffer.getvalue())
    width = int.from_bytes(buffer.getvalue()[16:20], "big") // 2
    image = Image(buffer.getvalue(), alt=alt, width=width)
    if over is None:
        return display(image, display_id=True)
    over.update(image)
    return over


def score_distribution(shares: pd.DataFrame, title: str) -> plt.Figure:
    """Share of essays at each score point; `shares` is indexed by score, a column a source."""
    tidy = shares.rename_axis("score").reset_index().melt("score", var_name="source")
    tidy["score"] = tidy["score"].map("{:g}".format)
    rows = -(-shares.shape[1] // 3)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0 + 0.2 * rows), layout="constrained")
    sns.barplot(tidy, x="score", y="value", hue="source", ax=axes)
    for bars, hatch in zip(axes.containers, ["", "//", "..", "xx", "\\\\", "--"], strict=False):
        for bar in bars:
            bar.set_hatch(hatch)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel="score", ylabel="share of essays", title=title)
    handles, labels = axes.get_legend_handles_labels()
    axes.get_legend().remove()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    return figure


def training_curve(log: pd.DataFrame, title: str) -> plt.Figure:
    """Loss by step and, where judged, agreement with the dev scores; the best one is marked."""
    judged = "dev_qwk" in log
    figure, axes = plt.subplots(1, 1 + judged, figsize=(WIDTH, 2.6), squeeze=False)
    sns.lineplot(log.dropna(subset="loss"), x="step", y="loss", ax=axes[0, 0])
    axes[0, 0].set(ylabel="training loss", xlabel="training step", ylim=(0, None))
    if judged:
        dev = log.dropna(subset="dev_qwk")
        best = dev.loc[dev["dev_qwk"].idxmax()]
        sns.lineplot(dev, x="step", y="dev_qwk", marker="o", ax=axes[0, 1])
        axes[0, 1].plot(best["step"], best["dev_qwk"], "*", markersize=14, color="black")
        axes[0, 1].set(ylabel="QWK on dev (star: kept)", xlabel="training step")
    figure.suptitle(title)
    figure.tight_layout()
    return figure


def live_training_curve(title: str) -> Callable[[pd.DataFrame], None]:
    """Draws the training curve anew, in one place, each time it is given the log so far."""
    handle = None

    def draw(log: pd.DataFrame) -> None:
        nonlocal handle
        best = log["dev_qwk"].max()
        alt = f"Training loss and QWK on dev by step; the best QWK on dev is {best:.3f}."
        handle = redrawable(training_curve(log, title), alt, over=handle)

    return draw


def budget_curve(points: pd.DataFrame, title: str) -> plt.Figure:
    """QWK by the number of hand-scored essays, with 95 % intervals, one panel a Student.

    Parameters
    ----------
    points : rows with `student, arm, teacher, n_human, qwk, low, high`; a row of the full arm is
        drawn as a line at its own number of labels.
    """
    students = list(points["student"].unique())
    figure, axes = plt.subplots(
        1, len(students), figsize=(WIDTH, 3.6), sharey=True, squeeze=False, layout="constrained"
    )
    colours = sns.color_palette("colorblind")[1:2] + sns.color_palette("colorblind")[3:]
    lines = points.drop_duplicates(["arm", "teacher"])[["arm", "teacher"]]
    cyborgs = [t for a, t in lines.itertuples(index=False) if a == "cyborg"]
    for panel, student in zip(axes[0], students, strict=True):
        mine = points[points["student"] == student]
        for i, (arm, teacher) in enumerate(lines.itertuples(index=False)):
            by_teacher = mine["teacher"] == teacher if arm == "cyborg" else True
            line = mine[(mine["arm"] == arm) & by_teacher].sort_values("n_human")
            panel.errorbar(
                line["n_human"] * 1.04 ** (i - len(lines) / 2),
                line["qwk"],
                [line["qwk"] - line["low"], line["high"] - line["qwk"]],
                marker=MARKERS[arm],
                linestyle="--" if arm == "human" else "-",
                color=colours[cyborgs.index(teacher)] if arm == "cyborg" else COLOURS[arm],
                capsize=3,
                label=f"{ARMS[arm]} by {teacher}" if arm == "cyborg" else ARMS[arm],
            )
        full = mine[mine["arm"] == "full"]
        if len(full):
            panel.axhspan(
                full["low"].iloc[0], full["high"].iloc[0], color=COLOURS["full"], alpha=0.12
            )
        panel.set_xscale("log")
        ticks = sorted(mine["n_human"].unique())
        panel.set_xticks(ticks, [f"{t:,.0f}" for t in ticks], rotation=45)
        panel.xaxis.set_minor_locator(plt.NullLocator())
        panel.set(xlabel="hand-scored train essays", title=student)
    axes[0, 0].set_ylabel("QWK on test (95 % interval)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4))
    figure.suptitle(title)
    return figure


def reliability_diagram(bins: pd.DataFrame, title: str) -> plt.Figure:
    """How often a label is right against the probability that it is given with, by bin.

    Parameters
    ----------
    bins : rows with `confidence, accuracy, essays`.
    """
    figure, axes = plt.subplots(figsize=(WIDTH / 2, 3.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    axes.plot(bins["confidence"], bins["accuracy"], marker="o")
    axes.set(xlabel="probability of the label", ylabel="share that is the human score")
    axes.set(xlim=(0, 1), ylim=(0, 1), title=title)
    return figure


def trade_off(table: pd.DataFrame, methods: dict[str, str], title: str) -> plt.Figure:
    """QWK against the largest |SMD| over groups: a colour a series, a marker a method.

    Parameters
    ----------
    table : rows with `series, method, qwk, largest`.
    methods : what each method is called, in the order of the legend.
    """
    shown = table.assign(method=table["method"].map(methods))
    figure, axes = plt.subplots(figsize=(WIDTH, 4), layout="constrained")
    for bound in (0.05, 0.10):
        axes.axvline(bound, color="grey", linewidth=1, linestyle="--")
    sns.lineplot(
        shown, x="largest", y="qwk", hue="series", sort=False, estimator=None, linewidth=0.8,
        alpha=0.5, legend=False, ax=axes,
    )  # fmt: skip
    sns.scatterplot(
        shown, x="largest", y="qwk", hue="series", style="method", style_order=methods.values(),
        s=70, ax=axes,
    )  # fmt: skip
    axes.set(xlabel="largest |SMD| over groups (dashed: 0.05 and 0.10)", ylabel="QWK on test")
    axes.set(xlim=(0, None), title=title)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    return figure


def bias_forest(
    report: pd.DataFrame, conditional: pd.DataFrame, bound: float, title: str
) -> plt.Figure:
    """SMD of every group of an attribute, and beside it the bias at equal human score.

    Parameters
    ----------
    report : rows with `level, n, series, smd, smd_low, smd_high`; one attribute.
    conditional : rows with `series, level, reference, smallest, largest`; may be empty.
    """
    levels = report.drop_duplicates("level")[["level", "n"]]
    series = list(report["series"].unique())
    step = 0.8 / len(series)
    places = {level: -i for i, level in enumerate(levels["level"])}
    height = 1.6 + len(levels) * max(0.45, 0.17 * len(series)) + 0.2 * ((len(series) + 1) // 2)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(WIDTH, height), sharey=True, width_ratios=[3, 2], layout="constrained"
    )
    left.axvspan(-bound, bound, color="grey", alpha=0.15)
    palette = sns.color_palette("colorblind", max(len(series), 1))
    shapes = ["s", "o", "D", "^", "v", "P", "X", "*"]
    for i, name in enumerate(series):
        look = {"color": palette[i], "marker": shapes[i % len(shapes)]}
        shift = ((len(series) - 1) / 2 - i) * step
        mine = report[report["series"] == name].dropna(subset="smd")
        left.errorbar(
            mine["smd"],
            mine["level"].map(places).astype(float) + shift,
            xerr=[mine["smd"] - mine["smd_low"], mine["smd_high"] - mine["smd"]],
            linestyle="none",
            markersize=5,
            label=name,
            **look,
        )
        band = conditional[(conditional["series"] == name) & conditional["level"].isin(places)]
        y = band["level"].map(places).astype(float) + shift
        right.hlines(y, band["smallest"], band["largest"], color=look["color"], linewidth=3)
        right.plot(
            (band["smallest"] + band["largest"]) / 2, y, linestyle="none", markersize=4, **look
        )
    for axes in (left, right):
        axes.axvline(0, color="grey", linewidth=1)
        axes.yaxis.grid(False)
        for edge in range(1, len(levels)):
            axes.axhline(0.5 - edge, color="lightgrey", linewidth=1)
    names = [f"{_short(r.level, 34)}\n(n = {r.n:,})" for r in levels.itertuples()]
    left.set_yticks(list(places.values()), names)
    left.set_ylim(0.5 - len(levels), 0.5)
    left.set_xlabel(f"SMD with 90 % interval\n(grey: within ±{bound:g})")
    if len(conditional):
        reference = _short(conditional["reference"].iloc[0], 28)
        told = f"at equal human score, in score points,\nagainst {reference}"
    else:
        told = "at equal human score:\nnothing to compare with"
    right.set_xlabel(told)
    figure.suptitle(title)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize="small")
    return figure


def differences(table: pd.DataFrame, title: str, unit: str) -> plt.Figure:
    """Differences with their 95 % intervals, a row each, a colour a group of rows.

    Parameters
    ----------
    table : rows with `name, of, difference, low, high`; rows of one `of` share a colour.
    """
    groups = list(table["of"].unique())
    palette = sns.color_palette("colorblind", max(len(groups), 1))
    figure, axes = plt.subplots(
        figsize=(WIDTH, 1.2 + 0.32 * len(table) + 0.2 * len(groups)), layout="constrained"
    )
    axes.axvline(0, color="grey", linewidth=1)
    y = -np.arange(len(table))
    for group, colour in zip(groups, palette, strict=True):
        mine = (table["of"] == group).to_numpy()
        rows = table[mine]
        axes.errorbar(
            rows["difference"], y[mine],
            xerr=[rows["difference"] - rows["low"], rows["high"] - rows["difference"]],
            linestyle="none", marker="o", color=colour, label=group,
        )  # fmt: skip
    axes.set_yticks(y, [_short(name, 46) for name in table["name"]])
    axes.yaxis.grid(False)
    axes.set(xlabel=f"{unit} (95 % interval)", title=title)
    if len(groups) > 1:
        figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    return figure


def shares_by_group(shares: pd.DataFrame, title: str) -> plt.Figure:
    """Share of essays at each score, a panel a group; people are the black line.

    Parameters
    ----------
    shares : rows with `level, n, source` ("human" or a series), `score, share`.
    """
    levels = shares.drop_duplicates("level")[["level", "n"]]
    names = {r.level: f"{_short(r.level, 26)}\n(n = {r.n:,})" for r in levels.itertuples()}
    machines = [source for source in shares["source"].unique() if source != "human"]
    palette = dict(zip(machines, sns.color_palette("colorblind", len(machines)), strict=True))
    step = np.diff(np.sort(shares["score"].unique())).min() if shares["score"].nunique() > 1 else 1
    gaps = shares.groupby(["level", "source"], sort=False)["score"].diff() > 1.5 * step
    grid = sns.relplot(
        shares.assign(panel=shares["level"].map(names), part=gaps.cumsum()),
        x="score", y="share", hue="source", style="source", col="panel", kind="line",
        units="part", estimator=None,  # a line ends where a share is not shown
        col_wrap=min(3, len(levels)), height=2.1, aspect=WIDTH / 2.1 / 3,
        palette=palette | {"human": "black"}, markers=True, dashes=False, markersize=5,
    )  # fmt: skip
    for axes in grid.axes.flat:
        for line in axes.lines:
            if same_color(line.get_color(), "black"):
                line.set_linewidth(2.5)
        axes.xaxis.set_major_locator(MultipleLocator(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    grid.set_titles("{col_name}", size="small").set_axis_labels("score", "share of essays")
    grid.figure.suptitle(title, y=1.05)
    sns.move_legend(grid, "upper center", bbox_to_anchor=(0.5, 0), ncols=2, title=None)
    return grid.figure


# Behind the first word of a verdict; the word says it too.
VERDICT_COLOURS = {"within": "#d9f0e3", "too low": "#fbd9c0", "too high": "#f6cfe4"}


def verdicts(matrix: pd.DataFrame, caption: str) -> None:
    """Show a table of verdicts, a colour behind each word that says within or outside."""

    def background(cell) -> str:
        for word, colour in VERDICT_COLOURS.items():
            if str(cell).startswith(word):
                return f"background-color: {colour}; color: black"
        return ""

    series = [c for c in matrix if c not in ("group", "n")]
    table(matrix, caption, lambda style: style.map(background, subset=series))


def length_by_score(lengths: pd.Series, scores: pd.Series) -> plt.Figure:
    """Words of an essay by its human score."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.8))
    order = [f"{v:g}" for v in sorted(scores.unique())]
    sns.boxplot(x=scores.map("{:g}".format), y=lengths, order=order, fliersize=2, ax=axes,
                color=sns.color_palette("colorblind")[0])  # fmt: skip
    axes.set(xlabel="human score", ylabel="words", title="Longer essays score higher")
    return figure


def reliability(expected: np.ndarray, human: np.ndarray, title: str) -> plt.Figure:
    """Mean human score against the machine's expected score, in tenths of the essays."""
    bins = pd.qcut(pd.Series(expected).rank(method="first"), 10, labels=False)
    means = pd.DataFrame({"expected": expected, "human": human}).groupby(bins).mean()
    figure, axes = plt.subplots(figsize=(4.2, 3.6))
    low, high = means.to_numpy().min(), means.to_numpy().max()
    axes.plot([low, high], [low, high], color="grey", linestyle="--", label="calibrated")
    axes.plot(means["expected"], means["human"], marker="o", label="tenths of the essays")
    axes.set(xlabel="machine's expected score", ylabel="mean human score", title=title)
    axes.xaxis.set_major_locator(MultipleLocator(1))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.legend()
    return figure
