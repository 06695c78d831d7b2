"""Targets of a classifier, and classical scorers, the baseline."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from small_models import fitted

from cyborg_utils.corpus.columns import probability_columns
from cyborg_utils.models.classical import _features
from cyborg_utils.models.novelty import BLANK, SHORT, UNLIKE, profile_of
from cyborg_utils.models.outputs import target_probabilities
from cyborg_utils.models.registry import load_scorer
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.models import ClassicalScorer

LABELS = [1, 2, 3, 4, 5, 6]
POINTS = np.array(LABELS, dtype=float)
SEEDS = st.integers(0, 10_000)


# ---------------------------------------------------------------- targets of a classifier


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(1, 3), min_size=1, max_size=30))
def test_a_target_keeps_the_expected_score(scores):
    labels = [1, 1.5, 2, 2.5, 3]
    target = target_probabilities(pd.DataFrame({"score": scores}), labels)
    assert target @ np.array(labels) == pytest.approx(scores)
    assert target.sum(axis=1) == pytest.approx(np.ones(len(scores)))
    assert target.min() >= 0
    assert ((target > 0).sum(axis=1) <= 2).all()


def test_a_score_on_the_scale_is_certain_and_one_beyond_it_is_its_end():
    target = target_probabilities(pd.DataFrame({"score": [*LABELS, 0.2, 7.5]}), LABELS)
    assert np.array_equal(target, np.eye(6)[[0, 1, 2, 3, 4, 5, 0, 5]])


def test_given_probabilities_are_the_target():
    shares = np.random.default_rng(1).dirichlet(np.ones(len(LABELS)), 20)
    frame = pd.DataFrame(shares, columns=probability_columns(LABELS))
    assert np.array_equal(
        target_probabilities(frame, LABELS), frame[probability_columns(LABELS)].to_numpy()
    )


# ---------------------------------------------------------------- classical models


WORDS = ["poor", "weak", "fair", "good", "fine", "best"]
LOGISTIC = ClassicalScorer(kind="classical", name="logistic", head="classification", alpha=0.1)
RIDGE = ClassicalScorer(kind="classical", name="ridge")


def toy(n: int, seed: int = 0, scores: list | None = None) -> pd.DataFrame:
    """Essays of which one word tells the score."""
    rng = np.random.default_rng(seed)
    score = rng.choice(scores or LABELS, n)
    fill = rng.choice(["the", "and", "school", "day", "people"], (n, 6))
    texts = [" ".join([*f, WORDS[int(s) - 1]]) for f, s in zip(fill, score, strict=True)]
    return pd.DataFrame({"text": texts, "score": score.astype(float)})


def test_logistic_regression_learns_what_can_be_told_apart_and_gives_probabilities():
    (model, _), test = fitted(LOGISTIC, toy(200)), toy(60, seed=1)
    scored = model.score(test["text"].tolist())
    assert (scored["score"].to_numpy() == test["score"].to_numpy()).all()
    p = scored[probability_columns(LABELS)].to_numpy()
    assert p.sum(axis=1) == pytest.approx(np.ones(60))
    assert scored["continuous"].to_numpy() == pytest.approx(p @ POINTS)


@pytest.mark.parametrize("seen", [[3], [2, 5], [1, 3, 6]])
def test_scores_that_train_has_not_are_not_given(seen):
    (model, _), test = fitted(LOGISTIC, toy(150, scores=seen)), toy(40, 1, seen)
    scored = model.score(test["text"].tolist())
    assert (scored["score"].to_numpy() == test["score"].to_numpy()).all()
    unseen = [f"p_{label}" for label in LABELS if label not in seen]
    assert scored[unseen].to_numpy().max() < 1e-6


@pytest.mark.parametrize("spec", [LOGISTIC, RIDGE], ids=lambda s: s.name)
@pytest.mark.parametrize("seen", [LABELS, [2, 5], [3]])
def test_a_saved_classical_model_scores_the_same(tmp_path, spec, seen):
    train = toy(80, scores=seen)
    train["score:style"] = 7 - train["score"]
    model, _ = fitted(spec, train, traits=[HOLISTIC, "style"])
    model.save(tmp_path)
    texts = toy(20, 1)["text"].tolist()
    loaded = load_scorer(tmp_path)
    pd.testing.assert_frame_equal(loaded.score(texts), model.score(texts), check_exact=True)


def test_soft_targets_are_learned():
    """Essays of one word are a 2 for three in four: that is what comes back."""
    train = toy(120, scores=[2])
    train[probability_columns(LABELS)] = [0, 0.75, 0.25, 0, 0, 0]
    other = toy(120, seed=1, scores=[5])
    other[probability_columns(LABELS)] = [0, 0, 0, 0, 1, 0]
    model, _ = fitted(LOGISTIC, pd.concat([train, other]))
    scored = model.score(toy(30, 2, [2])["text"].tolist())
    assert scored["p_2"].mean() == pytest.approx(0.75, abs=0.05)
    assert scored["p_3"].mean() == pytest.approx(0.25, abs=0.05)


def test_ridge_weighs_labels_as_its_peer_does():
    train = toy(80)
    train["score"] += np.random.default_rng(1).normal(0, 1, 80)
    train["weight"] = np.random.default_rng(2).uniform(0, 3, 80)
    model, _ = fitted(RIDGE, train)
    model = model.scorer
    features = _features(model.vectorizer, train["text"].tolist())
    peer = Ridge(alpha=1.0).fit(features, train["score"], sample_weight=train["weight"])
    unweighted = Ridge(alpha=1.0).fit(features, train["score"])
    assert model.coef[HOLISTIC][0] == pytest.approx(peer.coef_)
    assert model.intercept[HOLISTIC][0] == pytest.approx(peer.intercept_)
    assert np.abs(unweighted.coef_ - peer.coef_).max() > 0.01


@pytest.mark.parametrize("spec", [LOGISTIC, RIDGE], ids=lambda s: s.name)
def test_a_label_of_weight_0_is_not_learned_from(spec):
    train = toy(120, scores=[2, 3, 4]).assign(weight=1.0)
    train.loc[:29, "weight"] = 0.0
    texts = toy(30, 1)["text"].tolist()
    scored = []
    for value in (1.0, 6.0):
        other = train.assign(score=train["score"].where(train["weight"] > 0, value))
        scored.append(fitted(spec, other)[0].score(texts))
    pd.testing.assert_frame_equal(*scored, check_exact=True)


def chinese(n: int, seed: int = 0) -> pd.DataFrame:
    """Essays without spaces, of which one word tells the score."""
    rng = np.random.default_rng(seed)
    score = rng.choice([1, 2, 3], n)
    fill = rng.choice(["学校", "朋友", "时间", "因为", "老师"], (n, 9))
    telling = {1: "糟糕", 2: "普通", 3: "优秀"}
    texts = ["".join([*f, telling[s]]) + "。" for f, s in zip(fill, score, strict=True)]
    return pd.DataFrame({"text": texts, "score": score.astype(float)})


def test_where_no_spaces_separate_words_characters_are_the_terms(tmp_path):
    model, _ = fitted(LOGISTIC, chinese(80))
    test = chinese(30, seed=1)
    scored = model.score(test["text"].tolist())
    assert model.scorer.terms == "characters"
    assert (scored["score"] == test["score"]).mean() > 0.9
    model.save(tmp_path)
    loaded = load_scorer(tmp_path).score(test["text"].tolist())
    pd.testing.assert_frame_equal(loaded, scored, check_exact=True)


@pytest.mark.parametrize(
    ("texts", "terms"), [(["one", "two"], "words"), (["a b", "1 2"], "characters")]
)
def test_texts_without_a_common_word_are_learned_from_all_the_same(texts, terms):
    model, _ = fitted(RIDGE, pd.DataFrame({"text": texts, "score": [1.0, 2.0]}))
    assert model.scorer.terms == terms
    assert model.score(texts)["continuous"].is_monotonic_increasing


def test_essays_in_another_script_are_unlike_the_training_essays():
    profile = profile_of(chinese(60)["text"].tolist())
    assert profile.flags(chinese(1, seed=2)["text"][0]) == []
    assert profile.flags("糟糕") == [SHORT]
    assert UNLIKE in profile.flags("The school is far away from the place where my friends live.")
    assert BLANK in profile.flags("　")
