"""The ledger: whose score each essay of train carries, and what each arm learns from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyborg_utils.corpus.sampling import draw_subset
from cyborg_utils.labeling.ledger import build_ledger, essays_to_label, training_labels
from cyborg_utils.study.schema.study import Study

LABELS = np.arange(1, 7)


def study(label_unscored: bool = False) -> Study:
    ridge = {"name": "ridge", "kind": "classical"}
    corpus = {"kind": "simulated", "label_unscored": label_unscored}
    return Study.model_validate(
        {"name": "t", "title": "T", "corpus": corpus, "teachers": [ridge], "students": [ridge]}
    )


def essays(n_train: int, n_unscored: int, seed: int = 1) -> pd.DataFrame:
    """A corpus in any order of rows, with dev and test essays."""
    rng = np.random.default_rng(seed)
    n = n_train + n_unscored + 9
    frame = pd.DataFrame(
        {
            "essay_id": [f"e{i:03d}" for i in rng.permutation(n)],
            "text": [f"text {i}" for i in range(n)],
            "score": rng.choice(LABELS, n).astype(float),
            "split": ["train"] * (n_train + n_unscored) + ["dev"] * 4 + ["test"] * 5,
        }
    )
    frame.loc[n_train : n_train + n_unscored - 1, "score"] = np.nan
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


def teacher_scores(n: int, seed: int = 1) -> pd.DataFrame:
    """What a causal Teacher gives: the label, the expected score, the probabilities."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(6), n)
    frame = pd.DataFrame(probabilities, columns=[f"p_{v}" for v in LABELS])
    frame.insert(0, "continuous", probabilities @ LABELS)
    frame.insert(1, "score", LABELS[probabilities.argmax(axis=1)].astype(float))
    frame["linked_score"] = 7 - frame["score"]
    return frame


corpora = st.builds(essays, st.integers(12, 60), st.integers(0, 20), st.integers(0, 10_000))


# ---------------------------------------------------------------- the ledger


@settings(max_examples=50, deadline=None)
@given(corpora, st.floats(0.01, 0.9), st.integers(0, 99), st.booleans())
def test_the_ledger_keeps_every_human_label_and_adds_no_essay_of_dev_or_test(
    corpus, fraction, draw, label_unscored
):
    subset = draw_subset(corpus, fraction, draw)
    rest = essays_to_label(corpus, subset, study(label_unscored))
    scores = teacher_scores(len(rest), draw)
    ledger = build_ledger(corpus, subset, rest, scores)
    by_id = corpus.set_index("essay_id")

    assert ledger["essay_id"].is_unique
    assert (by_id.loc[ledger["essay_id"], "split"] == "train").all()
    human = ledger[ledger["label_source"] == "human"].set_index("essay_id")
    assert set(human.index) == set(subset)
    assert human["score"].to_dict() == by_id.loc[subset, "score"].to_dict()
    assert (human["expected"] == human["score"]).all()
    assert (human["linked_score"] == human["score"]).all()

    teacher = ledger[ledger["label_source"] == "teacher"].set_index("essay_id")
    scores_by_id = scores.set_index(rest["essay_id"].to_numpy())
    assert teacher["score"].to_dict() == scores_by_id["score"].to_dict()
    assert teacher["linked_score"].to_dict() == scores_by_id["linked_score"].to_dict()
    assert teacher["expected"].to_dict() == scores_by_id["continuous"].to_dict()

    train = by_id[by_id["split"] == "train"]
    everyone = train if label_unscored else train.dropna(subset="score")
    assert set(ledger["essay_id"]) == set(everyone.index)


def test_the_ledger_has_its_columns_and_its_order():
    corpus = essays(20, 0)
    subset = draw_subset(corpus, 0.25, 1)
    rest = essays_to_label(corpus, subset, study())
    ledger = build_ledger(corpus, subset, rest, teacher_scores(len(rest)))
    assert list(ledger) == [
        "essay_id", "label_source", "score", "expected", "linked_score",
        "p_1", "p_2", "p_3", "p_4", "p_5", "p_6",
    ]  # fmt: skip
    assert ledger["essay_id"].is_monotonic_increasing
    assert ledger["label_source"].value_counts().to_dict() == {"teacher": 15, "human": 5}
    by_human = ledger["label_source"] == "human"
    probabilities = ledger[[f"p_{v}" for v in LABELS]]
    assert probabilities[by_human].isna().all(axis=None)
    assert probabilities[~by_human].sum(axis=1).to_numpy() == pytest.approx(np.ones(15))


def test_a_teacher_without_probabilities_makes_a_ledger_without_them():
    corpus = essays(20, 0)
    subset = draw_subset(corpus, 0.25, 1)
    rest = essays_to_label(corpus, subset, study())
    scores = teacher_scores(len(rest))[["continuous", "score"]]
    ledger = build_ledger(corpus, subset, rest, scores)
    assert list(ledger) == ["essay_id", "label_source", "score", "expected"]


@pytest.mark.parametrize("split", ["dev", "test"])
def test_an_essay_of_dev_or_test_cannot_enter_the_ledger(split):
    corpus = essays(20, 0)
    subset = draw_subset(corpus, 0.25, 1)
    foreign = corpus[corpus["split"] == split].iloc[[1]]
    rest = pd.concat([essays_to_label(corpus, subset, study()), foreign])
    with pytest.raises(ValueError) as caught:
        build_ledger(corpus, subset, rest, teacher_scores(len(rest)))
    name = foreign["essay_id"].item()
    assert str(caught.value) == f"1 dev or test essays in the ledger (first: {name!r})"


def test_an_essay_of_u_cannot_be_labeled_again():
    corpus = essays(20, 0)
    subset = draw_subset(corpus, 0.25, 1)
    train = corpus[corpus["split"] == "train"]
    with pytest.raises(ValueError, match="essays of U keep their human scores"):
        build_ledger(corpus, subset, train, teacher_scores(len(train)))


# ---------------------------------------------------------------- which essays are labeled


def test_unscored_essays_are_labeled_only_where_the_study_says_so():
    corpus = essays(20, 7)
    subset = draw_subset(corpus, 0.25, 1)
    unscored = set(corpus.loc[corpus["score"].isna(), "essay_id"])
    without = essays_to_label(corpus, subset, study(label_unscored=False))
    assert len(without) == 15
    assert not unscored & set(without["essay_id"])
    everyone = essays_to_label(corpus, subset, study(label_unscored=True))
    assert len(everyone) == 15 + 7
    assert unscored <= set(everyone["essay_id"])


def test_a_u_that_leaves_nothing_to_label_is_refused():
    corpus = essays(20, 0)
    subset = draw_subset(corpus, 1.0, 1)
    with pytest.raises(ValueError, match="U has all 20 train essays.*choose a smaller fraction"):
        essays_to_label(corpus, subset, study())
    with_pool = essays(20, 7)
    subset = draw_subset(with_pool, 1.0, 1)
    assert len(essays_to_label(with_pool, subset, study(label_unscored=True))) == 7


# ---------------------------------------------------------------- what a Student learns from


@settings(max_examples=50, deadline=None)
@given(corpora, st.floats(0.01, 0.9), st.integers(0, 99))
def test_each_arm_has_its_own_labels(corpus, fraction, draw):
    subset = draw_subset(corpus, fraction, draw)
    rest = essays_to_label(corpus, subset, study(label_unscored=True))
    ledger = build_ledger(corpus, subset, rest, teacher_scores(len(rest), draw))
    by_id = corpus.set_index("essay_id")
    scored = by_id[(by_id["split"] == "train") & by_id["score"].notna()]

    human = training_labels(corpus, "human", subset, None)
    assert human.set_index("essay_id")["score"].to_dict() == scored.loc[subset, "score"].to_dict()

    full = training_labels(corpus, "full", None, None)
    assert full.set_index("essay_id")["score"].to_dict() == scored["score"].to_dict()

    cyborg = training_labels(corpus, "cyborg", subset, ledger)
    expected = ledger.set_index("essay_id")["score"].to_dict()
    assert cyborg.set_index("essay_id")["score"].to_dict() == expected
    by_human = cyborg[cyborg["label_source"] == "human"]
    assert set(by_human["essay_id"]) == set(subset)

    for arm in (human, full, cyborg):
        assert {"essay_id", "text", "score", "label_source"} <= set(arm)
        assert arm["score"].notna().all()
        assert arm["text"].tolist() == by_id.loc[arm["essay_id"], "text"].tolist()
        assert (by_id.loc[arm["essay_id"], "split"] == "train").all()
    assert set(human["label_source"]) == set(full["label_source"]) == {"human"}


def test_hidden_human_scores_do_not_reach_the_student():
    corpus = essays(40, 0)
    subset = draw_subset(corpus, 0.25, 1)
    rest = essays_to_label(corpus, subset, study())
    scores = teacher_scores(len(rest)).assign(score=6.0)
    cyborg = training_labels(corpus, "cyborg", subset, build_ledger(corpus, subset, rest, scores))
    assert (cyborg.loc[cyborg["label_source"] == "teacher", "score"] == 6).all()
    hidden = corpus[corpus["essay_id"].isin(rest["essay_id"])]
    assert (hidden["score"] != 6).any()


def test_a_ledger_that_names_an_essay_twice_is_refused():
    corpus = essays(20, 0)
    subset = draw_subset(corpus, 0.25, 1)
    rest = essays_to_label(corpus, subset, study())
    ledger = build_ledger(corpus, subset, rest, teacher_scores(len(rest)))
    with pytest.raises(ValueError, match="one-to-one"):
        training_labels(corpus, "cyborg", subset, pd.concat([ledger, ledger[:1]]))
