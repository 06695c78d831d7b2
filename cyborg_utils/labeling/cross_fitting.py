"""Cross-fitting: each hand-scored essay is scored by models that were not trained on it.

Every part of the method is fitted again within each fold: Teacher, labels, Student. The models that
are kept are trained on all hand-scored essays; the predictions of the folds are their evaluation.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.corpus.columns import human_scores, of_trait
from cyborg_utils.corpus.related_essays import related
from cyborg_utils.labeling.ledger import (
    build_ledger,
    essays_to_label,
    predictions_frame,
    training_labels,
    weighted_labels,
)
from cyborg_utils.models.registry import train_scorer
from cyborg_utils.models.scorer import Scorer, TrainingInput
from cyborg_utils.statistics.variance_components import ONCE
from cyborg_utils.study.design import Condition
from cyborg_utils.study.schema.base import HOLISTIC, ParameterError
from cyborg_utils.study.schema.models import Teacher
from cyborg_utils.study.schema.study import HARD, Study
from cyborg_utils.study.storage import base_folder, need, write_parquet

DEV_SHARE = 0.15  # of the hand-scored essays of a training, where a model needs dev


@dataclass(frozen=True)
class Trained:
    """A Student, its condition and its training labels (`text`, `score`, `label_source`, ...)."""

    student: str
    condition: Condition
    model: Scorer
    train: pd.DataFrame
    truncated: int


def draw_folds(corpus: pd.DataFrame, k: int, seed: int = 1) -> pd.Series:
    """Divide the hand-scored essays at random into folds of nearly equal size.

    Essays of one text or writer are in one fold.

    Parameters
    ----------
    corpus : as `load_corpus` returns it; essays of all splits are drawn.
    k : the number of folds, at least 2.

    Returns
    -------
    the fold, 0 to k - 1, of every hand-scored essay, by essay id

    Raises
    ------
    ParameterError
        There are fewer texts or writers than folds.
    """
    scored = corpus[corpus["score"].notna()].sort_values("essay_id")
    clusters = related(scored)
    sizes = clusters.value_counts(sort=False)
    if len(sizes) < k:
        raise ParameterError(
            f"evaluation.cross_fitting is {k} folds, and the {len(scored):,} hand-scored essays "
            f"have {len(sizes):,} different texts and writers: lower it"
        )
    order = np.random.default_rng([seed, 11]).permutation(len(sizes))
    sizes = sizes.iloc[order].sort_values(ascending=False, kind="stable")
    fold_of, filled = {}, np.zeros(k, dtype=int)
    for cluster, size in sizes.items():
        fold_of[cluster] = smallest = int(filled.argmin())
        filled[smallest] += size
    return pd.Series(clusters.map(fold_of).to_numpy(), scored["essay_id"].to_numpy(), name="fold")


def corpus_of_fold(
    study: Study, corpus: pd.DataFrame, folds: pd.Series, fold: int | None
) -> pd.DataFrame:
    """The corpus of one training: the fold's essays are its test set, all others its train set.

    Where a scorer of the study selects a checkpoint, `DEV_SHARE` of the hand-scored others are dev.
    Unscored essays with the text or the writer of an essay of the fold are left out.

    Parameters
    ----------
    folds : as `draw_folds` returns them.
    fold : None for the training on all hand-scored essays.
    """
    fold_of, clusters = corpus["essay_id"].map(folds), related(corpus)
    tested = fold_of == fold
    alike = clusters.isin(clusters[tested]) & ~tested
    others = corpus[~tested & ~alike].assign(split="train")
    if any(scorer.neural for scorer in scorers(study)):
        scored = others["essay_id"][others["score"].notna()].sort_values().to_numpy()
        rng = np.random.default_rng([1, 13, -1 if fold is None else fold])
        dev = rng.permutation(scored)[: max(1, round(DEV_SHARE * len(scored)))]
        others.loc[others["essay_id"].isin(dev), "split"] = "dev"
    return pd.concat([others, corpus[tested].assign(split="test")], ignore_index=True)


def scorers(study: Study) -> list[Teacher]:
    """The Teachers and Students that are trained within each fold."""
    return [*(study.teachers if "cyborg" in study.arms else []), *study.students]


def train_students(study: Study, corpus: pd.DataFrame, work: Path) -> Iterator[Trained]:
    """Train every Student on all human scores of train, and on cyborg data of every Teacher.

    Parameters
    ----------
    corpus : with its `split`, as `corpus_of_fold` returns it.
    work : folder for the checkpoints of neural scorers.
    """
    essays = human_scores(corpus, study.traits)
    scored = essays[(essays["split"] == "train") & essays["score"].notna()].reset_index(drop=True)
    dev = essays[essays["split"] == "dev"].reset_index(drop=True)
    texts = essays.loc[essays["split"] == "train", "text"].tolist()
    by_condition = {Condition("full"): training_labels(corpus, "full", None, None, study.traits)}
    unscored = ((corpus["split"] == "train") & corpus["score"].isna()).any()
    for spec in study.teachers if unscored and "cyborg" in study.arms else []:
        base = base_folder(study, spec)
        training = TrainingInput(
            scored, dev, study.labels, spec.seed, study.traits,
            texts=texts, base=base if base is None else need(base, study),
            work=work / f"teacher-{spec.name}",
        )  # fmt: skip
        teacher, _ = train_scorer(spec, training)
        by_condition[Condition("cyborg", spec.name, 1.0, strategy=HARD.name)] = _cyborg_data(
            study, corpus, scored, dev, teacher
        )
    for spec in study.students:
        for condition, train in by_condition.items():
            training = TrainingInput(
                train, dev, study.labels, study.sampling.seeds[0], study.traits, texts=texts,
                work=work / f"{spec.name}-{condition.slug}",
            )  # fmt: skip
            model, _ = train_scorer(spec, training)
            truncated = model.count_truncated(train["text"].tolist())
            yield Trained(spec.name, condition, model, train, truncated)


def _cyborg_data(
    study: Study, corpus: pd.DataFrame, scored: pd.DataFrame, dev: pd.DataFrame, teacher: Scorer
) -> pd.DataFrame:
    """The training labels of a Student: all human scores of train, and a Teacher's for the rest."""
    subset = pd.Index(scored["essay_id"])
    rest = essays_to_label(corpus, subset, study)
    labels = teacher.score(rest["text"].tolist()).drop(columns="truncated")
    ledger = build_ledger(corpus, subset, rest, labels, study.traits)
    train = training_labels(corpus, "cyborg", None, ledger)
    return weighted_labels(train, HARD, study.labels, dev, study.traits)  # hard ones need no dev


def cross_fit(study: Study, corpus: pd.DataFrame, folds: pd.Series, work: Path) -> pd.DataFrame:
    """Score every hand-scored essay with Students that were not trained on it.

    Each finished fold is saved: an interrupted run resumes from the fold where it stopped.

    Parameters
    ----------
    work : the folder of the finished folds.

    Returns
    -------
    frame with the columns of `cyborg_utils.analysis.predictions.collect_runs`, `student` and
    `fold`: one row per Student, condition and hand-scored essay
    """
    n_folds, parts, start, done = int(folds.max()) + 1, [], time.monotonic(), 0
    for fold in range(n_folds):
        file = work / f"fold-{fold}.parquet"
        if not file.exists():
            if done:
                left = (time.monotonic() - start) / done * (n_folds - fold)
                print(f"fold {fold + 1} of {n_folds}, about {left:.0f} s left")
            of_fold = corpus_of_fold(study, corpus, folds, fold)
            write_parquet(file, _scores_of_fold(study, of_fold, work / f"fold-{fold}", fold))
            done += 1
        parts.append(pd.read_parquet(file))
    scores = pd.concat(parts, ignore_index=True)
    sizes = scores.groupby(["student", "condition"], sort=False)[["n_human", "n_train"]]
    return scores.assign(**sizes.transform("mean").round().astype(int))


def _scores_of_fold(study: Study, corpus: pd.DataFrame, work: Path, fold: int) -> pd.DataFrame:
    test = corpus[corpus["split"] == "test"].reset_index(drop=True)
    n_dev, parts = int((corpus["split"] == "dev").sum()), []
    for trained in train_students(study, corpus, work):
        scored = trained.model.score(test["text"].tolist())
        scored = of_trait(predictions_frame(test, scored, study.traits), HOLISTIC)
        n_human = int((trained.train["label_source"] == "human").sum()) + n_dev
        parts.append(
            scored[["essay_id", "human", "continuous", "score", "linked", "linked_score"]].assign(
                student=trained.student, **trained.condition.fields, fold=fold, draw=ONCE,
                seed=ONCE, n_human=n_human, n_train=len(trained.train),
                truncated=trained.truncated,
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)
