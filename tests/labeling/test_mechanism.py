"""The control of the effect: a Teacher's labels help, and shuffled among essays they do not.

The Teacher here is the classical scorer. It has read graded essays of other examinees before it
sees U, which stands for what a pretrained Teacher knows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_models import fitted

from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.sampling import draw_subset
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.labeling.ledger import build_ledger, essays_to_label, training_labels
from cyborg_utils.statistics.agreement import compare_machines, quadratic_weighted_kappa
from cyborg_utils.study.schema.study import Study

RIDGE = {"name": "ridge", "kind": "classical"}
ENCODER = {
    "name": "electra",
    "kind": "encoder",
    "model": {
        "from_scratch": {
            "architecture": "electra",
            "hidden_size": 32,
            "layers": 1,
            "heads": 2,
            "vocab_size": 800,
        }
    },
    "max_tokens": 96,
    "epochs": 6.0,
    "min_steps": 100,
    "learning_rate": 4e-3,
}
STUDY = Study.model_validate(
    {
        "name": "mechanism",
        "title": "The mechanism",
        "corpus": {"kind": "simulated", "n_train": 900, "n_dev": 60, "n_test": 500, "seed": 11},
        "sampling": {"fractions": [0.1], "draws": [1, 2, 3]},
        "teachers": [RIDGE],
        "students": [RIDGE, ENCODER],
    }
)


@pytest.fixture(scope="module")
def corpus() -> pd.DataFrame:
    return load_corpus(STUDY)


@pytest.fixture(scope="module")
def external() -> pd.DataFrame:
    return simulate_corpus(1500, seed=77)[["text", "score"]]


def arms(corpus: pd.DataFrame, external: pd.DataFrame, draw: int) -> dict[str, pd.DataFrame]:
    """What a Student learns from: U alone, cyborg data, and the same with its labels shuffled."""
    ids = draw_subset(corpus, 0.1, draw)
    subset = corpus.loc[corpus["essay_id"].isin(ids), ["text", "score"]]
    teacher, _ = fitted(STUDY.teacher("ridge"), pd.concat([subset, external]))
    rest = essays_to_label(corpus, ids, STUDY)
    scores = teacher.score(rest["text"].tolist())
    shuffled = scores.sample(frac=1, random_state=draw).reset_index(drop=True)
    return {
        "human": training_labels(corpus, "human", ids, None),
        "cyborg": training_labels(corpus, "cyborg", ids, build_ledger(corpus, ids, rest, scores)),
        "shuffled": training_labels(
            corpus, "cyborg", ids, build_ledger(corpus, ids, rest, shuffled)
        ),
    }


def scores_on_test(corpus: pd.DataFrame, student: str, labels: pd.DataFrame) -> np.ndarray:
    train, dev, test = (corpus[corpus["split"] == split] for split in ("train", "dev", "test"))
    model, _ = fitted(STUDY.student(student), labels, dev, texts=train["text"].tolist())
    return model.score(test["text"].tolist())["score"].to_numpy()


@pytest.mark.parametrize(
    ("student", "draw"),
    [("ridge", 1), ("ridge", 2), ("ridge", 3), pytest.param("electra", 1, marks=pytest.mark.long)],
)
def test_a_teachers_labels_help_and_the_same_labels_shuffled_do_not(
    corpus, external, student, draw
):
    human = corpus.loc[corpus["split"] == "test", "score"].to_numpy()
    data = arms(corpus, external, draw)
    assert len(data["human"]) == 90
    assert sorted(data["cyborg"]["score"]) == sorted(data["shuffled"]["score"])
    result = {arm: scores_on_test(corpus, student, labels) for arm, labels in data.items()}
    gain = compare_machines(human, result["cyborg"], result["human"], STUDY.labels)
    kept = compare_machines(human, result["shuffled"], result["cyborg"], STUDY.labels)
    alone = compare_machines(human, result["shuffled"], result["human"], STUDY.labels)
    assert gain["low"] > 0.05
    assert kept["high"] < -0.3
    assert alone["high"] < -0.1
    assert quadratic_weighted_kappa(human, result["shuffled"], STUDY.labels) < 0.25
