"""Training and loading of scorers of any kind.

The module of a kind is imported only when a scorer of that kind is trained or loaded: a classical
scorer needs neither torch nor transformers nor peft.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pandas as pd

from cyborg_utils.models.linking import LinkedScorer, linked, load_linked
from cyborg_utils.models.scorer import Scorer, TrainingInput, read_description
from cyborg_utils.study.schema.models import Teacher


def train_scorer(
    spec: Teacher, training: TrainingInput
) -> tuple[LinkedScorer, pd.DataFrame | None]:
    """Train a scorer of any kind, and link its scores to the human scores.

    Returns
    -------
    (the scorer; its training log with `step`, `loss` and `dev_qwk`, None for a classical one,
    which is fitted in one step)
    """
    scorer, log, cross_validated = import_module(spec.module).fit(spec, training)
    return linked(scorer, training, cross_validated), log


def load_scorer(folder: Path, base: Path | None = None) -> Scorer:
    """Load a saved scorer of any kind.

    Parameters
    ----------
    base : folder of the pretrained model of a causal scorer from scratch, else None.

    Raises
    ------
    ModelError
        The folder does not name the kind of its scorer, or the kind is unknown.
    """
    spec, _ = read_description(folder)
    return load_linked(import_module(spec.module).load(folder, base), folder)
