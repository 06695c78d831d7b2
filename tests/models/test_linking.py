"""Linking of a scorer's scores to the human scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sklearn.linear_model import Ridge
from small_models import classical, fitted

from cyborg_utils.analysis.predictions import read_as
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.models.classical import _features
from cyborg_utils.models.linking import LINKING, folds, is_human
from cyborg_utils.models.registry import load_scorer
from cyborg_utils.statistics.agreement import quadratic_weighted_kappa
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.models import Teacher
from cyborg_utils.study.storage import read_json

SPECS = [
    classical(),
    classical(head="classification", alpha=0.1),
    classical(linking="mean"),
    classical(linking="isotonic"),
    classical(linking="cuts"),
]


@pytest.fixture(scope="module")
def essays() -> pd.DataFrame:
    return simulate_corpus(700, seed=3)


def test_the_line_is_that_of_predictions_of_models_that_did_not_see_the_essay(essays):
    train = essays[:80]
    model, _ = fitted(classical(), train)
    x = _features(model.scorer.vectorizer, train["text"].tolist())
    predicted, y = np.empty(80), train["score"].to_numpy(dtype=float)
    for seen, unseen in folds(np.arange(80), 1):
        predicted[unseen] = Ridge(alpha=1.0).fit(x[seen], y[seen]).predict(x[unseen])
    predicted = np.clip(predicted, 1, 6)
    slope, shift = model.links[HOLISTIC][1:3]
    assert slope == pytest.approx(y.std() / predicted.std())
    assert slope > 1
    assert (slope * predicted + shift).mean() == pytest.approx(y.mean())


@pytest.mark.parametrize("spec", SPECS, ids=["ridge", "logistic", "mean", "isotonic", "cuts"])
def test_plain_scores_are_those_of_the_scorer_and_linked_ones_a_function_of_them(essays, spec):
    model, _ = fitted(spec, essays[:100])
    texts = essays["text"][100:].tolist()
    scored, plain = model.score(texts), model.scorer.score(texts)
    pd.testing.assert_frame_equal(scored[plain.columns], plain, check_exact=True)
    link = model.links[HOLISTIC]
    for name, expected in zip(("linked", "linked_score"), link(plain["continuous"]), strict=True):
        assert np.array_equal(scored[name], expected)
    in_order = scored.sort_values("continuous")["linked_score"]
    assert in_order.is_monotonic_increasing and in_order.nunique() > 1
    assert (link.slope != 1) == (spec.linking == "linear")
    assert bool(link.knots) == (spec.linking == "isotonic")
    assert len(link.cuts) == (5 if spec.linking == "cuts" else 0)


def test_linking_gives_few_labels_the_spread_of_the_human_scores_and_more_agreement(essays):
    test = essays[200:]
    scored = fitted(classical(), essays[:200])[0].score(test["text"].tolist())
    human = test["score"].std()
    assert abs(scored["linked_score"].std() / human - 1) < abs(scored["score"].std() / human - 1)
    kappa = {
        name: quadratic_weighted_kappa(test["score"], scored[name], range(1, 7))
        for name in ("score", "linked_score")
    }
    assert kappa["linked_score"] > kappa["score"] + 0.02


@pytest.mark.parametrize("method", ["linear", "isotonic", "cuts"])
def test_linking_is_saved_with_the_scorer_and_as_json(essays, tmp_path, method):
    model, _ = fitted(classical(linking=method), essays[:60])
    model.save(tmp_path)
    texts = essays["text"][60:90].tolist()
    loaded = load_scorer(tmp_path)
    pd.testing.assert_frame_equal(loaded.score(texts), model.score(texts), check_exact=True)
    assert loaded.links == model.links
    assert read_json(tmp_path / LINKING)["method"] == method
    (tmp_path / LINKING).unlink()  # of a version without linking
    plain = load_scorer(tmp_path).score(texts)
    pd.testing.assert_frame_equal(plain, model.scorer.score(texts), check_exact=True)


def test_scores_of_dev_change_nothing_in_a_classical_scorer(essays):
    dev = essays[80:120]
    other = dev.assign(score=7 - dev["score"], text=dev["text"].str[::-1])
    texts = essays["text"][120:160].tolist()
    scored = [fitted(classical(), essays[:80], d)[0].score(texts) for d in (dev, other)]
    pd.testing.assert_frame_equal(*scored, check_exact=True)


def test_a_teachers_labels_do_not_move_the_line_but_are_learned_from(essays):
    """Twice as lenient a Teacher moves what is predicted; the line leads back to the human mean."""
    train = essays[:120].assign(label_source=["human"] * 60 + ["teacher"] * 60)
    lenient = train.assign(score=train["score"].where(train["label_source"] == "human", 6))
    texts = essays["text"][120:].tolist()
    human = train["score"][:60]
    for frame in (train, lenient):
        scored = fitted(classical(), frame)[0].score(texts)
        assert scored["linked"].mean() == pytest.approx(human.mean(), abs=0.25)
    assert scored["continuous"].mean() > human.mean() + 0.5


def test_a_reading_of_runs_is_plain_or_linked():
    scores = pd.DataFrame({"continuous": [2.6], "score": [3], "linked": [1.9], "linked_score": [2]})
    assert read_as(scores, "plain") is scores
    linked = read_as(scores, "linked")
    assert linked[["continuous", "score"]].to_numpy().tolist() == [[1.9, 2]]
    with pytest.raises(ValueError, match="train and label again"):
        read_as(scores[["continuous", "score"]], "linked")
    with pytest.raises(ValueError, match="reading must be one of plain, linked"):
        read_as(scores, "best")


def test_human_labels_that_are_used():
    train = pd.DataFrame({"score": [1.0, 2.0, 3.0], "score:style": [1.0, 1.0, 2.0]})
    assert is_human(train, "style").tolist() == [True, True, True]
    train["label_source"] = ["human", "teacher", "human"]
    assert is_human(train, "style").tolist() == [True, False, True]
    train["weight"], train["weight:style"] = 1.0, [1.0, 1.0, 0.0]
    assert is_human(train, "style").tolist() == [True, False, False]
    assert is_human(train, HOLISTIC).tolist() == [True, False, True]


@given(st.integers(1, 40), st.integers(0, 9))
@settings(deadline=None, max_examples=30)
def test_each_row_is_predicted_once_by_others(n, seed):
    parts = folds(np.arange(n), seed)
    predicted = np.concatenate([[], *(unseen for _, unseen in parts)])
    assert sorted(predicted) == (list(range(n)) if n > 1 else [])
    assert all(set(seen).isdisjoint(unseen) for seen, unseen in parts)
    assert len(parts) == (min(5, n) if n > 1 else 0)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 9))
@settings(deadline=None, max_examples=30)
def test_equal_texts_and_writers_are_never_learned_from_to_predict_each_other(clusters, seed):
    clusters = np.array(clusters)
    parts = folds(clusters, seed)
    assert len(parts) == (min(5, len(set(clusters))) if len(set(clusters)) > 1 else 0)
    for seen, unseen in parts:
        assert set(clusters[seen]).isdisjoint(clusters[unseen])
        assert sorted([*seen, *unseen]) == list(range(len(clusters)))


@pytest.mark.parametrize("kind", ["classical", "stacked"])
def test_copies_of_an_essay_do_not_make_its_cross_validated_prediction_easy(essays, kind):
    """With each essay four times, the linking is much as with each once, and not that of a scorer
    which knows the essays that it is linked on."""
    spec = TypeAdapter(Teacher).validate_python({"kind": kind, "name": "s"})
    once = fitted(spec, essays[:60])[0].links[HOLISTIC].slope
    copies = pd.concat([essays[:60]] * 4, ignore_index=True)
    slope = fitted(spec, copies)[0].links[HOLISTIC].slope
    assert slope > 1 + 0.5 * (once - 1)


@pytest.mark.parametrize("kind", ["classical", "stacked"])
def test_one_text_alone_is_linked_without_an_error(essays, kind):
    spec = TypeAdapter(Teacher).validate_python({"kind": kind, "name": "s"})
    same = essays[:6].assign(text=essays["text"].iloc[0])
    assert np.isfinite(fitted(spec, same)[0].score(essays["text"][:9].tolist())["linked"]).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_labels_is_linked_without_an_error(essays, n):
    scored = fitted(classical(), essays[:n])[0].score(essays["text"][:20].tolist())
    assert np.isfinite(scored["linked"]).all()
