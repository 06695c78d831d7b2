"""Classical scoring, the honest yardstick: tf-idf of words, length, ridge regression."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from cyborg_utils.agreement import round_to_scale
from cyborg_utils.corpus import word_count
from cyborg_utils.schema_models import ClassicalScorer


@dataclass
class ClassicalModel:
    """A fitted ridge on word 1-2-gram tf-idf plus log length."""

    vectorizer: TfidfVectorizer
    ridge: Ridge
    labels: list
    commit: None = None  # of pretrained weights: it has none

    def score(self, texts: list[str]) -> pd.DataFrame:
        """`continuous` on the score scale, clipped to it, `score`, a point of it, and
        `truncated`: no essay is."""
        raw = self.ridge.predict(_features(self.vectorizer, texts))
        continuous = np.clip(raw, self.labels[0], self.labels[-1])
        score = round_to_scale(continuous, self.labels)
        return pd.DataFrame({"continuous": continuous, "score": score, "truncated": False})

    def count_truncated(self, texts: list[str]) -> int:
        """None: the yardstick reads every essay whole."""
        return 0

    def save(self, folder: Path) -> None:
        """Vocabulary as JSON, numbers as NumPy arrays: no pickle."""
        vocabulary = {word: int(i) for word, i in self.vectorizer.vocabulary_.items()}
        about = {"labels": self.labels, "vocabulary": vocabulary}
        (folder / "classical.json").write_text(json.dumps(about))
        np.savez(
            folder / "classical.npz",
            idf=self.vectorizer.idf_,
            coef=self.ridge.coef_,
            intercept=self.ridge.intercept_,
        )

    @classmethod
    def load(cls, folder: Path) -> ClassicalModel:
        about = json.loads((folder / "classical.json").read_text())
        numbers = np.load(folder / "classical.npz", allow_pickle=False)
        vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, vocabulary=about["vocabulary"]
        )
        vectorizer.idf_ = numbers["idf"]
        ridge = Ridge()
        ridge.coef_, ridge.intercept_ = numbers["coef"], float(numbers["intercept"])
        return cls(vectorizer, ridge, about["labels"])


def train_classical(spec: ClassicalScorer, train: pd.DataFrame, labels: list) -> ClassicalModel:
    """Fit the yardstick on a frame with `text` and `score`."""
    texts = train["text"].tolist()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=min(2, len(texts)), sublinear_tf=True)
    vectorizer.fit(texts)
    ridge = Ridge(alpha=spec.alpha).fit(_features(vectorizer, texts), train["score"])
    return ClassicalModel(vectorizer, ridge, labels)


def _features(vectorizer: TfidfVectorizer, texts: list[str]):
    length = np.log1p(word_count(pd.Series(texts)).to_numpy(dtype=float))[:, None]
    return hstack([vectorizer.transform(texts), csr_matrix(length)]).tocsr()
