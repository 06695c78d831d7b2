"""The installed package does its work in an empty folder, with no checkout at hand."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study_runs import ROOT, small

from cyborg_utils.study.storage import read_json

pytestmark = pytest.mark.slow
REMEDY = "this study trains a neural model, which needs: pip install 'cyborg-data[models]'"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder)]
    subprocess.run([*pip, str(ROOT)], check=True)
    (file,) = folder.glob("*.whl")
    return file


def installed(wheel: Path, extras: str, folder: Path) -> Path:
    """The programs of a new environment in which the wheel is installed."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
    constraints = ["-c", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, *constraints, f"cyborg-data{extras} @ {wheel.as_uri()}"], check=True)
    return programs


def run(programs: Path, folder: Path, *command: str) -> subprocess.CompletedProcess:
    """A program of that environment, in a folder of its own."""
    hidden = ("PYTHONPATH", "CYBORG_HOME")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    return subprocess.run(
        [str(programs / command[0]), *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )


@pytest.fixture(scope="module")
def base(wheel, tmp_path_factory) -> Path:
    return installed(wheel, "", tmp_path_factory.mktemp("base") / "venv")


def test_the_wheel_has_what_a_study_needs_and_neither_tests_nor_reports(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {name.removeprefix("cyborg_utils/shipped/") for name in names}
    for folder, pattern in (("notebooks", "*.ipynb"), ("params", "*.yaml")):
        assert {f"{folder}/{path.name}" for path in (ROOT / folder).glob(pattern)} <= shipped
    assert {"Snakefile", "profiles/default/config.yaml"} <= shipped
    assert "notebooks/precomputed/demo/study.json" in shipped
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"cyborg_utils"}
    assert not [name for name in names if "/test_" in name or "/reports/" in name]


def test_scores_are_evaluated_in_an_empty_folder_without_torch(base, tmp_path):
    rng = np.random.default_rng(2)
    human = rng.integers(1, 7, 300)
    scores = pd.DataFrame(
        {"id": np.arange(300), "human": human, "gender": rng.choice(["F", "M"], 300)}
    )
    scores["machine"] = (human + rng.normal(0, 0.6, 300)).round(3)
    scores.to_csv(tmp_path / "scores.csv", index=False)
    done = run(base, tmp_path, "cyborg", "evaluate", "scores.csv", "--machine", "machine")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "report: reports/scores/index.html"
    page = (tmp_path / "reports" / "scores" / "index.html").read_text(encoding="utf-8")
    assert "<h1" in page and "Traceback" not in page
    summary = read_json(tmp_path / "runs" / "scores" / "summary.json")
    (row,) = summary["agreement"]
    assert 0.8 < row["qwk"] < 1
    assert (tmp_path / "reports/scores/05_fairness_analysis--machines.html").is_file()
    assert run(base, tmp_path, "python", "-c", "import torch").returncode == 1


def test_without_the_extra_a_classical_study_runs_and_a_neural_one_is_refused(base, tmp_path):
    fewer = [
        "students=[{name: ridge, kind: classical}]", "sampling.held_out_prompts=[]",
        "pseudo_label_strategies=[{name: hard}]", "transfer=[]", "evaluation.comparisons=[]",
        "corpus.traits=[]",
    ]  # fmt: skip
    settings = [argument for value in small("tour") + fewer for argument in ("--set", value)]
    done = run(base, tmp_path, "cyborg", "run", "tour", *settings)
    assert done.returncode == 0, done.stderr
    done = run(base, tmp_path, "cyborg", "run", "demo")
    assert (done.returncode, done.stderr) == (2, f"demo: {REMEDY}\n")


def test_with_its_models_the_demo_runs_in_an_empty_folder(wheel, tmp_path):
    programs = installed(wheel, "[models]", tmp_path / "venv")
    place = tmp_path / "empty"
    place.mkdir()
    settings = [argument for value in small("demo") for argument in ("--set", value)]
    done = run(programs, place, "cyborg", "run", "demo", *settings)
    assert done.returncode == 0, done.stderr
    assert (place / "reports" / "demo" / "index.html").is_file()
    assert (place / "reports" / "demo" / "00_concepts.html").is_file()
    assert len(read_json(place / "runs" / "demo" / "summary.json")["agreement"]) == 6
