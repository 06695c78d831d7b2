"""Every run of a study side by side: its scores, their agreement with people, and comparisons.

All functions take or give one frame of runs, a row a run and essay, whether a Student of the study
gave the scores, a Teacher, or a machine whose scores came in a file.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.agreement import (
    bootstrap_agreement,
    concordance,
    correlation,
    human_human_comparison,
    prmse_interval,
    round_to_scale,
)
from cyborg_utils.fairness import group_levels
from cyborg_utils.inference import (
    arm_table,
    benjamini_hochberg,
    compare_arms,
    compare_machines,
    equivalent_labels,
    holm,
    resample_runs,
    retention,
    runs_from_frame,
)
from cyborg_utils.schema import HARD, MACHINES, Study
from cyborg_utils.schema_basis import HOLISTIC
from cyborg_utils.stages import (
    Condition,
    conditions,
    corpus_file,
    labels_folder,
    need,
    read_json,
    seeds,
    student_folder,
)
from cyborg_utils.traits import of_trait

ONCE = "-"  # the draw of an arm that has none: every human label


def series_name(condition: Condition) -> str:
    """What a reader calls a condition, its draw left out: `cyborg by llama, 10 %`."""
    if condition.left_out is not None:
        return f"{series_name(replace(condition, left_out=None))}, prompt left out"
    if condition.arm == "full":
        return "all human labels"
    share = (
        f"{condition.fraction:.3g}" if condition.fraction < 0.001 else f"{condition.fraction:.4g}"
    )
    share = "all scored" if condition.fraction == 1 else f"{float(share) * 100:g} %"
    if condition.arm == "human":
        return f"human labels only, {share}"
    use = "" if condition.use == HARD.name else f"{condition.use}, "
    return f"cyborg by {condition.teacher}, {use}{share}"


COLLECTED = ["essay_id", "human", "continuous", "score"]


def collect_runs(
    study: Study,
    student: str,
    split: str = "test",
    trait: str = HOLISTIC,
    left_out: bool = False,
) -> pd.DataFrame:
    """All scores of one Student for one part, or of all machines whose scores came in a file.

    Parameters
    ----------
    split : dev, test, or the name of another study whose test essays were scored too.
    left_out : the runs without a prompt, on its essays; those of all prompts make one run.

    Returns
    -------
    frame, a row a run and essay: `series, arm, teacher, use, fraction, draw, seed, n_human,
    n_train, truncated` (training essays that lose their end), `essay_id, human, continuous, score`
    """
    if student == MACHINES:
        return _machines(study)
    parts = []
    for c in conditions(study):
        if (c.left_out is not None) != left_out:
            continue
        for seed in seeds(study, student):
            folder = student_folder(study, student, c, seed)
            scores = pd.read_parquet(
                need(folder / "predictions.parquet", "04_student_training", study)
            )
            about = read_json(folder / "student.json")
            scores = of_trait(scores[scores["split"] == split], trait)[COLLECTED]
            parts.append(
                scores.assign(
                    series=series_name(c), arm=c.arm, teacher=c.teacher, use=c.use,
                    fraction=c.fraction, draw=ONCE if c.draw is None else c.draw, seed=seed,
                    n_human=about["n_human"], n_train=about["n_train"],
                    truncated=about["truncated"],
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def collect_teacher(
    study: Study, teacher: str, split: str = "test", trait: str = HOLISTIC
) -> pd.DataFrame:
    """All scores of one Teacher for one part, in the columns of `collect_runs`, and `p_<label>`
    where it gives probabilities."""
    parts = []
    for c in conditions(study):
        if c.teacher != teacher or c.use != HARD.name or c.left_out is not None:
            continue
        folder = labels_folder(study, teacher, c.fraction, c.draw)
        scores = pd.read_parquet(need(folder / "predictions.parquet", "03_labeling", study))
        about = read_json(folder / "labeling.json")
        n_human = about["budget"]["train"]
        scores = of_trait(scores[scores["split"] == split], trait)
        name = series_name(c).replace("cyborg by", "Teacher")
        parts.append(
            scores[[*COLLECTED, *(n for n in scores if n.startswith("p_"))]].assign(
                series=name, arm="teacher", teacher=teacher, use=None, fraction=c.fraction,
                draw=c.draw, seed=0, n_human=n_human, n_train=n_human,
                truncated=about["truncated"],
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def at_headline(study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """The runs at the study's main fraction, and those that have none."""
    return runs[runs["fraction"].isna() | (runs["fraction"] == study.headline)]


def hard_only(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs on hard labels, and those on no Teacher's labels."""
    return runs[runs["use"].fillna(HARD.name) == HARD.name]


def _machines(study: Study) -> pd.DataFrame:
    """Machine scores from a file, on the essays that people and every machine scored."""
    corpus = pd.read_parquet(need(corpus_file(study), "01_corpus", study))
    known = corpus.dropna(subset=["score", *study.machines])
    unknown = dict.fromkeys(
        ["teacher", "use", "fraction", "n_human", "n_train", "truncated"], np.nan
    )
    parts = [
        pd.DataFrame(
            {
                "essay_id": known["essay_id"],
                "human": known["score"],
                "continuous": known[name],
                "score": round_to_scale(known[name], study.labels),
                "series": name,
                "arm": "machine",
                "draw": ONCE,
                "seed": 0,
                **unknown,
            }
        )
        for name in study.machines
    ]
    return pd.concat(parts, ignore_index=True)


def agreement_by_series(study: Study, runs: pd.DataFrame, prompts: pd.Series | None = None):
    """QWK of every series of one Student with 95 % intervals over essays, draws and seeds.

    Parameters
    ----------
    prompts : the prompt of each essay, by its id; where given, whole prompts are resampled and
        the intervals speak for new prompts like these instead of new essays on these.

    Returns
    -------
    (table: a row a series, the resampled QWKs that comparisons are made from)
    """
    human, arms = runs_from_frame(runs, arm="series")
    cluster = None if prompts is None else prompts.loc[human.index]
    resampled = resample_runs(human, arms, study.labels, study.evaluation.replicates, cluster)
    facts = runs.drop_duplicates("series").set_index("series")
    facts = facts[["arm", "teacher", "use", "fraction", "n_human", "n_train", "truncated"]]
    facts["n_runs"] = runs.groupby("series")[["draw", "seed"]].apply(
        lambda r: len(r.drop_duplicates())
    )
    table = facts.join(arm_table(resampled))
    return table.rename_axis("series").reset_index(), resampled


def comparisons(study: Study, table: pd.DataFrame, resampled) -> pd.DataFrame:
    """Cyborg against human-only and against full at every fraction, paired.

    Returns
    -------
    frame, a row a cyborg series: `gain` (cyborg - human-only) with interval and p; `loss`
    (cyborg - full) with interval, one-sided `lower` bound, the declared margin and
    `non_inferior`; `retention` of full's gain; `worth`, the human labels it is worth.
    """
    rows, names = [], set(table["series"])
    human = table[table["arm"] == "human"].set_index("fraction")
    full = "all human labels"
    curve = dict(zip(human["n_human"], human["series"], strict=True))
    if full in names:
        curve[int(table.loc[table["series"] == full, "n_human"].iloc[0])] = full
    for row in table[table["arm"] == "cyborg"].itertuples():
        found = {"series": row.series, "teacher": row.teacher, "use": row.use,
                 "fraction": row.fraction}  # fmt: skip
        alone = human["series"].get(row.fraction)
        if alone is not None:
            gain = compare_arms(resampled, row.series, alone)
            found |= {"gain": gain["difference"], "gain_low": gain["low"],
                      "gain_high": gain["high"], "p": gain["p"]}  # fmt: skip
        if full in names:
            loss = compare_arms(
                resampled, row.series, full, margin=study.evaluation.non_inferiority_margin
            )
            found |= {"loss": loss["difference"], "loss_low": loss["low"],
                      "loss_high": loss["high"], "lower": loss["lower"],
                      "margin": loss["margin"], "non_inferior": loss["non_inferior"]}  # fmt: skip
        if alone is not None and full in names:
            kept = retention(resampled, row.series, alone, full)
            found |= {"retention": kept["retention"], "retention_low": kept["low"],
                      "retention_high": kept["high"]}  # fmt: skip
        if len(curve) > 1:
            worth = equivalent_labels(resampled, row.series, curve)
            found |= {"worth": worth["labels"], "worth_low": worth["low"],
                      "worth_high": worth["high"], "worth_note": worth["note"]}  # fmt: skip
        rows.append(found)
    return pd.DataFrame(rows)


def last_steps(study: Study, table: pd.DataFrame, resampled) -> pd.DataFrame:
    """What the last step of each budget curve brought, for a study where U can still grow: people's
    labels alone, and hard labels by each Teacher.

    Returns
    -------
    frame, a row a curve of two points or more: `series` (its last point), `qwk, n_before, n_last`
    (hand-scored train essays), `gain` in QWK from the one to the other, `low, high` (95 %, paired)
    """
    rows = []
    curves = hard_only(table[table["arm"].isin(["human", "cyborg"])])
    for _, curve in curves.groupby(["arm", "teacher"], dropna=False, sort=False):
        if len(curve) < 2 or "full" in study.arms:
            continue
        before, last = curve.sort_values("n_human").iloc[-2:].itertuples()
        gain = compare_arms(resampled, last.series, before.series)
        rows.append(
            {"series": last.series, "qwk": last.qwk, "n_before": before.n_human,
             "n_last": last.n_human, "gain": gain["difference"], "low": gain["low"],
             "high": gain["high"]}
        )  # fmt: skip
    return pd.DataFrame(rows)


def adjust_confirmatory(found: pd.DataFrame, headline: float) -> pd.DataFrame:
    """Add `p_holm` over the confirmatory family: cyborg data with hard labels against human-only
    at the headline fraction, every Student and Teacher; the others are exploratory and get none."""
    family = (found["fraction"] == headline) & (found["use"] == HARD.name)
    return found.assign(p_holm=pd.Series(holm(found.loc[family, "p"]), found.index[family]))


def compare_all_machines(
    study: Study, runs: pd.DataFrame, prompts: pd.Series, table: pd.DataFrame
) -> pd.DataFrame:
    """Every pair of machines, paired on the same essays.

    `table` is that of `agreement_by_series`.

    Pairs that the study declares are the confirmatory family (`p_adjusted` by Holm); the others
    are exploratory (Benjamini-Hochberg), the better machine first.

    Returns
    -------
    frame, a row a pair: `a, b, declared, difference` (QWK of a minus b), `low, high` (95 %, new
    essays on these prompts), `p, p_adjusted, new_prompts_low, new_prompts_high` (NaN where the
    prompts are too few).
    """
    first = runs.drop_duplicates(["series", "essay_id"])
    scores = first.pivot(index="essay_id", columns="series", values="score")
    human = first.drop_duplicates("essay_id").set_index("essay_id")["human"].loc[scores.index]
    ranked = table.sort_values("qwk", ascending=False)["series"]
    declared = [tuple(pair) for pair in study.evaluation.comparisons]
    taken = {frozenset(pair) for pair in declared}
    rows = []
    for a, b in declared + [p for p in combinations(ranked, 2) if frozenset(p) not in taken]:
        given = human, scores[a], scores[b], study.labels
        size = {"n_replicates": study.evaluation.replicates}
        found = compare_machines(*given, **size)
        wide = compare_machines(*given, cluster=prompts.loc[human.index], **size)
        rows.append(
            {"a": a, "b": b, "declared": (a, b) in declared, "difference": found["difference"],
             "low": found["low"], "high": found["high"], "p": found["p"],
             "new_prompts_low": wide["low"], "new_prompts_high": wide["high"]}
        )  # fmt: skip
    pairs = pd.DataFrame(rows)
    if pairs.empty:
        return pairs
    adjusted = np.where(
        pairs["declared"],
        holm(pairs["p"].where(pairs["declared"])),
        benjamini_hochberg(pairs["p"].mask(pairs["declared"])),
    )
    pairs.insert(pairs.columns.get_loc("p") + 1, "p_adjusted", adjusted)
    return pairs


# What the field asks of a machine as a whole: rule, statistic, its bounds, and whose rule it is.
SHIFT_RULE = "SMD within ±0.15"
RULES = (
    ("QWK at least 0.70", "qwk", 0.70, np.inf, "Williamson, Xi and Breyer (2012)"),
    (SHIFT_RULE, "smd", -0.15, 0.15, "Williamson, Xi and Breyer (2012)"),
    ("SD ratio within 2/3 to 3/2", "sd_ratio", 2 / 3, 3 / 2, "Wang and von Davier (2014)"),
)
RULES_BESIDE_PEOPLE = {
    "qwk": ("QWK at most 0.10 below two people's", "Williamson, Xi and Breyer (2012)"),
    "exact": (
        "exact agreement at most 5.125 points below two people's",
        "Wang and von Davier (2014)",
    ),
}


def measures_by_series(
    study: Study, runs: pd.DataFrame, table: pd.DataFrame, second: pd.Series | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every measure of agreement, and the field's rules for a machine as a whole.

    A statistic of several runs is their mean, its error as in `over_runs`. A rule is met or broken
    only where the whole 95 % interval says so. PRMSE is of the continuous scores.

    Parameters
    ----------
    table : that of `agreement_by_series`, whose interval of QWK the rule uses.
    second : a second human score by essay id, missing where an essay has none.

    Returns
    -------
    (measures: a row a series; rules: a row a series and rule: `series, rule, value, low, high,
    verdict, source`)
    """
    rows, ruled = [], []
    for keys, run in runs.groupby(["series", "draw", "seed"], sort=False):
        name = keys[0]
        human, score, continuous = (run[c].to_numpy() for c in ("human", "score", "continuous"))
        found = bootstrap_agreement(human, score, study.labels, 200)
        row = {"series": name, **found["estimate"].drop("mean_difference"),
               "concordance": concordance(human, continuous),
               "correlation": correlation(human, continuous)}  # fmt: skip
        for rule, statistic, least, most, source in RULES:
            value, se = found.loc[statistic, ["estimate", "se"]]
            ruled.append((*keys, rule, value, se, least, most, source))
        other = run["essay_id"].map({} if second is None else second).to_numpy(dtype=float)
        both = np.isfinite(other)
        if both.any():
            beside = human_human_comparison(
                human[both], other[both], score[both], study.labels, 200
            )
            for statistic, (rule, source) in RULES_BESIDE_PEOPLE.items():
                value, se, limit = beside.loc[statistic, ["degradation", "se", "limit"]]
                ruled.append((*keys, rule, value, se, -np.inf, limit, source))
            row["prmse"] = prmse_interval(np.column_stack([human, other]), continuous)["prmse"]
        rows.append(row)
    measures = pd.DataFrame(rows).groupby("series", sort=False).mean().reset_index()
    columns = ["series", "draw", "seed", "rule", "value", "se", "least", "most", "source"]
    every = pd.DataFrame(ruled, columns=columns)
    essays = runs["essay_id"].nunique()
    rules = over_runs(every, ["series", "rule", "least", "most", "source"], "value", essays)
    reach = stats.t.ppf(0.975, rules["df"]) * rules["se"]
    rules["low"], rules["high"] = rules["value"] - reach, rules["value"] + reach
    kappa = rules["rule"] == RULES[0][0]
    known = table.set_index("series").loc[rules.loc[kappa, "series"], ["low", "high"]]
    rules.loc[kappa, ["low", "high"]] = known.to_numpy()
    inside = (rules["low"] >= rules["least"]) & (rules["high"] <= rules["most"])
    outside = (rules["high"] < rules["least"]) | (rules["low"] > rules["most"])
    rules["verdict"] = np.select([inside, outside], ["met", "broken"], "cannot tell")
    return measures, rules[["series", "rule", "value", "low", "high", "verdict", "source"]]


def over_runs(table: pd.DataFrame, keys: list[str], value: str, n_essays, se: str = "se"):
    """Average a statistic over runs, with its error.

    Essays are the same in every run, so their part of the variance is the runs' mean se^2. Draws
    and seeds add var(mean of a draw) / D and var(mean of a seed) / S, which errs on the wide side
    where they interact. Degrees of freedom are Satterthwaite's (1946).

    Parameters
    ----------
    table : a row a run, with `draw`, `seed`, the keys, the statistic and its error over essays.
    n_essays : number of essays, or the column of `table` that holds it.

    Returns
    -------
    frame of the keys, the mean, its error and `df`
    """
    rows = []
    for found, part in table.groupby(keys, sort=False, dropna=False):
        essays = part[n_essays].iloc[0] if isinstance(n_essays, str) else n_essays
        variances = [((part[se] ** 2).mean(), max(essays - 1, 1))]
        for source in ("draw", "seed"):
            means = part.groupby(source)[value].mean()
            if len(means) > 1:
                variances.append((means.var(ddof=1) / len(means), len(means) - 1))
        total = sum(v for v, _ in variances)
        by_df = sum(v**2 / df for v, df in variances)
        df = total**2 / by_df if by_df > 0 else variances[0][1]
        rows.append((*found, part[value].mean(), np.sqrt(total), df))
    return pd.DataFrame(rows, columns=[*keys, value, se, "df"])


def score_shares(runs: pd.DataFrame, labels: list) -> pd.DataFrame:
    """Share of essays at each score: people, then every series, averaged over its runs."""
    first = runs[runs["series"] == runs["series"].iloc[0]].drop_duplicates("essay_id")
    shares = {"human": first["human"].value_counts(normalize=True)}
    for name, part in runs.groupby("series", sort=False):
        shares[name] = part["score"].value_counts(normalize=True)
    return pd.DataFrame(shares).reindex(labels).fillna(0)


def shares_by_level(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """Share of essays at each score by group of a reportable size, people's and every series'.

    Returns
    -------
    frame `attribute, level, n, source` ("human" or a series), `score, share`
    """
    first = runs.drop_duplicates("essay_id").assign(series="human")
    scores = pd.concat([first.assign(score=first["human"]), runs])[["essay_id", "series", "score"]]
    known = corpus.set_index("essay_id")
    parts = []
    for attribute in groups:
        _, levels = group_levels(known, attribute)
        at = scores.assign(level=scores["essay_id"].map(levels))
        n = at[at["series"] == "human"].groupby("level").size()
        for level in n[n >= study.evaluation.min_group].sort_values(ascending=False).index:
            inside = at[at["level"] == level].groupby("series", sort=False)["score"]
            share = inside.value_counts(normalize=True).unstack().reindex(columns=study.labels)
            tidy = share.fillna(0).rename_axis(index="source", columns="score").stack()
            tidy = tidy.rename("share").reset_index()
            parts.append(tidy.assign(attribute=attribute, level=level, n=int(n[level])))
    columns = ["attribute", "level", "n", "source", "score", "share"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
