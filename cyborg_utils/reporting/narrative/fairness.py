"""Sentences on subgroups: verdicts, shifts of all scores, what the numbers cannot say."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.disclosure import shown_levels
from cyborg_utils.analysis.measures import Rule, RuleVerdict
from cyborg_utils.corpus.columns import NO_PROMPT
from cyborg_utils.reporting.labels import condition_label, verdict_label
from cyborg_utils.reporting.markdown import as_text
from cyborg_utils.statistics.bootstrap import FEW_CLUSTERS
from cyborg_utils.statistics.groups import MISSING, group_levels
from cyborg_utils.statistics.hypothesis_tests import Verdict
from cyborg_utils.study.results import FairnessResult
from cyborg_utils.study.schema.study import MACHINES, Study


def read_verdict(row, min_group: int, bound: float) -> str:
    """A group's verdict in words that an assessment director can act on."""
    if row.n < min_group:
        return f"fewer than {min_group} essays: no verdict"
    low, high = f"{row.smd_low:+.2f}", f"{row.smd_high:+.2f}"
    side = "lower" if row.smd < 0 else "higher"
    if pd.isna(row.smd):
        return "cannot be judged: the scores do not vary"
    match row.verdict:
        case Verdict.WITHIN:
            return f"differs from people by less than the bound ({low} to {high})"
        case Verdict.OUTSIDE:
            advice = "do not use without correction"
            return f"scored {side} than people score them: {advice} ({low} to {high})"
        case _ if row.essays_needed > row.n:
            enough = f"about {row.essays_needed:,.0f} essays could show a fair machine fair"
            return f"too few essays to tell ({low} to {high}; {enough})"
        case _ if (row.smd_high - row.smd_low) / 2 > bound:
            return f"the runs differ too much to tell ({low} to {high}; more draws or seeds could)"
        case _:
            return f"too near the bound to tell ({low} to {high})"


def left_out_groups(study: Study, essays: pd.DataFrame, groups: list[str]) -> str | None:
    """How many groups are left out and why, in one sentence; None where all are shown."""
    lacking = {
        group: group_levels(essays, group)[1].nunique() - len(shown_levels(study, essays, group))
        for group in groups
    }
    n, among = sum(lacking.values()), ", ".join(as_text(g) for g, k in lacking.items() if k)
    if not n:
        return None
    told = "1 group of writers" if n == 1 else f"{n} groups of writers"
    verb = "is" if n == 1 else "are"
    return (
        f"{told} (of {among}) {verb} left out of every table and figure, so that no single "
        f"writer's scores can be read from them: fewer than {study.least_shown} essays, or what "
        "would tell such a group by subtraction."
    )


def fairness_findings(study: Study, fairness: dict[str, FairnessResult], arm: str) -> list[str]:
    """Which groups an arm scores outside the bound, worst first, by Student."""
    lines = []
    for name, report in fairness.items():
        judged = [
            r
            for r in report.groups
            if r["arm"] == arm and r["n"] >= study.evaluation.min_group and r["smd"] is not None
        ]
        outside = [r for r in judged if r["verdict"] == Verdict.OUTSIDE]
        outside.sort(key=lambda r: -abs(r["smd"]))
        where = " on cyborg data" * (arm == "cyborg")
        whose = "" if arm == "machine" else f" of **{name}**{where}"
        bound = f"±{report.bound:g}"
        largest = "; ".join(
            f"{r['attribute']} {as_text(r['level'])} ({condition_label(r['condition'])}) "
            f"{r['smd']:+.2f}"
            for r in outside[:4]
        )
        within = sum(r["verdict"] == Verdict.WITHIN for r in judged)
        if not judged:
            lines.append(f"Fairness{whose}: there is no group of a reportable size to judge.")
        elif outside:
            lines.append(
                f"Fairness{whose}: *outside bounds* of {bound}, {len(outside)} of {len(judged)} "
                f"SMDs: {largest}{' …' if len(outside) > 4 else ''}."
            )
        else:
            lines.append(
                f"Fairness{whose}: no group is shown to be outside {bound}; {within} of "
                f"{len(judged)} SMDs are shown to be within, the others nobody can tell."
            )
    return lines


def shift_findings(rules: pd.DataFrame) -> list[str]:
    """Which arms or machines score all writers higher or lower than people do: a shift that every
    group shares, and that a group's SMD contains."""
    broken = rules[
        (rules["rule"] == Rule.SMD)
        & (rules["verdict"] == RuleVerdict.BROKEN)
        & rules["arm"].isin(["cyborg", "machine"])
    ]
    if broken.empty:
        return []
    shifted = "; ".join(
        f"{f'{r.student} on ' * (r.student != MACHINES)}{condition_label(r.condition)} "
        f"{r.value:+.2f}"
        for r in broken.itertuples()
    )
    return [
        f"Scores shifted as a whole, beyond ±0.15 over all essays: {shifted}. Every group's SMD "
        "contains that shift; `dsm` in the fairness report takes it out."
    ]


def caveats(study: Study, corpus: pd.DataFrame, groups: list[str]) -> list[str]:
    """What the numbers of a fairness report cannot say, from the data that they are of."""
    test = corpus[corpus["split"] == "test"]
    lines = []
    if "score_2" in test and test["score_2"].notna().any():
        n = int(test["score_2"].notna().sum())
        lines.append(
            f"Human scores are noisy. {n:,} essays have a second one, which the conditional bias "
            "and PRMSE use to take that noise out where they are enough."
        )
    else:
        lines.append(
            "Each essay has one human score, so its reliability is not known here. The conditional "
            "bias is given for reliabilities of 0.75 to 0.95; do not read one value alone."
        )
    lines.append("If people are themselves biased, no number here can show it.")
    prompts = test["prompt"].nunique()
    if (test["prompt"] == NO_PROMPT).all():
        answer = "The essays' prompts are not known."
    else:
        answer = f"The test essays answer {prompts} prompt{'s' * (prompts != 1)}" + (
            ", too few to speak for others." if prompts < FEW_CLUSTERS else "."
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
            lines.append(f"`{group}` {what} {len(test):,} test essays: nothing can be compared.")
        elif MISSING in shown_levels(study, test, group):
            lines.append(
                f"`{group}` is missing for {n:,} of {len(test):,} test essays, a level of its own "
                "in the tables that says nothing of the groups which they belong to."
            )
    if told := left_out_groups(study, test, groups):
        lines.append(told)
    inconclusive = verdict_label(Verdict.INCONCLUSIVE).capitalize()
    lines.append(
        f"A group of fewer than {study.evaluation.min_group} essays gets no verdict. "
        f"*{inconclusive}* is not *fair*. Each verdict has an error of 5 % of its own, so among "
        "many groups some are wrong by chance; `p_bh`, a test of SMD = 0, is corrected for their "
        "number."
    )
    lines.append(
        "SMDs are of rounded scores, over the pooled SD of the group; the tables give the other "
        "three units too."
    )
    if study.primary_fraction == 1:
        lines.append("U is every scored train essay: other essays scored can give other SMDs.")
    elif not study.machines and len(study.sampling.draws) == 1:
        lines.append("U was drawn once: another draw can give other SMDs than these.")
    return lines
