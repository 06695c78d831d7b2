"""Every figure of the study (seaborn), each with alt text, and the tables beside them."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import HTML, Image, display
from matplotlib.ticker import MultipleLocator, PercentFormatter, ScalarFormatter

ARMS = {"human": "human labels only", "cyborg": "cyborg data", "full": "all human labels"}
COLOURS = dict(zip(("human", "cyborg", "full"), sns.color_palette("colorblind")[:3], strict=True))
MARKERS = {"human": "s", "cyborg": "o", "full": "D"}
WIDTH = 7.6

sns.set_theme(style="whitegrid", context="notebook", palette="colorblind", font_scale=0.85)


def show(figure: plt.Figure, alt: str, save: Path | None = None) -> None:
    """Show a figure with its alt text, and save it as PNG where a path is given."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight")
    plt.close(figure)
    if save is not None:
        save.parent.mkdir(parents=True, exist_ok=True)
        save.write_bytes(buffer.getvalue())
    width = int.from_bytes(buffer.getvalue()[16:20], "big") // 2
    display(Image(buffer.getvalue(), alt=alt, width=width))


def table(frame: pd.DataFrame, caption: str, digits: int = 3) -> None:
    """Show a frame as a table with a caption; text is escaped, missing values are a dash."""
    style = frame.style.hide(axis="index").set_caption(caption)
    style = style.format(precision=digits, na_rep="–", escape="html")
    for column in frame.select_dtypes(exclude="number"):
        longest = frame[column].astype(str).str.len().max()
        width = {"min-width": "16rem"} if longest > 30 else {"white-space": "nowrap"}
        style = style.set_properties(subset=[column], **{"text-align": "left", **width})
    whole = [c for c in frame if pd.api.types.is_integer_dtype(frame[c])]
    display(HTML(style.format("{:,}", subset=whole).to_html(table_attributes='role="table"')))


def score_distribution(shares: pd.DataFrame, title: str) -> plt.Figure:
    """Share of essays at each score point; `shares` is indexed by score, a column a source."""
    tidy = shares.rename_axis("score").reset_index().melt("score", var_name="source")
    tidy["score"] = tidy["score"].map("{:g}".format)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    sns.barplot(tidy, x="score", y="value", hue="source", ax=axes)
    for bars, hatch in zip(axes.containers, ["", "//", "..", "xx", "\\\\", "--"], strict=False):
        for bar in bars:
            bar.set_hatch(hatch)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel="score", ylabel="share of essays", title=title)
    axes.legend(title=None, loc="upper right")
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


def smd_forest(report: pd.DataFrame, bound: float, title: str) -> plt.Figure:
    """SMD of every group with its 90 % interval and the bounds drawn, the arms side by side.

    Parameters
    ----------
    report : rows with `attribute, level, n, arm, smd, smd_low, smd_high`.
    """
    rows = report.drop_duplicates(["attribute", "level"])[["attribute", "level", "n"]]
    names = [f"{r.attribute}: {r.level} (n = {r.n:,})" for r in rows.itertuples()]
    places = {(r.attribute, r.level): -i for i, r in enumerate(rows.itertuples())}
    series = list(report["series"].unique())
    figure, axes = plt.subplots(figsize=(WIDTH, 1.4 + 0.5 * len(rows)), layout="constrained")
    axes.axvspan(-bound, bound, color="grey", alpha=0.15)
    axes.axvline(0, color="grey", linewidth=1)
    palette = sns.color_palette("colorblind")
    shapes = ["s", "o", "D", "^", "v", "P"]
    for i, name in enumerate(series):
        mine = report[report["series"] == name].dropna(subset="smd")
        height = [places[key] - (i - (len(series) - 1) / 2) * 0.22
                  for key in zip(mine["attribute"], mine["level"], strict=True)]  # fmt: skip
        axes.errorbar(
            mine["smd"],
            height,
            xerr=[mine["smd"] - mine["smd_low"], mine["smd_high"] - mine["smd"]],
            fmt=shapes[i % len(shapes)],
            color=palette[i % len(palette)],
            markersize=5,
            label=name,
        )
    axes.set_yticks(list(places.values()), names)
    axes.yaxis.grid(False)
    starts = rows["attribute"].ne(rows["attribute"].shift()).to_numpy().nonzero()[0][1:]
    for start in starts:
        axes.axhline(0.5 - start, color="lightgrey", linewidth=1)
    axes.set(xlabel="SMD, machine - human (90 % interval; grey: within the bound)", title=title)
    axes.legend(loc="best", fontsize="small")
    return figure


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
