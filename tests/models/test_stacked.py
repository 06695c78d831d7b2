"""The strong classical scorer for few labels, and its guards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel
from small_models import classical, fitted, stacked

from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.models import gaussian_process
from cyborg_utils.models.contributions import contributions
from cyborg_utils.models.gaussian_process import fit_gaussian_process
from cyborg_utils.models.linking import folds
from cyborg_utils.models.registry import load_scorer
from cyborg_utils.models.surface_features import describe, mtld
from cyborg_utils.models.word_statistics import WordStatistics, words_in
from cyborg_utils.statistics.agreement import quadratic_weighted_kappa
from cyborg_utils.study.schema.base import HOLISTIC

STACKED = stacked()
SCALE = range(1, 7)


@pytest.fixture(scope="module")
def essays() -> pd.DataFrame:
    return simulate_corpus(700, seed=11)


@pytest.fixture(scope="module")
def model(essays):
    return fitted(STACKED, essays[:120], texts=essays["text"][:500].tolist())[0]


# ---------------------------------------------------------------- agreement


def test_it_agrees_more_than_the_plain_ridge_on_the_same_labels(essays, model):
    test = essays[500:]
    ridge, _ = fitted(classical(), essays[:120])
    kappa = {
        name: quadratic_weighted_kappa(
            test["score"], scorer.score(test["text"].tolist())["linked_score"], SCALE
        )
        for name, scorer in (("stacked", model), ("ridge", ridge))
    }
    assert kappa["stacked"] > kappa["ridge"] + 0.01


def test_labels_at_random_are_not_learned(essays):
    test, kappas = essays[500:], []
    for seed in range(3):
        shuffled = essays[:120].assign(
            score=essays["score"][:120].sample(frac=1, random_state=seed).to_numpy()
        )
        scored = fitted(STACKED, shuffled)[0].score(test["text"].tolist())
        kappas += [
            quadratic_weighted_kappa(test["score"], scored[name], SCALE)
            for name in ("score", "linked_score")
        ]
    assert abs(np.mean(kappas)) < 0.12


def test_twenty_labels_are_enough_to_learn_something(essays):
    scorer, _ = fitted(STACKED, essays[:20], texts=essays["text"][:500].tolist())
    test = essays[500:]
    scored = scorer.score(test["text"].tolist())
    assert quadratic_weighted_kappa(test["score"], scored["linked_score"], SCALE) > 0.3


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_labels_gives_scores_on_the_scale(essays, n):
    scored = fitted(STACKED, essays[:n])[0].score(["", "word", *essays["text"][:5]])
    assert scored["continuous"].between(1, 6).all()
    assert np.isfinite(scored[["linked", "sd"]]).all(axis=None)


def test_its_standard_deviation_is_that_of_human_scores_around_it(essays, model):
    test = essays[500:]
    scored = model.score(test["text"].tolist())
    error = (test["score"].to_numpy() - scored["continuous"]) / scored["sd"]
    assert 0.75 < np.sqrt((error**2).mean()) < 1.3


# ---------------------------------------------------------------- what it learns from


def test_it_is_deterministic_and_scores_the_same_after_saving(essays, model, tmp_path):
    texts = essays["text"][500:560].tolist()
    scored = model.score(texts)
    again, _ = fitted(STACKED, essays[:120], texts=essays["text"][:500].tolist()[::-1], seed=9)
    pd.testing.assert_frame_equal(again.score(texts), scored, check_exact=True)
    model.save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".npz"}
    pd.testing.assert_frame_equal(load_scorer(tmp_path).score(texts), scored, check_exact=True)


def test_scores_and_texts_of_dev_change_nothing(essays, model):
    dev = essays[500:].assign(score=1, text="None of this is read.")
    again, _ = fitted(STACKED, essays[:120], dev, texts=essays["text"][:500].tolist())
    texts = essays["text"][500:540].tolist()
    pd.testing.assert_frame_equal(again.score(texts), model.score(texts), check_exact=True)


def test_an_essay_is_scored_alike_whatever_is_scored_with_it(essays, model):
    texts = essays["text"][500:520].tolist()
    alone = pd.concat([model.score([text]) for text in texts], ignore_index=True)
    pd.testing.assert_frame_equal(alone, model.score(texts), atol=1e-9)


def test_texts_without_a_score_are_learned_from(essays, model):
    fewer, _ = fitted(STACKED, essays[:120])
    known = len(model.scorer.representation.statistics.vocabulary)
    assert len(fewer.scorer.representation.statistics.vocabulary) < known


def test_a_label_of_weight_0_is_not_learned_from(essays):
    train = essays[:80].assign(weight=np.where(np.arange(80) < 20, 0.0, 1.0))
    texts = essays["text"][500:520].tolist()
    scored = []
    for value in (1.0, 6.0):
        other = train.assign(score=train["score"].where(train["weight"] > 0, value))
        scored.append(fitted(STACKED, other)[0].score(texts))
    pd.testing.assert_frame_equal(*scored, atol=1e-9)


def test_traits_and_scores_between_two_points_are_learned(essays):
    train = essays[:120].assign(**{"score:style": lambda e: 6.5 - e["score"] / 2})
    scorer, _ = fitted(STACKED, train, traits=[HOLISTIC, "style"])
    scored = scorer.score(essays["text"][500:].tolist())
    r = np.corrcoef(scored["continuous"], scored["continuous:style"])[0, 1]
    assert r < -0.9
    assert scored["linked:style"].mean() == pytest.approx(train["score:style"].mean(), abs=0.2)


def test_where_no_spaces_separate_words_characters_take_their_place(tmp_path):
    rng = np.random.default_rng(1)
    score = rng.choice([1, 2, 3], 90)
    fill = rng.choice(["学校", "朋友", "时间", "因为", "老师"], (90, 9))
    telling = {1: "糟糕", 2: "普通", 3: "优秀"}
    texts = ["".join([*f, telling[s]]) + "。" for f, s in zip(fill, score, strict=True)]
    frame = pd.DataFrame({"text": texts, "score": score.astype(float)})
    scorer, _ = fitted(STACKED, frame[:60], labels=[1, 2, 3])
    scored = scorer.score(texts[60:])
    assert (scored["score"].to_numpy() == score[60:]).mean() > 0.9
    scorer.save(tmp_path)
    pd.testing.assert_frame_equal(load_scorer(tmp_path).score(texts[60:]), scored, check_exact=True)


# ---------------------------------------------------------------- padding


def pads(essays: pd.DataFrame) -> dict:
    """Ways to make an essay longer without saying more."""
    rng = np.random.default_rng(3)
    words = " ".join(essays["text"][:300]).split()
    return {
        "a copy of it": lambda text: text,
        "its first half, twice": lambda text: " ".join([text[: len(text) // 2]] * 2),
        "its words in another order": lambda text: " ".join(rng.permutation(text.split())),
        "words drawn at random": lambda text: " ".join(rng.choice(words, 150)),
        "no words": lambda text: " ".join(map("".join, rng.choice(list("asdfghjkl"), (150, 6)))),
        "one word": lambda text: "important " * 150,
    }  # fmt: skip


@pytest.mark.parametrize("pad", pads(pd.DataFrame({"text": ["a"]})))
def test_padding_does_not_raise_a_score(essays, model, pad):
    texts = essays["text"][500:600]
    padded = [f"{text} {pads(essays)[pad](text)}" for text in texts]
    gain = model.score(padded)["continuous"] - model.score(texts.tolist())["continuous"]
    assert gain.mean() < 0.01
    assert gain.max() < 0.25


def test_copied_words_do_not_count():
    statistics = WordStatistics.of(["the cat sat on the mat", "the cat sat on the mat again"])
    words = words_in("One two three four five six seven eight nine ten. " * 2, False)
    assert statistics.counted(words, 0).tolist() == [True] * 10 + [False] * 10


# ---------------------------------------------------------------- its parts


def test_mtld_of_known_texts():
    assert mtld(["a"] * 10) == pytest.approx(2)
    assert mtld([str(i) for i in range(30)]) == 30
    assert mtld(list("abcdefghij") * 6) == pytest.approx(14, abs=2)


def test_a_train_text_is_described_as_if_it_were_new(essays):
    texts = essays["text"][:60].tolist()
    statistics = WordStatistics.of(texts)
    without = WordStatistics.of(texts[1:])
    without.threshold, without.n_texts, without.n_tokens = (
        statistics.threshold, statistics.n_texts, statistics.n_tokens,
    )  # fmt: skip
    inside, outside = (describe(texts[0], s).features for s in (statistics, without))
    same = ["unknown words", "words of few texts", "known pairs of words", "common words"]
    assert [inside[n] for n in same] == pytest.approx([outside[n] for n in same])


def test_the_gaussian_process_is_that_of_its_peer_and_so_is_its_cross_validation(monkeypatch):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 5))
    y = np.sin(x[:, 0]) + x[:, 1] + rng.normal(0, 0.3, 60)
    parts, new = folds(np.arange(60), 1), rng.normal(size=(20, 5))
    process, held_out = fit_gaussian_process(x, y, np.ones(60), parts, 1)
    size, scale, linear, noise = np.exp(process.theta)
    known = ConstantKernel(size) * RBF(scale * np.sqrt(5)) + ConstantKernel(
        linear / 5
    ) * DotProduct(1e-6)
    peer = GaussianProcessRegressor(known + WhiteKernel(noise), optimizer=None)
    mean, sd = y.mean(), y.std()
    predicted, by_peer = process.predict(new), peer.fit(x, (y - mean) / sd).predict(new, True)
    np.testing.assert_allclose(predicted[0], mean + sd * by_peer[0], atol=1e-4)
    np.testing.assert_allclose(predicted[1], sd * by_peer[1], atol=1e-4)
    for seen, unseen in parts:
        expected = mean + sd * peer.fit(x[seen], (y[seen] - mean) / sd).predict(x[unseen])
        np.testing.assert_allclose(held_out[unseen], expected, atol=1e-4)
    monkeypatch.setattr(gaussian_process, "LANDMARKS", 40)
    fewer, _ = fit_gaussian_process(x, y, np.ones(60), parts, 1)
    assert len(fewer.landmarks) == 40
    assert np.corrcoef(fewer.predict(new)[0], predicted[0])[0, 1] > 0.98


def test_a_weight_of_2_is_two_labels(monkeypatch):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    weight = rng.integers(1, 3, 30).astype(float)
    once, _ = fit_gaussian_process(x, y, weight, [], 1)
    rows = np.repeat(np.arange(30), weight.astype(int))
    monkeypatch.setattr(gaussian_process, "_most_likely", lambda *_: once.theta)
    twice, _ = fit_gaussian_process(x[rows], y[rows], np.ones(len(rows)), [], 1)
    np.testing.assert_allclose(once.predict(x)[0], twice.predict(x)[0], atol=1e-4)


# ---------------------------------------------------------------- why this score


def test_contributions_of_words_are_exact_and_length_counts_for_a_long_essay(essays, model):
    stacked = model.scorer
    by_length = essays["text"][500:].str.len().sort_values().index
    shown = [contributions(stacked, essays["text"][i]) for i in (by_length[0], by_length[-1])]
    of_process = [t[t["part"] == "process"].set_index("feature")["contribution"] for t in shown]
    assert len(of_process[0]) == len(stacked.representation.features) + 1
    length = ["words (log)", "words (fourth root)", "different words (log)"]
    assert of_process[0][length].sum() < 0 < of_process[1][length].sum()
    stack, text = stacked.stacks[HOLISTIC], essays["text"][by_length[-1]]
    dense, terms = stacked.representation([text])
    by_ridge = shown[1].query("part == 'ridge'")["contribution"].sum()
    at_mean_length = (
        terms @ stack.coef - stack.coef[-1] * stacked.representation.center[0]
    ) * stack.shares[1]
    assert by_ridge == pytest.approx(at_mean_length[0])
    words = set(words_in(text, False))
    pairs = shown[1].query("part == 'ridge' and feature not in @length")["feature"]
    assert all(set(term.split()) <= words for term in pairs)
