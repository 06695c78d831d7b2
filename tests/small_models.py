"""Models of a few thousand weights, from scratch, for tests that train them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from cyborg_utils.models.loading import load_encoder
from cyborg_utils.models.registry import train_scorer
from cyborg_utils.models.scorer import Scorer, TrainingInput
from cyborg_utils.study.schema.models import (
    CausalTeacher,
    ClassicalScorer,
    EmbeddingScorer,
    EncoderScorer,
    Model,
    StackedScorer,
    Teacher,
)


def scratch(architecture: str, **more) -> dict:
    shape = {"hidden_size": 16, "layers": 2, "heads": 2, "vocab_size": 400, **more}
    return {"from_scratch": {"architecture": architecture, **shape}}


def causal(**more) -> CausalTeacher:
    values = {
        "kind": "causal", "name": "llama", "model": scratch("llama"), "max_tokens": 96,
        "pretraining": {"epochs": 1, "learning_rate": 3e-3}, "epochs": 3, "batch_size": 4,
        "lora": {"r": 4, "alpha": 8}, "learning_rate": 2e-2,
    }  # fmt: skip
    return CausalTeacher.model_validate({**values, **more})


def encoder(architecture: str = "electra", **more) -> EncoderScorer:
    values = {
        "kind": "encoder", "name": architecture, "model": scratch(architecture), "max_tokens": 64,
        "epochs": 3, "batch_size": 8,
    }  # fmt: skip
    return EncoderScorer.model_validate({**values, **more})


def classical(**more) -> ClassicalScorer:
    return ClassicalScorer.model_validate({"kind": "classical", "name": "ridge", **more})


def stacked(**more) -> StackedScorer:
    return StackedScorer.model_validate({"kind": "stacked", "name": "stacked", **more})


def embedding(folder: Path, **more) -> EmbeddingScorer:
    """A frozen encoder with random weights, which is saved in an empty folder."""
    model, tokenizer = load_encoder(Model(**scratch("electra")), 1, 64, ["an essay"] * 3, seed=1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    values = {"kind": "embedding", "name": "frozen", "model": {"folder": str(folder)}}
    return EmbeddingScorer.model_validate({**values, "max_tokens": 64, **more})


def fitted(
    spec: Teacher,
    train: pd.DataFrame,
    dev: pd.DataFrame | None = None,
    labels: list | None = None,
    seed: int = 1,
    **more,
) -> tuple[Scorer, pd.DataFrame | None]:
    """A scorer and its log; dev is train, and the scale 1 to 6, unless they are named."""
    dev, labels = train if dev is None else dev, labels or [1, 2, 3, 4, 5, 6]
    inputs = {"texts": train["text"].tolist(), **more}
    return train_scorer(spec, TrainingInput(train, dev, labels, seed, **inputs))


# The same in a study's file: a Teacher and a Student that learn nothing in seconds.
LLAMA = """\
  - name: llama
    kind: causal
    model:
      from_scratch: {architecture: llama, hidden_size: 16, layers: 1, heads: 2, vocab_size: 400}
    pretraining: {epochs: 1}
    max_tokens: 96
    lora: {r: 2}
    epochs: 1
    min_steps: 6
"""
ELECTRA = """\
  - name: electra
    kind: encoder
    model:
      from_scratch: {architecture: electra, hidden_size: 16, layers: 1, heads: 2, vocab_size: 400}
    max_tokens: 64
    epochs: 1
    min_steps: 6
"""


def with_chat(tokenizer):
    """The same tokenizer with a chat template and a special token that ends a turn."""
    chatty = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()),
        bos_token="[CLS]",
        pad_token="[PAD]",
    )
    chatty.add_special_tokens({"additional_special_tokens": ["<|eot_id|>"]})
    chatty.chat_template = (
        "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}assistant:\n{% endif %}"
    )
    return chatty
