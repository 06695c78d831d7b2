"""Variance of draws and trainings: known values, and coverage for the population that is named."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cyborg_utils.statistics.contrasts import compare_arms
from cyborg_utils.statistics.replications import Resampled, pool_replications
from cyborg_utils.statistics.variance_components import (
    ONCE,
    Population,
    combined_df,
    design_population,
    population,
    run_variance,
)

WEIGHTS = {"cyborg": 1.0, "reference": -1.0}


def runs_of(values: np.ndarray, draws: list | None = None) -> pd.Series:
    """Values of draws x seeds as an arm's runs."""
    names = draws or [str(d) for d in range(len(values))]
    index = pd.MultiIndex.from_product([names, range(values.shape[1])], names=["draw", "seed"])
    return pd.Series(np.asarray(values, dtype=float).ravel(), index)


class TestKnownValues:
    def test_one_draw_adds_the_trainings_of_both_arms(self):
        arms = {"cyborg": [[0.60, 0.64]], "reference": [[0.50, 0.51]]}
        runs = {name: runs_of(np.array(values)) for name, values in arms.items()}
        variance = run_variance(runs, WEIGHTS)
        assert variance.draws == 0
        assert variance.seeds == pytest.approx(0.0008 / 2 + 0.00005 / 2)
        assert variance.df == pytest.approx(0.000425**2 / (0.0004**2 + 0.000025**2))

    def test_draws_are_paired_and_hold_their_trainings(self):
        runs = {
            "cyborg": runs_of(np.array([[0.60, 0.62], [0.70, 0.72], [0.65, 0.69]])),
            "reference": runs_of(np.array([[0.50, 0.50], [0.62, 0.62], [0.56, 0.56]])),
        }
        differences = [0.11, 0.09, 0.11]
        variance = run_variance(runs, WEIGHTS)
        assert variance.draws == pytest.approx(np.var(differences, ddof=1) / 3)
        assert variance[1:] == (0, pytest.approx(2))

    def test_one_run_adds_nothing(self):
        one = runs_of(np.array([[0.6]]))
        variance = run_variance({"cyborg": one, "reference": one}, WEIGHTS)
        assert variance[:2] == (0, 0) and np.isnan(variance.df)

    def test_arms_of_the_same_trainings_are_compared_within_a_run(self):
        values = np.array([[0.50, 0.61, 0.55]])
        runs = {"cyborg": runs_of(values + 0.02), "reference": runs_of(values)}
        assert run_variance(runs, WEIGHTS, same_trainings=True).seeds == pytest.approx(0)
        assert run_variance(runs, WEIGHTS).seeds > 0.001

    def test_degrees_of_freedom_lie_between_those_of_essays_and_runs(self):
        df = combined_df(3.0, 1_000, 1.0, 1.0)
        quantile = (3 * stats.t.ppf(0.975, 1_000) + stats.t.ppf(0.975, 1)) / 4  # Cochran's
        assert stats.t.ppf(0.975, df) == pytest.approx(quantile)
        assert combined_df(1.0, 99, 0.0, np.nan) == 99
        assert combined_df(0.0, 99, 1.0, 2) == 2


class TestPopulation:
    @pytest.mark.parametrize(
        ("cyborg", "reference", "expected"),
        [
            ((1, 1), (1, 1), Population.THESE_RUNS),
            ((1, 2), (1, 2), Population.THIS_DRAW),
            ((1, 2), (1, 1), Population.THESE_RUNS),
            ((2, 1), (2, 1), Population.NEW_DRAWS),
        ],
    )
    def test_of_the_design(self, cyborg, reference, expected):
        runs = {"cyborg": runs_of(np.ones(cyborg)), "reference": runs_of(np.ones(reference))}
        assert population(runs, WEIGHTS) == expected

    def test_of_all_human_labels(self):
        runs = {"cyborg": runs_of(np.ones((3, 1)))}
        for seeds, expected in {1: Population.ONE_FULL_RUN, 2: Population.NEW_DRAWS}.items():
            full = {"reference": runs_of(np.ones((1, seeds)), [ONCE])}
            assert population(runs | full, WEIGHTS) == expected

    def test_a_training_without_randomness_needs_no_second_one(self):
        once = pd.MultiIndex.from_tuples([(ONCE, ONCE)], names=["draw", "seed"])
        runs = {"cyborg": runs_of(np.ones((3, 1))), "reference": pd.Series([0.7], once)}
        assert population(runs, WEIGHTS) == Population.NEW_DRAWS
        assert design_population(1, True) == Population.THIS_DRAW


ESSAYS, DRAW, SEED, MARGIN = 0.010, 0.015, 0.012, 0.02  # standard deviations of QWK, a margin


def study(
    rng: np.random.Generator, n_draws: int, n_seeds: int, reference: str
) -> tuple[Resampled, dict]:
    """A study whose cyborg arm is worse by the margin, and the true difference by population.

    QWKs are normal: essays in common, draws too unless the reference is full, trainings
    independent.
    """
    effect, size = rng.normal(0, DRAW, (2, n_draws, 1)), (n_draws, n_seeds)
    cyborg = -MARGIN + effect.sum(axis=0) + rng.normal(0, SEED, size)
    of_draws, once = effect[0], None
    if reference == "full":
        of_draws, size, once = 0.0, (1, n_seeds), [ONCE]
    other = of_draws + rng.normal(0, SEED, size)
    targets = {
        Population.NEW_DRAWS: -MARGIN,
        Population.ONE_FULL_RUN: -MARGIN - other.mean(),
        Population.THIS_DRAW: -MARGIN + (effect.sum(axis=0) - of_draws).mean(),
        Population.THESE_RUNS: cyborg.mean() - other.mean(),
    }
    runs = {"cyborg": runs_of(cyborg), "reference": runs_of(other, once)}
    means = pd.Series({name: values.mean() for name, values in runs.items()})
    means["cyborg"] += rng.normal(0, ESSAYS)
    around = means["cyborg"] + rng.normal(0, ESSAYS, 400)
    replicates = pd.DataFrame({"cyborg": around, "reference": means["reference"]})
    return Resampled(means, replicates, runs, 1_499, False, ()), targets


def rates(n_draws: int, n_seeds: int, reference: str, trials: int) -> tuple[float, float, float]:
    """Coverage of the 95 % interval for the population that it names, false non-inferiority at the
    margin for that population, and how often it is claimed of new draws."""
    rng = np.random.default_rng([n_draws, n_seeds, trials])
    covered, below, claimed = [], [], []
    for _ in range(trials):
        resampled, targets = study(rng, n_draws, n_seeds, reference)
        result = compare_arms(resampled, "cyborg", "reference", MARGIN)
        target = targets[result["population"]]
        covered.append(result["low"] <= target <= result["high"])
        below.append(result["lower"] > target)
        new = result["population"] == Population.NEW_DRAWS
        claimed.append(new and result["non_inferior"])
    return float(np.mean(covered)), float(np.mean(below)), float(np.mean(claimed))


@pytest.mark.parametrize(
    ("n_draws", "n_seeds", "reference"), [(1, 2, "full"), (2, 2, "human"), (3, 2, "full")]
)
def test_coverage_and_non_inferiority(n_draws, n_seeds, reference):
    covered, below, claimed = rates(n_draws, n_seeds, reference, 200)
    assert 0.91 <= covered <= 0.995
    assert below <= 0.085 and claimed <= 0.085


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["human", "full"])
@pytest.mark.parametrize(("n_draws", "n_seeds"), [(1, 1), (1, 2), (2, 2), (3, 1), (3, 2), (5, 1)])
def test_coverage_and_non_inferiority_of_every_design(n_draws, n_seeds, reference):
    covered, below, claimed = rates(n_draws, n_seeds, reference, 1_000)
    assert 0.93 <= covered <= 0.99
    assert below <= 0.065 and claimed <= 0.065
    assert claimed > 0 or n_draws == 1 or (reference, n_seeds) == ("full", 1)


@pytest.mark.parametrize(("n_draws", "n_seeds"), [(1, 2), (2, 2), (3, 2)])
def test_a_statistic_of_several_runs_covers(n_draws, n_seeds):
    """Such as a subgroup's SMD, whose trainings differ by 0.05 and essays by 0.05."""
    rng = np.random.default_rng([n_draws, n_seeds])
    covered, outside = [], []
    for _ in range(200):
        draw = rng.normal(0, 0.03, (n_draws, 1))
        runs = runs_of(draw + rng.normal(0, 0.05, (n_draws, n_seeds)) + rng.normal(0, 0.05))
        table = runs.rename("smd").reset_index().assign(key="group", se=0.05)
        pooled = pool_replications(table, ["key"], "smd", 500).iloc[0]
        error = pooled["smd"] - (draw.mean() if n_draws == 1 else 0)
        t = abs(error) / pooled["se"]
        covered.append(t < stats.t.ppf(0.975, pooled["df"]))
        outside.append(t > stats.t.ppf(0.95, pooled["df"]))
    assert 0.91 <= np.mean(covered) <= 0.995
    assert np.mean(outside) / 2 <= 0.08  # one-sided, such as within the bound by two such tests
