"""Sentences on the questions that the paper leaves open, one page each."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.paired import EVERYONE, STATISTICS, largest_smd
from cyborg_utils.reporting.labels import condition_label, method_label, stratum_label
from cyborg_utils.reporting.markdown import as_text
from cyborg_utils.statistics.groups import is_missing
from cyborg_utils.study.schema.base import HOLISTIC


def transfer_findings(transferred: pd.DataFrame, gained: pd.DataFrame) -> list[str]:
    """How Students score external corpora, in sentences."""
    lines = []
    for row in transferred.itertuples():
        lines.append(
            f"**{row.student}**, {condition_label(row.condition)}: QWK {row.qwk:.3f} "
            f"({row.low:.3f} to {row.high:.3f}) on the essays of {row.to}, {row.at_home:.3f} on "
            "the study's own test set."
        )
    for row in gained.itertuples() if "gain" in gained else ():
        lines.append(
            f"On {row.to} cyborg data changes QWK of **{row.student}** "
            f"({condition_label(row.condition)}) by {row.gain:+.3f} ({row.gain_low:+.3f} to "
            f"{row.gain_high:+.3f}) compared with human labels only."
        )
    return lines


def held_out_findings(held_out: pd.DataFrame) -> list[str]:
    """QWK on held-out prompts compared with training on them, in sentences."""
    if held_out.empty:
        return []
    of_all = held_out[(held_out["statistic"] == "qwk") & (held_out["prompt"] == EVERYONE)]
    return [
        f"**{row.student}**, {condition_label(row.condition)}: on held-out prompts QWK is "
        f"{row.a:.3f}, compared with {row.b:.3f} where the prompt was in training "
        f"({row.difference:+.3f}, 95 % {row.low:+.3f} to {row.high:+.3f})."
        for row in of_all.itertuples()
    ]


def changes_finding(table: pd.DataFrame, a: str, b: str) -> str:
    """The differences in a table of `changes` between `a` and `b` (labels), in sentences."""
    of_all = table[table["attribute"] == EVERYONE].set_index("statistic")
    qwk, smd, sd_ratio, top = (of_all.loc[s] for s in STATISTICS)
    text = (
        f"**{a}** vs. **{b}**: QWK {qwk['a']:.3f} vs. {qwk['b']:.3f} ({_interval(qwk)}); SMD of "
        f"all essays {smd['a']:+.2f} vs. {smd['b']:+.2f} ({_interval(smd)}); SD ratio "
        f"{sd_ratio['a']:.2f} vs. {sd_ratio['b']:.2f}; proportion of the two highest scores "
        f"{top['a']:.1%} vs. {top['b']:.1%}"
    )
    groups = table[table["attribute"] != EVERYONE]
    if groups.empty:
        return text + "."
    significant = groups[groups["p_bh"] < 0.05]
    text += (
        f". The largest |SMD| of a subgroup is {largest_smd(table, 'a'):.2f} vs. "
        f"{largest_smd(table, 'b'):.2f}; {len(significant)} of {len(groups)} subgroups are scored "
        "significantly differently (p_bh < 0.05)"
    )
    if len(significant):
        largest = significant.loc[significant["difference"].abs().idxmax()]
        text += (
            f", the largest difference is in {largest['attribute']} {as_text(largest['level'])} "
            f"({largest['a']:+.2f} vs. {largest['b']:+.2f})"
        )
    return text + "."


def strategy_findings(strategies: pd.DataFrame) -> list[str]:
    """Which pseudo-label strategies are better or worse than hard labels, in sentences.

    Parameters
    ----------
    strategies : one row per Student, Teacher and strategy: `student, teacher, strategy, qwk, qwk_b`
        (of hard labels), `difference, low, high, p_bh`.
    """
    lines = []
    for (student, teacher), rows in strategies.groupby(["student", "teacher"], sort=False):
        best = rows.loc[rows["difference"].idxmax()]
        significant = rows[rows["p_bh"] < 0.05]
        better = _with_difference(significant[significant["difference"] > 0])
        worse = _with_difference(significant[significant["difference"] < 0])
        lines.append(
            f"**{student}** by {teacher}: hard labels {rows['qwk_b'].iloc[0]:.3f}; the best of "
            f"{len(rows)} other strategies is {best['strategy']} with {best['qwk']:.3f} "
            f"({_interval(best)}). Significantly better (p_bh < 0.05): {better}; significantly "
            f"worse: {worse}."
        )
    return lines


def _with_difference(rows: pd.DataFrame) -> str:
    names = [f"{r.strategy} ({r.difference:+.3f})" for r in rows.itertuples()]
    return ", ".join(names) or "none"


def _interval(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return f"{row['difference']:+.3f}, with too few runs for an interval"
    return f"{row['difference']:+.3f}, 95 % {row['low']:+.3f} to {row['high']:+.3f}"


def trait_findings(table: pd.DataFrame, specific: pd.DataFrame, student: str) -> list[str]:
    """Holistic and trait scores of one Student compared, in sentences."""
    lines = []
    for condition, rows in table.groupby("condition", sort=False):
        rows = rows.set_index("trait")
        holistic, traits = rows.loc[HOLISTIC], rows.drop(index=HOLISTIC)
        line = (
            f"**{student}**, {condition_label(condition)}: QWK {holistic['qwk']:.3f} for the "
            "holistic "
            f"score, {traits['qwk'].min():.3f} ({traits['qwk'].idxmin()}) to "
            f"{traits['qwk'].max():.3f} ({traits['qwk'].idxmax()}) for the traits"
        )
        if pd.notna(holistic["gain"]):
            n_better = (traits["gain_low"] > 0).sum()
            line += (
                f"; cyborg data changes QWK by {holistic['gain']:+.3f} "
                f"({holistic['gain_low']:+.3f} to "
                f"{holistic['gain_high']:+.3f}) on the holistic score and "
                f"{traits['gain'].mean():+.3f} on average on the traits, a significant gain on "
                f"{n_better} of {len(traits)}"
            )
        if holistic["judged"]:
            line += (
                f"; subgroups outside the bound: {holistic['outside']} of {holistic['judged']} on "
                "the "
                f"holistic score, {traits['outside'].sum()} of {traits['judged'].sum()} on the "
                "traits"
            )
        partial = specific[specific["condition"] == condition]
        line += (
            ". Controlling for the holistic score, trait scores still correlate with the human "
            f"scores of {(partial['low'] > 0).sum()} of {len(partial)} traits"
        )
        if "specific_true" in partial:
            line += f" and with the true scores of {(partial['true_low'] > 0).sum()}"
        lines.append(line + ".")
    return lines


MIN_STRATUM = 50  # essays in a stratum that a sentence may name


def calibration_findings(table: pd.DataFrame, student: str, bound: float) -> list[str]:
    """What the mean constraint changes in each condition, which method leaves the least bias, and
    whether that reaches the bounds of 0.10 and 0.05, in sentences."""
    lines = []
    for condition, rows in table.groupby("condition", sort=False):
        rows = rows.set_index("method")
        rounded, mean = rows.loc["none"], rows.loc["mean"]
        text = f"**{student}**, {condition_label(condition)}: the {method_label('mean')} changes "
        text += (
            f"QWK by {mean['change']:+.3f} from {rounded['qwk']:.3f}, the SMD of all essays from "
        )
        text += f"{rounded['smd_all']:+.2f} to {mean['smd_all']:+.2f}"
        if pd.notna(rounded["largest"]) and pd.notna(mean["largest"]):
            text += (
                f", the largest |SMD| of a subgroup from {rounded['largest']:.2f} to "
                f"{mean['largest']:.2f}; of {mean['judged']} subgroups {mean['within']} are shown "
                "to "
                f"be within ±{bound:g} ({rounded['within']} before), {mean['outside']} outside "
                f"({rounded['outside']} before). {_least_biased(rows)}"
            )
        else:
            text += "; no subgroup is large enough for a verdict."
        lines.append(text)
    return lines


def _least_biased(rows: pd.DataFrame) -> str:
    """The method with the smallest maximum |SMD|, its change in QWK, and the bounds it meets."""
    least = rows.loc[rows["largest"].idxmin()]
    cost = f", at {least['change']:+.3f} QWK" if pd.notna(least["change"]) else ""
    reached = [f"{b:.2f}" for b in (0.10, 0.05) if least["largest"] < b]
    return (
        f"Least bias: {method_label(least.name)}, largest |SMD| {least['largest']:.2f}{cost}; "
        f"{' and '.join(reached) or 'neither 0.10 nor 0.05'} is reached."
    )


def audit_findings(
    strata: pd.DataFrame,
    beforehand: pd.DataFrame,
    labels: list,
    calibration: dict | None,
    second: pd.Series | None = None,
) -> list[str]:
    """What the audit of one Teacher shows, in sentences."""
    lines = _extreme_scores(strata, labels, second)
    others = strata[(strata["by"] != "human") & (strata["essays"] >= MIN_STRATUM)]
    others = others[~is_missing(others["level"])]
    exceeds = others["difference"].abs() - 2 * others["se"]
    if exceeds.max() > 0:
        row = others.loc[exceeds.idxmax()]
        lines.append(
            f"Of {len(others)} strata the one with the clearest deviation from the human scores: "
            f"{row['by']} {as_text(stratum_label(row['by'], row['level']))}, "
            f"{row['difference']:+.2f} score points (standard error {row['se']:.2f}) over "
            f"{row['essays']:,} essays."
        )
    if calibration is not None:
        side = "above" if calibration["overconfidence"] > 0 else "below"
        lines.append(
            f"Its mean confidence is {abs(calibration['overconfidence']):.2f} {side} its accuracy; "
            f"its expected calibration error is {calibration['ece']:.3f}, of which sampling "
            f"variability alone explains {calibration['by_chance']:.3f}."
        )
    for row in beforehand[beforehand["statistic"] == "qwk"].itertuples():
        if pd.isna(row.dev):
            continue
        line = f"QWK on the dev set alone is {row.dev:.3f} ({row.low:.3f} to {row.high:.3f})"
        if row.inside is not None:
            where = "inside" if row.inside else "outside"
            line += (
                f"; with the withheld human scores it is {row.hidden:.3f}, {where} that interval"
            )
        lines.append(f"{line} (draw {row.draw}).")
    return lines


def _extreme_scores(strata: pd.DataFrame, labels: list, second: pd.Series | None) -> list[str]:
    """The Teacher's mean score of the essays with the lowest and the highest human score."""
    points = strata[strata["by"] == "human"].set_index("level")
    lines = []
    for end in (f"{float(labels[i]):g}" for i in (0, -1)):
        if end not in points.index:
            continue
        line = (
            f"Essays with a human score of {end} get {points.loc[end, 'mean_teacher']:.2f} from it "
            f"on average ({points.loc[end, 'essays']:,} essays)"
        )
        if second is not None and pd.notna(second.get(float(end))):
            line += f", and {second[float(end)]:.2f} from a second rater"
        lines.append(line + ".")
    return lines
