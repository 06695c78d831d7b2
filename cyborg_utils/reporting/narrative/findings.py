"""Key findings of a study, in sentences of Markdown that are generated from its numbers."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from cyborg_utils.analysis.predictions import hard_only
from cyborg_utils.analysis.run_times import DRAWS, SEEDS
from cyborg_utils.reporting.labels import condition_label, sampled_label, scope_label
from cyborg_utils.reporting.narrative.fairness import bias_change, fairness_findings
from cyborg_utils.statistics.variance_components import Population
from cyborg_utils.study.schema.study import Study

DESIGN = f"{DRAWS} draws of U and {SEEDS} training seeds"
NEEDED = (
    f"calling cyborg data better, worse or non-inferior would need at least {DESIGN} (`sampling`)."
)
BIAS_PAIR = ["student", "condition_a", "condition_b"]
CAVEATS = {
    Population.THESE_RUNS: "One draw of U and one training say nothing of new draws and trainings: "
    + NEEDED,
    Population.THIS_DRAW: f"One draw of U says nothing of new draws: {NEEDED}",
    Population.ONE_FULL_RUN: "One training on all human labels says nothing of new ones: calling "
    f"cyborg data non-inferior to them would need at least {DESIGN} (`sampling`).",
}


def summary_findings(
    study: Study,
    agreement: pd.DataFrame,
    compared: pd.DataFrame,
    fairness: dict,
    human_human: list[dict] | None,
    against_baseline: pd.DataFrame,
    bias: pd.DataFrame,
) -> list[str]:
    """Key findings of a study in sentences of Markdown; where no neural Student is shown to exceed
    the classical baseline on the same labels, that comes first.

    `against_baseline` is of `cyborg_utils.analysis.baseline.compare_with_baseline`; `human_human`
    holds the rows of human–human agreement, None where essays have one human score; `bias` is as in
    `comparison_findings`.
    """
    lines = comparison_findings(agreement, compared, study.primary_fraction, bias)
    baseline = baseline_findings(against_baseline)
    lines = [*lines, *baseline] if _exceeded(against_baseline) else [*baseline, *lines]
    return lines + human_human_finding(human_human) + fairness_findings(study, fairness, "cyborg")


def comparison_findings(
    agreement: pd.DataFrame,
    compared: pd.DataFrame,
    primary_fraction: float,
    bias: pd.DataFrame,
) -> list[str]:
    """Cyborg data at the primary fraction compared with human-only and full, one sentence each.

    Each names the population of its intervals. The words better, worse and non-inferior are for
    those that cover new draws and trainings; a last sentence says what others would need. What is
    better in QWK can treat subgroups worse: the difference in bias follows.

    Parameters
    ----------
    agreement, compared : of `cyborg_utils.analysis.agreement`, with a column `student`.
    bias : of `cyborg_utils.analysis.paired.bias_of_pairs`, with a column `student`.
    """
    if compared.empty:
        return []
    main = hard_only(compared[compared["fraction"] == primary_fraction])
    by_name = agreement.set_index(["student", "condition"])
    lines = []
    for row in main.itertuples():
        scores = by_name.loc[(row.student, row.condition)]
        text = (
            f"**{row.student}** on {condition_label(row.condition)} "
            f"({scores['n_human']:,} hand-scored train essays): QWK {scores['qwk']:.3f}"
        )
        population = None
        if "gain" in compared:
            population = row.gain_population
            text += f", {_scope(population)}{_gain(row)}"
        if "loss" in compared:
            scope = _scope(row.loss_population) if row.loss_population != population else ""
            text += f"{' and' if population else ','} {scope}{_loss(row)}"
        for (student, condition, other), rows in bias.groupby(BIAS_PAIR, sort=False):
            if (student, condition) == (row.student, row.condition):
                text += f". Compared with {condition_label(other)}: {bias_change(rows)}"
        lines.append(text + ".")
    populations = main.filter(like="_population").to_numpy().ravel()
    return lines + [CAVEATS[key] for key in CAVEATS if key in populations][:1]


def _scope(population: str) -> str:
    return "" if population == Population.NEW_DRAWS else f"{scope_label(population)}, "


def _gain(row: NamedTuple) -> str:
    reference, adjusted = "the same human labels only", hasattr(row, "gain_low_holm")
    low, high = row.gain_low, row.gain_high
    if adjusted:
        low, high = row.gain_low_holm, row.gain_high_holm
    interval = (
        f"{'Holm-adjusted' if adjusted else 'unadjusted'} 95 % interval over "
        f"{sampled_label(row.gain_population)} {low:+.3f} to {high:+.3f}, Holm-adjusted p "
        f"{_p(row.p_holm)}"
    )
    if row.gain_population == Population.NEW_DRAWS or not row.p_holm < 0.05:
        return f"{_than(row.p_holm, row.gain)} {reference} ({row.gain:+.3f}, {interval})"
    side = "higher" if row.gain > 0 else "lower"
    return f"{abs(row.gain):.3f} {side} than with {reference} ({interval})"


def _loss(row: NamedTuple) -> str:
    reference, shown = "all human labels", "" if row.non_inferior else "not "
    claim = f"{shown}shown to be at most {row.margin:g} below {reference}"
    if row.loss_population == Population.NEW_DRAWS:
        claim = f"{shown}shown to be non-inferior to {reference} at the margin of {row.margin:g}"
    adjusted = hasattr(row, "lower_holm")
    lower = row.lower_holm if adjusted else row.lower
    kind = "Holm-adjusted" if adjusted else "unadjusted"
    return f"{claim} ({row.loss:+.3f}, {kind} one-sided 95 % bound {lower:+.3f})"


def baseline_findings(against_baseline: pd.DataFrame) -> list[str]:
    """Neural Students on cyborg data against each classical baseline on the same human labels, one
    sentence per baseline."""
    if against_baseline.empty:
        return []
    lines = []
    for name, rows in against_baseline.groupby("baseline", sort=False):
        population = rows["population"].iloc[0]
        scope = _population(population)
        compared = "; ".join(
            f"**{r.student}** ({condition_label(r.condition)}) {_beside(r)} the baseline "
            f"({r.difference:+.3f}, {r.low_holm:+.3f} to {r.high_holm:+.3f}, "
            f"Holm-adjusted p {_p(r.p_holm)})"
            for r in rows.itertuples()
        )
        lines.append(
            f"The classical baseline, **{name}** on the same human labels only, "
            f"has QWK {rows['baseline_qwk'].iloc[0]:.3f}. Neural Students on cyborg data, on the "
            f"same essays{scope} (difference in QWK, Holm-adjusted 95 % intervals over "
            f"{sampled_label(population)}): {compared}."
        )
    return lines


def linked_baseline_findings(against_baseline: pd.DataFrame) -> list[str]:
    """The neural Student on cyborg data with the highest QWK of linked scores against each
    classical baseline on the same human labels, one sentence per baseline."""
    lines = []
    for name, rows in against_baseline.groupby("baseline") if len(against_baseline) else ():
        best = rows.loc[rows["qwk"].idxmax()]
        several = f"the best of {len(rows)} neural Students on cyborg data, " * (len(rows) > 1)
        lines.append(
            f"With linked scores{_population(best.population)}, {several}**{best.student}** on "
            f"{condition_label(best.condition)} has QWK {best.qwk:.3f} and is {_beside(best)} "
            f"**{name}** on the same human labels only, {best.baseline_qwk:.3f} "
            f"({best.difference:+.3f}, Holm-adjusted 95 % interval {best.low_holm:+.3f} to "
            f"{best.high_holm:+.3f})."
        )
    return lines


def _population(population: str) -> str:
    return "" if population == Population.NEW_DRAWS else f", {scope_label(population)}"


def _beside(row: NamedTuple) -> str:
    if not row.p_holm < 0.05:
        return "not distinguishable from"
    return "above" if row.difference > 0 else "below"


def _exceeded(against_baseline: pd.DataFrame) -> bool:
    """Whether each baseline is shown to be below some neural Student, or there is no baseline."""
    if against_baseline.empty:
        return True
    above = (against_baseline["p_holm"] < 0.05) & (against_baseline["difference"] > 0)
    return bool(above.groupby(against_baseline["baseline"]).any().all())


def labeling_recommendation(steps: pd.DataFrame, n_test: int) -> list[str]:
    """Whether to score more essays by hand, in one sentence on the last step of the best curve.

    A curve is not extrapolated beyond one more step of the same factor; it seldom gets steeper.

    Parameters
    ----------
    steps : of `cyborg_utils.analysis.agreement.last_steps`, with a column `student`.
    n_test : scored test essays, from which the intervals are computed.
    """
    if steps.empty:
        return []
    best = steps.loc[steps["qwk"].idxmax()]
    factor = best["n_last"] / best["n_before"]
    next_size = round(best["n_last"] * min(factor, 2))
    from_here = "From"
    if best["population"] != Population.NEW_DRAWS:
        scope = scope_label(best["population"])
        from_here = f"{scope[0].upper()}{scope[1:]}, from"
    step = (
        f"Score more by hand? {from_here} {best['n_before']:,} to {best['n_last']:,} hand-scored "
        f"train essays, the best Student's QWK changed by {best['gain']:+.3f} (95 % interval "
        f"{best['low']:+.3f} to {best['high']:+.3f}; **{best['student']}** on "
        f"{condition_label(best['condition'])})"
    )
    if best["low"] > 0:
        return [
            f"{step}: more labels still help; {next_size:,} may add as much again, more likely "
            "less, and the curve cannot be extrapolated further."
        ]
    if best["high"] <= 0:
        return [f"{step}: more labels of this kind did not help; change the Student instead."]
    return [
        f"{step}: with {n_test:,} test essays it is inconclusive whether {next_size:,} would help; "
        f"a gain of more than {best['high']:+.3f} is unlikely."
    ]


def machine_findings(
    study: Study,
    agreement: pd.DataFrame,
    pairs: pd.DataFrame,
    fairness: dict,
    human_human: list[dict] | None,
    bias: pd.DataFrame,
) -> list[str]:
    """Key findings of a study of machine scores from a file, in sentences of Markdown.

    `bias` is of `cyborg_utils.analysis.paired.bias_of_pairs`.
    """
    ranked = agreement.sort_values("qwk", ascending=False)
    best, last = ranked.iloc[0], ranked.iloc[-1]
    among = ""
    if len(ranked) > 1:
        among = f", the highest of {len(ranked)} machines; the lowest has {last['qwk']:.3f}"
    lines = [
        f"**{condition_label(best['condition'])}** has QWK {best['qwk']:.3f} with human scores "
        f"({best['low']:.3f} to {best['high']:.3f}){among}."
    ]
    for row in pairs[pairs["declared"]].itertuples() if len(pairs) else ():
        new_prompts = ""
        if pd.notna(row.new_prompts_low):
            new_prompts = f"; for new prompts, unadjusted, {row.new_prompts_low:+.3f} to "
            new_prompts += f"{row.new_prompts_high:+.3f}"
        lines.append(
            f"**{condition_label(row.condition_a)}**: QWK "
            f"{_side(row.p_adjusted, row.difference)} **{condition_label(row.condition_b)}** "
            f"({row.difference:+.3f}, Holm-adjusted 95 % interval {row.adjusted_low:+.3f} to "
            f"{row.adjusted_high:+.3f}, Holm-adjusted p "
            f"{_p(row.p_adjusted)}{new_prompts}){_bias_of(bias, row)}."
        )
    return lines + human_human_finding(human_human) + fairness_findings(study, fairness, "machine")


def time_note(hours: tuple[float, float] | None) -> str:
    """What a design that bears claims on new draws and trainings costs, in a sentence; empty where
    the study has it, or where the times are not known.

    `hours` is of `cyborg_utils.analysis.run_times.training_hours`.
    """
    if hours is None or hours[1] <= hours[0]:
        return ""
    took, would_take = (f"{h:.1f} hours" if h >= 1 else f"{60 * h:.0f} minutes" for h in hours)
    return (
        f"Trainings and labelings took {took} of one process here; with {DESIGN} they would take "
        f"about {would_take}."
    )


def _bias_of(bias: pd.DataFrame, pair: NamedTuple) -> str:
    of_pair = (bias["condition_a"] == pair.condition_a) & (bias["condition_b"] == pair.condition_b)
    return f"; {bias_change(bias[of_pair])}" if of_pair.any() else ""


def linked_findings(
    compared: pd.DataFrame, linked: pd.DataFrame, primary_fraction: float
) -> list[str]:
    """What cyborg data at the primary fraction gain where every score is linked to the human scale,
    next to the gain with plain rounding; one sentence per Student and Teacher.

    Parameters
    ----------
    compared, linked : of `cyborg_utils.analysis.agreement.comparisons`, of plain and of linked
        scores, with a column `student`.
    """
    if compared.empty or "gain" not in compared or linked.empty:
        return []
    primary = hard_only(linked[linked["fraction"] == primary_fraction]).dropna(subset="gain")
    plain = compared.set_index(["student", "condition"])
    return [
        f"With linked scores, in every arm alike, **{row.student}** on "
        f"{condition_label(row.condition)} gains {row.gain:+.3f} QWK over the same human labels "
        f"only (95 % interval {row.gain_low:+.3f} to {row.gain_high:+.3f}); with plain rounding "
        f"it is {plain.loc[(row.student, row.condition), 'gain']:+.3f}."
        for row in primary.itertuples()
    ]


def human_human_finding(human_human: list[dict] | None) -> list[str]:
    """Human–human agreement, where a corpus has two human scores."""
    qwk = next((r for r in human_human or [] if r["statistic"] == "qwk"), None)
    if qwk is None or qwk["estimate"] is None:
        return []
    return [
        f"Human–human agreement: QWK {qwk['estimate']:.3f} ({qwk['low']:.3f} to "
        f"{qwk['high']:.3f}) on the {qwk['n']:,} test essays with two human scores."
    ]


def _than(p: float, difference: float) -> str:
    if not p < 0.05:
        return "not distinguishable from"
    return "better than" if difference > 0 else "worse than"


def _side(p: float, difference: float) -> str:
    if not p < 0.05:
        return "not distinguishable from that of"
    return f"{'higher' if difference > 0 else 'lower'} than that of"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
