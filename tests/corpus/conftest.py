"""Essays and models that the tests of hostile inputs share."""

from __future__ import annotations

import argparse

import pandas as pd
import pytest
from hostile_inputs import LABELS, N
from small_models import causal, classical, fitted

from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.models.causal import CausalModel
from cyborg_utils.models.loading import load_causal
from cyborg_utils.models.novelty import profile_of
from cyborg_utils.models.saved_model import save_student


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> argparse.Namespace:
    """Essays, a Student that was trained on them, and a causal Teacher."""
    folder = tmp_path_factory.mktemp("made")
    essays = simulate_corpus(N, seed=5)
    ridge = folder / "ridge"
    train = essays.head(100)
    model, _ = fitted(classical(), train)
    save_student(ridge, model, profile_of(train["text"].tolist()), "A Student of tests.")
    spec = causal()
    weights, tokenizer = load_causal(spec.model, spec.max_tokens, essays["text"].tolist(), 1)
    teacher = CausalModel.wrap(weights, tokenizer, spec, LABELS)
    weights.save_pretrained(folder / "llama")
    tokenizer.save_pretrained(folder / "llama")
    table = pd.DataFrame(
        {
            "id": [f"e{i}" for i in range(N)],
            "text": essays["text"],
            "score": essays["score"].astype(int).astype(object),
            "prompt": "Mars",
            "split": ["train"] * 100 + ["dev"] * 30 + ["test"] * 30,
            "gender": essays["gender"],
        }
    )
    return argparse.Namespace(
        table=table, ridge=ridge, llama=folder / "llama", teacher=teacher, model=model
    )
