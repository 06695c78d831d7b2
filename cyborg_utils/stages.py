"""Where each stage reads and writes, and how it does so without leaving half a file.

A later stage reads files that an earlier one wrote, never its variables.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from cyborg_utils.schema import HARD, Study
from cyborg_utils.schema_basis import ROOT, ParameterError
from cyborg_utils.schema_models import Teacher

CHECKPOINTS = ROOT / "notebooks" / "checkpoints"  # results of the demo, for who lacks their own
ROWS = 1000  # of a file that are read together, so that a shard of a corpus can be read alone


class MissingInput(FileNotFoundError):
    """An earlier stage has not run yet; the message says which command or notebook runs it."""


@dataclass(frozen=True)
class Condition:
    """What a Student is trained on: an arm, and what the arm depends on."""

    arm: str
    teacher: str | None = None
    fraction: float | None = None
    draw: int | None = None
    use: str | None = None
    left_out: int | None = None

    @property
    def slug(self) -> str:
        """`full`, `human-f0.1-d1`, `cyborg-llama-f0.1-d1`, `cyborg-llama-expected-f0.1-d1-no1`: a
        folder's name."""
        use = None if self.use == HARD.name else self.use
        subset = None if self.fraction is None else subset_slug(self.fraction, self.draw)
        left_out = None if self.left_out is None else f"no{self.left_out}"
        return "-".join(filter(None, [self.arm, self.teacher, use, subset, left_out]))


def condition(
    study: Study,
    arm: str,
    teacher: str | None,
    fraction: float | None,
    draw: int | None,
    use: str | None = HARD.name,
    left_out: int | None = None,
) -> Condition:
    """The condition of one run, checked: what an arm does not depend on is left out."""
    if arm not in study.arms:
        raise ParameterError(f"study {study.name} has no arm {arm!r}; it has {study.arms}")
    if left_out is not None and left_out not in range(len(study.sampling.leave_out)):
        raise ParameterError(
            f"study {study.name} leaves out {len(study.sampling.leave_out)} prompts "
            f"(sampling.leave_out, counted from 0); there is no {left_out}"
        )
    if arm == "full":
        return Condition("full", left_out=left_out)
    if fraction not in study.sampling.fractions or draw not in study.sampling.draws:
        raise ParameterError(
            f"study {study.name} has no fraction {fraction} with draw {draw}; it has fractions "
            f"{study.sampling.fractions} and draws {study.sampling.draws}"
        )
    if arm == "human":
        return Condition("human", None, fraction, draw, left_out=left_out)
    by, how = study.teacher(teacher), study.label_use(use)
    if not study.can_use(by, how):
        raise ParameterError(
            f"label use {use!r} needs probabilities; teacher {teacher!r} gives none"
        )
    return Condition("cyborg", by.name, fraction, draw, how.name, left_out)


def conditions(study: Study) -> list[Condition]:
    """Every condition of a study, in the order of its file: first those with all prompts, then,
    at the main fraction and with hard labels, those that leave one out."""
    found = []
    for arm in study.arms:
        if arm == "full":
            found.append(Condition("full"))
        for teacher, use in _taught(study) if arm == "cyborg" else [(None, None)]:
            for fraction in [] if arm == "full" else study.sampling.fractions:
                for draw in study.sampling.draws:
                    found.append(Condition(arm, teacher, fraction, draw, use))
    main = [c for c in found if c.fraction in (None, study.headline) and c.use in (None, HARD.name)]
    left_out = range(len(study.sampling.leave_out))
    return found + [replace(c, left_out=i) for i in left_out for c in main]


def _taught(study: Study) -> list[tuple[str, str]]:
    """Every Teacher with every use of its labels that it can serve."""
    return [
        (t.name, use.name)
        for t in study.teachers
        for use in study.label_uses
        if study.can_use(t, use)
    ]


def subsets(study: Study) -> list[tuple[float, int, int | None]]:
    """Every U that a Teacher is trained on: `fraction, draw, left_out`."""
    cyborg = [c for c in conditions(study) if c.arm == "cyborg"]
    return list(dict.fromkeys((c.fraction, c.draw, c.left_out) for c in cyborg))


def seeds(study: Study, student: str) -> list[int]:
    """A classical Student has no seed to vary; it runs once."""
    every = study.sampling.seeds
    return every[:1] if study.student(student).kind == "classical" else every


def subset_slug(fraction: float, draw: int, left_out: int | None = None) -> str:
    return f"f{fraction:g}-d{draw}" + (f"-no{left_out}" if left_out is not None else "")


# ---------------------------------------------------------------- places


def corpus_file(study: Study) -> Path:
    return study.folder / "corpus.parquet"


def base_folder(study: Study, teacher: Teacher) -> Path | None:
    """Where the pretrained base model of a from-scratch Teacher lies; None for any other."""
    scratch = getattr(teacher, "pretraining", None) is not None
    return study.folder / "base" / teacher.name if scratch else None


def base_settings(study: Study, teacher: str) -> dict:
    """The settings that the pretraining of a Teacher depends on, and no others."""
    spec = study.teacher(teacher)
    return spec.model_dump(
        include={"model", "pretraining", "max_tokens", "precision", "threads", "seed"}
    )


def elsewhere_file(study: Study, name: str) -> Path:
    """The test essays of another study, which this one's Students score too."""
    return study.folder / "elsewhere" / f"{name}.parquet"


def teacher_folder(
    study: Study, teacher: str, fraction: float, draw: int, left_out: int | None = None
) -> Path:
    return study.folder / "teachers" / teacher / subset_slug(fraction, draw, left_out)


def labels_folder(
    study: Study, teacher: str, fraction: float, draw: int, left_out: int | None = None
) -> Path:
    return study.folder / "labels" / teacher / subset_slug(fraction, draw, left_out)


def student_folder(study: Study, student: str, condition: Condition, seed: int) -> Path:
    return study.folder / "students" / student / condition.slug / f"s{seed}"


def model_folder(study: Study, student: str, condition: Condition, seed: int) -> Path:
    """Where a Student that is kept lies."""
    return student_folder(study, student, condition, seed) / "model"


def keeps_model(study: Study, condition: Condition) -> bool:
    """Whether a Student is kept after it has scored: those at the main fraction and of `full`, on
    all prompts. The others are points of a curve, and each may take half a gigabyte."""
    return condition.left_out is None and condition.fraction in (None, study.headline)


def fairness_file(study: Study, student: str) -> Path:
    return study.folder / "fairness" / f"{student}.json"


def calibration_file(study: Study, student: str) -> Path:
    return study.folder / "calibration" / f"{student}.json"


def analysis_file(study: Study, page: str) -> Path:
    return study.folder / "analyses" / f"{page}.json"


def audit_file(study: Study, teacher: str) -> Path:
    return study.folder / "audits" / f"{teacher}.json"


def work_folder(study: Study, stage: str, *depends_on) -> Path:
    """Where a stage keeps unfinished work, for the next run to go on from.

    The folder's name is a hash of what the work depends on (frames, or plain values and parts of
    the study): where that has changed, work begins anew and the old one is removed. Code is not
    among them: who edits the package removes `runs/<study>/unfinished`.
    """
    digest = hashlib.sha256()
    for part in depends_on:
        if isinstance(part, pd.DataFrame):
            digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
        else:
            digest.update(json.dumps(part, default=lambda v: v.model_dump()).encode())
    home, name = study.folder / "unfinished" / stage, digest.hexdigest()[:16]
    for old in home.glob("*"):
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)  # another job may be at it too
    return home / name


def finished(work: Path) -> None:
    """Remove a stage's unfinished work, once its results are written."""
    shutil.rmtree(work.parent, ignore_errors=True)


def summary_file(study: Study) -> Path:
    return study.folder / "summary.json"


# ---------------------------------------------------------------- reading and writing


def need(path: Path, notebook: str, study: Study) -> Path:
    """The path itself where it exists, or the shipped checkpoint that stands in for it.

    Raises
    ------
    MissingInput
        Neither is there; one sentence says what makes it.
    """
    if path.exists():
        return path
    stand_in = checkpoint_folder(study) / path.relative_to(study.folder)
    if not stand_in.exists() or not is_shipped(study):
        raise MissingInput(
            f"{path.relative_to(ROOT)} is not there yet: run notebooks/{notebook}.ipynb with the "
            f"same parameters, or `make reports STUDY={study.name}`"
        )
    return stand_in


ASKS = {
    "05e_label_use": "label_uses names no other use than hard",
    "05f_student_comparison": "evaluation.comparisons names no Students to compare",
    "05g_traits": "corpus.traits, or corpus.columns.traits, names no traits",
    "05h_transfer": "neither transfer nor sampling.leave_out names anything",
}


def check_asked(study: Study, page: str) -> None:
    """Raise a ParameterError where a study does not ask what a page answers."""
    if page not in study.analyses:
        raise ParameterError(
            f"study {study.name} has nothing for {page}: {ASKS[page]}; the study tour has it"
        )


def check_judged(study: Study, page: str) -> None:
    """Raise a ParameterError where a page is of test essays that a study has none of, or of their
    lack in a study that has some."""
    judged = study.evaluation.judged
    if judged and page == "06b_unjudged":
        raise ParameterError(
            f"study {study.name} has human-scored test essays, so 06_summary is its page; "
            f"{page} is for a study with evaluation.judged: false (make study ... "
            "OPTIONS='--no-test')"
        )
    if not judged and (page.startswith("05") or page == "06_summary"):
        raise ParameterError(
            f"study {study.name} has nothing for {page}: no test essay is scored by people "
            "(evaluation.judged: false); 06b_unjudged is its page"
        )


def checkpoint_folder(study: Study) -> Path:
    """Where the shipped checkpoints of a study lie, in the places that they have in its runs."""
    return CHECKPOINTS / study.name


def is_shipped(study: Study) -> bool:
    """Whether checkpoints of this study are shipped: one with other settings is another study."""
    about = checkpoint_folder(study) / "study.json"
    return about.exists() and read_json(about) == study.model_dump(mode="json")


def corpus_without_texts(study: Study) -> pd.DataFrame:
    """Every column of the corpus but the texts, which are nearly all of its size."""
    path = need(corpus_file(study), "01_corpus", study)
    names = [name for name in pq.read_schema(path).names if name != "text"]
    return pd.read_parquet(path, columns=names)


def read_ledger(study: Study, teacher: str, *subset) -> pd.DataFrame:
    """A Teacher's cyborg data; `subset` is `fraction, draw, left_out`."""
    file = labels_folder(study, teacher, *subset) / "labels.parquet"
    return pd.read_parquet(need(file, "03_labeling", study))


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
    """Hold a study or a stage while it runs; the system lets go of it however the run ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise ParameterError(
                f"{what} is being run by process {lock.read().strip() or '?'}; "
                "wait for it, or stop it first"
            ) from None
        lock.truncate(0)
        with suppress(OSError):  # a full disk has its own sentence
            os.write(lock.fileno(), str(os.getpid()).encode())
        yield


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that takes its final name only when the block ends well."""
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
    """Where there is no room for a file, remove its beginning and say so in one sentence."""
    try:
        yield
    except Exception as error:  # of pyarrow, safetensors and Python, each with one of its own
        if not re.search(r"No space left|quota exceeded|File too large", str(error), re.I):
            raise
        shutil.rmtree(temporary) if temporary.is_dir() else temporary.unlink(missing_ok=True)
        raise OSError(
            f"no room on the disk for {path}: make some, and give the same command again"
        ) from None


def records(frame: pd.DataFrame) -> list[dict]:
    """Rows of a frame as plain values with every digit; a missing or infinite one is None."""
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
