"""Simulations of the opening tutorial, notebook 00: all essays and scores here are simulated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from cyborg_utils.statistics.agreement import quadratic_weighted_kappa
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.statistics.standardized_differences import standardized_mean_difference

LABELS = np.arange(1, 7)
CENTER, RATER_NOISE = 3.2, 0.4  # in score points
SIZES = (100, 300, 1000, 3000)  # numbers of train essays in the last simulation
EXTERNAL_ESSAYS = 500  # the Teacher's earlier training essays, none by the subgroup
GROUP_SHARE, STYLE_SLOPE, STYLE_NOISE = 0.15, -0.7, 0.5
FEATURES, HINTS = 20, 40
TEACHER_CLARITY, STUDENT_CLARITY, HINT_CLARITY = 0.45, 0.3, 1.0
PENALTY = 30.0


# ---------------------------------------------------------------- 1: labels


def teacher_probabilities(center: float, uncertainty: float) -> np.ndarray:
    """Simulate a Teacher's probabilities of the scores for one essay.

    Parameters
    ----------
    center : float
        Center of the probabilities on the score scale, in score points.
    uncertainty : float
        The Teacher's uncertainty: SD of the probabilities in score points, above zero.

    Returns
    -------
    ndarray, shape (6,)
        Sums to 1.
    """
    odds = np.exp(-0.5 * ((LABELS - center) / uncertainty) ** 2)
    return odds / odds.sum()


# ---------------------------------------------------------------- 2: QWK


def two_machines(n: int = 2000, share: float = 0.3, miss: int = 2, seed: int = 1) -> pd.DataFrame:
    """Simulate human scores and two machines that are wrong on the same essays.

    Parameters
    ----------
    n : int
        Number of essays.
    share : float
        Proportion of essays that both machines score wrong.
    miss : int
        Error of B in score points, 1 to 3; the error of A is 1.
    seed : int

    Returns
    -------
    pandas.DataFrame
        Columns `human, a, b`, scores from 1 to 6.
    """
    rng = np.random.default_rng(seed)
    human = round_to_scale(CENTER + rng.standard_normal(n), LABELS)
    wrong = rng.random(n) < share
    up = rng.choice([-1, 1], n)
    frame = pd.DataFrame({"human": human})
    for name, by in (("a", 1), ("b", miss)):
        off = ~np.isin(human + up * by, LABELS)
        frame[name] = human + np.where(off, -up, up) * by * wrong
    return frame


def squeezed_scores(shrinkage: float, shift: float, n: int = 2000, seed: int = 1):
    """Simulate a machine that orders essays as human raters do but shrinks and shifts its scores.

    Parameters
    ----------
    shrinkage : float
        Shrinkage to the mean, from 0 (none) to 1 (every essay gets the mean).
    shift : float
        In score points, added to every score before it is rounded.
    n : int
        Number of essays.
    seed : int

    Returns
    -------
    human, machine : ndarray of int, shape (n,)
    """
    quality = CENTER + np.random.default_rng(seed).standard_normal(n)
    machine = CENTER + (1 - shrinkage) * (quality - CENTER) + shift
    return round_to_scale(quality, LABELS), round_to_scale(machine, LABELS)


# ---------------------------------------------------------------- 3: SMD


def shifted_scores(shift: float, noise: float, n: int = 20_000, seed: int = 1):
    """Simulate human scores with an SD of about 1 point, and biased machine scores.

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
    human = round_to_scale(CENTER + quality, LABELS)
    return human, round_to_scale(CENTER + quality + shift + noise * error, LABELS)


def smd_counts(noise: float, cut: int, seed: int = 1) -> pd.DataFrame:
    """Count, per 1,000 simulated essays, those that a biased machine scores differently, by SMD.

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
        Columns `smd` (ascending), and counts per 1,000 essays: `lower` and `higher` than the human
        score; below the cut score by machine (`machine_fails`) and human score (`people_fail`).
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
    """Interpolate the counts of `smd_counts` at one SMD."""
    values = {c: np.interp(smd, counts["smd"], counts[c]) for c in counts if c != "smd"}
    return pd.Series(values)


# ---------------------------------------------------------------- 4: inherited bias


class MadeUpEssays(NamedTuple):
    """Simulated essays as features; the first column of each view is the style."""

    group: np.ndarray
    human: np.ndarray
    teacher_view: np.ndarray
    student_view: np.ndarray


def made_up_essays(
    n: int, gap: float, rng: np.random.Generator, group_share: float = GROUP_SHARE
) -> MadeUpEssays:
    """Simulate essays of two equally able groups, and two machines' features of them.

    Quality has the same distribution in both groups. Among most examinees the style decreases with
    quality; in the subgroup it is high at every level of quality. A view consists of the style,
    indicators of quality (more precise for the Teacher than for the Student), and indicators of the
    subgroup.

    Parameters
    ----------
    n : int
        Number of essays.
    gap : float
        Mean of the style in the subgroup; 0 among the others.
    rng : numpy.random.Generator
    group_share : float
        Proportion of examinees in the subgroup.

    Returns
    -------
    MadeUpEssays
        `group` (bool), `human` (1 to 6), and the two views, shape (n, 61).
    """
    group = rng.random(n) < group_share
    quality = rng.standard_normal(n)
    human = round_to_scale(CENTER + quality + RATER_NOISE * rng.standard_normal(n), LABELS)
    style = np.where(group, gap, STYLE_SLOPE * quality) + STYLE_NOISE * rng.standard_normal(n)
    views = []
    for clarity in (TEACHER_CLARITY, STUDENT_CLARITY):
        indicators = clarity * quality[:, None] + rng.standard_normal((n, FEATURES))
        hints = HINT_CLARITY * group[:, None] + rng.standard_normal((n, HINTS))
        views.append(np.column_stack([style, indicators, hints]))
    return MadeUpEssays(group, human, *views)


@threadpool_limits.wrap(limits=1)  # small matrices: on a busy machine threads only wait
def inherited_bias(
    gap: float = 2.0,
    hand_scored: int = 100,
    student_sees_style: bool = True,
    draws: int = 30,
    seed: int = 1,
) -> pd.DataFrame:
    """Train a Teacher, and Students on cyborg data and on human labels, by ridge regression.

    The Teacher is trained on U and on 500 essays of another testing program, none of them by
    examinees of the subgroup. Cyborg data are U with human scores and further essays with the
    Teacher's.

    Parameters
    ----------
    gap : float
        As in `made_up_essays`.
    hand_scored : int
        Essays in U.
    student_sees_style : bool
        Whether the style is among the Student's features.
    draws : int
        Number of replications, each with new essays.
    seed : int

    Returns
    -------
    pandas.DataFrame
        One row per draw and model: `draw, labels` ("Teacher", "cyborg", "human"), `essays`
        trained on (a Teacher: in U), and on 3,000 test essays `smd` of the subgroup, the same bias
        in score `points`, `qwk`, and `style_weight` (score points per unit of style).
    """
    sizes = [hand_scored, *(s for s in SIZES if s > hand_scored)]
    unseen = slice(0 if student_sees_style else 1, None)
    rows = []
    for draw in range(draws):
        rng = np.random.default_rng((seed, draw))
        train, test = (made_up_essays(SIZES[-1], gap, rng) for _ in range(2))
        external = made_up_essays(EXTERNAL_ESSAYS, gap, rng, group_share=0)
        teacher = Ridge(PENALTY).fit(
            np.vstack([external.teacher_view, train.teacher_view[:hand_scored]]),
            np.concatenate([external.human, train.human[:hand_scored]]),
        )
        of_teacher = _evaluate(teacher, test.teacher_view, test)
        rows.append({"draw": draw, "labels": "Teacher", "essays": hand_scored, **of_teacher})
        cyborg = round_to_scale(teacher.predict(train.teacher_view), LABELS)
        cyborg[:hand_scored] = train.human[:hand_scored]
        for labels, scores in (("cyborg", cyborg), ("human", train.human)):
            for n in sizes:
                student = Ridge(PENALTY).fit(train.student_view[:n, unseen], scores[:n])
                of_student = _evaluate(student, test.student_view[:, unseen], test)
                rows.append({"draw": draw, "labels": labels, "essays": n, **of_student})
    return pd.DataFrame(rows)


def _evaluate(model: Ridge, view: np.ndarray, test: MadeUpEssays) -> dict[str, float]:
    """Bias of the subgroup and agreement of a model's scores, and its weight of the style."""
    scores, group = round_to_scale(model.predict(view), LABELS), test.group
    sees_style = model.n_features_in_ == test.teacher_view.shape[1]
    return {
        "smd": standardized_mean_difference(test.human[group], scores[group]),
        "points": (scores - test.human)[group].mean(),
        "qwk": quadratic_weighted_kappa(test.human, scores, LABELS),
        "style_weight": model.coef_[0] if sees_style else 0.0,
    }


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
    means = runs.groupby(["labels", "essays"], sort=False)[column].agg(["mean", "sem", "size"])
    half_width = stats.t.ppf(0.975, means["size"] - 1) * means["sem"]
    means = means.assign(low=means["mean"] - half_width, high=means["mean"] + half_width)
    return means[["mean", "low", "high"]].reset_index()
