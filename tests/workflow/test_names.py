"""Names and settings that look like something else, from the command line to the reports."""

from __future__ import annotations

import json

import pytest
from corpus_files import essay_table, table
from study_runs import ROOT, clean, run_study

from cyborg_utils.study.storage import read_json

STUDY = """\
title: A study
corpus: {kind: simulated, n_train: 60, n_dev: 20, n_test: 60, n_prompts: 2, seed: 3}
sampling: {fractions: [0.5]}
teachers:
  - {name: "1_2", kind: classical}
students:
  - {name: "null", kind: classical}
arms: [cyborg]
evaluation: {replicates: 200, min_group: 5}
"""
TITLE = "O'Brien's \"study\" #1: {Prüfung}, 50 % $HOME"


@pytest.fixture
def study(tmp_path):
    def write(name):
        names.append(name)
        path = tmp_path / "it's a folder" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(STUDY)
        return str(path)

    names = []
    yield write
    for name in names:
        clean(name)


@pytest.mark.parametrize("name", ["1_2", "1e5", "null"])
def test_a_study_may_be_called_like_a_number(study, name):
    done = run_study(study(name), "--dry-run", "--set", f"title={TITLE}")
    assert done.returncode == 0 and "01 corpus" in done.stderr, done.stderr


def test_a_file_of_essays_may_have_any_name_without_braces(study, tmp_path):
    path = tmp_path / "O'Brien #ü $HOME 100 %.csv"
    essay_table().to_csv(path, index=False)
    corpus = json.dumps(table(path), ensure_ascii=False)
    done = run_study(study("1_2"), "--dry-run", "--set", f"corpus={corpus}")
    assert done.returncode == 0 and "01 corpus" in done.stderr, done.stderr
    brace = path.rename(tmp_path / "essays {1}.csv")
    done = run_study(study("1_2"), "--set", f"corpus={json.dumps(table(brace))}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("has a brace in its name: rename the file without { and }\n")


@pytest.mark.slow
def test_names_and_titles_stay_text_up_to_the_report(study):
    done = run_study(study("true"), "--cores", "2", "--set", f"title={TITLE}")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert read_json(ROOT / "runs" / "true" / "summary.json")["settings"]["title"] == TITLE
    assert done.stdout == "report: reports/true/index.html\n"
