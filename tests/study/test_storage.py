"""Conditions and their folders, and files that are written completely or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study_runs import ROOT

from cyborg_utils.cli import main
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import Condition, condition, conditions, seeds
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.storage import (
    MissingInput,
    need,
    new_folder,
    only_run,
    read_json,
    records,
    write_json,
    write_parquet,
)

NOTEBOOKS = sorted((ROOT / "notebooks").glob("0*.ipynb"))


# ---------------------------------------------------------------- conditions


def test_every_condition_of_a_study_has_a_folder_of_its_own(tiny_file):
    wide = ["sampling={fractions: [0.05, 0.5], draws: [1, 2], seeds: [1, 2, 3]}"]
    study = load_study(str(tiny_file), wide)
    result = conditions(study)
    assert len(result) == 4 + 2 * 4 + 1
    assert len({c.slug for c in result}) == len(result)
    assert {"full", "human-f0.05-d1", "cyborg-llama-f0.5-d2"} < {c.slug for c in result}
    assert seeds(study, "electra") == [1, 2, 3]
    assert seeds(study, "ridge") == [1]


def test_a_condition_leaves_out_what_its_arm_does_not_depend_on(tiny_file):
    study = load_study(str(tiny_file))
    assert condition(study, "full", "llama", 0.5, 1) == Condition("full")
    assert condition(study, "human", "llama", 0.5, 1) == Condition("human", None, 0.5, 1)
    assert condition(study, "cyborg", "llama", 0.5, 1) == Condition(
        "cyborg", "llama", 0.5, 1, "hard"
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("robot", None, 0.5, 1), "has no arm 'robot'"),
        (("human", None, 0.4, 1), "has no fraction 0.4 with draw 1; it has fractions [0.5]"),
        (("human", None, 0.5, 7), "has no fraction 0.5 with draw 7"),
        (("cyborg", "lama", 0.5, 1), "has no teacher 'lama'; it has llama, ridge"),
    ],
)
def test_a_condition_that_the_study_does_not_have_is_refused(tiny_file, arguments, problem):
    with pytest.raises(ParameterError) as caught:
        condition(load_study(str(tiny_file)), *arguments)
    assert problem in str(caught.value)


# ---------------------------------------------------------------- files


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "a.json"
    write_json(path, {"a": np.float64(0.5), "b": np.arange(2), "c": None})
    assert read_json(path) == {"a": 0.5, "b": [0, 1], "c": None}
    before = path.read_bytes()
    for bad in ({"a": object()}, {"a": float("nan")}):
        with pytest.raises((TypeError, ValueError)):
            write_json(path, bad)
        with pytest.raises((TypeError, ValueError)):
            write_json(path.with_name("new.json"), bad)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_a_write_that_is_interrupted_leaves_the_old_file(tmp_path, monkeypatch, kind):
    path = tmp_path / f"a.{kind}"

    def write(value):
        if kind == "json":
            write_json(path, {"value": value})
        else:
            write_parquet(path, pd.DataFrame({"value": [value]}))

    def stop(self, where, *_, **__):
        Path(where if kind == "parquet" else self).write_bytes(b"half")
        raise KeyboardInterrupt

    target = (Path, "write_text") if kind == "json" else (pd.DataFrame, "to_parquet")
    with monkeypatch.context() as patch:
        patch.setattr(*target, stop)
        with pytest.raises(KeyboardInterrupt):
            write(1)
    assert not path.exists()
    write(2)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(*target, stop)
        with pytest.raises(KeyboardInterrupt):
            write(3)
    assert path.read_bytes() == before
    write(4)
    assert path.read_bytes() != before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_folder_takes_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "models" / "teacher"
    with pytest.raises(RuntimeError, match="stop"), new_folder(path) as folder:
        (folder / "half").write_text("x")
        raise RuntimeError("stop")
    assert not path.exists()
    with new_folder(path) as folder:
        assert not list(folder.iterdir())
        (folder / "first").write_text("1")
    assert [p.name for p in path.iterdir()] == ["first"]
    with pytest.raises(RuntimeError, match="stop"), new_folder(path) as folder:
        raise RuntimeError("stop")
    assert [p.name for p in path.iterdir()] == ["first"]
    with new_folder(path) as folder:
        (folder / "second").write_text("2")
    assert [p.name for p in path.iterdir()] == ["second"]
    assert [p.name for p in path.parent.iterdir()] == ["teacher"]


def test_records_keep_every_digit_and_missing_values():
    frame = pd.DataFrame({"a": [1 / 3, None], "b": ["x", None], "c": [1, 2], "p": [1e-20, np.inf]})
    assert records(frame) == [
        {"a": 1 / 3, "b": "x", "c": 1, "p": 1e-20},
        {"a": None, "b": None, "c": 2, "p": None},
    ]
    assert [type(v) for v in records(frame)[0].values()] == [float, str, int, float]


def test_a_missing_input_says_which_notebook_and_command_make_it(tiny_file):
    study = load_study(str(tiny_file))
    with pytest.raises(MissingInput) as caught:
        need(study.folder / "corpus.parquet", study)
    text = str(caught.value)
    assert f"runs/{study.name}/corpus.parquet is not there yet" in text
    assert "notebooks/01_corpus.ipynb" in text
    assert f"cyborg run {study.name}" in text


def test_a_study_or_a_stage_cannot_be_run_twice_at_once(tmp_path):
    lock = tmp_path / "study" / ".lock"
    running = f"^study x is being run by process {os.getpid()}; wait for it, or stop it first$"
    with (
        only_run(lock, "study x"),
        pytest.raises(ParameterError, match=running),
        only_run(lock, "study x"),
    ):
        raise AssertionError("the second run got in")
    with only_run(lock, "study x"):
        pass


def test_a_file_system_without_locks_is_not_taken_for_a_run(tmp_path, monkeypatch, capsys):
    def no_locks(descriptor, blocking):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("cyborg_utils.study.storage.lock_descriptor", no_locks)
    with only_run(tmp_path / "study" / ".lock", "study x"):
        pass
    assert "(No locks available): study x continues without a lock" in capsys.readouterr().err


def test_a_stage_whose_earlier_run_is_still_running_says_so(tmp_path, capsys):
    executed, command = tmp_path / "01_corpus.ipynb", tmp_path / "command.json"
    command.write_text('{"study": "demo", "settings": []}')
    with only_run(tmp_path / ".01_corpus.lock", "stage"):
        arguments = [
            "run-stage",
            "01_corpus",
            str(executed),
            str(tmp_path / "page.html"),
            str(command),
            "{}",
        ]
        assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("stage 01_corpus is being run by process ")
    assert not executed.exists()
