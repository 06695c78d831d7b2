"""Stages as SLURM jobs. The whole run needs a cluster, or a machine that is one of its own
(docs/cluster.md says how it is set up)."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from small_models import LLAMA
from study_runs import ROOT, numbers_of

from cyborg_utils.study.stages import STAGES

PROFILE = ROOT / "profiles" / "slurm" / "config.yaml"
NAME = f"test_tiny_slurm_{os.getpid()}"
TINY = f"""\
title: A tiny study
about: It learns nothing; it only has every part of a Teacher's labels.
corpus: {{kind: simulated, n_train: 60, n_dev: 20, n_test: 60, n_prompts: 2, seed: 3}}
sampling: {{fractions: [0.5], seeds: [1]}}
labeling: {{jobs: 2, shard_size: 40}}
teachers:
{LLAMA}students:
  - {{name: ridge, kind: classical}}
arms: [cyborg]
evaluation: {{replicates: 200, min_group: 5}}
"""


def run_study(*arguments: str) -> subprocess.CompletedProcess:
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, "-m", "cyborg_utils", "run", *arguments],
        cwd=ROOT,
        env=os.environ | {"PATH": paths},
        capture_output=True,
        text=True,
        timeout=3600,
    )


@pytest.fixture
def tiny(tmp_path):
    file = tmp_path / f"{NAME}.yaml"
    file.write_text(TINY)
    yield file
    for place in ("runs", "reports"):
        shutil.rmtree(ROOT / place / NAME, ignore_errors=True)


@pytest.fixture
def cluster():
    """Skips where no SLURM answers, or the plugin is not installed."""
    if shutil.which("sbatch") is None:
        pytest.skip("no SLURM on this machine (docs/cluster.md sets one up)")
    found = subprocess.run(["sinfo", "--noheader"], capture_output=True, text=True)
    if found.returncode or not found.stdout.strip():
        pytest.skip(f"SLURM is installed but does not answer: {found.stderr.strip()[:100]}")
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip(
            "SLURM is here, the plugin is not: pip install -c constraints.txt -e '.[cluster]'"
        )


def test_the_profile_names_rules_of_the_graph():
    """A renamed rule would silently lose the time that the profile asks for."""
    profile = yaml.safe_load(PROFILE.read_text())
    with_models = {stage.rule for stage in STAGES if stage.scorer} | {"labeling_part"}
    assert set(profile["set-resources"]) == with_models
    assert {"mem_mb", "runtime"} <= set(profile["default-resources"])


def test_a_profile_that_is_not_there_is_one_line(tiny):
    done = run_study(str(tiny), "--profile", "slrum")
    assert done.returncode == 2
    assert done.stderr == "no profile 'slrum': profiles/ has default, slurm\n"


@pytest.mark.slow
def test_a_study_through_slurm_has_the_numbers_of_this_machine(tiny, cluster):
    """The first run loses a job to `scancel`; the second makes what is missing."""
    here = run_study(str(tiny), "--cores", "1")
    assert here.returncode == 0, here.stderr
    summary = ROOT / "runs" / NAME / "summary.json"
    whole = numbers_of(summary)
    for place in ("runs", "reports"):
        shutil.rmtree(ROOT / place / NAME)

    run = subprocess.Popen(
        [sys.executable, "-m", "cyborg_utils", "run", str(tiny), "--profile", "slurm"],
        cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert cancel("rule_teacher_training", run), "the Teacher's job was not seen running"
    told = run.communicate(timeout=3600)[1]
    assert run.returncode == 1
    assert "FAILED 02 Teacher llama on U (f0.5-d1)" in told
    assert re.search(r"SLURM-job '\d+' failed, SLURM status is: 'CANCELLED'; its log: ", told)
    assert not summary.exists()

    again = run_study(str(tiny), "--profile", "slurm")
    assert again.returncode == 0, again.stderr
    assert "01 corpus" not in again.stderr
    assert numbers_of(summary) == whole
    third = run_study(str(tiny), "--profile", "slurm")
    assert third.returncode == 0 and "start" not in third.stderr


def cancel(rule: str, run: subprocess.Popen) -> bool:
    """Cancel the study's job of a rule as soon as it runs."""
    while run.poll() is None:
        queue = subprocess.run(
            ["squeue", "--me", "--states=R", "--noheader", "--format=%i %j %k"],
            capture_output=True, text=True,
        )  # fmt: skip
        for line in queue.stdout.splitlines():
            number, name, comment = line.split(maxsplit=2)
            if name.startswith(NAME) and comment.startswith(rule):
                subprocess.run(["scancel", number], check=True)
                return True
        time.sleep(0.5)
    return False
