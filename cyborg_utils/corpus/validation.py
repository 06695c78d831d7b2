"""Validation of a corpus: every fault with its count, the first few rows and the remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.corpus.related_essays import same_text
from cyborg_utils.corpus.text_screening import is_blank

SPLITS = ("train", "dev", "test")
NEEDED = {  # why each split needs scored essays, and the remedy
    "train": "models are trained on them; score some",
    "dev": "each model's checkpoint is selected on them; score some, or let corpus.dev_size draw "
    "them from train",
    "test": "without them neither agreement with human raters nor fairness can be evaluated; score "
    "some, drawn at random, or let corpus.test_share draw them from train",
}
NO_TEST_SET = "; to evaluate neither, set evaluation.has_test_set: false"


class CorpusError(ValueError):
    """A corpus cannot be used as it is; the message lists all faults with their remedies."""


def check_corpus(
    frame: pd.DataFrame,
    labels: list,
    arms: list[str],
    machines: list[str] | tuple = (),
    traits: list[str] | tuple = (),
    has_test_set: bool = True,
    blank_texts: bool = False,
) -> None:
    """Raise one CorpusError with all faults of a corpus: count, first few rows, remedy.

    `has_test_set` is False for a study that declares that it has no test essays; `blank_texts` is
    True where essays may have an empty text.
    """
    faults = []

    def fault(rows: pd.Series, what: str, remedy: str, column: str = "essay_id") -> None:
        if rows.any():
            values = frame.loc[rows, column].dropna().head(3).tolist()
            shown = [f"{v:g}" if isinstance(v, float) else repr(v) for v in values]
            first = f" (first: {', '.join(shown)})" if values else ""
            faults.append(f"{int(rows.sum())} {what}{first}: {remedy}")

    _check_ids(frame, fault)
    _check_scores(frame, labels, traits, bool(machines), fault)
    if "probability" in frame:
        fault(
            frame["score"].notna() & ~((frame["probability"] > 0) & (frame["probability"] <= 1)),
            "scored essays have no probability above 0 and at most 1",
            "correct corpus.columns.probability; a sampling weight is its reciprocal",
            "probability",
        )
    if machines:
        faults += _faults_of_machines(frame, labels, machines)
        splits = ["test"]
    else:
        _check_texts(frame, fault, blank_texts)
        splits = SPLITS if has_test_set else ("train", "dev")
        fault(
            (frame["split"] == "test") & (not has_test_set),
            "essays are in test, although evaluation.has_test_set is false",
            "remove that setting, so that models are evaluated on them, or move them to train",
        )
    scored = frame.dropna(subset="score")["split"].value_counts()
    for split in splits:
        if not scored.get(split, 0):
            alternative = NO_TEST_SET if split == "test" and not machines else ""
            faults.append(f"no scored essays in {split}: {NEEDED[split]}{alternative}")
    for split in ("dev", "test"):
        if frame.loc[frame["split"] == split, "score"].nunique() == 1:
            faults.append(
                f"all {scored[split]} scored essays of {split} have the same score: agreement "
                "cannot be evaluated on them, so add essays with other scores"
            )
    if "full" in arms and 0 < scored.get("train", 0) < 10:
        faults.append(f"only {scored['train']} scored train essays: the study needs at least 10")
    if faults:
        raise CorpusError("the corpus cannot be used:\n  - " + "\n  - ".join(faults))


def _check_ids(frame: pd.DataFrame, fault) -> None:
    fault(
        frame["essay_id"].isna() | (frame["essay_id"].astype(str).str.strip() == ""),
        "rows without an id",
        "give every essay an id",
    )
    fault(
        frame["essay_id"].duplicated(keep=False) & frame["essay_id"].notna(),
        "rows share their id with another row",
        "keep one row per essay, or name another column as the id",
    )


def _check_scores(
    frame: pd.DataFrame, labels: list, traits: list[str] | tuple, means: bool, fault
) -> None:
    """`means`: scores may lie between the points of the scale."""
    named = {"score": "scores", "score_2": "second scores"}
    for column in ["score", *({"score_2"} & set(frame)), *traits]:
        scores = frame[column]
        on_scale = scores.between(labels[0], labels[-1]) if means else scores.isin(labels)
        fault(
            scores.notna() & ~on_scale,
            f"{named.get(column, f'scores of the trait {column!r}')} are off the scale "
            f"{labels[0]} to {labels[-1]} (points {labels})",
            "correct the scores, or the study's corpus.scale",
            column,
        )
    scored = frame[["score", *traits]].notna()
    fault(
        scored.any(axis=1) & ~scored.all(axis=1),
        f"essays have only some of the scores {', '.join(scored)}",
        "fill in the others, or empty all of them where an essay is not scored",
    )


def _check_texts(frame: pd.DataFrame, fault, blank_texts: bool) -> None:
    fault(
        frame["text"].fillna("").map(is_blank) & (not blank_texts),
        "essays have an empty text",
        "remove them, fill in the text, or set corpus.blanks to drop or lowest",
    )
    fault(
        frame["text"].str.contains("\0", regex=False, na=False),
        "essays have a null byte in their text",
        "remove it",
    )
    fault(
        frame["score"].isna() & (frame["split"] != "train"),
        "dev or test essays have no score",
        "score them, or move them to train",
    )
    texts = same_text(frame["text"])
    in_train = texts.isin(set(texts[frame["split"] == "train"]))
    fault(
        (frame["split"] != "train") & in_train & (texts != ""),
        "dev or test texts are also in train",
        "remove them from one split, or the evaluation is biased",
    )


def _faults_of_machines(frame: pd.DataFrame, labels: list, machines) -> list[str]:
    step = labels[1] - labels[0]
    faults = []
    for name in machines:
        mean = frame.loc[frame["score"].notna(), name].mean()
        if np.isnan(mean):
            faults.append(
                f"machine {name!r} scores none of the human-scored essays: remove it from "
                "corpus.columns.machines"
            )
        elif not labels[0] - step <= mean <= labels[-1] + step:
            faults.append(
                f"machine {name!r}: its scores average {mean:g}, far off the scale {labels[0]} to "
                f"{labels[-1]}: rescale them to it, or correct the study's corpus.scale"
            )
    shared = frame.dropna(subset=["score", *machines])
    if not faults and shared["score"].nunique() < 2:
        sparse = min(machines, key=lambda name: frame[name].count())
        faults.append(
            f"human raters and all machines share {len(shared)} essays, which is too few to "
            f"compare machines: remove {sparse!r}, which scores {frame[sparse].count()}"
        )
    return faults
