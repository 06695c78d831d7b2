"""A saved Student: a folder with the model, the profile of its training essays, and its card."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from cyborg_utils.models.novelty import TrainingProfile
from cyborg_utils.models.registry import load_scorer
from cyborg_utils.models.scorer import ModelError, Scorer
from cyborg_utils.models.security import reject_reason
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.schema.corpora import Corpus
from cyborg_utils.study.storage import new_folder, read_json, write_json

PROFILE = "training_essays.json"
STUDENT = "student.json"  # how the file of its training essays names its columns


class StudentError(ValueError):
    """A folder has no usable Student; the message gives the reason and the remedy."""


def save_student(
    folder: Path,
    model: Scorer,
    profile: TrainingProfile,
    card: str,
    columns: dict[str, str] | None = None,
) -> None:
    """Write a Student's folder: model (no pickles), `training_essays.json`, `student.json`,
    `README.md`.

    Parameters
    ----------
    folder : its folder; an older one is replaced.
    profile : of its training essays.
    card : the README's text.
    columns : `id`, `text` and `score` of the file of its training essays; None without a file.
    """
    with new_folder(folder) as new:
        model.save(new)
        write_json(new / PROFILE, asdict(profile))
        write_json(new / STUDENT, {"columns": columns or {}})
        (new / "README.md").write_text(card, encoding="utf-8")


def load_student(folder: Path) -> tuple[Scorer, TrainingProfile]:
    """Load a Student and the profile of its training essays.

    Raises
    ------
    StudentError
        The folder has no Student, lacks files that scoring needs, or could run code when loaded.
    """
    if not folder.is_dir():
        raise StudentError(
            f"{folder}: no such folder; name the `model` folder of a Student, "
            "runs/STUDY/students/NAME/.../model"
        )
    if reason := reject_reason(folder):
        raise StudentError(f"{folder}: {reason}")
    if not (folder / PROFILE).is_file():
        raise StudentError(
            f"{folder}: no {PROFILE}, without which unlike essays cannot be detected: name the "
            "`model` folder that 04_student_training wrote"
        )
    try:
        return load_scorer(folder), TrainingProfile(**read_json(folder / PROFILE))
    except ModelError as error:
        raise StudentError(str(error)) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudentError(
            f"{folder}: not readable as a Student ({' '.join(str(error).split())[:200]}): is it "
            "complete? 04_student_training writes it again"
        ) from None


def file_columns(corpus: Corpus) -> dict[str, str]:
    """The columns `id`, `text` and `score` of the files of a corpus; empty without files."""
    columns = getattr(corpus, "columns", None)
    names = {role: getattr(columns, role, None) for role in ("id", "text", "score")}
    return {role: name for role, name in names.items() if name}


def student_columns(folder: Path) -> dict[str, str]:
    """The names that the file of a Student's training essays had for `id`, `text` and `score`;
    empty where the folder says none."""
    file = folder / STUDENT
    try:
        columns = read_json(file)["columns"] if file.is_file() else {}
        return {role: str(column) for role, column in columns.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StudentError(
            f'{file}: no columns; write {{"columns": {{"id": "id", "text": "text"}}}}, or remove '
            "the file"
        ) from None


def calibrated(scored: pd.DataFrame, labels: list[float], folder: Path) -> pd.DataFrame:
    """Holistic scores after the linear calibration of the folder's `calibration.json` (`slope`,
    `shift`), rounded to the scale; without that file the scores as they are.

    No study writes that file: it is added by hand, once a calibration is chosen from the results
    of 05b on the test set.
    """
    file = folder / "calibration.json"
    if not file.is_file():
        return scored
    try:
        line = read_json(file)
        continuous = float(line["slope"]) * scored["continuous"] + float(line["shift"])
    except (ValueError, KeyError, TypeError):
        raise StudentError(
            f'{file}: not a line; write {{"slope": 1.0, "shift": 0.2}}, or remove the file'
        ) from None
    return scored.assign(continuous=continuous, score=round_to_scale(continuous, labels))
