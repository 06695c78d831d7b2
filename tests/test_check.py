"""`make check`: OK or FAIL a line, and the remedy."""

from __future__ import annotations

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from cyborg_utils import check
from cyborg_utils.params import load_study

HUB = 'teachers.llama.model={hub: some/model, revision: "0123"}'
PRETRAINED = ["corpus.n_train=100", HUB, "teachers.llama.pretraining=null"]


def test_the_demo_runs_here_and_takes_nothing_from_elsewhere(capsys):
    assert check.main(["demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("OK   ") for line in lines)
    assert any("simulates its essays" in line for line in lines)
    assert any("takes no model" in line for line in lines)


def test_a_wrong_study_fails_with_its_line(capsys):
    assert check.main(["demmo"]) == 1
    assert capsys.readouterr().out == (
        "FAIL no study 'demmo': did you mean 'demo'? params/ has demo, persuade-cpu, predictions\n"
    )


def test_a_missing_file_and_a_full_machine_fail_with_a_remedy(monkeypatch, tmp_path):
    study = load_study(
        "predictions", [f"corpus.file={tmp_path / 'none.csv'}", "evaluation.comparisons=[]"]
    )
    (line,) = check.data_files(study)
    assert not line.ok and "correct corpus.file" in line.told
    monkeypatch.setattr(check, "MEMORY", 1e6)
    monkeypatch.setattr(check, "DISK", 1e9)
    assert not check.memory().ok and "CORES=1" in check.memory().told
    assert not check.disk().ok and "make clean" in check.disk().told


def test_a_package_of_another_version_is_named(monkeypatch):
    real = check.metadata.version
    monkeypatch.setattr(
        check.metadata, "version", lambda name: "0.1" if name == "peft" else real(name)
    )
    (line,) = check.packages()
    assert not line.ok and line.told.startswith("package peft is 0.1, >=0.21 is needed")


def response(status: int) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request("GET", "https://example.org"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (httpx.ConnectError("no route"), "cannot be reached from here"),
        (GatedRepoError("gated", response=response(403)), "is gated: accept its licence"),
        (RepositoryNotFoundError("no such model", response=response(404)), "no such model"),
    ],
)
def test_a_model_that_cannot_be_had_fails_with_a_remedy(monkeypatch, error, told):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub, "model_info", refuse)
    (line,) = check.hub(load_study("demo", PRETRAINED))
    assert not line.ok and line.told.startswith("hub: some/model") and told in line.told


def test_a_pretrained_teacher_wants_a_gpu(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    line = check.gpu(load_study("demo", PRETRAINED))
    assert not line.ok and "Teacher llama" in line.told
