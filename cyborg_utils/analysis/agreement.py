"""Agreement and score distributions of arms and machines, from their runs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.analysis.disclosure import shown_levels
from cyborg_utils.analysis.predictions import hard_only, weights_of, with_fields
from cyborg_utils.statistics.agreement import compare_machines
from cyborg_utils.statistics.contrasts import arm_table, compare_arms, equivalent_labels, retention
from cyborg_utils.statistics.groups import group_levels, suppress_small_cells
from cyborg_utils.statistics.hypothesis_tests import benjamini_hochberg, holm, holm_alphas
from cyborg_utils.statistics.replications import Resampled, resample_runs, runs_from_frame
from cyborg_utils.study.design import Condition
from cyborg_utils.study.schema.study import HARD, Study


def agreement_by_condition(
    study: Study,
    runs: pd.DataFrame,
    prompts: pd.Series | None = None,
    same_trainings: bool = False,
) -> tuple[pd.DataFrame, Resampled]:
    """QWK of every condition of one Student with 95 % intervals over essays, draws and trainings.

    Parameters
    ----------
    prompts : the prompt of each essay, by its id; if passed, whole prompts are resampled and the
        intervals are for new prompts like these instead of new essays on these.
    same_trainings : whether the conditions are of the same trainings, such as two calibrations of
        one Student, so that they are compared within a run.

    Returns
    -------
    (table: one row per condition with its fields, `n_human, n_train, truncated, n_runs` and the
    columns of `arm_table`; the resampled QWKs from which comparisons are made)
    """
    human, arms = runs_from_frame(runs, arm="condition")
    cluster = None if prompts is None else prompts.loc[human.index]
    size, by_essay = study.evaluation.replicates, runs.drop_duplicates("essay_id")
    weights = weights_of(by_essay.set_index("essay_id").loc[human.index])
    resampled = resample_runs(
        human, arms, study.labels, size, cluster, same_trainings=same_trainings, weights=weights
    )
    counts = runs.drop_duplicates("condition").set_index("condition")
    counts = counts[["n_human", "n_train", "truncated"]]
    counts["n_runs"] = runs.groupby("condition")[["draw", "seed"]].apply(
        lambda r: len(r.drop_duplicates())
    )
    table = counts.join(arm_table(resampled)).rename_axis("condition").reset_index()
    return with_fields(table, runs), resampled


def comparisons(study: Study, table: pd.DataFrame, resampled: Resampled) -> pd.DataFrame:
    """Cyborg against human-only and against full at every fraction, paired.

    Returns
    -------
    frame, one row per cyborg condition with its fields: `gain` (cyborg - human-only) with interval
    and p; `loss` (cyborg - full) with interval, one-sided `lower` bound, the declared margin,
    `non_inferior` and `p_non_inferior`; of both `_se`, `_df` and `_population`, what the interval
    generalizes to; `retention` of the gain of full with its interval, or `no_interval`, the reason
    why it has none; `worth`, the human-label equivalent, and `worth_off_curve`, which of its three
    values lie off the label-budget curve, whose ends are `curve_from` and `curve_to` labels.
    """
    rows = []
    human = table[table["arm"] == "human"].set_index("fraction")
    full = next(iter(table.loc[table["arm"] == "full", "condition"]), None)
    curve = dict(zip(human["n_human"], human["condition"], strict=True))
    if full is not None:
        curve[int(table.loc[table["condition"] == full, "n_human"].iloc[0])] = full
    for row in table[table["arm"] == "cyborg"].itertuples():
        compared = {"condition": row.condition}
        human_only = human["condition"].get(row.fraction)
        if human_only is not None:
            gain = compare_arms(resampled, row.condition, human_only)
            compared |= {"gain": gain["difference"], "gain_low": gain["low"],
                         "gain_high": gain["high"], "gain_se": gain["se"],
                         "gain_df": gain["df"], "p": gain["p"],
                         "gain_population": gain["population"]}  # fmt: skip
        if full is not None:
            margin = study.evaluation.non_inferiority_margin
            loss = compare_arms(resampled, row.condition, full, margin=margin)
            compared |= {"loss": loss["difference"], "loss_low": loss["low"],
                         "loss_high": loss["high"], "loss_population": loss["population"],
                         "loss_se": loss["se"], "loss_df": loss["df"],
                         **loss[["lower", "margin", "non_inferior", "p_non_inferior"]]}  # fmt: skip
        if human_only is not None and full is not None:
            retained = retention(resampled, row.condition, human_only, full)
            compared |= {"retention": retained["retention"], "retention_low": retained["low"],
                         "retention_high": retained["high"],
                         "no_interval": retained["no_interval"]}  # fmt: skip
        if len(curve) > 1:
            worth = equivalent_labels(resampled, row.condition, curve)
            off = " ".join(worth["off_curve"])
            compared |= {"worth": worth["labels"], "worth_low": worth["low"],
                         "worth_high": worth["high"], "worth_off_curve": off,
                         "curve_from": min(curve), "curve_to": max(curve)}  # fmt: skip
        rows.append(compared)
    return with_fields(pd.DataFrame(rows), table) if rows else pd.DataFrame()


def last_steps(study: Study, table: pd.DataFrame, resampled: Resampled) -> pd.DataFrame:
    """The gain of the last step of each label-budget curve, for a study where U can still grow:
    human-only, and hard labels by each Teacher.

    Returns
    -------
    frame, one row per curve of at least two points: its last condition with its fields, `qwk,
    n_before, n_last` (hand-scored train essays), `gain` in QWK from the one to the other, `low,
    high` (95 %, paired), the `Population` of the interval
    """
    rows = []
    curves = hard_only(table[table["arm"].isin(["human", "cyborg"])])
    for _, curve in curves.groupby(["arm", "teacher"], dropna=False, sort=False):
        if len(curve) < 2 or "full" in study.arms:
            continue
        before, last = curve.sort_values("n_human").iloc[-2:].itertuples()
        gain = compare_arms(resampled, last.condition, before.condition)
        rows.append(
            {"condition": last.condition, "qwk": last.qwk, "n_before": before.n_human,
             "n_last": last.n_human, "gain": gain["difference"], "low": gain["low"],
             "high": gain["high"], "population": gain["population"]}
        )  # fmt: skip
    return with_fields(pd.DataFrame(rows), table) if rows else pd.DataFrame()


def adjust_confirmatory(compared: pd.DataFrame, primary_fraction: float) -> pd.DataFrame:
    """Adjust the confirmatory families by Holm's procedure, at an error rate of 0.05.

    A family is cyborg data with hard labels at the primary fraction, every Student and Teacher:
    one of its differences from human-only, one of its tests of non-inferiority. The others are
    exploratory and have no adjusted value.

    Returns
    -------
    `compared` with `p_holm, gain_low_holm, gain_high_holm` and `p_non_inferior_holm, lower_holm`,
    the limits at the level at which Holm's procedure tests them; `non_inferior` of the family is
    the adjusted verdict
    """
    compared = compared.copy()
    family = (compared["fraction"] == primary_fraction) & (compared["strategy"] == HARD.name)
    if "gain" in compared:
        p = compared["p"].where(family)
        t = stats.t.isf(holm_alphas(p) / 2, compared["gain_df"].astype(float))
        compared["p_holm"] = holm(p)
        compared["gain_low_holm"] = compared["gain"] - t * compared["gain_se"]
        compared["gain_high_holm"] = compared["gain"] + t * compared["gain_se"]
    if "loss" in compared:
        p = compared["p_non_inferior"].where(family)
        t = stats.t.isf(holm_alphas(p), compared["loss_df"].astype(float))
        compared["p_non_inferior_holm"] = holm(p)
        compared["lower_holm"] = compared["loss"] - t * compared["loss_se"]
        shown = compared["lower_holm"] > -compared["margin"]
        compared["non_inferior"] = compared["non_inferior"].mask(family, shown).astype(bool)
    return compared


def compare_all_machines(
    study: Study, runs: pd.DataFrame, prompts: pd.Series, table: pd.DataFrame
) -> pd.DataFrame:
    """Every pair of machines, paired on the same essays; `table` is of `agreement_by_condition`.

    Pairs that the study declares are the confirmatory family (`p_adjusted` by Holm); the others
    are exploratory (Benjamini-Hochberg), the better machine first.

    Returns
    -------
    frame, one row per pair: `condition_a, condition_b, declared, difference` (QWK of a minus b),
    `low, high` (95 %, new essays on these prompts), `p, p_adjusted`, `adjusted_low, adjusted_high`
    (the interval at the level of Holm's procedure; NaN for exploratory pairs), `new_prompts_low,
    new_prompts_high` (NaN where the prompts are too few, or essays have sampling weights).
    """
    first = runs.drop_duplicates(["condition", "essay_id"])
    scores = first.pivot(index="essay_id", columns="condition", values="score")
    essays = first.drop_duplicates("essay_id").set_index("essay_id").loc[scores.index]
    human, weights = essays["human"], weights_of(essays)
    ranked = table.sort_values("qwk", ascending=False)["condition"]
    declared = [
        tuple(Condition("machine", name).condition_id for name in pair)
        for pair in study.evaluation.comparisons
    ]
    declared_sets = {frozenset(pair) for pair in declared}
    rows, size = [], {"n_replicates": study.evaluation.replicates, "weights": weights}
    for a, b in declared + [
        p for p in combinations(ranked, 2) if frozenset(p) not in declared_sets
    ]:
        pair = human, scores[a], scores[b], study.labels
        paired, by_prompt = compare_machines(*pair, **size), {"low": np.nan, "high": np.nan}
        if weights is None:  # weights are for new essays only
            by_prompt = compare_machines(*pair, cluster=prompts.loc[human.index], **size)
        rows.append(
            {"condition_a": a, "condition_b": b, "declared": (a, b) in declared,
             "difference": paired["difference"], "low": paired["low"], "high": paired["high"],
             "p": paired["p"], "new_prompts_low": by_prompt["low"],
             "new_prompts_high": by_prompt["high"]}
        )  # fmt: skip
    pairs = pd.DataFrame(rows)
    if pairs.empty:
        return pairs
    adjusted = np.where(
        pairs["declared"],
        holm(pairs["p"].where(pairs["declared"])),
        benjamini_hochberg(pairs["p"].mask(pairs["declared"])),
    )
    after_p = pairs.columns.get_loc("p") + 1
    pairs.insert(after_p, "p_adjusted", adjusted)
    alphas = holm_alphas(pairs["p"].where(pairs["declared"]))
    limits = [
        compare_machines(human, scores[a], scores[b], study.labels, **size, level=1 - alpha)
        if np.isfinite(alpha)
        else {"low": np.nan, "high": np.nan}
        for a, b, alpha in zip(pairs["condition_a"], pairs["condition_b"], alphas, strict=True)
    ]
    pairs.insert(after_p + 1, "adjusted_low", [limit["low"] for limit in limits])
    pairs.insert(after_p + 2, "adjusted_high", [limit["high"] for limit in limits])
    return pairs


HUMAN = "human"  # the source of human scores, next to conditions


def score_shares(scores: dict[str, pd.Series], labels: list) -> pd.DataFrame:
    """Proportion of essays at each score: one row per score point, one column per source."""
    shares = {source: values.value_counts(normalize=True) for source, values in scores.items()}
    return pd.DataFrame(shares).reindex(labels).fillna(0).rename_axis("score")


def shares_of_runs(runs: pd.DataFrame, labels: list) -> pd.DataFrame:
    """`score_shares` of the human scores, then of every condition over its runs."""
    first = runs.drop_duplicates("essay_id")
    machines = dict(iter(runs.groupby("condition", sort=False)))
    if "weight" not in runs:
        scores = {name: run["score"] for name, run in machines.items()}
        return score_shares({HUMAN: first["human"], **scores}, labels)
    sources = {HUMAN: first.assign(score=first["human"]), **machines}
    shares = {name: run.groupby("score")["weight"].sum() for name, run in sources.items()}
    shares = pd.DataFrame(shares).reindex(labels).fillna(0)
    return (shares / shares.sum()).rename_axis("score")


def shares_by_level(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """Proportion of essays at each score by subgroup of a reportable size, human and of every
    condition; small cells are suppressed.

    Returns
    -------
    frame `attribute, level, n, source` ("human" or a condition), `score, share`
    """
    first = runs.drop_duplicates("essay_id").assign(condition=HUMAN)
    scores = pd.concat([first.assign(score=first["human"]), runs])
    scores = scores[["essay_id", "condition", "score", *({"weight"} & set(scores))]]
    by_id = corpus.set_index("essay_id")
    parts = []
    for attribute in groups:
        _, levels = group_levels(by_id, attribute)
        leveled = scores.assign(level=scores["essay_id"].map(levels))
        n = leveled[leveled["condition"] == HUMAN].groupby("level").size()
        shown = shown_levels(study, by_id.loc[first["essay_id"]], attribute)
        large = n[(n >= study.evaluation.min_group) & n.index.isin(shown)]
        for level in large.sort_values(ascending=False).index:
            part = leveled[leveled["level"] == level]
            of_level = part.groupby("condition", sort=False)["score"]
            share = of_level.value_counts(normalize=True).unstack().reindex(columns=study.labels)
            share = _without_small(share.fillna(0), int(n[level]), study.least_shown)
            if "weight" in part:
                sums = part.groupby(["condition", "score"])["weight"].sum().unstack()
                weighted = sums.div(sums.sum(axis=1), axis=0).reindex_like(share).fillna(0)
                share = weighted.where(share.notna())
            tidy = share.rename_axis(index="source", columns="score").stack().dropna()
            tidy = tidy.rename("share").reset_index()
            parts.append(tidy.assign(attribute=attribute, level=level, n=int(n[level])))
    columns = ["attribute", "level", "n", "source", "score", "share"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _without_small(shares: pd.DataFrame, n: int, least: int) -> pd.DataFrame:
    """Proportions of `n` essays, one row per source; NaN where they would reveal small cells."""
    if least == 1:  # nothing is suppressed of simulated essays
        return shares
    suppressed = shares.apply(lambda row: suppress_small_cells((row * n).round(6), least), axis=1)
    only_zeros = (suppressed | (shares == 0)).all(axis=1)  # no figure of zeros alone
    return shares.mask(suppressed).mask(only_zeros)
