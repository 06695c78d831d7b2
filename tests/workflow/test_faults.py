"""Kills, a full disk, broken files, two runs at once: the next run ends with the same numbers."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from safetensors.numpy import save_file
from small_models import ELECTRA, LLAMA
from study_runs import ROOT, numbers_of

from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.storage import new_folder, write_json, write_parquet
from cyborg_utils.workflow import recovery

NAME = f"test_tiny_faults_{os.getpid()}"
QUICK = """\
title: A tiny study
about: Two machines that someone else has made.
corpus:
  kind: predictions
  file: {file}
  columns: {{id: id, score: human, groups: {{ell: ell}}, machines: {{fair: fair, strict: strict}}}}
  scale: {{min: 1, max: 6, step: 1}}
evaluation: {{replicates: 200, min_group: 5}}
"""
EVERY_STAGE = f"""\
title: A tiny study
about: It learns nothing; it only has every part.
corpus: {{kind: simulated, n_train: 60, n_dev: 20, n_test: 60, n_prompts: 2, seed: 3}}
sampling: {{fractions: [0.5], seeds: [1]}}
labeling: {{jobs: 2, shard_size: 20}}
teachers:
{LLAMA}students:
{ELECTRA}arms: [cyborg]
evaluation: {{replicates: 200, min_group: 5}}
"""
MOMENTS = (0.1, 0.5, 0.9)  # of the time that a stage took: at its imports, in its work, at its end


class Runner:
    """A study that is run, and killed, as a person would from a terminal."""

    def __init__(self, folder: Path, name: str, text: str):
        self.file = folder / f"{name}.yaml"
        self.file.write_text(text)
        self.runs, self.reports = ROOT / "runs" / name, ROOT / "reports" / name
        self.seconds: dict[str, float] = {}  # that each stage took

    @property
    def summary(self) -> str:
        return numbers_of(self.runs / "summary.json")

    def start(self, *options: str) -> subprocess.Popen:
        paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "cyborg_utils",
                "run",
                str(self.file),
                "--cores",
                "2",
                *options,
            ],
            cwd=ROOT,
            env=os.environ | {"PATH": paths, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *options: str) -> tuple[int, str]:
        """The exit status of a run, and what it told."""
        process = self.start(*options)
        told = process.communicate(timeout=1200)[1]
        return process.returncode, told

    def killed(self, kills: Counter, seconds: dict[str, float]) -> bool:
        """Run until a stage starts that was killed less often than there are moments, and kill the
        run at its next one; False where the run ended first."""
        process, told = self.start("--cores", "1"), ""  # else a stage ends beside the killed one
        for line in process.stderr:
            told += line
            stage = started(line)
            if stage and kills[stage] < len(MOMENTS):
                time.sleep(MOMENTS[kills[stage]] * seconds[stage])
                kills[stage] += 1
                kill(process)
                return True
        assert process.wait() == 0, told
        return False

    def nothing_half_written(self) -> None:
        for place in (self.runs, self.reports):
            assert not [p for p in place.rglob("*") if "partial" in p.name]

    def clean(self) -> None:
        for place in (self.runs, self.reports):
            shutil.rmtree(place, ignore_errors=True)


def kill(process: subprocess.Popen) -> None:
    """SIGKILL a run and all that it started, kernels among them."""
    if process.poll() is None:
        parent = psutil.Process(process.pid)
        parent.suspend()  # it must not start more meanwhile
        for one in [*parent.children(recursive=True), parent]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.communicate()


def started(line: str) -> str | None:
    return line.strip().removeprefix("start  ") if line.startswith("  start  ") else None


def newer(path: Path, other: Path) -> bool:
    return path.exists() and path.stat().st_mtime > other.stat().st_mtime


@contextmanager
def runner(folder: Path, name: str, text: str):
    """A runner that has run its study once, undisturbed."""
    run = Runner(folder, name, text)
    run.clean()
    try:
        status, told = run()
        assert status == 0, told
        done = re.findall(r"done   (.+) \((\d+) s\)", told)
        run.seconds = {stage: float(seconds) for stage, seconds in done}
        yield run
    finally:
        run.clean()


@pytest.fixture(scope="module")
def scores(tmp_path_factory) -> Path:
    """The scores of two machines, for a study of three stages that trains nothing."""
    rng, path = np.random.default_rng(1), tmp_path_factory.mktemp("scores") / "scores.csv"
    human = rng.integers(1, 7, 200)
    near = {name: np.clip(human + rng.integers(-1, 2, 200), 1, 6) for name in ("fair", "strict")}
    given = {"id": range(200), "human": human, "ell": rng.choice(["Yes", "No"], 200)}
    pd.DataFrame(given | near).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def quick(scores, tmp_path_factory):
    text = QUICK.format(file=scores)
    with runner(tmp_path_factory.mktemp("quick"), NAME, text) as run:
        yield run


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    with runner(tmp_path_factory.mktemp("every"), f"{NAME}_every", EVERY_STAGE) as run:
        yield run


@pytest.fixture
def study(tmp_path):
    path = tmp_path / f"{NAME}_files.yaml"
    path.write_text(EVERY_STAGE)
    study = load_study(str(path))
    study.folder.mkdir(parents=True)
    yield study
    shutil.rmtree(study.folder)


# ---------------------------------------------------------------- a whole run


@pytest.mark.long
def test_a_run_after_broken_files_and_a_kill_ends_with_the_same_numbers(quick):
    whole = quick.summary
    result = quick.runs / "fairness/machines.json"
    page = quick.reports / "05_fairness_analysis--machines.html"
    for path in (result, page):
        path.write_bytes(path.read_bytes()[:-100])
    corpus = quick.runs / "corpus.parquet"
    made = corpus.stat().st_mtime_ns

    process, told = quick.start(), ""
    for line in process.stderr:
        told += line
        if (started(line) or "").startswith("05"):
            break
    notebook = quick.runs / "notebooks" / f"{page.stem}.ipynb"
    while process.poll() is None and not newer(notebook, quick.runs / ".lock"):
        time.sleep(0.1)
    status, second = quick()
    alive = process.poll() is None
    kill(process)
    assert alive, told
    for path in (result, page):
        assert f"{path.relative_to(ROOT)} cannot be read (" in told
    assert "found: 3 stages finished, 1 started and not finished (05_fairness_" in told
    assert status == 2
    assert second == (
        f"study {NAME} is being run by process {process.pid}; wait for it, or stop it first\n"
    )

    status, told = quick()
    assert status == 0, told
    assert "found: 3 stages finished, 1 started and not finished (05_fairness_" in told
    assert [started(line)[:2] for line in told.splitlines() if started(line)] == ["05", "06"]
    assert quick.summary == whole
    assert corpus.stat().st_mtime_ns == made
    quick.nothing_half_written()


@pytest.mark.long
def test_a_file_in_the_middle_that_is_gone_is_made_again(quick):
    (quick.runs / "fairness/machines.json").unlink()
    told = quick("--dry-run")[1]
    assert [started(line)[:2] for line in told.splitlines() if started(line)] == ["05", "06"]


@pytest.mark.slow
def test_a_kill_at_any_moment_of_any_stage_changes_no_number(every, tmp_path):
    run, kills, runs = Runner(tmp_path, f"{NAME}_kills", EVERY_STAGE), Counter(), 0
    run.clean()
    try:
        while run.killed(kills, every.seconds):
            runs += 1
            assert runs < 100, "it does not get on"
        print(f"{runs} runs were killed, in {len(kills)} stages")
        assert runs >= 24 and len(kills) >= 10  # of 12; a quick stage can end before its moment
        assert run.summary == every.summary.replace(every.file.stem, run.file.stem)
        run.nothing_half_written()
    finally:
        run.clean()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "first"),
    [
        ("teachers/llama/f0.5-d1/adapter_model.safetensors", "02 Teacher llama"),
        ("labels/llama/f0.5-d1/labels.parquet", "03 labels of Teacher llama (f0.5-d1)"),
        ("students/electra/cyborg-llama-f0.5-d1/s1/predictions.parquet", "04 Student electra"),
        ("base/llama/tokenizer.json", "01b pretraining"),
        ("corpus.parquet", "01 corpus"),
    ],
)
def test_a_broken_file_is_made_again_with_what_hangs_on_it(every, file, first):
    whole, path = every.summary, every.runs / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    status, told = every()
    assert status == 0, told
    assert f"{path.relative_to(ROOT)} cannot be read (" in told
    stages = [started(line) for line in told.splitlines() if started(line)]
    assert min(stages).startswith(first[:2])
    assert any(stage.startswith(first) for stage in stages)
    assert every.summary == whole


@pytest.mark.slow
@pytest.mark.parametrize("size", ["20k", "150k", "300k"])
def test_a_run_on_a_full_disk_says_so_and_goes_on_when_there_is_room(quick, scores, tmp_path, size):
    run = Runner(tmp_path, f"{NAME}_full", QUICK.format(file=scores))
    run.runs.mkdir(parents=True)
    disk = ["tmpfs", str(run.runs)]
    small = ["mount", "-t", "tmpfs", "-o", f"size={size}", *disk]
    if subprocess.run(small, capture_output=True).returncode:
        run.runs.rmdir()
        pytest.skip("a small disk is made with mount, which needs root")
    try:
        for _ in range(2):
            status, told = run()
            assert status == 1
            full, stopped = told.splitlines()[-2:]
            assert full.startswith(f"the disk of {run.runs} is full (") and "make room" in full
            assert stopped.startswith("stopped; finished stages are kept")
        subprocess.run(["mount", "-o", "remount,size=50m", *disk], check=True)
        status, told = run()
        assert status == 0, told
        assert run.summary == quick.summary.replace(NAME, f"{NAME}_full")
        run.nothing_half_written()
    finally:
        subprocess.run(["umount", str(run.runs)], check=True)
        run.clean()


# ---------------------------------------------------------------- broken files


def write_whole(folder: Path) -> dict[str, Path]:
    """A file of each kind that a run leaves, and what is made again where it is broken."""
    files = {
        "corpus.parquet": "corpus.parquet",
        "summary.json": "summary.json",
        "labels/t/u/predictions.parquet": "labels/t/u/predictions.parquet",
        "base/t/model.safetensors": "base/t",
        "teachers/t/u/adapter_model.safetensors": "teachers/t/u",
        "students/s/c/s1/student.json": "students/s/c/s1",
        "students/s/c/s1/model/model.safetensors": "students/s/c/s1",
        "unfinished/02/hash/checkpoint-4/optimizer.pt": "unfinished/02/hash/checkpoint-4",
        "unfinished/03/hash/shard-00001.parquet": "unfinished/03/hash/shard-00001.parquet",
    }
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            pd.DataFrame({"essay_id": ["a", "b"], "score": [1, 2]}).to_parquet(path)
        elif path.suffix == ".json":
            write_json(path, {"score": [1, 2]})
        elif path.suffix == ".pt":
            torch.save({"step": 4}, path)
        else:
            save_file({"weight": np.ones(5)}, path)
    return {name: folder / again for name, again in files.items()}


def test_whole_files_are_left_alone(study):
    write_whole(study.folder)
    assert recovery.broken(study) == {}


@pytest.mark.parametrize("kept", [0, -3], ids=["emptied", "cut short"])
def test_a_broken_file_is_found_with_what_is_made_together_with_it(study, kept):
    for name, again in write_whole(study.folder).items():
        path = study.folder / name
        whole = path.read_bytes()
        path.write_bytes(whole[:kept])
        assert list(recovery.broken(study)) == [again]
        told = recovery.broken(study)[again]
        assert told.startswith(f"{path.relative_to(ROOT)} cannot be read (")
        assert told.endswith("): it is made again") and "\n" not in told
        path.write_bytes(whole)


def test_nothing_is_said_where_nothing_is(study):
    assert recovery.earlier_stages(study) == ""


# ---------------------------------------------------------------- no room


@contextmanager
def room_for(n_bytes: int):
    """No file may become larger, as on a disk with no more room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["json", "parquet", "folder"])
def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(tmp_path, kind):
    path = tmp_path / f"a.{kind}"

    def write(n: int) -> None:
        values = np.random.default_rng(n).random(n)
        if kind == "json":
            write_json(path, {"values": values})
        elif kind == "parquet":
            write_parquet(path, pd.DataFrame({"values": values}))
        else:
            with new_folder(path) as folder:
                save_file({"values": values}, folder / "model.safetensors")

    write(10)
    file = path / "model.safetensors" if kind == "folder" else path
    before = file.read_bytes()
    with room_for(20_000), pytest.raises(OSError) as caught:
        write(10_000)
    assert str(caught.value) == (
        f"no room on the disk for {path}: make some, and give the same command again"
    )
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert file.read_bytes() == before
    write(10_000)


# ---------------------------------------------------------------- a cluster's queue


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """SLURM's `squeue`, which lists the jobs that a test wants."""

    def lists(lines: str) -> None:
        program = tmp_path / "squeue"
        program.write_text(f"#!/bin/sh\nprintf '{lines}'\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return lists


def test_jobs_that_a_killed_run_left_in_the_queue_are_not_run_twice(study, queue):
    name = recovery.job_name(study)
    queue(f"7 {name}_0a1b-2c\\n8 {name}_more_0a1b-2c\\n9 another\\n10 {name}_0a1b-2c\\n")
    with pytest.raises(ParameterError) as caught:
        recovery.no_jobs(study)
    assert str(caught.value) == (
        f"study {study.name} still has 2 jobs of an earlier run in SLURM's queue; wait until "
        "they end, or stop them: scancel 7 10"
    )
    queue(f"8 {name}_more_0a1b-2c\\n")
    recovery.no_jobs(study)
