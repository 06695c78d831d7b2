"""Every study in params/: its data is known, and a small version of it runs."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from study_runs import ROOT

from cyborg_utils.study.config import load_study
from cyborg_utils.study.stages import question_pages
from cyborg_utils.study.storage import read_json
from cyborg_utils.workflow.preflight import data_files

NAMES = sorted(path.stem for path in (ROOT / "params").glob("*.yaml"))
QUICK = {"epochs": 0.1, "min_steps": 0, "max_tokens": 64}
SMALL = [  # what makes each kind of part small, where a study has it
    ("corpus.n_train", 80), ("corpus.n_dev", 40), ("corpus.n_test", 60), ("corpus.max_train", 200),
    ("corpus.dev_size", 60), ("sampling.fractions", [0.3]), ("sampling.draws", [1]),
    ("sampling.seeds", [1]), ("evaluation.replicates", 200),
]  # fmt: skip
SIMULATED = [name for name in NAMES if load_study(name).simulated]
REAL = ["ellipse", "persuade-label-use", "persuade-transfer"]


def small(name: str) -> list[str]:
    """Settings under which a study takes a minute or two."""
    study = load_study(name)
    given = [
        f"{key}={value}"
        for key, value in SMALL
        if key.split(".")[1] in type(getattr(study, key.split(".")[0])).model_fields
    ]
    for part in ("teachers", "students"):
        for model in getattr(study, part):
            if model.kind != "classical":
                given += [f"{part}.{model.name}.{key}={value}" for key, value in QUICK.items()]
            if getattr(model, "pretraining", None):
                given += [f"{part}.{model.name}.pretraining.epochs=1"]
                given += [f"{part}.{model.name}.pretraining.external_graded_essays=0"]
    return given


def run(name: str, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "cyborg_utils", "run", name, "--cores", "2", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_docs_name_every_study():
    page = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"`{name}`" in page, name


@pytest.mark.parametrize("name", NAMES)
def test_a_study_whose_data_is_missing_says_where_to_get_it(name):
    for line in data_files(load_study(name)):
        assert line.ok or "https://" in line.message or "correct corpus." in line.message


@pytest.mark.slow
@pytest.mark.parametrize("name", SIMULATED + REAL)
def test_a_small_version_of_each_study_runs(name, tmp_path):
    if any(not line.ok for line in data_files(load_study(name))):
        pytest.skip("the essays of this study are not at hand")
    copy = tmp_path / f"test_small_{name.replace('-', '_')}.yaml"
    copy.write_text((ROOT / "params" / f"{name}.yaml").read_text(encoding="utf-8"))
    options = [word for setting in small(name) for word in ("--set", setting)]
    try:
        done = run(str(copy), *options)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        summary = read_json(ROOT / "runs" / copy.stem / "summary.json")
        assert list(summary["analyses"]) == question_pages(load_study(name))
        assert all(found["findings"] for found in summary["analyses"].values())
    finally:
        for place in ("runs", "reports"):
            shutil.rmtree(ROOT / place / copy.stem, ignore_errors=True)
