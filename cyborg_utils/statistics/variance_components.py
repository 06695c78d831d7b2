"""The variance that draws and trainings add to an estimate, and the population that it covers.

A run is one training on one draw of the human-labeled subset. Arms that use the same draws are
paired by draw. Trainings are nested in draw and arm: an equal seed number on other data is another
training. Trainings are paired only where two arms are the same ones (`same_trainings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, special

ONCE = "-"  # the draw of an arm without draws; the seed of a model without random training
QUANTILE = 0.975  # at which the degrees of freedom of two components are combined


class Population(StrEnum):
    """What an interval generalizes to, beyond new essays like these."""

    THESE_RUNS = "these_runs"  # this draw of U, this Teacher, these trainings
    THIS_DRAW = "this_draw"  # new trainings on this draw of U, with this Teacher
    ONE_FULL_RUN = "one_full_run"  # new draws and trainings, but this training on all labels
    NEW_DRAWS = "new_draws"  # new draws and trainings


class RunVariance(NamedTuple):
    """Variance from draws (their trainings included), and from trainings where a draw is alone."""

    draws: float
    seeds: float
    df: float


def run_variance(
    runs: Mapping[str, pd.Series], weights: Mapping[str, float], same_trainings: bool = False
) -> RunVariance:
    """Estimate the variance that runs add to a weighted sum of arms' means.

    Parameters
    ----------
    runs : dict of str to pandas.Series
        The statistic of every run of an arm, indexed by `draw` and `seed`.
    weights : dict of str to float
        Weight of each arm.
    same_trainings : bool
        Whether runs of one draw and seed are the same training in every arm, such as two
        calibrations of one Student; their differences are then taken within a run.

    Returns
    -------
    RunVariance
        Between-draw variance over the number of draws, and between-training variance over the
        number of trainings in arms of one draw; zero where one run cannot show it. The degrees of
        freedom of their sum are Satterthwaite's (1946), NaN without a component.
    """
    weighted = {name: weight * runs[name] for name, weight in weights.items() if weight}
    if same_trainings and weighted:
        weighted = {"": sum(weighted.values())}
    components, paired = {"draws": [], "seeds": []}, {}
    for values in weighted.values():
        codes, draws = pd.factorize(values.index.get_level_values("draw"), sort=True)
        if len(draws) > 1:
            means = np.bincount(codes, values) / np.bincount(codes)
            paired[tuple(draws)] = paired.get(tuple(draws), 0.0) + means
        elif len(values) > 1:
            components["seeds"].append((values.var(ddof=1) / len(values), len(values) - 1))
    for draws, means in paired.items():
        components["draws"].append((np.var(means, ddof=1) / len(draws), len(draws) - 1))
    draws, seeds = (sum(variance for variance, _ in c) for c in components.values())
    terms = [variance**2 / df for c in components.values() for variance, df in c]
    return RunVariance(draws, seeds, (draws + seeds) ** 2 / sum(terms) if any(terms) else np.nan)


def population(runs: Mapping[str, pd.Series], weights: Mapping[str, float]) -> Population:
    """The population that the interval of a weighted sum of arms covers.

    Parameters
    ----------
    runs, weights
        As in `run_variance`. An arm whose draw is `ONCE` uses no draw, a run whose seed is `ONCE`
        has no random training.

    Returns
    -------
    Population
    """
    designs = []
    for name in (name for name, weight in weights.items() if weight):
        draws, seeds = (set(runs[name].index.get_level_values(i)) for i in ("draw", "seed"))
        designs.append((draws, len(runs[name]) > 1 or seeds == {ONCE}))
    return design_population(
        min((len(draws) for draws, _ in designs if draws != {ONCE}), default=0),
        all(varies for _, varies in designs),
    )


def design_population(n_draws: int, trainings_vary: bool) -> Population:
    """The population that an interval covers, from the number of draws of U (0 where no arm uses
    one) and whether every arm has either several runs or a training without randomness."""
    if n_draws == 1:
        return Population.THIS_DRAW if trainings_vary else Population.THESE_RUNS
    if trainings_vary:
        return Population.NEW_DRAWS
    return Population.ONE_FULL_RUN if n_draws else Population.THESE_RUNS


def combined_df(essays: float, essay_df: float, runs: float, run_df: float) -> float:
    """Degrees of freedom of the sum of two variances, those of essays and of runs.

    The quantile of t is the mean of both components' quantiles, weighted by the variances (Cochran,
    1964). Satterthwaite's (1946) approximation undercovers where a small variance of two or three
    runs is one of chance.

    Parameters
    ----------
    essays, runs : float
        Variances.
    essay_df, run_df : float
        Their degrees of freedom.

    Returns
    -------
    float
        Between `run_df` and `essay_df`.
    """
    if not runs > 0 or essay_df <= run_df:
        return essay_df
    if not essays > 0:
        return run_df
    quantiles = special.stdtrit([essay_df, run_df], QUANTILE)
    t = (essays * quantiles[0] + runs * quantiles[1]) / (essays + runs)

    def excess(log_df: float) -> float:
        return special.stdtrit(np.exp(log_df), QUANTILE) - t

    limits = np.log([run_df, essay_df])
    if excess(limits[0]) <= 0 or excess(limits[1]) >= 0:  # one component is negligible
        return run_df if excess(limits[0]) <= 0 else essay_df
    return float(np.exp(optimize.brentq(excess, *limits)))
