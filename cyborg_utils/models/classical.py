"""Classical scoring, the honest yardstick: tf-idf of words, length, a linear model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from cyborg_utils.corpus.columns import of_trait, side_by_side
from cyborg_utils.corpus.text_screening import word_count
from cyborg_utils.models.outputs import scores_from_probabilities, softmax, target_probabilities
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.models import ClassicalScorer


@dataclass
class ClassicalModel:
    """Linear models, one a trait, on word 1-2-gram tf-idf plus log length.

    `coef` has a row an output and `intercept` a number: one output for ridge regression, one for
    each score for logistic regression.
    """

    vectorizer: TfidfVectorizer
    coef: dict[str, np.ndarray]
    intercept: dict[str, np.ndarray]
    labels: list
    commit: None = None  # of pretrained weights: it has none

    def score(self, texts: list[str]) -> pd.DataFrame:
        """`continuous` on the score scale, `score`, a point of it, `p_<label>` for logistic
        regression, and `truncated`: no essay is. A trait's columns end in `:<trait>`."""
        features, points = _features(self.vectorizer, texts), np.asarray(self.labels, dtype=float)
        parts = {}
        for trait, coef in self.coef.items():
            output = features @ coef.T + self.intercept[trait]
            if output.shape[1] == 1:
                continuous = np.clip(output[:, 0], self.labels[0], self.labels[-1])
                score = round_to_scale(continuous, self.labels)
                parts[trait] = pd.DataFrame({"continuous": continuous, "score": score})
            else:
                parts[trait] = scores_from_probabilities(softmax(output), points)
        return side_by_side(parts).assign(truncated=False)

    def count_truncated(self, texts: list[str]) -> int:
        """None: the yardstick reads every essay whole."""
        return 0

    def save(self, folder: Path) -> None:
        """Vocabulary as JSON, numbers as NumPy arrays: no pickle."""
        vocabulary = {word: int(i) for word, i in self.vectorizer.vocabulary_.items()}
        about = {"labels": self.labels, "vocabulary": vocabulary, "traits": list(self.coef)}
        (folder / "classical.json").write_text(json.dumps(about))
        numbers = {"idf": self.vectorizer.idf_}
        numbers |= {f"coef_{i}": coef for i, coef in enumerate(self.coef.values())}
        numbers |= {f"intercept_{i}": b for i, b in enumerate(self.intercept.values())}
        np.savez(folder / "classical.npz", **numbers)

    @classmethod
    def load(cls, folder: Path) -> ClassicalModel:
        about = json.loads((folder / "classical.json").read_text())
        numbers = np.load(folder / "classical.npz", allow_pickle=False)
        vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, vocabulary=about["vocabulary"]
        )
        vectorizer.idf_ = numbers["idf"]
        coef, intercept = (
            {trait: numbers[f"{name}_{i}"] for i, trait in enumerate(about["traits"])}
            for name in ("coef", "intercept")
        )
        return cls(vectorizer, coef, intercept, about["labels"])


def train_classical(
    spec: ClassicalScorer, train: pd.DataFrame, labels: list, traits: Sequence[str] = (HOLISTIC,)
) -> ClassicalModel:
    """Fit the yardstick on a frame with `text`, `score` and, where labels count unequally or are
    probabilities, `weight` and `p_<label>`; the columns of a trait end in `:<trait>`."""
    texts = train["text"].tolist()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=min(2, len(texts)), sublinear_tf=True)
    vectorizer.fit(texts)
    features = _features(vectorizer, texts)
    fit = _ridge if spec.head == "regression" else _logistic
    fitted = {trait: fit(spec, features, of_trait(train, trait), labels) for trait in traits}
    coef, intercept = ({t: both[i] for t, both in fitted.items()} for i in (0, 1))
    return ClassicalModel(vectorizer, coef, intercept, labels)


def _ridge(spec: ClassicalScorer, features, train: pd.DataFrame, labels: list):
    model = Ridge(alpha=spec.alpha).fit(features, train["score"], train.get("weight"))
    return model.coef_[None, :], np.array([model.intercept_])


def _logistic(spec: ClassicalScorer, features, train: pd.DataFrame, labels: list):
    """An essay is given once for each score that has a probability, with that weight."""
    counts = train.get("weight", pd.Series(1.0, train.index)).to_numpy()[:, None]
    shares = target_probabilities(train, labels)
    rows, scores = np.nonzero((shares > 1e-3) & (counts > 0))
    weight = (shares * counts)[rows, scores]
    model = LogisticRegression(C=1 / spec.alpha, max_iter=300)
    coef = np.zeros((len(labels), features.shape[1]))
    intercept = np.full(len(labels), -30.0)  # a score that nobody was given
    seen = np.unique(scores)
    if len(seen) == 1:
        intercept[seen] = 0.0
        return coef, intercept
    model.fit(features[rows], scores, weight)
    if len(seen) == 2:  # one row for two classes
        coef[seen[1]], intercept[seen] = model.coef_[0], [0.0, model.intercept_[0]]
    else:
        coef[seen], intercept[seen] = model.coef_, model.intercept_
    return coef, intercept


def _features(vectorizer: TfidfVectorizer, texts: list[str]):
    length = np.log1p(word_count(pd.Series(texts)).to_numpy(dtype=float))[:, None]
    return hstack([vectorizer.transform(texts), csr_matrix(length)]).tocsr()
