"""The study's notebooks as files: which cells are for stepping alone, which hold the parameters."""

from __future__ import annotations

import ast

import nbformat

from cyborg_utils.study.schema.base import ROOT

NOTEBOOKS = ROOT / "notebooks"
LESSON = {"lesson", "install", "checkpoint", "exercise", "solution"}  # cells that no report shows


def read_notebook(name: str) -> nbformat.NotebookNode:
    """A notebook of `notebooks/` by its name without the ending."""
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def without_lesson(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without the cells that are for stepping alone: exercises and the like."""
    kept = [c for c in notebook.cells if not LESSON & set(c.metadata.get("tags", []))]
    return nbformat.from_dict({**notebook, "cells": kept})


def parameters_cell(notebook: nbformat.NotebookNode) -> str:
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


def parameter_names(notebook: nbformat.NotebookNode) -> set[str]:
    """The names that the parameters cell assigns."""
    body = ast.parse(parameters_cell(notebook)).body
    return {target.id for node in body for target in getattr(node, "targets", [])}
