"""Display labels for the keys of results: conditions, verdicts, criteria, statistics, methods.

Results and code use keys alone. A label is made where a table, a figure or a sentence is made, and
nothing is selected by it: each can be reworded here without any other change. The keys are written
out here as plain text, so that a label needs no import of the modules that define them.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cyborg_utils.study.design import CONDITION_FIELDS, Condition
from cyborg_utils.study.schema.study import HARD

ARMS = {
    "full": "all human labels",
    "human": "human labels only",
    "cyborg": "cyborg by {name}",
    "teacher": "Teacher {name}",
    "machine": "{name}",
}
ALL_SCORED = "all scored"
HELD_OUT = "prompt held out"
HUMAN_RATERS = "human raters"
SOURCES = {
    "human": HUMAN_RATERS,
    "human:train": "human raters, U",
    "human:dev": "human raters, dev set",
    "second_rater": "second human rater",
    "teacher": "Teacher {name}, labels",
    "student": "{name}, dev set",
}
PURPOSES = {
    "train": "U: training",
    "dev": "dev set: checkpoint selection",
    "label": "pseudo-labels: training",
    "test": "test set: evaluation",
}
STATISTICS = {
    "qwk": "QWK",
    "smd": "SMD",
    "dsm": "DSM",
    "sd_ratio": "SD ratio (machine / human)",
    "top_share": "proportion of the two highest scores",
    "exact": "exact agreement",
    "adjacent": "adjacent agreement (within one step)",
    "correlation": "correlation",
    "mean_difference": "mean difference",
    "rmse": "RMSE",
    "r2": "R²",
    "kappa": "kappa, unweighted",
    "prmse": "PRMSE",
    "mean_machine": "mean M",
    "bias": "bias (mean of M − H)",
    "conditional_sem": "conditional SEM",
    "beyond_one_step": "beyond one step",
    "accuracy": "accuracy",
    "cut_kappa": "kappa at the cut",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "human_rate": "above by H",
    "machine_rate": "above by M",
    "rate_difference": "above by M minus by H",
    "consistency": "consistency of H and H2",
    "consistency_kappa": "kappa of H and H2",
    "accuracy_loss": "consistency minus accuracy",
    "adjudication_machine": "adjudication, H and M",
    "adjudication_human": "adjudication, H and H2",
    "smd_machine": "SMD of M",
    "smd_human": "SMD of H2",
    "qwk_machine": "QWK of H and M",
    "qwk_human": "QWK of H and H2",
    "human_criterion": "correlation of H with the criterion",
    "machine_criterion": "correlation of M with the criterion",
    "criterion_difference": "M minus H",
    "partial_machine": "of M, given H",
    "partial_human": "of H, given M",
    "matched_human": "difference in H at equal criterion",
    "matched_machine": "difference in M at equal criterion",
    "matched_difference": "M minus H at equal criterion",
}
CRITERIA = {  # what machine scores are compared with
    "human": "one rating",
    "human_of_double_scored": "one rating, double-scored essays",
    "mean_of_two": "mean of two ratings",
    "true_score": "true score",
}
METHODS = {
    "none": "plain rounding",
    "mean": "mean constraint",
    "linear": "linear equating",
    "isotonic": "isotonic regression",
    "cuts": "rounding thresholds",
}
DECODING_RULES = {
    "hard": "most probable score",
    "expected": "expected score",
    "linked": "linked score",
    "prior_corrected": "corrected for label shift",
    "equated": "mean and SD equated on dev",
}
RULES = {
    "qwk": "QWK at least 0.70",
    "correlation": "correlation at least 0.70",
    "smd": "SMD within ±0.15",
    "sd_ratio": "SD ratio within 2/3 to 3/2",
    "qwk_degradation": "QWK at most 0.10 below human–human",
    "correlation_degradation": "correlation at most 0.10 below human–human",
    "exact_degradation": "exact agreement at most 5.125 percentage points below human–human",
}
RULE_SOURCES = {
    "qwk": "Williamson, Xi and Breyer (2012)",
    "correlation": "Williamson, Xi and Breyer (2012)",
    "smd": "Williamson, Xi and Breyer (2012)",
    "sd_ratio": "Wang and von Davier (2014)",
    "qwk_degradation": "Williamson, Xi and Breyer (2012)",
    "correlation_degradation": "Williamson, Xi and Breyer (2012)",
    "exact_degradation": "Wang and von Davier (2014)",
}
VERDICTS = {
    "within": "within",
    "outside": "outside",
    "inconclusive": "inconclusive",
    "met": "pass",
    "broken": "flagged",
    "too_low": "too low",
    "too_high": "too high",
    "undefined": "undefined",
    "too_few": "too few essays",
    "no_group": "no group",
    "depends_on_reliability": "depends",
    "not_estimable": "not estimable",
}
POPULATIONS = {  # what an interval generalizes to
    "these_runs": "new essays, for this draw of U and these trainings",
    "this_draw": "new essays and trainings, for this draw of U and its Teacher, if any",
    "one_full_run": "new essays and draws of U, for this training on all human labels",
    "new_draws": "new essays and trainings, and draws of U where it is used",
}
NO_INTERVAL = {
    "no_gain": "no interval: all human labels are not shown to be better than human-only",
    "gain_uncertain": "no interval: the gain of all human labels is too uncertain",
}
SCOPES = {  # the same, for a sentence
    "these_runs": "for this draw of U and this Teacher, trained once",
    "this_draw": "for this draw of U and this Teacher",
    "one_full_run": "for this one training on all human labels",
    "new_draws": "for new draws of U",
}
SAMPLED = {  # what an interval is over
    "these_runs": "essays",
    "this_draw": "essays and trainings",
    "one_full_run": "essays and draws",
    "new_draws": "essays, draws and trainings",
}
ANOMALIES = {
    "instructions": "with instructions to a scorer",
    "special_tokens": "with special tokens of a language model",
    "hidden_characters": "with control or invisible characters",
    "markup": "with HTML, such as <p> or &nbsp;",
}
READINGS = {"plain": "plain rounding", "linked": "linked"}
ATTRIBUTES = {"(all)": "all essays"}
PROMPTS = {"(all)": "all held-out prompts"}
FIFTHS = {"1": "1 (shortest fifth)", "5": "5 (longest fifth)"}
GROUP = "{attribute}: {level}"


def condition_label(condition: str) -> str:
    """Label of the condition with that `condition_id`: `cyborg by llama, 10 %`."""
    fields = Condition.from_id(condition)
    label = [ARMS[fields.arm].format(name=fields.teacher)]
    if fields.strategy not in (None, HARD.name):
        label.append(fields.strategy)
    if fields.fraction is not None:
        label.append(fraction_label(fields.fraction))
    if fields.held_out is not None:
        label.append(HELD_OUT)
    return ", ".join(label)


def arm_label(arm: str, teacher: str | None) -> str:
    """Label of an arm, at any fraction: `cyborg by llama`."""
    return ARMS[arm].format(name=teacher)


def fraction_label(fraction: float) -> str:
    """U as a proportion of the human-scored train essays: `10 %`."""
    if fraction == 1:
        return ALL_SCORED
    digits = f"{fraction:.3g}" if fraction < 0.001 else f"{fraction:.4g}"
    return f"{float(digits) * 100:g} %"


def source_label(source: str) -> str:
    """Label of a source of scores: human raters, a condition, a Teacher's labels, a Student."""
    kind, _, name = source.partition(":")
    if source in SOURCES:
        return SOURCES[source]
    return SOURCES[kind].format(name=name) if name else condition_label(source)


def scorer_label(scorer: str) -> str:
    """Label of who scored essays: human raters, or a Teacher."""
    return HUMAN_RATERS if scorer == "human" else arm_label("teacher", scorer)


def statistic_label(statistic: str) -> str:
    return STATISTICS[statistic]


def criterion_label(criterion: str) -> str:
    """What machine scores are compared with, by `cyborg_utils.analysis.error_profile`."""
    return CRITERIA[criterion]


def method_label(method: str) -> str:
    """A method of `cyborg_utils.statistics.calibration.METHODS`."""
    return METHODS[method]


def decoding_rule_label(rule: str) -> str:
    """A decoding rule of `cyborg_utils.labeling.strategies.DECODING_RULES`."""
    return DECODING_RULES[rule]


def rule_label(rule: str) -> str:
    return RULES[rule]


def rule_source(rule: str) -> str:
    """Who proposed an evaluation criterion."""
    return RULE_SOURCES[rule]


def verdict_label(verdict: str) -> str:
    """A verdict of any kind, or an `Outcome`."""
    return VERDICTS[verdict]


def population_label(population: str) -> str:
    """A `cyborg_utils.statistics.variance_components.Population`."""
    return POPULATIONS[population]


def no_interval_label(reason: str) -> str:
    """Why a retention has no interval, a `cyborg_utils.statistics.contrasts.NoInterval`."""
    return NO_INTERVAL[reason]


def scope_label(population: str) -> str:
    """A population as part of a sentence: `for this draw of U and this Teacher`."""
    return SCOPES[population]


def sampled_label(population: str) -> str:
    """What an interval for a population is over: `essays and trainings`."""
    return SAMPLED[population]


def reading_label(reading: str) -> str:
    """How scores are read: as the model gives them, rounded, or linked to the human scale."""
    return READINGS[reading]


def attribute_label(attribute: str) -> str:
    return ATTRIBUTES.get(attribute, attribute)


def prompt_label(prompt: str) -> str:
    return PROMPTS.get(prompt, prompt)


def stratum_label(by: str, level: str) -> str:
    """Label of a stratum's level; where `by` is "words", a fifth of the essays by length."""
    return FIFTHS.get(level, level) if by == "words" else level


def purpose_label(purpose: str) -> str:
    """What scored essays are used for."""
    return PURPOSES[purpose]


def anomaly_label(kind: str) -> str:
    """One of `cyborg_utils.corpus.text_screening.KINDS`."""
    return ANOMALIES[kind]


def group_labels(frame: pd.DataFrame) -> pd.Series:
    """Label of each row's subgroup: `gender: F`."""
    groups = zip(frame["attribute"], frame["level"], strict=True)
    names = [
        ATTRIBUTES.get(attribute) or GROUP.format(attribute=attribute, level=level)
        for attribute, level in groups
    ]
    return pd.Series(names, frame.index, dtype=object)


LABEL_OF_COLUMN: dict[str, Callable[[str], str]] = {
    "condition": condition_label,
    "condition_a": condition_label,
    "condition_b": condition_label,
    "source": source_label,
    "reading": reading_label,
    "statistic": statistic_label,
    "criterion": criterion_label,
    "method": method_label,
    "decoding_rule": decoding_rule_label,
    "rule": rule_label,
    "verdict": verdict_label,
    "population": population_label,
    "gain_population": population_label,
    "loss_population": population_label,
    "attribute": attribute_label,
    "prompt": prompt_label,
    "purpose": purpose_label,
}


def with_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame of results for display: labels in place of keys, and one label in place of the fields
    of a condition."""
    fields = CONDITION_FIELDS[1:] if "condition" in frame else []
    shown = frame.drop(columns=fields, errors="ignore")
    labeled = {
        c: [label(v) for v in shown[c]] for c, label in LABEL_OF_COLUMN.items() if c in shown
    }
    return shown.assign(**labeled)
