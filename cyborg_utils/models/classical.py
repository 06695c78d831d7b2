"""Classical scorers, the baseline: tf-idf of words, length, a linear model.

Where no spaces separate words, characters take their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from cyborg_utils.corpus.columns import column, of_trait, side_by_side
from cyborg_utils.corpus.related_essays import related
from cyborg_utils.corpus.text_screening import word_count
from cyborg_utils.corpus.words import TOKEN, has_no_spaces
from cyborg_utils.models.linking import folds
from cyborg_utils.models.outputs import scores_from_probabilities, softmax, target_probabilities
from cyborg_utils.models.scorer import TrainingInput, read_description, write_description
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.schema.models import ClassicalScorer

TERMS = {
    "words": {"ngram_range": (1, 2), "token_pattern": TOKEN, "sublinear_tf": True},
    "characters": {"analyzer": "char", "ngram_range": (1, 3), "sublinear_tf": True},
}


@dataclass
class ClassicalModel:
    """Linear models, one per trait, on tf-idf of 1-2-grams of words, or of 1-3-grams of
    characters, plus log length.

    `terms` is a key of `TERMS`.
    `coef` has a row and `intercept` a number per output: one output for ridge regression, one per
    score for logistic regression.
    """

    spec: ClassicalScorer
    labels: list[float]
    terms: str
    vectorizer: TfidfVectorizer
    coef: dict[str, np.ndarray]
    intercept: dict[str, np.ndarray]

    @property
    def traits(self) -> list[str]:
        return list(self.coef)

    @property
    def commit(self) -> None:
        """None: it has no pretrained weights."""
        return None

    def score(self, texts: list[str]) -> pd.DataFrame:
        """See `Scorer.score`; logistic regression gives probabilities, and no text is truncated."""
        features = _features(self.vectorizer, texts)
        by_trait = {
            trait: self.scores_of(features, coef, self.intercept[trait])
            for trait, coef in self.coef.items()
        }
        return side_by_side(by_trait).assign(truncated=False)

    def scores_of(
        self, features: csr_matrix, coef: np.ndarray, intercept: np.ndarray
    ) -> pd.DataFrame:
        """Scores of one linear model."""
        output = features @ coef.T + intercept
        if output.shape[1] > 1:
            points = np.asarray(self.labels, dtype=float)
            return scores_from_probabilities(softmax(output), points)
        continuous = np.clip(output[:, 0], self.labels[0], self.labels[-1])
        score = round_to_scale(continuous, self.labels)
        return pd.DataFrame({"continuous": continuous, "score": score})

    def count_truncated(self, texts: list[str]) -> int:
        """0: it reads every essay to its end."""
        return 0

    def save(self, folder: Path) -> None:
        """Vocabulary as JSON, numbers as NumPy arrays: no pickle."""
        vocabulary = self.vectorizer.get_feature_names_out().tolist()
        write_description(folder, self, terms=self.terms, vocabulary=vocabulary)
        numbers = {"idf": self.vectorizer.idf_}
        numbers |= {f"coef_{i}": coef for i, coef in enumerate(self.coef.values())}
        numbers |= {f"intercept_{i}": b for i, b in enumerate(self.intercept.values())}
        np.savez(folder / "classical.npz", **numbers)


def fit(
    spec: ClassicalScorer, training: TrainingInput
) -> tuple[ClassicalModel, None, pd.DataFrame]:
    """Fit a linear model per trait, without checkpoint selection and without randomness.

    The cross-validated predictions are of five models on the terms of all training texts.
    """
    texts = training.train["text"].tolist()
    terms, vectorizer = _vectorizer(texts)
    features = _features(vectorizer, texts)
    regress = _ridge if spec.head == "regression" else _logistic
    model = ClassicalModel(spec, training.labels, terms, vectorizer, {}, {})
    cross_validated = {}
    for trait in training.traits:
        labeled = of_trait(training.train, trait)
        model.coef[trait], model.intercept[trait] = regress(
            spec, features, labeled, training.labels
        )
        continuous = np.full(len(texts), np.nan)
        for seen, unseen in folds(related(training.train), spec.seed):
            line = regress(spec, features[seen], labeled.iloc[seen], training.labels)
            continuous[unseen] = model.scores_of(features[unseen], *line)["continuous"]
        cross_validated[column("continuous", trait)] = continuous
    return model, None, pd.DataFrame(cross_validated)


def load(folder: Path, base: Path | None = None) -> ClassicalModel:
    """Load a saved classical scorer; `base` is not used."""
    spec, about = read_description(folder)
    numbers = np.load(folder / "classical.npz", allow_pickle=False)
    terms = about.get("terms", "words")
    vectorizer = TfidfVectorizer(vocabulary=about["vocabulary"], **TERMS[terms])
    vectorizer.idf_ = numbers["idf"]
    coef, intercept = (
        {trait: numbers[f"{name}_{i}"] for i, trait in enumerate(about["traits"])}
        for name in ("coef", "intercept")
    )
    return ClassicalModel(spec, about["labels"], terms, vectorizer, coef, intercept)


def _vectorizer(texts: list[str]) -> tuple[str, TfidfVectorizer]:
    """Terms that two texts have, else those of one; characters where there are no words."""
    in_words = [] if has_no_spaces(texts) else [("words", min(2, len(texts))), ("words", 1)]
    for terms, min_df in [*in_words, ("characters", 1)]:
        try:
            return terms, TfidfVectorizer(min_df=min_df, **TERMS[terms]).fit(texts)
        except ValueError:  # no such term
            continue
    raise ValueError("the texts have no characters")


def _ridge(
    spec: ClassicalScorer, features: csr_matrix, train: pd.DataFrame, labels: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    model = Ridge(alpha=spec.alpha).fit(features, train["score"], train.get("weight"))
    return model.coef_[None, :], np.array([model.intercept_])


def _logistic(
    spec: ClassicalScorer, features: csr_matrix, train: pd.DataFrame, labels: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Fit to each essay once per score with a probability, weighted by that probability."""
    counts = train.get("weight", pd.Series(1.0, train.index)).to_numpy()[:, None]
    shares = target_probabilities(train, labels)
    rows, scores = np.nonzero((shares > 1e-3) & (counts > 0))
    weight = (shares * counts)[rows, scores]
    model = LogisticRegression(C=1 / spec.alpha, max_iter=300)
    coef = np.zeros((len(labels), features.shape[1]))
    intercept = np.full(len(labels), -30.0)  # a score that no essay has
    classes = np.unique(scores)
    if len(classes) == 1:
        intercept[classes] = 0.0
        return coef, intercept
    model.fit(features[rows], scores, weight)
    if len(classes) == 2:  # one row for two classes
        coef[classes[1]], intercept[classes] = model.coef_[0], [0.0, model.intercept_[0]]
    else:
        coef[classes], intercept[classes] = model.coef_, model.intercept_
    return coef, intercept


def _features(vectorizer: TfidfVectorizer, texts: list[str]) -> csr_matrix:
    length = np.log1p(word_count(pd.Series(texts)).to_numpy(dtype=float))[:, None]
    return hstack([vectorizer.transform(texts), csr_matrix(length)]).tocsr()
