"""Agreement and severity of raters: known values, simulated raters, raters who share no essay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cyborg_utils.hand_scoring.rater_agreement import (
    NotEstimated,
    agreement_of_raters,
    discrepancies,
    paired_ratings,
    severity,
)
from cyborg_utils.statistics.agreement import quadratic_weighted_kappa

LABELS = [1, 2, 3, 4, 5, 6]


def ratings_of(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["essay_id", "rater", "score"])


def simulated(effects: dict[str, float], n: int, seed: int, whole: bool = False) -> pd.DataFrame:
    """Two raters for each of n simulated essays, all pairs alike; `effects` are added to scores."""
    rng, names = np.random.default_rng(seed), list(effects)
    rows = []
    for essay in range(n):
        quality = rng.normal(3.5, 1)
        for rater in rng.choice(names, 2, replace=False):
            score = quality + effects[rater] + rng.normal(0, 0.5)
            rows.append(
                (f"e{essay}", str(rater), np.clip(np.round(score), 1, 6) if whole else score)
            )
    return ratings_of(*rows)


def test_pairs_are_of_essays_with_two_ratings_and_no_rater_is_always_first():
    ratings = simulated({"a": 0, "b": 0}, 200, seed=1)
    single = ratings_of(("x", "a", 2.0))
    pairs = paired_ratings(pd.concat([ratings, single]))
    assert pairs.index.is_unique and set(pairs.index) == {f"e{i}" for i in range(200)}
    assert (pairs["rater"] != pairs["rater_2"]).all()
    assert 70 < (pairs["rater"] == "a").sum() < 130
    given = ratings.set_index(["essay_id", "rater"])["score"]
    for suffix in ("", "_2"):
        keys = pd.MultiIndex.from_arrays([pairs.index, pairs[f"rater{suffix}"]])
        assert (pairs[f"score{suffix}"].to_numpy() == given[keys].to_numpy()).all()
    mixed = paired_ratings(ratings.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(mixed.loc[pairs.index], pairs)
    assert paired_ratings(single).empty


def test_agreement_is_that_of_the_statistics_of_all_and_of_each_pair():
    ratings = simulated({"a": 0, "b": 0, "c": 0.5}, 90, seed=2, whole=True)
    pairs = paired_ratings(ratings)
    table = agreement_of_raters(pairs, LABELS).set_index("raters")
    assert list(table.index) == ["all", "a and b", "a and c", "b and c"]
    qwk = quadratic_weighted_kappa(pairs["score"], pairs["score_2"], LABELS)
    assert table.loc["all", "qwk"] == pytest.approx(qwk)
    difference = (pairs["score"] - pairs["score_2"]).abs()
    assert table.loc["all", "exact"] == pytest.approx((difference == 0).mean())
    assert table.loc["all", "adjacent"] == pytest.approx((difference <= 1).mean())
    assert table["n"].iloc[1:].sum() == table.loc["all", "n"] == 90
    assert list(agreement_of_raters(pairs.head(8), LABELS)["raters"]) == ["all"]


def test_discrepancies_are_of_more_than_one_step():
    rows = [("a", 2.0, 3.0), ("b", 2.0, 4.0), ("c", 2.0, 2.5), ("d", 10 / 3, 4.333)]
    pairs = pd.DataFrame(rows, columns=["id", "score", "score_2"]).set_index("id")
    assert discrepancies(pairs, 1.0).index.tolist() == ["b"]
    assert discrepancies(pairs, 0.5).index.tolist() == ["a", "b", "d"]


def test_the_severity_of_two_raters_is_half_their_mean_difference():
    ratings = simulated({"a": -0.4, "b": 0.4}, 80, seed=3)
    table = severity(ratings).set_index("rater")
    wide = ratings.pivot(index="essay_id", columns="rater", values="score")
    difference = wide["b"] - wide["a"]
    assert table.loc["a", "severity"] == pytest.approx(difference.mean() / 2, abs=1e-6)
    assert table.loc["a", "se"] == pytest.approx(difference.sem() / 2, rel=0.01)
    assert table["severity"].sum() == pytest.approx(0, abs=1e-9)


def test_the_severity_of_simulated_raters_is_recovered():
    effects = {"a": -0.5, "b": 0.0, "c": 0.2, "d": 0.3}
    table = severity(simulated(effects, 400, seed=4)).set_index("rater")
    assert (table["low"] < table["severity"]).all() and (table["severity"] < table["high"]).all()
    for rater, effect in effects.items():
        assert abs(table.loc[rater, "severity"] + effect) < 3 * table.loc[rater, "se"]
    assert table["se"].max() < 0.06 and table["n"].sum() == 800


@pytest.mark.long
def test_intervals_of_severity_cover_in_95_percent_of_simulated_samples():
    covered = []
    for seed in range(120):
        table = severity(simulated({"a": -0.3, "b": 0.1, "c": 0.2}, 40, seed=seed))
        truth = np.array([0.3, -0.1, -0.2])
        covered += ((table["low"] <= truth) & (truth <= table["high"])).tolist()
    assert 0.90 < np.mean(covered) < 0.98


def test_essays_with_one_rating_do_not_move_severity():
    ratings = simulated({"a": -0.4, "b": 0.4}, 60, seed=5)
    better = ratings_of(*[(f"x{i}", "a", 6.0) for i in range(100)])
    pd.testing.assert_frame_equal(severity(pd.concat([ratings, better])), severity(ratings))


def test_raters_who_share_no_essay_are_left_out_or_said():
    apart = ratings_of(*[(f"e{i}", "ab"[i % 2], 3.0) for i in range(20)])
    with pytest.raises(NotEstimated, match="no two raters share essays"):
        severity(apart)
    ratings = simulated({"a": 0, "b": 0}, 50, seed=6)
    other = simulated({"c": 0, "d": 0}, 20, seed=7)
    other["essay_id"] = "x" + other["essay_id"]
    assert severity(pd.concat([ratings, other]))["rater"].tolist() == ["a", "b"]


@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_raters_whose_scores_are_always_as_far_apart_have_no_error(apart):
    scores = {"a": 0.0, "b": apart}
    same = [(f"e{i}", rater, i % 5 + more) for i in range(30) for rater, more in scores.items()]
    table = severity(ratings_of(*same))
    assert table["severity"].tolist() == pytest.approx([apart / 2, -apart / 2], abs=1e-6)
    assert table["se"].max() < 1e-4


def test_scores_that_are_all_the_same_have_no_severity():
    same = ratings_of(*[(f"e{i}", rater, 3.0) for i in range(9) for rater in "ab"])
    with pytest.raises(NotEstimated, match="the mixed model"):
        severity(same)
