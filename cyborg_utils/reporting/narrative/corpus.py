"""Notes on the essays of a study: which are compared, scored, or odd."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.corpus.text_screening import KINDS
from cyborg_utils.reporting.labels import anomaly_label
from cyborg_utils.study.schema.study import Study


def not_compared_note(study: Study, corpus: pd.DataFrame) -> str | None:
    """Which essays of a file of machine scores are compared, in one sentence; None where all."""
    lacking = {"people": corpus["score"].isna()} if study.machines else {}
    lacking |= {name: corpus[name].isna() for name in study.machines}
    told = ", ".join(f"{n.sum():,} by {who}" for who, n in lacking.items() if n.any())
    if not told:
        return None
    kept = len(corpus) - pd.DataFrame(lacking).any(axis=1).sum()
    return (
        f"Of {len(corpus):,} essays some have no score ({told}). Machines are compared on the "
        f"{kept:,} that all have scored."
    )


def not_scored_note(study: Study, corpus: pd.DataFrame) -> str | None:
    """What cannot be known of train essays that nobody scored; None where all are scored."""
    scored = corpus["score"].notna().groupby(corpus["split"]).agg(["sum", "size"])
    if study.machines or scored.loc["train", "sum"] == scored.loc["train", "size"]:
        return None
    n, known = scored.loc["train", "size"], scored["sum"]
    judged_on = f"known from {known['dev']:,} dev and {known.get('test', 0):,} test essays alone."
    if not study.evaluation.has_test_set:
        judged_on = f"not known: there are {known['dev']:,} dev essays and no test essays."
    return (
        f"{n - known['train']:,} of {n:,} train essays have no human score. A Teacher scores them; "
        "what people would have given them is not known, so nothing is learnt from it or compared "
        f"with it, and how well machines agree with people is {judged_on}"
    )


def no_test_set_note(study: Study) -> str | None:
    """That a study has no test part, and what follows, in Markdown; None where it has one."""
    if study.evaluation.has_test_set:
        return None
    return (
        "**This study has no human-scored test essays** (`evaluation.has_test_set: false`): "
        "nothing is known of how well a machine agrees with human raters on new essays, or of its "
        "fairness."
    )


def anomalies_note(texts: pd.Series) -> str | None:
    """How many essays are more than essays, in one sentence; None where there is none."""
    counts = {
        kind: sum(bool(pattern.search(text)) for text in texts.dropna())
        for kind, pattern in KINDS.items()
    }
    anomalies = "; ".join(f"{n:,} {anomaly_label(kind)}" for kind, n in counts.items() if n)
    if not anomalies:
        return None
    return (
        f"Of {len(texts):,} essays: {anomalies}. They are scored as they stand, by the same rule."
    )
