"""Precomputed results of the demo and of the tour, shipped with the notebooks.

Users who have not run a stage, or whose training failed, continue from them:
`cyborg_utils.study.storage.need` returns a precomputed result where the user has none. They are
copied from `runs/` after both studies have run.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import notebooks_folder, shown_path
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.stages import STAGES
from cyborg_utils.study.storage import precomputed_folder, summary_file, write_json

# Of the models, the largest of all files, only those that a notebook opens on.
MODELS = {
    "demo": (
        "base/llama",
        "teachers/llama/f0.1-d1",
        "students/ridge/cyborg-llama-f0.1-d1/s1/model",
    ),
    "tour": (),
}


def shipped_files(study: Study) -> Iterator[Path]:
    """What is shipped of a study's results: every stage's files, and the models of `MODELS`."""
    for stage in STAGES:
        for key in stage.keys_of(study):
            paths = [study.folder / name for name in stage.files(study, key)]
            yield from (path for path in paths if path.is_file() and path != summary_file(study))
    for folder in MODELS[study.name]:
        yield from (p for p in sorted((study.folder / folder).rglob("*")) if p.is_file())


def save(study: Study) -> int:
    """Ship a study's results.

    Returns
    -------
    int
        Size of the shipped files in bytes.

    Raises
    ------
    FileNotFoundError
        The study has not been run.
    """
    if not summary_file(study).exists():
        raise FileNotFoundError(f"{study.name} has not run here: cyborg run {study.name}")
    target, total = precomputed_folder(study), 0
    shutil.rmtree(target, ignore_errors=True)
    for file in shipped_files(study):
        copy = target / file.relative_to(study.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
        total += file.stat().st_size
    write_json(target / "study.json", study.model_dump(mode="json"))
    return total


def ship_results() -> None:
    """Ship the results of the demo and of the tour."""
    for name in MODELS:
        total = save(load_study(name)) / 1024
        print(f"{name}: {total:,.0f} KB in {shown_path(notebooks_folder())}/precomputed")
