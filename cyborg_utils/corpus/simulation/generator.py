"""A simulated corpus of scored essays whose true scores and whose bias are known.

No student wrote these essays and no human rater scored them. A latent proficiency determines six
writing traits, the traits determine the text, their weighted sum (the quality) determines the true
score, and two raters observe the quality with error. One trait, relevance, shows only in whether a
support belongs to the claim before it, which no count of words or features can detect.

The planted bias
----------------
A register marker (``PLANTED_MARKER``) has no effect on scores. Among most examinees it becomes
rarer as proficiency rises, so that a model learns it as a sign of a low score; examinees in the
group ``PLANTED_GROUP`` use it often at every proficiency. A model trained on these scores therefore
scores that group's essays too severely at equal quality. ``planted_bias`` is its strength: 0 gives
the group the same rate as the others, 1 the full difference. Scores do not depend on it. The bias
of a model is not proportional to the strength: half of it has most of the full effect. The marker
is an invention, not a finding about how multilingual students write.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist

import numpy as np
import pandas as pd

from cyborg_utils.corpus.simulation.composer import compose
from cyborg_utils.corpus.simulation.phrases import load_prompts
from cyborg_utils.corpus.simulation.sampler import SeededSampler

PLANTED_GROUP = ("ell_status", "Yes")
PLANTED_MARKER = (
    "sentences that open with And, Also or So, and doubled intensifiers such as 'very very'"
)
PLANTED_STRENGTH = 1.0
PLANTED_RATE = 0.9  # expected proportion of marked sentences in the group at strength 1
MARKER_RATE_AT_MEAN = 0.15  # the same among others, at average proficiency ...
MARKER_RATE_SLOPE = -0.28  # ... and its change for each standard deviation of proficiency


# Population distribution of the true scores, lowest to highest, on the scale of 1 to 6.
TRUE_SHARES = (0.07, 0.24, 0.35, 0.23, 0.085, 0.025)


# Weights of the latent traits in the quality, which determines true score and ratings.
TRAIT_WEIGHTS = {
    "development": 0.22,
    "organization": 0.1,
    "relevance": 0.38,
    "vocabulary": 0.15,
    "variety": 0.05,
    "conventions": 0.1,
}
TRAIT_LOADING = 0.7  # correlation of each trait with proficiency
RATER_NOISE = 0.51  # standard deviation of a rater's error, in standard deviations of quality


# Correlation of a rater's error on a trait with the same rater's error on the whole essay.
HALO = 0.5
GENDERS = {"F": 0.52, "M": 0.48}
RACES = {
    "White": 0.45,
    "Hispanic/Latino": 0.26,
    "Black/African American": 0.19,
    "Two or more races/Other": 0.05,
    "Asian/Pacific Islander": 0.04,
    "American Indian/Alaskan Native": 0.01,
}
DISADVANTAGED_GIVEN_RACE = {
    "White": 0.38,
    "Hispanic/Latino": 0.64,
    "Black/African American": 0.64,
    "Two or more races/Other": 0.48,
    "Asian/Pacific Islander": 0.38,
    "American Indian/Alaskan Native": 0.60,
}
ELL_GIVEN_RACE = {"Hispanic/Latino": 0.27, "Asian/Pacific Islander": 0.25}
ELL_OTHERWISE = 0.02
DISABILITY_SHARE = 0.115
POOR = "Economically disadvantaged"
DISABLED = "Identified as having disability"
PROFICIENCY_GAPS = {  # in standard deviations, added to a standard normal
    ("gender", "F"): 0.2,
    ("ell_status", "Yes"): -0.6,
    ("economically_disadvantaged", POOR): -0.4,
    ("student_disability_status", DISABLED): -0.6,
}
GROUP_COLUMNS = (
    "gender",
    "race_ethnicity",
    "ell_status",
    "economically_disadvantaged",
    "student_disability_status",
)
COLUMNS = (
    "essay_id",
    "text",
    "score",
    "score_2",
    "true_score",
    "proficiency",
    "prompt",
    *GROUP_COLUMNS,
)


def simulate_corpus(
    n_essays: int,
    seed: int,
    scale: tuple[int, int] = (1, 6),
    n_prompts: int = 4,
    planted_bias: float = PLANTED_STRENGTH,
    traits: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Simulate a corpus of argumentative essays with two human scores and the true score.

    The same arguments give the same bytes, and the first essays of a longer corpus are those of
    a shorter one with the same seed. Scores do not change with ``planted_bias``, and nothing
    else changes with ``traits``.

    Parameters
    ----------
    n_essays : int
        Number of essays, zero or more.
    seed : int
        Seed of the generator, zero or more; part of every id.
    scale : tuple of int
        Lowest and highest score, at least two scores.
    n_prompts : int
        Number of prompts, from 1 to 6.
    planted_bias : float
        Strength of the planted style difference, from 0 (none) to 1.
    traits : tuple of str
        Traits to score, among ``TRAIT_WEIGHTS``.

    Returns
    -------
    pandas.DataFrame
        One row per essay: ``essay_id`` ("SIM-<seed>-<number>"), ``text``, ``score`` and
        ``score_2`` (two raters), ``true_score`` (without rater error), ``proficiency`` (in
        standard deviations around the population's mean), ``prompt``, the demographic columns
        with PERSUADE's codes, and for each trait ``<trait>`` (the rater of ``score``, whose
        errors share a halo of ``HALO``) and ``true_<trait>`` (without rater error).

    Raises
    ------
    ValueError
        If an argument lies outside its range.
    """
    return _simulate(n_essays, seed, scale, n_prompts, planted_bias, traits, stream=0)


def simulate_unscored(
    n_essays: int,
    seed: int,
    n_prompts: int = 4,
    planted_bias: float = PLANTED_STRENGTH,
) -> pd.DataFrame:
    """Simulate unscored essays of the same population, for pretraining.

    Ids and texts differ from those of `simulate_corpus`, whatever the seeds.

    Parameters
    ----------
    n_essays, seed, n_prompts, planted_bias
        As in `simulate_corpus`.

    Returns
    -------
    pandas.DataFrame
        The columns of `simulate_corpus` without scores and proficiency; ids begin with "SIM-U".
    """
    frame = _simulate(n_essays, seed, (1, 6), n_prompts, planted_bias, (), stream=1)
    return frame.drop(columns=["score", "score_2", "true_score", "proficiency"])


def marker_rate(proficiency: float, in_group: bool, planted_bias: float) -> float:
    """Compute the expected proportion of an examinee's sentences with the planted marker.

    Parameters
    ----------
    proficiency : float
        In standard deviations around the population's mean.
    in_group : bool
        Whether the examinee belongs to ``PLANTED_GROUP``.
    planted_bias : float
        Strength of the planted difference, from 0 to 1.

    Returns
    -------
    float
        From 0.02 to 0.9.
    """
    general = min(max(MARKER_RATE_AT_MEAN + MARKER_RATE_SLOPE * proficiency, 0.02), 0.8)
    return general + in_group * planted_bias * (PLANTED_RATE - general)


def _simulate(
    n_essays: int,
    seed: int,
    scale: tuple[int, int],
    n_prompts: int,
    planted_bias: float,
    scored_traits: tuple[str, ...],
    stream: int,
) -> pd.DataFrame:
    low, high = scale
    if n_essays < 0 or seed < 0:
        raise ValueError(f"n_essays and seed must be 0 or more, not {n_essays} and {seed}")
    if high <= low:
        raise ValueError(f"scale must have at least two scores, not {scale}")
    if not 1 <= n_prompts <= len(load_prompts()):
        raise ValueError(f"n_prompts must be from 1 to {len(load_prompts())}, not {n_prompts}")
    if not 0 <= planted_bias <= 1:
        raise ValueError(f"planted_bias must be from 0 to 1, not {planted_bias}")
    if unknown := set(scored_traits) - set(TRAIT_WEIGHTS):
        raise ValueError(f"traits must be among {', '.join(TRAIT_WEIGHTS)}, not {min(unknown)!r}")
    prompts = load_prompts()[:n_prompts]
    cuts = _cut_points(high - low + 1)
    prefix = f"SIM-{'U' if stream else ''}{seed}"
    mean, sd = _population_moments()
    unique, quality_sd = (1 - TRAIT_LOADING**2) ** 0.5, _quality_sd()
    rows = []
    for number in range(n_essays):
        rng = np.random.default_rng((seed, stream, number, 0))
        dice = SeededSampler(rng)
        person = _draw_groups(dice)
        gap = sum(PROFICIENCY_GAPS.get(item, 0.0) for item in person.items())
        normal = rng.standard_normal(3 + len(TRAIT_WEIGHTS)).tolist()
        proficiency = (normal[0] + gap - mean) / sd
        traits = {
            name: TRAIT_LOADING * proficiency + unique * noise
            for name, noise in zip(TRAIT_WEIGHTS, normal[3:], strict=True)
        }
        quality = sum(TRAIT_WEIGHTS[name] * t for name, t in traits.items()) / quality_sd
        rated = [quality + RATER_NOISE * noise for noise in normal[1:3]]
        first, second, true = (low + int(np.searchsorted(cuts, q)) for q in (*rated, quality))
        rate = marker_rate(proficiency, person[PLANTED_GROUP[0]] == PLANTED_GROUP[1], planted_bias)
        prompt = prompts[dice.below(n_prompts)]
        style = SeededSampler(np.random.default_rng((seed, stream, number, 1)))
        text = compose(dice, style, traits, prompt, prompts, rate)
        essay_id = f"{prefix}-{number:06d}"
        row = (essay_id, text, first, second, true, proficiency, prompt.name)
        row += tuple(person[group] for group in GROUP_COLUMNS)
        if scored_traits:
            trait_rng = np.random.default_rng((seed, stream, number, 2))
            rated_traits = _rated_traits(trait_rng, traits, normal[1])
            both = [values[name] for name in scored_traits for values in (rated_traits, traits)]
            row += tuple(low + int(np.searchsorted(cuts, q)) for q in both)
        rows.append(row)
    trait_columns = [column for name in scored_traits for column in (name, f"true_{name}")]
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *trait_columns])
    whole = dict.fromkeys(["score", "score_2", "true_score", *trait_columns], "int64")
    numbers = whole | {"proficiency": "float64"}
    texts = {name: "str" for name in COLUMNS if name not in numbers}
    return frame.astype(numbers | texts)


def _rated_traits(
    rng: np.random.Generator, traits: dict[str, float], holistic_error: float
) -> dict[str, float]:
    """Traits as observed by a rater whose standardized error on the whole essay is given."""
    unique = rng.standard_normal(len(traits)).tolist()
    return {
        name: trait + RATER_NOISE * (HALO * holistic_error + (1 - HALO**2) ** 0.5 * noise)
        for (name, trait), noise in zip(traits.items(), unique, strict=True)
    }


def _draw_groups(dice: SeededSampler) -> dict[str, str]:
    race = dice.weighted(RACES)
    poor = dice.chance(DISADVANTAGED_GIVEN_RACE[race])
    disability = dice.chance(DISABILITY_SHARE)
    return {
        "gender": dice.weighted(GENDERS),
        "race_ethnicity": race,
        "ell_status": "Yes" if dice.chance(ELL_GIVEN_RACE.get(race, ELL_OTHERWISE)) else "No",
        "economically_disadvantaged": (POOR if poor else "Not economically disadvantaged"),
        "student_disability_status": (
            DISABLED if disability else "Not identified as having disability"
        ),
    }


@cache
def _population_moments() -> tuple[float, float]:
    """Mean and standard deviation of proficiency in the population, before it is standardized."""
    independent = [
        (GENDERS["F"], PROFICIENCY_GAPS["gender", "F"]),
        (DISABILITY_SHARE, PROFICIENCY_GAPS["student_disability_status", DISABLED]),
    ]
    mean = second = 0.0
    for race, share in RACES.items():
        probabilities_and_gaps = [
            *independent,
            (DISADVANTAGED_GIVEN_RACE[race], PROFICIENCY_GAPS["economically_disadvantaged", POOR]),
            (ELL_GIVEN_RACE.get(race, ELL_OTHERWISE), PROFICIENCY_GAPS["ell_status", "Yes"]),
        ]
        group_mean = sum(p * gap for p, gap in probabilities_and_gaps)
        variance = 1.0 + sum(p * (1 - p) * gap**2 for p, gap in probabilities_and_gaps)
        mean += share * group_mean
        second += share * (variance + group_mean**2)
    return mean, (second - mean**2) ** 0.5


def _quality_sd() -> float:
    weights = np.array(list(TRAIT_WEIGHTS.values()))
    shared = (TRAIT_LOADING * weights.sum()) ** 2
    return float((shared + (1 - TRAIT_LOADING**2) * (weights**2).sum()) ** 0.5)


def _cut_points(n_scores: int) -> np.ndarray:
    """Cut points on standard-normal quality for ``TRUE_SHARES``, interpolated to n scores."""
    cumulative = np.concatenate([[0.0], np.cumsum(TRUE_SHARES)])
    grid = np.linspace(0, 1, len(cumulative))
    inner = np.interp(np.arange(1, n_scores) / n_scores, grid, cumulative)
    return np.array([NormalDist().inv_cdf(float(p)) for p in inner])
