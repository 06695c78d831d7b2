"""Sentences on subgroups: verdicts, shifts of all scores, limitations."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.disclosure import shown_levels
from cyborg_utils.analysis.measures import Rule, RuleVerdict
from cyborg_utils.analysis.paired import EVERYONE
from cyborg_utils.corpus.columns import NO_PROMPT
from cyborg_utils.reporting.labels import condition_label, verdict_label
from cyborg_utils.reporting.markdown import as_text
from cyborg_utils.statistics.bootstrap import FEW_CLUSTERS
from cyborg_utils.statistics.groups import MISSING, group_levels, is_missing
from cyborg_utils.statistics.hypothesis_tests import Verdict
from cyborg_utils.study.results import FairnessResult
from cyborg_utils.study.schema.study import MACHINES, Study


def read_verdict(row, min_group: int, bound: float) -> str:
    """A subgroup's verdict in words that an assessment director can act on."""
    if is_missing(pd.Series([row.level])).item():
        return "attribute missing: no group of examinees, no verdict"
    if row.n < min_group:
        return f"fewer than {min_group} essays: no verdict"
    if pd.isna(row.dsm):
        return "undefined: the scores do not vary"
    interval = f"{row.dsm_low:+.2f} to {row.dsm_high:+.2f}"
    side = "lower" if row.dsm < 0 else "higher"
    match row.dsm_verdict:
        case Verdict.WITHIN:
            return f"differs from the other essays by less than the bound ({interval})"
        case Verdict.OUTSIDE:
            return (
                f"scored {side} than by human raters, beyond the shift of all essays: do not use "
                f"without correction ({interval})"
            )
        case _ if pd.isna(row.essays_needed):
            return f"inconclusive: scored {side}, not shown to be beyond the bound ({interval})"
        case _ if row.essays_needed > row.n:
            enough = f"about {row.essays_needed:,.0f} essays could show an unbiased machine within"
            return f"inconclusive: too few essays ({interval}; {enough})"
        case _ if row.dsm_high - row.dsm_low > 2 * bound:
            return f"inconclusive: runs differ too much ({interval}; more draws or seeds help)"
        case _:
            return f"inconclusive: too near the bound ({interval})"


def left_out_groups(study: Study, essays: pd.DataFrame, groups: list[str]) -> str | None:
    """How many subgroups are suppressed and why, in one sentence; None where all are shown."""
    suppressed = {
        group: len(
            {*group_levels(essays, group)[1]} - {*shown_levels(study, essays, group), MISSING}
        )
        for group in groups
    }
    n, among = sum(suppressed.values()), ", ".join(as_text(g) for g, k in suppressed.items() if k)
    if not n:
        return None
    count = "1 subgroup" if n == 1 else f"{n} subgroups"
    verb = "is" if n == 1 else "are"
    return (
        f"{count} (of {among}) {verb} suppressed in every table and figure, so that no single "
        f"examinee's scores can be read from them: fewer than {study.least_shown} essays, or "
        "needed to derive such a subgroup by subtraction (complementary suppression)."
    )


def residual_note(before: pd.DataFrame, after: pd.DataFrame, groups: list[str]) -> str | None:
    """How many test essays lost their level of an attribute, and why, in one sentence; None where
    none did.

    Parameters
    ----------
    before, after : the corpus before and after `cyborg_utils.corpus.residual_levels.with_residual`.
    """
    lost = {group: int(after[group].isna().sum() - before[group].isna().sum()) for group in groups}
    counts = ", ".join(f"{n} of {as_text(group)}" for group, n in lost.items() if n)
    if not counts:
        return None
    return (
        "So that no small subgroup follows from the others by subtraction, the level of some test "
        f"essays of an attribute's largest subgroup is treated as missing: {counts}. Their scores "
        "are used as before."
    )


def fairness_findings(study: Study, fairness: dict[str, FairnessResult], arm: str) -> list[str]:
    """Which subgroups an arm scores outside the bound beyond a shift of all essays, largest DSM
    first, and which are not judged, by Student."""
    lines = []
    for name, report in fairness.items():
        where = " on cyborg data" * (arm == "cyborg")
        whose = "" if arm == "machine" else f" of **{name}**{where}"
        rows = pd.DataFrame([r for r in report.groups if r["arm"] == arm])
        rows = rows if rows.empty else rows[~is_missing(rows["level"])]
        small = rows if rows.empty else rows[rows["n"] < study.evaluation.min_group]
        judged = rows if rows.empty else rows.drop(small.index).dropna(subset="dsm")
        lines.append(
            f"Fairness{whose}: {judged_in_words(judged, report.bound)}"
            + not_judged_in_words(small, study.evaluation.min_group)
        )
    return lines


def judged_in_words(judged: pd.DataFrame, bound: float) -> str:
    if judged.empty:
        return "no subgroup could be judged."
    outside = judged[judged["dsm_verdict"] == Verdict.OUTSIDE]
    outside = outside.sort_values("dsm", key=abs, ascending=False)
    within = (judged["dsm_verdict"] == Verdict.WITHIN).sum()
    largest = "; ".join(
        f"{r.attribute} {as_text(r.level)} ({condition_label(r.condition)}) {r.dsm:+.2f}"
        for r in outside.head(4).itertuples()
    )
    if len(outside):
        more = " …" * (len(outside) > 4)
        return (
            f"*outside bounds* of ±{bound:g} beyond the shift of all essays, {len(outside)} of "
            f"{len(judged)} DSMs: {largest}{more}."
        )
    return (
        f"no subgroup is shown to be outside ±{bound:g} beyond the shift of all essays; {within} "
        f"of {len(judged)} DSMs are shown to be within, the others are inconclusive."
    )


def not_judged_in_words(small: pd.DataFrame, min_group: int) -> str:
    """The subgroups with too few essays for a verdict, and about how many they would need."""
    if small.empty:
        return ""
    needed = small.groupby(["attribute", "level"], sort=False)[["n", "essays_needed"]].max()
    names = []
    for (attribute, level), row in needed.iterrows():
        essays = max(min_group, 0 if pd.isna(row["essays_needed"]) else row["essays_needed"])
        least = "about" if essays > min_group else "at least"
        names.append(
            f"{attribute} {as_text(level)} ({row['n']:.0f} essays; {least} {essays:,.0f} needed)"
        )
    return f" Not judged, with too few essays: {'; '.join(names)}."


def bias_change(rows: pd.DataFrame) -> str:
    """How the bias of one condition differs from that of another, in a clause.

    Parameters
    ----------
    rows : one pair of `cyborg_utils.analysis.paired.bias_of_pairs`.
    """
    of_all = rows["attribute"] == EVERYONE
    smd, groups = rows[of_all].iloc[0], rows[~of_all]
    interval = f", 95 % {smd['low']:+.2f} to {smd['high']:+.2f}" if pd.notna(smd["low"]) else ""
    text = f"SMD of all essays {smd['a']:+.2f} vs. {smd['b']:+.2f} ({smd['difference']:+.2f}"
    text += f"{interval})"
    if groups.empty:
        return text
    worse = groups[groups["farther"] == "a"].sort_values("difference", key=abs, ascending=False)
    named = "; ".join(
        f"{r.attribute} {as_text(r.level)} {r.a:+.2f} vs. {r.b:+.2f}"
        for r in worse.head(3).itertuples()
    )
    named = f" ({named}{' …' * (len(worse) > 3)})" if named else ""
    return (
        f"{text}; DSM is shown to be farther from 0 in {len(worse)} of {len(groups)} "
        f"subgroups{named}, nearer in {(groups['farther'] == 'b').sum()}"
    )


def shift_findings(rules: pd.DataFrame) -> list[str]:
    """Which arms or machines score all examinees higher or lower than human raters do: a shift
    that all subgroups share, and that each SMD contains."""
    flagged = rules[
        (rules["rule"] == Rule.SMD)
        & (rules["verdict"] == RuleVerdict.BROKEN)
        & rules["arm"].isin(["cyborg", "machine"])
    ]
    if flagged.empty:
        return []
    shifted = "; ".join(
        f"{f'{r.student} on ' * (r.student != MACHINES)}{condition_label(r.condition)} "
        f"{r.value:+.2f}"
        for r in flagged.itertuples()
    )
    return [
        f"Scores shifted as a whole, beyond ±0.15 over all essays: {shifted}. Each subgroup's SMD "
        "contains that shift; its DSM, and its verdict, do not."
    ]


def _reliability_caveat(study: Study, test: pd.DataFrame) -> str:
    n = int(test["score_2"].notna().sum()) if "score_2" in test else 0
    if n:
        return (
            f"Human scores contain error. {n:,} essays have a second one, by which conditional "
            "bias and PRMSE are corrected for it where every subgroup has enough of them."
        )
    low, high = study.evaluation.reliability_band
    return (
        "Each essay has one human score, so its reliability is unknown. Conditional bias is "
        f"given for reliabilities of {low:.2f} to {high:.2f}; do not read one value alone."
    )


def caveats(study: Study, corpus: pd.DataFrame, groups: list[str]) -> list[str]:
    """Limitations of a fairness report, from its data."""
    test = corpus[corpus["split"] == "test"]
    lines = [_reliability_caveat(study, test)]
    lines.append("If the human raters are themselves biased, no number here can show it.")
    prompts = test["prompt"].nunique()
    if (test["prompt"] == NO_PROMPT).all():
        answer = "The prompts of the essays are unknown."
    else:
        answer = f"The test essays answer {prompts} prompt{'s' * (prompts != 1)}" + (
            ", too few to generalize to others." if prompts < FEW_CLUSTERS else "."
        )
    lines.append(
        f"{answer} Intervals are for new essays on the same prompts, unless a table says *new "
        "prompts*."
    )
    for group in groups:
        _, levels = group_levels(test, group)
        n = int((levels == MISSING).sum())
        if levels.nunique() < 2:
            what = "is missing for all" if n else "has one level for all"
            lines.append(f"`{group}` {what} {len(test):,} test essays: no comparison is possible.")
        elif MISSING in shown_levels(study, test, group):
            lines.append(
                f"`{group}` is missing for {n:,} of {len(test):,} test essays: a separate "
                "level in the tables, which says nothing about their actual subgroups."
            )
    if note := left_out_groups(study, test, groups):
        lines.append(note)
    inconclusive = verdict_label(Verdict.INCONCLUSIVE).capitalize()
    lines.append(
        f"A subgroup of fewer than {study.evaluation.min_group} essays gets no verdict. "
        f"*{inconclusive}* is not *fair*. Each verdict has an error rate of 5 %, so among many "
        "subgroups some are wrong by chance; `p_bh`, a test of SMD = 0, is adjusted for their "
        "number."
    )
    lines.append(
        "A verdict is on DSM, of continuous scores, which a shift of all essays does not change; "
        "where all essays are scored too high, every subgroup is, and no DSM shows it. DSMs of an "
        "attribute's subgroups balance: where one is scored too low, the others are above 0. SMDs "
        "are of rounded scores, in pooled standard deviations of the subgroup; the tables give "
        "three other denominators too."
    )
    if study.primary_fraction == 1:
        lines.append(
            "U is every human-scored train essay: scoring other essays can give other SMDs."
        )
    elif not study.machines and len(study.sampling.draws) == 1:
        lines.append("U was drawn once: another draw can give other SMDs than these.")
    return lines
