"""The label ledger: U with its human scores, the rest of train with the Teacher's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from cyborg_utils.schema import Study


def essays_to_label(corpus: pd.DataFrame, subset: pd.Index, study: Study) -> pd.DataFrame:
    """The train essays outside U that the Teacher scores.

    Their human score, where it exists, is hidden from the Teacher and the Student. Essays that
    nobody scored are among them when the study says `label_unscored`.
    """
    rest = corpus[(corpus["split"] == "train") & ~corpus["essay_id"].isin(subset)]
    if not study.corpus.label_unscored:
        rest = rest.dropna(subset="score")
    if rest.empty:
        raise ValueError(
            f"U has all {len(subset)} train essays: nothing is left for a Teacher to label; "
            "choose a smaller fraction"
        )
    return rest


def build_ledger(
    corpus: pd.DataFrame, subset: pd.Index, labeled: pd.DataFrame, scores: pd.DataFrame
) -> pd.DataFrame:
    """Merge human and Teacher labels into cyborg data.

    Parameters
    ----------
    subset : essay ids of U.
    labeled : the essays that the Teacher scored.
    scores : the Teacher's `score`, `continuous` and, where it has them, `p_<label>`, one row an
        essay of `labeled`, in its order.

    Returns
    -------
    frame `essay_id, label_source (human | teacher), score, expected, p_<label>...`, sorted by id

    Raises
    ------
    ValueError
        Where an essay of dev or test, or of U, would be labelled by the Teacher.
    """
    split = corpus.set_index("essay_id")["split"]
    wrong = labeled["essay_id"][(split.loc[labeled["essay_id"]] != "train").to_numpy()]
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} dev or test essays in the ledger (first: {wrong.iloc[0]!r})"
        )
    if labeled["essay_id"].isin(subset).any():
        raise ValueError("essays of U keep their human scores and are not labelled again")
    human = corpus.set_index("essay_id").loc[subset, "score"]
    ours = pd.DataFrame(
        {"essay_id": subset, "label_source": "human", "score": human.to_numpy(dtype=float)}
    )
    ours["expected"] = ours["score"]
    theirs = scores.rename(columns={"continuous": "expected"}).assign(
        essay_id=labeled["essay_id"].to_numpy(), label_source="teacher"
    )
    ledger = pd.concat([ours, theirs], ignore_index=True)
    first = ["essay_id", "label_source", "score", "expected"]
    rest = [c for c in ledger if c.startswith("p_")]
    return ledger[first + rest].sort_values("essay_id").reset_index(drop=True)


def training_labels(
    corpus: pd.DataFrame, arm: str, subset: pd.Index | None, ledger: pd.DataFrame | None
) -> pd.DataFrame:
    """What a Student of one arm is trained on: `essay_id, text, score, label_source`.

    `human` is U alone, `cyborg` the ledger, `full` every human score of train.
    """
    train = corpus[corpus["split"] == "train"]
    if arm == "cyborg":
        labels = ledger[["essay_id", "score", "label_source"]]
        return train[["essay_id", "text"]].merge(labels, on="essay_id", validate="one_to_one")
    chosen = (
        train[train["essay_id"].isin(subset)] if arm == "human" else train.dropna(subset="score")
    )
    return chosen[["essay_id", "text", "score"]].assign(label_source="human").reset_index(drop=True)


def fingerprint(folder: Path) -> str:
    """SHA-256 over the names and bytes of a folder's files: which Teacher made a ledger."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
