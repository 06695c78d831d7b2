"""Estimates of a study of machine scores in which people scored some of the essays only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from machine_study import FAIR, STRICT, STUDY, machine_scores, runs_of

from cyborg_utils.analysis.prediction_powered import estimates_of_all, with_unscored
from cyborg_utils.analysis.subgroups import group_bias, shift_of_all
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.reporting import tables
from cyborg_utils.reporting.narrative import prediction_powered as unscored
from cyborg_utils.study.config import load_study

GROUPS = ["ell", "region"]


def loaded(folder, scores: pd.DataFrame):
    scores.to_csv(folder / "scores.csv", index=False)
    text = STUDY.format(file=folder / "scores.csv").replace(", constant: constant", "")
    if "p" in scores:
        text = text.replace("    prompt: prompt\n", "    prompt: prompt\n    probability: p\n")
    (folder / "some.yaml").write_text(text)
    study = load_study(str(folder / "some.yaml"))
    return study, load_corpus(study)


@pytest.fixture(scope="module")
def everyone() -> pd.DataFrame:
    return machine_scores()


@pytest.fixture(scope="module")
def known(everyone, tmp_path_factory):
    """People scored 300 essays, drawn at random; one of each other group is too small."""
    some = everyone.copy()
    drawn = np.random.default_rng(3).permutation(len(some)) < 300
    some["rater_1"] = some["rater_1"].where(drawn)
    some.loc[300:325, "region"] = "east"  # of 26 essays people scored few
    study, corpus = loaded(tmp_path_factory.mktemp("some"), some)
    return study, corpus, estimates_of_all(study, corpus, GROUPS)


def test_both_estimates_stand_beside_each_other(known):
    study, corpus, table = known
    runs = runs_of(corpus, study)
    shift = shift_of_all(study, runs).set_index("condition")["smd"]
    bias = group_bias(study, runs, corpus, ["ell"]).set_index(["condition", "level"])
    found = table.set_index(["condition", "level", "statistic"])
    for machine in (FAIR, STRICT):
        assert found.loc[(machine, "(all)", "smd"), "classical"] == pytest.approx(shift[machine])
        row = found.loc[(machine, "no", "dsm")]
        assert row["classical"] == pytest.approx(bias.loc[(machine, "no"), "dsm"], rel=1e-6)
        mean = found.loc[(machine, "(all)", "mean_human")]
        assert mean["label_equivalents"] > 1.2 * mean["n"] and mean["se"] < mean["classical_se"]
    assert found["n_all"].max() == len(with_unscored(study, corpus))


def test_they_are_those_of_all_essays(known, everyone):
    _, _, table = known
    found = table.set_index(["condition", "level", "statistic"])
    truth = everyone["rater_1"].mean()
    row = found.loc[(FAIR, "(all)", "mean_human")]
    assert row["low"] < truth < row["high"]


def test_small_groups_are_not_shown(known):
    _, corpus, table = known
    few = corpus[corpus["score"].notna()].groupby("region").size()["east"]
    assert 0 < few < 10
    assert not {"an island", "east", "(missing)"} & set(table["level"])
    assert (table["n"] >= 30).all()


def test_the_first_sentence_is_the_assumption(known):
    study, corpus, table = known
    n = int(corpus.dropna(subset=study.machines)["score"].notna().sum())
    text = unscored.assumption(study, corpus)
    assert text.startswith(f"**These estimates hold only if the {n} essays that people scored")
    assert "drawn at random from all of them**, the 1,496" in text
    part = table[~table["statistic"].str.startswith("share_")]
    shown = tables.estimates(unscored.shown_estimates(part), ["condition", "group", "from"])
    assert list(shown["from"][:2]) == [unscored.AUGMENTED, unscored.CLASSICAL]
    assert shown["group"].iloc[0] == shown["group"].iloc[1] == "all essays"
    worth = unscored.label_equivalents(part)
    assert len(worth) == len(shown) / 2 and (worth["mean H"] >= worth["n"]).all()


def test_declared_probabilities_are_used_and_named(everyone, tmp_path):
    p = np.where(everyone["ell"] == "yes", 0.6, 0.15)
    drawn = np.random.default_rng(5).random(len(p)) < p
    some = everyone.assign(p=p, rater_1=everyone["rater_1"].where(drawn))
    some.loc[~drawn, "p"] = np.nan  # unknown of an essay that nobody scored
    study, corpus = loaded(tmp_path, some)
    table = estimates_of_all(study, corpus, GROUPS).set_index(["condition", "level", "statistic"])
    row, truth = table.loc[(STRICT, "(all)", "mean_difference")], everyone.dropna(subset="rater_1")
    unweighted = some["strict"].clip(1, 6).round().sub(some["rater_1"]).mean()
    wanted = truth["strict"].clip(1, 6).round().sub(truth["rater_1"]).mean()
    assert row["low"] < wanted < row["high"]
    assert unweighted < row["low"]
    assert "with the probabilities of column `p`" in unscored.assumption(study, corpus)


def test_where_people_scored_all_there_is_a_sentence_and_no_table(everyone, tmp_path):
    study, corpus = loaded(tmp_path, everyone)
    assert estimates_of_all(study, corpus, GROUPS).empty
    assert "There are no such estimates" in unscored.assumption(study, corpus)
