"""Essays, a tokenizer and an untrained Teacher that several tests of the models share."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from peft import LoraConfig, get_peft_model
from small_models import causal

from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.models.causal import CausalModel
from cyborg_utils.models.loading import load_causal, train_tokenizer


@pytest.fixture
def on_the_cpu(monkeypatch):
    """Results are compared to many digits, which needs 32 bits."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture(scope="module")
def essays() -> pd.DataFrame:
    return simulate_corpus(48, seed=5)


@pytest.fixture(scope="module")
def tokenizer(essays):
    return train_tokenizer(essays["text"].tolist(), 400)


@pytest.fixture(scope="module")
def fresh_teacher(essays) -> CausalModel:
    """A Teacher before training, with a random adapter instead of zeros."""
    spec = causal()
    model, tokenizer = load_causal(spec.model, spec.max_tokens, essays["text"].tolist(), 1)
    model = get_peft_model(
        model, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear")
    )
    torch.manual_seed(3)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.5)
    return CausalModel.wrap(model, tokenizer, spec, [1, 2, 3, 4, 5, 6])
