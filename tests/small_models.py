"""Models of a few thousand weights, from scratch, for tests that train them."""

from __future__ import annotations

from cyborg_utils.schema_models import CausalTeacher, EncoderScorer


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
