"""A trained Student as a folder that others can use: the model, its training essays, its card."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cyborg_utils.baselines import ClassicalModel
from cyborg_utils.safe_folder import unsafe
from cyborg_utils.scale import round_to_scale
from cyborg_utils.schema import Study
from cyborg_utils.stages import Condition, model_folder, new_folder, read_json, write_json
from cyborg_utils.student import Student
from cyborg_utils.usual_essays import Usual, describe

ESSAYS = "training_essays.json"


class StudentError(ValueError):
    """A folder holds no Student that can be used; the message says why and what to do."""


def save_student(
    study: Study,
    model: Student | ClassicalModel,
    student: str,
    run: Condition,
    seed: int,
    train: pd.DataFrame,
    agreement: pd.DataFrame | None,
) -> Path:
    """Write a Student's folder: model (no pickles), `training_essays.json`, `README.md`.

    Parameters
    ----------
    train : what it learnt from, `text` and `label_source`.
    agreement : of `bootstrap_agreement` on test; None where no test essay is scored.
    """
    folder = model_folder(study, student, run, seed)
    usual = describe(train["text"].tolist())
    card = model_card(study, model, student, run, seed, train, agreement, usual)
    with new_folder(folder) as new:
        model.save(new)
        write_json(new / ESSAYS, usual)
        (new / "README.md").write_text(card, encoding="utf-8")
    return folder


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


def model_card(
    study: Study,
    model: Student | ClassicalModel,
    student: str,
    run: Condition,
    seed: int,
    train: pd.DataFrame,
    agreement: pd.DataFrame | None,
    usual: dict,
) -> str:
    """The folder's README.md, from the study's data."""
    people = int((train["label_source"] == "human").sum())
    encoder = isinstance(model, Student)
    lines = ["---", "library_name: transformers", "pipeline_tag: text-classification", "---", ""]
    lines = (lines if encoder else []) + [
        f"# {student}: a Student of the study {study.name}",
        "",
        study.description,
        "",
        f"- **Learnt from** {len(train):,} essays: {people:,} scored by people, "
        f"{len(train) - people:,} by a Teacher (`{run.slug}`, seed {seed}).",
        f"- **Scale**: {study.labels[0]} to {study.labels[-1]}, {len(study.labels)} points.",
        f"- **Agreement with people** {_agreement(agreement)}.",
        f"- **Groups of writers**: {_groups(study, student)}.",
        f"- **Limits**: {NOT_JUDGED if agreement is None else ''}it knows essays like those it "
        f"learnt from, {usual['shortest']:,} to {usual['longest']:,} words on the same prompts; on "
        "other prompts, ages or languages nothing is known of it. Let no score that matters to a "
        "writer stand without a person.",
        f"- **Privacy**: the folder holds the {len(usual['vocabulary']):,} words that two training "
        "essays or more have in common.",
        "",
        "Score a CSV: `make score STUDENT=<this folder> DATA=essays.csv OUT=scores.csv`.",
    ]
    return "\n".join([*lines, *(_with_transformers(model) if encoder else []), ""])


NOT_JUDGED = (
    "**its agreement with people and its bias for or against any group are unknown**, since no "
    "test essay was scored by people; "
)


def _agreement(agreement: pd.DataFrame | None) -> str:
    if agreement is None:
        return "is unknown: the study has no human-scored test essays"
    qwk = agreement.loc["qwk"]
    return (
        f"on {int(qwk['n']):,} test essays: QWK {qwk['estimate']:.3f} (95 % interval "
        f"{qwk['low']:.3f} to {qwk['high']:.3f}, over essays alone)"
    )


def _groups(study: Study, student: str) -> str:
    names = study.corpus.group_names
    if not study.evaluation.judged:
        return "whether it scores any of them as people do is unknown"
    if not names:
        return "none are known, so its fairness was not judged"
    page = f"reports/{study.name}/05_fairness_analysis--{student}.html"
    return f"{', '.join(names)}; every SMD with its verdict is in `{page}`"


def _with_transformers(model: Student) -> list[str]:
    trait = model.traits[0]
    if model.spec.head == "regression":
        meaning = (
            f"Its output is standardized: {model.mean[trait]:.4f} + {model.sd[trait]:.4f} × output "
            "is the score on the scale."
        )
    else:
        meaning = "Its labels are the points of the scale."
    return [
        "",
        "```python",
        "from transformers import pipeline",
        f"window = {{'truncation': True, 'max_length': {model.spec.max_tokens}}}",
        "pipeline('text-classification', folder)('An essay ...', **window)",
        "```",
        "",
        meaning,
    ]
