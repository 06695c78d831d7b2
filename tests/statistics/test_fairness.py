import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cyborg_utils.statistics.conditional_bias import (
    ConditionalVerdict,
    Correction,
    conditional_bias,
    conditional_verdicts,
)
from cyborg_utils.statistics.fairness import GroupNote, group_differences, group_report
from cyborg_utils.statistics.groups import MISSING, group_levels
from cyborg_utils.statistics.hypothesis_tests import (
    Verdict,
    equivalence_verdict,
    essays_needed,
)
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.statistics.standardized_differences import (
    DENOMINATORS,
    difference_of_standardized_means,
    dsm_with_error,
    smd_with_error,
    standardized_mean_difference,
)

pytestmark = pytest.mark.filterwarnings("error")
LABELS = range(1, 7)


def simulate_frame(n=1_000, bias=0.0, share=0.25, gap=-0.6, seed=0):
    """Essays of two groups: one lower by `gap` and scored `bias` points apart by the machine."""
    rng = np.random.default_rng(seed)
    member = rng.random(n) < share
    true = rng.normal(3.4, 1.1, n) + gap * member
    human, second = (round_to_scale(true + 0.5 * rng.normal(size=n), LABELS) for _ in range(2))
    continuous = true + bias * member + 0.5 * rng.normal(size=n)
    return pd.DataFrame(
        {
            "human": human,
            "second": second,
            "machine": round_to_scale(continuous, LABELS),
            "continuous": continuous,
            "true": true,
            "ell": np.where(member, "Yes", "No"),
            "gender": np.where(rng.random(n) < 0.5, "F", "M"),
        }
    )


class TestStandardizedMeanDifference:
    HUMAN, MACHINE = [1, 2, 3, 4], [2, 2, 4, 6]

    @pytest.mark.parametrize(
        ("denominator", "d"),
        [
            ("human", np.sqrt(5 / 3)),
            ("pooled", np.sqrt((5 / 3 + 11 / 3) / 2)),
            ("human_population", np.sqrt(2.5)),
            ("pooled_population", np.sqrt((2.5 + 0.3) / 2)),
        ],
    )
    def test_hand_computed(self, denominator, d):
        result = standardized_mean_difference(
            self.HUMAN, self.MACHINE, denominator, [1, 2, 3, 4, 5], [1, 1, 2, 2, 2]
        )
        assert result == pytest.approx(1 / d)

    def test_dsm_removes_scale_and_shift(self):
        whole = np.array([1.0, 2, 3, 4, 5, 6])
        assert difference_of_standardized_means(
            whole[:3], 2 * whole[:3] + 1, whole, 2 * whole + 1
        ) == pytest.approx(0)
        result = difference_of_standardized_means([1, 2], [2, 2], [1, 2, 3], [2, 2, 5])
        assert result == pytest.approx((2 - 3) / np.sqrt(3) - (1.5 - 2) / 1)

    @pytest.mark.parametrize("share", [0.05, 0.25, 0.8])
    def test_error_of_dsm_is_that_of_repeated_samples(self, share):
        frame = simulate_frame(500 * 600, bias=-0.4, share=share)
        arrays = (frame[c].to_numpy().reshape(600, 500) for c in ("human", "continuous", "ell"))
        result = np.array(
            [dsm_with_error(h, 1 + 2 * m, ell == "Yes") for h, m, ell in zip(*arrays, strict=True)]
        )
        assert result[:, 1].mean() == pytest.approx(result[:, 0].std(), rel=0.1)
        truth = dsm_with_error(frame["human"], frame["continuous"], frame["ell"] == "Yes")[0]
        covered = np.abs(result[:, 0] - truth) <= 1.965 * result[:, 1]
        assert 0.925 <= covered.mean() <= 0.975

    def test_dsm_with_error_is_the_function_and_all_essays_have_none(self):
        frame = simulate_frame(300, bias=-0.3)
        of_group = frame[frame["ell"] == "Yes"]
        scores = frame["human"], frame["continuous"]
        dsm, _ = dsm_with_error(*scores, frame["ell"] == "Yes")
        assert dsm == pytest.approx(
            difference_of_standardized_means(of_group["human"], of_group["continuous"], *scores)
        )
        assert dsm_with_error(*scores, [True] * 300) == pytest.approx((0, 0), abs=1e-12)
        alone = dsm_with_error(*scores, frame.index == 3)
        assert np.isfinite(alone[0]) and np.isnan(alone[1])
        assert np.isnan(dsm_with_error([1, 2], [3, 3], [True, False])).all()
        with pytest.raises(ValueError, match="member has 2 values for 300 essays"):
            dsm_with_error(*scores, [True, False])

    def test_unknown_denominator_and_absent_population(self):
        with pytest.raises(ValueError, match="denominator must be one of pooled.*'machine'"):
            standardized_mean_difference([1, 2], [1, 2], "machine")
        with pytest.raises(ValueError, match="needs population_human and population_machine"):
            standardized_mean_difference([1, 2], [1, 2], "pooled_population")

    def test_undefined_without_variance(self):
        assert np.isnan(standardized_mean_difference([3, 3], [3, 3]))
        assert np.isnan(standardized_mean_difference([3], [4]))
        assert np.isnan(standardized_mean_difference([3, 3], [3, 4], "human"))
        assert np.isnan(difference_of_standardized_means([3], [3], [3, 3], [3, 4]))

    @given(
        st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=3, max_size=40).map(
            np.array
        )
    )
    def test_sign_turns_and_unit_does_not_matter(self, pairs):
        human, machine = pairs.T
        smd, se = smd_with_error(human, machine)
        turned, same_se = smd_with_error(machine, human)
        scaled, scaled_se = smd_with_error(10 * human - 3, 10 * machine - 3)
        assert turned == pytest.approx(-smd, nan_ok=True)
        assert scaled == pytest.approx(smd, nan_ok=True)
        assert [same_se, scaled_se] == pytest.approx([se, se], nan_ok=True)

    @pytest.mark.parametrize("denominator", DENOMINATORS)
    @pytest.mark.parametrize("bias", [0.0, 0.4])
    def test_standard_error_is_that_of_repeated_samples(self, denominator, bias):
        frame = simulate_frame(400 * 500, bias, share=1.0)
        human, machine = (
            frame[name].to_numpy().reshape(500, 400) for name in ("human", "continuous")
        )
        pairs = zip(human, machine, strict=True)
        whole = (frame["human"], frame["continuous"])
        result = np.array([smd_with_error(h, m, denominator, *whole) for h, m in pairs])
        assert result[:, 1].mean() == pytest.approx(result[:, 0].std(), rel=0.1)
        truth = smd_with_error(*whole, denominator, *whole)[0]
        covered = np.abs(result[:, 0] - truth) <= 1.966 * result[:, 1]
        assert 0.93 <= covered.mean() <= 0.97


class TestEquivalence:
    @pytest.mark.parametrize(
        ("smd", "se", "n", "verdict"),
        [
            (0.0, 0.03, 500, Verdict.WITHIN),
            (0.05, 0.03, 500, Verdict.WITHIN),
            (0.06, 0.03, 500, Verdict.INCONCLUSIVE),
            (0.0, 0.07, 500, Verdict.INCONCLUSIVE),
            (0.14, 0.03, 500, Verdict.INCONCLUSIVE),
            (0.16, 0.03, 500, Verdict.OUTSIDE),
            (-0.16, 0.03, 500, Verdict.OUTSIDE),
            (0.1, 0.001, 100_000, Verdict.INCONCLUSIVE),
            (0.0, 0.0, 20, Verdict.INCONCLUSIVE),
            (0.0, 0.0, 30, Verdict.WITHIN),
            (np.nan, np.nan, 500, Verdict.INCONCLUSIVE),
        ],
    )
    def test_verdicts(self, smd, se, n, verdict):
        assert equivalence_verdict(smd, se, n) == verdict

    def test_the_bound_must_be_positive(self):
        with pytest.raises(ValueError, match="bound must be positive"):
            equivalence_verdict(0, 0.1, 100, bound=-0.1)

    @pytest.mark.parametrize(
        ("smd", "wrong"), [(0.1, Verdict.WITHIN), (-0.1, Verdict.WITHIN), (0.1, Verdict.OUTSIDE)]
    )
    def test_error_rate_at_the_bound(self, smd, wrong):
        verdicts = self.simulated_verdicts(smd, 500, 2_000)
        assert 0.03 <= np.mean(verdicts == wrong) <= 0.07

    def test_planned_essays_give_the_planned_power(self):
        n = essays_needed(0.0, error_sd=0.51, power=0.8)
        verdicts = self.simulated_verdicts(0.0, n, 2_000)
        assert np.mean(verdicts == Verdict.WITHIN) == pytest.approx(0.8, abs=0.03)
        with pytest.raises(ValueError, match="must be inside the bounds"):
            essays_needed(0.1)

    @staticmethod
    def simulated_verdicts(smd, n, trials):
        rng = np.random.default_rng(4)
        human = rng.normal(size=(trials, n))
        slope = 1 - 0.51**2 / 2
        error = np.sqrt(1 - slope**2) * rng.normal(size=(trials, n))
        machine = smd + slope * human + error
        return np.array(
            [
                equivalence_verdict(*smd_with_error(h, m), n)
                for h, m in zip(human, machine, strict=True)
            ]
        )


class TestConditionalBias:
    def test_uncorrected_fit_is_the_library_regression(self):
        frame = simulate_frame()
        result = conditional_bias(frame["human"], frame["continuous"], frame["ell"])
        design = np.column_stack([np.ones(1_000), frame["human"], frame["ell"] == "Yes"])
        peer = sm.OLS(frame["continuous"] - frame["human"], design).fit(cov_type="HC1")
        row = result.coefficients.iloc[0]
        assert row["correction"] == "none" and row["reference"] == "No"
        assert row["coefficient"] == pytest.approx(peer.params.iloc[2])
        assert row["se"] == pytest.approx(peer.bse.iloc[2])

    @pytest.mark.parametrize(
        "reliability",
        [0.75, *(pytest.param(r, marks=pytest.mark.slow) for r in (0.85, 0.95))],
    )
    def test_a_fair_scorer_looks_biased_until_reliability_is_considered(self, reliability):
        rng, result = np.random.default_rng(2), []
        for _ in range(200):
            member = rng.random(1_500) < 0.25
            true = rng.normal(size=1_500) - 0.65 * member
            noise = np.sqrt(true.var() * (1 / reliability - 1))
            human, second = true + noise * rng.normal(size=(2, 1_500))
            machine = 0.9 * true + 0.3 * rng.normal(size=1_500)
            answer = conditional_bias(
                np.round(human, 1), machine, member, None, (reliability,), np.round(second, 1)
            )
            result.append(answer.coefficients[["coefficient", "p"]])
        naive, banded, instrumented = np.swapaxes(np.array(result), 0, 1)
        assert naive[:, 0].mean() < -0.02
        if reliability == 0.75:
            assert (naive[:, 1] < 0.05).mean() > 0.5
        for corrected in (banded, instrumented):
            assert corrected[:, 0].mean() == pytest.approx(0, abs=0.01)
            assert (corrected[:, 1] < 0.05).mean() <= 0.09

    def test_a_second_rating_decides_alone(self):
        fair = simulate_frame(6_000)
        fair["ell"] = fair["ell"].where(fair.index % 3 > 0, "Other")
        result = conditional_bias(
            fair["human"], fair["continuous"], fair["ell"], None, (0.3, 0.99), fair["second"]
        )
        uncorrected = result.coefficients.query("correction == 'none' and level == 'Yes'").iloc[0]
        assert uncorrected["coefficient"] < -2 * uncorrected["se"]
        verdicts = result.verdicts.set_index("level")
        assert verdicts["verdict"].to_dict() == dict.fromkeys(
            ["Yes", "Other"], ConditionalVerdict.WITHIN
        )
        assert (verdicts["smallest"] == verdicts["largest"]).all()
        assert (verdicts["correction"] == Correction.SECOND_RATING).all()
        assumed = conditional_bias(
            fair["human"], fair["continuous"], fair["ell"], None, (0.3, 0.99)
        ).verdicts.set_index("level")
        assert assumed.loc["Yes", "verdict"] == ConditionalVerdict.DEPENDS
        assert assumed.loc["Yes", "smallest"] < 0 < assumed.loc["Yes", "largest"]

    @pytest.mark.parametrize("second", [True, False])
    def test_a_biased_scorer_is_found(self, second):
        planted = simulate_frame(4_000, bias=-0.5)
        result = conditional_bias(
            planted["human"], planted["continuous"], planted["ell"], None, (0.75, 0.85),
            planted["second"] if second else None,
        )  # fmt: skip
        assert result.verdicts["verdict"].iloc[0] == ConditionalVerdict.TOO_LOW
        assert result.verdicts["high"].iloc[0] < -0.3

    @staticmethod
    def verdicts_of_a_fair_scorer(reliability, second, n, trials):
        """A group .63 SD lower, and a machine that follows the true score of everybody alike."""
        rng, verdicts = np.random.default_rng(7), []
        member = rng.random(n) < 0.3
        true = rng.normal(3.5, 1.0, (trials, n)) - 0.63 * 1.04 * member
        noise = np.sqrt(true.var() * (1 / reliability - 1) - 0.5**2 / 12)  # and that of rounding
        ratings = np.round(2 * (true + noise * rng.normal(size=(2, trials, n)))) / 2
        machine = true + 0.4 * rng.normal(size=(trials, n))
        for h, other, m in zip(*ratings, machine, strict=True):
            result = conditional_bias(h, m, member, second_rating=other if second else None)
            verdicts.append(result.verdicts["verdict"].iloc[0])
        return pd.Series(verdicts)

    @pytest.mark.parametrize(
        ("n", "trials"), [(1_000, 60), pytest.param(1_000, 1_000, marks=pytest.mark.slow),
                          pytest.param(10_000, 200, marks=pytest.mark.slow)],
    )  # fmt: skip
    @pytest.mark.parametrize("second", [True, False])
    @pytest.mark.parametrize("reliability", [0.6, 0.7, 0.8, 0.9])
    def test_a_fair_scorer_is_seldom_called_biased(self, reliability, second, n, trials):
        verdicts = self.verdicts_of_a_fair_scorer(reliability, second, n, trials)
        wrong = verdicts.isin([ConditionalVerdict.TOO_LOW, ConditionalVerdict.TOO_HIGH])
        assert wrong.mean() <= 0.07
        if second and n == 10_000:
            assert (verdicts == ConditionalVerdict.WITHIN).mean() > 0.8

    def test_verdicts_are_adjusted_over_the_groups_that_are_large_enough(self):
        one = {"n": 200, "correction": Correction.SECOND_RATING, "bound": 0.1, "df": 10_000}
        rows = [
            ("a", 0.3, 0.1), ("b", 0.3, 0.01), ("c", -0.3, 0.01), ("d", 0.05, 0.01),
            ("e", 0.1, 0.5), (MISSING, 2.0, 0.01),
        ]  # fmt: skip
        table = pd.DataFrame(rows, columns=["level", "coefficient", "se"]).assign(**one)
        table = pd.concat([table, table[:1].assign(level="small", n=29)])
        result = conditional_verdicts(table).set_index("level")
        assert result["verdict"].to_dict() == {
            "a": "inconclusive", "b": "too_high", "c": "too_low", "d": "within",
            "e": "inconclusive", MISSING: "inconclusive", "small": "inconclusive",
        }  # fmt: skip
        assert result.loc["a", "p_holm"] == pytest.approx(3 * stats.norm.sf(2), rel=1e-3)
        assert result["p_holm"].isna().tolist() == [False] * 5 + [True] * 2
        alone = conditional_verdicts(table[:1])
        assert alone["verdict"].tolist() == [ConditionalVerdict.TOO_HIGH]

    def test_adjusted_r2_of_error_on_group(self):
        human, machine = np.array([1, 2, 3, 1, 2, 3]), np.array([1, 2, 3, 2, 3, 4])
        result = conditional_bias(human, machine, list("aaabbb"), reliabilities=())
        assert result.osa == pytest.approx(1) and result.osd == pytest.approx(1)
        assert result.csd == pytest.approx(1 - (1 - 5 / 3))
        assert result.coefficients["coefficient"].tolist() == pytest.approx([1])

    def test_one_level_and_no_error_and_one_essay(self):
        alone = conditional_bias([1, 2, 3, 4], [1, 2, 3, 3], ["x"] * 4)
        assert np.isnan(alone.csd) and alone.coefficients.empty and alone.verdicts.empty
        perfect = conditional_bias([1, 2, 3, 4] * 5, [1, 2, 3, 4] * 5, list("aabb") * 5)
        assert np.isnan(perfect.osa)
        frame = simulate_frame(60)
        group = frame["ell"].where(frame.index != 7, "Lone")
        lone = conditional_bias(frame["human"], frame["machine"], group)
        verdict = lone.verdicts.set_index("level").loc["Lone", "verdict"]
        assert verdict == ConditionalVerdict.NOT_ESTIMABLE
        rest = conditional_bias(*(frame.drop(index=7)[c] for c in ("human", "machine", "ell")))
        both = (result.coefficients.query("level == 'Yes'") for result in (lone, rest))
        uncorrected = [part["coefficient"].iloc[0] for part in both]
        assert uncorrected[0] == pytest.approx(uncorrected[1])

    def test_constant_human_scores_and_saturated_scores_are_defined(self):
        constant = conditional_bias([3] * 8, [1, 2, 3, 4] * 2, list("aabb") * 2)
        assert constant.verdicts["verdict"].tolist() == ["not_estimable"]
        saturated = conditional_bias([1, 2, 3, 4], [1, 2, 3, 3], list("aabb"))
        assert np.isnan(saturated.csd)

    def test_missing_groups_are_a_level_and_ties_are_alphabetical(self):
        result = conditional_bias(
            [1, 2, 3, 4, 2, 3], [1, 2, 3, 3, 2, 4], ["b", "b", "a", "a", None, None]
        )
        assert set(result.coefficients["reference"]) == {"(missing)"}
        assert result.verdicts["level"].tolist() == ["a", "b"]

    def test_wrong_arguments(self):
        frame = simulate_frame(50)
        scores = frame["human"], frame["machine"], frame["ell"]
        with pytest.raises(ValueError, match="reference 'Maybe' is not a level: use No, Yes"):
            conditional_bias(*scores, reference="Maybe")
        with pytest.raises(ValueError, match=r"above 0 and at most 1, got \[1\.2\]"):
            conditional_bias(*scores, reliabilities=(0.8, 1.2))
        with pytest.raises(ValueError, match="second_rating has 3 values for 50 essays"):
            conditional_bias(*scores, second_rating=[1, 2, 3])


class TestGroupDifferences:
    def test_every_denominator_is_that_of_the_function(self):
        frame = simulate_frame(300, bias=-0.3)
        table = group_differences(frame, "ell", labels=LABELS).set_index("level")
        of_group = frame[frame["ell"] == "Yes"]
        for name in DENOMINATORS:
            column = "smd" if name == "pooled" else f"smd_{name}"
            assert table.loc["Yes", column] == standardized_mean_difference(
                of_group["human"], of_group["machine"], name, frame["human"], frame["machine"]
            )

    def test_the_report_adds_to_it(self):
        frame = simulate_frame(300)
        groups = ["ell", ("gender", "ell")]
        table = group_differences(frame, groups, labels=LABELS, denominators=["human"])
        report = group_report(frame, groups, labels=LABELS, denominator="human", n_replicates=50)
        pd.testing.assert_frame_equal(report[table.columns], table)

    def test_one_essay_has_an_smd_over_the_whole_sample_alone(self):
        frame = simulate_frame(100).assign(kind=["lone"] + ["rest"] * 99)
        lone = group_differences(frame, "kind", labels=LABELS).set_index("level").loc["lone"]
        gap = frame["machine"].iloc[0] - frame["human"].iloc[0]
        assert lone["smd_human_population"] == pytest.approx(gap / frame["human"].std())
        assert lone[["smd", "smd_se", "smd_human", "sd_human"]].isna().all()


class TestGroupReport:
    def test_planted_bias_is_found_and_the_fair_group_is_certified(self):
        report = group_report(simulate_frame(6_000, bias=-0.4), ["ell"], labels=LABELS)
        verdicts = report.set_index("level")["verdict"]
        assert verdicts.to_dict() == {"No": Verdict.WITHIN, "Yes": Verdict.OUTSIDE}
        assert report["p_bh"].tolist()[1] < 0.001

    def test_missing_blank_and_intersected_levels(self):
        frame = simulate_frame(400)
        frame.loc[:9, "ell"] = None
        frame.loc[10:19, "ell"] = "  "
        report = group_report(frame, ["ell", ("gender", "ell")], labels=LABELS)
        assert report.query("level == '(missing)'")["n"].tolist() == [20]
        crossed = report[report["attribute"] == "gender × ell"]
        assert len(crossed) == 6 and crossed["n"].sum() == 400
        assert crossed["level"].str.contains("(missing)", regex=False).sum() == 2
        assert report.groupby("attribute")["reference"].sum().tolist() == [1, 1]

    def test_reference_is_the_largest_and_ties_are_alphabetical(self):
        frame = simulate_frame(60).assign(size=["b"] * 20 + ["a"] * 20 + ["c"] * 20)
        report = group_report(frame, "size", labels=LABELS)
        assert report["level"].tolist() == ["a", "b", "c"]
        assert report["reference"].tolist() == [True, False, False]

    def test_small_and_single_score_levels_are_explained(self):
        frame = simulate_frame(200)
        frame["class"] = ["lone"] + ["flat"] * 40 + ["rest"] * 159
        frame.loc[1:40, "human"] = 3
        report = group_report(frame, "class", labels=LABELS).set_index("level")
        assert np.isnan(report.loc["lone", "smd"])
        assert report.loc["lone", "verdict"] == Verdict.INCONCLUSIVE
        assert GroupNote.TOO_FEW_ESSAYS in report.loc["lone", "notes"]
        assert np.isnan(report.loc["flat", "qwk"])
        assert GroupNote.ONE_HUMAN_SCORE in report.loc["flat", "notes"]
        assert np.isfinite(report.loc["flat", "exact"])

    def test_constant_machine_and_all_missing_attribute(self):
        frame = simulate_frame(100).assign(machine=3, ell=np.nan)
        report = group_report(frame, "ell", labels=LABELS)
        row = report.iloc[0]
        assert row["level"] == "(missing)" and row["reference"] and row["n"] == 100
        assert row["qwk"] == 0 and np.isnan(row["dsm"])
        assert GroupNote.ONE_MACHINE_SCORE in row["notes"]

    def test_unscored_essays_are_counted(self):
        frame = simulate_frame(100).assign(ell=["Yes"] * 3 + ["No"] * 97)
        frame["machine"] = frame["machine"].astype(float)
        frame.loc[:2, "machine"] = np.nan
        frame.loc[3, "machine"] = np.nan
        report = group_report(frame, "ell", labels=LABELS).set_index("level")
        assert report.loc["No", ["n", "n_unscored"]].tolist() == [96, 1]
        assert report.loc["Yes", ["n", "n_unscored"]].tolist() == [0, 3]
        assert GroupNote.SOME_UNSCORED in report.loc["Yes", "notes"]
        assert GroupNote.NONE_SCORED in report.loc["Yes", "notes"]
        assert report.loc["Yes", "verdict"] == Verdict.INCONCLUSIVE

    def test_continuous_scores_are_rounded_for_kappa_alone(self):
        frame = simulate_frame(500)
        rounded = group_report(frame, "ell", labels=LABELS)
        continuous = group_report(frame, "ell", machine="continuous", labels=LABELS)
        assert continuous["qwk"].tolist() == rounded["qwk"].tolist()
        assert continuous["mean_machine"].tolist() != rounded["mean_machine"].tolist()

    def test_half_points(self):
        frame = simulate_frame(300)
        halves = frame.assign(human=(frame["human"] + 1) / 2, machine=(frame["machine"] + 1) / 2)
        result = group_report(halves, "ell", labels=np.arange(1, 5.5, 0.5))
        expected = group_report(frame, "ell", labels=LABELS)
        for column in ("qwk", "smd", "smd_low", "dsm", "exact"):
            assert result[column].tolist() == pytest.approx(expected[column].tolist())

    def test_input_is_not_changed_and_a_seed_decides(self):
        frame = simulate_frame(200)
        before = frame.copy()
        first, again = (group_report(frame, "ell", labels=LABELS, seed=1) for _ in range(2))
        pd.testing.assert_frame_equal(frame, before)
        pd.testing.assert_frame_equal(first, again)

    def test_wrong_columns_and_scores(self):
        frame = simulate_frame(20)
        with pytest.raises(ValueError, match="group columns race are not in the frame"):
            group_report(frame, ["race"], labels=LABELS)
        with pytest.raises(ValueError, match="score columns robot are not in the frame"):
            group_report(frame, ["ell"], machine="robot", labels=LABELS)
        with pytest.raises(ValueError, match="scores in human are not on the scale 1 to 3"):
            group_report(frame.assign(human=6), ["ell"], labels=[1, 2, 3])
        with pytest.raises(ValueError, match="no essay has both"):
            group_report(frame.assign(human=np.nan), ["ell"], labels=LABELS)

    def test_levels_of_numbers_are_text(self):
        name, levels = group_levels(pd.DataFrame({"grade": [8, 9, 8]}), "grade")
        assert name == "grade" and levels.tolist() == ["8", "9", "8"]
