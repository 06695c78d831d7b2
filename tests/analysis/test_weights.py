"""A study whose essays were drawn with unequal, known probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from machine_study import FAIR, STRICT, STUDY, machine_scores, runs_of

from cyborg_utils.analysis.agreement import (
    agreement_by_condition,
    compare_all_machines,
    shares_of_runs,
)
from cyborg_utils.analysis.error_profile import accuracy_of, by_score_point, confusion
from cyborg_utils.analysis.measures import measures_by_condition
from cyborg_utils.analysis.second_rater import compare_with_second_rater
from cyborg_utils.analysis.subgroups import group_bias, shift_of_all
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.reporting.narrative.corpus import not_compared_note
from cyborg_utils.statistics.agreement import compare_machines, quadratic_weighted_kappa
from cyborg_utils.statistics.fairness import group_differences, group_report
from cyborg_utils.statistics.replications import Runs, resample_runs
from cyborg_utils.study.config import load_study

GROUPS = ["ell", "region"]


def study_of(folder, scores: pd.DataFrame):
    scores.to_csv(folder / "scores.csv", index=False)
    text = STUDY.format(file=folder / "scores.csv").replace("500", "200")
    text = text.replace(", constant: constant", "")
    if "p" in scores:
        text = text.replace("    prompt: prompt\n", "    prompt: prompt\n    probability: p\n")
    (folder / "drawn.yaml").write_text(text)
    study = load_study(str(folder / "drawn.yaml"))
    corpus = load_corpus(study)
    return study, corpus, runs_of(corpus, study)


@pytest.fixture(scope="module")
def everyone() -> pd.DataFrame:
    return machine_scores()


@pytest.fixture(scope="module")
def known(everyone, tmp_path_factory):
    """Examinees with ell = yes are drawn four times as often: `strict` scores them too low."""
    p = np.where(everyone["ell"] == "yes", 0.9, 0.225)
    drawn = np.random.default_rng(4).random(len(p)) < p
    return study_of(tmp_path_factory.mktemp("drawn"), everyone.assign(p=p)[drawn])


@pytest.fixture(scope="module")
def equal(everyone, tmp_path_factory):
    return study_of(tmp_path_factory.mktemp("equal"), everyone.assign(p=0.25))


@pytest.fixture(scope="module")
def unweighted(everyone, tmp_path_factory):
    return study_of(tmp_path_factory.mktemp("unweighted"), everyone)


def tables_of(study, corpus, runs) -> dict[str, pd.DataFrame]:
    """All tables of the machines' report that take weights."""
    by_id = corpus.set_index("essay_id")
    second, prompts = by_id["score_2"], by_id["prompt"]
    agreement, _ = agreement_by_condition(study, runs)
    measures, rules = measures_by_condition(study, runs, agreement, second)
    return {
        "agreement": agreement, "measures": measures, "rules": rules,
        "pairs": compare_all_machines(study, runs, prompts, agreement),
        "bias": group_bias(study, runs, corpus, GROUPS), "shift": shift_of_all(study, runs),
        "shares": shares_of_runs(runs, study.labels), "points": by_score_point(study, runs, second),
        "confusion": confusion(study, runs), "accuracy": accuracy_of(study, runs, second),
        "second": compare_with_second_rater(study, runs, corpus, GROUPS, second),
    }  # fmt: skip


@pytest.fixture(scope="module")
def plain_tables(unweighted):
    return tables_of(*unweighted)


@pytest.mark.long
def test_equal_probabilities_change_no_estimate(equal, unweighted, plain_tables):
    assert "weight" in equal[2] and "weight" not in unweighted[2]
    found = tables_of(*equal)
    for name, plain in plain_tables.items():
        estimates = plain.select_dtypes("number").filter(regex="^(?!.*(se|low|high|p|p_.*|df)$)")
        weighted = found[name][estimates.columns]
        pd.testing.assert_frame_equal(weighted, estimates, rtol=1e-9, atol=1e-12, check_dtype=False)
        if "verdict" in plain:
            assert (found[name]["verdict"] == plain["verdict"]).mean() > 0.97
    limits = [t["pairs"].loc[0, ["low", "high"]].astype(float) for t in (found, plain_tables)]
    assert limits[0].to_numpy() == pytest.approx(limits[1].to_numpy(), abs=0.004)


@pytest.mark.long
def test_the_weighted_report_is_of_the_population_and_not_of_the_draw(known, plain_tables):
    of_drawn, of_all = tables_of(*known), plain_tables
    runs = known[2].drop(columns="weight")
    of_plain = shift_of_all(known[0], runs).set_index("condition")
    shift, truth = (t["shift"].set_index("condition") for t in (of_drawn, of_all))
    assert shift.loc[STRICT, "smd"] == pytest.approx(truth.loc[STRICT, "smd"], abs=0.03)
    assert of_plain.loc[STRICT, "smd"] < truth.loc[STRICT, "smd"] - 0.08
    qwk, wanted = (t["agreement"].set_index("condition") for t in (of_drawn, of_all))
    for machine in (FAIR, STRICT):
        row = qwk.loc[machine]
        assert row["low"] < wanted.loc[machine, "qwk"] < row["high"]
    # A subgroup in which all were drawn alike is what it was, and its DSM refers to the population.
    bias, every = (t["bias"].set_index(["condition", "level"]) for t in (of_drawn, of_all))
    assert bias.loc[(STRICT, "yes"), "dsm"] == pytest.approx(
        every.loc[(STRICT, "yes"), "dsm"], abs=0.06
    )
    assert bias.loc[(STRICT, "yes"), "dsm_verdict"] == "outside"


def test_intervals_contain_the_design_effect(known):
    study, _, runs = known
    weighted, plain = (
        agreement_by_condition(study, r)[0].set_index("condition")["se"]
        for r in (runs, runs.drop(columns="weight"))
    )
    assert (weighted[[FAIR, STRICT]] > 1.03 * plain[[FAIR, STRICT]]).all()


def test_the_report_says_how_essays_count(known, unweighted):
    study, corpus, runs = known
    note = not_compared_note(study, corpus)
    w = runs.drop_duplicates("essay_id")["weight"]
    assert f"design effect is {(w**2).mean() / w.mean() ** 2:.2f}" in note
    assert f"count as {w.sum() ** 2 / (w**2).sum():,.0f} equally" in note
    assert "weighted" not in not_compared_note(*unweighted[:2])


def test_scored_essays_without_a_probability_are_refused(everyone, tmp_path):
    scores = everyone.assign(p=0.5)
    scores.loc[200:210, "p"] = np.nan
    with pytest.raises(CorpusError, match="11 scored essays have no probability above 0"):
        study_of(tmp_path, scores)


def test_whole_weights_are_repeated_essays(everyone):
    """In the functions of the package."""
    frame = everyone.dropna(subset=["rater_1", "fair", "ell"]).iloc[:300].reset_index(drop=True)
    frame["w"] = np.random.default_rng(1).integers(1, 4, len(frame)).astype(float)
    again = frame.loc[np.repeat(frame.index, frame["w"].astype(int))]
    options = {"human": "rater_1", "machine": "fair", "labels": range(1, 7)}
    names = ["mean_human", "mean_machine", "qwk", "exact", "adjacent"]
    weighted, repeated = (
        group_differences(f, ["ell"], **options, **w).set_index("level")
        for f, w in ((frame, {"weights": "w"}), (again, {}))
    )
    assert np.allclose(weighted[names], repeated.loc[weighted.index, names])
    assert np.allclose(weighted["smd"], repeated.loc[weighted.index, "smd"], rtol=0.02)
    assert (weighted["n_effective"] < weighted["n"]).all()
    report = group_report(frame, ["ell"], **options, weights="w").set_index("level")
    assert np.allclose(report["qwk"], weighted["qwk"])
    assert ((report["qwk_low"] < report["qwk"]) & (report["qwk"] < report["qwk_high"])).all()
    h, m = frame["rater_1"], np.clip(np.rint(frame[["fair", "strict"]]), 1, 6)
    arms = {name: Runs(m[[name]].to_numpy().T, np.array(["1"]), np.array(["1"])) for name in m}
    resampled = resample_runs(h, arms, range(1, 7), 200, weights=frame["w"])
    compared = compare_machines(h, m["fair"], m["strict"], range(1, 7), weights=frame["w"])
    for name, column in (("a", "fair"), ("b", "strict")):
        kappa = quadratic_weighted_kappa(again["rater_1"], m.loc[again.index, column], range(1, 7))
        assert resampled.estimates[column] == pytest.approx(kappa)
        assert compared[name] == pytest.approx(kappa)
    spread = (resampled.replicates["fair"] - resampled.replicates["strict"]).std()
    assert compared["se"] == pytest.approx(spread, rel=0.2)
    with pytest.raises(ValueError, match="give no cluster"):
        compare_machines(h, h, h, range(1, 7), weights=frame["w"], cluster=frame["prompt"])
