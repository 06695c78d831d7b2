"""Cross-fitting: no essay is scored by a model that knows it, and nothing is lost in a kill."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from corpus_files import study as study_of
from hypothesis import given
from hypothesis import strategies as st

from cyborg_utils.analysis.cross_fitting import cross_fitted_agreement
from cyborg_utils.corpus.related_essays import related
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.labeling import cross_fitting
from cyborg_utils.labeling.cross_fitting import corpus_of_fold, cross_fit, draw_folds
from cyborg_utils.models.registry import train_scorer
from cyborg_utils.models.scorer import TrainingInput
from cyborg_utils.reporting.narrative.cross_fitting import cross_fitting_findings
from cyborg_utils.study.results import CrossFittingResult
from cyborg_utils.study.schema.base import ParameterError

TABLE = {
    "kind": "table", "files": {"train": ["essays.csv"]}, "dev_size": 10, "test_share": 0.2,
    "columns": {"text": "text", "score": "score"}, "scale": {"min": 1, "max": 6},
    "label_unscored": True,
}  # fmt: skip
STUDY = study_of(TABLE, evaluation={"cross_fitting": 5, "replicates": 200})


@pytest.fixture(scope="module")
def corpus() -> pd.DataFrame:
    """90 hand-scored essays and 40 without a score; two pairs of one text."""
    corpus = simulate_corpus(130, seed=4, n_prompts=2).assign(
        score=lambda c: c["score"].astype(float)
    )
    corpus = corpus.reset_index(drop=True)
    corpus.loc[90:, "score"] = np.nan
    corpus.loc[[1, 95], "text"] = corpus["text"][[0, 2]].to_numpy()
    return corpus.assign(split=["train"] * 70 + ["dev"] * 10 + ["test"] * 10 + ["train"] * 40)


@pytest.fixture(scope="module")
def folds(corpus) -> pd.Series:
    return draw_folds(corpus, 5)


@pytest.fixture(scope="module")
def scores(corpus, folds, tmp_path_factory) -> pd.DataFrame:
    return cross_fit(STUDY, corpus, folds, tmp_path_factory.mktemp("work"))


@given(writers=st.lists(st.integers(0, 12), min_size=20, max_size=60), k=st.integers(2, 5))
def test_folds_are_of_nearly_equal_size_and_part_no_writer(writers, k):
    n = len(writers)
    essays = pd.DataFrame(
        {
            "essay_id": [f"e{i:02d}" for i in range(n)],
            "text": [f"essay {i}" for i in range(n)],
            "writer": [str(w) for w in writers],
            "score": 1.0,
        }
    )
    if len(set(writers)) < k:
        with pytest.raises(ParameterError, match="lower it"):
            draw_folds(essays, k)
        return
    folds = draw_folds(essays, k)
    assert set(folds.index) == set(essays["essay_id"])
    assert (folds.groupby(essays.set_index("essay_id")["writer"]).nunique() == 1).all()
    sizes = folds.value_counts().reindex(range(k), fill_value=0)
    assert sizes.max() - sizes.min() <= pd.Series(writers).value_counts().max()


def test_every_scored_essay_is_scored_once_by_each_student_and_condition(corpus, scores):
    scored = corpus[corpus["score"].notna()]
    assert set(scores["condition"]) == {"full", "cyborg-ridge-f1"}
    for _, rows in scores.groupby(["student", "condition"]):
        assert sorted(rows["essay_id"]) == sorted(scored["essay_id"])
    human = scores.merge(scored[["essay_id", "score"]], on="essay_id", suffixes=("", "_corpus"))
    assert (human["human"] == human["score_corpus"]).all()


def test_the_scores_of_a_fold_are_those_of_a_model_of_the_other_essays(corpus, folds, scores):
    of_fold = corpus["essay_id"].map(folds) == 2
    others = corpus[corpus["score"].notna() & ~of_fold].reset_index(drop=True)
    test = corpus[of_fold].reset_index(drop=True)
    run = corpus_of_fold(STUDY, corpus, folds, 2)
    texts = run.loc[run["split"] == "train", "text"].tolist()
    training = TrainingInput(others, others[:0], STUDY.labels, 1, texts=texts)
    model, _ = train_scorer(STUDY.students[0], training)
    expected = model.score(test["text"].tolist())["continuous"]
    rows = scores[(scores["condition"] == "full") & (scores["fold"] == 2)]
    assert len(rows) == len(test) > 10
    by_id = rows.set_index("essay_id")["continuous"].loc[test["essay_id"]]
    assert by_id.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-9)


def test_the_human_scores_of_a_fold_change_no_score_of_it(corpus, folds, scores, tmp_path):
    secret = corpus.copy()
    of_fold = corpus["essay_id"].map(folds) == 0
    secret.loc[of_fold, "score"] = 7 - secret.loc[of_fold, "score"]
    changed = cross_fit(STUDY, secret, folds, tmp_path)
    key, columns = ["condition", "essay_id"], ["continuous", "score"]
    before, after = (f.set_index(key).sort_index() for f in (scores, changed))
    inside = before["fold"] == 0
    pd.testing.assert_frame_equal(before.loc[inside, columns], after.loc[inside, columns])
    assert (before.loc[~inside, "continuous"] != after.loc[~inside, "continuous"]).mean() > 0.9


def test_no_text_is_both_read_and_evaluated(corpus, folds):
    for fold in range(5):
        run = corpus_of_fold(STUDY, corpus, folds, fold)
        clusters = related(run)
        test = run["split"] == "test"
        assert not clusters[test].isin(clusters[~test]).any()
        assert set(run.loc[test, "essay_id"]) == set(folds.index[folds == fold])
    assert folds[corpus["essay_id"][0]] == folds[corpus["essay_id"][1]]
    kept = corpus_of_fold(STUDY, corpus, folds, None)
    assert len(kept) == len(corpus) and set(kept["split"]) == {"train"}


def test_a_model_that_selects_checkpoints_gets_a_dev_set_of_the_other_folds(corpus, folds):
    encoder = {
        "name": "electra", "kind": "encoder",
        "model": {"from_scratch": {"architecture": "electra"}},
    }  # fmt: skip
    neural = study_of(TABLE, students=[encoder], evaluation={"cross_fitting": 5})
    run = corpus_of_fold(neural, corpus, folds, 3)
    dev = set(run.loc[run["split"] == "dev", "essay_id"])
    assert len(dev) == round(0.15 * (folds != 3).sum())
    assert dev < set(folds.index[folds != 3])


def test_an_interrupted_run_resumes_from_its_finished_folds(
    corpus, folds, scores, tmp_path, monkeypatch
):
    def killed(spec, training):
        raise KeyboardInterrupt

    first = cross_fit(STUDY, corpus, folds[folds < 2], tmp_path)
    assert set(first["fold"]) == {0, 1}
    with monkeypatch.context() as patch:
        patch.setattr(cross_fitting, "train_scorer", killed)
        with pytest.raises(KeyboardInterrupt):
            cross_fit(STUDY, corpus, folds, tmp_path)
    assert sorted(p.name for p in tmp_path.glob("*.parquet")) == [
        "fold-0.parquet", "fold-1.parquet",
    ]  # fmt: skip


def test_labels_without_information_have_no_agreement(corpus, folds, tmp_path):
    shuffled = corpus.copy()
    scored = shuffled["score"].notna()
    rng = np.random.default_rng(2)
    shuffled.loc[scored, "score"] = rng.permutation(shuffled.loc[scored, "score"])
    table = cross_fitted_agreement(STUDY, cross_fit(STUDY, shuffled, folds, tmp_path))
    assert (table["low"] < 0.1).all() and (table["qwk"] < 0.25).all()


def test_the_best_model_is_reported_with_limits_that_allow_for_the_choice(scores):
    table = cross_fitted_agreement(STUDY, scores)
    assert (table["best_low"] < table["low"]).all() and (table["best_high"] > table["high"]).all()
    models = {"ridge/full": "a/full", "ridge/cyborg-ridge-f1": "a/cyborg"}
    fitted = CrossFittingResult(folds=5, n_scored=90, models=models)
    sentence, fairness, use = cross_fitting_findings(STUDY, fitted, table, pd.DataFrame())
    best = table.loc[table["qwk"].idxmax()]
    assert f"QWK {best['qwk']:.3f} ({best['best_low']:.3f} to {best['best_high']:.3f})" in sentence
    assert "90 hand-scored essays by 5 folds" in sentence
    assert "among 4 models and readings" in sentence
    assert "none was judged" in fairness
    assert ("`linked_score`" in use) == (best["reading"] == "linked")
    assert f"runs/t/{models['ridge/' + best['condition']]} new.csv" in use
