"""Uses of a Teacher's labels: what each one lets a Student learn, and how much."""

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


def prior_corrected(p: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return corrected(p, prior_factors(p, wanted))


def shares(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).dirichlet(np.full(6, 5.0))


def ledger(n: int, seed: int, by_human: float = 0.2) -> pd.DataFrame:
    """Cyborg data by a Teacher with probabilities, human labels among them."""
    rng, given_ = np.random.default_rng([seed, 2]), probabilities(n, seed)
    human = rng.random(n) < by_human
    human[:2] = by_human > 0, False  # some of either
    frame = pd.DataFrame(given_, columns=probability_columns(LABELS))
    frame.insert(0, "expected", given_ @ POINTS)
    frame.insert(0, "score", POINTS[given_.argmax(axis=1)])
    frame.insert(0, "label_source", np.where(human, "human", "teacher"))
    own = rng.choice(POINTS, n)
    frame.loc[human, ["score", "expected"]] = np.column_stack([own, own])[human]
    frame.loc[human, probability_columns(LABELS)] = np.nan
    return frame.sample(frac=1, random_state=seed)  # an index in no order


def dev_of(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """People's scores of dev, and a strict and squeezed Teacher's."""
    human = np.random.default_rng([seed, 3]).choice(POINTS, n)
    noise = np.random.default_rng([seed, 4]).normal(0, 0.3, n)
    return pd.DataFrame({"human": human, "continuous": 0.5 * human + 1 + noise})


def use(**values) -> PseudoLabelStrategy:
    return PseudoLabelStrategy(name="other", **values)


USES = [
    use(), use(read="expected"), use(read="prior"), use(read="calibrated"),
    use(weight="confidence"), use(keep=0.5), use(human_weight=4),
    use(read="expected", weight="confidence", keep=0.3, human_weight=2),
]  # fmt: skip


# ---------------------------------------------------------------- the prior


@settings(deadline=None, max_examples=50)
@given(st.integers(30, 200), SEEDS)
def test_corrected_probabilities_have_the_shares_on_average(n, seed):
    wanted = shares(seed)
    result = prior_corrected(probabilities(n, seed), wanted)
    assert result.mean(axis=0) == pytest.approx(wanted, abs=1e-6)
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


# ---------------------------------------------------------------- readings


@pytest.mark.parametrize("read", DECODING_RULES)
def test_every_reading_gives_an_essay_one_score_between_the_ends(read):
    output = ledger(60, 1, by_human=0)
    result = decode_scores(output, read, LABELS, ledger(80, 2), dev_of())
    assert result.shape == (60,)
    assert np.isin(result, LABELS).all() == (read != "expected")
    assert result.min() >= 1 and result.max() <= 6


def test_readings_say_what_they_promise():
    output = ledger(400, 2, by_human=0)
    human = pd.DataFrame({"score": np.repeat(POINTS, [2, 8, 30, 30, 20, 10])})
    cyborg = pd.concat([human.assign(label_source="human"), ledger(300, 3, by_human=0)])
    read = {r: decode_scores(output, r, LABELS, cyborg, dev_of()) for r in DECODING_RULES}
    assert np.array_equal(read["label"], output["score"])
    assert np.array_equal(read["expected"], output["expected"])
    assert (read["prior"] == 1).mean() < (read["label"] == 1).mean()  # people hardly give a 1
    dev, line = dev_of(), output["expected"].to_numpy()
    line = (line - dev["continuous"].mean()) / dev["continuous"].std() * dev["human"].std()
    expected = np.clip(line + dev["human"].mean(), 1, 6)
    assert np.abs(read["calibrated"] - expected).max() <= 0.5 + 1e-9


def test_the_prior_is_fitted_on_the_labelled_essays_whatever_is_read():
    """One essay's score does not hang on which others are read with it."""
    output, cyborg = ledger(200, 4, by_human=0), ledger(300, 5)
    whole = decode_scores(output, "prior_corrected", LABELS, cyborg, dev_of())
    half = decode_scores(output[:50], "prior_corrected", LABELS, cyborg, dev_of())
    assert np.array_equal(whole[:50], half)


# ---------------------------------------------------------------- what is learnt


@pytest.mark.parametrize("how", USES, ids=lambda u: f"{u.read}-{u.weight}-{u.keep:g}")
@settings(deadline=None, max_examples=15)
@given(st.integers(12, 80), SEEDS)
def test_no_use_changes_a_human_label_and_weights_have_mean_1(how, n, seed):
    given_ = ledger(n, seed)
    learnt = apply_strategy(given_, how, LABELS, dev_of())
    assert learnt.index.equals(given_.index)
    human = given_["label_source"] == "human"
    assert learnt.loc[human, "score"].equals(given_.loc[human, "score"])
    assert learnt.loc[learnt["weight"] > 0, "weight"].mean() == pytest.approx(1)
    assert (learnt["weight"] >= 0).all()
    assert learnt.loc[human, "weight"].nunique() == 1
    assert learnt.loc[human, "weight"].iloc[0] > 0
    assert learnt["score"].between(1, 6).all()


def test_hard_labels_are_the_ledger_itself():
    given_ = ledger(50, 1)
    learnt = apply_strategy(given_, use(), LABELS, dev_of())
    assert learnt["score"].equals(given_["score"])
    assert (learnt["weight"] == 1).all()
    assert list(learnt) == ["score", "weight"]


def test_a_human_label_counts_as_many_of_the_teachers():
    given_ = ledger(60, 1)
    weight = apply_strategy(given_, use(human_weight=4), LABELS, dev_of())["weight"]
    human = given_["label_source"] == "human"
    assert weight[human].to_numpy() == pytest.approx(4 * weight[~human].iloc[0])


def test_a_sure_label_counts_by_its_probability():
    given_ = ledger(60, 1)
    weight = apply_strategy(given_, use(weight="confidence"), LABELS, dev_of())["weight"]
    by_teacher = given_["label_source"] == "teacher"
    sure = given_.loc[by_teacher, probability_columns(LABELS)].max(axis=1)
    assert np.ptp(weight[by_teacher] / sure) == pytest.approx(0, abs=1e-12)
    assert weight[by_teacher].mean() == pytest.approx(weight[~by_teacher].iloc[0])


@settings(deadline=None, max_examples=40)
@given(st.integers(12, 200), st.integers(1, 99), SEEDS)
def test_the_surest_labels_of_each_score_are_kept(n, percent, seed):
    given_ = ledger(n, seed)
    weight = apply_strategy(given_, use(keep=percent / 100), LABELS, dev_of())["weight"]
    by_teacher = given_[given_["label_source"] == "teacher"]
    sure = by_teacher[probability_columns(LABELS)].max(axis=1)
    for _, part in by_teacher.groupby("score"):
        kept = weight[part.index] > 0
        assert kept.sum() == -(-percent * len(part) // 100)  # ceil, in whole numbers
        if not kept.all():
            assert sure[part.index][kept].min() >= sure[part.index][~kept].max()


@pytest.mark.parametrize("percent", [7, 14, 28, 29, 55, 56, 57, 58])
def test_the_share_kept_is_exact(percent):
    """As floats some of these shares of 100 are a little more than a whole number."""
    given_ = ledger(101, 1, by_human=0).assign(score=3.0)
    given_.loc[0, ["label_source", "score"]] = "human", 2.0
    weight = apply_strategy(given_, use(keep=percent / 100), LABELS, dev_of())["weight"]
    assert (weight > 0).sum() == percent + 1


def test_soft_labels_are_certain_where_a_person_scored():
    given_ = ledger(60, 1)
    learnt = apply_strategy(given_, use(read="expected"), LABELS, dev_of())
    columns = probability_columns(LABELS)
    human = given_["label_source"] == "human"
    assert learnt.loc[~human, columns].equals(given_.loc[~human, columns])
    assert learnt.loc[~human, "score"].equals(given_.loc[~human, "expected"])
    certain = learnt.loc[human, columns].to_numpy()
    assert (certain.max(axis=1) == 1).all() and (certain.sum(axis=1) == 1).all()
    assert np.array_equal(POINTS[certain.argmax(axis=1)], given_.loc[human, "score"])


def test_an_expected_score_without_probabilities_is_learnt_as_a_number():
    given_ = ledger(40, 1)[["label_source", "score", "expected"]]
    learnt = apply_strategy(given_, use(read="expected"), LABELS, dev_of())
    assert list(learnt) == ["score", "weight"]
    assert learnt["score"].equals(given_["expected"])


def test_essays_whose_labels_are_all_unused_are_left_out():
    one, other = ledger(60, 1), ledger(60, 2)
    other = other.loc[one.index].assign(label_source=one["label_source"])
    train = one.join(other.drop(columns="label_source").add_suffix(":style"))
    train = train.assign(essay_id=train.index.map("e{}".format), text="t").reset_index(drop=True)
    dev = dev_of().join(dev_of(seed=1).add_suffix(":style"))
    how = use(keep=0.4)
    single = weighted_labels(train, how, LABELS, dev, [HOLISTIC])
    assert (single["weight"] > 0).all()
    both = weighted_labels(train, how, LABELS, dev, [HOLISTIC, "style"])
    assert (both[["weight", "weight:style"]].max(axis=1) > 0).all()
    assert (both[["weight", "weight:style"]].min(axis=1) == 0).any()
    assert len(single) < len(both) < len(train)
    human = train["label_source"] == "human"
    assert set(train.loc[human, "essay_id"]) <= set(single["essay_id"])
    assert list(single.index) == list(range(len(single)))


# ---------------------------------------------------------------- what a study may say


def study(uses: list[dict], *heads: str) -> Study:
    teachers = [{"name": f"t{i}", "kind": "classical", "head": h} for i, h in enumerate(heads)]
    return Study.model_validate(
        {"name": "t", "title": "T", "corpus": {"kind": "simulated"}, "teachers": teachers,
         "students": [{"name": "ridge", "kind": "classical"}], "pseudo_label_strategies": uses}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ([{"name": "soft", "read": "expected"}], "the first must be `{name: hard}`"),
        ([{"name": "hard", "keep": 0.5}], "the first must be `{name: hard}`"),
        ([{"name": "hard"}, {"name": "a"}, {"name": "a", "keep": 0.5}], "two of the name 'a'"),
        ([{"name": "hard"}, {"name": "p", "read": "prior"}], "'p' needs a Teacher with prob"),
        ([{"name": "hard"}, {"name": "w", "weight": "confidence"}], "'w' needs a Teacher"),
        ([{"name": "hard"}, {"name": "k", "keep": 0.5}], "'k' needs a Teacher"),
        ([{"name": "hard"}, {"name": "k", "keep": 0}], "greater than 0"),
        ([{"name": "hard"}, {"name": "h", "human_weight": 0}], "greater than 0"),
        ([], "at least 1 item"),
    ],
)
def test_uses_that_cannot_be_are_refused(uses, message):
    with pytest.raises(ValueError, match=".") as caught:
        study(uses, "regression")
    assert message in str(caught.value)


def test_only_a_teacher_with_probabilities_is_used_where_they_are_needed():
    mixed = study(
        [{"name": "hard"}, {"name": "p", "read": "prior"}], "regression", "classification"
    )
    taught = {(c.teacher, c.strategy) for c in conditions(mixed) if c.arm == "cyborg"}
    assert taught == {("t0", "hard"), ("t1", "hard"), ("t1", "p")}
    assert condition(mixed, "cyborg", "t1", 0.1, 1, "p").use == "p"
    with pytest.raises(ParameterError, match="'p' needs probabilities.* 't0' gives none"):
        condition(mixed, "cyborg", "t0", 0.1, 1, "p")
