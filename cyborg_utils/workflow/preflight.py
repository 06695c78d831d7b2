"""Which requirements of a study a machine meets, one line each, OK or FAIL."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import psutil
from packaging.requirements import Requirement

from cyborg_utils.corpus.dataset_loader import dataset_folder, dataset_name
from cyborg_utils.corpus.table_files import TableError
from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import working_folder
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.corpora import (
    Corpus,
    DatasetCorpus,
    corpus_files,
    remedy_for_missing,
)
from cyborg_utils.study.schema.models import CausalTeacher, Model
from cyborg_utils.study.schema.study import Study

MEMORY, DISK = 4, 2  # GB that the demo needs with room to spare
GB = 1024**3


class Line(NamedTuple):
    """One need: whether it is met, and what to do if not."""

    ok: bool
    message: str


def check_study(name: str, settings: Sequence[str] = ()) -> int:
    """Print a line for each need of a study.

    Returns
    -------
    0 where all are met, else 1
    """
    try:
        lines = needs(load_study(name, settings))
    except ParameterError as error:
        lines = [Line(False, str(error))]
    for line in lines:
        print(f"{'OK  ' if line.ok else 'FAIL'} {line.message}")
    return int(not all(line.ok for line in lines))


def needs(study: Study) -> list[Line]:
    """Everything that a run of the study needs, in the order in which it needs it."""
    lines = [python(), *packages(), libraries(study), memory(), disk(), *data_files(study)]
    return lines + (models(study) if libraries(study).ok else [])


def models(study: Study) -> list[Line]:
    """What the study's models need: a GPU, the hub, disk space, label tokens.

    A run looks at these too before it starts, where the study has pretrained models.
    """
    lines = gpu(study) if neural(study) else []
    if not pretrained(study):
        return [*lines, Line(True, f"hub: {study.name} takes no model from it")]
    lacking = set()
    for model in pretrained(study):
        for line in hub(model.hub, model.revision) if model.hub else []:
            lines.append(line)
            lacking |= set() if line.ok else {model.hub}
    for teacher in study.teachers:
        if teacher.kind == "causal" and teacher.model.hub not in lacking:
            lines += answers(study, teacher)
    return lines


def pretrained(study: Study) -> list[Model]:
    """The models that a study takes from the hub or from a folder, each once."""
    used = [getattr(item, "model", None) for item in study.teachers + study.students]
    used = [m for m in used if m is not None and m.from_scratch is None]
    return [m for i, m in enumerate(used) if m not in used[:i]]


def python() -> Line:
    version = platform.python_version()
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    remedy = "" if fits else ": 3.11, 3.12 or 3.13 is needed"
    return Line(fits, f"Python {version}{remedy}")


def packages(distribution: str = "cyborg-data") -> list[Line]:
    """Packages that are missing or of a version that was not asked for; one line where all fit."""
    if _version(distribution) is None:
        return [Line(False, f"package {distribution} is not installed: pip install .")]
    asked = [Requirement(text) for text in metadata.requires(distribution) or []]
    asked = [r for r in asked if r.marker is None or r.marker.evaluate({"extra": ""})]
    faults = []
    for requirement in asked:
        version = _version(requirement.name) or "missing"
        if version == "missing" or not requirement.specifier.contains(version, prereleases=True):
            faults.append(
                Line(False, f"package {requirement.name} is {version}, {requirement.specifier} is "
                     "needed: install the project again (with make: remove .venv first)")
            )  # fmt: skip
    return faults or [Line(True, f"packages: all {len(asked)}")]


def neural(study: Study) -> bool:
    """Whether a study trains or loads a model other than a classical one."""
    return any(spec.neural for spec in study.teachers + study.students)


def libraries(study: Study) -> Line:
    """The libraries of the study's models and of its corpus, which an installation may lack."""
    wanted = {name for spec in study.teachers + study.students for name in spec.libraries}
    if isinstance(study.corpus, DatasetCorpus):
        wanted.add("datasets")
    versions = {name: _version(name) for name in sorted(wanted)}
    if None in versions.values():
        what = "trains a neural model" if neural(study) else "reads a dataset"
        return Line(False, f"this study {what}, which needs: pip install 'cyborg-data[models]'")
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Line(True, f"libraries: {listed or f'{study.name} trains no model'}")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def memory() -> Line:
    size = psutil.virtual_memory().total / GB
    remedy = "" if size >= MEMORY else f", {MEMORY} are needed: use --cores 1"
    return Line(size >= MEMORY, f"memory: {size:.0f} GB{remedy}")


def disk() -> Line:
    free = shutil.disk_usage(working_folder()).free / GB
    remedy = "" if free >= DISK else f", {DISK} are needed: remove what runs/ no longer needs"
    return Line(free >= DISK, f"disk: {free:.0f} GB free{remedy}")


def data_files(study: Study) -> list[Line]:
    """The files or datasets of the corpus, and of those that its Students score too; a run looks
    at these before it starts."""
    corpora = [study.corpus, *(load_study(name).corpus for name in study.transfer)]
    lines = []
    for corpus in corpora:
        if isinstance(corpus, DatasetCorpus):
            lines.append(dataset(corpus))
            continue
        for key, names in corpus_files(corpus).items():
            lines += [_data_file(corpus, key, name) for name in names]
    return lines or [Line(True, f"data: {study.name} simulates its essays")]


def _data_file(corpus: Corpus, key: str, name: str) -> Line:
    if (working_folder() / name).is_file():
        return Line(True, f"data: {name}")
    remedy = f"{remedy_for_missing(corpus, key)} (paths start at {working_folder()})"
    return Line(False, f"{key}: no file {name}; {remedy}")


def dataset(corpus: DatasetCorpus) -> Line:
    """Is a dataset here, or can it be had from the hub, and is there room for it?"""
    name = dataset_name(corpus)
    try:
        dataset_folder(corpus, download=False)
        return Line(True, f"data: {name} is here")
    except TableError as error:
        if corpus.folder:
            return Line(False, f"corpus.folder: {error}")
    files = _hub_files("dataset", corpus.hub, corpus.revision, "a local copy with corpus.folder")
    return files if isinstance(files, Line) else _room(f"data: {name}", files)


def gpu(study: Study) -> list[Line]:
    """A GPU with the memory that the study's models say they need."""
    import torch

    sizes = {item.name: getattr(item, "gpu_memory", 0) for item in study.teachers + study.students}
    name, need = max(sizes.items(), key=lambda item: item[1], default=("", 0))
    remedy = "use a larger GPU, quantization: nf4, or a study with smaller models"
    if not torch.cuda.is_available():
        if need:
            return [Line(False, f"GPU: none, and {name} needs one with {need:g} GB: {remedy}")]
        return [Line(True, f"GPU: none, and {study.name} needs none")]
    properties = torch.cuda.get_device_properties(0)
    card = f"GPU: {properties.name}, {properties.total_memory / GB:.0f} GB"
    if properties.total_memory / GB < 0.95 * need:  # a card of 24 GB shows a little less
        return [Line(False, f"{card}, and {name} needs {need:g} GB: {remedy}")]
    return [Line(True, card)]


def hub(name: str, revision: str) -> list[Line]:
    """Can a model be had from the hub, and is there room for it? One that is here is enough."""
    from huggingface_hub import try_to_load_from_cache

    def here(file: str) -> Path | None:
        path = try_to_load_from_cache(name, file, revision=revision)
        return Path(path) if isinstance(path, str) else None

    if index := here("model.safetensors.index.json"):
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        cached = all(map(here, shards))
    else:
        cached = here("model.safetensors") is not None
    if cached:
        return [Line(True, f"hub: {name} is here already")]
    files = _hub_files("model", name, revision, "a local copy with model.folder")
    if isinstance(files, Line):
        return [files]
    weights = [f for f in files if f.rfilename.endswith(".safetensors")]
    if not weights and revision != "main":  # for main the hub converts other formats
        remedy = "name a revision that has them, or main"
        return [Line(False, f"hub: {name} at {revision} has no safetensors: {remedy}")]
    return [_room(f"hub: {name}", weights)]


def _hub_files(kind: str, name: str, revision: str, other_place: str) -> list | Line:
    """The files of a model or dataset on the hub, or a line on why they cannot be had."""
    from httpx import HTTPError
    from huggingface_hub import auth_check, dataset_info, model_info
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError

    info = model_info if kind == "model" else dataset_info
    try:
        auth_check(name, repo_type=kind)
        return info(name, revision=revision, files_metadata=True, timeout=10).siblings
    except GatedRepoError:
        remedy = "accept its license on its page and log in with `hf auth login`"
        return Line(False, f"hub: {name} is gated: {remedy}")
    except (HfHubHTTPError, HFValidationError) as error:
        return Line(False, f"hub: {name} at {revision}: {str(error).splitlines()[0]}")
    except (HTTPError, OSError):
        remedy = f"connect, or name {other_place}"
        return Line(False, f"hub: {name} cannot be reached from here: {remedy}")


def _room(what: str, files: list) -> Line:
    """Whether files of the hub fit on the disk of its cache."""
    from huggingface_hub import constants

    size = sum(f.size or 0 for f in files) / GB
    place = Path(constants.HF_HUB_CACHE)
    free = shutil.disk_usage(next(p for p in [place, *place.parents] if p.exists())).free / GB
    if size > free:
        remedy = "free some, or set HF_HOME to a larger disk"
        return Line(False, f"{what} has {size:.0f} GB, {free:.0f} are free: {remedy}")
    return Line(True, f"{what}, {size:.1f} GB to download")


def answers(study: Study, teacher: CausalTeacher) -> list[Line]:
    """Can a pretrained Teacher be loaded as the study says, and answer each score by one token?"""
    from cyborg_utils.models.causal import trait_prompt
    from cyborg_utils.models.loading import four_bits, load_tokenizer
    from cyborg_utils.models.scorer import ModelError

    if teacher.model.from_scratch is not None:
        return []
    try:
        if teacher.quantization == "nf4":
            four_bits()
        tokenizer = load_tokenizer(teacher.model)
        for trait in study.traits:
            trait_prompt(tokenizer, teacher, study.labels, trait)
    except (ModelError, ValueError) as error:
        return [Line(False, f"Teacher {teacher.name}: {error}")]
    return [Line(True, f"Teacher {teacher.name} answers each score by one token")]
