"""What a machine lacks for a study: `make check STUDY=name` prints OK or FAIL a line."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from importlib import metadata
from typing import NamedTuple

from packaging.requirements import Requirement

from cyborg_utils.params import load_study
from cyborg_utils.schema import Study
from cyborg_utils.schema_basis import ROOT, ParameterError
from cyborg_utils.schema_corpora import corpus_files

MEMORY, DISK = 4, 2  # GB that the demo needs with room to spare
GB = 1024**3


class Line(NamedTuple):
    """One thing that was looked at: whether it will do, and what to do if not."""

    ok: bool
    told: str


def look_at(study: Study) -> list[Line]:
    """Everything that a run of the study needs, in the order in which it needs it."""
    return [python(), *packages(), memory(), disk(), *data_files(study), gpu(study), *hub(study)]


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
    free = shutil.disk_usage(ROOT).free / GB
    told = f"disk: {free:.0f} GB free"
    enough = free >= DISK
    return Line(enough, told if enough else f"{told}, {DISK} are needed: `make clean` frees some")


def data_files(study: Study) -> list[Line]:
    """The corpus's files."""
    named = [(key, name) for key, names in corpus_files(study.corpus).items() for name in names]
    if not named:
        return [Line(True, f"data: {study.name} simulates its essays")]
    return [
        Line(True, f"data: {name}")
        if (ROOT / name).is_file()
        else Line(False, f"data: no file {name}: put it there, or correct {key} in the YAML")
        for key, name in named
    ]


def gpu(study: Study) -> Line:
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return Line(True, f"GPU: {properties.name}, {properties.total_memory / GB:.0f} GB")
    large = [t.name for t in study.teachers if t.kind == "causal" and not t.model.from_scratch]
    if large:
        return Line(
            False, f"GPU: none, and Teacher {large[0]} is a pretrained language model: use a "
            "machine with a GPU, or a smaller Teacher"
        )  # fmt: skip
    return Line(True, f"GPU: none, and {study.name} needs none")


def hub(study: Study) -> list[Line]:
    """The models that a study takes from the hub: can they be had?"""
    from httpx import HTTPError
    from huggingface_hub import model_info
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

    models = [getattr(item, "model", None) for item in study.teachers + study.students]
    wanted = {(m.hub, m.revision) for m in models if m is not None and m.hub}
    if not wanted:
        return [Line(True, f"hub: {study.name} takes no model from it")]
    lines = []
    for name, revision in sorted(wanted):
        try:
            model_info(name, revision=revision, timeout=10)
            lines.append(Line(True, f"hub: {name}"))
        except GatedRepoError:
            remedy = "accept its licence on its page and log in with `hf auth login`"
            lines.append(Line(False, f"hub: {name} is gated: {remedy}"))
        except HfHubHTTPError as error:
            lines.append(Line(False, f"hub: {name} at {revision}: {str(error).splitlines()[0]}"))
        except (HTTPError, OSError):
            remedy = "connect, or name a local copy with model.folder"
            lines.append(Line(False, f"hub: {name} cannot be reached from here: {remedy}"))
    return lines


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cyborg_utils.check", description=__doc__)
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
