"""A trained Student as a folder that others can use: the model, its training essays, its card."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cyborg_utils.models.classical import ClassicalModel
from cyborg_utils.models.encoder import Student
from cyborg_utils.models.novelty import Usual
from cyborg_utils.models.security import unsafe
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.storage import new_folder, read_json, write_json

ESSAYS = "training_essays.json"


class StudentError(ValueError):
    """A folder holds no Student that can be used; the message says why and what to do."""


def save_student(folder: Path, model: Student | ClassicalModel, essays: dict, card: str) -> None:
    """Write a Student's folder: model (no pickles), `training_essays.json`, `README.md`.

    Parameters
    ----------
    folder : where it goes; an older one there is replaced.
    essays : what its training essays are like, of `cyborg_utils.models.novelty.describe`.
    card : the README's text.
    """
    with new_folder(folder) as new:
        model.save(new)
        write_json(new / ESSAYS, essays)
        (new / "README.md").write_text(card, encoding="utf-8")


def load_student(folder: Path) -> tuple[Student | ClassicalModel, Usual]:
    """A Student from its folder, and what its training essays are like.

    Raises
    ------
    StudentError
        Where there is none, where it lacks what scoring needs, or where loading it could run code.
    """
    if not folder.is_dir():
        raise StudentError(
            f"{folder}: no such folder; name the `model` folder of a Student, "
            "runs/STUDY/students/NAME/.../model"
        )
    if why := unsafe(folder):
        raise StudentError(f"{folder}: {why}")
    kinds = {"scoring.json": Student, "classical.json": ClassicalModel}
    kind = next((k for name, k in kinds.items() if (folder / name).is_file()), None)
    if kind is None or not (folder / ESSAYS).is_file():
        lacking = ESSAYS if kind else " or ".join(kinds)
        raise StudentError(
            f"{folder}: no {lacking}, so nobody can say how it scores: name the `model` folder "
            "that 04_student_training wrote"
        )
    try:
        return kind.load(folder), Usual(read_json(folder / ESSAYS))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudentError(
            f"{folder}: not readable as a Student ({' '.join(str(error).split())[:200]}): is it "
            "whole? 04_student_training writes it anew"
        ) from None


def calibrated(scored: pd.DataFrame, labels: list, folder: Path) -> pd.DataFrame:
    """Holistic scores on the line of the folder's `calibration.json` (`slope`, `shift`), rounded
    anew; without that file the scores as they are.

    No study writes it by itself: whoever chooses a calibration, after 05b has shown on test what
    it does, puts it there.
    """
    chosen = folder / "calibration.json"
    if not chosen.is_file():
        return scored
    try:
        line = read_json(chosen)
        continuous = float(line["slope"]) * scored["continuous"] + float(line["shift"])
    except (ValueError, KeyError, TypeError):
        raise StudentError(
            f'{chosen}: not a line; write {{"slope": 1.0, "shift": 0.2}}, or remove the file'
        ) from None
    return scored.assign(continuous=continuous, score=round_to_scale(continuous, labels))
