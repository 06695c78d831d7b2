"""Pseudo-label strategies: the targets and weights that a Student is trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyborg_utils.corpus.columns import probability_columns
from cyborg_utils.labeling.ledger import weighted_labels
from cyborg_utils.labeling.strategies import (
    DECODING_RULES,
    apply_strategy,
    corrected,
    decode_scores,
    prior_factors,
    score_shares_of,
)
from cyborg_utils.study.design import condition, conditions
from cyborg_utils.study.schema.base import HOLISTIC, ParameterError
from cyborg_utils.study.schema.study import PseudoLabelStrategy, Study

LABELS = [1, 2, 3, 4, 5, 6]
POINTS = np.array(LABELS, dtype=float)
SEEDS = st.integers(0, 10_000)


def probabilities(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(6), n)


def prior_corrected(p: np.ndarray, target_shares: np.ndarray) -> np.ndarray:
    return corrected(p, prior_factors(p, target_shares))


def shares(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).dirichlet(np.full(6, 5.0))


def ledger(n: int, seed: int, by_human: float = 0.2) -> pd.DataFrame:
    """Cyborg data by a Teacher with probabilities, human labels among them."""
    rng, cyborg = np.random.default_rng([seed, 2]), probabilities(n, seed)
    human = rng.random(n) < by_human
    human[:2] = by_human > 0, False  # some of either
    frame = pd.DataFrame(cyborg, columns=probability_columns(LABELS))
    frame.insert(0, "expected", cyborg @ POINTS)
    frame.insert(0, "score", POINTS[cyborg.argmax(axis=1)])
    frame.insert(0, "label_source", np.where(human, "human", "teacher"))
    own = rng.choice(POINTS, n)
    frame.insert(3, "linked_score", POINTS[::-1][cyborg.argmax(axis=1)])
    frame.loc[human, ["score", "expected", "linked_score"]] = np.column_stack([own] * 3)[human]
    frame.loc[human, probability_columns(LABELS)] = np.nan
    return frame.sample(frac=1, random_state=seed)  # an index in no order


def dev_of(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """Human scores of dev, and those of a severe Teacher with central tendency."""
    human = np.random.default_rng([seed, 3]).choice(POINTS, n)
    noise = np.random.default_rng([seed, 4]).normal(0, 0.3, n)
    return pd.DataFrame({"human": human, "continuous": 0.5 * human + 1 + noise})


def use(**values) -> PseudoLabelStrategy:
    return PseudoLabelStrategy(name="other", **values)


STRATEGIES = [
    use(), use(target="expected"), use(target="linked"), use(target="prior_corrected"),
    use(target="equated"), use(weight="confidence"), use(keep=0.5), use(human_weight=4),
    use(target="expected", weight="confidence", keep=0.3, human_weight=2),
]  # fmt: skip


# ---------------------------------------------------------------- the prior


@settings(deadline=None, max_examples=50)
@given(st.integers(30, 200), SEEDS)
def test_corrected_probabilities_have_the_shares_on_average(n, seed):
    target_shares = shares(seed)
    result = prior_corrected(probabilities(n, seed), target_shares)
    assert result.mean(axis=0) == pytest.approx(target_shares, abs=1e-6)
    assert result.sum(axis=1) == pytest.approx(np.ones(n))


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 100), SEEDS)
def test_probabilities_that_have_the_shares_stay_as_they_are(n, seed):
    p = probabilities(n, seed)
    assert prior_corrected(p, p.mean(axis=0)) == pytest.approx(p, abs=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(20, 100), SEEDS)
def test_the_correction_keeps_how_the_odds_of_two_essays_compare(n, seed):
    """Every essay's odds between two scores change by one factor."""
    p = probabilities(n, seed)
    result = prior_corrected(p, shares(seed))
    factor = (result[:, 1:] / result[:, :1]) / (p[:, 1:] / p[:, :1])
    assert factor == pytest.approx(np.broadcast_to(factor[0], factor.shape))


def test_the_correction_of_one_kind_of_essay_is_known():
    """Where all essays are alike, each gets the shares themselves."""
    p = np.tile([0.7, 0.2, 0.1], (9, 1))
    assert prior_corrected(p, np.array([0.2, 0.3, 0.5])) == pytest.approx(
        np.tile([0.2, 0.3, 0.5], (9, 1))
    )


@pytest.mark.parametrize("nothing", [0.0, 1e-310, 1e-40])
def test_a_score_that_a_teacher_never_thinks_of_spoils_no_other(nothing):
    p = probabilities(50, 1)
    p[:, 5] = nothing
    p /= p.sum(axis=1, keepdims=True)
    result = prior_corrected(p, np.array([0.1, 0.2, 0.3, 0.2, 0.15, 0.05]))
    assert np.isfinite(result).all()
    among = result[:, :5].mean(axis=0)
    assert among / among.sum() == pytest.approx(np.array([0.1, 0.2, 0.3, 0.2, 0.15]) / 0.95, 1e-4)


def test_shares_count_half_an_essay_for_each_score():
    assert score_shares_of(pd.Series([3.0, 3.0, 4.0]), [2, 3, 4]).tolist() == pytest.approx(
        [0.5 / 4.5, 2.5 / 4.5, 1.5 / 4.5]
    )


# ---------------------------------------------------------------- decoding rules


@pytest.mark.parametrize("rule", DECODING_RULES)
def test_every_decoding_rule_gives_an_essay_one_score_on_the_scale(rule):
    output = ledger(60, 1, by_human=0)
    result = decode_scores(output, rule, LABELS, ledger(80, 2), dev_of())
    assert result.shape == (60,)
    assert np.isin(result, LABELS).all() == (rule != "expected")
    assert result.min() >= 1 and result.max() <= 6


def test_decoding_rules_do_what_they_promise():
    output = ledger(400, 2, by_human=0)
    human = pd.DataFrame({"score": np.repeat(POINTS, [2, 8, 30, 30, 20, 10])})
    cyborg = pd.concat([human.assign(label_source="human"), ledger(300, 3, by_human=0)])
    by_rule = {r: decode_scores(output, r, LABELS, cyborg, dev_of()) for r in DECODING_RULES}
    assert np.array_equal(by_rule["hard"], output["score"])
    assert np.array_equal(by_rule["expected"], output["expected"])
    assert np.array_equal(by_rule["linked"], 7 - by_rule["hard"])
    assert (by_rule["prior_corrected"] == 1).mean() < (
        by_rule["hard"] == 1
    ).mean()  # human raters rarely score 1
    dev, line = dev_of(), output["expected"].to_numpy()
    line = (line - dev["continuous"].mean()) / dev["continuous"].std() * dev["human"].std()
    expected = np.clip(line + dev["human"].mean(), 1, 6)
    assert np.abs(by_rule["equated"] - expected).max() <= 0.5 + 1e-9


def test_the_prior_is_fitted_on_the_labeled_essays_whatever_is_decoded():
    """One essay's score does not depend on which others are decoded with it."""
    output, cyborg = ledger(200, 4, by_human=0), ledger(300, 5)
    whole = decode_scores(output, "prior_corrected", LABELS, cyborg, dev_of())
    half = decode_scores(output[:50], "prior_corrected", LABELS, cyborg, dev_of())
    assert np.array_equal(whole[:50], half)


# ---------------------------------------------------------------- training targets


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda u: f"{u.target}-{u.weight}-{u.keep:g}")
@settings(deadline=None, max_examples=15)
@given(st.integers(12, 80), SEEDS)
def test_no_strategy_changes_a_human_label_and_weights_have_mean_1(strategy, n, seed):
    cyborg = ledger(n, seed)
    targets = apply_strategy(cyborg, strategy, LABELS, dev_of())
    assert targets.index.equals(cyborg.index)
    human = cyborg["label_source"] == "human"
    assert targets.loc[human, "score"].equals(cyborg.loc[human, "score"])
    assert targets.loc[targets["weight"] > 0, "weight"].mean() == pytest.approx(1)
    assert (targets["weight"] >= 0).all()
    assert targets.loc[human, "weight"].nunique() == 1
    assert targets.loc[human, "weight"].iloc[0] > 0
    assert targets["score"].between(1, 6).all()


def test_hard_labels_are_the_ledger_itself():
    cyborg = ledger(50, 1)
    targets = apply_strategy(cyborg, use(), LABELS, dev_of())
    assert targets["score"].equals(cyborg["score"])
    assert (targets["weight"] == 1).all()
    assert list(targets) == ["score", "weight"]


def test_a_human_label_counts_as_many_of_the_teachers():
    cyborg = ledger(60, 1)
    weight = apply_strategy(cyborg, use(human_weight=4), LABELS, dev_of())["weight"]
    human = cyborg["label_source"] == "human"
    assert weight[human].to_numpy() == pytest.approx(4 * weight[~human].iloc[0])


def test_a_label_is_weighted_by_its_probability():
    cyborg = ledger(60, 1)
    weight = apply_strategy(cyborg, use(weight="confidence"), LABELS, dev_of())["weight"]
    by_teacher = cyborg["label_source"] == "teacher"
    confidence = cyborg.loc[by_teacher, probability_columns(LABELS)].max(axis=1)
    assert np.ptp(weight[by_teacher] / confidence) == pytest.approx(0, abs=1e-12)
    assert weight[by_teacher].mean() == pytest.approx(weight[~by_teacher].iloc[0])


@settings(deadline=None, max_examples=40)
@given(st.integers(12, 200), st.integers(1, 99), SEEDS)
def test_the_most_confident_labels_of_each_score_are_kept(n, percent, seed):
    cyborg = ledger(n, seed)
    weight = apply_strategy(cyborg, use(keep=percent / 100), LABELS, dev_of())["weight"]
    by_teacher = cyborg[cyborg["label_source"] == "teacher"]
    confidence = by_teacher[probability_columns(LABELS)].max(axis=1)
    for _, part in by_teacher.groupby("score"):
        kept = weight[part.index] > 0
        assert kept.sum() == -(-percent * len(part) // 100)  # ceil, in whole numbers
        if not kept.all():
            assert confidence[part.index][kept].min() >= confidence[part.index][~kept].max()


@pytest.mark.parametrize("percent", [7, 14, 28, 29, 55, 56, 57, 58])
def test_the_share_kept_is_exact(percent):
    """As floats some of these shares of 100 are a little more than a whole number."""
    cyborg = ledger(101, 1, by_human=0).assign(score=3.0)
    cyborg.loc[0, ["label_source", "score"]] = "human", 2.0
    weight = apply_strategy(cyborg, use(keep=percent / 100), LABELS, dev_of())["weight"]
    assert (weight > 0).sum() == percent + 1


def test_soft_labels_are_certain_where_a_human_rater_scored():
    cyborg = ledger(60, 1)
    targets = apply_strategy(cyborg, use(target="expected"), LABELS, dev_of())
    columns = probability_columns(LABELS)
    human = cyborg["label_source"] == "human"
    assert targets.loc[~human, columns].equals(cyborg.loc[~human, columns])
    assert targets.loc[~human, "score"].equals(cyborg.loc[~human, "expected"])
    certain = targets.loc[human, columns].to_numpy()
    assert (certain.max(axis=1) == 1).all() and (certain.sum(axis=1) == 1).all()
    assert np.array_equal(POINTS[certain.argmax(axis=1)], cyborg.loc[human, "score"])


def test_an_expected_score_without_probabilities_is_a_regression_target():
    cyborg = ledger(40, 1)[["label_source", "score", "expected"]]
    targets = apply_strategy(cyborg, use(target="expected"), LABELS, dev_of())
    assert list(targets) == ["score", "weight"]
    assert targets["score"].equals(cyborg["expected"])


def test_essays_whose_labels_are_all_unused_are_left_out():
    one, other = ledger(60, 1), ledger(60, 2)
    other = other.loc[one.index].assign(label_source=one["label_source"])
    train = one.join(other.drop(columns="label_source").add_suffix(":style"))
    train = train.assign(essay_id=train.index.map("e{}".format), text="t").reset_index(drop=True)
    dev = dev_of().join(dev_of(seed=1).add_suffix(":style"))
    strategy = use(keep=0.4)
    single = weighted_labels(train, strategy, LABELS, dev, [HOLISTIC])
    assert (single["weight"] > 0).all()
    both = weighted_labels(train, strategy, LABELS, dev, [HOLISTIC, "style"])
    assert (both[["weight", "weight:style"]].max(axis=1) > 0).all()
    assert (both[["weight", "weight:style"]].min(axis=1) == 0).any()
    assert len(single) < len(both) < len(train)
    human = train["label_source"] == "human"
    assert set(train.loc[human, "essay_id"]) <= set(single["essay_id"])
    assert list(single.index) == list(range(len(single)))


# ---------------------------------------------------------------- configuration


def study(uses: list[dict], *heads: str) -> Study:
    teachers = [{"name": f"t{i}", "kind": "classical", "head": h} for i, h in enumerate(heads)]
    return Study.model_validate(
        {"name": "t", "title": "T", "corpus": {"kind": "simulated"}, "teachers": teachers,
         "students": [{"name": "ridge", "kind": "classical"}], "pseudo_label_strategies": uses}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ([{"name": "soft", "target": "expected"}], "the first must be `{name: hard}`"),
        ([{"name": "hard", "keep": 0.5}], "the first must be `{name: hard}`"),
        ([{"name": "hard"}, {"name": "a"}, {"name": "a", "keep": 0.5}], "two of the name 'a'"),
        (
            [{"name": "hard"}, {"name": "p", "target": "prior_corrected"}],
            "'p' needs a Teacher with prob",
        ),
        ([{"name": "hard"}, {"name": "w", "weight": "confidence"}], "'w' needs a Teacher"),
        ([{"name": "hard"}, {"name": "k", "keep": 0.5}], "'k' needs a Teacher"),
        ([{"name": "hard"}, {"name": "k", "keep": 0}], "greater than 0"),
        ([{"name": "hard"}, {"name": "h", "human_weight": 0}], "greater than 0"),
        ([], "at least 1 item"),
    ],
)
def test_impossible_strategies_are_refused(uses, message):
    with pytest.raises(ValueError, match=".") as caught:
        study(uses, "regression")
    assert message in str(caught.value)


def test_only_a_teacher_with_probabilities_is_used_where_they_are_needed():
    mixed = study(
        [{"name": "hard"}, {"name": "p", "target": "prior_corrected"}],
        "regression",
        "classification",
    )
    taught = {(c.teacher, c.strategy) for c in conditions(mixed) if c.arm == "cyborg"}
    assert taught == {("t0", "hard"), ("t1", "hard"), ("t1", "p")}
    assert condition(mixed, "cyborg", "t1", 0.1, 1, "p").strategy == "p"
    with pytest.raises(ParameterError, match="'p' needs probabilities.* 't0' gives none"):
        condition(mixed, "cyborg", "t0", 0.1, 1, "p")
