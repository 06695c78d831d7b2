"""Sentences on the questions that the paper leaves open, one page each."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.paired import EVERYONE, STATISTICS, largest_smd
from cyborg_utils.reporting.labels import condition_label, method_label, stratum_label
from cyborg_utils.reporting.markdown import as_text
from cyborg_utils.study.schema.base import HOLISTIC


def transfer_findings(transferred: pd.DataFrame, gained: pd.DataFrame) -> list[str]:
    """How Students do on other corpora, in sentences."""
    lines = []
    for row in transferred.itertuples():
        lines.append(
            f"**{row.student}**, {condition_label(row.condition)}: QWK {row.qwk:.3f} "
            f"({row.low:.3f} to {row.high:.3f}) on the essays of {row.to}, {row.at_home:.3f} at "
            "home."
        )
    for row in gained.itertuples() if "gain" in gained else ():
        lines.append(
            f"On {row.to} cyborg data moves **{row.student}** "
            f"({condition_label(row.condition)}) by {row.gain:+.3f} ({row.gain_low:+.3f} to "
            f"{row.gain_high:+.3f}) against human labels only."
        )
    return lines


def held_out_findings(held_out: pd.DataFrame) -> list[str]:
    """What it costs never to have seen a prompt, in sentences."""
    if held_out.empty:
        return []
    whole = held_out[(held_out["statistic"] == "qwk") & (held_out["prompt"] == EVERYONE)]
    return [
        f"**{row.student}**, {condition_label(row.condition)}: on prompts that it never saw QWK is "
        f"{row.a:.3f}, against {row.b:.3f} where the prompt was in training "
        f"({row.difference:+.3f}, 95 % {row.low:+.3f} to {row.high:+.3f})."
        for row in whole.itertuples()
    ]


def changes_finding(table: pd.DataFrame, a: str, b: str) -> str:
    """What `changes` found between `a` and `b`, as labels call them, in a sentence or two."""
    of_all = table[table["attribute"] == EVERYONE].set_index("statistic")
    qwk, shift, spread, top = (of_all.loc[s] for s in STATISTICS)
    told = (
        f"**{a}** against **{b}**: QWK {qwk['a']:.3f} against {qwk['b']:.3f} "
        f"({_interval(qwk)}); SMD of all essays {shift['a']:+.2f} against {shift['b']:+.2f} "
        f"({_interval(shift)}); spread {spread['a']:.2f} against {spread['b']:.2f} of people's; "
        f"the two highest scores {top['a']:.1%} against {top['b']:.1%}"
    )
    groups = table[table["attribute"] != EVERYONE]
    if groups.empty:
        return told + "."
    sure = groups[groups["p_bh"] < 0.05]
    told += (
        f". The largest |SMD| of a group is {largest_smd(table, 'a'):.2f} against "
        f"{largest_smd(table, 'b'):.2f}; {len(sure)} of {len(groups)} groups are scored "
        "differently beyond chance (p_bh < 0.05)"
    )
    if len(sure):
        most = sure.loc[sure["difference"].abs().idxmax()]
        told += (
            f", most of all {most['attribute']} {as_text(most['level'])} "
            f"({most['a']:+.2f} against {most['b']:+.2f})"
        )
    return told + "."


def strategy_findings(strategies: pd.DataFrame) -> list[str]:
    """Which uses of a Teacher's labels are better or worse than hard labels, in sentences.

    Parameters
    ----------
    strategies : a row a Student, Teacher and strategy: `student, teacher, strategy, qwk, qwk_b` (of
        hard labels), `difference, low, high, p_bh`.
    """
    lines = []
    for (student, teacher), rows in strategies.groupby(["student", "teacher"], sort=False):
        best = rows.loc[rows["difference"].idxmax()]
        sure = rows[rows["p_bh"] < 0.05]
        told = {
            which: ", ".join(f"{r.strategy} ({r.difference:+.3f})" for r in part.itertuples())
            for which, part in (
                ("better", sure[sure["difference"] > 0]),
                ("worse", sure[sure["difference"] < 0]),
            )
        }
        line = (
            f"**{student}** by {teacher}: hard labels {rows['qwk_b'].iloc[0]:.3f}; the best of "
            f"{len(rows)} other uses is {best['strategy']} with {best['qwk']:.3f} "
            f"({_interval(best)}). Beyond chance (p_bh < 0.05) better: {told['better'] or 'none'}; "
            f"worse: {told['worse'] or 'none'}."
        )
        lines.append(line)
    return lines


def _interval(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return f"{row['difference']:+.3f}, with too few runs for an interval"
    return f"{row['difference']:+.3f}, 95 % {row['low']:+.3f} to {row['high']:+.3f}"


def trait_findings(table: pd.DataFrame, specific: pd.DataFrame, student: str) -> list[str]:
    """Holistic against trait scores of one Student, in sentences."""
    lines = []
    for condition, rows in table.groupby("condition", sort=False):
        rows = rows.set_index("trait")
        whole, traits = rows.loc[HOLISTIC], rows.drop(index=HOLISTIC)
        line = (
            f"**{student}**, {condition_label(condition)}: QWK {whole['qwk']:.3f} for the holistic "
            f"score, {traits['qwk'].min():.3f} ({traits['qwk'].idxmin()}) to "
            f"{traits['qwk'].max():.3f} ({traits['qwk'].idxmax()}) for the traits"
        )
        if pd.notna(whole["gain"]):
            sure = traits[traits["gain_low"] > 0]
            line += (
                f"; cyborg data gains {whole['gain']:+.3f} ({whole['gain_low']:+.3f} to "
                f"{whole['gain_high']:+.3f}) on the holistic score and "
                f"{traits['gain'].mean():+.3f} on average on the traits, beyond chance on "
                f"{len(sure)} of {len(traits)}"
            )
        if whole["judged"]:
            line += (
                f"; groups outside the bound: {whole['outside']} of {whole['judged']} on the "
                f"holistic score, {traits['outside'].sum()} of {traits['judged'].sum()} on the "
                "traits"
            )
        beyond = specific[specific["condition"] == condition]
        sure = beyond[beyond["low"] > 0]
        line += (
            f". Beyond the holistic score the traits' own scores tell something of "
            f"{len(sure)} of {len(beyond)} traits as people score them"
        )
        if "specific_true" in beyond:
            line += f" and of {int((beyond['true_low'] > 0).sum())} as they truly are"
        lines.append(line + ".")
    return lines


FEW = 50  # essays in a stratum from which a sentence is made of it


def calibration_findings(table: pd.DataFrame, student: str, bound: float) -> list[str]:
    """What the mean constraint, the method in question, does to each condition, which method leaves
    the least bias, and whether that reaches the bounds of 0.10 and 0.05, in sentences."""
    lines = []
    for condition, rows in table.groupby("condition", sort=False):
        rows = rows.set_index("method")
        plain, mean = rows.loc["none"], rows.loc["mean"]
        told = f"**{student}**, {condition_label(condition)}: the {method_label('mean')} moves QWK "
        told += f"by {mean['change']:+.3f} from {plain['qwk']:.3f}, the SMD of all essays from "
        told += f"{plain['smd_all']:+.2f} to {mean['smd_all']:+.2f}"
        if pd.notna(plain["largest"]) and pd.notna(mean["largest"]):
            told += (
                f", the largest |SMD| of a group from {plain['largest']:.2f} to "
                f"{mean['largest']:.2f}; of {mean['judged']} groups {mean['within']} are shown to "
                f"be within ±{bound:g} ({plain['within']} before), {mean['outside']} outside "
                f"({plain['outside']} before). {_least_biased(rows)}"
            )
        else:
            told += "; no group is large enough to be judged."
        lines.append(told)
    return lines


def _least_biased(rows: pd.DataFrame) -> str:
    """Which method has the smallest largest |SMD|, at what cost, and the bounds that it reaches."""
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
    points = strata[strata["by"] == "human"].set_index("level")
    ends = [f"{float(labels[i]):g}" for i in (0, -1)]
    told = []
    for end in ends:
        if end in points.index:
            line = f"Essays that people gave {end} get {points.loc[end, 'mean_teacher']:.2f} from "
            line += f"it on average ({points.loc[end, 'essays']:,} essays)"
            if second is not None and pd.notna(second.get(float(end))):
                line += f", and {second[float(end)]:.2f} from a second person"
            told.append(line + ".")
    others = strata[(strata["by"] != "human") & (strata["essays"] >= FEW)]
    surely = others["difference"].abs() - 2 * others["se"]
    if surely.max() > 0:
        row = others.loc[surely.idxmax()]
        told.append(
            f"Of {len(others)} strata the one that it most surely scores unlike people: "
            f"{row['by']} {as_text(stratum_label(row['by'], row['level']))}, "
            f"{row['difference']:+.2f} score points (standard error {row['se']:.2f}) over "
            f"{row['essays']:,} essays."
        )
    if calibration is not None:
        sure = "more" if calibration["overconfidence"] > 0 else "less"
        told.append(
            f"It is {sure} sure of its labels than it is right by "
            f"{abs(calibration['overconfidence']):.2f}; its calibration error is "
            f"{calibration['ece']:.3f}, of which chance alone makes {calibration['by_chance']:.3f}."
        )
    for row in beforehand[beforehand["statistic"] == "qwk"].itertuples():
        if pd.isna(row.dev):
            continue
        line = f"Dev alone tells a QWK of {row.dev:.3f} ({row.low:.3f} to {row.high:.3f})"
        if row.inside is not None:
            where = "inside" if row.inside else "outside"
            line += f"; with the hidden scores it is {row.hidden:.3f}, {where} that interval"
        told.append(f"{line} (draw {row.draw}).")
    return told
