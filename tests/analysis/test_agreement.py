"""Comparisons of cyborg data with human labels: families, intervals and their populations."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cyborg_utils.analysis.agreement import adjust_confirmatory
from cyborg_utils.analysis.baseline import compare_with_baseline
from cyborg_utils.analysis.predictions import read_as
from cyborg_utils.reporting.narrative.equivalents import retention_texts, worth_texts
from cyborg_utils.reporting.narrative.findings import (
    BIAS_PAIR,
    baseline_findings,
    comparison_findings,
    linked_baseline_findings,
    linked_findings,
)
from cyborg_utils.statistics.hypothesis_tests import holm
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import Condition

PRIMARY = 0.1


def comparisons(populations: tuple[str, str] = ("new_draws", "new_draws")) -> pd.DataFrame:
    """Two Students at the primary fraction, and one of them at another."""
    gain, loss, se = np.array([0.05, 0.03, 0.02]), np.array([-0.005, 0.004, 0.0]), 0.0125
    frame = pd.DataFrame(
        {"condition": ["cyborg-llama-f0.1", "cyborg-llama-f0.1", "cyborg-llama-f0.25"],
         "student": ["electra", "ridge", "ridge"], "strategy": "hard",
         "fraction": [PRIMARY, PRIMARY, 0.25], "gain": gain, "gain_se": se, "gain_df": 50.0,
         "loss": loss, "loss_se": 0.008, "loss_df": 50.0, "margin": 0.02}
    )  # fmt: skip
    t = stats.t.ppf(0.975, 50)
    limits = {"gain_low": gain - t * se, "gain_high": gain + t * se}
    lower = loss - stats.t.ppf(0.95, 50) * 0.008
    return frame.assign(
        **limits, p=2 * stats.t.sf(gain / se, 50), lower=lower, non_inferior=lower > -0.02,
        p_non_inferior=stats.t.sf((loss + 0.02) / 0.008, 50),
        gain_population=populations[0], loss_population=populations[1],
    )  # fmt: skip


AGREEMENT = comparisons()[["student", "condition"]].assign(n_human=100, qwk=0.7)


class TestFamilies:
    def test_limits_are_at_the_level_of_holm(self):
        adjusted = adjust_confirmatory(comparisons(), PRIMARY)
        widths = (adjusted["gain_high_holm"] - adjusted["gain_low_holm"]) / 2
        levels = stats.t.isf([0.0125, 0.025], 50) * 0.0125  # of two tests, the smaller p first
        assert widths[:2].tolist() == pytest.approx(levels)
        assert adjusted["p_holm"].tolist()[:2] == pytest.approx(
            [2 * adjusted["p"][0], adjusted["p"][1]]
        )

    def test_non_inferiority_is_a_family_of_its_own(self):
        """A bound of -0.018 shows it alone, but not beside a second test."""
        adjusted = adjust_confirmatory(comparisons(), PRIMARY)
        assert comparisons()["non_inferior"].tolist() == [True, True, True]
        assert adjusted["non_inferior"].tolist() == [True, True, True]
        third = comparisons().assign(loss=[-0.0055, -0.0055, 0.0])
        third["p_non_inferior"] = stats.t.sf((third["loss"] + 0.02) / 0.008, 50)
        third["lower"] = third["loss"] - stats.t.ppf(0.95, 50) * 0.008
        verdicts = adjust_confirmatory(third, PRIMARY)
        assert (third["lower"] > -0.02).tolist() == [True, True, True]
        assert (verdicts["p_non_inferior_holm"][:2] < 0.05).tolist() == [False, False]
        assert verdicts["non_inferior"].tolist() == [False, False, True]

    def test_exploratory_comparisons_have_no_adjusted_value(self):
        last = adjust_confirmatory(comparisons(), PRIMARY).iloc[-1]
        columns = ["p_holm", "gain_low_holm", "gain_high_holm", "p_non_inferior_holm"]
        assert last[[*columns, "lower_holm"]].isna().all()


class TestSentences:
    @staticmethod
    def of(*populations: str) -> list[str]:
        compared = adjust_confirmatory(comparisons(populations), PRIMARY)
        return comparison_findings(AGREEMENT, compared, PRIMARY, pd.DataFrame(columns=BIAS_PAIR))

    def test_several_draws_bear_the_words(self):
        lines = self.of("new_draws", "new_draws")
        assert len(lines) == 2
        assert "better than the same human labels only (+0.050, Holm-adjusted 95 %" in lines[0]
        assert "and shown to be non-inferior to all human labels at the margin" in lines[0]
        assert "this draw" not in " ".join(lines)

    @pytest.mark.parametrize("population", ["these_runs", "this_draw"])
    def test_one_draw_speaks_of_itself(self, population):
        *lines, need = self.of(population, population)
        for line in lines:
            assert "for this draw of U and this Teacher" in line
            assert not any(w in line for w in ("better", "worse", "non-inferior"))
        assert "0.050 higher than with the same human labels only" in lines[0]
        assert "shown to be at most 0.02 below all human labels" in lines[0]
        assert need.startswith("One draw of U") and "3 draws of U and 2 training seeds" in need

    def test_one_training_on_all_labels_bears_no_non_inferiority(self):
        *lines, need = self.of("new_draws", "one_full_run")
        assert "better than" in lines[0] and "non-inferior" not in lines[0]
        assert need.startswith("One training on all human labels")


class TestBaseline:
    """A neural Student, a second one that is nearly the baseline, and the baseline; four draws."""

    N = 400

    def runs(self) -> pd.DataFrame:
        rng, parts = np.random.default_rng(4), []
        human = rng.integers(1, 7, self.N)
        for student, condition, error in [
            ("ridge", Condition("human", None, PRIMARY), 1.2),
            ("electra", Condition("cyborg", "llama", PRIMARY, strategy="hard"), 0.6),
            ("modernbert", Condition("cyborg", "llama", PRIMARY, strategy="hard"), 1.2),
        ]:
            for draw in (1, 2, 3, 4):
                score = round_to_scale(human + rng.normal(0, error, self.N), range(1, 7))
                essays = [f"e{i}" for i in range(self.N)]
                parts.append(
                    pd.DataFrame({"essay_id": essays, "human": human, "score": score}).assign(
                        student=student, draw=draw, seed=1, **condition.fields
                    )
                )
        return pd.concat(parts, ignore_index=True)

    def test_the_comparison_is_adjusted(self):
        study = load_study("demo", ["evaluation.replicates=400"])
        table = compare_with_baseline(study, self.runs()).set_index("student")
        assert table["baseline"].tolist() == ["ridge", "ridge"]
        assert table["difference"].tolist() == pytest.approx(table["qwk"] - table["baseline_qwk"])
        assert table.loc["electra", "p_holm"] < 0.05 < table.loc["modernbert", "p_holm"]
        assert table["p_holm"].tolist() == pytest.approx(holm(table["p"]).tolist())
        assert 0 < table.loc["electra", "low_holm"] < table.loc["electra", "low"]
        assert table.loc["modernbert", "low_holm"] == pytest.approx(table.loc["modernbert", "low"])
        assert (table["low_holm"] < table["high_holm"]).all()
        assert table["population"].tolist() == ["new_draws", "new_draws"]
        text = baseline_findings(table.reset_index())[0]
        assert "**electra** (cyborg by llama, 10 %) above the baseline" in text
        assert "**modernbert** (cyborg by llama, 10 %) not distinguishable from" in text
        (best,) = linked_baseline_findings(table.reset_index())
        adjusted = "{low_holm:+.3f} to {high_holm:+.3f}".format(**table.loc["electra"])
        assert "the best of 2 neural Students" in best and "is above **ridge**" in best
        assert f"Holm-adjusted 95 % interval {adjusted}" in best

    def test_every_pseudo_label_strategy_is_compared_where_that_is_asked_for(self):
        study, runs = load_study("demo", ["evaluation.replicates=400"]), self.runs()
        of_electra = runs["student"] == "electra"
        linked = Condition("cyborg", "llama", PRIMARY, strategy="linked")
        runs = pd.concat([runs, runs[of_electra].assign(**linked.fields)])
        assert len(compare_with_baseline(study, runs)) == 2
        assert len(compare_with_baseline(study, runs, every_strategy=True)) == 3

    def test_a_study_without_such_a_pair_has_no_row(self):
        runs = self.runs()
        assert compare_with_baseline(load_study("demo"), runs[runs["arm"] == "human"]).empty
        assert baseline_findings(pd.DataFrame()) == linked_baseline_findings(pd.DataFrame()) == []


class TestEquivalents:
    @staticmethod
    def row(**values) -> pd.DataFrame:
        row = {"retention": 0.858, "retention_low": 0.612, "retention_high": 1.046,
               "no_interval": None, "worth": 924.77, "worth_low": 730.2, "worth_high": np.nan,
               "worth_off_curve": "high_above", "curve_from": 50, "curve_to": 1_000}  # fmt: skip
        return pd.DataFrame([row | values])

    def test_the_interval_stands_beside_the_estimate(self):
        assert retention_texts(self.row()) == ["0.86 (0.61 to 1.05)"]
        assert retention_texts(self.row(retention_low=0.2)) == ["0.9 (0.2 to 1.0)"]
        assert worth_texts(self.row()) == ["920 (730 to more than 1,000)"]

    def test_a_missing_interval_has_its_reason(self):
        none = {"retention_low": np.nan, "retention_high": np.nan, "no_interval": "no_gain"}
        assert retention_texts(self.row(**none)) == [
            "0.9 (no interval: all human labels are not shown to be better than human-only)"
        ]

    def test_beyond_the_curve(self):
        beyond = "labels_above high_above"
        values = {"worth": np.nan, "worth_off_curve": beyond}
        assert worth_texts(self.row(**values)) == ["more than 1,000 (730 to more than 1,000)"]
        below = "labels_below low_below high_below"
        assert worth_texts(self.row(**values | {"worth_off_curve": below})) == [
            "fewer than 50 (fewer than 50)"
        ]


def test_a_gain_is_given_with_linked_scores_next_to_plain_ones():
    row = {
        "student": "ridge", "condition": "cyborg-llama-f0.1", "strategy": "hard", "fraction": 0.1,
        "gain": 0.054, "gain_low": 0.03, "gain_high": 0.08,
    }  # fmt: skip
    plain = pd.DataFrame([row, row | {"condition": "cyborg-llama-f0.5", "fraction": 0.5}])
    linked = plain.assign(gain=0.009, gain_low=-0.01, gain_high=0.028)
    (sentence,) = linked_findings(plain, linked, 0.1)
    assert "gains +0.009 QWK" in sentence and "-0.010 to +0.028" in sentence
    assert "with plain rounding it is +0.054" in sentence
    assert linked_findings(plain.drop(columns="gain"), linked, 0.1) == []
    assert linked_findings(plain, pd.DataFrame(), 0.1) == []


def test_scores_without_a_linking_are_refused_in_that_reading_with_the_remedy():
    scores = pd.DataFrame({"continuous": [1.2], "score": [1]})
    assert read_as(scores, "plain") is scores
    with pytest.raises(ValueError, match="no linked scores: train and label again"):
        read_as(scores, "linked")
    with pytest.raises(ValueError, match="one of plain, linked; got 'rounded'"):
        read_as(scores, "rounded")
    linked = read_as(scores.assign(linked=1.7, linked_score=2), "linked")
    assert linked[["continuous", "score"]].to_numpy().tolist() == [[1.7, 2.0]]
