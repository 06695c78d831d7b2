"""What readers call the keys of results: conditions, verdicts, rules, statistics, methods.

Results and code know keys alone. A label is made where a table, a figure or a sentence is made, and
nothing is selected by it: each can be reworded here without any other change. The keys stand here
as plain text, so that a label costs no import of the modules that define them.
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
HELD_OUT = "prompt left out"
SOURCES = {
    "human": "people",
    "human:train": "people, U",
    "human:dev": "people, dev",
    "teacher": "Teacher {name}, labels",
    "student": "{name}, dev",
}
PURPOSES = {
    "train": "U: learnt from",
    "dev": "dev: picks weights",
    "label": "labels: learnt from",
    "test": "test: judges",
}
STATISTICS = {
    "qwk": "QWK",
    "smd": "SMD",
    "sd_ratio": "SD of the machine's scores over people's",
    "top_share": "share of the two highest scores",
    "exact": "exact agreement",
    "adjacent": "adjacent agreement",
    "correlation": "correlation",
    "mean_difference": "mean difference",
}
METHODS = {
    "none": "plain rounding",
    "mean": "mean constraint",
    "linear": "mean and spread",
    "isotonic": "isotonic regression",
    "cuts": "cut points",
}
DECODING_RULES = {
    "hard": "most probable score",
    "expected": "expected score",
    "prior_corrected": "corrected for label shift",
    "equated": "mean and SD of dev",
}
RULES = {
    "qwk": "QWK at least 0.70",
    "smd": "SMD within ±0.15",
    "sd_ratio": "SD ratio within 2/3 to 3/2",
    "qwk_degradation": "QWK at most 0.10 below two people's",
    "exact_degradation": ("exact agreement at most 5.125 percentage points below two people's"),
}
RULE_SOURCES = {
    "qwk": "Williamson, Xi and Breyer (2012)",
    "smd": "Williamson, Xi and Breyer (2012)",
    "sd_ratio": "Wang and von Davier (2014)",
    "qwk_degradation": "Williamson, Xi and Breyer (2012)",
    "exact_degradation": "Wang and von Davier (2014)",
}
VERDICTS = {
    "within": "within",
    "outside": "outside",
    "inconclusive": "cannot tell",
    "met": "met",
    "broken": "broken",
    "too_low": "too low",
    "too_high": "too high",
    "undefined": "undefined",
    "none_shown": "none shown",
    "depends_on_reliability": "depends",
    "not_estimable": "cannot tell",
}
ANOMALIES = {
    "instructions": "with instructions to a scorer",
    "special_tokens": "with special tokens of a language model",
    "hidden_characters": "with control or invisible characters",
}
ATTRIBUTES = {"(all)": "all essays"}
PROMPTS = {"(all)": "all left-out prompts"}
FIFTHS = {"1": "1 (shortest fifth)", "5": "5 (longest fifth)"}
GROUP = "{attribute}: {level}"


def condition_label(condition: str) -> str:
    """What readers call a condition of that `condition_id`: `cyborg by llama, 10 %`."""
    parts = Condition.from_id(condition)
    label = [ARMS[parts.arm].format(name=parts.teacher)]
    if parts.strategy not in (None, HARD.name):
        label.append(parts.strategy)
    if parts.fraction is not None:
        label.append(fraction_label(parts.fraction))
    if parts.held_out is not None:
        label.append(HELD_OUT)
    return ", ".join(label)


def arm_label(arm: str, teacher: str | None) -> str:
    """What readers call an arm at whatever fraction: `cyborg by llama`."""
    return ARMS[arm].format(name=teacher)


def fraction_label(fraction: float) -> str:
    """The share of the scored train essays that is U: `10 %`."""
    if fraction == 1:
        return ALL_SCORED
    digits = f"{fraction:.3g}" if fraction < 0.001 else f"{fraction:.4g}"
    return f"{float(digits) * 100:g} %"


def source_label(source: str) -> str:
    """What readers call a source of scores: people, a condition, a Teacher's labels, a Student."""
    kind, _, name = source.partition(":")
    if source in SOURCES:
        return SOURCES[source]
    return SOURCES[kind].format(name=name) if name else condition_label(source)


def scorer_label(scorer: str) -> str:
    """What readers call who scored essays: people, or a Teacher."""
    return SOURCES["human"] if scorer == "human" else arm_label("teacher", scorer)


def statistic_label(statistic: str) -> str:
    return STATISTICS[statistic]


def method_label(method: str) -> str:
    """A method of `cyborg_utils.statistics.calibration.METHODS`."""
    return METHODS[method]


def decoding_rule_label(reading: str) -> str:
    """A decoding rule of `cyborg_utils.labeling.strategies.DECODING_RULES`."""
    return DECODING_RULES[reading]


def rule_label(rule: str) -> str:
    return RULES[rule]


def rule_source(rule: str) -> str:
    """Whose rule it is."""
    return RULE_SOURCES[rule]


def verdict_label(verdict: str) -> str:
    """A verdict of any kind, or an `Outcome`."""
    return VERDICTS[verdict]


def attribute_label(attribute: str) -> str:
    return ATTRIBUTES.get(attribute, attribute)


def prompt_label(prompt: str) -> str:
    return PROMPTS.get(prompt, prompt)


def stratum_label(by: str, level: str) -> str:
    """A level of an audit's stratum, which is a fifth of the essays where `by` is their words."""
    return FIFTHS.get(level, level) if by == "words" else level


def purpose_label(purpose: str) -> str:
    """What essays are scored for."""
    return PURPOSES[purpose]


def anomaly_label(kind: str) -> str:
    """One of `cyborg_utils.corpus.text_screening.KINDS`."""
    return ANOMALIES[kind]


def group_labels(frame: pd.DataFrame) -> pd.Series:
    """What a table calls each row's group: `gender: F`."""
    groups = zip(frame["attribute"], frame["level"], strict=True)
    names = [GROUP.format(attribute=attribute, level=level) for attribute, level in groups]
    return pd.Series(names, frame.index, dtype=object)


LABEL_OF_COLUMN: dict[str, Callable[[str], str]] = {
    "condition": condition_label,
    "condition_a": condition_label,
    "condition_b": condition_label,
    "source": source_label,
    "statistic": statistic_label,
    "method": method_label,
    "decoding_rule": decoding_rule_label,
    "rule": rule_label,
    "verdict": verdict_label,
    "attribute": attribute_label,
    "prompt": prompt_label,
    "purpose": purpose_label,
}


def with_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame of results for reading: keys give way to labels, and the fields of a condition to the
    one label that says them all."""
    fields = CONDITION_FIELDS[1:] if "condition" in frame else []
    shown = frame.drop(columns=fields, errors="ignore")
    labeled = {
        c: [label(v) for v in shown[c]] for c, label in LABEL_OF_COLUMN.items() if c in shown
    }
    return shown.assign(**labeled)
