"""Simulations and figures of the opening lesson, notebook 00: everything here is made up."""

from __future__ import annotations

from typing import NamedTuple

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.ticker import MultipleLocator, PercentFormatter
from scipy import stats
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from cyborg_utils import plots
from cyborg_utils.agreement import agreement_rates, correlation, quadratic_weighted_kappa
from cyborg_utils.fairness import standardized_mean_difference
from cyborg_utils.scale import round_to_scale

LABELS = np.arange(1, 7)
CENTRE, RATER_NOISE = 3.2, 0.4  # in score points
SIZES = (100, 300, 1000, 3000)  # train essays of the last simulation
ELSEWHERE = 500  # essays that the Teacher has read before, none by the group
GROUP_SHARE, STYLE_SLOPE, STYLE_NOISE = 0.15, -0.7, 0.5
FEATURES, HINTS = 20, 40
TEACHER_CLARITY, STUDENT_CLARITY, HINT_CLARITY = 0.45, 0.3, 1.0
PENALTY = 30.0
NAMES = {
    "Teacher": "the Teacher",
    "cyborg": "Student, cyborg data",
    "human": "Student, labels by people",
}
NO_KERNEL = "The sliders work in a running notebook."


def sliders(draw, figure, **controls) -> None:
    """Show sliders that redraw a figure in its place.

    A report has no kernel: it shows one sentence instead.

    Parameters
    ----------
    draw : callable
        Takes the values of the sliders by name; gives a figure and its alt text.
    figure : what `plots.show` returned for the figure.
    **controls : ipywidgets
    """

    def redraw(_change) -> None:
        values = {name: control.value for name, control in controls.items()}
        plots.show(*draw(**values), over=figure)

    for control in controls.values():
        control.continuous_update = False
        control.style.description_width = "16em"
        control.layout.width = "36em"
        control.observe(redraw, "value")
    box = widgets.VBox(list(controls.values()))
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    mime = "application/vnd.jupyter.widget-view+json"
    told = {"text/html": f"<p><em>{NO_KERNEL}</em></p>", "text/plain": NO_KERNEL}
    display({mime: view, **told}, raw=True)


# ---------------------------------------------------------------- 1: labels


def teacher_probabilities(lean: float, doubt: float) -> np.ndarray:
    """Give a made-up Teacher's probabilities of the scores for one essay.

    Parameters
    ----------
    lean : float
        The score that the Teacher leans to, between two scores of the scale or on one.
    doubt : float
        Above zero, in score points: how widely the probabilities spread.

    Returns
    -------
    ndarray, shape (6,)
        Sums to 1.
    """
    odds = np.exp(-0.5 * ((LABELS - lean) / doubt) ** 2)
    return odds / odds.sum()


def label_figure(lean: float = 3.4, doubt: float = 0.7, share: int = 10):
    """Draw what a label keeps of the Teacher's answer, and what X_U is made of.

    Parameters
    ----------
    lean, doubt : float
        As in `teacher_probabilities`.
    share : int
        Percent of the train essays that people score.

    Returns
    -------
    figure, alt : Figure, str
    """
    chances = teacher_probabilities(lean, doubt)
    label = LABELS[chances.argmax()]
    second = LABELS[chances.argsort()[-2]]
    kept, lost = chances.max(), np.sort(chances)[-2]
    figure, (left, right) = _panels(width_ratios=[3, 2])
    colours = [plots.COLOURS["cyborg"] if s == label else "lightgrey" for s in LABELS]
    bars = left.bar(LABELS, chances, color=colours, edgecolor="black", linewidth=0.6)
    left.bar_label(bars, [f"{c:.0%}" for c in chances], fontsize="small", padding=2)
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.set(xlabel="score (points)", ylabel="Teacher's probability", ylim=(0, 1.08))
    left.set_title(f"One made-up essay: the label keeps {label}")
    for i in range(100):
        human = i < share
        right.add_patch(
            plt.Rectangle(
                (i % 10, 9 - i // 10), 0.86, 0.86,
                facecolor=plots.COLOURS["human" if human else "cyborg"],
                hatch="" if human else "///", edgecolor="white", linewidth=0,
            )
        )  # fmt: skip
    right.set(xlim=(-0.2, 10.1), ylim=(-0.2, 10.1), aspect="equal", xticks=[], yticks=[])
    right.set_xlabel("one square: 1 % of the train essays")
    right.set_title(f"$X_U$: {share} % by hand (plain),\n{100 - share} % by the Teacher (hatched)")
    right.spines[:].set_visible(False)
    figure.suptitle(f"A label of {label} does not say that {second} was {lost:.0%} likely")
    alt = (
        f"Left, bars of a made-up Teacher's probabilities for one essay: {_listed(chances)}; "
        f"the label is {label}, at {kept:.0%}. Right, 100 squares for the train essays: {share} "
        f"scored by hand, {100 - share} by the Teacher."
    )
    return figure, alt


# ---------------------------------------------------------------- 2: QWK


def two_machines(n: int = 2000, share: float = 0.3, miss: int = 2, seed: int = 1) -> pd.DataFrame:
    """Simulate people's scores and two machines that are wrong on the same essays.

    Parameters
    ----------
    n : int
        Number of essays.
    share : float
        Share of essays that both machines miss.
    miss : int
        By how many points B misses, 1 to 3; A misses by 1.
    seed : int

    Returns
    -------
    pandas.DataFrame
        Columns `human, a, b`, scores from 1 to 6.
    """
    rng = np.random.default_rng(seed)
    human = round_to_scale(CENTRE + rng.standard_normal(n), LABELS)
    wrong = rng.random(n) < share
    up = rng.choice([-1, 1], n)
    frame = pd.DataFrame({"human": human})
    for name, by in (("a", 1), ("b", miss)):
        off = ~np.isin(human + up * by, LABELS)
        frame[name] = human + np.where(off, -up, up) * by * wrong
    return frame


def squeezed_scores(squeeze: float, shift: float, n: int = 2000, seed: int = 1):
    """Simulate a machine that orders essays as people do but squeezes and shifts its scores.

    Parameters
    ----------
    squeeze : float
        From 0 (none) to 1 (every essay gets the mean).
    shift : float
        In score points, added to every score before it is rounded.
    n : int
        Number of essays.
    seed : int

    Returns
    -------
    human, machine : ndarray of int, shape (n,)
    """
    quality = CENTRE + np.random.default_rng(seed).standard_normal(n)
    machine = CENTRE + (1 - squeeze) * (quality - CENTRE) + shift
    return round_to_scale(quality, LABELS), round_to_scale(machine, LABELS)


def qwk_figure(miss: int = 2, squeeze: float = 0.4, shift: float = 0.0, seed: int = 1):
    """Draw two machines of one exact agreement, and QWK of squeezed and shifted scores.

    Parameters
    ----------
    miss : int
        By how many points machine B misses, 1 to 3.
    squeeze, shift : float
        As in `squeezed_scores`.
    seed : int

    Returns
    -------
    figure, alt : Figure, str
    """
    frame = two_machines(miss=miss, seed=seed)
    figure, (left, right) = _panels()
    distances, told = np.arange(4), {}
    looks = zip(("a", "b"), ("human", "cyborg"), ("", "//"), (-0.2, 0.2), strict=True)
    for name, colour, hatch, beside in looks:
        exact = agreement_rates(frame["human"], frame[name])["exact"]
        told[name] = quadratic_weighted_kappa(frame["human"], frame[name], LABELS)
        shares = [(abs(frame[name] - frame["human"]) == d).mean() for d in distances]
        look = {"color": plots.COLOURS[colour], "hatch": hatch, "edgecolor": "white"}
        left.bar(distances + beside, shares, 0.4, label=f"{name.upper()}: QWK {told[name]:.2f}",
                 **look)  # fmt: skip
    left.set_xticks(distances, [f"{d}\nweight {d * d}" for d in distances])
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.set(xlabel="miss (score points) and its weight in QWK", ylabel="share of simulated essays")
    left.set_title(f"Exact agreement {exact:.0%}, twice")
    left.legend()

    at = np.linspace(0, 0.9, 46)
    pairs = [squeezed_scores(x, shift, seed=seed) for x in at]
    kappas = [quadratic_weighted_kappa(h, m, LABELS) for h, m in pairs]
    orders = [correlation(h, m) for h, m in pairs]
    h, m = squeezed_scores(squeeze, shift, seed=seed)
    here, order = quadratic_weighted_kappa(h, m, LABELS), correlation(h, m)
    right.plot(at, orders, color="grey", linestyle="--", label="correlation")
    right.plot(at, kappas, color=plots.COLOURS["cyborg"], label="QWK")
    right.plot(squeeze, here, "o", color="black")
    right.annotate(f"{here:.2f}", (squeeze, here), (-6, -6), textcoords="offset points",
                   ha="right", va="top")  # fmt: skip
    right.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.set(
        xlabel="squeeze towards the mean score (%)", ylabel="QWK, correlation", ylim=(0, 1.05)
    )
    right.set_title(f"Squeezed by {squeeze:.0%}, shifted by {shift:+.1f}")
    right.legend(loc="lower left")
    figure.suptitle(
        f"Right equally often: QWK {told['a']:.2f} and {told['b']:.2f}. "
        f"The same order, squeezed: {here:.2f}"
    )
    alt = (
        f"Simulated essays. Left, two machines with exact agreement {exact:.0%}: A misses by 1 "
        f"and has QWK {told['a']:.2f}, B misses by {miss} and has {told['b']:.2f}. Right, QWK "
        f"against the squeeze of the scores, shifted by {shift:+.1f}: from {kappas[0]:.2f} without "
        f"to {kappas[-1]:.2f} at {at[-1]:.0%}; at {squeeze:.0%} it is {here:.2f}, where the "
        f"correlation is {f'{order:.2f}' if np.isfinite(order) else 'undefined'}."
    )
    return figure, alt


# ---------------------------------------------------------------- 3: SMD


def shifted_scores(shift: float, noise: float, n: int = 20_000, seed: int = 1):
    """Simulate people's scores with an SD of about 1 point, and a machine's with a bias.

    Parameters
    ----------
    shift : float
        The bias in score points, before scores are rounded.
    noise : float
        SD of the machine's own error, in score points.
    n : int
        Number of essays.
    seed : int

    Returns
    -------
    human, machine : ndarray of int, shape (n,)
    """
    quality, error = np.random.default_rng(seed).standard_normal((2, n))
    human = round_to_scale(CENTRE + quality, LABELS)
    return human, round_to_scale(CENTRE + quality + shift + noise * error, LABELS)


def smd_counts(noise: float, cut: int, seed: int = 1) -> pd.DataFrame:
    """Count of 1,000 simulated essays those that a biased machine scores lower, by its SMD.

    Parameters
    ----------
    noise : float
        As in `shifted_scores`.
    cut : int
        The lowest score that passes.
    seed : int

    Returns
    -------
    pandas.DataFrame
        Rows with `smd` (ascending), and of 1,000 essays: `lower`, `higher`, `machine_fails`,
        `people_fail`.
    """
    rows = []
    for shift in np.linspace(-0.8, 0.8, 65):
        human, machine = shifted_scores(shift, noise, seed=seed)
        rows.append(
            {
                "smd": standardized_mean_difference(human, machine),
                "lower": 1000 * (machine < human).mean(),
                "higher": 1000 * (machine > human).mean(),
                "machine_fails": 1000 * (machine < cut).mean(),
                "people_fail": 1000 * (human < cut).mean(),
            }
        )
    return pd.DataFrame(rows)


def counts_at(counts: pd.DataFrame, smd: float) -> pd.Series:
    """Give the counts of `smd_counts` at one SMD, interpolated."""
    values = {c: np.interp(smd, counts["smd"], counts[c]) for c in counts if c != "smd"}
    return pd.Series(values)


def smd_figure(smd: float = -0.1, noise: float = 0.4, cut: int = 4, seed: int = 1):
    """Draw how many essays of 1,000 get another score than people give, by SMD.

    Parameters
    ----------
    smd : float
        Where the counts are read off, from -0.5 to 0.5.
    noise, cut, seed
        As in `smd_counts`.

    Returns
    -------
    figure, alt : Figure, str
    """
    counts = smd_counts(noise, cut, seed)
    here = counts_at(counts, smd)
    figure, (left, right) = _panels()
    for name, colour, style in (("lower", "cyborg", "-"), ("higher", "human", "--")):
        told = f"{name} than people: {here[name]:.0f}"
        look = {"color": plots.COLOURS[colour], "linestyle": style}
        left.plot(counts["smd"], counts[name], label=told, **look)
        left.plot(smd, here[name], "o", color="black", markersize=5)
    left.set(ylabel="of 1,000 simulated essays", ylim=(0, 700))
    left.set_title("Scored lower, scored higher")
    fails = here["machine_fails"] - here["people_fail"]
    right.plot(counts["smd"], counts["machine_fails"], color=plots.COLOURS["cyborg"],
               label=f"machine: {here['machine_fails']:.0f}")  # fmt: skip
    right.plot(counts["smd"], counts["people_fail"], color=plots.COLOURS["human"], linestyle="--",
               label=f"people: {here['people_fail']:.0f}")  # fmt: skip
    right.plot(smd, here["machine_fails"], "o", color="black", markersize=5)
    right.set(ylabel="of 1,000 simulated essays", ylim=(0, None))
    right.set_title(f"Below the cut score of {cut}")
    for axes in (left, right):
        axes.axvspan(-0.1, 0.1, color="grey", alpha=0.15)
        axes.set(xlabel="SMD (grey: within ±0.1)", xlim=(-0.52, 0.52))
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        axes.legend(fontsize="small", loc="upper center" if axes is left else "best")
    figure.suptitle(
        f"SMD {smd:+.2f}: {here['lower']:.0f} of 1,000 lower, {here['higher']:.0f} higher, "
        f"{abs(fails):.0f} {'more' if fails >= 0 else 'fewer'} below {cut}"
    )
    alt = (
        f"Simulated essays, counts of 1,000 against the SMD. At SMD {smd:+.2f} the machine scores "
        f"{here['lower']:.0f} lower and {here['higher']:.0f} higher than people. Below a cut score "
        f"of {cut} fall {here['people_fail']:.0f} by people's scores and "
        f"{here['machine_fails']:.0f} by the machine's."
    )
    return figure, alt


# ---------------------------------------------------------------- 4: inherited bias


class MadeUpEssays(NamedTuple):
    """Essays as numbers; the first column of either view is the style."""

    group: np.ndarray
    human: np.ndarray
    teacher_view: np.ndarray
    student_view: np.ndarray


def made_up_essays(
    n: int, gap: float, rng: np.random.Generator, group_share: float = GROUP_SHARE
) -> MadeUpEssays:
    """Make up essays of two groups that write equally well, and what two machines see of them.

    Quality has the same distribution in both groups. The style gets rarer as quality rises among
    most writers; in the group it is common at every quality. A view is the style, features that
    show the quality, clearer to the Teacher than to the Student, and features that hint at the
    group.

    Parameters
    ----------
    n : int
        Number of essays.
    gap : float
        Mean of the style in the group; 0 among the others.
    rng : numpy.random.Generator
    group_share : float
        Share of writers in the group.

    Returns
    -------
    MadeUpEssays
        `group` (bool), `human` (1 to 6), and the two views, shape (n, 61).
    """
    group = rng.random(n) < group_share
    quality = rng.standard_normal(n)
    human = round_to_scale(CENTRE + quality + RATER_NOISE * rng.standard_normal(n), LABELS)
    style = np.where(group, gap, STYLE_SLOPE * quality) + STYLE_NOISE * rng.standard_normal(n)
    views = []
    for clarity in (TEACHER_CLARITY, STUDENT_CLARITY):
        shown = clarity * quality[:, None] + rng.standard_normal((n, FEATURES))
        hints = HINT_CLARITY * group[:, None] + rng.standard_normal((n, HINTS))
        views.append(np.column_stack([style, shown, hints]))
    return MadeUpEssays(group, human, *views)


@threadpool_limits.wrap(limits=1)  # small matrices: on a busy machine threads only wait
def inherited_bias(
    gap: float = 2.0,
    hand_scored: int = 100,
    student_sees_style: bool = True,
    draws: int = 30,
    seed: int = 1,
) -> pd.DataFrame:
    """Train a Teacher, and Students on cyborg data and on labels by people, by ridge regression.

    The Teacher learns from U and from 500 essays of another programme, none of them by writers of
    the group. Cyborg data are U with people's scores and further essays with the Teacher's.

    Parameters
    ----------
    gap : float
        As in `made_up_essays`.
    hand_scored : int
        Essays in U.
    student_sees_style : bool
        Whether the style is among the Student's features.
    draws : int
        Number of times that all essays are drawn anew.
    seed : int

    Returns
    -------
    pandas.DataFrame
        A row for each draw and model: `draw, labels` ("Teacher", "cyborg", "human"), `essays`
        trained on (a Teacher: in U), and on 3,000 test essays `smd` of the group, the same bias in
        score `points`, `qwk`, and `style_weight` (points of score for one unit of style).
    """
    sizes = [hand_scored, *(s for s in SIZES if s > hand_scored)]
    unseen = slice(0 if student_sees_style else 1, None)
    rows = []
    for draw in range(draws):
        rng = np.random.default_rng((seed, draw))
        train, test = (made_up_essays(SIZES[-1], gap, rng) for _ in range(2))

        def judge(model, view, labels, essays, draw=draw, test=test):
            scores = round_to_scale(model.predict(view), LABELS)
            mine = test.group
            smd = standardized_mean_difference(test.human[mine], scores[mine])
            sees = model.n_features_in_ == test.teacher_view.shape[1]
            rows.append(
                {
                    "draw": draw,
                    "labels": labels,
                    "essays": essays,
                    "smd": smd,
                    "points": (scores - test.human)[mine].mean(),
                    "qwk": quadratic_weighted_kappa(test.human, scores, LABELS),
                    "style_weight": model.coef_[0] if sees else 0.0,
                }
            )

        elsewhere = made_up_essays(ELSEWHERE, gap, rng, group_share=0)
        teacher = Ridge(PENALTY).fit(
            np.vstack([elsewhere.teacher_view, train.teacher_view[:hand_scored]]),
            np.concatenate([elsewhere.human, train.human[:hand_scored]]),
        )
        judge(teacher, test.teacher_view, "Teacher", hand_scored)
        cyborg = round_to_scale(teacher.predict(train.teacher_view), LABELS)
        cyborg[:hand_scored] = train.human[:hand_scored]
        for labels, scores in (("cyborg", cyborg), ("human", train.human)):
            for n in sizes:
                student = Ridge(PENALTY).fit(train.student_view[:n, unseen], scores[:n])
                judge(student, test.student_view[:, unseen], labels, n)
    return pd.DataFrame(rows)


def over_draws(runs: pd.DataFrame, column: str = "smd") -> pd.DataFrame:
    """Average a column of `inherited_bias` over draws, with the 95 % t interval of the mean.

    Parameters
    ----------
    runs : pandas.DataFrame
    column : str

    Returns
    -------
    pandas.DataFrame
        Columns `labels, essays, mean, low, high`.
    """
    found = runs.groupby(["labels", "essays"], sort=False)[column].agg(["mean", "sem", "size"])
    reach = stats.t.ppf(0.975, found["size"] - 1) * found["sem"]
    found = found.assign(low=found["mean"] - reach, high=found["mean"] + reach)
    return found[["mean", "low", "high"]].reset_index()


def inheritance_figure(runs: pd.DataFrame):
    """Draw Students' bias against their Teacher's, and the bias by the number of labels.

    Parameters
    ----------
    runs : pandas.DataFrame
        From `inherited_bias`.

    Returns
    -------
    figure, alt : Figure, str
    """
    figure, (left, right) = _panels(height=3.9)
    by_draw = runs.pivot(index="draw", columns=["labels", "essays"], values="smd")
    teacher = by_draw["Teacher"].iloc[:, 0]
    most, draws = runs["essays"].max(), len(by_draw)
    ends, follows = {}, {}
    for i, labels in enumerate(("human", "cyborg")):
        look = {"marker": plots.MARKERS[labels], "color": plots.COLOURS[labels]}
        students = by_draw[labels]
        ends[labels], follows[labels] = students[most].mean(), correlation(teacher, students[most])
        left.plot(teacher, students[most], linestyle="none", markersize=5, **look)
        low, high = students.quantile(0.05), students.quantile(0.95)
        right.errorbar(
            students.columns * 1.04 ** (2 * i - 1), students.mean(),
            [students.mean() - low, high - students.mean()],
            linestyle="--" if labels == "human" else "-", capsize=3, label=NAMES[labels],
            **look,
        )  # fmt: skip
    ends["Teacher"] = teacher.mean()
    reach = [teacher.min(), teacher.max()]
    left.plot(reach, reach, color="black", linewidth=1, linestyle=":")
    left.set(xlabel="SMD of the Teacher (dotted: the same)", ylabel="SMD of the Student")
    left.set_title(f"{draws} simulated draws, {most:,} labels each")
    right.axhline(teacher.mean(), color="black", linestyle=":", label=NAMES["Teacher"])
    right.set_xscale("log")
    sizes = by_draw["human"].columns
    right.set_xticks(sizes, [f"{size:,}" for size in sizes])
    right.xaxis.set_minor_locator(plt.NullLocator())
    right.set(xlabel="train essays with a label", ylabel="SMD (bars: 9 of 10 draws)")
    right.set_title("Mean and spread over draws")
    for axes in (left, right):
        axes.axhspan(-0.1, 0.1, color="grey", alpha=0.15, zorder=0)
    handles, told = right.get_legend_handles_labels()
    figure.legend(handles, told, loc="outside lower center", ncols=3, fontsize="small")
    figure.suptitle(
        f"SMD of the group: Teacher {ends['Teacher']:+.2f}, its Student {ends['cyborg']:+.2f}, "
        f"a Student of people {ends['human']:+.2f}"
    )
    alt = (
        f"Simulated, SMD of the group on test. The Teacher's mean is {ends['Teacher']:+.2f}. "
        f"Left, each draw's Student against its Teacher at {most:,} labels: the correlation is "
        f"{follows['cyborg']:.2f} on cyborg data and {follows['human']:.2f} on labels by people. "
        f"Right, from {sizes[0]:,} to {most:,} labels the Student's mean goes from "
        f"{by_draw['cyborg'].iloc[:, 0].mean():+.2f} to {ends['cyborg']:+.2f} on cyborg data and "
        f"from {by_draw['human'].iloc[:, 0].mean():+.2f} to {ends['human']:+.2f} on labels by "
        f"people. The grey band is within 0.1."
    )
    return figure, alt


def _panels(width_ratios=(1, 1), height: float = 3.4):
    return plt.subplots(
        1, 2, figsize=(plots.WIDTH, height), width_ratios=width_ratios, layout="constrained"
    )


def _listed(chances: np.ndarray) -> str:
    return ", ".join(f"{s} at {c:.0%}" for s, c in zip(LABELS, chances, strict=True))
