"""Figures of the opening tutorial, notebook 00, each with its alt text, and their sliders."""

from __future__ import annotations

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.ticker import MultipleLocator, PercentFormatter

from cyborg_utils.reporting import figures
from cyborg_utils.statistics.agreement import agreement_rates, correlation, quadratic_weighted_kappa
from cyborg_utils.teaching.concepts import (
    LABELS,
    counts_at,
    smd_counts,
    squeezed_scores,
    teacher_probabilities,
    two_machines,
)

NAMES = {
    "Teacher": "the Teacher",
    "cyborg": "Student, cyborg data",
    "human": "Student, human labels",
}
NO_KERNEL = "The sliders work in a running notebook."


def sliders(draw, figure, **controls) -> None:
    """Show sliders that redraw a figure in its place.

    A report has no kernel: it shows one sentence instead.

    Parameters
    ----------
    draw : callable
        Takes the values of the sliders by name; returns a figure and its alt text.
    figure : what `figures.redrawable` returned for the figure.
    **controls : ipywidgets
    """

    def redraw(_change) -> None:
        values = {name: control.value for name, control in controls.items()}
        figures.redrawable(*draw(**values), over=figure)

    for control in controls.values():
        control.continuous_update = False
        control.style.description_width = "16em"
        control.layout.width = "36em"
        control.observe(redraw, "value")
    box = widgets.VBox(list(controls.values()))
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    mime = "application/vnd.jupyter.widget-view+json"
    fallback = {"text/html": f"<p><em>{NO_KERNEL}</em></p>", "text/plain": NO_KERNEL}
    display({mime: view, **fallback}, raw=True)


def label_figure(center: float = 3.4, uncertainty: float = 0.7, share: int = 10):
    """Draw a Teacher's probabilities with the label taken from them, and the composition of X_U.

    Parameters
    ----------
    center, uncertainty : float
        As in `concepts.teacher_probabilities`.
    share : int
        Percent of the train essays with human scores.

    Returns
    -------
    figure, alt : Figure, str
    """
    probabilities = teacher_probabilities(center, uncertainty)
    label = LABELS[probabilities.argmax()]
    second = LABELS[probabilities.argsort()[-2]]
    first_p, second_p = np.sort(probabilities)[[-1, -2]]
    figure, (left, right) = _panels(width_ratios=[3, 2])
    colors = [figures.COLORS["cyborg"] if s == label else "lightgrey" for s in LABELS]
    bars = left.bar(LABELS, probabilities, color=colors, edgecolor="black", linewidth=0.6)
    left.bar_label(bars, [f"{c:.0%}" for c in probabilities], fontsize="small", padding=2)
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.set(xlabel="score (points)", ylabel="Teacher's probability", ylim=(0, 1.08))
    left.set_title(f"One simulated essay: the label is {label}")
    for i in range(100):
        human = i < share
        right.add_patch(
            plt.Rectangle(
                (i % 10, 9 - i // 10), 0.86, 0.86,
                facecolor=figures.COLORS["human" if human else "cyborg"],
                hatch="" if human else "///", edgecolor="white", linewidth=0,
            )
        )  # fmt: skip
    right.set(xlim=(-0.2, 10.1), ylim=(-0.2, 10.1), aspect="equal", xticks=[], yticks=[])
    right.set_xlabel("one square: 1 % of the train essays")
    title = f"$X_U$: {share} % by hand (plain),\n{100 - share} % by the Teacher (hatched)"
    right.set_title(title, parse_math=True)
    right.spines[:].set_visible(False)
    figure.suptitle(f"The label {label} omits that {second} had a probability of {second_p:.0%}")
    alt = (
        "Left, bars of a simulated Teacher's probabilities for one essay: "
        f"{_listed(probabilities)}; the label is {label}, at {first_p:.0%}. Right, 100 squares for "
        f"the train essays: {share} scored by hand, {100 - share} by the Teacher."
    )
    return figure, alt


def qwk_figure(miss: int = 2, shrinkage: float = 0.4, shift: float = 0.0, seed: int = 1):
    """Draw two machines with equal exact agreement, and QWK of shrunken and shifted scores.

    Parameters
    ----------
    miss : int
        Error of machine B in score points, 1 to 3.
    shrinkage, shift : float
        As in `concepts.squeezed_scores`.
    seed : int

    Returns
    -------
    figure, alt : Figure, str
    """
    frame = two_machines(miss=miss, seed=seed)
    figure, (left, right) = _panels()
    distances, qwk = np.arange(4), {}
    styles = zip(("a", "b"), ("human", "cyborg"), ("", "//"), (-0.2, 0.2), strict=True)
    for name, color, hatch, offset in styles:
        exact = agreement_rates(frame["human"], frame[name])["exact"]
        qwk[name] = quadratic_weighted_kappa(frame["human"], frame[name], LABELS)
        proportions = [(abs(frame[name] - frame["human"]) == d).mean() for d in distances]
        left.bar(
            distances + offset, proportions, 0.4, label=f"{name.upper()}: QWK {qwk[name]:.2f}",
            color=figures.COLORS[color], hatch=hatch, edgecolor="white",
        )  # fmt: skip
    left.set_xticks(distances, [f"{d}\nweight {d * d}" for d in distances])
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.set(xlabel="error (score points) and its weight", ylabel="proportion of simulated essays")
    left.set_title(f"Exact agreement {exact:.0%} for both")
    left.legend()

    grid = np.linspace(0, 0.9, 46)
    pairs = [squeezed_scores(x, shift, seed=seed) for x in grid]
    kappas = [quadratic_weighted_kappa(h, m, LABELS) for h, m in pairs]
    correlations = [correlation(h, m) for h, m in pairs]
    h, m = squeezed_scores(shrinkage, shift, seed=seed)
    kappa, order = quadratic_weighted_kappa(h, m, LABELS), correlation(h, m)
    right.plot(grid, correlations, color="grey", linestyle="--", label="correlation")
    right.plot(grid, kappas, color=figures.COLORS["cyborg"], label="QWK")
    right.plot(shrinkage, kappa, "o", color="black")
    right.annotate(f"{kappa:.2f}", (shrinkage, kappa), (-6, -6), textcoords="offset points",
                   ha="right", va="top")  # fmt: skip
    right.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.set(xlabel="shrinkage to the mean score (%)", ylabel="QWK, correlation", ylim=(0, 1.05))
    right.set_title(f"Shrunken by {shrinkage:.0%}, shifted by {shift:+.1f}")
    right.legend(loc="lower left")
    figure.suptitle(
        f"Equal exact agreement: QWK {qwk['a']:.2f} and {qwk['b']:.2f}. "
        f"The same order, reduced variance: {kappa:.2f}"
    )
    alt = (
        f"Simulated essays. Left, two machines with exact agreement {exact:.0%}: A errs by 1 "
        f"point and has QWK {qwk['a']:.2f}, B errs by {miss} and has {qwk['b']:.2f}. Right, QWK by "
        f"shrinkage of the scores, shifted by {shift:+.1f}: from {kappas[0]:.2f} without "
        f"to {kappas[-1]:.2f} at {grid[-1]:.0%}; at {shrinkage:.0%} it is {kappa:.2f}, where the "
        f"correlation is {f'{order:.2f}' if np.isfinite(order) else 'undefined'}."
    )
    return figure, alt


def smd_figure(smd: float = -0.1, noise: float = 0.4, cut: int = 4, seed: int = 1):
    """Draw how many essays of 1,000 get a score other than the human score, by SMD.

    Parameters
    ----------
    smd : float
        The SMD at which the counts are marked, from -0.5 to 0.5.
    noise, cut, seed
        As in `concepts.smd_counts`.

    Returns
    -------
    figure, alt : Figure, str
    """
    counts = smd_counts(noise, cut, seed)
    marked = counts_at(counts, smd)
    figure, (left, right) = _panels()
    for name, color, style in (("lower", "cyborg", "-"), ("higher", "human", "--")):
        left.plot(counts["smd"], counts[name], color=figures.COLORS[color], linestyle=style,
                  label=f"{name} than human: {marked[name]:.0f}")  # fmt: skip
        left.plot(smd, marked[name], "o", color="black", markersize=5)
    left.set(ylabel="of 1,000 simulated essays", ylim=(0, 700))
    left.set_title("Scored lower, scored higher")
    fails = marked["machine_fails"] - marked["people_fail"]
    right.plot(counts["smd"], counts["machine_fails"], color=figures.COLORS["cyborg"],
               label=f"machine: {marked['machine_fails']:.0f}")  # fmt: skip
    right.plot(counts["smd"], counts["people_fail"], color=figures.COLORS["human"], linestyle="--",
               label=f"human: {marked['people_fail']:.0f}")  # fmt: skip
    right.plot(smd, marked["machine_fails"], "o", color="black", markersize=5)
    right.set(ylabel="of 1,000 simulated essays", ylim=(0, None))
    right.set_title(f"Below the cut score of {cut}")
    for axes in (left, right):
        axes.axvspan(-0.1, 0.1, color="grey", alpha=0.15)
        axes.set(xlabel="SMD (gray: within ±0.1)", xlim=(-0.52, 0.52))
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        axes.legend(fontsize="small", loc="upper center" if axes is left else "best")
    figure.suptitle(
        f"SMD {smd:+.2f}: {marked['lower']:.0f} of 1,000 lower, {marked['higher']:.0f} higher, "
        f"{abs(fails):.0f} {'more' if fails >= 0 else 'fewer'} below {cut}"
    )
    alt = (
        f"Simulated essays, counts of 1,000 against the SMD. At SMD {smd:+.2f} the machine scores "
        f"{marked['lower']:.0f} lower and {marked['higher']:.0f} higher than human raters. Below "
        f"a cut score of {cut} are {marked['people_fail']:.0f} by human scores and "
        f"{marked['machine_fails']:.0f} by machine scores."
    )
    return figure, alt


def inheritance_figure(runs: pd.DataFrame):
    """Draw Students' bias by their Teacher's bias, and by the number of labels.

    Parameters
    ----------
    runs : pandas.DataFrame
        From `concepts.inherited_bias`.

    Returns
    -------
    figure, alt : Figure, str
    """
    figure, (left, right) = _panels(height=3.9)
    by_draw = runs.pivot(index="draw", columns=["labels", "essays"], values="smd")
    teacher = by_draw["Teacher"].iloc[:, 0]
    sizes, most, draws = by_draw["human"].columns, runs["essays"].max(), len(by_draw)
    ends, correlations = {}, {}
    for i, labels in enumerate(("human", "cyborg")):
        style = {"marker": figures.MARKERS[labels], "color": figures.COLORS[labels]}
        students = by_draw[labels]
        ends[labels] = students[most].mean()
        correlations[labels] = correlation(teacher, students[most])
        left.plot(teacher, students[most], linestyle="none", markersize=5, **style)
        low, high = students.quantile(0.05), students.quantile(0.95)
        right.errorbar(
            students.columns * 1.04 ** (2 * i - 1), students.mean(),
            [students.mean() - low, high - students.mean()],
            linestyle="--" if labels == "human" else "-", capsize=3, label=NAMES[labels],
            **style,
        )  # fmt: skip
    ends["Teacher"] = teacher.mean()
    limits = teacher.min(), teacher.max()
    left.plot(limits, limits, color="black", linewidth=1, linestyle=":")
    left.set(xlabel="SMD of the Teacher (dotted: the same)", ylabel="SMD of the Student")
    left.set_title(f"{draws} simulated draws, {most:,} labels each")
    right.axhline(teacher.mean(), color="black", linestyle=":", label=NAMES["Teacher"])
    right.set_xscale("log")
    right.set_xticks(sizes, [f"{size:,}" for size in sizes])
    right.xaxis.set_minor_locator(plt.NullLocator())
    right.set(xlabel="train essays with a label", ylabel="SMD")
    right.set_title("Mean and middle 90 % of draws")
    for axes in (left, right):
        axes.axhspan(-0.1, 0.1, color="grey", alpha=0.15, zorder=0)
    handles, names = right.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize="small")
    figure.suptitle(
        f"SMD of the subgroup: Teacher {ends['Teacher']:+.2f}, its Student {ends['cyborg']:+.2f}, "
        f"Student on human labels {ends['human']:+.2f}"
    )
    alt = (
        "Simulated, SMD of the subgroup on the test set. The Teacher's mean is "
        f"{ends['Teacher']:+.2f}. Left, each draw's Student by its Teacher at {most:,} labels: the "
        f"correlation is {correlations['cyborg']:.2f} on cyborg data and "
        f"{correlations['human']:.2f} on human labels. Right, from {sizes[0]:,} to {most:,} labels "
        "the Student's mean goes from "
        f"{by_draw['cyborg'].iloc[:, 0].mean():+.2f} to {ends['cyborg']:+.2f} on cyborg data and "
        f"from {by_draw['human'].iloc[:, 0].mean():+.2f} to {ends['human']:+.2f} on human "
        "labels. The gray band is within 0.1."
    )
    return figure, alt


def _panels(width_ratios=(1, 1), height: float = 3.4):
    return plt.subplots(
        1, 2, figsize=(figures.WIDTH, height), width_ratios=width_ratios, layout="constrained"
    )


def _listed(probabilities: np.ndarray) -> str:
    return ", ".join(f"{s} at {c:.0%}" for s, c in zip(LABELS, probabilities, strict=True))
