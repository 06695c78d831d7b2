"""Sentences on how machines err: by score point, cut score, prompt, and next to a second rater."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.error_profile import SECOND_RATER
from cyborg_utils.analysis.measures import RuleVerdict
from cyborg_utils.analysis.second_rater import EVERYONE
from cyborg_utils.reporting.labels import condition_label, rule_label


def error_findings(
    points: pd.DataFrame,
    cuts: pd.DataFrame,
    prompts: pd.DataFrame,
    by_rater: pd.DataFrame,
    least: int,
) -> list[str]:
    """How each machine or arm errs, in one sentence each, and on which prompts it is flagged.

    Parameters
    ----------
    points, cuts, prompts : tables of `cyborg_utils.analysis.error_profile`.
    by_rater : that of `cyborg_utils.analysis.second_rater.compare_with_second_rater`.
    least : essays of a score point that is named.
    """
    lines = []
    machines = points[points["condition"] != SECOND_RATER]
    for condition, of in machines[machines["n"] >= least].groupby("condition", sort=False):
        parts = [_lowest_exact(of), _largest_bias(of)]
        parts += _at_cuts(cuts[cuts["condition"] == condition])
        parts += _adjudication(by_rater[by_rater["condition"] == condition])
        lines.append(f"**{condition_label(condition)}**: {'; '.join(parts)}.")
    return [*lines, *_flagged_prompts(prompts)]


def _lowest_exact(points: pd.DataFrame) -> str:
    exact = points[points["statistic"] == "exact"]
    row = exact.loc[exact["estimate"].idxmin()]
    return (
        f"of the essays with human score {row['score']:g} it gives that score to {_percent(row)}, "
        "its lowest rate"
    )


def _largest_bias(points: pd.DataFrame) -> str:
    bias = points[points["statistic"] == "bias"]
    row = bias.loc[bias["estimate"].abs().idxmax()]
    return (
        f"its largest bias is {row['estimate']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f}) "
        f"score points, at human score {row['score']:g}"
    )


def _at_cuts(cuts: pd.DataFrame) -> list[str]:
    kappas = cuts[cuts["statistic"] == "cut_kappa"]
    if kappas.empty:
        return []
    lowest = kappas.loc[kappas["estimate"].idxmin()]
    found = cuts[cuts["cut"] == lowest["cut"]].set_index("statistic")
    kappa = f"{lowest['estimate']:.2f} ({lowest['low']:.2f} to {lowest['high']:.2f})"
    part = f"at the cut {lowest['cut']:g} its kappa is {kappa}"
    if "sensitivity" in found.index:
        part += f", and it finds {_percent(found.loc['sensitivity'])} of the essays above"
    if "consistency_kappa" in found.index:
        part += (
            f"; the kappa of two raters there is {found.loc['consistency_kappa', 'estimate']:.2f}"
        )
    return [part]


def _adjudication(by_rater: pd.DataFrame) -> list[str]:
    of_all = by_rater[by_rater["attribute"] == EVERYONE].set_index("statistic")
    if "adjudication_machine" not in of_all.index:
        return []
    part = f"{_percent(of_all.loc['adjudication_machine'], 1)} differ by more than one step"
    if "adjudication_human" in of_all.index:
        part += f", {_percent(of_all.loc['adjudication_human'], 1)} between two raters"
    return [part]


def _percent(row: pd.Series, digits: int = 0) -> str:
    value, low, high = (f"{100 * row[c]:.{digits}f}" for c in ("estimate", "low", "high"))
    return f"{value}\u00a0% ({low} to {high}\u00a0%)"


def _flagged_prompts(prompts: pd.DataFrame) -> list[str]:
    if prompts.empty:
        return []
    flagged = prompts[prompts["verdict"] == RuleVerdict.BROKEN]
    n = prompts["prompt"].nunique()
    if flagged.empty:
        return [f"No criterion is flagged on any of {n} prompts; see which are inconclusive."]
    counts = flagged.groupby(["rule", "condition"], sort=False).size()
    names = []
    for rule, of in counts.groupby(level="rule", sort=False):
        each = "; ".join(f"{condition_label(c)}: {k}" for (_, c), k in of.items())
        names.append(f"{rule_label(rule)} ({each})")
    return [f"Flagged on single prompts, with their number out of {n}: {'; '.join(names)}."]
