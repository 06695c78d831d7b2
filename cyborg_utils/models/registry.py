"""Teachers of any kind: whatever fills the ledger from U."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from cyborg_utils.models.causal import load_teacher, train_teacher
from cyborg_utils.models.classical import ClassicalModel, train_classical
from cyborg_utils.models.encoder import Student, train_student
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.models import Teacher


def train_any_teacher(
    spec: Teacher,
    base: Path | None,
    subset: pd.DataFrame,
    dev: pd.DataFrame,
    corpus: pd.DataFrame,
    labels: list,
    work: Path | None = None,
    watch: Callable[[pd.DataFrame], None] | None = None,
    traits: Sequence[str] = (HOLISTIC,),
):
    """Train whatever fills the ledger from U: a causal, an encoder or a classical Teacher.

    Parameters
    ----------
    base : folder of the pretrained model of a from-scratch causal Teacher, else None.
    subset, dev : human-scored essays, `text`, `score` and `score:<trait>` for each trait.
    corpus : its train texts, not its scores, train the tokenizer of an encoder from scratch.
    work, watch : as for `cyborg_utils.models.trainer.fit`.

    Returns
    -------
    (a model with `score`, `count_truncated` and `save`; its training log, or None)
    """
    if spec.kind == "causal":
        return train_teacher(spec, base, subset, dev, labels, spec.seed, work, watch, traits)
    if spec.kind == "encoder":
        texts = corpus.loc[corpus["split"] == "train", "text"].tolist()
        return train_student(spec, subset, dev, labels, texts, spec.seed, work, watch, traits)
    return train_classical(spec, subset, labels, traits), None


def load_any_teacher(
    spec: Teacher,
    base: Path | None,
    folder: Path,
    labels: list,
    traits: Sequence[str] = (HOLISTIC,),
):
    """The trained Teacher of any kind from its folder."""
    if spec.kind == "causal":
        return load_teacher(spec, base, folder, labels, traits)
    return (Student if spec.kind == "encoder" else ClassicalModel).load(folder)
