"""Every study in params/: its data is known, and a small version of it runs."""

from __future__ import annotations

import pytest
from study_runs import ROOT, clean, run_study, small

from cyborg_utils.study.config import load_study
from cyborg_utils.study.stages import question_pages
from cyborg_utils.study.storage import read_json
from cyborg_utils.workflow.preflight import data_files

NAMES = sorted(path.stem for path in (ROOT / "params").glob("*.yaml"))
SIMULATED = [name for name in NAMES if load_study(name).simulated]
REAL = ["ellipse", "persuade-label-use", "persuade-transfer"]


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
        done = run_study(str(copy), "--cores", "2", *options)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        summary = read_json(ROOT / "runs" / copy.stem / "summary.json")
        assert list(summary["analyses"]) == question_pages(load_study(name))
        assert all(found["findings"] for found in summary["analyses"].values())
    finally:
        clean(copy.stem)
