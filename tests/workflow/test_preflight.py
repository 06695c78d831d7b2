"""`cyborg check`: one line per need, OK or FAIL, and the remedy."""

from __future__ import annotations

from types import SimpleNamespace

import httpx
import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from study_runs import ROOT
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import LlamaConfig, PreTrainedTokenizerFast

from cyborg_utils.cli import main
from cyborg_utils.models import loading
from cyborg_utils.study.config import load_study
from cyborg_utils.workflow import preflight

HUB = 'teachers.llama.model={hub: some/model, revision: "0123"}'
PRETRAINED = ["corpus.n_train=100", HUB, "teachers.llama.pretraining=null"]


def test_the_demo_runs_here_and_takes_nothing_from_elsewhere(capsys):
    assert main(["check", "demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("OK   ") for line in lines)
    assert any("simulates its essays" in line for line in lines)
    assert any("takes no model" in line for line in lines)


def test_a_wrong_study_fails_with_its_line(capsys):
    assert main(["check", "demmo"]) == 1
    names = ", ".join(sorted(path.stem for path in (ROOT / "params").glob("*.yaml")))
    assert capsys.readouterr().out == (
        f"FAIL no study 'demmo': did you mean 'demo'? the studies are {names}\n"
    )


def test_a_missing_file_and_a_full_machine_fail_with_a_remedy(monkeypatch, tmp_path):
    study = load_study(
        "predictions", [f"corpus.file={tmp_path / 'none.csv'}", "evaluation.comparisons=[]"]
    )
    (line,) = preflight.data_files(study)
    assert not line.ok and "correct corpus.file" in line.message
    monkeypatch.setattr(preflight, "MEMORY", 1e6)
    monkeypatch.setattr(preflight, "DISK", 1e9)
    assert not preflight.memory().ok and "--cores 1" in preflight.memory().message
    assert not preflight.disk().ok and "remove what runs/" in preflight.disk().message


def test_a_dataset_that_cannot_be_had_fails_with_a_remedy(monkeypatch, tmp_path):
    columns, ridge = "{id: id, text: text, score: score}", "[{name: ridge, kind: classical}]"

    def line(**place):
        path = tmp_path / "mine.yaml"
        path.write_text(
            f"title: T\nteachers: {ridge}\nstudents: {ridge}\n"
            f"corpus: {{kind: dataset, columns: {columns}, scale: {{}}, {place_of(**place)}}}\n"
        )
        return preflight.data_files(load_study(str(path)))[0]

    def place_of(**place):
        return ", ".join(f"{key}: '{value}'" for key, value in place.items())

    assert line(folder=str(tmp_path)) == (True, f"data: dataset {tmp_path} is here")
    assert line(folder=str(tmp_path / "none")) == (
        False,
        f"corpus.folder: dataset {tmp_path}/none: no such folder; correct corpus.folder in the "
        "study's YAML",
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert line(hub="some/essays", revision="0" * 40) == (
        False,
        "hub: some/essays cannot be reached from here: connect, or name a local copy with "
        "corpus.folder",
    )
    files = [SimpleNamespace(rfilename="train.parquet", size=preflight.GB)]
    monkeypatch.setattr(huggingface_hub, "auth_check", lambda *_, **__: None)
    monkeypatch.setattr(
        huggingface_hub, "dataset_info", lambda *_, **__: SimpleNamespace(siblings=files)
    )
    assert line(hub="some/essays", revision="0" * 40) == (
        True,
        f"data: dataset some/essays at {'0' * 40}, 1.0 GB to download",
    )


def test_a_package_of_another_version_is_named(monkeypatch):
    real = preflight.metadata.version
    monkeypatch.setattr(
        preflight.metadata, "version", lambda name: "0.1" if name == "pydantic" else real(name)
    )
    (line,) = preflight.packages()
    assert not line.ok and line.message.startswith("package pydantic is 0.1, >=2.11 is needed")


def response(status: int) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request("GET", "https://example.org"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (httpx.ConnectError("no route"), "cannot be reached from here"),
        (GatedRepoError("gated", response=response(403)), "is gated: accept its license"),
        (RepositoryNotFoundError("no such model", response=response(404)), "no such model"),
    ],
)
def test_a_model_that_cannot_be_had_fails_with_a_remedy(monkeypatch, error, told):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub, "auth_check", refuse)
    (line,) = preflight.hub("some/model", "0123")
    assert not line.ok and line.message.startswith("hub: some/model") and told in line.message


@pytest.mark.parametrize(("size", "ok"), [(10**9, True), (10**18, False)])
def test_a_model_that_does_not_fit_on_the_disk_is_refused(monkeypatch, tmp_path, size, ok):
    files = [SimpleNamespace(rfilename=n, size=size) for n in ("a.safetensors", "b.bin")]
    monkeypatch.setattr(huggingface_hub, "auth_check", lambda *_, **__: None)
    monkeypatch.setattr(
        huggingface_hub, "model_info", lambda *_, **__: SimpleNamespace(siblings=files)
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "not" / "yet"))
    (line,) = preflight.hub("some/model", "0123")
    assert line.ok == ok
    assert ("0.9 GB to download" if ok else "set HF_HOME to a larger disk") in line.message


def test_a_model_is_here_only_with_its_weights(monkeypatch, tmp_path):
    def unreachable(*_, **__):
        raise httpx.ConnectError("no route")

    held = {"config.json": "{}"}
    for name, text in (
        ("model.safetensors.index.json", '{"weight_map": {"a": "1.safetensors"}}'),
        ("1.safetensors", ""),
    ):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(huggingface_hub, "auth_check", unreachable)
    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda name, file, revision: held.get(file)
    )
    assert not preflight.hub("some/model", "0123")[0].ok
    held["model.safetensors.index.json"] = str(tmp_path / "model.safetensors.index.json")
    assert not preflight.hub("some/model", "0123")[0].ok
    held["1.safetensors"] = str(tmp_path / "1.safetensors")
    assert preflight.hub("some/model", "0123")[0].message == "hub: some/model is here already"


def test_weights_that_are_no_safetensors_are_refused_but_for_main(monkeypatch):
    files = [SimpleNamespace(rfilename="pytorch_model.bin", size=10**9)]
    monkeypatch.setattr(huggingface_hub, "auth_check", lambda *_, **__: None)
    monkeypatch.setattr(
        huggingface_hub, "model_info", lambda *_, **__: SimpleNamespace(siblings=files)
    )
    (line,) = preflight.hub("some/model", "0123")
    assert not line.ok and "has no safetensors: name a revision that has them" in line.message
    assert preflight.hub("some/model", "main")[0].ok


def test_a_model_that_needs_a_gpu_is_refused_without_one_and_on_a_small_one(monkeypatch):
    study = load_study("demo", [*PRETRAINED, "teachers.llama.gpu_memory=40"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (line,) = preflight.gpu(study)
    assert not line.ok and "none, and llama needs one with 40 GB: use a larger GPU" in line.message
    card = SimpleNamespace(name="Some Card", total_memory=23.7 * preflight.GB)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    (line,) = preflight.gpu(study)
    assert not line.ok and "Some Card, 24 GB, and llama needs 40 GB" in line.message
    (line,) = preflight.gpu(load_study("demo", [*PRETRAINED, "teachers.llama.gpu_memory=24"]))
    assert line.ok


def a_tokenizer(folder, words: list[str]) -> list[str]:
    """Settings of a study whose Teacher lies in a folder with such a tokenizer."""
    vocabulary = {word: i for i, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]").save_pretrained(folder)
    LlamaConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1).save_pretrained(folder)
    return [f"teachers.llama.model={{folder: {folder}}}", "teachers.llama.pretraining=null"]


def test_a_score_without_a_token_of_its_own_stops_a_run_before_it_starts(tmp_path, capsys):
    settings = a_tokenizer(tmp_path / "whole", list("123456"))
    assert all(line.ok for line in preflight.models(load_study("demo", settings)))
    settings = a_tokenizer(tmp_path / "lacks", list("12345"))
    given = [argument for setting in settings for argument in ("--set", setting)]
    study = tmp_path / "stopped.yaml"
    study.write_text((ROOT / "params/demo.yaml").read_text())
    assert main(["run", str(study), *given]) == 2
    told = capsys.readouterr().err
    assert told.startswith("stopped: Teacher llama: score '6' is not a token of this tokenizer")
    assert not (ROOT / "runs/stopped").exists()


def test_four_bit_weights_ask_for_their_package(monkeypatch, tmp_path):
    settings = [*a_tokenizer(tmp_path, list("123456")), "teachers.llama.quantization=nf4"]
    monkeypatch.setattr(loading, "find_spec", lambda name: None)
    line = preflight.models(load_study("demo", settings))[-1]
    assert not line.ok and "pip install 'cyborg-data[qlora]'" in line.message
