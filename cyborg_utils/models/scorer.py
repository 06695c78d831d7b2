"""The interface of all scorers, and their training input.

A kind of scorer is a module with two functions: `fit(spec, training)` trains a scorer and returns
it with its training log (or None) and its cross-validated predictions of what it learned from (or
None), `load(folder, base)` loads a saved one. This module needs the library of no kind;
`cyborg_utils.models.registry` imports the module of a kind, and links its scores.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from cyborg_utils.models.outputs import mean_kappa
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.models import Teacher

DESCRIPTION = "scorer.json"


class ModelError(ValueError):
    """A model cannot be loaded or run; the message names it and gives the remedy."""


@runtime_checkable
class Scorer(Protocol):
    """A trained model that scores essays, as Teacher or as Student.

    Attributes
    ----------
    spec : the settings that it was trained with; `spec.kind` names its kind.
    labels : the points of the score scale, in ascending order.
    traits : what it scores, the holistic score first.
    commit : the commit of the hub's weights that it was made from, None without such weights.
    """

    @property
    def spec(self) -> Teacher: ...

    @property
    def labels(self) -> list[float]: ...

    @property
    def traits(self) -> list[str]: ...

    @property
    def commit(self) -> str | None: ...

    def score(self, texts: list[str]) -> pd.DataFrame:
        """Scores of essays, one row per text in the order of `texts`.

        Returns
        -------
        `continuous` on the score scale; `score`, a point of it; where the scorer gives
        probabilities, `p_<label>` for each label; `truncated`, whether the end of the text was not
        read. The columns of a trait end in `:<trait>`.
        """
        ...

    def count_truncated(self, texts: list[str]) -> int:
        """How many texts are longer than the maximum sequence length."""
        ...

    def save(self, folder: Path) -> None:
        """Write the scorer into an existing folder, without pickles."""
        ...


@dataclass(frozen=True)
class TrainingInput:
    """All that a scorer is trained on, besides its settings.

    Parameters
    ----------
    train, dev : frames with `text`, `score` and `score:<trait>` for each further trait; train may
        have `weight` and `p_<label>` for each, and `label_source`, human or teacher. dev is
        human-scored, for checkpoint selection and for the linking of neural scorers.
    labels : the points of the score scale, in ascending order.
    seed : of the initial weights and of the order of the essays.
    traits : what is scored, the holistic score first.
    texts : all train texts, scored or not, for what is learned without labels: the tokenizer of an
        encoder from scratch, word frequencies.
    groups : columns of dev with the subgroups of `spec.group_penalty`.
    base : folder of the pretrained model of a causal scorer from scratch, else None.
    work : folder for checkpoints; training resumes from the last one there.
    on_evaluate : called with the training log so far after each evaluation on dev.
    """

    train: pd.DataFrame
    dev: pd.DataFrame
    labels: list[float]
    seed: int
    traits: Sequence[str] = (HOLISTIC,)
    texts: Sequence[str] = ()
    groups: Sequence[str] = ()
    base: Path | None = None
    work: Path | None = None
    on_evaluate: Callable[[pd.DataFrame], None] | None = None

    def dev_kappa(self, scorer: Scorer) -> float:
        """Mean QWK over the traits between the human scores of dev and a scorer's."""
        scored = scorer.score(self.dev["text"].tolist())
        return mean_kappa(self.dev, scored, self.labels, self.traits)


def write_description(folder: Path, scorer: Scorer, **more: Any) -> None:
    """Write `scorer.json`: a scorer's settings, labels, traits, and what else its kind needs."""
    about = {"spec": scorer.spec.model_dump(), "labels": scorer.labels, "traits": scorer.traits}
    text = json.dumps(about | more, indent=2)
    (folder / DESCRIPTION).write_text(text, encoding="utf-8")


def read_description(folder: Path) -> tuple[Teacher, dict[str, Any]]:
    """A scorer's settings, and all that `write_description` wrote.

    Raises
    ------
    ModelError
        The folder has no `scorer.json`, or that has no settings of a kind that there is.
    """
    file = folder / DESCRIPTION
    if not file.is_file():
        raise ModelError(
            f"{folder}: no {DESCRIPTION}, which says what kind of scorer this is; name a folder "
            "that 02_teacher_training or 04_student_training wrote"
        )
    about = json.loads(file.read_text(encoding="utf-8"))
    try:
        return TypeAdapter(Teacher).validate_python(about["spec"]), about
    except (KeyError, TypeError):
        reason = "there are none"
    except ValidationError as error:
        first = error.errors()[0]
        reason = ": ".join([*map(str, first["loc"]), first["msg"]])
    raise ModelError(
        f"{file}: `spec` is not the settings of a scorer ({reason}); train it anew with this "
        "version of the package"
    )
