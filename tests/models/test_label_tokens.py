"""Logits at the label tokens, shared prompts, adapters and 4-bit weights of causal scorers."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
import torch
from small_models import causal, fitted, scratch
from transformers import LlamaConfig, LlamaForCausalLM

from cyborg_utils.models.causal import LabelTokenModel
from cyborg_utils.models.pretraining import pretrain
from cyborg_utils.models.registry import load_scorer
from cyborg_utils.models.trainer import (
    Pad,
    logits_of,
)
from cyborg_utils.study.schema.base import HOLISTIC

pytestmark = pytest.mark.usefixtures("on_the_cpu")
LABELS = [1, 2, 3, 4, 5, 6]
RUBRIC = "Give a 6 to an essay that takes a clear position and supports it well. " * 12


@pytest.fixture(scope="module")
def wide_reader() -> LabelTokenModel:
    """A Llama of few weights but a vocabulary of 128k words, as Llama 3's."""
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=128_256, hidden_size=32, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=700,
    )  # fmt: skip
    return LabelTokenModel(LlamaForCausalLM(config), [16, 17, 18, 19, 20, 21]).eval()


@torch.inference_mode()
def test_label_rows_equal_full_logits_and_take_a_third_of_the_time(wide_reader):
    lengths = torch.tensor([400, 380, 250, 90])
    ids = torch.randint(0, 128_256, (4, 400))

    def seconds(call):
        best = min(_timed(call) for _ in range(3))
        return best, call()

    alone, rows = seconds(lambda: wide_reader(input_ids=ids, lengths=lengths).logits)
    full, everything = seconds(lambda: wide_reader.model(input_ids=ids, use_cache=False).logits)
    expected = everything[torch.arange(4), lengths - 1][:, wide_reader.answers]
    torch.testing.assert_close(rows, expected, atol=1e-5, rtol=0)
    assert full >= 3 * alone


@torch.inference_mode()
def test_label_logits_are_in_32_bits_under_autocast_too(wide_reader):
    """Rounded to 16 bits, logits near 20 tie, and every tie goes to the lower score."""
    ids, lengths = torch.randint(5, 128_256, (8, 60)), torch.full((8,), 60)
    head = wide_reader.model.lm_head.weight
    before = head.data.clone()
    try:
        head.data[wide_reader.answers] *= 100
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = wide_reader(input_ids=ids, lengths=lengths).logits
    finally:
        head.data.copy_(before)
    assert logits.dtype == torch.float32
    assert logits.abs().max() > 16
    assert (logits != logits.bfloat16().float()).float().mean() > 0.9


@torch.inference_mode()
def test_right_padding_without_a_mask_equals_left_padding_with_one(wide_reader):
    lengths = torch.tensor([60, 41, 7])
    ids = torch.randint(5, 128_256, (3, 60))
    result = wide_reader(input_ids=ids, lengths=lengths).logits
    left, mask = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, n in enumerate(lengths.tolist()):
        left[row, 60 - n :], mask[row, 60 - n :] = ids[row, :n], 1
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    whole = wide_reader.model(
        input_ids=left, attention_mask=mask, position_ids=positions, logits_to_keep=1
    ).logits
    torch.testing.assert_close(result, whole[:, -1][:, wide_reader.answers], atol=1e-5, rtol=0)


@torch.inference_mode()
def test_a_shared_prompt_goes_through_the_model_once_and_changes_nothing(wide_reader):
    shared = torch.randint(5, 128_256, (120,)).tolist()
    rest = [torch.randint(5, 128_256, (n,)).tolist() for n in (50, 33, 8)]
    pad, spec = Pad(0, mask=False), causal()
    whole = logits_of(wide_reader, [{"input_ids": shared + r} for r in rest], pad, spec)
    with wide_reader.after(shared):
        result = logits_of(wide_reader, [{"input_ids": r} for r in rest], pad, spec)
        again = logits_of(wide_reader, [{"input_ids": r} for r in rest[::-1]], pad, spec)
    assert wide_reader.cache is None
    assert whole.std() > 1e-3
    np.testing.assert_allclose(result, whole, atol=1e-5)
    np.testing.assert_allclose(again[::-1], whole, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_rubric_is_shared_by_all_essays_and_scores_as_if_it_were_not(
    essays, tmp_path, monkeypatch, precision
):
    spec = causal(rubric=RUBRIC, max_tokens=600, epochs=1, precision=precision)
    pretrain(spec, essays["text"].tolist(), tmp_path)
    teacher, _ = fitted(spec, essays[:8], essays[8:16], base=tmp_path)
    texts = essays["text"][:10].tolist()
    assert len(teacher.scorer._shared_prompt(HOLISTIC)) > 100
    shared = teacher.score(texts)
    monkeypatch.setattr("cyborg_utils.models.causal.MIN_CACHED_TOKENS", 10**6)
    assert teacher.scorer._shared_prompt(HOLISTIC) == []
    close = {"atol": 1e-5 if precision == "fp32" else 0.05, "rtol": 0}
    np.testing.assert_allclose(shared["continuous"], teacher.score(texts)["continuous"], **close)


def test_an_adapter_is_merged_for_scoring_and_scores_the_same(essays, tmp_path):
    spec = causal()
    pretrain(spec, essays["text"].tolist(), tmp_path / "base")
    teacher, _ = fitted(spec, essays[:12], essays[12:24], base=tmp_path / "base")
    teacher.save(tmp_path / "adapter")
    merged = load_scorer(tmp_path / "adapter", tmp_path / "base")
    assert not any("lora" in name for name, _ in merged.scorer.reader.named_parameters())
    texts, unlinked = essays["text"].tolist(), teacher.scorer.score
    pd.testing.assert_frame_equal(merged.scorer.score(texts), unlinked(texts), atol=1e-4)


def _timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def test_a_teacher_of_four_bit_weights_learns_and_scores_the_same_when_loaded(tmp_path):
    pytest.importorskip("bitsandbytes")
    words = ["poor", "weak", "fair", "good", "fine", "best"]
    essays = pd.DataFrame({"text": [f"A {w} essay." for w in words], "score": LABELS})
    shape = {"hidden_size": 64, "heads": 2}
    pretrain(causal(model=scratch("llama", **shape)), essays["text"].tolist(), tmp_path)
    spec = causal(
        model={"folder": str(tmp_path)}, pretraining=None, quantization="nf4", precision="bf16",
        min_steps=120, learning_rate=1e-2,
    )  # fmt: skip
    teacher, log = fitted(spec, essays)
    assert "Params4bit" in {type(weights).__name__ for weights in teacher.reader.parameters()}
    assert log["dev_qwk"].max() > 0.9
    teacher.save(tmp_path / "adapter")
    again = load_scorer(tmp_path / "adapter")
    first, second = (t.score(essays["text"].tolist())["continuous"] for t in (teacher, again))
    assert (first - second).abs().max() < 0.1  # bfloat16 rounds
