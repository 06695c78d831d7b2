"""Sampling weights: known values, invariances, and what they repair in a stratified sample."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from cyborg_utils.statistics.agreement import (
    agreement_rates,
    estimate_agreement,
    quadratic_weighted_kappa,
)
from cyborg_utils.statistics.prmse import prmse, prmse_interval
from cyborg_utils.statistics.standardized_differences import (
    difference_of_standardized_means,
    dsm_with_error,
    smd_with_error,
    standardized_mean_difference,
)
from cyborg_utils.statistics.weighting import (
    design_effect,
    effective_n,
    inverse_probability_weights,
)

pytestmark = pytest.mark.filterwarnings("error")
LABELS = range(1, 7)


def scores(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.normal(3.4, 1, n)
    return tuple(np.clip(np.rint(true + rng.normal(0, e, n)), 1, 6) for e in (0.5, 0.7))


def test_design_effect_of_two_strata():
    weights = inverse_probability_weights([0.5] * 100 + [0.1] * 100)
    assert weights.mean() == pytest.approx(1)
    assert weights[-1] / weights[0] == pytest.approx(5)
    assert design_effect(weights) == pytest.approx(200 * (100 * 4 + 100 * 100) / (100 * 12) ** 2)
    assert effective_n(weights) == pytest.approx(200 / design_effect(weights))
    assert design_effect(np.ones(7)) == 1 and effective_n(np.full(7, 3.0)) == 7


@pytest.mark.parametrize("wrong", [[0.0, 0.5], [1.2, 0.5], [-0.1, 0.5]])
def test_a_probability_is_above_0_and_at_most_1(wrong):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        inverse_probability_weights(wrong)


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1, 2], "2 values for 3"), ([0, 0, 0], "nor all be zero"), ([1, -1, 1], "not be negative")],
)
def test_wrong_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        quadratic_weighted_kappa([1, 2, 3], [1, 2, 4], LABELS, weights)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 4), min_size=40, max_size=40))
def test_whole_weights_are_repeated_essays(counts):
    """An estimate with whole weights is that of each essay as often as it weighs."""
    h, m = scores(40)
    again = np.repeat(np.arange(40), counts)
    pair = h[again], m[again]
    assert quadratic_weighted_kappa(h, m, LABELS, counts) == pytest.approx(
        cohen_kappa_score(*pair, labels=list(LABELS), weights="quadratic")
    )
    rates = agreement_rates(h, m, weights=counts)
    assert rates.to_numpy() == pytest.approx(agreement_rates(*pair).to_numpy())
    factor = np.sqrt((40 / 39) / (len(again) / (len(again) - 1)))
    weighted = standardized_mean_difference(h, m, weights=counts)
    assert weighted * factor == pytest.approx(standardized_mean_difference(*pair))
    part = slice(0, 15)
    dsm = difference_of_standardized_means(h[part], m[part], h, m, counts[part], counts)
    inner = again < 15
    repeated = difference_of_standardized_means(pair[0][inner], pair[1][inner], *pair)
    assert dsm * factor == pytest.approx(repeated)


def test_whole_weights_are_repeated_essays_for_prmse():
    """But for the factor N - 1 of the error variance, which is of essays, not of weights."""
    h, m = scores(400)
    ratings = np.column_stack([h, np.clip(h + np.resize([0, 1, -1], 400), 1, 6)])
    counts = np.resize([1, 2, 5], 400)
    again = np.repeat(np.arange(400), counts)
    repeated = prmse(ratings[again], m[again])
    assert prmse(ratings, m, weights=counts) == pytest.approx(repeated, abs=0.002)
    assert abs(prmse(ratings, m) - repeated) > 0.005


def test_equal_weights_change_nothing():
    h, m = scores(300)
    member, same = np.arange(300) < 80, np.full(300, 2.5)
    table, weighted = estimate_agreement(h, m, LABELS), estimate_agreement(h, m, LABELS, same)
    assert weighted["estimate"].to_numpy() == pytest.approx(table["estimate"].to_numpy())
    assert (weighted["se"] / table["se"]).to_numpy() == pytest.approx(np.sqrt(300 / 299))
    assert smd_with_error(h, m, weights=same) == pytest.approx(smd_with_error(h, m))
    assert dsm_with_error(h, m, member, same) == pytest.approx(dsm_with_error(h, m, member))
    whole = dict(zip(("population_human", "population_machine"), (h, m), strict=True))
    options = {"denominator": "pooled_population", **whole}
    weights = {"weights": same[member], "population_weights": same}
    assert smd_with_error(h[member], m[member], **options, **weights) == pytest.approx(
        smd_with_error(h[member], m[member], **options)
    )
    ratings = np.column_stack([h, m])
    pd.testing.assert_series_equal(
        prmse_interval(ratings, m, weights=same), prmse_interval(ratings, m)
    )


@pytest.mark.parametrize("name", ["qwk", "exact", "smd"])
def test_weights_repair_a_sample_that_has_too_many_of_one_stratum(name):
    """Low scores are drawn with a fifth of the probability: without weights QWK, agreement and SMD
    are of another population; with them the interval covers the truth, and its error is right."""
    rng = np.random.default_rng(5)
    h, m = scores(20_000, 2)
    m = np.where(h <= 2, np.clip(m + 1, 1, 6), m)  # low scores are scored too high
    truth = estimate_agreement(h, m, LABELS).loc[name, "estimate"]
    probability = np.where(h <= 2, 0.01, 0.05)
    z, plain, estimates, errors = [], [], [], []
    for _ in range(200):
        drawn = rng.random(h.size) < probability
        weights = inverse_probability_weights(probability[drawn])
        row = estimate_agreement(h[drawn], m[drawn], LABELS, weights).loc[name]
        z.append(abs(row["estimate"] - truth) / row["se"])
        estimates.append(row["estimate"])
        errors.append(row["se"])
        plain.append(estimate_agreement(h[drawn], m[drawn], LABELS).loc[name, "estimate"])
    assert np.mean(np.array(z) < 1.96) > 0.90
    assert np.mean(errors) / np.std(estimates) == pytest.approx(1, abs=0.15)
    assert abs(np.mean(plain) - truth) > 3 * abs(np.mean(estimates) - truth)
