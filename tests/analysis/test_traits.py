"""Traits next to the holistic score: each is learned, saved and evaluated separately."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import causal, encoder, fitted, scratch

from cyborg_utils.analysis import traits
from cyborg_utils.analysis.traits import partial_correlation, specific_to_traits
from cyborg_utils.corpus.columns import column, human_scores, of_trait, side_by_side
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.labeling.ledger import build_ledger, predictions_frame, training_labels
from cyborg_utils.models.outputs import mean_kappa
from cyborg_utils.models.pretraining import pretrain
from cyborg_utils.models.registry import load_scorer
from cyborg_utils.models.scorer import Scorer
from cyborg_utils.reporting.narrative.questions import trait_findings
from cyborg_utils.statistics.agreement import quadratic_weighted_kappa
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import Condition
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.columns import Columns
from cyborg_utils.study.schema.models import ClassicalScorer

LABELS = [1, 2, 3]
BOTH = [HOLISTIC, "style"]
RIDGE = ClassicalScorer(kind="classical", name="ridge")


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


# ---------------------------------------------------------------- frames


names = st.lists(st.sampled_from(["style", "cohesion", "a_b"]), unique=True, min_size=1)


@given(names, st.booleans())
def test_frames_of_traits_lie_side_by_side_and_come_apart_again(traits, holistic):
    traits = [HOLISTIC, *traits] if holistic else traits
    parts = {
        trait: pd.DataFrame({"score": [i, i + 1], "p_1": [0.5, i], "p_2.5": [0.5, 1 - i]})
        for i, trait in enumerate(traits)
    }
    frame = side_by_side(parts).assign(essay_id=["x", "y"], split="dev")
    assert frame.columns.is_unique
    for trait, part in parts.items():
        assert [column(name, trait) in frame for name in part] == [True] * 3
        found = of_trait(frame, trait)
        pd.testing.assert_frame_equal(found[list(part)], part)
        assert set(found) == {*part, "essay_id", "split"}


def test_the_holistic_score_has_plain_names():
    assert column("p_3", HOLISTIC) == "p_3"
    assert column("p_3", "style") == "p_3:style"
    corpus = pd.DataFrame({"score": [1], "style": [2]})
    assert list(human_scores(corpus, BOTH)) == ["score", "score:style"]


# ---------------------------------------------------------------- Students


def two_words(n: int, seed: int) -> pd.DataFrame:
    """Essays whose first word has the holistic score and whose second has the style."""
    rng = np.random.default_rng(seed)
    score, style = rng.choice(LABELS, (2, n))
    first, second = ["poor", "fair", "best"], ["dull", "plain", "vivid"]
    texts = [f"{first[a - 1]} {second[b - 1]} day" for a, b in zip(score, style, strict=True)]
    return pd.DataFrame({"text": texts, "score": score, "score:style": style})


def trained(train: pd.DataFrame, head: str = "regression", **more) -> Scorer:
    how = {"max_tokens": 16, "min_steps": 300, "learning_rate": 5e-3, "head": head, **more}
    how["model"] = scratch("electra", hidden_size=32)
    return fitted(encoder(**how), train, two_words(40, 9), LABELS, traits=BOTH)[0]


@pytest.mark.parametrize("head", ["regression", "classification"])
def test_each_head_learns_its_own_trait(tmp_path, head):
    student, test = trained(two_words(120, 1), head), two_words(100, 2)
    scored = student.score(test["text"].tolist())
    for learned in BOTH:
        for trait in BOTH:
            kappa = quadratic_weighted_kappa(
                test[column("score", trait)], scored[column("score", learned)], LABELS
            )
            assert kappa > 0.9 if learned == trait else abs(kappa) < 0.3
    assert mean_kappa(test, scored, LABELS, BOTH) > 0.9
    if head == "classification":
        for trait in BOTH:
            p = of_trait(scored, trait)[["p_1", "p_2", "p_3"]].to_numpy()
            assert p.sum(axis=1) == pytest.approx(np.ones(100))
            assert of_trait(scored, trait)["continuous"].to_numpy() == pytest.approx(p @ LABELS)
    student.save(tmp_path)
    loaded = load_scorer(tmp_path)
    assert loaded.traits == BOTH
    pd.testing.assert_frame_equal(loaded.score(test["text"].tolist()), scored, atol=1e-5)


@pytest.mark.parametrize("head", ["regression", "classification"])
def test_labels_of_weight_0_are_not_trained_on(head):
    """Not even by what the head is centred on."""
    train = two_words(48, 1).assign(weight=1.0)
    train["weight:style"] = np.arange(48) % 2 * 2.0
    unused = train["weight:style"] == 0
    texts, scored = two_words(20, 2)["text"].tolist(), []
    for value in (1, 3):
        other = train.assign(**{"score:style": train["score:style"].mask(unused, value)})
        scored.append(trained(other, head, min_steps=0, epochs=1).score(texts))
    pd.testing.assert_frame_equal(*scored, check_exact=True)
    used = train.assign(**{"score:style": train["score:style"].mask(~unused, 1)})
    moved = trained(used, head, min_steps=0, epochs=1).score(texts)
    assert not np.allclose(moved["continuous:style"], scored[0]["continuous:style"])


def test_a_trait_on_which_all_agree_does_not_stop_a_training():
    """Kappa is undefined there."""
    frame = pd.DataFrame({"score": [1, 2, 3], "score:style": [2, 2, 2]})
    assert mean_kappa(frame, frame, LABELS, BOTH) == 0.5
    train = two_words(24, 1).assign(score=2)
    student, _ = fitted(encoder(max_tokens=16, epochs=1), train, labels=LABELS)
    assert set(student.score(train["text"].tolist())["score"]) == {2}


def test_a_trait_cannot_be_named_as_the_holistic_score():
    with pytest.raises(ValueError, match="a trait cannot be named 'holistic'"):
        Columns(id="i", score="s", text="t", traits={"holistic": "h"})


# ---------------------------------------------------------------- a causal Teacher


def test_a_causal_teacher_has_one_prompt_per_trait_and_distinguishes_traits(tmp_path):
    """Only the prompt differs between high holistic scores and low scores of style."""
    odd = np.arange(24) % 3 == 0
    essays = two_words(24, 1).assign(
        **{"score": np.where(odd, 2, 3), "score:style": np.where(odd, 2, 1)}
    )
    rubrics = {"rubric": "Judge the essay.", "trait_rubrics": {"style": "Judge the style alone."}}
    spec = causal(min_steps=60, batch_size=8, **rubrics)
    pretrain(spec, essays["text"].tolist(), tmp_path / "base")
    teacher, log = fitted(spec, essays, labels=LABELS, traits=BOTH, base=tmp_path / "base")
    model = teacher.scorer
    before = {t: model.tokenizer.decode(p.before) for t, p in model.prompts.items()}
    assert "Judge the essay." in before[HOLISTIC] and "Judge the essay." not in before["style"]
    assert "Judge the style alone." in before["style"]
    texts = essays["text"].tolist()
    scored = model.score(texts)
    assert (scored["continuous"] - scored["continuous:style"] > 0.15).all()
    teacher.save(tmp_path / "adapter")
    loaded = load_scorer(tmp_path / "adapter", tmp_path / "base")
    pd.testing.assert_frame_equal(loaded.scorer.score(texts), scored, atol=1e-4)


def test_a_trait_without_a_rubric_is_named_after_the_general_one(tmp_path):
    spec, texts = causal(rubric="Judge the essay."), two_words(8, 1)["text"].tolist()
    pretrain(spec, texts, tmp_path)
    essays = two_words(8, 1)
    teacher, _ = fitted(spec, essays, labels=LABELS, traits=BOTH, base=tmp_path)
    assert "Judge the essay.\n\nTrait: style" in teacher.scorer.tokenizer.decode(
        teacher.scorer.prompts["style"].before
    )


# ---------------------------------------------------------------- ledger and predictions


def corpus_of(n: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    score, style = rng.choice(LABELS, (2, n)).astype(float)
    return pd.DataFrame(
        {"essay_id": [f"e{i:02d}" for i in range(n)], "text": "t", "score": score, "style": style,
         "split": ["train"] * (n - 6) + ["dev"] * 3 + ["test"] * 3}
    )  # fmt: skip


def teacher_scores(n: int) -> pd.DataFrame:
    parts = {}
    for i, trait in enumerate(BOTH):
        p = np.random.default_rng(i).dirichlet(np.ones(3), n)
        parts[trait] = pd.DataFrame(p, columns=["p_1", "p_2", "p_3"])
        parts[trait]["continuous"] = p @ LABELS
        parts[trait]["score"] = p.argmax(axis=1) + 1.0
    return side_by_side(parts)


def test_the_ledger_has_the_scores_of_every_trait():
    corpus, ids = corpus_of(), pd.Index(["e03", "e01", "e07"], name="essay_id")
    rest = corpus[(corpus["split"] == "train") & ~corpus["essay_id"].isin(ids)]
    scores = teacher_scores(len(rest))
    ledger = build_ledger(corpus, ids, rest, scores, BOTH)
    known = corpus.set_index("essay_id")
    for trait, name in ((HOLISTIC, "score"), ("style", "style")):
        labels = of_trait(ledger, trait).set_index("essay_id")
        assert list(labels) == ["label_source", "score", "expected", "p_1", "p_2", "p_3"]
        human = labels[labels["label_source"] == "human"]
        assert human["score"].to_dict() == known.loc[ids, name].to_dict()
        assert (human["expected"] == human["score"]).all()
        by_teacher = labels.loc[rest["essay_id"], ["score", "expected", "p_1", "p_2", "p_3"]]
        given_ = of_trait(scores, trait)[["score", "continuous", "p_1", "p_2", "p_3"]]
        assert np.array_equal(by_teacher.to_numpy(), given_.to_numpy())
    full = training_labels(corpus, "full", None, None, BOTH)
    assert full["score:style"].tolist() == corpus["style"][:14].tolist()
    human = training_labels(corpus, "human", ids, None, BOTH).set_index("essay_id")
    assert human["score:style"].to_dict() == known.loc[ids, "style"].to_dict()


def test_predictions_are_joined_with_human_scores_of_every_trait():
    others = corpus_of().query("split != 'train'").sample(frac=1, random_state=2)
    scores = teacher_scores(len(others)).assign(truncated=False)
    found = predictions_frame(others, scores, BOTH)
    assert found["essay_id"].tolist() == others["essay_id"].tolist()
    assert found["human"].tolist() == others["score"].tolist()
    assert found["human:style"].tolist() == others["style"].tolist()
    assert found["score:style"].tolist() == scores["score:style"].tolist()
    assert "truncated" not in found
    alone = predictions_frame(others, scores, BOTH[:1])
    assert not [name for name in alone if ":" in name]


# ---------------------------------------------------------------- unique variance of traits


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 80), st.integers(0, 10_000))
def test_a_partial_correlation_is_that_of_the_residuals_of_two_regressions(n, seed):
    x, y, given_ = np.random.default_rng(seed).normal(size=(3, n))
    x, y = x + given_, y - 2 * given_
    left = [sm.OLS(v, sm.add_constant(given_)).fit().resid for v in (x, y)]
    assert partial_correlation(x, y, given_) == pytest.approx(np.corrcoef(*left)[0, 1])
    assert partial_correlation(3 * x + given_, y, given_) == pytest.approx(
        partial_correlation(x, y, given_)
    )


def test_a_copy_of_the_holistic_score_has_no_unique_variance():
    given_, y = np.random.default_rng(1).normal(size=(2, 50))
    assert partial_correlation(given_, y, given_) == 0
    assert partial_correlation(2 - 3 * given_, y, given_) == 0


TRAITS = ["relevance", "development", "vocabulary"]
# Measured at seeds 1 to 3: correlations of 0.57 to 0.60, 0.91 to 0.92 and 0.74 to 0.75 with the
# true trait, beyond the holistic score 0.07 to 0.19, 0.72 to 0.75 and 0.48 to 0.52. A model that
# counts words cannot detect relevance: a low correlation is enough.
RECOVERED = {"relevance": 0.5, "development": 0.85, "vocabulary": 0.68}
BEYOND = {"relevance": 0.05, "development": 0.6, "vocabulary": 0.4}


@pytest.fixture(scope="module")
def simulated() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test essays with their true traits, and the scores of ridge regression."""
    corpus = human_scores(simulate_corpus(2300, 1, traits=tuple(TRAITS)), TRAITS)
    model, _ = fitted(RIDGE, corpus[:1500], traits=[HOLISTIC, *TRAITS])
    test = corpus[1500:].reset_index(drop=True)
    return test, model.score(test["text"].tolist())


def recovers(test: pd.DataFrame, scored: pd.DataFrame, head_of: dict[str, str]) -> bool:
    """Whether the heads predict the traits that they are named after."""
    for trait, head in head_of.items():
        machine, true = scored[f"continuous:{head}"].to_numpy(), test[f"true_{trait}"].to_numpy()
        beyond = partial_correlation(machine, true, scored["continuous"].to_numpy())
        if np.corrcoef(machine, true)[0, 1] < RECOVERED[trait] or beyond < BEYOND[trait]:
            return False
    return True


@pytest.mark.parametrize("heads", list(permutations(TRAITS)), ids="-".join)
def test_true_traits_are_recovered_and_by_no_swapped_heads(simulated, heads):
    assert recovers(*simulated, dict(zip(TRAITS, heads, strict=True))) == (list(heads) == TRAITS)


def test_a_head_that_repeats_the_holistic_score_does_not_recover_a_trait(simulated):
    test, scored = simulated
    copy = {f"continuous:{trait}": scored["continuous"] for trait in TRAITS}
    for trait in TRAITS:
        assert not recovers(test, scored.assign(**copy), {trait: trait})


def test_the_report_states_the_unique_variance_of_heads(simulated, monkeypatch):
    test, scored = simulated
    study = load_study("traits")

    def runs(_study, _student, trait: str) -> pd.DataFrame:
        name = "vocabulary" if trait == "relevance" else trait  # a head that is of another trait
        human = test[column("score", trait)]
        return pd.DataFrame(
            {**Condition("full").fields, "draw": 1, "seed": 1, "essay_id": test["essay_id"],
             "human": human, "continuous": scored[column("continuous", name)]}
        )  # fmt: skip

    monkeypatch.setattr(traits, "_runs", runs)
    found = specific_to_traits(study, "ridge", test).set_index("trait")
    for trait in ("development", "vocabulary"):
        expected = partial_correlation(
            scored[f"continuous:{trait}"].to_numpy(),
            test[f"true_{trait}"].to_numpy(),
            scored["continuous"].to_numpy(),
        )
        assert found.loc[trait, "specific_true"] == pytest.approx(expected)
        assert 0 < found.loc[trait, "low"] < found.loc[trait, "specific"]
        assert found.loc[trait, "true_high"] - expected == pytest.approx(0.04, abs=0.02)
    assert found.loc["relevance", "specific_true"] < 0.1
    table = pd.DataFrame(
        {"condition": "full", "trait": study.traits, "qwk": [0.7, 0.5, 0.6, 0.4], "gain": np.nan,
         "judged": 0}
    )  # fmt: skip
    (line,) = trait_findings(table, found.reset_index(), "ridge")
    assert line.startswith(
        "**ridge**, all human labels: QWK 0.700 for the holistic score, 0.400 (vocabulary) to "
        "0.600 (development) for the traits. Controlling for the holistic score"
    )
    positive = [int((found[low] > 0).sum()) for low in ("low", "true_low")]
    assert line.endswith(
        f"the human scores of {positive[0]} of 3 traits and with the true scores of {positive[1]}."
    )
