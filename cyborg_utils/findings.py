"""What a study found, in sentences of Markdown that are generated from its numbers."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.calibration import METHODS
from cyborg_utils.corpus import NO_PROMPT
from cyborg_utils.fairness import MISSING, group_levels
from cyborg_utils.markdown import as_text
from cyborg_utils.measures import SHIFT_RULE
from cyborg_utils.privacy import left_out_groups, shown_levels
from cyborg_utils.resampling import FEW_CLUSTERS
from cyborg_utils.schema import HARD, MACHINES, Study

FEW = 50  # essays in a stratum from which a sentence is made of it


def headline_findings(
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
        main = compared[(compared["fraction"] == study.headline) & (compared["use"] == HARD.name)]
    by_name = agreement.set_index(["student", "series"])
    for row in main.itertuples():
        own = by_name.loc[(row.student, row.series)]
        text = (
            f"**{row.student}** on {row.series} ({own['n_human']:,} hand-scored train essays): "
            f"QWK {own['qwk']:.3f}"
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


def next_labels(steps: pd.DataFrame, n_test: int) -> list[str]:
    """Whether to score more essays by hand, in one sentence read off the best curve's last step.

    A curve says nothing beyond one more step of the same factor, and seldom gets steeper.

    Parameters
    ----------
    steps : of `cyborg_utils.results.last_steps`, with a column `student`.
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
        f"{best['low']:+.3f} to {best['high']:+.3f}; **{best['student']}** on {best['series']})"
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
        f"**{best['series']}** has QWK {best['qwk']:.3f} with people ({best['low']:.3f} to "
        f"{best['high']:.3f}){among}."
    ]
    for row in pairs[pairs["declared"]].itertuples() if len(pairs) else ():
        known = pd.notna(row.new_prompts_low)
        wide = (
            f"; for new prompts {row.new_prompts_low:+.3f} to {row.new_prompts_high:+.3f}" * known
        )
        lines.append(
            f"**{row.a}** is {_than(row.p_adjusted, row.difference)} **{row.b}** "
            f"({row.difference:+.3f}, 95 % interval {row.low:+.3f} to {row.high:+.3f}, "
            f"Holm-adjusted p {_p(row.p_adjusted)}{wide})."
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


def fairness_findings(study: Study, fairness: dict, arm: str) -> list[str]:
    """Which groups an arm scores outside the bound, worst first, by Student."""
    lines = []
    for name, report in fairness.items():
        mine = [
            r
            for r in report["groups"]
            if r["arm"] == arm and r["n"] >= study.evaluation.min_group and r["smd"] is not None
        ]
        outside = [r for r in mine if r["verdict"] == "outside bounds"]
        outside.sort(key=lambda r: -abs(r["smd"]))
        where = " on cyborg data" * (arm == "cyborg")
        whose = "" if arm == "machine" else f" of **{name}**{where}"
        bound = f"±{report['bound']:g}"
        told = "; ".join(
            f"{r['attribute']} {as_text(r['level'])} ({r['series']}) {r['smd']:+.2f}"
            for r in outside[:4]
        )
        within = sum(r["verdict"] == "within bounds" for r in mine)
        if not mine:
            lines.append(f"Fairness{whose}: there is no group of a reportable size to judge.")
        elif outside:
            lines.append(
                f"Fairness{whose}: *outside bounds* of {bound}, {len(outside)} of {len(mine)} "
                f"SMDs: {told}{' …' if len(outside) > 4 else ''}."
            )
        else:
            lines.append(
                f"Fairness{whose}: no group is shown to be outside {bound}; {within} of "
                f"{len(mine)} SMDs are shown to be within, the others nobody can tell."
            )
    return lines


def shift_findings(rules: pd.DataFrame, agreement: pd.DataFrame) -> list[str]:
    """Which arms or machines score all writers higher or lower than people do: a shift that every
    group shares, and that a group's SMD contains."""
    of_interest = agreement.loc[agreement["arm"].isin(["cyborg", "machine"]), ["student", "series"]]
    broken = rules[(rules["rule"] == SHIFT_RULE) & (rules["verdict"] == "broken")]
    broken = broken.merge(of_interest)
    if broken.empty:
        return []
    told = "; ".join(
        f"{r.series if r.student == MACHINES else f'{r.student} on {r.series}'} {r.value:+.2f}"
        for r in broken.itertuples()
    )
    return [
        f"Scores shifted as a whole, beyond ±0.15 over all essays: {told}. Every group's SMD "
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
    lines.append(
        f"A group of fewer than {study.evaluation.min_group} essays gets no verdict. *Cannot tell* "
        "is not *fair*. Each verdict has an error of 5 % of its own, so among many groups some are "
        "wrong by chance; `p_bh`, a test of SMD = 0, is corrected for their number."
    )
    lines.append(
        "SMDs are of rounded scores, over the pooled SD of the group; the tables give the other "
        "three units too."
    )
    if study.headline == 1:
        lines.append("U is every scored train essay: other essays scored can give other SMDs.")
    elif not study.machines and len(study.sampling.draws) == 1:
        lines.append("U was drawn once: another draw can give other SMDs than these.")
    return lines


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
    at = agreement[agreement["fraction"] == study.headline]
    plain = at[at["student"].isin(classical) & (at["arm"] == "human")]
    cyborg = at[~at["student"].isin(classical) & (at["use"] == HARD.name)]
    if plain.empty or cyborg.empty:
        return [], False
    one, best = plain.loc[plain["qwk"].idxmax()], cyborg.loc[cyborg["qwk"].idxmax()]
    wins = bool(one["qwk"] > best["qwk"])
    ahead = "**Classical scoring is ahead here.** " * wins
    return [
        f"{ahead}The yardstick, **{one['student']}** on the same human labels only (tf-idf and "
        f"length): QWK {one['qwk']:.3f} ({one['low']:.3f} to {one['high']:.3f}); the best neural "
        f"Student on cyborg data ({best['student']}, {best['series']}): {best['qwk']:.3f} "
        f"({best['low']:.3f} to {best['high']:.3f})."
    ], wins


def calibration_findings(table: pd.DataFrame, student: str, bound: float) -> list[str]:
    """What the mean constraint, the method in question, does to each series, which method leaves
    the least bias, and whether that reaches the bounds of 0.10 and 0.05, in sentences."""
    lines = []
    for series, rows in table.groupby("series", sort=False):
        rows = rows.set_index("method")
        plain, mean = rows.loc["none"], rows.loc["mean"]
        told = f"**{student}**, {series}: the mean constraint moves QWK by {mean['change']:+.3f}"
        told += f" from {plain['qwk']:.3f}, the SMD of all essays from {plain['smd_all']:+.2f} to "
        told += f"{mean['smd_all']:+.2f}"
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
        f"Least bias: {METHODS[least.name]}, largest |SMD| {least['largest']:.2f}{cost}; "
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
            f"{row['by']} {as_text(row['level'])}, "
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
