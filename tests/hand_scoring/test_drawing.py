"""Draws with known probabilities, draws by groups and by clusters, and the ledger."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_data import PREDICTIONS
from scipy import stats

from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.hand_scoring.clusters import cluster_draw, topics
from cyborg_utils.hand_scoring.drawing import draw_essays, equal_probabilities, strata_of
from cyborg_utils.hand_scoring.group_targets import DrawError, group_draw
from cyborg_utils.hand_scoring.ledger import (
    COLUMNS,
    add_draw,
    evaluation_weights,
    ledger_file,
    read_ledger,
    write_ledger,
)

DRAWS = 2000
GROUPS = ["gender", "ell_status", "race_ethnicity", "economically_disadvantaged",
          "student_disability_status"]  # fmt: skip
UNEQUAL = np.array([0.9, 0.1, 0.25, 0.25, 0.5, 0.3, 0.7, 1.0, 0.05, 0.95, 0.4, 0.6])


def inclusions(probability, strata=None) -> np.ndarray:
    """Which essays each of 2,000 draws has, shape (2000, m)."""
    rng = np.random.default_rng(3)
    found = np.zeros((DRAWS, len(probability)))
    for row in found:
        row[draw_essays(probability, rng, strata)] = 1
    return found


def p_of_frequencies(found: np.ndarray, probability: np.ndarray) -> float:
    """Of a chi-square test that essays are drawn with these probabilities, given how the number of
    one depends on that of another."""
    apart = found.mean(axis=0) - probability
    covariance = np.cov(found.T) / len(found)
    statistic = apart @ np.linalg.pinv(covariance, rcond=1e-8) @ apart
    return stats.chi2.sf(statistic, np.linalg.matrix_rank(covariance, tol=1e-10))


# ---------------------------------------------------------------- probabilities


@pytest.mark.parametrize("strata", [None, np.arange(12) % 3, np.zeros(12, dtype=int)])
def test_essays_are_drawn_as_often_as_their_probabilities_say(strata):
    found = inclusions(UNEQUAL, strata)
    assert (found.sum(axis=1) == 6).all()
    assert p_of_frequencies(found, UNEQUAL) > 0.001
    off = UNEQUAL + 0.03 * np.array([-1, 1] * 6) * (UNEQUAL < 1)
    assert p_of_frequencies(found, off) < 0.001  # so the test would notice


def test_with_equal_probabilities_every_pair_is_drawn_equally_often():
    found = inclusions(equal_probabilities(3, 7))
    pairs = (found.T @ found / DRAWS)[np.triu_indices(7, 1)]
    expected = 3 / 7 * 2 / 6
    assert np.abs(pairs - expected).max() < 4 * np.sqrt(expected * (1 - expected) / DRAWS)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.integers(0, 2**31),
    st.integers(1, 6),
)
def test_a_draw_has_the_size_and_the_strata_of_its_probabilities(values, seed, n_strata):
    p = np.array(values)
    if p.sum() > 0:  # as large as a whole sum allows
        p = np.minimum(p * np.floor(p.sum()) / p.sum(), 1.0)
    strata = np.arange(len(p)) % n_strata
    chosen = draw_essays(p, np.random.default_rng(seed), strata)
    assert len(set(chosen)) == len(chosen) == round(p.sum())
    assert not (p[chosen] == 0).any() and set(np.flatnonzero(p == 1)) <= set(chosen)
    for stratum in range(n_strata):
        assert abs(np.isin(chosen, np.flatnonzero(strata == stratum)).sum()
                   - p[strata == stratum].sum()) < 2  # fmt: skip
        up_to = np.flatnonzero(strata <= stratum)
        assert abs(np.isin(chosen, up_to).sum() - p[up_to].sum()) < 1 + 1e-9


@pytest.mark.parametrize("p", [[0.5, 0.2], [1.5, 0.5], [-0.5, 0.5], [np.nan, 1]])
def test_other_probabilities_are_refused(p):
    with pytest.raises(ValueError, match="from 0 to 1, and their sum a whole number"):
        draw_essays(p, np.random.default_rng(1))


def test_strata_are_combinations_of_levels_and_of_quarters_of_the_lengths():
    prompts, lengths = ["a", "b", None, "a"] * 8, list(range(32))
    strata = strata_of([prompts], lengths)
    assert len(set(strata)) == 3 * 4
    assert set(np.bincount(strata)) == {2, 4}
    assert (strata_of([prompts]) == [0, 1, 2, 0] * 8).all()


# ---------------------------------------------------------------- groups


def test_a_draw_by_groups_reaches_its_numbers_with_the_fewest_essays():
    groups = pd.DataFrame({"ell": ["yes"] * 50 + ["no"] * 950})
    draw = group_draw(groups, 40, floor=0.5)
    assert draw.n == 80  # 40 of 50 and 40 of 950
    assert draw.wanted["expected"].tolist() == pytest.approx([40, 40], abs=1e-6)
    # With p of the 950, and a floor of 0.9 (40 + 950 p) / 1000, 950 p is at least 235.9.
    draw = group_draw(groups, 40, floor=0.9)
    assert draw.n == 276
    assert draw.probability.min() >= 0.9 * 0.276 - 1e-9


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([0.2, 0.5, 0.9, 1.0]))
def test_every_group_gets_its_expected_number(seed, per_group, floor):
    rng = np.random.default_rng(seed)
    groups = pd.DataFrame({
        "a": rng.choice(["x", "y", "z"], 300, p=[0.8, 0.15, 0.05]),
        "b": rng.choice(["u", "v", None], 300, p=[0.9, 0.05, 0.05]),
    })  # fmt: skip
    draw = group_draw(groups, per_group, floor)
    p, wanted = draw.probability, draw.wanted
    assert (wanted["expected"] >= wanted["wanted"] - 1e-6).all()
    assert (wanted["wanted"] == np.minimum(per_group, wanted["essays"])).all()
    assert abs(p.sum() - draw.n) < 1e-6 and p.max() <= 1
    assert p.min() >= floor * p.mean() - 1e-9
    more = group_draw(groups, per_group, floor, min(300, draw.n + 20))
    assert more.n == min(300, draw.n + 20)
    if draw.n > 1:
        with pytest.raises(DrawError, match=f"at least {draw.n} of 300 are needed"):
            group_draw(groups, per_group, floor, draw.n - 1)


def test_more_essays_than_needed_are_spread_evenly():
    groups = pd.DataFrame({"ell": ["yes"] * 50 + ["no"] * 950})
    assert np.ptp(group_draw(groups, 40, n=900).probability) < 1e-9
    assert np.ptp(group_draw(groups, 40, n=300).probability) > 0.1


def test_on_the_groups_of_persuade_each_reaches_222_with_at_most_1300_essays():
    if not PREDICTIONS.is_file():
        pytest.skip("the published predictions are not here")
    groups = pd.read_csv(PREDICTIONS, usecols=GROUPS)
    draw = group_draw(groups, 222)
    larger = draw.wanted[draw.wanted["essays"] >= 222]
    assert len(larger) == 13 and draw.n <= 1300
    assert (larger["expected"] >= 222 - 1e-6).all()
    rng = np.random.default_rng(1)
    counts = []
    for _ in range(20):
        drawn = groups.iloc[draw_essays(draw.probability, rng, draw.cell)]
        counts.append([(drawn[c] == level).sum() for c, level in larger.index])
    mean, sd = np.mean(counts, axis=0), np.std(counts, axis=0, ddof=1)
    assert (np.abs(mean - larger["expected"]) < 4 * sd / np.sqrt(20) + 0.2).all()
    assert np.min(counts) >= 200


@pytest.mark.parametrize("floor", [0, -1, 1.5])
def test_a_floor_out_of_bounds_is_refused(floor):
    with pytest.raises(DrawError, match="floor must be above 0"):
        group_draw(pd.DataFrame({"a": ["x", "y"]}), 1, floor)


def test_columns_without_levels_are_refused():
    with pytest.raises(DrawError, match="have no levels"):
        group_draw(pd.DataFrame({"a": [None, None]}), 1)


# ---------------------------------------------------------------- clusters


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return simulate_corpus(300, seed=8)["text"].tolist()


@pytest.fixture(scope="module")
def points(texts) -> np.ndarray:
    return topics(texts, 1)


def spread(points, chosen) -> float:
    """Mean distance of all essays to the nearest one that is drawn."""
    return np.linalg.norm(points[:, None] - points[chosen], axis=2).min(axis=1).mean()


def test_a_cluster_draw_is_nearer_to_all_essays_than_random_draws(texts, points):
    chosen = cluster_draw(texts, 20, seed=1)
    assert len(set(chosen)) == 20
    assert (chosen == cluster_draw(texts, 20, seed=1)).all()
    rng = np.random.default_rng(1)
    random = [spread(points, rng.permutation(300)[:20]) for _ in range(50)]
    assert spread(points, chosen) < min(random)


def test_a_second_cluster_draw_goes_where_the_first_was_not(texts, points):
    first = cluster_draw(texts, 15, seed=1)
    second = cluster_draw(texts, 15, seed=2, drawn=first)
    assert len(set(second)) == 15 and not set(first) & set(second)
    both = spread(points, np.concatenate([first, second]))
    rng = np.random.default_rng(1)
    rest = np.setdiff1d(np.arange(300), first)
    random = [spread(points, np.r_[first, rng.permutation(rest)[:15]]) for _ in range(20)]
    assert both < min(random)


@pytest.mark.parametrize("same", [["all alike"] * 9, [f"{i}" for i in range(9)], ["one two"] * 9])
def test_texts_that_say_nothing_still_give_as_many_essays(same):
    assert len(set(cluster_draw(same, 4, seed=1, drawn=[0, 5]))) == 4
    assert not {0, 5} & set(cluster_draw(same, 7, seed=1, drawn=[0, 5]))
    with pytest.raises(ValueError, match="8 essays of 7"):
        cluster_draw(same, 8, seed=1, drawn=[0, 5])


# ---------------------------------------------------------------- the ledger


def ledger_of(*draws: tuple[str, list[str], float | None, int]) -> pd.DataFrame:
    ledger = pd.DataFrame(columns=COLUMNS)
    for purpose, ids, p, size in draws:
        probability = None if p is None else np.broadcast_to(p, len(ids))
        method = "cluster" if p is None else "random"
        ledger = add_draw(
            ledger, np.array(ids), purpose, method, probability, size, 1, "2026-01-02"
        )
    return ledger


def test_a_ledger_is_read_as_it_was_written(tmp_path):
    ledger = ledger_of(("training", ["007", "NA"], None, 9), ("evaluation", ["=1", "1e3"], 0.25, 7))
    path = ledger_file(tmp_path / "essays.csv.gz")
    write_ledger(path, ledger)
    assert path.name == "essays-ledger.csv"
    pd.testing.assert_frame_equal(read_ledger(path), ledger)
    assert read_ledger(path)["draw"].tolist() == [1, 1, 2, 2]


def test_no_essay_is_drawn_twice_and_clusters_never_evaluate():
    ledger = ledger_of(("training", ["a", "b"], None, 9))
    with pytest.raises(DrawError, match="'b' was drawn before"):
        add_draw(ledger, np.array(["b"]), "evaluation", "random", np.array([0.5]), 7, 1, "")
    with pytest.raises(DrawError, match="no known probabilities, so it cannot serve evaluation"):
        add_draw(ledger, np.array(["c"]), "evaluation", "cluster", None, 7, 1, "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("essay_id", "id"), "no ledger of draws"),
        (lambda t: t.replace("evaluation", "practice"), "no ledger of draws"),
        (lambda t: t.replace("\nb,", "\na,"), "essay 'a' is in it twice"),
        (lambda t: t.replace("0.25", "1.25"), "a probability is not from 0 to 1"),
        (lambda t: t.replace("0.25", "some"), "no ledger of draws"),
        (lambda t: "", "no ledger of draws"),
    ],
)
def test_a_ledger_that_was_changed_by_hand_is_refused(tmp_path, change, message):
    path = tmp_path / "e-ledger.csv"
    write_ledger(path, ledger_of(("evaluation", ["a", "b"], 0.25, 8)))
    path.write_text(change(path.read_text()))
    with pytest.raises(DrawError, match=f"{message}.*restore the file"):
        read_ledger(path)


@pytest.mark.parametrize("sizes", [[5], [5, 7], [3, 4, 10]])
def test_successive_random_draws_weigh_all_essays_alike(sizes):
    left, draws = 60, []
    for k, n in enumerate(sizes):
        draws.append(("evaluation", [f"{k}-{i}" for i in range(n)], n / left, left))
        left -= n
    weights = evaluation_weights(ledger_of(*draws))
    assert weights.to_numpy() == pytest.approx(60 / sum(sizes))
    assert weights.index.tolist() == [id for _, ids, _, _ in draws for id in ids]


def test_weights_of_two_draws_with_unequal_probabilities_are_unbiased():
    """The mean of the estimated totals over many pairs of draws is the total; without an average of
    the two, it is not."""
    rng = np.random.default_rng(4)
    values, known, plain = np.arange(12.0) ** 2, [], []
    for _ in range(600):
        one = draw_essays(UNEQUAL, rng)
        left = np.setdiff1d(np.arange(12), one)
        p = np.where(left % 2, 0.6, 0.3)
        p *= 2 / p.sum()
        two = draw_essays(p, rng)
        both, probability = np.r_[one, left[two]], np.r_[UNEQUAL[one], p[two]]
        drawn = pd.DataFrame({
            "essay_id": both, "draw": [1] * 6 + [2] * 2, "purpose": "evaluation",
            "probability": probability, "drawn_from": [12] * 6 + [6] * 2,
        })  # fmt: skip
        weights = evaluation_weights(drawn)
        known.append(weights @ values[weights.index])
        plain.append((values[both] / probability).sum())
    error = np.std(known) / np.sqrt(600)
    assert abs(np.mean(known) - values.sum()) < 3 * error
    assert abs(np.mean(plain) - values.sum()) > 10 * error


def test_only_essays_for_evaluation_have_weights():
    drawn = ledger_of(("training", ["a"], 0.5, 8), ("evaluation", ["b"], 0.5, 7))
    assert evaluation_weights(drawn).to_dict() == {"b": 2.0}
    assert evaluation_weights(ledger_of(("training", ["a"], None, 8))).empty
