"""What a study found, in sentences of Markdown that are generated from its numbers."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.predictions import hard_only
from cyborg_utils.reporting.labels import condition_label
from cyborg_utils.reporting.narrative.fairness import fairness_findings
from cyborg_utils.study.schema.study import HARD, Study


def summary_findings(
    study: Study,
    agreement: pd.DataFrame,
    compared: pd.DataFrame,
    fairness: dict,
    people: list[dict] | None,
) -> list[str]:
    """The study's answer in sentences of Markdown, generated from its numbers; where classical
    scoring is best on the same labels, that comes first.

    `people` are the rows of human-human agreement, None where there is one score an essay.
    """
    lines = []
    main = compared
    if len(compared):  # the paper's own use of the labels; the others have a page of their own
        main = hard_only(compared[compared["fraction"] == study.primary_fraction])
    by_name = agreement.set_index(["student", "condition"])
    for row in main.itertuples():
        own = by_name.loc[(row.student, row.condition)]
        text = (
            f"**{row.student}** on {condition_label(row.condition)} "
            f"({own['n_human']:,} hand-scored train essays): QWK {own['qwk']:.3f}"
        )
        if "gain" in compared:
            text += (
                f", {_than(row.p_holm, row.gain)} the same human labels only ({row.gain:+.3f}, "
                f"95 % interval {row.gain_low:+.3f} to {row.gain_high:+.3f}, Holm-adjusted p "
                f"{_p(row.p_holm)})"
            )
        if "loss" in compared:
            text += (
                f", and {'' if row.non_inferior else 'not '}shown to be non-inferior to all human "
                f"labels at the margin of {row.margin:g} ({row.loss:+.3f}, one-sided 95 % bound "
                f"{row.lower:+.3f})"
            )
        lines.append(text + ".")
    yardstick, wins = _yardstick(study, agreement)
    lines = [*yardstick, *lines] if wins else [*lines, *yardstick]
    return lines + people_finding(people) + fairness_findings(study, fairness, "cyborg")


def labeling_recommendation(steps: pd.DataFrame, n_test: int) -> list[str]:
    """Whether to score more essays by hand, in one sentence read off the best curve's last step.

    A curve says nothing beyond one more step of the same factor, and seldom gets steeper.

    Parameters
    ----------
    steps : of `cyborg_utils.analysis.agreement.last_steps`, with a column `student`.
    n_test : scored test essays, which the intervals come from.
    """
    if steps.empty:
        return []
    best = steps.loc[steps["qwk"].idxmax()]
    factor = best["n_last"] / best["n_before"]
    then = round(best["n_last"] * min(factor, 2))
    told = (
        f"Score more by hand? From {best['n_before']:,} to {best['n_last']:,} hand-scored train "
        f"essays, the best Student's QWK changed by {best['gain']:+.3f} (95 % interval "
        f"{best['low']:+.3f} to {best['high']:+.3f}; **{best['student']}** on "
        f"{condition_label(best['condition'])})"
    )
    if best["low"] > 0:
        return [
            f"{told}: more labels still help; {then:,} may bring as much again, more likely less, "
            "and beyond that the curve says nothing."
        ]
    if best["high"] <= 0:
        return [f"{told}: more labels of this kind did not help; look at the Student instead."]
    return [
        f"{told}: with {n_test:,} test essays nobody can tell whether {then:,} would help; more "
        f"than {best['high']:+.3f} is not to be expected."
    ]


def worth_notes(compared: pd.DataFrame) -> list[str]:
    """Which of a cyborg condition's worth in human labels and its limits lie off the curve of human
    labels, a phrase a row of `cyborg_utils.analysis.agreement.comparisons`."""
    names = {"labels": "estimate", "low": "lower limit", "high": "upper limit"}
    notes = []
    for row in compared.itertuples():
        parts = []
        for key in row.worth_off_curve.split():
            name, side = key.split("_")
            end = row.curve_from if side == "below" else row.curve_to
            parts.append(f"{names[name]} {side} {end:.0f} labels, off the curve")
        notes.append("; ".join(parts))
    return notes


def machine_findings(
    study: Study,
    agreement: pd.DataFrame,
    pairs: pd.DataFrame,
    fairness: dict,
    people: list[dict] | None,
) -> list[str]:
    """What a study of machine scores from a file found, in sentences of Markdown."""
    ranked = agreement.sort_values("qwk", ascending=False)
    best, last = ranked.iloc[0], ranked.iloc[-1]
    among = ""
    if len(ranked) > 1:
        among = f", the highest of {len(ranked)} machines; the lowest has {last['qwk']:.3f}"
    lines = [
        f"**{condition_label(best['condition'])}** has QWK {best['qwk']:.3f} with people "
        f"({best['low']:.3f} to {best['high']:.3f}){among}."
    ]
    for row in pairs[pairs["declared"]].itertuples() if len(pairs) else ():
        known = pd.notna(row.new_prompts_low)
        wide = (
            f"; for new prompts {row.new_prompts_low:+.3f} to {row.new_prompts_high:+.3f}" * known
        )
        lines.append(
            f"**{condition_label(row.condition_a)}** is {_than(row.p_adjusted, row.difference)} "
            f"**{condition_label(row.condition_b)}** ({row.difference:+.3f}, 95 % interval "
            f"{row.low:+.3f} to {row.high:+.3f}, Holm-adjusted p {_p(row.p_adjusted)}{wide})."
        )
    return lines + people_finding(people) + fairness_findings(study, fairness, "machine")


def people_finding(people: list[dict] | None) -> list[str]:
    """How well two people agree, where a corpus has two human scores."""
    qwk = next((r for r in people or [] if r["statistic"] == "qwk"), None)
    if qwk is None or qwk["estimate"] is None:
        return []
    return [
        f"Two people agree with each other at QWK {qwk['estimate']:.3f} ({qwk['low']:.3f} to "
        f"{qwk['high']:.3f}) on the {qwk['n']:,} test essays that two have scored."
    ]


def _than(p: float, difference: float) -> str:
    if not p < 0.05:
        return "not distinguishable from"
    return "better than" if difference > 0 else "worse than"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _yardstick(study: Study, agreement: pd.DataFrame) -> tuple[list[str], bool]:
    """How classical scoring does on the same human labels, beside the best neural Student; and
    whether it has the higher QWK."""
    classical = [s.name for s in study.students if s.kind == "classical"]
    at = agreement[agreement["fraction"] == study.primary_fraction]
    plain = at[at["student"].isin(classical) & (at["arm"] == "human")]
    cyborg = at[~at["student"].isin(classical) & (at["strategy"] == HARD.name)]
    if plain.empty or cyborg.empty:
        return [], False
    one, best = plain.loc[plain["qwk"].idxmax()], cyborg.loc[cyborg["qwk"].idxmax()]
    wins = bool(one["qwk"] > best["qwk"])
    ahead = "**Classical scoring is ahead here.** " * wins
    return [
        f"{ahead}The yardstick, **{one['student']}** on the same human labels only (tf-idf and "
        f"length): QWK {one['qwk']:.3f} ({one['low']:.3f} to {one['high']:.3f}); the best neural "
        f"Student on cyborg data ({best['student']}, {condition_label(best['condition'])}): "
        f"{best['qwk']:.3f} ({best['low']:.3f} to {best['high']:.3f})."
    ], wins
