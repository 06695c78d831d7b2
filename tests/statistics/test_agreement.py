import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from cyborg_utils.statistics.agreement import (
    agreement_rates,
    bootstrap_agreement,
    compare_machines,
    concordance,
    correlation,
    non_inferiority,
    quadratic_weighted_kappa,
    sd_ratio,
)
from cyborg_utils.statistics.bootstrap import InferenceTo
from cyborg_utils.statistics.human_agreement import human_human_comparison
from cyborg_utils.statistics.hypothesis_tests import Verdict
from cyborg_utils.statistics.prmse import prmse, prmse_interval
from cyborg_utils.statistics.scales import round_to_scale

pytestmark = pytest.mark.filterwarnings("error")
LABELS = range(1, 7)
HALF_POINTS = np.arange(1.0, 5.5, 0.5)
scored_pairs = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=2, max_size=60
).map(np.array)


def simulate_scores(n, machine_errors=(0.6, 0.75), seed=0):
    rng = np.random.default_rng(seed)
    true = rng.normal(3.3, 1.1, n)
    errors = (0.45, *machine_errors)
    return [round_to_scale(true + sd * rng.normal(size=n), LABELS) for sd in errors]


def weighted_kappa_by_definition(human, machine, labels):
    labels = np.asarray(labels)
    observed = np.array([[np.mean((human == i) & (machine == j)) for j in labels] for i in labels])
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0))
    weights = np.subtract.outer(labels, labels) ** 2
    return 1 - (weights * observed).sum() / (weights * expected).sum()


class TestRoundToScale:
    def test_ties_go_to_the_even_score_and_ends_are_clipped(self):
        rounded = round_to_scale([1.5, 2.5, 3.5, 2.51, -4, 9], LABELS)
        assert rounded.tolist() == [2, 2, 4, 3, 1, 6]
        assert np.issubdtype(rounded.dtype, np.integer)

    def test_half_points(self):
        rounded = round_to_scale([1.25, 1.75, 2.25, 2.26, 0.1, 7], HALF_POINTS)
        assert rounded.tolist() == [1.0, 2.0, 2.0, 2.5, 1.0, 5.0]

    @pytest.mark.parametrize("labels", [[1, 2, 4], [3], [2, 1], [[1, 2], [3, 4]]])
    def test_a_scale_that_cannot_be_rounded_to_is_refused(self, labels):
        with pytest.raises(ValueError, match="labels must be"):
            round_to_scale([1.0], labels)

    def test_missing_scores_are_counted(self):
        with pytest.raises(ValueError, match="2 of 3 scores in continuous are missing"):
            round_to_scale([np.nan, 2, np.inf], LABELS)

    @given(st.lists(st.floats(-10, 10), min_size=1, max_size=30))
    def test_rounding_twice_changes_nothing_and_the_nearest_label_wins(self, scores):
        once = round_to_scale(scores, HALF_POINTS)
        assert np.array_equal(round_to_scale(once, HALF_POINTS), once)
        nearest = np.abs(np.subtract.outer(scores, HALF_POINTS)).min(axis=1)
        assert np.abs(once - scores) == pytest.approx(nearest)


class TestPointEstimates:
    def test_hand_computed_kappa(self):
        human, machine = [1, 2, 3, 3], [1, 2, 2, 3]
        # sum(w O) = 1 / 4; sum(w E) = (6 + 2 + 6 + 6) / 16
        assert quadratic_weighted_kappa(human, machine, [1, 2, 3]) == pytest.approx(1 - 0.25 / 1.25)

    def test_hand_computed_relatives(self):
        human, machine = [1, 2, 3, 4], [1, 3, 3, 6]
        assert agreement_rates(human, machine).to_dict() == {"exact": 0.5, "adjacent": 0.75}
        assert sd_ratio(human, machine) == pytest.approx(np.sqrt((12.75 / 3) / (5 / 3)))
        assert correlation(human, machine) == pytest.approx(7.5 / np.sqrt(5 * 12.75))
        assert concordance(human, machine) == pytest.approx(
            2 * 7.5 / 4 / (5 / 4 + 12.75 / 4 + 0.75**2)
        )

    @given(scored_pairs)
    def test_kappa_equals_its_definition_and_the_library(self, pairs):
        human, machine = pairs.T
        computed = quadratic_weighted_kappa(human, machine, LABELS)
        if np.ptp(pairs) == 0:
            assert np.isnan(computed)
        else:
            reference = cohen_kappa_score(human, machine, weights="quadratic", labels=list(LABELS))
            assert computed == pytest.approx(reference, abs=1e-12)
            by_definition = weighted_kappa_by_definition(human, machine, LABELS)
            assert computed == pytest.approx(by_definition, abs=1e-12)

    @given(scored_pairs)
    def test_kappa_is_symmetric_bounded_and_free_of_the_unit(self, pairs):
        human, machine = pairs.T
        kappa = quadratic_weighted_kappa(human, machine, LABELS)
        if np.isnan(kappa):
            return
        assert -1 - 1e-9 <= kappa <= 1 + 1e-9
        assert quadratic_weighted_kappa(machine, human, LABELS) == pytest.approx(kappa, abs=1e-12)
        halves = quadratic_weighted_kappa((pairs[:, 0] + 1) / 2, (pairs[:, 1] + 1) / 2, HALF_POINTS)
        assert halves == pytest.approx(kappa, abs=1e-12)

    def test_an_unused_middle_score_does_not_shrink_the_scale(self):
        human, machine = np.array([1, 1, 5, 6, 6]), np.array([1, 5, 5, 6, 5])
        computed = quadratic_weighted_kappa(human, machine, LABELS)
        assert computed == pytest.approx(weighted_kappa_by_definition(human, machine, LABELS))
        assert computed != pytest.approx(cohen_kappa_score(human, machine, weights="quadratic"))

    def test_constant_predictions(self):
        assert quadratic_weighted_kappa([1, 2, 3], [2, 2, 2], LABELS) == 0
        assert np.isnan(quadratic_weighted_kappa([2, 2], [2, 2], LABELS))
        assert np.isnan(correlation([1, 2, 3], [2, 2, 2]))
        assert sd_ratio([1, 2, 3], [2, 2, 2]) == 0
        assert np.isnan(sd_ratio([2, 2, 2], [1, 2, 3]))
        assert np.isnan(concordance([0.1] * 7, [0.1] * 7))

    @pytest.mark.parametrize(
        ("human", "machine", "sentence"),
        [
            ([1, 2, 3], [1, 2.5, 7], r"2 of 3 scores in machine are not on the scale .*2\.5, 7"),
            ([1, 2, None], [1, 2, 3], "1 of 3 scores in human are missing"),
            ([1, 2], [1, 2, 3], "human has 2, machine has 3"),
            ([], [], "human is empty"),
            (["good"], [1], "human must be one number per essay"),
        ],
    )
    def test_bad_scores_get_one_clear_sentence(self, human, machine, sentence):
        with pytest.raises(ValueError, match=sentence):
            quadratic_weighted_kappa(human, machine, LABELS)

    def test_pandas_vectors_are_taken_by_position_and_not_changed(self):
        human = pd.Series([1, 2, 3, 4], index=[9, 8, 7, 6], dtype="Int64")
        machine = pd.Series([1, 3, 3, 4])
        before = human.copy()
        kappa = quadratic_weighted_kappa(human, machine, LABELS)
        assert kappa == quadratic_weighted_kappa([1, 2, 3, 4], [1, 3, 3, 4], LABELS)
        pd.testing.assert_series_equal(human, before)


class TestBootstrap:
    def test_table_and_agreement_of_the_two_standard_errors(self):
        human, machine, _ = simulate_scores(2_000)
        table = bootstrap_agreement(human, machine, LABELS)
        assert (table["low"] < table["estimate"]).all() and (
            table["estimate"] < table["high"]
        ).all()
        assert table["se_bootstrap"].to_numpy() == pytest.approx(table["se"].to_numpy(), rel=0.05)
        exact = table.loc["exact"]
        assert exact["se"] == pytest.approx(
            np.sqrt(exact["estimate"] * (1 - exact["estimate"]) / 2_000)
        )

    def test_it_equals_a_plain_bootstrap(self):
        human, a, b = simulate_scores(300)
        rng = np.random.default_rng(1)
        draws = rng.integers(0, 300, size=(1_500, 300))
        plain = [
            quadratic_weighted_kappa(human[at], a[at], LABELS)
            - quadratic_weighted_kappa(human[at], b[at], LABELS)
            for at in draws
        ]
        result = compare_machines(human, a, b, LABELS)
        assert result["se_bootstrap"] == pytest.approx(np.std(plain, ddof=1), rel=0.06)
        assert [result["low"], result["high"]] == pytest.approx(
            np.percentile(plain, [2.5, 97.5]), abs=0.006
        )

    def test_seed_decides(self):
        human, a, _ = simulate_scores(200)
        first, again, other = (
            bootstrap_agreement(human, a, LABELS, 500, seed=seed) for seed in (3, 3, 4)
        )
        pd.testing.assert_frame_equal(first, again)
        assert not first["low"].equals(other["low"])

    def test_degenerate_scores_are_defined(self):
        table = bootstrap_agreement([1, 2, 3, 4], [2, 2, 2, 2], LABELS, 200)
        assert table.loc["qwk", "estimate"] == 0
        assert np.isnan(table.loc["correlation", "estimate"])
        single = bootstrap_agreement([3], [3], LABELS, 200)
        assert single.loc["exact", "estimate"] == 1
        assert np.isnan(single.loc["qwk", ["estimate", "low", "high"]].astype(float)).all()


class TestComparison:
    def test_pairing_pays_and_the_sign_is_a_minus_b(self):
        human, a, b = simulate_scores(1_500)
        result = compare_machines(human, a, b, LABELS)
        back = compare_machines(human, b, a, LABELS)
        assert result["difference"] == pytest.approx(result["a"] - result["b"])
        assert result["difference"] == pytest.approx(-back["difference"])
        alone = [bootstrap_agreement(human, m, LABELS).loc["qwk", "se"] for m in (a, b)]
        assert result["se"] < np.hypot(*alone)
        assert result["low"] > 0 and result["p"] < 0.05

    def test_a_machine_does_not_differ_from_itself(self):
        human, a, _ = simulate_scores(100)
        result = compare_machines(human, a, a, LABELS)
        assert [result["difference"], result["se"]] == pytest.approx([0, 0], abs=1e-12)
        assert result["p"] == 1

    def test_other_statistics_and_a_wrong_name(self):
        human, a, b = simulate_scores(400)
        result = compare_machines(human, a, b, LABELS, statistic="exact")
        assert result["difference"] == pytest.approx((human == a).mean() - (human == b).mean())
        with pytest.raises(ValueError, match="statistic must be one of qwk, exact.*'kappa'"):
            compare_machines(human, a, b, LABELS, statistic="kappa")

    @pytest.mark.parametrize("better", [0.6, pytest.param(0.72, marks=pytest.mark.slow)])
    def test_intervals_cover_under_null_and_effect(self, better):
        errors = (better, 0.72)
        human, a, b = simulate_scores(400_000, errors, seed=5)
        truth = quadratic_weighted_kappa(human, a, LABELS) - quadratic_weighted_kappa(
            human, b, LABELS
        )
        truth = 0.0 if better == 0.72 else truth
        covered = []
        for trial in range(800):
            scores = simulate_scores(400, errors, seed=1_000 + trial)
            result = compare_machines(*scores, LABELS, n_replicates=600, seed=trial)
            covered.append(result["low"] <= truth <= result["high"])
        assert 0.93 <= np.mean(covered) <= 0.97

    def test_intervals_of_one_machine_cover(self):
        truth = bootstrap_agreement(*simulate_scores(400_000, seed=6)[:2], LABELS, 10)["estimate"]
        names = ["qwk", "exact", "smd", "mean_difference", "correlation"]
        covered = []
        for trial in range(800):
            human, a, _ = simulate_scores(400, seed=9_000 + trial)
            table = bootstrap_agreement(human, a, LABELS, 600, seed=trial)
            covered.append(((table["low"] <= truth) & (truth <= table["high"]))[names])
        assert np.mean(covered, axis=0) == pytest.approx(0.95, abs=0.02)


class TestClusters:
    def test_the_population_is_named_and_few_prompts_get_no_interval(self):
        human, a, b = simulate_scores(400)
        assert compare_machines(human, a, b, LABELS)["inference_to"] == InferenceTo.NEW_ESSAYS
        few = compare_machines(human, a, b, LABELS, cluster=np.arange(400) % 3)
        assert few["inference_to"] == InferenceTo.TOO_FEW_PROMPTS
        assert np.isnan(few["low"]) and np.isnan(few["p"])
        some = compare_machines(human, a, b, LABELS, cluster=np.arange(400) % 8)
        assert some["inference_to"] == InferenceTo.NEW_PROMPTS
        assert some["low"] < some["difference"] < some["high"]
        one = bootstrap_agreement(human, a, LABELS, 100, cluster=np.zeros(400))
        assert one["se"].isna().all()

    def test_essays_as_their_own_clusters_give_the_ordinary_error(self):
        human, a, b = simulate_scores(300)
        by_essay = compare_machines(human, a, b, LABELS, cluster=np.arange(300), n_replicates=2_000)
        ordinary = compare_machines(human, a, b, LABELS)
        assert by_essay["se"] == pytest.approx(ordinary["se"] * np.sqrt(300 / 299))
        assert [by_essay["low"], by_essay["high"]] == pytest.approx(
            [ordinary["low"], ordinary["high"]], abs=0.008
        )

    def test_interval_and_p_of_clusters_agree(self):
        human, a, b = simulate_scores(600, (0.7, 0.72))
        prompt = np.repeat(np.arange(10), 60)
        result = compare_machines(human, a, b, LABELS, cluster=prompt)
        assert (result["p"] < 0.05) == (result["low"] > 0 or result["high"] < 0)
        at_the_limit = compare_machines(human, a, b, LABELS, cluster=prompt, null=result["low"])
        assert at_the_limit["p"] == pytest.approx(0.05, abs=0.005)

    def test_missing_clusters_are_refused(self):
        human, a, b = simulate_scores(4)
        with pytest.raises(ValueError, match="1 are missing|got 4, of which 1"):
            compare_machines(human, a, b, LABELS, cluster=["x", None, "y", "y"])

    def test_wild_cluster_interval_covers_with_ten_uneven_prompts(self):
        prompt = np.repeat(np.arange(10), [10, 20, 30, 30, 40, 40, 50, 60, 60, 60])
        covered = []
        for trial in range(400):
            rng = np.random.default_rng(trial)
            true = rng.normal(3.3, 1.1, 400)
            shift = rng.normal(0, 0.4, (2, 10))[:, prompt]
            noise = 0.6 * rng.normal(size=(2, 400))
            human = round_to_scale(true + 0.45 * rng.normal(size=400), LABELS)
            a, b = (round_to_scale(true + s + e, LABELS) for s, e in zip(shift, noise, strict=True))
            result = compare_machines(human, a, b, LABELS, n_replicates=399, cluster=prompt)
            covered.append(result["low"] <= 0 <= result["high"])
        assert 0.92 <= np.mean(covered) <= 0.98


class TestNonInferiority:
    @pytest.mark.long
    def test_error_rate_at_the_margin(self):
        human, a, b = simulate_scores(400_000, (0.75, 0.7), seed=7)
        margin = quadratic_weighted_kappa(human, b, LABELS) - quadratic_weighted_kappa(
            human, a, LABELS
        )
        claims = []
        for trial in range(800):
            scores = simulate_scores(400, (0.75, 0.7), seed=50_000 + trial)
            result = non_inferiority(*scores, LABELS, margin, n_replicates=600, seed=trial)
            claims.append(result["non_inferior"])
        assert 0.03 <= np.mean(claims) <= 0.07

    def test_bound_and_p_agree_and_power_comes_with_the_margin(self):
        human, a, b = simulate_scores(500, (0.7, 0.7))
        for margin in (0.001, 0.01, 0.02, 0.03, 0.1):
            result = non_inferiority(human, a, b, LABELS, margin)
            assert result["non_inferior"] == (result["lower"] > -margin)
            assert result["non_inferior"] == (result["p"] <= 0.05)
        assert result["non_inferior"] and result["p"] < 0.001

    def test_clearly_worse_is_not_non_inferior(self):
        human, a, b = simulate_scores(800, (1.4, 0.5))
        result = non_inferiority(human, a, b, LABELS, 0.02)
        assert not result["non_inferior"] and result["p"] > 0.99

    @pytest.mark.parametrize("margin", [0, -0.02, float("nan")])
    def test_the_margin_must_be_above_zero(self, margin):
        with pytest.raises(ValueError, match="margin must be above zero"):
            non_inferiority([1, 2], [1, 2], [1, 2], LABELS, margin)


class TestTwoRatings:
    def test_hand_computed_prmse(self):
        ratings = np.array([[1, 2], [3, 3], [4, 6], [5, np.nan]])
        machine = np.array([1.5, 3, 5, 5])
        # var_e = (0.5 + 0 + 2) / 3; ratings sum to 24 over C = 7
        error, c = 2.5 / 3, np.array([2, 2, 2, 1])
        means = np.array([1.5, 3, 5, 5])
        true = ((c * (means - 24 / 7) ** 2).sum() - 3 * error) / (7 - 13 / 7)
        assert prmse(ratings, machine) == pytest.approx(1 - (0 - 4 * error) / 7 / true)

    def test_it_recovers_the_simulated_truth_and_covers_it(self):
        truth, rng, result = 1 - (0.3**2 + 0.3**2), np.random.default_rng(0), []
        for _ in range(400):
            true = rng.normal(size=800)
            ratings = true[:, None] + 0.6 * rng.normal(size=(800, 3))
            ratings[rng.random(800) < 0.7, 1] = np.nan
            ratings[rng.random(800) < 0.8, 2] = np.nan
            result.append(prmse_interval(ratings, 0.7 * true + 0.3 * rng.normal(size=800)))
        table = pd.DataFrame(result)
        assert table["prmse"].mean() == pytest.approx(truth, abs=0.005)
        assert table["se"].mean() == pytest.approx(table["prmse"].std(), rel=0.1)
        covered = (table["low"] <= truth) & (truth <= table["high"])
        assert 0.92 <= covered.mean() <= 0.98

    def test_without_a_second_rating_it_is_undefined(self):
        assert np.isnan(prmse([[1], [2], [3]], [1, 2, 3]))
        with pytest.raises(ValueError, match="1 essays have no human rating"):
            prmse([[1, 2], [np.nan, np.nan]], [1, 2])
        with pytest.raises(ValueError, match="ratings are of 2 essays, machine scores of 3"):
            prmse([[1, 2], [1, 1]], [1, 2, 3])

    def test_human_human_bounds(self):
        first, second, machine = simulate_scores(3_000, (0.45, 0.5))
        table = human_human_comparison(first, second, machine, LABELS)
        assert table.loc["qwk", "human_human"] == pytest.approx(
            quadratic_weighted_kappa(first, second, LABELS)
        )
        assert (table["degradation"] == table["human_human"] - table["machine_human"]).all()
        assert table.loc["qwk", "verdict"] == Verdict.WITHIN
        poor = simulate_scores(3_000, (0.45, 1.5))
        verdicts = human_human_comparison(*poor, LABELS)["verdict"]
        assert (verdicts == Verdict.OUTSIDE).all()


@settings(max_examples=30)
@given(scored_pairs)
def test_no_scores_make_the_bootstrap_warn_or_fail(pairs):
    table = bootstrap_agreement(*pairs.T, LABELS, 100)
    complete = table.dropna()
    assert (complete["low"] <= complete["high"]).all()


def test_a_constant_machine_has_no_interval_for_new_prompts_and_does_not_fail():
    rng = np.random.default_rng(4)
    human = rng.integers(1, 7, 600)
    other = np.clip(human + rng.integers(-1, 2, 600), 1, 6)
    result = compare_machines(
        human, other, np.full(600, 3), range(1, 7), n_replicates=200, cluster=np.arange(600) % 12
    )
    assert result["b"] == 0
    assert 0 < result["low"] < result["difference"] < result["high"]
    alone = bootstrap_agreement(
        human, np.full(600, 3), range(1, 7), n_replicates=200, cluster=np.arange(600) % 12
    )
    assert alone.loc["qwk", "estimate"] == 0 and np.isnan(alone.loc["qwk", "low"])
