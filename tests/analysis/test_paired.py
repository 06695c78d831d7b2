"""Two scorers of the same essays compared: known values, reference implementations, error rates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyborg_utils.analysis.paired import (
    COLUMNS,
    EVERYONE,
    TOP_SHARE,
    bias_of_pairs,
    changes,
    decoded_scores,
    largest_smd,
    paired_statistics,
)
from cyborg_utils.reporting.narrative.fairness import bias_change
from cyborg_utils.reporting.narrative.questions import changes_finding, strategy_findings
from cyborg_utils.statistics.agreement import compare_machines, quadratic_weighted_kappa, sd_ratio
from cyborg_utils.statistics.contrasts import compare_arms
from cyborg_utils.statistics.replications import resample_runs, runs_from_frame
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.statistics.standardized_differences import (
    dsm_with_error,
    standardized_mean_difference,
)
from cyborg_utils.statistics.variance_components import ONCE
from cyborg_utils.study.config import load_study

LABELS = [1, 2, 3, 4, 5, 6]
STUDY = load_study("demo", ["evaluation.min_group=20"])
PEERS = {
    "qwk": lambda h, m: quadratic_weighted_kappa(h, m, LABELS),
    "smd": standardized_mean_difference,
    "sd_ratio": sd_ratio,
    TOP_SHARE: lambda h, m: (m >= 5).mean(),
}


def scores(n: int, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Human scores and those of two machines, the first of which is lenient by `shift`."""
    rng = np.random.default_rng(seed)
    true = rng.normal(3.4, 1.1, n)
    lenient = np.array([[0], [shift], [0]])
    every = true + rng.normal(0, 0.6, (3, n)) + lenient
    return tuple(round_to_scale(each, LABELS) for each in every)


def frame(human, score, seed: int = 1, draw: int | str = 1) -> pd.DataFrame:
    ids = [f"e{i}" for i in range(len(human))]
    return pd.DataFrame(
        {"essay_id": ids, "human": human, "score": score, "draw": draw, "seed": seed}
    )


def corpus_of(n: int, **groups) -> pd.DataFrame:
    return pd.DataFrame({"essay_id": [f"e{i}" for i in range(n)], **groups})


# ---------------------------------------------------------------- statistics


@settings(deadline=None, max_examples=30)
@given(st.integers(10, 200), st.integers(0, 10_000))
def test_the_statistics_equal_those_of_the_statistics_modules(n, seed):
    human, a, b = scores(n, seed, 0.4)
    table = paired_statistics(human, a, b, top=5, n_replicates=2).set_index("statistic")
    for name, peer in PEERS.items():
        assert table.loc[name, "a"] == pytest.approx(peer(human, a), nan_ok=True)
        assert table.loc[name, "b"] == pytest.approx(peer(human, b), nan_ok=True)
    assert np.allclose(table["difference"], table["a"] - table["b"], equal_nan=True)


def test_the_error_is_that_of_a_plain_bootstrap():
    human, a, b = scores(400, 1, 0.4)
    table = paired_statistics(human, a, b, top=5, n_replicates=4000).set_index("statistic")
    rng, n = np.random.default_rng(5), len(human)
    drawn = [rng.integers(0, n, n) for _ in range(800)]
    for name, peer in PEERS.items():
        every = [peer(human[i], a[i]) - peer(human[i], b[i]) for i in drawn]
        assert table.loc[name, "se"] == pytest.approx(np.std(every, ddof=1), rel=0.1)


def test_the_error_of_kappa_is_near_its_peers():
    for seed in (1, 2, 3):
        human, a, b = scores(500, seed, 0.3)
        se = paired_statistics(human, a, b, top=5, n_replicates=4000)["se"].iloc[0]
        peer = compare_machines(human, a, b, LABELS, n_replicates=4000)
        assert (peer["high"] - peer["low"]) / (2 * 1.96) == pytest.approx(se, rel=0.06)


def test_the_same_essays_in_another_order_change_nothing():
    human, a, b = scores(100, 1)
    other = np.random.default_rng(1).permutation(100)
    pd.testing.assert_frame_equal(
        paired_statistics(human, a, b, 5), paired_statistics(human[other], a[other], b[other], 5)
    )


# ---------------------------------------------------------------- changes


def test_a_machine_does_not_differ_from_itself():
    human, a, _ = scores(200, 1)
    run = frame(human, a)
    table = changes(STUDY, run, run, corpus_of(200, kind=["x", "y"] * 100), ["kind"])
    assert list(table) == COLUMNS
    assert (table[["difference", "low", "high"]] == 0).all(axis=None)
    assert (table["p"] == 1).all()


def test_to_swap_the_machines_swaps_the_signs():
    human, a, b = scores(300, 1, 0.5)
    corpus = corpus_of(300, kind=["x", "y", "z"] * 100)
    first = changes(STUDY, frame(human, a), frame(human, b), corpus, ["kind"])
    other = changes(STUDY, frame(human, b), frame(human, a), corpus, ["kind"])
    assert np.allclose(first["difference"], -other["difference"])
    assert np.allclose(first[["a", "b"]], other[["b", "a"]])
    assert np.allclose(first["low"], -other["high"], atol=0.02)  # other replicates
    assert first["difference"].abs().min() > 0


def test_runs_are_paired_by_draw_and_seed():
    """Unpaired runs are dropped; paired ones are averaged."""
    human, a, b = scores(300, 1, 0.5)
    _, other, _ = scores(300, 2, 0.5)
    first = pd.concat([frame(human, a, seed=1), frame(human, other, seed=2)])
    second = pd.concat([frame(human, b, seed=1), frame(human, human, seed=3)])
    corpus = corpus_of(300)
    paired = changes(STUDY, first, second, corpus, [])
    alone = changes(STUDY, frame(human, a), frame(human, b), corpus, [])
    pd.testing.assert_frame_equal(paired, alone)
    both = changes(STUDY, first, pd.concat([second, frame(human, b, seed=2)]), corpus, [])
    qwk = both.set_index("statistic").loc["qwk"]
    expected = np.mean([quadratic_weighted_kappa(human, s, LABELS) for s in (a, other)])
    assert qwk["a"] == pytest.approx(expected)
    assert np.isnan(qwk["low"]) and qwk["p"] > 0.2  # two seeds far apart: inconclusive


def test_trainings_of_one_seed_share_no_luck():
    """Both sides vary a lot from seed to seed, by chance in step: the difference is uncertain."""
    human, good, other = scores(400, 1)
    worse = [np.random.default_rng(k).permutation(s) for k, s in enumerate((good, other))]
    mixed = [
        np.where(np.arange(400) < 200, w, s) for w, s in zip(worse, (good, other), strict=True)
    ]
    sides = [
        pd.concat([frame(human, s), frame(human, m, seed=2)])
        for s, m in zip((good, other), mixed, strict=True)
    ]
    table = changes(STUDY, *sides, corpus_of(400), []).set_index("statistic")
    assert abs(table.loc["qwk", "difference"]) < 0.1
    assert np.isnan(table.loc["qwk", "low"]) and table.loc["qwk", "p"] > 0.3


def test_a_missing_attribute_is_no_subgroup():
    human, a, b = scores(300, 1, 0.5)
    kind = ["x", "y", None] * 100
    table = changes(STUDY, frame(human, a), frame(human, b), corpus_of(300, kind=kind), ["kind"])
    assert set(table["level"]) == {"", "x", "y"}


def test_runs_without_a_common_seed_give_no_row():
    human, a, b = scores(50, 1)
    table = changes(STUDY, frame(human, a, seed=1), frame(human, b, seed=2), corpus_of(50), [])
    assert list(table) == COLUMNS
    assert table.empty


def test_a_small_group_gets_no_row_and_a_large_one_its_own_smd():
    human, a, b = scores(300, 1, 0.5)
    kind = np.repeat(["large", "small", "just"], [261, 19, 20])
    table = changes(STUDY, frame(human, a), frame(human, b), corpus_of(300, kind=kind), ["kind"])
    groups = table[table["attribute"] == "kind"].set_index("level")
    assert set(groups.index) == {"large", "just"}
    assert set(groups["statistic"]) == {"smd"}
    assert groups["n"].to_dict() == {"large": 261, "just": 20}
    first = slice(0, 261)
    assert groups.loc["large", "a"] == pytest.approx(
        standardized_mean_difference(human[first], a[first])
    )
    assert groups["p_bh"].notna().all()
    assert table.loc[table["attribute"] == EVERYONE, "p_bh"].isna().all()
    assert largest_smd(table, "a") == groups["a"].abs().max()


def biased(n: int, *gaps: float) -> list[pd.DataFrame]:
    """Machines that score every third essay, of group "x", higher by a gap."""
    rng = np.random.default_rng(3)
    true, member = rng.normal(3.4, 1, n), np.arange(n) % 3 == 0
    human = round_to_scale(true + rng.normal(0, 0.4, n), LABELS)
    sides = [true + gap * member + rng.normal(0, 0.5, n) for gap in gaps]
    return [frame(human, round_to_scale(s, LABELS)).assign(continuous=s) for s in sides]


def dsms(sides: list[pd.DataFrame]) -> pd.DataFrame:
    corpus = corpus_of(len(sides[0]), kind=["x", "y", "y"] * (len(sides[0]) // 3))
    table = changes(STUDY, *sides, corpus, ["kind"], measure="dsm")
    return table[table["attribute"] == "kind"].set_index("level")


def test_the_difference_in_dsm_is_that_of_the_statistics_and_its_error_is_paired():
    sides = biased(600, 0.0, -0.4)
    row, member = dsms(sides).loc["x"], np.arange(600) % 3 == 0
    for side, name in zip(sides, "ab", strict=True):
        expected = dsm_with_error(side["human"], side["continuous"], member)[0]
        assert row[name] == pytest.approx(expected)
    rng, replicates = np.random.default_rng(0), []
    for _ in range(400):
        drawn = rng.integers(0, 600, 600)
        human = sides[0]["human"].to_numpy()[drawn]
        of_sides = [
            dsm_with_error(human, s["continuous"].to_numpy()[drawn], member[drawn])[0]
            for s in sides
        ]
        replicates.append(of_sides[0] - of_sides[1])
    assert (row["high"] - row["low"]) / 3.92 == pytest.approx(np.std(replicates), rel=0.12)


@pytest.mark.parametrize(
    ("gaps", "farther"), [((-0.5, 0), "a"), ((0, 0.5), "b"), ((0.4, -0.4), ""), ((0.3, 0.3), "")]
)
def test_the_side_that_is_farther_from_zero_is_named_and_no_other(gaps, farther):
    assert set(dsms(biased(1_500, *gaps))["farther"]) == {farther}


def test_a_side_without_draws_is_paired_with_every_draw_and_its_trainings_count_once():
    human, a, b = scores(300, 1, 0.5)
    rng = np.random.default_rng(0)

    def training(score, seed, draw):
        moved = np.clip(score + (rng.random(300) < 0.1), 1, 6)
        return frame(human, moved, seed, draw)

    drawn = pd.concat([training(a, s, d) for d in ("1", "2", "3") for s in (1, 2)])
    full = pd.concat([training(b, s, ONCE) for s in (1, 2)])
    qwk = changes(STUDY, drawn, full, corpus_of(300), []).set_index("statistic").loc["qwk"]
    human_, runs = runs_from_frame(pd.concat([drawn.assign(arm="a"), full.assign(arm="b")]))
    expected = compare_arms(resample_runs(human_, runs, LABELS, 1_000), "a", "b")
    assert qwk["difference"] == pytest.approx(expected["difference"])
    assert qwk["high"] - qwk["low"] == pytest.approx(expected["high"] - expected["low"], rel=0.15)


def test_a_sentence_says_in_how_many_subgroups_the_bias_is_larger():
    sides = biased(1_500, -0.5, 0)
    for side, name in zip(sides, ("p", "q"), strict=True):
        side["condition"] = name
    corpus = corpus_of(1_500, kind=["x", "y", "y"] * 500)
    runs = pd.concat(sides)
    worse, nearer = (
        bias_change(bias_of_pairs(STUDY, runs, [pair], corpus, ["kind"]))
        for pair in (("p", "q"), ("q", "p"))
    )
    assert "farther from 0 in 2 of 2 subgroups (kind x -0." in worse and "nearer in 0" in worse
    assert "farther from 0 in 0 of 2 subgroups, nearer in 2" in nearer


def test_a_difference_without_any_error_is_significant():
    human = np.full(40, 5)
    table = changes(STUDY, frame(human, human), frame(human, human - 3), corpus_of(40), [])
    found = table.set_index("statistic")
    assert found.loc[TOP_SHARE, "difference"] == 1
    assert found.loc[TOP_SHARE, "p"] == 0
    assert np.isnan(found.loc["sd_ratio", "p"])  # the human scores do not vary


@pytest.mark.long
@pytest.mark.parametrize("statistic", ["qwk", "smd", "sd_ratio", TOP_SHARE])
def test_where_nothing_differs_one_in_twenty_is_found(statistic, false_alarms):
    """Of 300 pairs of equally good machines; 99 % of such proportions lie between these bounds."""
    assert 0.02 < false_alarms[statistic] < 0.085


@pytest.fixture(scope="module")
def false_alarms() -> pd.Series:
    found = []
    for seed in range(300):
        human, a, b = scores(200, [seed, 7])
        table = changes(STUDY, frame(human, a), frame(human, b), corpus_of(200), [])
        found.append(table.set_index("statistic")["p"] < 0.05)
    return pd.DataFrame(found).mean()


def test_a_planted_difference_is_found_where_it_is():
    """The first machine is lenient to one group alone."""
    human, a, b = scores(900, 1)
    kind = np.tile(["x", "y", "z"], 300)
    a = np.clip(a + (kind == "y"), 1, 6)
    table = changes(STUDY, frame(human, a), frame(human, b), corpus_of(900, kind=kind), ["kind"])
    groups = table[table["attribute"] == "kind"].set_index("level")
    assert groups["p_bh"].idxmin() == "y"
    assert (groups["p_bh"] < 0.05).to_dict() == {"x": False, "y": True, "z": False}
    assert groups.loc["y", "low"] > 0.5
    finding = changes_finding(table, "A", "B")
    assert "1 of 3 subgroups are scored significantly differently" in finding
    assert "the largest difference is in kind y (+0." in finding


# ---------------------------------------------------------------- decoding rules


def test_scores_are_decoded_for_each_run_with_its_own_dev_and_u():
    rng, parts = np.random.default_rng(1), {}
    for split, n in (("test", 60), ("dev", 40)):
        runs = []
        for draw, shift in ((1, 0.0), (2, -2.0)):
            human = rng.choice(LABELS, n)
            continuous = human + shift
            runs.append(
                frame(human, round_to_scale(continuous, LABELS), draw=draw).assign(
                    continuous=continuous, fraction=0.1
                )
            )
        parts[split] = pd.concat(runs, ignore_index=True)
    decoded = decoded_scores(STUDY, parts["test"], parts["dev"], lambda fraction, draw: None)
    assert set(decoded["decoding_rule"]) == {"hard", "expected", "equated"}  # no probabilities
    equated = decoded[decoded["decoding_rule"] == "equated"]
    assert (equated["score"] == equated["human"]).all()
    assert not (
        decoded.loc[decoded["decoding_rule"] == "hard", "score"] == equated["human"].to_numpy()
    ).all()


# ---------------------------------------------------------------- sentences


def table_of(*groups: dict) -> pd.DataFrame:
    row = {"attribute": EVERYONE, "level": "", "n": 100, "low": -0.1, "high": 0.3, "p": 0.2}
    values = {"qwk": (0.7, 0.6), "smd": (-0.2, 0.1), "sd_ratio": (0.8, 1), TOP_SHARE: (0.25, 0.5)}
    rows = [{**row, "statistic": s, "a": a, "b": b, "difference": a - b}
            for s, (a, b) in values.items()]  # fmt: skip
    rows += [{**row, "statistic": "smd", "attribute": "sex", **g} for g in groups]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_a_sentence_says_what_the_table_says():
    assert changes_finding(table_of(), "A", "B") == (
        "**A** vs. **B**: QWK 0.700 vs. 0.600 (+0.100, 95 % -0.100 to +0.300); SMD of all essays "
        "-0.20 vs. +0.10 (-0.300, 95 % -0.100 to +0.300); SD ratio 0.80 vs. 1.00; proportion of "
        "the two highest scores 25.0% vs. 50.0%."
    )


def test_a_sentence_names_the_group_that_moved_most():
    groups = (
        {"level": "m", "a": -0.6, "b": 0.1, "difference": -0.7, "p_bh": 0.2},
        {"level": "f", "a": 0.3, "b": -0.2, "difference": 0.5, "p_bh": 0.01},
        {"level": "x", "a": 0.3, "b": 0.2, "difference": 0.1, "p_bh": 0.001},
    )
    assert changes_finding(table_of(*groups), "A", "B").endswith(
        ". The largest |SMD| of a subgroup is 0.60 vs. 0.20; 2 of 3 subgroups are scored "
        "significantly differently (p_bh < 0.05), the largest difference is in sex f (+0.30 vs. "
        "-0.20)."
    )
    assert changes_finding(table_of(groups[0]), "A", "B").endswith(
        "; 0 of 1 subgroups are scored significantly differently (p_bh < 0.05)."
    )


def test_strategies_are_called_better_or_worse_where_the_difference_is_significant():
    names = ["soft", "prior", "equated", "filtered"]
    moved, p = [0.05, 0.03, -0.04, 0.01], [0.2, 0.01, 0.001, 0.9]
    found = pd.DataFrame(
        {"student": "electra", "teacher": "llama", "strategy": names, "qwk_b": 0.6,
         "difference": moved, "qwk": np.add(0.6, moved), "low": np.subtract(moved, 0.02),
         "high": np.add(moved, 0.02), "p_bh": p}
    )  # fmt: skip
    other = found.assign(student="ridge", p_bh=1.0)
    lines = strategy_findings(pd.concat([found, other], ignore_index=True))
    assert lines[0] == (
        "**electra** by llama: hard labels 0.600; the best of 4 other strategies is soft with "
        "0.650 (+0.050, 95 % +0.030 to +0.070). Significantly better (p_bh < 0.05): prior "
        "(+0.030); significantly worse: equated (-0.040)."
    )
    assert lines[1].startswith("**ridge** by llama")
    assert lines[1].endswith("better (p_bh < 0.05): none; significantly worse: none.")
