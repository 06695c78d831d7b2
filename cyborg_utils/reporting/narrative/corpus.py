"""Notes on the essays of a study: which are compared, unscored, or anomalous."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.corpus.related_essays import kept_together, near_duplicates
from cyborg_utils.corpus.text_screening import KINDS
from cyborg_utils.reporting.labels import anomaly_label
from cyborg_utils.statistics.weighting import (
    design_effect,
    effective_n,
    inverse_probability_weights,
)
from cyborg_utils.study.schema.study import Study


def not_compared_note(study: Study, corpus: pd.DataFrame) -> str | None:
    """Which essays of a file of machine scores are compared, and how they are weighted; None where
    all are, alike."""
    missing = {"human raters": corpus["score"].isna()} if study.machines else {}
    missing |= {name: corpus[name].isna() for name in study.machines}
    counts = ", ".join(f"{n.sum():,} by {scorer}" for scorer, n in missing.items() if n.any())
    compared = corpus[~pd.DataFrame(missing, corpus.index).any(axis=1)]
    notes = []
    if counts:
        notes.append(
            f"Of {len(corpus):,} essays some have no score ({counts}). Machines are compared on "
            f"the {len(compared):,} that all have scored."
        )
    if "probability" in corpus:
        weights = inverse_probability_weights(compared["probability"])
        notes.append(
            "Essays are weighted by 1 / the probability with which they were drawn. The design "
            f"effect is {design_effect(weights):.2f}: {len(compared):,} essays count as "
            f"{effective_n(weights):,.0f} equally weighted ones. Conditional bias is not weighted, "
            "and comparisons of machines have no interval for new prompts."
        )
    return " ".join(notes) or None


def means_note(study: Study, corpus: pd.DataFrame) -> str | None:
    """How human scores between the points of the scale are used, in one sentence; None where all
    are points."""
    scores = corpus["score"].dropna()
    if not (n := (~scores.isin(study.labels)).sum()):
        return None
    return (
        f"{n:,} of {len(scores):,} human scores lie between the points of the scale, as means of "
        "ratings do. They are rounded to the nearest point (ties to the even one) for QWK, exact "
        "and adjacent agreement, score distributions and subgroups; correlation, concordance and "
        "PRMSE are of the scores as they are."
    )


def not_scored_note(study: Study, corpus: pd.DataFrame) -> str | None:
    """What is unknown about unscored train essays; None where all are scored."""
    scored = corpus["score"].notna().groupby(corpus["split"]).agg(["sum", "size"])
    if study.machines or scored.loc["train", "sum"] == scored.loc["train", "size"]:
        return None
    n, n_scored = scored.loc["train", "size"], scored["sum"]
    evaluated_on = (
        f"estimated on {n_scored['dev']:,} dev and {n_scored.get('test', 0):,} test essays alone."
    )
    if not study.evaluation.has_test_set:
        evaluated_on = f"unknown: there are {n_scored['dev']:,} dev essays and no test essays."
    return (
        f"{n - n_scored['train']:,} of {n:,} train essays have no human score. A Teacher scores "
        "them; "
        "their human scores are unknown, so that no model is trained on or compared with them, and "
        f"human–machine agreement is {evaluated_on}"
    )


def related_notes(study: Study, corpus: pd.DataFrame) -> list[str]:
    """How many essays share a text or a writer, and how many are near-duplicates, a sentence each;
    none where no model is trained."""
    if study.machines:
        return []
    n, n_evaluated = near_duplicates(corpus), (corpus["split"] != "train").sum()
    return [
        *kept_together(corpus),
        f"{n:,} of {n_evaluated:,} dev and test essays are near-duplicates of a train essay (of "
        "all their sequences of five words, 80 % or more are in both); none is removed.",
    ]


def no_test_set_note(study: Study) -> str | None:
    """That a study has no test set, and what follows, in Markdown; None where it has one."""
    if study.evaluation.has_test_set:
        return None
    if study.evaluation.cross_fitting:
        return (
            "**This study sets no test essays aside** (`evaluation.has_test_set: false`): "
            "agreement and fairness are evaluated by cross-fitting, in `04b_cross_fitting`."
        )
    return (
        "**This study has no human-scored test essays** (`evaluation.has_test_set: false`): "
        "how well a machine agrees with human raters on new essays is unknown, and so is its "
        "fairness."
    )


def anomalies_note(texts: pd.Series) -> str | None:
    """How many essays are anomalous responses, in one sentence; None where there is none."""
    counts = {
        kind: sum(bool(pattern.search(text)) for text in texts.dropna())
        for kind, pattern in KINDS.items()
    }
    anomalies = "; ".join(f"{n:,} {anomaly_label(kind)}" for kind, n in counts.items() if n)
    if not anomalies:
        return None
    return f"Of {len(texts):,} essays: {anomalies}. They are scored unchanged, by the same rule."
