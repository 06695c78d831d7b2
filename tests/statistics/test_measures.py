"""Accuracy, error by score point, cut scores, adjudication, external criterion: known values,
other libraries, coverage."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from cyborg_utils.statistics.accuracy import continuous_accuracy, unweighted_kappa
from cyborg_utils.statistics.adjudication import adjudication_rate, proportion_interval
from cyborg_utils.statistics.agreement import agreement_rates
from cyborg_utils.statistics.cut_scores import classification_at_cuts
from cyborg_utils.statistics.external_criterion import criterion_correlations, matched_difference
from cyborg_utils.statistics.human_agreement import human_human_comparison
from cyborg_utils.statistics.prmse import prmse, prmse_interval
from cyborg_utils.statistics.score_points import confusion_matrix, error_by_score

pytestmark = pytest.mark.filterwarnings("error")
LABELS = range(1, 7)
pairs = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=40).map(
    np.array
)


def simulated(n: int, seed: int = 3) -> pd.DataFrame:
    """Two raters, a machine and a criterion, all of one true score."""
    rng = np.random.default_rng(seed)
    true = rng.normal(3.4, 1, n)
    frame = pd.DataFrame({"machine": true + rng.normal(0, 0.5, n)})
    for name in ("human", "second"):
        frame[name] = np.clip(np.rint(true + rng.normal(0, 0.6, n)), 1, 6)
    frame["rounded"] = np.clip(np.rint(frame["machine"]), 1, 6)
    return frame.assign(criterion=true + rng.normal(0, 1, n))


def values(table: pd.DataFrame, column: str = "estimate") -> pd.Series:
    return table.set_index("statistic")[column]


class TestAccuracy:
    def test_scikit_learn_says_the_same(self):
        frame = simulated(500)
        of_machine = frame["human"], frame["machine"]
        found = values(continuous_accuracy(*of_machine))
        assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(*of_machine))
        assert found["r2"] == pytest.approx(metrics.r2_score(*of_machine))
        assert found["correlation"] == pytest.approx(np.corrcoef(*of_machine)[0, 1])
        kappa = values(unweighted_kappa(frame["human"], frame["rounded"], LABELS))["kappa"]
        assert kappa == pytest.approx(metrics.cohen_kappa_score(frame["human"], frame["rounded"]))

    def test_the_error_of_kappa_is_that_of_fleiss_cohen_and_everitt(self):
        frame = simulated(400)
        table = unweighted_kappa(frame["human"], frame["rounded"], LABELS)
        counts = confusion_matrix(frame["human"], frame["rounded"], LABELS).loc[1:6, 1:6]
        expected = cohens_kappa(counts.to_numpy(), wt=None).std_kappa
        assert values(table, "se")["kappa"] == pytest.approx(expected * np.sqrt(400 / 399))

    def test_the_intervals_cover(self):
        truth = values(continuous_accuracy(*simulated(200_000)[["human", "machine"]].T.to_numpy()))
        inside = []
        for seed in range(300):
            frame = simulated(150, 1000 + seed)
            table = continuous_accuracy(frame["human"], frame["machine"])
            inside.append((values(table) - truth).abs() < 1.976 * values(table, "se"))
        coverage = pd.DataFrame(inside).mean()
        assert coverage.between(0.90, 0.985).all(), coverage

    def test_scores_without_variance_are_undefined_and_perfect_ones_have_no_error(self):
        found = values(continuous_accuracy([3, 3, 3], [1, 2, 3]))
        assert np.isnan(found["r2"]) and np.isnan(found["correlation"])
        assert values(continuous_accuracy([1, 2, 3], [1, 2, 3])).tolist() == [0, 1, 1]
        assert np.isnan(values(unweighted_kappa([2, 2], [2, 2], LABELS))["kappa"])


class TestScorePoints:
    def test_known_values(self):
        human, machine = [1, 1, 2, 2, 2, 6], [1, 3, 2, 2, 4, 5]
        table = confusion_matrix(human, machine, LABELS)
        assert table.loc[1, [1, 2, 3]].tolist() == [1, 0, 1] and table.loc[6, 5] == 1
        assert table.to_numpy().sum() == 6
        found = error_by_score(human, machine, LABELS).set_index(["score", "statistic"])
        assert found.loc[(2, "bias"), "estimate"] == pytest.approx(2 / 3)
        assert found.loc[(2, "mean_machine"), "estimate"] == pytest.approx(8 / 3)
        sem = np.std([0, 0, 2], ddof=1)
        assert found.loc[(2, "conditional_sem"), "estimate"] == pytest.approx(sem)
        assert found.loc[(2, "bias"), "se"] == pytest.approx(sem / np.sqrt(3))
        assert found.loc[(1, "exact"), "estimate"] == 0.5
        assert found.loc[(1, "beyond_one_step"), "estimate"] == 0.5
        assert np.isnan(found.loc[(6, "conditional_sem"), "estimate"])
        assert found.loc[(6, "bias"), "n"] == 1 and 3 not in found.index.get_level_values(0)

    @settings(max_examples=40)
    @given(pairs)
    def test_rows_add_up_to_the_whole(self, scored):
        human, machine = scored.T
        expected = metrics.confusion_matrix(human, machine, labels=list(LABELS))
        assert (confusion_matrix(human, machine, LABELS).to_numpy() == expected).all()
        table = error_by_score(human, machine, LABELS)
        by_statistic = {name: rows for name, rows in table.groupby("statistic")}
        of = {
            name: np.average(rows["estimate"], weights=rows["n"])
            for name, rows in by_statistic.items()
            if name != "conditional_sem"
        }
        rates = agreement_rates(human, machine)
        assert of["exact"] == pytest.approx(rates["exact"])
        assert of["beyond_one_step"] == pytest.approx(1 - rates["adjacent"])
        assert of["bias"] == pytest.approx(np.mean(machine - human))

    def test_the_conditional_sem_covers(self):
        inside = []
        for seed in range(300):
            rng = np.random.default_rng(seed)
            human = np.repeat([2, 3], 60)
            continuous = human + rng.normal(0, 0.5, 120)
            table = error_by_score(human, human, LABELS, continuous)
            rows = table[table["statistic"] == "conditional_sem"]
            inside += ((rows["estimate"] - 0.5).abs() < 2 * rows["se"]).tolist()
        assert 0.90 <= np.mean(inside) <= 0.985


class TestCutScores:
    def test_scikit_learn_says_the_same(self):
        frame = simulated(500)
        table = classification_at_cuts(frame["human"], frame["machine"], [3, 4.5], frame["second"])
        for cut, rows in table.groupby("cut"):
            h, m, other = (frame[c] >= cut for c in ("human", "machine", "second"))
            found = values(rows)
            assert found["accuracy"] == pytest.approx(metrics.accuracy_score(h, m))
            assert found["cut_kappa"] == pytest.approx(metrics.cohen_kappa_score(h, m))
            assert found["sensitivity"] == pytest.approx(metrics.recall_score(h, m))
            assert found["specificity"] == pytest.approx(metrics.recall_score(h, m, pos_label=0))
            assert found["rate_difference"] == pytest.approx(m.mean() - h.mean())
            assert found["consistency"] == pytest.approx(metrics.accuracy_score(h, other))
            assert found["consistency_kappa"] == pytest.approx(metrics.cohen_kappa_score(h, other))
            loss = found["consistency"] - found["accuracy"]
            assert found["accuracy_loss"] == pytest.approx(loss)

    def test_errors_are_those_of_proportions_and_paired_differences(self):
        frame = simulated(500)
        table = classification_at_cuts(frame["human"], frame["machine"], [4])
        h, m = frame["human"] >= 4, frame["machine"] >= 4
        errors = values(table, "se")
        assert errors["human_rate"] == pytest.approx(stats.sem(h.astype(float)))
        assert errors["rate_difference"] == pytest.approx(stats.sem(m * 1.0 - h))
        sensitivity = stats.sem(m[h].astype(float))
        assert errors["sensitivity"] == pytest.approx(sensitivity, rel=0.005)

    def test_a_cut_that_nobody_reaches_has_no_sensitivity(self):
        found = values(classification_at_cuts([1, 2, 3], [1, 2, 3], [6]))
        assert np.isnan(found["sensitivity"]) and np.isnan(found["cut_kappa"])
        assert found["accuracy"] == 1
        assert classification_at_cuts([1, 2], [1, 2], []).empty


class TestAdjudication:
    def test_it_is_the_complement_of_adjacent_agreement(self):
        frame = simulated(300)
        table = adjudication_rate(frame["human"], frame["second"])
        rate = 1 - agreement_rates(frame["human"], frame["second"])["adjacent"]
        assert values(table)["adjudication"] == pytest.approx(rate)
        half = adjudication_rate([1.0, 2.5, 3.0], [1.5, 1.5, 3.0], step=0.5)
        assert values(half)["adjudication"] == pytest.approx(1 / 3)

    @pytest.mark.parametrize(("count", "n"), [(0, 20), (3, 20), (20, 20), (400, 1000)])
    def test_wilsons_interval_is_that_of_statsmodels(self, count, n):
        p = count / n
        low, high = proportion_interval(p, np.sqrt(p * (1 - p) / n), n)
        expected = proportion_confint(count, n, method="wilson")
        assert [low, high] == pytest.approx(expected, abs=1e-9)

    def test_a_larger_error_widens_it(self):
        narrow, wide = (np.diff(proportion_interval(0.2, se, 100)) for se in (0.04, 0.08))
        assert wide > 1.8 * narrow
        assert np.diff(proportion_interval(0.2, 0.04, 100, df=2)) > 1.4 * narrow


class TestPrmse:
    def test_a_declared_rater_variance_is_the_published_value_of_rsmtool(self):
        assert prmse([2, 3, 5], [1, 2, 5], rater_variance=0.5) == pytest.approx(10 / 11, abs=1e-12)

    def test_the_estimated_variance_declared_gives_the_same(self):
        frame = simulated(800)
        ratings = frame[["human", "second"]]
        variance = (ratings.diff(axis=1).iloc[:, 1] ** 2).mean() / 2
        machine = frame["machine"]
        declared = prmse_interval(ratings, machine, rater_variance=variance)
        estimated = prmse_interval(ratings, machine)
        assert declared["prmse"] == pytest.approx(estimated["prmse"])
        one = prmse_interval(frame["human"], machine, rater_variance=variance)
        assert one["low"] < estimated["prmse"] < one["high"] and one["n_double"] == 0
        assert np.isnan(prmse(frame["human"], machine))
        with pytest.raises(ValueError, match="must not be negative"):
            prmse(ratings, machine, rater_variance=-0.1)


class TestHumanHumanCorrelation:
    def test_it_is_paired_and_of_the_continuous_scores(self):
        frame = simulated(600)
        raters = frame["human"], frame["second"]
        table = human_human_comparison(
            *raters, frame["rounded"], LABELS, 500, continuous=frame["machine"]
        )
        row = table.loc["correlation"]
        assert row["human_human"] == pytest.approx(np.corrcoef(*raters)[0, 1])
        assert row["machine_human"] == pytest.approx(np.corrcoef(raters[0], frame["machine"])[0, 1])
        rng, differences = np.random.default_rng(1), []
        for _ in range(500):
            h, other, m = frame.iloc[rng.integers(0, 600, 600)][
                ["human", "second", "machine"]
            ].T.to_numpy()
            differences.append(np.corrcoef(h, other)[0, 1] - np.corrcoef(h, m)[0, 1])
        assert row["se"] == pytest.approx(np.std(differences), rel=0.15)


class TestExternalCriterion:
    def test_partial_correlations_are_those_of_residuals(self):
        frame = simulated(400)
        columns = frame["human"], frame["machine"], frame["criterion"]
        found = values(criterion_correlations(*columns))
        design = np.column_stack([np.ones(400), frame["human"]])
        residuals = [OLS(frame[c], design).fit().resid for c in ("machine", "criterion")]
        assert found["partial_machine"] == pytest.approx(np.corrcoef(*residuals)[0, 1])
        r = frame.corr()
        assert found["machine_criterion"] == pytest.approx(r.loc["machine", "criterion"])
        difference = r.loc["machine", "criterion"] - r.loc["human", "criterion"]
        assert found["criterion_difference"] == pytest.approx(difference)

    def test_its_errors_are_the_bootstraps(self):
        frame, rng = simulated(400), np.random.default_rng(2)
        table = criterion_correlations(frame["human"], frame["machine"], frame["criterion"])
        replicates = []
        for _ in range(400):
            drawn = frame.iloc[rng.integers(0, 400, 400)]
            columns = drawn["human"], drawn["machine"], drawn["criterion"]
            replicates.append(values(criterion_correlations(*columns)))
        ratio = values(table, "se") / pd.DataFrame(replicates).std()
        assert ratio.between(0.85, 1.15).all(), ratio

    def test_matching_shows_a_machine_that_is_severe_with_a_group(self):
        """A group of lower ability, scored by the machine 0.3 points below people at any level."""
        rng = np.random.default_rng(4)
        group = rng.random(4000) < 0.3
        true = rng.normal(3.5 - 0.6 * group, 1)
        human, fair = true + rng.normal(0, 0.6, 4000), true + rng.normal(0, 0.4, 4000)
        criterion = true + rng.normal(0, 0.3, 4000)
        severe = fair - 0.3 * group
        for machine, expected in ((fair, 0.0), (severe, -0.3)):
            table = matched_difference(human, machine, criterion, group, ~group)
            found, error = (values(table, c)["matched_difference"] for c in ("estimate", "se"))
            assert abs(found - expected) < 3 * error and error < 0.05
        assert values(table)["matched_machine"] < -0.3

    def test_without_a_match_it_is_undefined(self):
        low, high = np.arange(10.0), np.arange(100.0, 110.0)
        x, member = np.r_[low, high], np.r_[np.ones(10, bool), np.zeros(10, bool)]
        table = matched_difference(x, x, x, member, ~member)
        assert values(table).isna().all() and (table["n"] == 0).all()
