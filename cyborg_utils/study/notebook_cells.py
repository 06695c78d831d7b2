"""The notebooks of a study as files: their parameters, and the cells that no report shows."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING

from cyborg_utils.study.folders import notebooks_folder

if TYPE_CHECKING:  # importing it takes a second and a half, in every stage
    from nbformat import NotebookNode

LESSON = {"lesson", "install", "checkpoint", "exercise", "solution"}  # cells that no report shows


def read_notebook(name: str) -> NotebookNode:
    """A notebook of `notebooks/` by its name without the ending."""
    import nbformat

    return nbformat.read(notebooks_folder() / f"{name}.ipynb", as_version=4)


def without_lesson(notebook: NotebookNode) -> NotebookNode:
    """The notebook without the cells that only a reader who runs it needs, such as exercises."""
    kept = [c for c in notebook.cells if not LESSON & set(c.metadata.get("tags", []))]
    return type(notebook)({**notebook, "cells": kept})


def report_code(name: str) -> str:
    """The code of the cells of a notebook that a report shows."""
    notebook = json.loads((notebooks_folder() / f"{name}.ipynb").read_text(encoding="utf-8"))
    return "\n".join(
        "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and not LESSON & set(cell["metadata"].get("tags", []))
    )


def parameters_cell(notebook: NotebookNode) -> str:
    """Source of the one code cell tagged `parameters`.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1 or cells[0].cell_type != "code":
        raise ValueError("a notebook needs exactly one code cell tagged `parameters`")
    return cells[0].source


def parameter_names(notebook: NotebookNode) -> set[str]:
    """The names that the parameters cell assigns."""
    body = ast.parse(parameters_cell(notebook)).body
    return {target.id for node in body for target in getattr(node, "targets", [])}
