import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyborg_utils.statistics.agreement import compare_machines, quadratic_weighted_kappa
from cyborg_utils.statistics.bootstrap import InferenceTo
from cyborg_utils.statistics.contrasts import (
    NoInterval,
    arm_table,
    compare_arms,
    contrast,
    equivalent_labels,
    retention,
)
from cyborg_utils.statistics.hypothesis_tests import benjamini_hochberg, holm, holm_alphas
from cyborg_utils.statistics.replications import (
    Runs,
    prompt_variance,
    resample_runs,
    runs_from_frame,
)
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.statistics.variance_components import ONCE, Population

pytestmark = pytest.mark.filterwarnings("error")
LABELS = range(1, 7)
NOISE = {"u100": 1.2, "u300": 0.9, "u900": 0.7, "cyborg": 0.75, "full": 0.6}


def simulate_arms(n=500, n_draws=3, n_seeds=2, run_sd=0.05, noise=NOISE, seed=0):
    """Scores whose error grows by a proportion that the draw and the seed decide."""
    rng = np.random.default_rng(seed)
    true = rng.normal(3.3, 1.1, n)
    human = round_to_scale(true + 0.45 * rng.normal(size=n), LABELS)
    by_draw, by_seed = run_sd * rng.normal(size=n_draws), run_sd * rng.normal(size=n_seeds)
    arms = {}
    for name, sd in noise.items():
        draws = [ONCE] if name == "full" else list(range(n_draws))
        pairs = [(draw, run) for draw in draws for run in range(n_seeds)]
        shared = rng.normal(size=n)
        scores = []
        for draw, run in pairs:
            own = 1 + by_seed[run] + (0 if draw == ONCE else by_draw[draw])
            error = own * sd * (0.9 * shared + 0.44 * rng.normal(size=n))
            scores.append(round_to_scale(true + error, LABELS))
        arms[name] = Runs(np.array(scores), *map(np.array, zip(*pairs, strict=True)))
    return human, arms


@pytest.fixture(scope="module")
def resampled():
    human, arms = simulate_arms(2_000)
    return resample_runs(human, arms, LABELS, n_replicates=1_000)


def test_estimates_are_the_mean_kappa_of_the_runs():
    human, arms = simulate_arms(200)
    result = resample_runs(human, arms, LABELS, n_replicates=10)
    expected = np.mean(
        [quadratic_weighted_kappa(human, row, LABELS) for row in arms["cyborg"].scores]
    )
    assert result.estimates["cyborg"] == pytest.approx(expected)
    assert result.replicates.shape == (10, 5)


def test_one_run_an_arm_is_the_paired_comparison():
    human, arms = simulate_arms(800)
    single = {
        name: Runs(arms[name].scores[:1], np.array([0]), np.array([0])) for name in ("u100", "full")
    }
    result = compare_arms(resample_runs(human, single, LABELS), "u100", "full")
    peer = compare_machines(human, single["u100"].scores[0], single["full"].scores[0], LABELS)
    assert result["difference"] == pytest.approx(peer["difference"])
    assert result["se"] == pytest.approx(peer["se"], rel=0.08)
    assert result[["se_draws", "se_seeds"]].tolist() == pytest.approx([0, 0], abs=1e-12)
    assert result["population"] == Population.THESE_RUNS


def test_more_seeds_do_not_shrink_the_error_of_essays():
    human, few = simulate_arms(400, n_seeds=2, noise={"cyborg": 0.75})
    human_again, many = simulate_arms(400, n_seeds=12, noise={"cyborg": 0.75})
    of_few = contrast(resample_runs(human, few, LABELS), {"cyborg": 1})
    of_many = contrast(resample_runs(human_again, many, LABELS), {"cyborg": 1})
    assert of_many["se_essays"] == pytest.approx(of_few["se_essays"], rel=0.25)


def test_few_draws_count_as_few():
    human, arms = simulate_arms(4_000, run_sd=0.3, noise={"cyborg": 0.75})
    result = contrast(resample_runs(human, arms, LABELS), {"cyborg": 1})
    assert result["se_draws"] > result["se_essays"]
    assert result["df"] < 6


def test_arms_of_the_same_draws_are_paired(resampled):
    paired = contrast(resampled, {"cyborg": 1, "u100": -1})
    alone = [contrast(resampled, {name: 1})["se"] for name in ("cyborg", "u100")]
    assert paired["se"] < np.hypot(*alone)


def test_numbers_of_seeds_do_not_matter():
    human, arms = simulate_arms(200, noise={"cyborg": 0.75, "u100": 1.2})
    other = {**arms, "cyborg": arms["cyborg"]._replace(seed=np.arange(6))}
    weights = {"cyborg": 1, "u100": -1}
    same, renamed = (contrast(resample_runs(human, a, LABELS, 50), weights) for a in (arms, other))
    pd.testing.assert_series_equal(same, renamed)


def test_interval_over_draws_and_essays_covers():
    noise = {"cyborg": 0.75, "u100": 0.9}
    setting = {"n": 300, "n_draws": 4, "n_seeds": 2, "run_sd": 0.15, "noise": noise}
    truths = []
    for trial in range(2_000, 2_300):
        human, arms = simulate_arms(seed=trial, **setting)
        cyborg, u100 = (
            np.mean([quadratic_weighted_kappa(human, row, LABELS) for row in arms[name].scores])
            for name in ("cyborg", "u100")
        )
        truths.append(cyborg - u100)
    truth = np.mean(truths)
    covered = []
    for trial in range(300):
        human, arms = simulate_arms(seed=trial, **setting)
        result = resample_runs(human, arms, LABELS, n_replicates=200, seed=trial)
        result = compare_arms(result, "cyborg", "u100")
        covered.append(result["low"] <= truth <= result["high"])
    assert 0.93 <= np.mean(covered) <= 0.985


def test_non_inferiority_of_arms(resampled):
    wide = compare_arms(resampled, "cyborg", "full", margin=0.2)
    assert wide["non_inferior"] and wide["p_non_inferior"] < 0.05 and wide["lower"] > -0.2
    narrow = compare_arms(resampled, "cyborg", "full", margin=0.001)
    assert not narrow["non_inferior"] and narrow["p_non_inferior"] > 0.05
    assert narrow["lower"] > narrow["low"]
    with pytest.raises(ValueError, match="margin must be above zero"):
        compare_arms(resampled, "cyborg", "full", margin=-0.02)
    with pytest.raises(ValueError, match="unknown arms half: use u100"):
        compare_arms(resampled, "half", "full")


def test_arm_table(resampled):
    table = arm_table(resampled)
    assert table.index.tolist() == list(NOISE)
    assert (table["low"] < table["qwk"]).all() and (table["qwk"] < table["high"]).all()
    assert table["qwk"].dtype == float


class TestRetention:
    def test_proportion_and_interval(self, resampled):
        result = retention(resampled, "cyborg", "u100", "full")
        cyborg, low, full = resampled.estimates[["cyborg", "u100", "full"]]
        assert result["retention"] == pytest.approx((cyborg - low) / (full - low))
        assert result["low"] < result["retention"] < result["high"]

    def test_the_ends_are_zero_and_one(self, resampled):
        assert retention(resampled, "full", "u100", "full")["retention"] == pytest.approx(1)
        itself = compare_arms(resampled, "cyborg", "cyborg", margin=0.01)
        assert [itself["difference"], itself["se"], itself["p"]] == [0, 0, 1]
        assert itself["non_inferior"]
        nothing = retention(resampled, "u100", "u100", "full")
        assert [nothing["retention"], nothing["low"], nothing["high"]] == pytest.approx([0, 0, 0])

    def test_no_gain_to_retain(self, resampled):
        result = retention(resampled, "cyborg", "full", "u100")
        assert np.isnan(result["low"]) and result["no_interval"] == NoInterval.NO_GAIN

    @pytest.mark.long
    def test_coverage(self):
        noise = {name: NOISE[name] for name in ("u100", "cyborg", "full")}
        setting = {"n": 400, "n_draws": 1, "n_seeds": 1, "noise": noise, "run_sd": 0}
        human, arms = simulate_arms(**(setting | {"n": 400_000}))
        low, cyborg, full = (
            quadratic_weighted_kappa(human, runs.scores[0], LABELS) for runs in arms.values()
        )
        covered = []
        for trial in range(300):
            result = resample_runs(
                *simulate_arms(seed=trial, **setting), LABELS, n_replicates=200, seed=trial
            )
            result = retention(result, "cyborg", "u100", "full")
            covered.append(result["low"] <= (cyborg - low) / (full - low) <= result["high"])
        assert 0.925 <= np.mean(covered) <= 0.975


class TestEquivalentLabels:
    CURVE = {100: "u100", 300: "u300", 900: "u900", 5_000: "full"}

    def test_a_point_of_the_curve_is_equivalent_to_itself(self, resampled):
        result = equivalent_labels(resampled, "u300", self.CURVE)
        assert result["labels"] == pytest.approx(300)
        assert result["low"] < 300.1 and result["high"] > 299.9

    def test_between_points(self, resampled):
        result = equivalent_labels(resampled, "cyborg", self.CURVE)
        assert 300 < result["labels"] < 900
        assert result["low"] < result["labels"] < result["high"]

    def test_values_off_the_curve_are_marked(self, resampled):
        below = equivalent_labels(resampled, "u100", {300: "u300", 900: "u900"})
        assert np.isnan(below["labels"]) and "labels_below" in below["off_curve"]
        above = equivalent_labels(resampled, "full", {100: "u100", 300: "u300"})
        assert np.isnan(above["high"]) and "high_above" in above["off_curve"]

    def test_one_point_is_no_curve(self, resampled):
        with pytest.raises(ValueError, match="two or more numbers of labels"):
            equivalent_labels(resampled, "cyborg", {100: "u100"})
        with pytest.raises(ValueError, match="unknown arms u5"):
            equivalent_labels(resampled, "cyborg", {5: "u5", 100: "u100"})


class TestTidyFrame:
    @staticmethod
    def tidy(human, arms):
        return pd.DataFrame(
            [
                (name, draw, run, f"E{essay:03}", score, human[essay])
                for name, runs in arms.items()
                for draw, run, row in zip(runs.draw, runs.seed, runs.scores, strict=True)
                for essay, score in enumerate(row)
            ],
            columns=["arm", "draw", "seed", "essay_id", "score", "human"],
        )

    def test_a_frame_gives_the_same_as_matrices(self):
        human, arms = simulate_arms(60)
        shuffled = self.tidy(human, arms).sample(frac=1, random_state=0)
        before = shuffled.copy()
        same_human, same_arms = runs_from_frame(shuffled)
        pd.testing.assert_frame_equal(shuffled, before)
        assert (same_human.to_numpy() == human).all()
        computed = resample_runs(human, arms, LABELS, n_replicates=2).estimates
        reference = resample_runs(same_human, same_arms, LABELS, n_replicates=2).estimates
        pd.testing.assert_series_equal(computed.sort_index(), reference.sort_index())

    def test_a_missing_draw_is_a_draw_of_its_own(self):
        frame = self.tidy(*simulate_arms(20))
        frame["draw"] = frame["draw"].map({"0": 0.0, "1": 1.0, "2": 2.0, 0: 0.0, 1: 1.0, 2: 2.0})
        _, arms = runs_from_frame(frame)
        assert set(arms) == set(NOISE) and arms["full"].scores.shape == (2, 20)

    def test_gaps_and_doubles_are_refused(self):
        frame = self.tidy(*simulate_arms(20))
        with pytest.raises(ValueError, match="1 runs lack some"):
            runs_from_frame(frame.drop(index=3))
        with pytest.raises(ValueError, match="1 essays are scored twice"):
            runs_from_frame(pd.concat([frame, frame.iloc[[3]]]))
        with pytest.raises(ValueError, match="1 essays have two human scores"):
            runs_from_frame(frame.assign(human=frame["human"].where(frame.index != 3, 9)))


def test_shapes_and_scale_are_checked():
    human, arms = simulate_arms(20, noise={"cyborg": 0.75})
    short = arms["cyborg"]._replace(draw=np.array([0]))
    with pytest.raises(
        ValueError, match=r"arm cyborg: scores of shape \(6, 20\) do not fit 1 draw"
    ):
        resample_runs(human, {"cyborg": short}, LABELS)
    off = arms["cyborg"]._replace(scores=arms["cyborg"].scores + 0.5)
    with pytest.raises(ValueError, match="20 of 20 scores in arm cyborg, run 0 are not on the"):
        resample_runs(human, {"cyborg": off}, LABELS)


def test_prompts_as_clusters_are_named():
    human, arms = simulate_arms(200, noise={"cyborg": 0.75})
    for prompts, to in ((8, InferenceTo.NEW_PROMPTS), (3, InferenceTo.TOO_FEW_PROMPTS)):
        result = resample_runs(human, arms, LABELS, 50, cluster=np.arange(200) % prompts)
        assert result.inference_to == to
        assert result.essay_df == pytest.approx(prompts - 1, rel=1e-3)


def test_prompts_of_one_size_count_as_they_are_and_unequal_ones_as_fewer():
    assert prompt_variance([40] * 8) == pytest.approx((8 / 7, 7))
    assert prompt_variance([30, 10]) == pytest.approx((2.5 / (9 / 16), 1))
    assert prompt_variance([500, 500, 500, 1, 1, 1])[1] == pytest.approx(2, abs=0.02)
    assert np.isnan(prompt_variance([100])).all()


def test_the_error_of_arms_over_prompts_is_that_of_machines():
    human, arms = simulate_arms(600, 1, 1, noise={"cyborg": 0.75, "full": 0.6})
    prompt = np.arange(600) % 12
    by_arm = compare_arms(
        resample_runs(human, arms, LABELS, 20_000, cluster=prompt), "full", "cyborg"
    )
    scores = (arms[name].scores[0] for name in ("full", "cyborg"))
    paired = compare_machines(human, *scores, LABELS, n_replicates=100, cluster=prompt)
    assert by_arm["se"] == pytest.approx(paired["se"], rel=0.02)


def test_intervals_for_new_prompts_cover_where_few_prompts_hold_most_essays():
    prompt = np.repeat(np.arange(9), [130, 110, 100, 20, 15, 10, 8, 5, 2])
    covered = []
    for trial in range(300):
        rng = np.random.default_rng(trial)
        true = rng.normal(3.3, 1.1, 400)
        human = round_to_scale(true + 0.45 * rng.normal(size=400), LABELS)
        shift = rng.normal(0, 0.4, (2, 9))[:, prompt]
        arms = {
            name: Runs(round_to_scale(true + own + 0.6 * rng.normal(size=400), LABELS), [ONCE],
                       [ONCE])
            for name, own in zip("ab", shift, strict=True)
        }  # fmt: skip
        resampled = resample_runs(human, arms, LABELS, 200, cluster=prompt, seed=trial)
        result = compare_arms(resampled, "a", "b")
        covered.append(result["low"] <= 0 <= result["high"])
    assert np.mean(covered) >= 0.93


class TestMultiplicity:
    def test_hand_computed(self):
        assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
        assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])

    def test_intervals_are_at_the_level_that_holm_used(self):
        assert holm_alphas([0.01, 0.04, 0.03]) == pytest.approx([0.05 / 3, 0.05 * 2 / 3, 0.025])
        assert holm_alphas([0, np.nan, 0]) == pytest.approx([0.025, np.nan, 0.05], nan_ok=True)

    @settings(max_examples=25)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
    def test_adjusted_intervals_and_adjusted_p_agree(self, p):
        p = np.array(p)
        excluded = p < holm_alphas(p)
        clear = np.abs(holm(p) - 0.05) > 1e-9
        assert (excluded == (holm(p) < 0.05))[clear].all()

    def test_tests_that_could_not_be_made_do_not_count(self):
        assert holm([0.01, np.nan, 0.04]) == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
        assert np.isnan(benjamini_hochberg([np.nan, np.nan])).all()

    @settings(max_examples=25)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
    def test_holm_is_never_below_benjamini_hochberg(self, p):
        assert (holm(p) >= benjamini_hochberg(p) - 1e-12).all()
        assert (benjamini_hochberg(p) >= np.array(p) - 1e-12).all()
