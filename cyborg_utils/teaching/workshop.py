"""The participants' and the instructor's copies of the notebooks, both from `notebooks/`.

A cell tagged `solution` is only in the instructor's copy, folded; the participants' copy has an
empty cell in its place. With one source for both, exercises and solutions stay consistent.
"""

from __future__ import annotations

from pathlib import Path

import nbformat

from cyborg_utils.study.folders import notebooks_folder, working_folder

SOLUTION = "solution"


def for_participants(notebook):
    """The notebook with one empty cell for each run of solution cells."""
    cells = []
    for cell in notebook.cells:
        if not _is_solution(cell):
            cells.append(cell)
        elif "answer" not in cells[-1].metadata.get("tags", []):
            empty = nbformat.v4.new_code_cell("# your answer", metadata={"tags": ["answer"]})
            cells.append({**empty, "id": cell.id})
    return nbformat.from_dict({**notebook, "cells": cells})


def for_instructor(notebook):
    """The notebook with its solutions, their code folded."""
    cells = [nbformat.from_dict(cell) for cell in notebook.cells]
    for cell in cells:
        if _is_solution(cell) and cell.cell_type == "code":
            cell.metadata["jupyter"] = {"source_hidden": True}
    return nbformat.from_dict({**notebook, "cells": cells})


def _is_solution(cell) -> bool:
    return SOLUTION in cell.metadata.get("tags", [])


def write_copies(folder: Path) -> list[Path]:
    """Write both copies of every notebook into `participants/` and `instructor/` of a folder.

    Raises
    ------
    FileExistsError
        The folder of a copy exists: somebody may have worked in it.
    """
    written = []
    for name, copy in (("participants", for_participants), ("instructor", for_instructor)):
        place = folder / name
        if place.exists():
            raise FileExistsError(f"{place} exists already: move or remove it")
        place.mkdir(parents=True)
        for source in sorted(notebooks_folder().glob("*.ipynb")):
            notebook = copy(nbformat.read(source, as_version=4))
            for cell in notebook.cells:  # a copy is one folder deeper
                cell.source = cell.source.replace("](../docs/", "](../../docs/")
            nbformat.validate(notebook)
            nbformat.write(notebook, place / source.name)
            written.append(place / source.name)
    return written


def write_workshop() -> None:
    """Write the copies below the working folder and print where they are."""
    written = write_copies(working_folder() / "workshop")
    for name in ("participants", "instructor"):
        n = sum(path.parent.name == name for path in written)
        print(f"workshop/{name}: {n} notebooks, start with Start.ipynb")
