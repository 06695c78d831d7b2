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
