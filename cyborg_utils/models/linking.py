"""Linking: scores on the scale of the human scores, with their mean and standard deviation.

A least-squares fit shrinks its scores towards the mean, the more the fewer labels it has, so that
plain rounding gives too few scores at both ends of the scale. Linear linking (linear equating;
Kolen and Brennan, 2014, ch. 2) undoes that; a study may declare another function of
`cyborg_utils.statistics.calibration`. It is fitted on human-scored essays that the scorer
predicted without having learned from them: for classical scorers the essays of its own training
set, by cross-validation; for neural ones, of which that would take several trainings, those of dev.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import KFold

from cyborg_utils.corpus.columns import column, of_trait
from cyborg_utils.models.scorer import ModelError, Scorer, TrainingInput
from cyborg_utils.statistics.calibration import Calibration, fit_calibration
from cyborg_utils.study.schema.models import Teacher
from cyborg_utils.study.storage import read_json, write_json

FOLDS = 5
LINKING = "linking.json"


@dataclass
class LinkedScorer:
    """A scorer whose scores come in two readings: as they are, and linked.

    `links` has the linking function of each trait.
    """

    scorer: Scorer
    links: dict[str, Calibration]

    @property
    def spec(self) -> Teacher:
        return self.scorer.spec

    @property
    def labels(self) -> list[float]:
        return self.scorer.labels

    @property
    def traits(self) -> list[str]:
        return self.scorer.traits

    @property
    def commit(self) -> str | None:
        """The commit of the hub's weights that it was made from."""
        return self.scorer.commit

    def score(self, texts: list[str]) -> pd.DataFrame:
        """See `Scorer.score`; with `linked`, the linked `continuous` score, which may lie beyond
        the scale, and `linked_score`, the nearest point of the scale, again for each trait."""
        scored = self.scorer.score(texts)
        for trait, link in self.links.items():
            continuous, score = link(scored[column("continuous", trait)])
            scored[column("linked", trait)] = continuous
            scored[column("linked_score", trait)] = score
        return scored

    def count_truncated(self, texts: list[str]) -> int:
        """How many texts are longer than the maximum sequence length."""
        return self.scorer.count_truncated(texts)

    def save(self, folder: Path) -> None:
        """Write the scorer, and its linking as JSON."""
        self.scorer.save(folder)
        links = {trait: link._asdict() for trait, link in self.links.items()}
        write_json(folder / LINKING, {"method": self.spec.linking, "links": links})


def linked(
    scorer: Scorer, training: TrainingInput, cross_validated: pd.DataFrame | None
) -> LinkedScorer:
    """Link a scorer to the human scores.

    Parameters
    ----------
    cross_validated : `continuous` of each row of `training.train`, predicted by a scorer that did
        not learn from this row, again for each trait. With it no dev label is used. None where
        there is none: dev is predicted by `scorer` itself, as for neural scorers, whose checkpoint
        was selected on dev.
    """
    human, predicted = training.train, cross_validated
    if predicted is None:
        human = training.dev
        predicted = scorer.score(human["text"].tolist())
    links = {}
    for trait in training.traits:
        scores, used = of_trait(human, trait), is_human(human, trait)
        links[trait] = Calibration(tuple(scorer.labels))
        continuous = predicted[column("continuous", trait)].to_numpy()[used]
        if used.sum() > 1 and np.isfinite(continuous).all():
            to = scores["score"][used], scorer.labels
            links[trait] = fit_calibration(scorer.spec.linking, continuous, *to)
    return LinkedScorer(scorer, links)


def load_linked(scorer: Scorer, folder: Path) -> Scorer:
    """A loaded scorer with the linking that is saved in its folder; without one as it is.

    Raises
    ------
    ModelError
        The linking is of an earlier version.
    """
    if not (folder / LINKING).is_file():
        return scorer
    about = read_json(folder / LINKING)
    if "links" not in about:
        raise ModelError(
            f"{folder / LINKING} is of an earlier version; train the scorer anew with this version"
        )
    links = {trait: Calibration.of(link) for trait, link in about["links"].items()}
    return LinkedScorer(scorer, links)


def is_human(train: pd.DataFrame, trait: str) -> np.ndarray:
    """Which rows have a human score of one trait that is learned from, shape (n,).

    All rows without a column `label_source`, and those that it calls `human`.
    """
    labels = of_trait(train, trait)
    used = np.ones(len(train), dtype=bool)
    if "label_source" in labels:
        used &= (labels["label_source"] == "human").to_numpy()
    if "weight" in labels:
        used &= (labels["weight"] > 0).to_numpy()
    return used


def folds(clusters: ArrayLike, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Row numbers to learn from and to predict, of five random parts of the rows.

    Parameters
    ----------
    clusters : of each row, as `cyborg_utils.corpus.related_essays.related` gives them; the rows of
        one cluster are in one part. With fewer than five clusters there are fewer parts, with one
        cluster none.
    """
    codes, found = pd.factorize(np.asarray(clusters))
    n = len(found)
    if n < 2:
        return []
    parts = KFold(min(FOLDS, n), shuffle=True, random_state=seed).split(found)
    unseen = [np.isin(codes, chosen) for _, chosen in parts]
    return [(np.flatnonzero(~rows), np.flatnonzero(rows)) for rows in unseen]
