"""Batches by tokens, memory that runs out, and runs that are killed, on models of a few thousand
weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_models import causal, encoder, fitted, scratch

from cyborg_utils.models import trainer
from cyborg_utils.models.encoder import tokenize
from cyborg_utils.models.loading import load_encoder
from cyborg_utils.models.pretraining import pretrain
from cyborg_utils.models.registry import load_scorer
from cyborg_utils.models.scorer import ModelError
from cyborg_utils.models.trainer import (
    Pad,
    last_checkpoint,
    logits_of,
    split_by_tokens,
    train_network,
)
from cyborg_utils.study.schema.base import HOLISTIC

pytestmark = pytest.mark.usefixtures("on_the_cpu")
LABELS = [1, 2, 3, 4, 5, 6]
RUBRIC = "Give a 6 to an essay that takes a clear position and supports it well. " * 12


# ---------------------------------------------------------------- batches by tokens


@given(st.lists(st.integers(1, 50), max_size=40), st.one_of(st.none(), st.integers(1, 200)))
def test_runs_cover_every_sequence_once_and_keep_to_the_tokens(lengths, tokens):
    runs = list(split_by_tokens(lengths, tokens))
    assert [i for run in runs for i in range(run.start, run.stop)] == list(range(len(lengths)))
    for run in runs:
        padded = max(lengths[run]) * (run.stop - run.start)
        assert tokens is None or padded <= tokens or run.stop - run.start == 1


@pytest.mark.parametrize("architecture", ["electra", "modernbert"])
def test_a_batch_in_parts_learns_what_the_whole_batch_would(essays, architecture):
    def weights(tokens):
        spec = encoder(architecture, micro_batch_tokens=tokens, max_tokens=200)
        frame = essays[:16].assign(
            text=[t[: 90 * (1 + i % 5)] for i, t in enumerate(essays["text"][:16])]
        )
        model, tokenizer = load_encoder(spec.model, 1, 200, essays["text"].tolist(), 1)
        model.config.problem_type = "regression"
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        examples = tokenize(frame["text"].tolist(), tokenizer, 200)
        for example, score in zip(examples, frame["score"], strict=True):
            example["labels"] = float(score)
        train_network(model, examples, Pad(tokenizer.pad_token_id, mask=True), spec, 1)
        return model.state_dict()

    whole, parts = weights(None), weights(400)
    start, _ = load_encoder(encoder(architecture).model, 1, 200, essays["text"].tolist(), 1)
    moved = max((whole[k] - v).abs().max() for k, v in start.state_dict().items() if k in whole)
    assert moved > 1e-3
    for name, weight in whole.items():
        torch.testing.assert_close(parts[name], weight, atol=1e-4, rtol=0)


# ---------------------------------------------------------------- memory


class Cramped(torch.nn.Module):
    """An encoder on a device that holds so many tokens at once, twice that without activations."""

    def __init__(self, model: torch.nn.Module, holds: int):
        super().__init__()
        self.model, self.holds, self.seen = model, holds, []

    def forward(self, **inputs):
        kept = 1 if self.model.is_gradient_checkpointing or not self.training else 2
        self.seen.append(inputs["input_ids"].numel())
        if inputs["input_ids"].numel() * kept > self.holds:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.model(**inputs)


def cramped_training(holds: int, **more):
    spec = encoder(max_tokens=32, epochs=1, **more)
    model, tokenizer = load_encoder(spec.model, 1, 32, ["one two three"], 1)
    model.config.problem_type = "regression"
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    examples = [{"input_ids": [5 + i] * 32, "labels": float(i % 3)} for i in range(16)]
    room = Cramped(model, holds)
    log = train_network(room, examples, Pad(tokenizer.pad_token_id, mask=True), spec, 1)
    return room, log, examples, Pad(tokenizer.pad_token_id, mask=True), spec


def test_memory_that_runs_out_halves_the_parts_and_keeps_the_batch(capsys):
    room, log, *_ = cramped_training(holds=2 * 64)  # two essays of 32 tokens
    assert room.seen[:2] == [256, 128]  # the whole batch of 8, then half of it
    assert set(room.seen[3:]) == {64}
    assert log["step"].max() == 2  # 16 essays are still two steps of 8
    message = capsys.readouterr().out
    assert "out of memory; continuing with micro-batches of 64 tokens" in message
    assert "the same batch of 8 essays" in message


@pytest.mark.parametrize("holds", [2 * 64, 32])
def test_what_memory_forced_on_a_run_does_not_change_what_it_learns(holds):
    free, tight = (cramped_training(n, learning_rate=1e-2)[0] for n in (10**6, holds))
    assert len(tight.seen) > 2 * len(free.seen)
    start, _ = load_encoder(encoder(max_tokens=32).model, 1, 32, ["one two three"], 1)
    learned = free.model.state_dict()
    assert max((learned[k] - v).abs().max() for k, v in start.state_dict().items()) > 1e-2
    for name, weights in tight.model.state_dict().items():
        torch.testing.assert_close(weights, learned[name], atol=2e-4, rtol=0)


def test_where_one_essay_does_not_fit_activations_are_computed_again(capsys):
    room, *_ = cramped_training(holds=32)
    assert room.model.is_gradient_checkpointing
    assert room.seen[-1] == 32
    assert "activations recomputed" in capsys.readouterr().out


def test_an_essay_that_fits_in_no_way_is_one_clear_line():
    with pytest.raises(ModelError, match="single essay of 32 tokens: lower max_tokens"):
        cramped_training(holds=31)


def test_another_error_of_a_step_is_not_taken_for_a_lack_of_memory():
    class Broken(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, **_):
            raise RuntimeError("shapes do not fit")

    examples = [{"input_ids": [1, 2], "labels": 0.0}]
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train_network(Broken(), examples, Pad(0, mask=True), encoder(), 1)


def test_scoring_goes_on_with_less_where_memory_runs_out(capsys):
    room, _, examples, pad, spec = cramped_training(holds=10**6)
    spec = spec.model_copy(update={"inference_batch_tokens": 512})
    expected = logits_of(room, examples, pad, spec)
    room.holds = 150
    np.testing.assert_allclose(logits_of(room, examples, pad, spec), expected, atol=1e-5)
    assert "continuing with 128 tokens at once" in capsys.readouterr().out
    room.holds = 31
    with pytest.raises(ModelError, match="out of memory with a single essay of 32 tokens"):
        logits_of(room, examples, pad, spec)


def test_outputs_that_are_no_numbers_say_that_training_diverged(essays):
    spec = encoder(learning_rate=1e9, max_tokens=32)
    texts = essays["text"].tolist()
    with pytest.raises(ModelError, match="training diverged; lower learning_rate"):
        fitted(spec, essays[:30], essays[30:], texts=texts)


def test_recomputed_activations_give_the_same_gradients(essays):
    spec = encoder("modernbert", max_tokens=64, epochs=1)
    model, tokenizer = load_encoder(spec.model, 1, 64, essays["text"].tolist(), 1)
    model.config.problem_type = "regression"
    examples = tokenize(essays["text"][:6].tolist(), tokenizer, 64)
    batch = Pad(tokenizer.pad_token_id, mask=True)([{**e, "labels": 1.0} for e in examples])
    model.train()
    model(**batch).loss.backward()
    kept = {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    trainer.recompute_activations(model)
    model(**batch).loss.backward()
    assert max(g.abs().max() for g in kept.values()) > 1e-3
    for name, weights in model.named_parameters():
        if name in kept:
            torch.testing.assert_close(weights.grad, kept[name], atol=1e-6, rtol=1e-5)


# ---------------------------------------------------------------- killed and resumed


class Killed(BaseException):
    """As a kernel that is killed: nothing catches it."""


def killed_at(step: int):
    """Ends the process at an evaluation on dev, from a step on."""

    def end(log: pd.DataFrame) -> None:
        if log["step"].max() >= step:
            raise Killed

    return end


@pytest.mark.parametrize("kill_at", [4, pytest.param(9, marks=pytest.mark.long)])
def test_a_killed_teacher_goes_on_and_ends_as_if_it_had_not_been(
    essays, tmp_path, monkeypatch, capsys, kill_at
):
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0)  # a checkpoint after every step
    spec = causal(lora={"r": 4, "alpha": 8, "dropout": 0.1})
    base = tmp_path / "base"
    pretrain(spec, essays["text"].tolist(), base)
    u, dev, rest = essays[:12], essays[12:24], essays["text"][24:].tolist()

    work = tmp_path / "work"
    whole, log = fitted(spec, u, dev, base=base)
    with pytest.raises(Killed):
        fitted(spec, u, dev, base=base, work=work, on_evaluate=killed_at(kill_at))
    assert last_checkpoint(work) is not None
    capsys.readouterr()
    resumed, log_2 = fitted(spec, u, dev, base=base, work=work)
    assert "resuming at step" in capsys.readouterr().out
    pd.testing.assert_frame_equal(resumed.score(rest), whole.score(rest), check_exact=True)
    judged = ["step", "dev_qwk"]
    pd.testing.assert_frame_equal(log[judged].dropna(), log_2[judged].dropna(), check_exact=True)
    assert whole.score(rest)["continuous"].std() > 1e-3


@pytest.mark.parametrize(
    "architecture", ["electra", pytest.param("modernbert", marks=pytest.mark.long)]
)
def test_a_killed_student_goes_on_and_ends_as_if_it_had_not_been(
    essays, tmp_path, monkeypatch, capsys, architecture
):
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0)
    texts = essays["text"].tolist()
    split = encoder(architecture), essays[:30], essays[30:]
    whole, _ = fitted(*split, texts=texts)
    with pytest.raises(Killed):
        fitted(*split, texts=texts, work=tmp_path / "work", on_evaluate=killed_at(6))
    capsys.readouterr()
    resumed, _ = fitted(*split, texts=texts, work=tmp_path / "work")
    assert "resuming at step" in capsys.readouterr().out
    pd.testing.assert_frame_equal(resumed.score(texts), whole.score(texts), check_exact=True)


def test_a_training_that_was_finished_but_not_saved_is_not_done_again(
    essays, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0)
    texts = essays["text"].tolist()
    split = encoder(epochs=1), essays[:30], essays[30:]
    first, log = fitted(*split, texts=texts, work=tmp_path / "work")
    capsys.readouterr()
    again, log_2 = fitted(*split, texts=texts, work=tmp_path / "work")
    assert capsys.readouterr().out == "resuming at step 4 of 4 of an interrupted run\n"
    pd.testing.assert_frame_equal(again.score(texts), first.score(texts), check_exact=True)
    pd.testing.assert_frame_equal(log_2, log)


def test_a_checkpoint_that_was_not_finished_is_passed_over(tmp_path):
    assert last_checkpoint(None) is None
    assert last_checkpoint(tmp_path) is None
    for step, state in ((9, "{}"), (10, "{}"), (11, ""), (12, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")


def test_a_checkpoint_holds_the_adapter_and_not_the_whole_model(essays, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0)
    spec = causal(epochs=1)
    pretrain(spec, essays["text"].tolist(), tmp_path / "base")
    fitted(spec, essays[:8], essays[8:16], base=tmp_path / "base", work=tmp_path / "work")
    base = sum(p.stat().st_size for p in (tmp_path / "base").glob("*.safetensors"))
    for name in ("trained", "best"):
        saved = list((tmp_path / "work").glob(f"checkpoint-*/{name}.safetensors"))
        assert 0 < len(saved) <= 2
        assert all(p.stat().st_size < base / 2 for p in saved)


def test_the_curve_is_drawn_as_training_runs(essays):
    drawn = []
    spec, texts = encoder(epochs=3), essays["text"].tolist()
    _, log = fitted(spec, essays[:30], essays[30:], texts=texts, on_evaluate=drawn.append)
    assert len(drawn) == trainer.CHECKS
    assert [len(d["dev_qwk"].dropna()) for d in drawn] == [1, 2, 3, 4, 5, 6]
    assert drawn[0]["step"].max() < drawn[-1]["step"].max() == log["step"].max()


@pytest.mark.gpu
@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_a_teacher_trains_resumes_and_scores_on_a_gpu(tmp_path, monkeypatch, quantization):
    monkeypatch.undo()  # here there is one
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0)
    words = ["poor", "weak", "fair", "good", "fine", "best"]
    essays = pd.DataFrame({"text": [f"A {w} essay." for w in words], "score": LABELS})
    shape = {"hidden_size": 64, "heads": 2}
    pretrain(causal(model=scratch("llama", **shape)), essays["text"].tolist(), tmp_path)
    spec = causal(
        model={"folder": str(tmp_path)}, pretraining=None, quantization=quantization,
        precision="bf16", min_steps=120, learning_rate=1e-2, rubric=RUBRIC, max_tokens=400,
        micro_batch_tokens=800,
    )  # fmt: skip
    work = tmp_path / "work"
    with pytest.raises(Killed):
        fitted(spec, essays, work=work, on_evaluate=killed_at(40))
    teacher, log = fitted(spec, essays, work=work)
    assert log["dev_qwk"].max() > 0.9
    teacher.save(tmp_path / "adapter")
    again = load_scorer(tmp_path / "adapter")
    assert len(again._shared_prompt(HOLISTIC)) > 100
    first, second = (t.score(essays["text"].tolist())["continuous"] for t in (teacher, again))
    assert (first - second).abs().max() < 0.2  # bfloat16 rounds
