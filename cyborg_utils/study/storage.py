"""Paths of the stages' files, and reading and writing that leaves no incomplete file.

A stage reads the files of earlier stages, never their variables.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from filelock import lock_descriptor

from cyborg_utils.study.code_hash import code_hash
from cyborg_utils.study.design import Condition, subset_slug
from cyborg_utils.study.folders import notebooks_folder, shown_path
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.models import Teacher
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.stage_rules import is_pretrained
from cyborg_utils.study.stage_type import SUMMARY
from cyborg_utils.study.stages import BY_NAME, maker_of

OWN_RESULTS = "CYBORG_OWN_RESULTS"  # the environment variable that a run sets for its stages
ROWS = 1000  # of a file that are read together, so that a shard of a corpus can be read alone


class MissingInput(FileNotFoundError):
    """An earlier stage has not run yet; the message says which command or notebook runs it."""


# ---------------------------------------------------------------- paths


def path_of(study: Study, stage: str, ending: str, **key: object) -> Path:
    """A stage's output, by the table of stages: the one whose pattern has that ending."""
    pattern = next(p for p in BY_NAME[stage].outputs if p.endswith(ending))
    return study.folder / pattern.format_map(key)


def corpus_file(study: Study) -> Path:
    return path_of(study, "01_corpus", "corpus.parquet")


def external_test_file(study: Study, name: str) -> Path:
    """The test essays of an external corpus, which this study's Students score too."""
    return path_of(study, "01_corpus", "{external}.parquet", external=name)


def base_folder(study: Study, teacher: Teacher) -> Path | None:
    """Folder of the pretrained base model of a from-scratch Teacher; None for any other."""
    if not is_pretrained(study, teacher.name):
        return None
    return path_of(study, "01b_teacher_pretraining", "", teacher=teacher.name)


def teacher_folder(
    study: Study, teacher: str, fraction: float, draw: int, held_out: int | None = None
) -> Path:
    subset = subset_slug(fraction, draw, held_out)
    return path_of(study, "02_teacher_training", "", teacher=teacher, subset=subset)


def labels_folder(
    study: Study, teacher: str, fraction: float, draw: int, held_out: int | None = None
) -> Path:
    subset = subset_slug(fraction, draw, held_out)
    file = path_of(study, "03_labeling", "labels.parquet", teacher=teacher, subset=subset)
    return file.parent


def student_folder(study: Study, student: str, condition: Condition, seed: int) -> Path:
    key = {"student": student, "condition": condition.slug, "seed": seed}
    return path_of(study, "04_student_training", "student.json", **key).parent


def model_folder(study: Study, student: str, condition: Condition, seed: int) -> Path:
    """Folder of a saved Student."""
    return student_folder(study, student, condition, seed) / "model"


def cross_fitting_folder(study: Study) -> Path:
    return path_of(study, "04b_cross_fitting", "models.json").parent


def fairness_file(study: Study, student: str) -> Path:
    return path_of(study, "05_fairness_analysis", ".json", student=student)


def measures_file(study: Study, student: str) -> Path:
    return path_of(study, "05i_measures", ".json", student=student)


def calibration_file(study: Study, student: str) -> Path:
    return path_of(study, "05b_calibration", ".json", student=student)


def audit_file(study: Study, teacher: str) -> Path:
    return path_of(study, "05c_teacher_audit", ".json", teacher=teacher)


def analysis_file(study: Study, page: str) -> Path:
    return path_of(study, page, ".json")


def summary_file(study: Study) -> Path:
    return study.folder / SUMMARY[0]


def work_folder(study: Study, stage: str, *depends_on) -> Path:
    """Where a stage keeps unfinished work, from which the next run resumes.

    The folder's name is a hash of the code that the stage's notebook runs, and of what the work
    depends on: frames, or plain values and sections of the study. Where one of these has changed,
    work starts again and the old folder is removed.
    """
    digest = hashlib.sha256(code_hash(stage.partition("--")[0]).encode())
    for value in depends_on:
        if isinstance(value, pd.DataFrame):
            digest.update(pd.util.hash_pandas_object(value, index=False).to_numpy().tobytes())
        else:
            digest.update(json.dumps(value, default=lambda v: v.model_dump()).encode())
    home, name = study.folder / "unfinished" / stage, digest.hexdigest()[:16]
    for old in home.glob("*"):
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)  # another job may be removing it too
    return home / name


def finished(work: Path) -> None:
    """Remove a stage's unfinished work, once its results are written."""
    shutil.rmtree(work.parent, ignore_errors=True)


# ---------------------------------------------------------------- reading and writing


def need(path: Path, study: Study) -> Path:
    """The path itself where it exists, or else the precomputed result.

    Raises
    ------
    MissingInput
        Neither exists; the message says which notebook makes it.
    """
    if path.exists():
        return path
    name = path.relative_to(study.folder)
    precomputed = precomputed_folder(study) / name
    if not precomputed.exists() or not is_shipped(study):
        notebook = maker_of(name.as_posix()).notebook
        raise MissingInput(
            f"{shown_path(path)} is not there yet: run notebooks/{notebook}.ipynb with the "
            f"same parameters, or `cyborg run {study.name}`"
        )
    return precomputed


def precomputed_folder(study: Study) -> Path:
    """Folder of the precomputed results of a study, under the paths that they have in its runs."""
    return notebooks_folder() / "precomputed" / study.name


def is_shipped(study: Study) -> bool:
    """Whether precomputed results of this study, with these settings, are shipped; in a run they
    count for nothing, since it makes all of its own."""
    if os.environ.get(OWN_RESULTS):
        return False
    about = precomputed_folder(study) / "study.json"
    return about.exists() and read_json(about) == study.model_dump(mode="json")


def corpus_without_texts(study: Study) -> pd.DataFrame:
    """The corpus without its texts, which make up nearly all of its size."""
    path = need(corpus_file(study), study)
    names = [name for name in pq.read_schema(path).names if name != "text"]
    return pd.read_parquet(path, columns=names)


def read_ledger(study: Study, teacher: str, *subset) -> pd.DataFrame:
    """A Teacher's cyborg data; `subset` is `fraction, draw, held_out`."""
    file = labels_folder(study, teacher, *subset) / "labels.parquet"
    return pd.read_parquet(need(file, study))


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: dict) -> None:
    """Write JSON under a temporary name, then rename."""
    text = json.dumps(value, indent=2, default=_plain, allow_nan=False) + "\n"
    with _replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write Parquet under a temporary name, then rename."""
    with _replacing(path) as temporary:
        frame.to_parquet(temporary, index=False, row_group_size=ROWS, compression="zstd")


@contextmanager
def only_run(file: Path, what: str) -> Iterator[None]:
    """Lock a study or a stage while it runs; the system releases the lock however the run ends.

    Where the file system cannot lock files, a warning is printed and the run continues.

    Raises
    ------
    ParameterError
        Another process runs it; the message names the process.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a+") as lock:
        try:
            free = lock_descriptor(lock.fileno(), blocking=False)
        except OSError as error:
            free = True
            print(
                f"{file.parent} cannot be locked ({error.strerror}): {what} continues without a "
                "lock; do not run it twice at the same time",
                file=sys.stderr,
            )
        if not free:
            lock.seek(1)
            raise ParameterError(
                f"{what} is being run by process {lock.read().strip() or '?'}; "
                "wait for it, or stop it first"
            )
        with suppress(OSError):  # a full disk has its own message
            lock.truncate(0)
            os.write(lock.fileno(), f" {os.getpid()}".encode())  # Windows hides the first byte
        yield


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that gets its final name only when the block ends without an error."""
    temporary = path.with_name(path.name + ".partial")
    shutil.rmtree(temporary, ignore_errors=True)
    with _room_for(path, temporary):
        temporary.mkdir(parents=True)
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    with _room_for(path, temporary):
        yield temporary
        os.replace(temporary, path)


@contextmanager
def _room_for(path: Path, temporary: Path) -> Iterator[None]:
    """On a full disk, remove the incomplete file and raise an error with the remedy."""
    try:
        yield
    except Exception as error:  # pyarrow, safetensors and Python each raise a different one
        if not re.search(r"No space left|quota exceeded|File too large", str(error), re.I):
            raise
        shutil.rmtree(temporary) if temporary.is_dir() else temporary.unlink(missing_ok=True)
        raise OSError(
            f"no room on the disk for {path}: make some, and give the same command again"
        ) from None


def records(frame: pd.DataFrame) -> list[dict]:
    """Rows of a frame as plain values, unrounded; a missing or infinite one is None."""
    return [{str(k): _cell(v) for k, v in row.items()} for row in frame.to_dict("records")]


def _cell(value):
    value = value.item() if isinstance(value, np.generic) else value
    missing = value is None or value is pd.NA or value is pd.NaT
    return None if missing or (isinstance(value, float) and not np.isfinite(value)) else value


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (np.ndarray, pd.Index)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


def hash_folder(folder: Path, skip: str = "") -> str:
    """SHA-256 over the names and bytes of a folder's files, which identifies a Teacher.

    `skip` names a file that is not part of the model, such as one with the date of its training.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != skip):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
