"""Paired comparison of two scorers of the same essays: agreement, severity, bias by subgroup.

All functions take frames of runs of `cyborg_utils.analysis.predictions.collect_runs`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.analysis.disclosure import shown_levels
from cyborg_utils.analysis.predictions import with_fields
from cyborg_utils.corpus.columns import probability_columns
from cyborg_utils.labeling.strategies import DECODING_RULES, decode_scores
from cyborg_utils.statistics.bootstrap import (
    PAIR_STATISTICS,
    observed_cells,
    pair_features,
    pair_statistics,
)
from cyborg_utils.statistics.groups import MISSING, group_levels
from cyborg_utils.statistics.hypothesis_tests import benjamini_hochberg
from cyborg_utils.statistics.replications import pool_replications
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.statistics.variance_components import ONCE
from cyborg_utils.study.design import Condition
from cyborg_utils.study.schema.study import Study

OVERALL = ("qwk", "smd", "sd_ratio")
TOP_SHARE = "top_share"
STATISTICS = (*OVERALL, TOP_SHARE)
EVERYONE = "(all)"  # in place of an attribute, or of a prompt
COLUMNS = [
    "attribute", "level", "n", "statistic", "a", "b", "difference", "low", "high", "p", "p_bh",
]  # fmt: skip


def paired_statistics(
    human, a, b, top: float, n_replicates: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Statistics of two machines on the same essays, with the error of their difference.

    Parameters
    ----------
    human, a, b : scores on the scale, shape (n,).
    top : the lower of the two highest scores of the scale.

    Returns
    -------
    frame `statistic` (qwk, smd, sd_ratio, top_share), `a, b, difference, se`; `se` is over essays,
    by resampling them
    """
    human, a, b = (np.asarray(v, dtype=float) for v in (human, a, b))
    cells, counts, _ = observed_cells(human, a, b)
    n = counts.sum()
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=n_replicates)
    weights = np.vstack([counts, drawn]) / n  # the essays themselves, then the replicates
    chosen = [PAIR_STATISTICS.index(name) for name in OVERALL]
    statistics = []
    for machine in (1, 2):
        features = pair_features(cells[:, 0], cells[:, machine])
        high = weights @ (cells[:, machine] >= top)
        statistics.append(
            np.column_stack([pair_statistics(weights @ features, n)[:, chosen], high])
        )
    difference = statistics[0] - statistics[1]
    return pd.DataFrame(
        {
            "statistic": STATISTICS,
            "a": statistics[0][0],
            "b": statistics[1][0],
            "difference": difference[0],
            "se": pd.DataFrame(difference[1:]).std().to_numpy(),
        }
    )


def changes(
    study: Study, a: pd.DataFrame, b: pd.DataFrame, corpus: pd.DataFrame, groups: list[str]
) -> pd.DataFrame:
    """Differences between `a` and `b`, in runs of the same draw and seed on the same essays.

    Essays and draws are paired. Trainings are independent: an equal seed number on other data is
    another training, and adds its variance on both sides. The seed of a side without random
    training (`ONCE`) fits every seed of the other.

    Returns
    -------
    frame of the columns `COLUMNS`: one row per statistic over all essays, and for the SMD of
    every subgroup of a reportable size. `difference` is a - b with its 95 % interval over essays,
    draws and seeds; `p_bh` is adjusted over the subgroups (Benjamini-Hochberg)
    """
    run = ["draw", "seed", "essay_id"]
    if (a["seed"] == ONCE).all():  # no random training: the same scores beside every seed
        a, b, sides = b, a, ("_b", "_a")
    else:
        sides = ("_a", "_b")
    keys = ["draw", "essay_id"] if (b["seed"] == ONCE).all() else run
    scores = b[[*keys, "score"]]
    both = a[[*run, "human", "score"]].merge(scores, on=keys, suffixes=sides)
    if both.empty:
        return pd.DataFrame(columns=COLUMNS)
    by_id = corpus.set_index("essay_id")
    levels = {group: group_levels(by_id, group)[1] for group in groups}
    essays = by_id.loc[both["essay_id"].unique()]
    shown = {group: shown_levels(study, essays, group) for group in groups}
    rows = []
    for (draw, seed), part in both.groupby(["draw", "seed"], sort=False):
        strata = [(EVERYONE, "", part)]
        for group, level in levels.items():
            by_level = part.groupby(part["essay_id"].map(level))
            strata += [(group, at, s) for at, s in by_level if at in shown[group] and at != MISSING]
        for attribute, level, essays in strata:
            if attribute != EVERYONE and len(essays) < study.evaluation.min_group:
                continue
            table = paired_statistics(
                essays["human"], essays["score_a"], essays["score_b"], study.labels[-2]
            )
            if attribute != EVERYONE:
                table = table[table["statistic"] == "smd"]
            rows.append(table.assign(attribute=attribute, level=level, n=len(essays), draw=draw,
                                     seed=seed))  # fmt: skip
    every = pd.concat(rows, ignore_index=True)
    keys = ["attribute", "level", "statistic"]
    means = every.groupby(keys, sort=False)[["a", "b", "n"]].mean().reset_index()
    table = pool_replications(every, keys, "difference", "n", arms={"a": 1.0, "b": -1.0})
    table = table.merge(means, on=keys).astype({"n": int})
    margin = stats.t.ppf(0.975, table["df"]) * table["se"]
    table["low"], table["high"] = table["difference"] - margin, table["difference"] + margin
    table.loc[margin > 1, ["low", "high"]] = np.nan  # two very different runs: uninformative
    moved = table["se"] > 0
    ratio = (table["difference"] / table["se"].where(moved)).abs()
    table["p"] = 2 * stats.t.sf(ratio, table["df"])
    table.loc[~moved, "p"] = (table["difference"] == 0).astype(float)
    table.loc[table["difference"].isna(), "p"] = np.nan
    table["p_bh"] = benjamini_hochberg(table["p"].where(table["attribute"] != EVERYONE))
    return table[COLUMNS]


def changes_on_held_out(
    study: Study, unseen: pd.DataFrame, seen: pd.DataFrame, corpus: pd.DataFrame
) -> pd.DataFrame:
    """`changes` between training without a prompt and training on it, on its essays.

    Parameters
    ----------
    unseen, seen : runs with held-out prompts, and those trained on every prompt.

    Returns
    -------
    frame of the fields of the condition trained on every prompt, `prompt` (EVERYONE, then each),
    and `COLUMNS`
    """
    with_prompt = {
        name: replace(Condition.from_id(name), held_out=None).condition_id
        for name in unseen["condition"].unique()
    }
    unseen = unseen.assign(
        condition=unseen["condition"].map(with_prompt),
        prompt=unseen["essay_id"].map(corpus.set_index("essay_id")["prompt"]),
    )
    parts = []
    for condition, part in unseen.groupby("condition", sort=False):
        same = seen[seen["condition"] == condition]
        for prompt, essays in [(EVERYONE, part), *part.groupby("prompt", sort=False)]:
            table = changes(study, essays, same, corpus, [])
            parts.append(table.assign(condition=condition, prompt=prompt))
    return with_fields(pd.concat(parts, ignore_index=True), seen)


def decoded_scores(
    study: Study, teacher: pd.DataFrame, dev: pd.DataFrame, ledger_of: Callable
) -> pd.DataFrame:
    """A Teacher's scores of test under every decoding rule that its output allows.

    Parameters
    ----------
    teacher, dev : its runs on test and on dev, `cyborg_utils.analysis.predictions.collect_teacher`.
    ledger_of : its cyborg data, a function of fraction and draw.

    Returns
    -------
    `teacher` once per rule, with `decoding_rule` and the decoded scores, rounded to the scale
    """
    has_probabilities = set(probability_columns(study.labels)) <= set(teacher)
    parts = []
    for (fraction, draw), run in teacher.groupby(["fraction", "draw"], sort=False):
        of_run = dev[(dev["fraction"] == fraction) & (dev["draw"] == draw)]
        output = run.rename(columns={"continuous": "expected"})
        ledger = ledger_of(fraction, draw)
        for rule in DECODING_RULES:
            needs = {"prior_corrected": has_probabilities, "linked": "linked_score" in output}
            if not needs.get(rule, True):
                continue
            scores = decode_scores(output, rule, study.labels, ledger, of_run)
            score = round_to_scale(scores, study.labels)
            parts.append(run.assign(decoding_rule=rule, score=score))
    return pd.concat(parts, ignore_index=True)


def top_share(scores: pd.Series, labels: list) -> float:
    """Proportion of scores that are one of the two highest of the scale."""
    return float((scores >= labels[-2]).mean())


def change_summary(table: pd.DataFrame) -> dict[str, float]:
    """A table of `changes` in one row.

    Returns
    -------
    every statistic over all essays, of `a` under its name and of `b` with `_b`; `difference, low,
    high, p` of the QWK; `largest_smd`, `largest_smd_b`
    """
    of_all = table[table["attribute"] == EVERYONE].set_index("statistic")
    return {
        **of_all["a"],
        **of_all["b"].add_suffix("_b"),
        **of_all.loc["qwk", ["difference", "low", "high", "p"]],
        "largest_smd": largest_smd(table, "a"),
        "largest_smd_b": largest_smd(table, "b"),
    }


def largest_smd(table: pd.DataFrame, side: str) -> float:
    """The largest |SMD| of a subgroup on one side, `a` or `b`, of a table of `changes`."""
    return table.loc[table["attribute"] != EVERYONE, side].abs().max()
