"""A study of machine scores from a file: its verdicts and reports, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from machine_study import CONSTANT, FAIR, STRICT, STUDY, machine_scores, runs_of
from reference_data import PREDICTIONS
from study_runs import ROOT, Page, clean, run_study

from cyborg_utils.analysis.agreement import agreement_by_condition, compare_all_machines
from cyborg_utils.analysis.measures import Rule, RuleVerdict, measures_by_condition
from cyborg_utils.analysis.subgroups import (
    group_bias,
)
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.statistics.conditional_bias import ConditionalVerdict
from cyborg_utils.statistics.hypothesis_tests import Verdict
from cyborg_utils.statistics.prmse import prmse
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import MACHINES
from cyborg_utils.study.storage import read_json


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return machine_scores()


@pytest.fixture(scope="module")
def study_file(scores, tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictions")
    scores.to_csv(folder / "scores.csv", index=False)
    path = folder / "test_predictions_known.yaml"
    path.write_text(STUDY.format(file=folder / "scores.csv"))
    yield path
    clean(path.stem)


@pytest.fixture(scope="module")
def done(study_file):
    run = run_study(str(study_file), "--cores", "2")
    assert run.returncode == 0, run.stderr
    return read_json(ROOT / "runs" / study_file.stem / "summary.json")


def test_it_trains_nothing_and_reports_every_machine(done, study_file):
    pages = {p.name for p in (ROOT / "reports" / study_file.stem).glob("*.html")}
    assert pages == {
        "index.html", "01_corpus.html", "05_fairness_analysis--machines.html",
        "05i_measures--machines.html",
    }  # fmt: skip
    found = {r["condition"]: r for r in done["agreement"]}
    assert set(found) == {FAIR, STRICT, CONSTANT}
    assert found[FAIR]["qwk"] > found[STRICT]["qwk"] > found[CONSTANT]["qwk"] == 0
    pair = next(p for p in done["pairs"] if p["declared"])
    assert (pair["condition_a"], pair["condition_b"]) == (STRICT, FAIR)
    assert pair["high"] < 0 and pair["new_prompts_high"] < 0
    assert sum(p["declared"] for p in done["pairs"]) == 1 and len(done["pairs"]) == 3


def test_the_biased_machine_is_found_and_the_fair_one_is_not_called_biased(done):
    report = done["fairness"][MACHINES]
    groups, bands = (
        {(r["condition"], r["level"]): r for r in report[table] if r["attribute"] == "ell"}
        for table in ("groups", "conditional")
    )
    assert groups[STRICT, "yes"]["verdict"] == Verdict.OUTSIDE
    assert -0.75 < groups[STRICT, "yes"]["smd"] < -0.35
    assert groups[FAIR, "yes"]["verdict"] != Verdict.OUTSIDE
    assert groups[FAIR, "no"]["verdict"] == Verdict.WITHIN
    assert bands[STRICT, "yes"]["verdict"] == ConditionalVerdict.TOO_LOW
    assert bands[FAIR, "yes"]["verdict"] not in (
        ConditionalVerdict.TOO_LOW,
        ConditionalVerdict.TOO_HIGH,
    )
    assert any(
        r["condition"] == STRICT and "yes" in r["level"] and r["verdict"] == Verdict.OUTSIDE
        for r in report["intersections"]
    )


def test_evaluation_criteria_are_decided_by_whole_intervals(done, scores):
    verdicts = {(r["condition"], r["rule"]): r["verdict"] for r in done["rules"]}
    assert verdicts[FAIR, Rule.QWK] == RuleVerdict.MET
    assert verdicts[CONSTANT, Rule.QWK] == RuleVerdict.BROKEN
    assert verdicts[CONSTANT, Rule.SD_RATIO] == RuleVerdict.BROKEN
    assert verdicts[FAIR, Rule.QWK_DEGRADATION] == RuleVerdict.MET
    measures = {r["condition"]: r for r in done["measures"]}
    kept = scores.dropna(subset=["rater_1", "fair"])
    assert measures[FAIR]["prmse"] == pytest.approx(
        prmse(kept[["rater_1", "rater_2"]], kept["fair"]), abs=1e-12
    )
    assert measures[CONSTANT]["correlation"] is None


def test_what_is_suppressed_or_missing_is_reported_and_nothing_warns(done, study_file):
    pages = ROOT / "reports" / study_file.stem
    summary = (pages / "index.html").read_text(encoding="utf-8")
    fairness = (pages / "05_fairness_analysis--machines.html").read_text(encoding="utf-8")
    for text in (summary, fairness):
        assert "3 by human raters, 4 by fair" in text
        assert "the 1,493 that all have scored" in text
        assert "Warning" not in text and "Traceback" not in text
    assert "<code>one_level</code> has one level for all" in fairness
    assert "<code>all_missing</code> is missing for all" in fairness
    assert "<code>ell</code> is missing for 16 of 1,493" in fairness
    levels = {(r["attribute"], r["level"]): r for r in done["fairness"][MACHINES]["groups"]}
    assert {level for group, level in levels if group == "region"} == {"north", "south"}
    assert "1 subgroup (of region) is suppressed in every table" in fairness
    assert "island" not in fairness
    corpus = (pages / "01_corpus.html").read_text(encoding="utf-8")
    assert "largest subgroup is treated as missing: 9 of region" in corpus
    assert levels["all_missing", "(missing)"]["n"] == 1493
    for page in pages.glob("*.html"):
        alts = [image.get("alt") or "" for image in Page(page).all("img")]
        assert alts and all(len(alt) > 20 and "nan" not in alt for alt in alts), page.name


def test_cells_of_the_other_kind_of_study_are_not_rendered(done, study_file):
    pages = ROOT / "reports" / study_file.stem
    assert "Label budget" not in (pages / "index.html").read_text(encoding="utf-8")
    assert "Comparison of machines" in (pages / "index.html").read_text(encoding="utf-8")
    assert "Length is the strongest" not in (pages / "01_corpus.html").read_text(encoding="utf-8")


@pytest.mark.skipif(not PREDICTIONS.is_file(), reason="the published predictions are not here")
def test_the_published_machines(tmp_path):
    """The reference value of longformer on all 10,402 essays, as the study loads them."""
    study = load_study(
        "predictions",
        [
            "corpus.columns.machines={longformer: longformer, longformer_grl: longformer_grl}",
            "evaluation.comparisons=[[longformer_grl, longformer]]",
            "evaluation.replicates=2000",
        ],
    )
    corpus = load_corpus(study)
    assert len(corpus) == 10_402
    runs = runs_of(corpus, study)
    measures, _ = measures_by_condition(study, runs, agreement_by_condition(study, runs)[0])
    qwk = measures.set_index("condition")["qwk"]
    assert qwk["machine-longformer"] == pytest.approx(0.8365, abs=5e-5)
    assert qwk["machine-longformer_grl"] == pytest.approx(0.8653, abs=5e-5)
    pairs = compare_all_machines(
        study, runs, corpus.set_index("essay_id")["prompt"], agreement_by_condition(study, runs)[0]
    )
    assert pairs["difference"].tolist() == pytest.approx([0.0288], abs=1e-4)
    report = group_bias(study, runs, corpus, ["ell_status"]).set_index(["condition", "level"])
    ell = report.loc[("machine-longformer", "Yes")]
    assert ell["smd"] == pytest.approx(0.1296, abs=5e-5)
    assert ell["smd_human"] == pytest.approx(0.1194, abs=5e-5)
    assert ell["smd_human_population"] == pytest.approx(0.0997, abs=5e-5)
    assert ell["smd_pooled_population"] == pytest.approx(0.1064, abs=5e-5)
    assert ell["dsm"] == pytest.approx(0.0171, abs=5e-4)  # continuous, not trimmed


WRONG = {
    "a machine that is not there": (
        {"evaluation.comparisons": "[[strict, fare]]"},
        ["no machine 'fare'", "fair, strict, constant"],
    ),
    "a machine against itself": (
        {"evaluation.comparisons": "[[fair, fair]]"},
        ["'fair' is compared with itself"],
    ),
    "three machines in a pair": (
        {"evaluation.comparisons": "[[fair, strict, constant]]"},
        ["evaluation.comparisons", "at most 2"],
    ),
    "a Teacher": (
        {"teachers": "[{name: ridge, kind: classical}]"},
        ["teachers", "trains nothing; remove this key"],
    ),
    "sampling": ({"sampling.draws": "[1]"}, ["sampling", "trains nothing"]),
    "no machine": ({"corpus.columns.machines": "{}"}, ["corpus.columns.machines", "at least 1"]),
    "a machine of a reserved name": (
        {"corpus.columns.machines": "{score: fair}"},
        ["a machine cannot be named 'score'"],
    ),
    "a machine named human": (
        {"corpus.columns.machines": "{human: fair}"},
        ["a machine cannot be named 'human'"],
    ),
    "a reliability band in the wrong order": (
        {"evaluation.reliability_band": "[0.8, 0.6]"},
        ["reliability_band [0.8, 0.6]: write the lowest reliability first, [0.6, 0.8]"],
    ),
    "a group twice": ({"evaluation.groups": "[ell, ell]"}, ["names one group twice"]),
    "a machine of a group's name": (
        {"corpus.columns.machines": "{ell: fair}"},
        ["a machine cannot be named 'ell'"],
    ),
}


@pytest.mark.parametrize(("given", "told"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_study_is_refused(study_file, given, told):
    settings = [f"{key}={value}" for key, value in given.items()]
    with pytest.raises(ParameterError) as error:
        load_study(str(study_file), settings)
    assert all(part in str(error.value) for part in told), str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_comparisons_name_students_where_students_are_trained():
    with pytest.raises(ParameterError, match="comparisons: no student 'a'; students has electra"):
        load_study("demo", ["evaluation.comparisons=[[a, b]]"])


BROKEN = {
    "a column that is not there": (lambda f: f.drop(columns="fair"), ["no column 'fair'"]),
    "a word among machine scores": (
        lambda f: f.astype({"fair": object}).assign(
            fair=f["fair"].astype(str).where(f.index > 0, "high")
        ),
        ["column 'fair' has", "'high'"],
    ),
    "infinite machine scores": (
        lambda f: f.assign(strict=f["strict"].where(f.index > 1, np.inf)),
        ["column 'strict' has 2 values that are not numbers"],
    ),
    "machine scores of another scale": (
        lambda f: f.assign(strict=f["strict"] * 20),
        ["machine 'strict'", "far off the scale 1 to 6"],
    ),
    "a machine that scored nothing": (
        lambda f: f.assign(strict=np.nan),
        ["machine 'strict' scores none of the human-scored essays"],
    ),
    "human scores off the scale": (
        lambda f: f.assign(rater_1=f["rater_1"].where(f.index > 2, 6.5)),
        ["3 scores are off the scale 1 to 6", "6.5"],
    ),
    "second scores off the scale": (
        lambda f: f.assign(rater_2=f["rater_2"].where(f.index > 1, 0.5)),
        ["2 second scores are off the scale"],
    ),
    "machines that share no essay": (
        lambda f: f.assign(
            fair=f["fair"].where(f.index < 700), strict=f["strict"].where(f.index > 800)
        ),
        ["human raters and all machines share 0 essays", "remove"],
    ),
    "an id twice": (lambda f: f.assign(id=f["id"].where(f.index > 0, "e1")), ["share their id"]),
    "no human score": (lambda f: f.assign(rater_1=np.nan), ["no scored essays in test"]),
    "one human score for all": (lambda f: f.assign(rater_1=3), ["have the same score"]),
}


@pytest.mark.parametrize(("change", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_refused(scores, tmp_path, change, told):
    change(scores).to_csv(tmp_path / "broken.csv", index=False)
    path = tmp_path / "broken.yaml"
    path.write_text(STUDY.format(file=tmp_path / "broken.csv"))
    with pytest.raises(CorpusError) as error:
        load_corpus(load_study(str(path)))
    assert all(part in str(error.value) for part in told), str(error.value)
