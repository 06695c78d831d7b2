"""The ledger of draws: which essays were drawn, for what, by which method, how probably.

A file of its own beside the essays. No essay is drawn twice, and none serves both training and
evaluation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.hand_scoring.group_targets import DrawError
from cyborg_utils.study.folders import shown_path

COLUMNS = [
    "essay_id", "draw", "purpose", "method", "probability", "drawn_from", "seed", "date",
]  # fmt: skip
PURPOSES = ("training", "evaluation")


def ledger_file(essays: Path) -> Path:
    """Where the draws from a file of essays are kept."""
    return essays.with_name(f"{essays.name.split('.')[0]}-ledger.csv")


def read_ledger(path: Path) -> pd.DataFrame:
    """Read a ledger; one without rows where there is none.

    Returns
    -------
    DataFrame
        One row per drawn essay: `essay_id, draw` (from 1), `purpose` (`training` or `evaluation`),
        `method`, `probability` (of being drawn from those that had not been; missing where it is
        not known), `drawn_from` (how many these were), `seed, date`.

    Raises
    ------
    DrawError
        The file is no ledger, or was changed by hand so that it contradicts itself.
    """
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    remedy = "restore the file from a copy; without it, essays could be drawn twice"
    try:
        ledger = pd.read_csv(path, dtype={"essay_id": str, "purpose": str, "method": str},
                             keep_default_na=False, na_values={"probability": ""})  # fmt: skip
        ledger = ledger.astype({"draw": int, "drawn_from": int, "seed": int, "probability": float})
    except (ValueError, KeyError) as error:
        raise DrawError(f"{shown_path(path)}: no ledger of draws ({error}): {remedy}") from None
    if list(ledger) != COLUMNS or not ledger["purpose"].isin(PURPOSES).all():
        raise DrawError(f"{shown_path(path)}: no ledger of draws: {remedy}")
    if (twice := ledger["essay_id"][ledger["essay_id"].duplicated()]).any():
        raise DrawError(f"{shown_path(path)}: essay {twice.iloc[0]!r} is in it twice: {remedy}")
    known = ledger["probability"].dropna()
    if not known.between(0, 1, inclusive="right").all():
        raise DrawError(f"{shown_path(path)}: a probability is not from 0 to 1: {remedy}")
    return ledger


def write_ledger(path: Path, ledger: pd.DataFrame) -> None:
    """Write a ledger under a temporary name, then rename."""
    temporary = path.with_name(f"{path.name}.part")
    ledger[COLUMNS].to_csv(temporary, index=False)
    temporary.replace(path)


def evaluation_weights(ledger: pd.DataFrame) -> pd.Series:
    """Compute the sampling weight of every essay that was drawn for evaluation.

    The first draw alone would estimate the total of all essays with 1 / probability. A later one
    does so with 1 for the essays that were drawn before and 1 / probability for its own (Des Raj,
    1956). The two are averaged, each time with the weight that makes all weights equal where all
    probabilities of a draw are. Essays that were drawn for training between two draws for
    evaluation are represented by the first of these alone.

    Parameters
    ----------
    ledger : DataFrame, as `read_ledger` returns it.

    Returns
    -------
    Series, index `essay_id`
        How many essays each represents; about their number in sum.
    """
    drawn = ledger[ledger["purpose"] == "evaluation"]
    weights = pd.Series(dtype=float, index=pd.Index([], name="essay_id"), name="weight")
    total = None
    for _, rows in drawn.groupby("draw"):
        own = pd.Series(1 / rows["probability"].to_numpy(), rows["essay_id"].to_numpy())
        n, size = len(rows), int(rows["drawn_from"].iloc[0])
        total = total or size
        share = min(1.0, n * total / ((len(weights) + n) * size))
        weights = pd.concat([(1 - share) * weights + share, share * own])
    return weights.rename_axis("essay_id").rename("weight").astype(float)


def add_draw(
    ledger: pd.DataFrame,
    ids: np.ndarray,
    purpose: str,
    method: str,
    probability: np.ndarray | None,
    drawn_from: int,
    seed: int,
    date: str,
) -> pd.DataFrame:
    """A ledger with one more draw.

    Parameters
    ----------
    ids : shape (n,)
    probability : shape (n,); None where it is not known.
    drawn_from : number of essays that had not been drawn before.
    date : as YYYY-MM-DD.

    Raises
    ------
    DrawError
        An essay was drawn before, or evaluation lacks probabilities.
    """
    if purpose == "evaluation" and probability is None:
        raise DrawError(
            f"a {method} draw has no known probabilities, so it cannot serve evaluation: use "
            "--method random, stratified or groups"
        )
    if again := sorted(set(ids) & set(ledger["essay_id"])):
        raise DrawError(f"essay {str(again[0])!r} was drawn before")
    new = pd.DataFrame({
        "essay_id": ids, "draw": int(ledger["draw"].max() if len(ledger) else 0) + 1,
        "purpose": purpose, "method": method,
        "probability": np.nan if probability is None else probability,
        "drawn_from": drawn_from, "seed": seed, "date": date,
    })  # fmt: skip
    return pd.concat([ledger, new], ignore_index=True) if len(ledger) else new
