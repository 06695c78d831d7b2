"""Calibration on dev: what each method guarantees, and that none uses test scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyborg_utils.analysis.calibration import calibrate_runs, compare_calibrations
from cyborg_utils.reporting.narrative.questions import calibration_findings
from cyborg_utils.statistics.agreement import quadratic_weighted_kappa
from cyborg_utils.statistics.calibration import METHODS, best_cuts, fit_calibration
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import Condition

LABELS = [1, 2, 3, 4, 5, 6]


def essays(n: int, seed: int, severity: float = 0.0, slope: float = 1.0):
    """Machine and human scores; the machine is severe, and its scores are shrunk to their mean."""
    rng = np.random.default_rng(seed)
    true = rng.normal(3.4, 1.1, n)
    human = round_to_scale(true + rng.normal(0, 0.4, n), LABELS)
    machine = 3.4 + slope * (true + rng.normal(0, 0.4, n) - 3.4) - severity
    return machine, human


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_mean_and_linear_equating_match_the_moments_of_dev(seed):
    machine, human = essays(60, seed, severity=0.7, slope=0.6)
    shifted, _ = fit_calibration("mean", machine, human, LABELS)(machine)
    assert shifted.mean() == pytest.approx(human.mean())
    assert np.diff(np.sort(shifted)) == pytest.approx(np.diff(np.sort(machine)))
    matched, _ = fit_calibration("linear", machine, human, LABELS)(machine)
    assert (matched.mean(), matched.std()) == pytest.approx((human.mean(), human.std()))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(METHODS)))
def test_no_method_reorders_essays_or_leaves_the_scale(seed, method):
    machine, human = essays(40, seed, severity=0.5)
    new = np.linspace(-3, 10, 200)
    continuous, score = fit_calibration(method, machine, human, LABELS)(new)
    assert (np.diff(continuous) >= -1e-12).all()
    assert (np.diff(score) >= 0).all()
    assert set(score) <= set(LABELS)


def test_plain_rounding_changes_nothing():
    machine, human = essays(50, 1)
    continuous, score = fit_calibration("none", machine, human, LABELS)(machine)
    assert np.array_equal(continuous, machine)
    assert np.array_equal(score, round_to_scale(machine, LABELS))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000))
def test_rounding_thresholds_ascend_and_are_never_worse_on_dev_than_the_midpoints(seed):
    machine, human = essays(60, seed, severity=0.6, slope=0.7)
    cuts = best_cuts(machine, human, LABELS)
    assert (np.diff(cuts) > 0).all()
    found = np.asarray(LABELS)[np.searchsorted(cuts, machine)]
    plain = round_to_scale(machine, LABELS)
    assert quadratic_weighted_kappa(human, found, LABELS) >= quadratic_weighted_kappa(
        human, plain, LABELS
    )


def test_rounding_thresholds_find_where_a_machine_puts_its_scores():
    """It says half of what it means."""
    human = np.repeat(LABELS, 20)
    cuts = best_cuts(human / 2 + np.tile(np.linspace(-0.2, 0.2, 20), 6), human, LABELS)
    assert np.allclose(cuts, [0.75, 1.25, 1.75, 2.25, 2.75], atol=0.06)


@pytest.mark.parametrize("said", [2.2, 2.7, 3.1])
def test_a_constant_machine_is_calibrated_to_what_people_say_on_average(said):
    _, human = essays(100, 3)
    for method in ("mean", "linear", "isotonic"):
        _, score = fit_calibration(method, np.full(100, said), human, LABELS)([said, said + 0.01])
        assert score.tolist() == [round_to_scale([human.mean()], LABELS)[0]] * 2


# ---------------------------------------------------------------- runs


def runs(n: int, seed: int, strict: float) -> pd.DataFrame:
    """Two seeds of one arm; essays of group b are scored half a point too low on top of that."""
    parts = []
    _, human = essays(n, seed)
    for run in (1, 2):
        rng = np.random.default_rng([seed, run])
        in_b = np.arange(n) % 2
        machine = human + rng.normal(0, 0.6, n) - strict - 0.5 * in_b
        parts.append(
            pd.DataFrame(
                {
                    "essay_id": [f"{seed}-{i}" for i in range(n)], "human": human,
                    "continuous": machine, "score": round_to_scale(machine, LABELS),
                    **Condition("cyborg", "t", 0.1, strategy="hard").fields, "draw": 1, "seed": run,
                    "n_human": 100, "n_train": 1000, "truncated": 0,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def compared():
    study = load_study("demo", ["evaluation.replicates=400"])
    dev, test = runs(300, 1, strict=0.75), runs(2000, 2, strict=0.75)
    corpus = pd.DataFrame({"essay_id": test["essay_id"].unique()})
    corpus["kind"] = np.where(np.arange(len(corpus)) % 2, "b", "a")
    table, bias = compare_calibrations(study, dev, test, corpus, ["kind"])
    return table.set_index("method"), bias.set_index(["method", "level"])


def test_a_planted_shift_is_removed_on_test_and_the_gain_is_measured(compared):
    table, _ = compared
    assert table.loc["none", "smd_all"] < -0.7
    for method in ("mean", "linear", "isotonic"):
        assert abs(table.loc[method, "smd_all"]) < 0.12
        assert table.loc[method, "change_low"] > 0
        assert table.loc[method, "qwk"] - table.loc["none", "qwk"] == pytest.approx(
            table.loc[method, "change"]
        )


def test_a_gap_between_groups_stays_whatever_the_map(compared):
    """No map knows who writes: what it takes from one group it gives to the other."""
    table, bias = compared
    for method in METHODS:
        gap = bias.loc[(method, "b"), "smd"] - bias.loc[(method, "a"), "smd"]
        assert gap < -0.3
    assert table.loc["mean", "largest"] > 0.1
    assert (table["judged"] == 2).all()


def test_no_map_sees_the_human_scores_of_test():
    dev, test = runs(100, 1, 0.5), runs(200, 2, 0.5)
    other = test.assign(human=np.random.default_rng(0).permutation(test["human"].to_numpy()))
    for method in METHODS:
        first, second = (calibrate_runs(dev, t, method, LABELS) for t in (test, other))
        mine = ["continuous", "score"]
        pd.testing.assert_frame_equal(first[mine], second[mine], check_exact=True)


def test_each_run_is_calibrated_by_itself():
    """Two seeds that are off in opposite directions both end at the human mean."""
    dev, test = runs(300, 1, 0.0), runs(2000, 2, 0.0)
    for frame in (dev, test):
        frame["continuous"] += np.where(frame["seed"] == 1, 0.8, -0.8)
    fitted = calibrate_runs(dev, test, "mean", LABELS)
    for _, run in fitted.groupby("seed"):
        assert run["continuous"].mean() == pytest.approx(run["human"].mean(), abs=0.15)


def test_biases_of_opposite_runs_are_not_averaged_away():
    study = load_study("demo", ["evaluation.replicates=200"])
    dev, test = runs(200, 1, 0.0), runs(1000, 2, 0.0)
    corpus = pd.DataFrame({"essay_id": test["essay_id"].unique()})
    corpus["kind"] = np.where(np.arange(len(corpus)) % 2, "b", "a")
    turned = test["seed"] == 2  # the second seed favours group b by as much
    in_b = test["essay_id"].map(corpus.set_index("essay_id")["kind"]) == "b"
    test.loc[turned & in_b, "continuous"] += 1.0
    test["score"] = round_to_scale(test["continuous"], LABELS)
    table, _ = compare_calibrations(study, dev, test, corpus, ["kind"])
    assert table.set_index("method").loc["none", "largest"] > 0.3


def test_findings_say_what_the_mean_constraint_does(compared):
    table, _ = compared
    (line,) = calibration_findings(table.reset_index(), "electra", 0.1)
    assert line.startswith("**electra**, cyborg by t, 10 %: the mean constraint changes QWK by +0.")
    assert "of 2 groups 0 are shown to be within ±0.1 (0 before), 2 outside (2 before)" in line
    assert "Least bias: " in line and "neither 0.10 nor 0.05 is reached." in line
    without = table.reset_index().assign(largest=None)
    assert "no group is large enough" in calibration_findings(without, "electra", 0.1)[0]
