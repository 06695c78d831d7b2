"""Every run of a study side by side: what the fairness and summary notebooks read."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.fairness import equivalence_verdict, group_report
from cyborg_utils.inference import (
    arm_table,
    compare_arms,
    equivalent_labels,
    holm,
    resample_runs,
    retention,
    runs_from_frame,
)
from cyborg_utils.schema import Study
from cyborg_utils.stages import (
    Condition,
    conditions,
    labels_folder,
    need,
    read_json,
    seeds,
    student_folder,
)

ONCE = "-"  # the draw of an arm that has none: every human label


def series_name(condition: Condition) -> str:
    """What a reader calls a condition, its draw left out: `cyborg by llama, 10 %`."""
    if condition.arm == "full":
        return "all human labels"
    share = (
        f"{condition.fraction:.3g}" if condition.fraction < 0.001 else f"{condition.fraction:.4g}"
    )
    share = f"{float(share) * 100:g} %"
    if condition.arm == "human":
        return f"human labels only, {share}"
    return f"cyborg by {condition.teacher}, {share}"


def collect_runs(study: Study, student: str, split: str = "test") -> pd.DataFrame:
    """All scores of one Student for one part: a row a run and essay.

    Returns
    -------
    frame `series, arm, teacher, fraction, draw, seed, n_human, n_train, truncated` (training
    essays that lose their end), `essay_id, human, continuous, score`
    """
    parts = []
    for c in conditions(study):
        for seed in seeds(study, student):
            folder = student_folder(study, student, c, seed)
            scores = pd.read_parquet(
                need(folder / "predictions.parquet", "04_student_training", study)
            )
            about = read_json(folder / "student.json")
            scores = scores.loc[
                scores["split"] == split, ["essay_id", "human", "continuous", "score"]
            ].assign(series=series_name(c), arm=c.arm, teacher=c.teacher, fraction=c.fraction)
            draw = ONCE if c.draw is None else c.draw
            parts.append(
                scores.assign(
                    draw=draw, seed=seed, n_human=about["n_human"], n_train=about["n_train"],
                    truncated=about["truncated"],
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def collect_teacher(study: Study, teacher: str, split: str = "test") -> pd.DataFrame:
    """All scores of one Teacher for one part, in the columns of `collect_runs`."""
    parts = []
    for c in conditions(study):
        if c.arm != "cyborg" or c.teacher != teacher:
            continue
        folder = labels_folder(study, teacher, c.fraction, c.draw)
        scores = pd.read_parquet(need(folder / "predictions.parquet", "03_labeling", study))
        about = read_json(folder / "labeling.json")
        scores = scores.loc[scores["split"] == split, ["essay_id", "human", "continuous", "score"]]
        name = series_name(c).replace("cyborg by", "Teacher")
        parts.append(
            scores.assign(
                series=name, arm="teacher", teacher=teacher, fraction=c.fraction, draw=c.draw,
                seed=0, n_human=about["budget"]["train"], n_train=about["budget"]["train"],
                truncated=about["truncated"],
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def agreement_by_series(study: Study, runs: pd.DataFrame):
    """QWK of every series of one Student with 95 % intervals over essays, draws and seeds.

    Returns
    -------
    (table: a row a series, the resampled QWKs that comparisons are made from)
    """
    human, arms = runs_from_frame(runs, arm="series")
    resampled = resample_runs(human, arms, study.labels, study.evaluation.replicates)
    facts = runs.drop_duplicates("series").set_index("series")
    facts = facts[["arm", "teacher", "fraction", "n_human", "n_train", "truncated"]]
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
        found = {"series": row.series, "teacher": row.teacher, "fraction": row.fraction}
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


def adjust_confirmatory(found: pd.DataFrame, headline: float) -> pd.DataFrame:
    """Add `p_holm` over the confirmatory family: cyborg against human-only at the headline
    fraction, every Student and Teacher; the other fractions are exploratory and get none."""
    family = found["fraction"] == headline
    return found.assign(p_holm=pd.Series(holm(found.loc[family, "p"]), found.index[family]))


def score_shares(runs: pd.DataFrame, labels: list) -> pd.DataFrame:
    """Share of essays at each score: people, then every series, averaged over its runs."""
    first = runs[runs["series"] == runs["series"].iloc[0]].drop_duplicates("essay_id")
    shares = {"human": first["human"].value_counts(normalize=True)}
    for name, part in runs.groupby("series", sort=False):
        shares[name] = part["score"].value_counts(normalize=True)
    return pd.DataFrame(shares).reindex(labels).fillna(0)


def group_bias(
    study: Study, runs: pd.DataFrame, corpus: pd.DataFrame, groups: list
) -> pd.DataFrame:
    """SMD of every group for every series, on rounded scores, averaged over the runs.

    The error of an average over R runs is sqrt(mean(se^2) + var(SMD over runs) / R): essays are
    the same in every run, so more runs do not shrink their part.

    Returns
    -------
    frame, a row a series and group level: `series, arm, attribute, level, n, mean_human,
    mean_machine, qwk, smd, smd_se, smd_low, smd_high` (90 %), `verdict, essays_needed, dsm`.
    """
    known = corpus.set_index("essay_id")[groups]
    bounds = study.evaluation
    parts = []
    for keys, run in runs.groupby(["series", "arm", "draw", "seed"], sort=False):
        frame = run.set_index("essay_id")[["human", "score"]].join(known)
        report = group_report(
            frame, groups, machine="score", labels=study.labels, bound=bounds.smd_bound,
            min_essays=bounds.min_group, n_replicates=200,
        )  # fmt: skip
        parts.append(report.assign(series=keys[0], arm=keys[1]))
    every = pd.concat(parts, ignore_index=True)
    keys = ["series", "arm", "attribute", "level"]
    by = every.groupby(keys, sort=False)
    table = by[
        ["n", "mean_human", "mean_machine", "sd_human", "qwk", "smd", "dsm", "essays_needed"]
    ].mean()
    spread = by["smd"].var(ddof=1).fillna(0) / by.size()
    table["smd_se"] = np.sqrt(by["smd_se"].apply(lambda s: (s**2).mean()) + spread)
    table = table.reset_index().astype({"n": int})
    table["smd_low"] = table["smd"] - 1.645 * table["smd_se"]
    table["smd_high"] = table["smd"] + 1.645 * table["smd_se"]
    table["verdict"] = [
        equivalence_verdict(r.smd, r.smd_se, r.n, bounds.smd_bound, min_essays=bounds.min_group)
        for r in table.itertuples()
    ]
    return table


def read_verdict(row) -> str:
    """A group's verdict in words that an assessment director can act on."""
    low, high = f"{row.smd_low:+.2f}", f"{row.smd_high:+.2f}"
    side = "lower" if row.smd < 0 else "higher"
    match row.verdict:
        case "within bounds":
            return f"scored as people score them, within the bound ({low} to {high})"
        case "outside bounds":
            advice = "do not use without correction"
            return f"scored {side} than people score them: {advice} ({low} to {high})"
        case _:
            enough = row.essays_needed
            told = f"; about {enough:,.0f} essays could show a fair machine fair" * (enough > 0)
            return f"too few essays to tell ({low} to {high}{told})"


def headline_findings(
    study: Study,
    agreement: pd.DataFrame,
    compared: pd.DataFrame,
    fairness: dict,
    people: list[dict] | None,
) -> list[str]:
    """The study's answer in sentences of Markdown, generated from its numbers.

    `people` are the rows of human-human agreement, None where there is one score an essay.
    """
    lines = []
    main = compared[compared["fraction"] == study.headline] if len(compared) else compared
    by_name = agreement.set_index(["student", "series"])
    for row in main.itertuples():
        own = by_name.loc[(row.student, row.series)]
        text = (
            f"**{row.student}** on {row.series} ({own['n_human']:,} hand-scored train essays): "
            f"QWK {own['qwk']:.3f}"
        )
        if "gain" in compared:
            shown = "better than" if row.p_holm < 0.05 and row.gain > 0 else (
                "worse than" if row.p_holm < 0.05 else "not distinguishable from")  # fmt: skip
            text += (
                f", {shown} the same human labels only ({row.gain:+.3f}, 95 % interval "
                f"{row.gain_low:+.3f} to {row.gain_high:+.3f}, Holm-adjusted p "
                f"{'< 0.001' if row.p_holm < 0.001 else f'= {row.p_holm:.3f}'})"
            )
        if "loss" in compared:
            text += (
                f", and {'' if row.non_inferior else 'not '}shown to be within "
                f"{row.margin:g} of all human labels ({row.loss:+.3f}, at worst {row.lower:+.3f})"
            )
        lines.append(text + ".")
    lines += _yardstick(study, agreement)
    if people is not None:
        qwk = next(r for r in people if r["statistic"] == "qwk")
        lines.append(
            f"Two people agree with each other at QWK {qwk['estimate']:.3f} ({qwk['low']:.3f} to "
            f"{qwk['high']:.3f}) on the same test essays."
        )
    for name, report in fairness.items():
        outside = [r for r in report["groups"] if r["verdict"] == "outside bounds"]
        cyborg = [r for r in outside if r["arm"] == "cyborg"]
        if cyborg:
            told = "; ".join(
                f"{r['attribute']} {r['level']} ({r['series']}) {r['smd']:+.2f}" for r in cyborg[:4]
            )
            lines.append(
                f"Fairness of **{name}** at ±{report['bound']:g}: groups on cyborg data *outside "
                f"bounds*, {len(cyborg)} in all: {told}{' …' if len(cyborg) > 4 else ''}."
            )
        else:
            lines.append(
                f"Fairness of **{name}** at ±{report['bound']:g}: no group on cyborg data is shown "
                "to be outside the bounds; the fairness report says which groups are too small "
                "to tell."
            )
    return lines


def _yardstick(study: Study, agreement: pd.DataFrame) -> list[str]:
    """Does classical scoring on the same human labels do as well as the best cyborg Student?"""
    classical = [s.name for s in study.students if s.kind == "classical"]
    at = agreement[agreement["fraction"] == study.headline]
    plain = at[at["student"].isin(classical) & (at["arm"] == "human")]
    cyborg = at[~at["student"].isin(classical) & (at["arm"] == "cyborg")]
    if plain.empty or cyborg.empty:
        return []
    one, best = plain.loc[plain["qwk"].idxmax()], cyborg.loc[cyborg["qwk"].idxmax()]
    verdict = "beats" if one["qwk"] > best["qwk"] else "stays below"
    return [
        f"The yardstick, **{one['student']}** on the same human labels only (tf-idf and length), "
        f"reaches QWK {one['qwk']:.3f} ({one['low']:.3f} to {one['high']:.3f}) and {verdict} the "
        f"best Student on cyborg data ({best['student']}, {best['series']}: {best['qwk']:.3f})."
    ]
