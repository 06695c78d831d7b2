"""Paired comparison of two scorers of the same essays: agreement, severity, bias by subgroup.

All functions take frames of runs of `cyborg_utils.analysis.predictions.collect_runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.analysis.disclosure import shown_levels
from cyborg_utils.analysis.predictions import at_primary_fraction, hard_only, with_fields
from cyborg_utils.corpus.columns import group_columns, probability_columns
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
from cyborg_utils.statistics.standardized_differences import dsm_influence
from cyborg_utils.statistics.variance_components import ONCE
from cyborg_utils.study.design import Condition
from cyborg_utils.study.schema.study import Study

OVERALL = ("qwk", "smd", "sd_ratio")
TOP_SHARE = "top_share"
STATISTICS = (*OVERALL, TOP_SHARE)
EVERYONE = "(all)"  # in place of an attribute, or of a prompt
COLUMNS = [
    "attribute", "level", "n", "statistic", "a", "b", "difference", "low", "high", "p", "p_bh",
    "farther",
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
    frame `statistic` (qwk, smd, sd_ratio, top_share), `a, b, difference, se, se_sum`; the errors of
    a - b and of a + b are over essays, by resampling them
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
    difference, both = statistics[0] - statistics[1], statistics[0] + statistics[1]
    return pd.DataFrame(
        {
            "statistic": STATISTICS,
            "a": statistics[0][0],
            "b": statistics[1][0],
            "difference": difference[0],
            "se": pd.DataFrame(difference[1:]).std().to_numpy(),
            "se_sum": pd.DataFrame(both[1:]).std().to_numpy(),
        }
    )


def changes(
    study: Study,
    a: pd.DataFrame,
    b: pd.DataFrame,
    corpus: pd.DataFrame,
    groups: list[str],
    measure: str = "smd",
) -> pd.DataFrame:
    """Differences between `a` and `b`, in runs of the same draw and seed on the same essays.

    Essays and draws are paired. Trainings are independent: an equal seed number on other data is
    another training, and adds its variance on both sides. The seed of a side without random
    training (`ONCE`) fits every seed of the other, and so does the draw of a side without draws.

    Parameters
    ----------
    measure : of subgroups, "smd" of the scores or "dsm" of the continuous ones.

    Returns
    -------
    frame of the columns `COLUMNS`: one row per statistic over all essays, and for the measure of
    every subgroup of a reportable size. `difference` is a - b with its 95 % interval over essays,
    draws and seeds; `p_bh` is adjusted over the subgroups (Benjamini-Hochberg); `farther` is the
    side, a or b, that is shown to be farther from zero, by a test of |a| - |b| so adjusted
    """
    both = _side_by_side(a, b)
    if both.empty:
        return pd.DataFrame(columns=COLUMNS)
    by_id = corpus.set_index("essay_id")
    levels = {group: group_levels(by_id, group)[1] for group in groups}
    essays = by_id.loc[both["essay_id"].unique()]
    shown = {group: shown_levels(study, essays, group) for group in groups}
    rows = []
    for (draw, draw_b, seed), part in both.groupby(["draw", "draw_b", "seed"], sort=False):
        scores = (part[c] for c in ("human", "score_a", "score_b"))
        tables = [paired_statistics(*scores, study.labels[-2]).assign(
            attribute=EVERYONE, level="", n=len(part))]  # fmt: skip
        for group, level in levels.items():
            of_essay = part["essay_id"].map(level)
            for at, n in of_essay.value_counts().items():
                if at not in shown[group] or at == MISSING or n < study.evaluation.min_group:
                    continue
                row = _of_group(study, part, of_essay == at, measure)
                tables.append(row.assign(attribute=group, level=at, n=n))
        rows += [table.assign(draw=draw, draw_b=draw_b, seed=seed) for table in tables]
    return _pooled(pd.concat(rows, ignore_index=True))


def _side_by_side(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Both sides' scores of each run and essay, with the draw of `b` as `draw_b`."""
    undrawn = (b["draw"] == ONCE).all() and not (a["draw"] == ONCE).all()
    b = b.rename(columns={"draw": "draw_b"}) if undrawn else b.assign(draw_b=b["draw"])
    values = [c for c in ("score", "continuous") if c in a and c in b]
    of_a, of_b = ["draw", "seed", "essay_id"], ["draw", "draw_b", "seed", "essay_id"]
    if undrawn:
        of_b.remove("draw")
    if (a["seed"] == ONCE).all():  # no random training: the same scores beside every seed
        of_a.remove("seed")
    elif (b["seed"] == ONCE).all():
        of_b.remove("seed")
    keys = [c for c in of_a if c in of_b]
    return a[[*of_a, "human", *values]].merge(b[[*of_b, *values]], on=keys, suffixes=("_a", "_b"))


def _of_group(study: Study, part: pd.DataFrame, member: pd.Series, measure: str) -> pd.DataFrame:
    """One row of a subgroup's SMDs or DSMs, in the columns of `paired_statistics`."""
    if measure == "smd":
        scores = (part.loc[member, c] for c in ("human", "score_a", "score_b"))
        table = paired_statistics(*scores, study.labels[-2])
        return table[table["statistic"] == "smd"]
    sides = [
        dsm_influence(part["human"], part[f"continuous_{side}"], member) for side in ("a", "b")
    ]
    (dsm_a, of_a), (dsm_b, of_b) = sides
    errors = [np.std(v, ddof=1) / len(part) ** 0.5 for v in (of_a - of_b, of_a + of_b)]
    row = ("dsm", dsm_a, dsm_b, dsm_a - dsm_b, *errors)
    return pd.DataFrame([row], columns=["statistic", "a", "b", "difference", "se", "se_sum"])


def _pooled(every: pd.DataFrame) -> pd.DataFrame:
    """The table of `changes` from one row per run and statistic."""
    keys, draws = ["attribute", "level", "statistic"], {"b": "draw_b", "b_turned": "draw_b"}
    means = every.groupby(keys, sort=False)[["a", "b", "n"]].mean().reset_index()
    signs = every.groupby(keys, sort=False)[["a", "b"]].transform("mean")
    alike = signs["a"] * signs["b"] >= 0
    every["b_turned"] = every["b"].where(alike, -every["b"])  # on the side of zero of a
    every["distance"] = every["a"] - every["b_turned"]
    every["distance_se"] = every["se"].where(alike, every["se_sum"])
    table = pool_replications(
        every, keys, "difference", "n", arms={"a": 1.0, "b": -1.0}, draws=draws
    )
    distance = pool_replications(
        every, keys, "distance", "n", "distance_se", {"a": 1.0, "b_turned": -1.0}, draws
    )
    table = table.merge(means, on=keys).astype({"n": int})
    margin = stats.t.ppf(0.975, table["df"]) * table["se"]
    table["low"], table["high"] = table["difference"] - margin, table["difference"] + margin
    table.loc[margin > 1, ["low", "high"]] = np.nan  # two very different runs: uninformative
    table["p"] = _two_sided(table["difference"], table["se"], table["df"])
    of_group = table["attribute"] != EVERYONE
    table["p_bh"] = benjamini_hochberg(table["p"].where(of_group))
    p = _two_sided(distance["distance"], distance["distance_se"], distance["df"])
    shown = benjamini_hochberg(p.where(of_group)) < 0.05
    side = np.where(table["a"].abs() > table["b"].abs(), "a", "b")
    table["farther"] = np.where(shown, side, "")
    return table[COLUMNS]


def _two_sided(difference: pd.Series, se: pd.Series, df: pd.Series) -> pd.Series:
    moved = se > 0
    p = pd.Series(2 * stats.t.sf((difference / se.where(moved)).abs(), df), difference.index)
    p[~moved] = (difference == 0).astype(float)
    return p.mask(difference.isna())


def bias_of_pairs(
    study: Study,
    runs: pd.DataFrame,
    pairs: Iterable[tuple[str, str]],
    corpus: pd.DataFrame,
    groups: list[str],
) -> pd.DataFrame:
    """How the bias of two conditions differs: the SMD of all essays, the DSM of every subgroup.

    Returns
    -------
    frame `condition_a, condition_b` and `COLUMNS` of `changes`, which adjusts within each pair
    """
    parts = []
    for pair in pairs:
        sides = (runs[runs["condition"] == condition] for condition in pair)
        table = changes(study, *sides, corpus, groups, measure="dsm")
        table = table[table["statistic"].isin(["smd", "dsm"])]
        parts.append(table.assign(condition_a=pair[0], condition_b=pair[1]))
    columns = ["condition_a", "condition_b", *COLUMNS]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def bias_beside_agreement(
    study: Study, runs: pd.DataFrame, pairs: pd.DataFrame, corpus: pd.DataFrame
) -> pd.DataFrame:
    """What `bias_of_pairs` gives for each Student's comparisons at the primary fraction, or for the
    compared machines, with a column `student`.

    Parameters
    ----------
    runs : of `collect_runs`, with a column `student`.
    pairs : compared machines, `condition_a, condition_b`; empty where Students are trained.
    """
    parts, groups = [], group_columns(corpus, study)
    for name, of_student in runs.groupby("student", sort=False):
        chosen = primary_pairs(study, of_student)
        if len(pairs):
            chosen = list(zip(pairs["condition_a"], pairs["condition_b"], strict=True))
        changed = bias_of_pairs(study, of_student, chosen, corpus, groups)
        parts.append(changed.assign(student=name))
    return pd.concat(parts, ignore_index=True)


def primary_pairs(study: Study, runs: pd.DataFrame) -> list[tuple[str, str]]:
    """Cyborg data with hard labels at the primary fraction, each with human-only and with full."""
    main = at_primary_fraction(study, hard_only(runs)).drop_duplicates("condition")
    by_arm = {arm: list(rows["condition"]) for arm, rows in main.groupby("arm", sort=False)}
    references = [*by_arm.get("human", []), *by_arm.get("full", [])]
    return [(a, b) for a in by_arm.get("cyborg", []) for b in references]


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
