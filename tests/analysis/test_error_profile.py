"""How machines of known quality err: by score point, cut, prompt, second rater, criterion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from machine_study import CONSTANT, FAIR, STRICT, STUDY, machine_scores, runs_of

from cyborg_utils.analysis.error_profile import (
    SECOND_RATER,
    accuracy_of,
    at_cut_scores,
    by_prompt,
    by_score_point,
    confusion,
)
from cyborg_utils.analysis.measures import Rule, RuleVerdict
from cyborg_utils.analysis.second_rater import (
    EVERYONE,
    against_criterion,
    compare_with_second_rater,
)
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.statistics.agreement import agreement_rates
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import ParameterError

CUTS = "evaluation.cut_scores=[3, 4]"


def loaded(folder, frame: pd.DataFrame, *settings: str) -> tuple:
    """A study of machine scores, its corpus and its runs."""
    frame.to_csv(folder / "scores.csv", index=False)
    path = folder / "machines.yaml"
    path.write_text(STUDY.format(file=folder / "scores.csv"))
    study = load_study(str(path), [CUTS, *settings])
    corpus = load_corpus(study)
    return study, corpus, runs_of(corpus, study)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return loaded(tmp_path_factory.mktemp("known"), machine_scores())


@pytest.fixture(scope="module")
def second(known):
    return known[1].set_index("essay_id")["score_2"]


def rows(table: pd.DataFrame, condition: str, **keys) -> pd.DataFrame:
    of = (table[["condition", *keys]] == pd.Series({"condition": condition, **keys})).all(axis=1)
    return table[of].set_index("statistic")


def test_error_by_score_point_is_of_the_runs_scores(known, second):
    study, _, runs = known
    table = by_score_point(study, runs, second)
    fair = runs[(runs["condition"] == FAIR) & (runs["human"] == 3)]
    found = rows(table, FAIR, score=3)
    assert found.loc["bias", "estimate"] == pytest.approx((fair["continuous"] - 3).mean())
    assert found.loc["exact", "estimate"] == pytest.approx((fair["score"] == 3).mean())
    assert found.loc["bias", "low"] < found.loc["bias", "estimate"] < found.loc["bias", "high"]
    assert (found["n"] == len(fair)).all()
    # a machine that follows true scores errs towards the mean at both ends, as a second rater does
    for condition in (FAIR, SECOND_RATER):
        assert rows(table, condition, score=1).loc["bias", "low"] > 0
        assert rows(table, condition, score=5).loc["bias", "high"] < 0


def test_a_constant_machine_errs_by_the_distance(known):
    study, _, runs = known
    found = rows(by_score_point(study, runs), CONSTANT, score=5)
    assert found.loc["bias", "estimate"] == -2 and found.loc["exact", "estimate"] == 0
    assert 0 < found.loc["exact", "high"] < 0.2  # 0 of these essays is not 0 of all


def test_shares_of_the_confusion_matrix_add_up_to_one(known):
    study, _, runs = known
    table = confusion(study, runs)
    totals = table.groupby(["condition", "human"])["share"].sum(min_count=1)
    assert totals.dropna().to_numpy() == pytest.approx(1)
    assert totals.xs(6, level="human").isna().all()  # no essay has the human score 6
    assert table.groupby("condition")["essays"].sum().to_numpy() == pytest.approx(1493)


def test_cut_scores_have_people_beside_the_machine(known, second):
    study, _, runs = known
    table = at_cut_scores(study, runs, second)
    found = rows(table, FAIR, cut=3)
    assert found.loc["accuracy", "n"] == 1493 and found.loc["consistency", "n"] < 400
    assert found.loc["accuracy_loss", "low"] < 0  # it agrees with raters better than they do
    fair = runs[runs["condition"] == FAIR]
    alike = ((fair["human"] >= 3) == (fair["score"] >= 3)).mean()
    assert found.loc["accuracy", "estimate"] == pytest.approx(alike)
    assert at_cut_scores(study, runs)["statistic"].isin(["consistency"]).sum() == 0


@pytest.mark.parametrize("cuts", ["[1]", "[7]", "[3, 3]"])
def test_a_cut_outside_the_scale_is_refused(tmp_path, cuts):
    with pytest.raises(ParameterError, match=r"evaluation\.cut_scores"):
        loaded(tmp_path, machine_scores(), f"evaluation.cut_scores={cuts}")


def test_a_mean_of_two_ratings_is_predicted_better_than_one(known, second):
    study, _, runs = known
    table = accuracy_of(study, runs, second)
    one = rows(table, FAIR, criterion="human_of_double_scored")
    two = rows(table, FAIR, criterion="mean_of_two")
    assert (one["n"] == two["n"]).all()
    assert two.loc["correlation", "estimate"] > one.loc["correlation", "estimate"]
    assert two.loc["rmse", "estimate"] < one.loc["rmse", "estimate"]
    prmse = rows(table, FAIR, criterion="true_score").loc["prmse"]
    assert prmse["low"] < 1 - 0.35**2 / 0.9**2 < prmse["high"] and prmse["n"] == 1493
    assert "true_score" not in set(accuracy_of(study, runs)["criterion"])


def test_a_declared_rater_variance_gives_prmse_without_second_ratings(tmp_path, known, second):
    study, corpus, runs = loaded(tmp_path, machine_scores(), "evaluation.rater_variance=0.3")
    declared = rows(accuracy_of(study, runs), FAIR, criterion="true_score").loc["prmse"]
    estimated = rows(accuracy_of(*known[::2], second), FAIR, criterion="true_score").loc["prmse"]
    assert declared["estimate"] == pytest.approx(estimated["estimate"], abs=0.06)
    table = compare_with_second_rater(study, runs, corpus, ["ell"])
    assert "prmse" in rows(table, FAIR, level="yes").index


def test_criteria_hold_on_each_prompt(known, second):
    study, corpus, runs = known
    prompts = corpus.set_index("essay_id")["prompt"]
    worse = (runs["condition"] == FAIR) & (runs["essay_id"].map(prompts) == "p3")
    other = runs.assign(
        score=runs["score"].mask(worse, 3), continuous=runs["continuous"].mask(worse, 3.1)
    )
    table = by_prompt(study, other, prompts, second)
    kappas = table[(table["condition"] == FAIR) & (table["rule"] == Rule.QWK)].set_index("prompt")
    assert len(kappas) == 12 and kappas["n"].sum() == 1493
    assert kappas.loc["p3", "verdict"] == RuleVerdict.BROKEN
    assert (kappas.drop("p3")["verdict"] != RuleVerdict.BROKEN).all()
    few = by_prompt(study, runs[runs["essay_id"].map(prompts) != "p3"], prompts)
    assert "p3" not in set(few["prompt"])
    assert not few["rule"].str.contains("degradation").any()


def test_a_prompt_of_few_essays_is_not_shown(known):
    study, corpus, runs = known
    few = corpus["prompt"].mask(corpus.index < 5, "rare").set_axis(corpus["essay_id"])
    assert "rare" not in set(by_prompt(study, runs, few)["prompt"])


def test_a_second_rater_is_the_reference_of_a_subgroup(known, second):
    study, corpus, runs = known
    table = compare_with_second_rater(study, runs, corpus, ["ell", "region"], second)
    rater, strict = (rows(table, STRICT, level="yes").loc[f"smd_{s}"] for s in ("human", "machine"))
    assert rater["low"] < 0 < rater["high"] and strict["high"] < -0.2
    assert rater["n"] == strict["n"] < 200
    whole = rows(table, FAIR, attribute=EVERYONE)
    fair = runs[runs["condition"] == FAIR]
    rate = 1 - agreement_rates(fair["human"], fair["score"])["adjacent"]
    assert whole.loc["adjudication_machine", "estimate"] == pytest.approx(rate)
    assert whole.loc["adjudication_machine", "n"] == 1493
    assert {"(missing)", "an island"}.isdisjoint(table["level"])  # no group, and one essay


def test_without_second_ratings_only_the_machine_is_shown(known):
    study, corpus, runs = known
    table = compare_with_second_rater(study, runs, corpus, ["ell"])
    assert set(table["statistic"]) == {"adjudication_machine"}


def test_few_double_scored_essays_of_a_subgroup_show_nothing_of_two_raters(known, second):
    """Nor do the others together, from which subtraction would show them."""
    study, corpus, runs = known
    corpus = corpus.assign(ell=corpus["ell"].fillna("no"))
    double = second.dropna().index
    yes = corpus.set_index("essay_id").loc[double, "ell"] == "yes"
    kept = second.drop(double[yes.to_numpy()][2:])  # two essays of ell = yes have two ratings
    table = compare_with_second_rater(study, runs, corpus, ["ell"], kept)
    of_two = table["statistic"].str.endswith("_human")
    assert set(table.loc[of_two, "attribute"]) == {EVERYONE}
    assert set(table.loc[table["attribute"] == "ell", "level"]) == {"yes", "no"}


def test_an_external_criterion_is_of_the_study_and_not_of_the_machine(tmp_path):
    frame = machine_scores()
    rng = np.random.default_rng(3)
    outside = frame["fair"].fillna(3) + rng.normal(0, 0.8, len(frame))
    frame = frame.assign(section=outside.where(frame.index % 5 > 0))
    study, corpus, runs = loaded(tmp_path, frame, "corpus.columns.criterion=section")
    table = against_criterion(study, runs, corpus, ["ell"])
    whole = rows(table, FAIR, attribute=EVERYONE)
    assert whole.loc["criterion_difference", "low"] > 0  # the criterion was made of this machine
    assert whole.loc["partial_machine", "low"] > 0
    assert whole["n"].max() < 1200
    fair, strict = (rows(table, c, level="yes").loc["matched_difference"] for c in (FAIR, STRICT))
    assert fair["low"] < 0.05 and fair["high"] > -0.05
    assert strict["high"] < -0.3
    assert against_criterion(study, runs, corpus.drop(columns="criterion"), ["ell"]).empty
