"""What the paper leaves open: the tour, a small study that asks every question, run whole."""

from __future__ import annotations

import os
import shutil

import pytest
from study_runs import ROOT, clean, run_study

from cyborg_utils.analysis.paired import EVERYONE
from cyborg_utils.study.config import load_study
from cyborg_utils.study.stages import question_pages
from cyborg_utils.study.storage import read_json

pytestmark = pytest.mark.long
NAME = f"test_questions_{os.getpid()}"
TOUR = ROOT / "params" / "tour.yaml"


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    file = tmp_path_factory.mktemp("questions") / f"{NAME}.yaml"
    shutil.copy(TOUR, file)
    try:
        run = run_study(str(file), "--cores", "2")
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
        yield read_json(ROOT / "runs" / NAME / "summary.json")
    finally:
        clean(NAME)


def test_every_question_is_answered_on_a_page_of_its_own(summary):
    asked = question_pages(load_study("demo"))
    assert asked == ["05d_teacher_comparison"]
    assert list(summary["analyses"]) == [
        "05d_teacher_comparison",
        "05e_pseudo_labels",
        "05f_student_comparison",
        "05g_traits",
        "05h_transfer",
    ]
    index = (ROOT / "reports" / NAME / "index.html").read_text(encoding="utf-8")
    for page, found in summary["analyses"].items():
        assert found["findings"], page
        html = (ROOT / "reports" / NAME / f"{page}.html").read_text(encoding="utf-8")
        assert "<h1" in html and "Traceback" not in html and "simulated" in html
        assert f'href="{page}.html"' in index


def test_the_pages_hold_what_was_asked_for(summary):
    found = summary["analyses"]
    rules = {row["decoding_rule"] for row in found["05d_teacher_comparison"]["decoding_rules"]}
    assert rules == {"hard", "expected", "linked", "prior_corrected", "equated"}
    strategies = found["05e_pseudo_labels"]["strategies"]
    assert [r["student"] for r in strategies] == ["ridge", "logistic"]
    assert {r["strategy"] for r in strategies} == {"prior"}
    traits = {row["trait"] for row in found["05g_traits"]["agreement"]}
    assert traits == {"holistic", "vocabulary"}
    transfer = found["05h_transfer"]
    assert {row["to"] for row in transfer["transfer"]} == {"demo"}
    held_out = {row["prompt"] for row in transfer["held_out"]}
    assert held_out == {EVERYONE, "Cell phones at school"}


def test_the_headline_is_of_hard_labels_and_all_prompts(summary):
    names = {row["condition"] for row in summary["agreement"]}
    assert names == {"human-f0.2", "cyborg-logistic-f0.2", "cyborg-logistic-prior-f0.2"}
    corrected = {r["condition"] for r in summary["comparisons"] if r.get("p_holm") is not None}
    assert corrected == {"cyborg-logistic-f0.2"}
