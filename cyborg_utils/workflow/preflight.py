"""What a machine lacks for a study: `make check STUDY=name` prints OK or FAIL a line."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

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
    """One thing that was looked at: whether it will do, and what to do if not."""

    ok: bool
    told: str


def look_at(study: Study) -> list[Line]:
    """Everything that a run of the study needs, in the order in which it needs it."""
    return [python(), *packages(), memory(), disk(), *data_files(study), *models(study)]


def models(study: Study) -> list[Line]:
    """What the study's models need: a GPU, the hub, disk space, label tokens.

    A run looks at these too before it starts, where the study has pretrained models.
    """
    lines = gpu(study)
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
    found = [getattr(item, "model", None) for item in study.teachers + study.students]
    found = [m for m in found if m is not None and m.from_scratch is None]
    return [m for i, m in enumerate(found) if m not in found[:i]]


def python() -> Line:
    version = platform.python_version()
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    told = f"Python {version}"
    return Line(fits, told if fits else f"{told}: 3.11, 3.12 or 3.13 is needed, see PYTHON=...")


def packages(distribution: str = "cyborg-data") -> list[Line]:
    """Packages that are missing or of a version that was not asked for; one line where all fit."""
    asked = [Requirement(text) for text in metadata.requires(distribution) or []]
    asked = [r for r in asked if r.marker is None or r.marker.evaluate({"extra": ""})]
    faults = []
    for requirement in asked:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            version = "missing"
        if version == "missing" or not requirement.specifier.contains(version, prereleases=True):
            faults.append(
                Line(False, f"package {requirement.name} is {version}, {requirement.specifier} is "
                     "needed: remove .venv and run `make check` again")
            )  # fmt: skip
    return faults or [Line(True, f"packages: all {len(asked)}, torch {metadata.version('torch')}")]


def memory() -> Line:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GB
    told = f"memory: {size:.0f} GB"
    enough = size >= MEMORY
    return Line(enough, told if enough else f"{told}, {MEMORY} are needed: use CORES=1")


def disk() -> Line:
    free = shutil.disk_usage(working_folder()).free / GB
    told = f"disk: {free:.0f} GB free"
    enough = free >= DISK
    return Line(enough, told if enough else f"{told}, {DISK} are needed: `make clean` frees some")


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
    remedy = f"{remedy_for_missing(corpus, key)} (paths are from the repository's root)"
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

    needs = {item.name: getattr(item, "gpu_memory", 0) for item in study.teachers + study.students}
    name, need = max(needs.items(), key=lambda item: item[1], default=("", 0))
    remedy = "use a larger GPU, quantization: nf4, or a study with smaller models"
    if not torch.cuda.is_available():
        told = "GPU: none"
        if need:
            return [Line(False, f"{told}, and {name} needs one with {need:g} GB: {remedy}")]
        return [Line(True, f"{told}, and {study.name} needs none")]
    properties = torch.cuda.get_device_properties(0)
    told = f"GPU: {properties.name}, {properties.total_memory / GB:.0f} GB"
    if properties.total_memory / GB < 0.95 * need:  # a card of 24 GB shows a little less
        return [Line(False, f"{told}, and {name} needs {need:g} GB: {remedy}")]
    return [Line(True, told)]


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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m cyborg_utils.workflow.preflight", description=__doc__
    )
    parser.add_argument("study", nargs="?", default="demo", help="a name in params/, or a path")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args(arguments)
    try:
        lines = look_at(load_study(options.study, options.settings))
    except ParameterError as error:
        print(f"FAIL {error}")
        return 1
    for line in lines:
        print(f"{'OK  ' if line.ok else 'FAIL'} {line.told}")
    return int(not all(line.ok for line in lines))


if __name__ == "__main__":
    sys.exit(main())
