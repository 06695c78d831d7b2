"""Statistics of machine scores from a file: runs, verdicts, criteria, sparse data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from machine_study import CONSTANT, FAIR, STRICT, STUDY, machine_scores, runs_of
from scipy import stats

from cyborg_utils.analysis.agreement import agreement_by_condition, compare_all_machines
from cyborg_utils.analysis.measures import measures_by_condition
from cyborg_utils.analysis.paired import EVERYONE, bias_of_pairs
from cyborg_utils.analysis.subgroups import (
    Outcome,
    conditional_group_bias,
    count_verdicts,
    group_bias,
    intersections,
    outcomes,
    shift_of_all,
)
from cyborg_utils.corpus.columns import group_columns
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.residual_levels import with_residual
from cyborg_utils.reporting.labels import verdict_label
from cyborg_utils.reporting.narrative.fairness import (
    caveats,
    fairness_findings,
    read_verdict,
    shift_findings,
)
from cyborg_utils.reporting.narrative.findings import machine_findings
from cyborg_utils.reporting.verdicts import dsm_cells, verdict_matrix
from cyborg_utils.statistics.conditional_bias import ConditionalVerdict, Correction
from cyborg_utils.statistics.hypothesis_tests import Verdict
from cyborg_utils.statistics.replications import pool_replications
from cyborg_utils.study.config import load_study
from cyborg_utils.study.results import FairnessResult
from cyborg_utils.study.schema.study import MACHINES
from cyborg_utils.study.storage import records


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return machine_scores()


@pytest.fixture(scope="module")
def study_file(scores, tmp_path_factory):
    folder = tmp_path_factory.mktemp("machines")
    scores.to_csv(folder / "scores.csv", index=False)
    path = folder / "machines.yaml"
    path.write_text(STUDY.format(file=folder / "scores.csv"))
    return path


@pytest.fixture(scope="module")
def known(study_file):
    study = load_study(str(study_file))
    corpus = load_corpus(study)
    return study, corpus, runs_of(corpus, study)


def test_runs_are_on_the_essays_that_all_have_scored(known):
    study, corpus, runs = known
    assert len(runs) == 3 * 1493
    assert runs["score"].isin(study.labels).all()
    assert runs.loc[runs["continuous"] > 6.5, "score"].eq(6).all()


def test_matrix_and_counts_agree_with_the_report(known):
    study, corpus, runs = known
    report = group_bias(study, runs, corpus, ["ell", "region"])
    matrix = verdict_matrix(dsm_cells(study, report))
    assert list(matrix.columns) == ["group", "n", FAIR, STRICT, CONSTANT]
    assert matrix.loc[matrix["group"] == "ell: yes", STRICT].item().startswith("too low -0.")
    assert set(matrix[CONSTANT]) == {"undefined", "no group"}
    counted = count_verdicts(study, report).set_index("condition")
    words = matrix[matrix["n"] >= study.evaluation.min_group]
    for condition in (FAIR, STRICT):
        for outcome in ("within", "too_low", "too_high", "inconclusive"):
            shown = words[condition].str.startswith(verdict_label(outcome)).sum()
            assert counted.loc[condition, outcome] == shown


def test_missing_is_a_row_and_never_a_group(known):
    """Essays without a group are scored a point too low: no verdict, rank or count has them."""
    study, corpus, runs = known
    corpus = corpus.assign(ell=corpus["ell"].where(corpus.index >= 300))
    lost = runs["essay_id"].isin(corpus.loc[corpus["ell"].isna(), "essay_id"])
    scored = runs[runs["condition"] == FAIR]
    lower = [scored[c].where(~lost, (scored[c] - 1).clip(1)) for c in ("score", "continuous")]
    scored = scored.assign(score=lower[0], continuous=lower[1])
    report = group_bias(study, scored, corpus, ["ell"]).set_index("level")
    row = report.loc["(missing)"]
    assert row["n"] >= 290 and row["dsm_high"] < -0.5 and np.isnan(row["p_bh"])
    report = report.reset_index()
    assert outcomes(study, report)[report["level"] == "(missing)"].tolist() == [Outcome.NO_GROUP]
    counted = count_verdicts(study, report).iloc[0]
    assert counted["groups"] == 2 and counted["level"] in ("yes", "no")
    worded = {r.level: read_verdict(r, 30, 0.1) for r in report.itertuples()}
    assert worded["(missing)"] == "attribute missing: no group of examinees, no verdict"
    result = FairnessResult.model_construct(groups=records(report), bound=0.1)
    (line,) = fairness_findings(study, {MACHINES: result}, "machine")
    assert "missing" not in line and "of 2 DSMs" in line
    bands, _ = conditional_group_bias(study, scored, corpus, ["ell"])
    missing = bands.set_index("level").loc["(missing)"]
    assert np.isnan(missing["p_holm"]) and missing["high"] < 0
    assert missing["verdict"] == ConditionalVerdict.INCONCLUSIVE


def test_a_shift_of_all_essays_is_told_apart_from_that_of_a_group(known):
    study, corpus, runs = known
    fair = runs[runs["condition"] == FAIR]
    shifted = fair.assign(continuous=fair["continuous"] - 1, score=(fair["score"] - 1).clip(1))
    report = group_bias(study, shifted, corpus, ["region"])
    large = report[report["n"] > 100]
    assert (large["smd"] < -0.3).all() and (large["verdict"] == Verdict.OUTSIDE).all()
    assert (large["dsm_verdict"] == Verdict.WITHIN).all()
    (row,) = shift_of_all(study, shifted).itertuples()
    assert row.verdict == Verdict.OUTSIDE and row.smd_high < -0.3
    before = group_bias(study, fair, corpus, ["region"])
    assert report["dsm"].tolist() == pytest.approx(before["dsm"].tolist())


def test_groups_without_a_verdict_are_named_with_the_essays_they_need(known):
    study, corpus, runs = known
    few = corpus.assign(region=["east"] * 15 + ["west"] * (len(corpus) - 15))
    report = group_bias(study, runs[runs["condition"] == FAIR], few, ["region"])
    needed = report.set_index("level").loc["east", "essays_needed"]
    result = FairnessResult.model_construct(groups=records(report), bound=0.1)
    (line,) = fairness_findings(study, {MACHINES: result}, "machine")
    n = report.set_index("level").loc["east", "n"]
    assert f"Not judged, with too few essays: region east ({n} essays; " in line
    assert (f"about {needed:,.0f} needed" in line) == (needed > 30)


def test_essays_needed_are_for_data_that_a_fair_machine_could_give(known):
    study, corpus, runs = known
    report = group_bias(study, runs, corpus, ["ell"]).set_index(["condition", "level"])
    assert np.isnan(report.loc[(STRICT, "yes"), "essays_needed"])
    assert report.loc[(FAIR, "yes"), "dsm_low"] < 0 < report.loc[(FAIR, "yes"), "dsm_high"]
    assert report.loc[(FAIR, "yes"), "essays_needed"] > 30


def test_groups_that_do_not_vary_have_no_conditional_bias_and_no_intersection(known):
    study, corpus, runs = known
    bands, association = conditional_group_bias(study, runs, corpus, ["one_level", "all_missing"])
    assert bands.empty and association.empty
    assert intersections(study, runs, corpus, ["one_level", "ell"]).empty


def test_the_error_of_a_mean_over_draws_and_their_trainings():
    """It is that of repeated studies, and its interval covers; more seeds do not shrink draws."""
    rng = np.random.default_rng(8)
    means, errors, covered = [], [], []
    for _ in range(600):
        draws = rng.normal(0, 0.1, 3)
        grid = [(d, s, 0.2 + draws[d] + rng.normal(0, 0.05)) for d in range(3) for s in range(5)]
        table = pd.DataFrame(grid, columns=["draw", "seed", "x"])
        table["x"] += rng.normal(0, 0.03)  # the essays, alike in every run
        pooled = pool_replications(table.assign(key="a", se=0.03), ["key"], "x", 500).iloc[0]
        margin = stats.t.ppf(0.95, pooled["df"]) * pooled["se"]
        means.append(pooled["x"])
        errors.append(pooled["se"] ** 2)
        covered.append(abs(pooled["x"] - 0.2) < margin)
    assert np.sqrt(np.mean(errors)) == pytest.approx(np.std(means), rel=0.1)
    assert 0.87 < np.mean(covered) < 0.97


def test_one_run_has_the_error_of_its_essays():
    table = pd.DataFrame({"key": ["b"], "draw": [1], "seed": [1], "x": [5.0], "se": [0.5]})
    assert pool_replications(table, ["key"], "x", 101).iloc[0].tolist() == ["b", 5, 0.5, 100]


SPARSE = {
    "no groups": {"corpus.columns.groups": "{}"},
    "one machine": {"corpus.columns.machines": "{fair: fair}", "evaluation.comparisons": "[]"},
    "no prompt": {"corpus.columns.prompt": "null"},
    "no second score": {"corpus.columns.second_score": "null"},
    "half points": {"corpus.scale.step": "0.5"},
}


@pytest.mark.parametrize("changes", SPARSE.values(), ids=SPARSE.keys())
@pytest.mark.filterwarnings("error")
def test_a_sparse_table_is_evaluated_and_nothing_warns(study_file, changes):
    study = load_study(str(study_file), [f"{key}={value}" for key, value in changes.items()])
    corpus = load_corpus(study)
    runs, groups = runs_of(corpus, study), group_columns(corpus, study)
    corpus = with_residual(study, corpus, groups)  # as 01_corpus writes it
    table, _ = agreement_by_condition(study, runs)
    measures, rules = measures_by_condition(study, runs, table, corpus.get("score_2"))
    prompts = corpus.set_index("essay_id")["prompt"]
    pairs = compare_all_machines(study, runs, prompts, table)
    assert len(pairs) == len(study.machines) * (len(study.machines) - 1) / 2
    report = group_bias(study, runs, corpus, groups)
    assert set(report["attribute"]) == set(groups)
    machines = {f"machine-{name}" for name in study.machines}
    assert set(measures["condition"]) == set(rules["condition"]) == machines
    bands, _ = conditional_group_bias(study, runs, corpus, groups)
    assert set(bands["attribute"]) == {g for g in groups if g in ("ell", "region")}
    count_verdicts(study, report)
    fairness = {MACHINES: FairnessResult.model_construct(groups=records(report), bound=0.1)}
    each = pairs[["condition_a", "condition_b"]].itertuples(index=False) if len(pairs) else []
    bias = bias_of_pairs(study, runs, each, corpus, groups)
    assert len(bias[bias["attribute"] == EVERYONE]) == len(pairs)
    lines = machine_findings(study, table, pairs, fairness, None, bias)
    assert ("no subgroup could be judged" in lines[-1]) == (not groups)
    assert ("unknown" in " ".join(caveats(study, corpus, groups))) == (
        changes.get("corpus.columns.prompt") == "null" or "score_2" not in corpus
    )


def test_blanks_around_a_group_and_blank_prompts_are_read_alike_everywhere(scores, tmp_path):
    blank = scores.assign(
        region=scores["region"].where(scores.index % 2 == 0, scores["region"] + "  "),
        prompt=scores["prompt"].where(scores.index > 9),
    )
    blank.to_csv(tmp_path / "blank.csv", index=False)
    path = tmp_path / "blank.yaml"
    path.write_text(STUDY.format(file=tmp_path / "blank.csv"))
    corpus = load_corpus(load_study(str(path)))
    assert set(corpus["region"]) == {"north", "south", "an island"}
    assert (corpus["prompt"] == "(missing)").sum() == 10


def test_a_few_second_scores_do_not_void_the_conditional_bias(known):
    study, corpus, runs = known
    few = corpus.assign(score_2=corpus["score_2"].where(corpus.index < 8))
    none = corpus.drop(columns="score_2")
    with_few, without = (conditional_group_bias(study, runs, c, ["ell"])[0] for c in (few, none))
    pd.testing.assert_frame_equal(with_few, without)


def test_a_second_score_of_every_large_group_decides_the_conditional_bias(known):
    study, corpus, runs = known
    bands = conditional_group_bias(study, runs, corpus, ["ell"])[0]
    bands = bands.set_index(["condition", "level"])
    assert (bands["correction"] == Correction.SECOND_RATING).all()
    assert bands.loc[(STRICT, "yes"), "verdict"] == ConditionalVerdict.TOO_LOW
    assert bands.loc[(FAIR, "yes"), "verdict"] not in ("too_low", "too_high")
    alone = corpus.drop(columns="score_2")
    banded = conditional_group_bias(study, runs, alone, ["ell"])[0]
    assert (banded["correction"] == Correction.RELIABILITY).all()


def test_the_conditional_bias_has_the_variance_between_runs(known):
    """Two runs that differ by half a point in one group: their mean, with one degree of freedom."""
    study, corpus, runs = known
    one = runs[runs["condition"] == FAIR]
    yes = one["essay_id"].map(corpus.set_index("essay_id")["ell"]) == "yes"
    other = one.assign(seed=one["seed"] + 1, continuous=one["continuous"] - 0.5 * yes)
    first, second, both = (
        conditional_group_bias(study, frame, corpus, ["ell"])[0].set_index("level").loc["yes"]
        for frame in (one, other, pd.concat([one, other]))
    )
    assert second["smallest"] - first["smallest"] == pytest.approx(-0.5)
    assert both["smallest"] == pytest.approx((first["smallest"] + second["smallest"]) / 2)
    assert second["verdict"] == ConditionalVerdict.TOO_LOW
    assert both["verdict"] == ConditionalVerdict.INCONCLUSIVE
    widths = [band["high"] - band["low"] for band in (first, both)]
    assert widths[0] < 0.5 < 2 < widths[1]


def test_a_shift_of_all_scores_is_reported_and_a_fair_machine_has_none(known):
    study, _, runs = known
    shifted = runs.assign(
        score=runs["score"].where(runs["condition"] != FAIR, (runs["score"] + 1).clip(upper=6))
    )
    for scored, is_shifted in ((runs, False), (shifted, True)):
        table, _ = agreement_by_condition(study, scored)
        _, rules = measures_by_condition(study, scored, table)
        (line,) = shift_findings(rules.assign(student=MACHINES))
        assert "constant -0." in line
        assert ("fair +" in line) == is_shifted
