"""Run a notebook through Papermill and render it.

`python -m cyborg_utils.reporting NOTEBOOK key=value ...` is what the Snakefile calls for each
stage, here or on a cluster.
"""

from __future__ import annotations

import ast
import hashlib
import html
import itertools
import json
import logging
import os
import sys
import tempfile
from pathlib import Path

import nbformat
import yaml

from cyborg_utils.params import load_study
from cyborg_utils.schema import Study
from cyborg_utils.schema_basis import ROOT, ParameterError
from cyborg_utils.stages import (
    base_folder,
    conditions,
    only_run,
    seeds,
    subset_slug,
    subsets,
)

NOTEBOOKS = ROOT / "notebooks"
PACKAGE = ROOT / "cyborg_utils"
TEMPLATES = PACKAGE / "templates"
LESSON = {"lesson", "install", "checkpoint", "exercise", "solution"}  # cells that no report shows
QUIET = {"extra_arguments": ["--IPKernelApp.log_level=50"]}  # it logs its own end as an error


class StageError(RuntimeError):
    """A notebook failed; the message is its error, the cell, and where to look."""


# ---------------------------------------------------------------- running


class TimeLeft:
    """Of what a running notebook prints, the lines that tell the time left go to the terminal."""

    def __init__(self, stage: str):
        self.stage = stage

    def write(self, text: str) -> None:
        for line in text.splitlines():
            if line.endswith("left"):
                print(f"         {self.stage}: {line}", file=sys.stderr, flush=True)

    def flush(self) -> None:
        """Nothing is held back."""


def run_notebook(name: str, parameters: dict, executed: Path, report: Path) -> None:
    """Execute one notebook with parameters, save it executed, and render it as HTML.

    Parameters
    ----------
    name : the notebook's name in `notebooks/`, without its ending.
    parameters : values for the cell tagged `parameters`; an unknown one is an error.
    executed : where the executed notebook goes, also when it fails.
    report : where the HTML goes when it succeeds; a failed run is rendered beside `executed`.

    Raises
    ------
    StageError
        The notebook's error in one line, the cell, and the page that shows it.
    """
    import papermill
    from traitlets.config import Config

    logging.getLogger("papermill").setLevel(logging.ERROR)
    notebook = without_lesson(read_notebook(name))
    check_parameters(name, notebook, parameters)
    executed.parent.mkdir(parents=True, exist_ok=True)
    report.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as sockets:  # of this kernel alone
            kernel = {"transport": "ipc", "ip": os.path.join(sockets, "kernel")}
            papermill.execute_notebook(
                notebook,
                executed,
                parameters=parameters,
                kernel_name="python3",
                cwd=NOTEBOOKS,
                progress_bar=False,
                log_output=False,
                stdout_file=TimeLeft(executed.stem),
                autosave_cell_every=10,
                config=Config({"KernelManager": kernel, "NotebookClient": QUIET}),
            )
    except papermill.PapermillExecutionError as error:
        failed = executed.with_suffix(".html")
        render(executed, failed)
        raise StageError(
            f"{name} failed in cell {error.exec_count}: {error.ename}: {error.evalue}\n"
            f"the executed notebook up to there: {failed.relative_to(ROOT)}"
        ) from None
    render(executed, report)


def read_notebook(name: str):
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def without_lesson(notebook):
    """The notebook without what is for stepping alone: exercises, solutions, checkpoints."""
    kept = [c for c in notebook.cells if not LESSON & set(c.metadata.get("tags", []))]
    return nbformat.from_dict({**notebook, "cells": kept})


def check_parameters(name: str, notebook, parameters: dict) -> None:
    """Papermill only warns on an unknown parameter; here it is an error."""
    body = ast.parse(parameters_cell(notebook)).body
    known = {t.id for node in body for t in getattr(node, "targets", [])}
    if unknown := sorted(set(parameters) - known):
        raise StageError(f"{name} has no parameter {unknown[0]!r}; it has {sorted(known)}")


def parameters_cell(notebook) -> str:
    """Source of the one code cell tagged `parameters`."""
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1 or cells[0].cell_type != "code":
        raise StageError("a notebook needs exactly one code cell tagged `parameters`")
    return cells[0].source


def render(executed: Path, report: Path) -> None:
    """Render an executed notebook as one HTML file that needs no network."""
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata.pop("widgets", None)  # without it they are shown as what they say in text
    given = notebook.metadata.papermill.parameters
    parts = [
        f"{k} {v}" for k, v in given.items() if k not in ("study", "settings") and v is not None
    ]
    title, hidden = _heading(notebook), []
    links = {"home": "index.html", "label": "All reports"}
    if "study" in given:  # the opening lesson belongs to none
        study = load_study(given["study"], given["settings"])
        title = f"{study.title}: {title}"
        home = ROOT / "reports" / study.name / "index.html"
        label = html.escape(f"{study.title}: all reports")
        links = {"home": os.path.relpath(home, report.parent), "label": label}
        hidden = ["students" if study.machines else "machines"]  # cells of the other kind of study
    notebook.metadata["title"] = ", ".join([title, *parts])
    exporter = HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(TEMPLATES)],
        embed_images=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        config=Config({"TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": hidden}}),
    )
    page, _ = exporter.from_notebook_node(notebook, resources=links)
    temporary = report.with_name(f".{report.name}.partial")
    temporary.write_text(page, encoding="utf-8")
    os.replace(temporary, report)


def _heading(notebook) -> str:
    first = next(c.source for c in notebook.cells if c.cell_type == "markdown")
    return first.splitlines()[0].lstrip("# ")


# ---------------------------------------------------------------- what a stage depends on


def fingerprint(notebook: str, *settings: object, drawing: bool = False) -> str:
    """Hash of all that a stage's result depends on besides its input files.

    That is the notebook's code cells that a report shows, the modules of the package that they
    import, directly or through each other, and the study's settings for the stage. Prose,
    comments and docstrings do not count. `plots` counts where `drawing` is set: a stage that trains
    is not repeated for the look of a figure, or of a Student's card.
    """
    cells = without_lesson(read_notebook(notebook)).cells
    code = "\n".join(c.source for c in cells if c.cell_type == "code")
    modules = _imports(code)
    waiting = list(modules)
    while waiting:
        new = _imports((PACKAGE / f"{waiting.pop()}.py").read_text(encoding="utf-8")) - modules
        modules |= new
        waiting += new
    if not drawing:
        modules -= {"plots", "saved_student"}
    parts = [_meaning(code)]
    parts += [_meaning((PACKAGE / f"{m}.py").read_text(encoding="utf-8")) for m in sorted(modules)]
    if any(module.startswith("simulate") for module in modules):
        parts += [
            path.read_text(encoding="utf-8")
            for path in sorted(PACKAGE.glob("data/simulated_*.yaml"))
        ]
    parts += [json.dumps(s, sort_keys=True, default=lambda v: v.model_dump()) for s in settings]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _imports(code: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cyborg_utils"):
            parts = node.module.split(".")[1:]
            found |= {parts[0]} if parts else {alias.name for alias in node.names}
    return {m for m in found if (PACKAGE / f"{m}.py").is_file()}


def _meaning(code: str) -> str:
    """The code without comments and docstrings."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = body[1:]
    return ast.dump(tree)


def report_links(study: Study) -> str:
    """An HTML list of links to every report of a study, in the order of its stages."""
    pages = [("00_concepts", [])] * study.lesson + [("01_corpus", [])]
    pages += [
        ("01b_teacher_pretraining", [t.name]) for t in study.teachers if base_folder(study, t)
    ]
    every_u = [subset_slug(*subset) for subset in subsets(study)]
    for stage in ("02_teacher_training", "03_labeling"):
        pages += [(stage, [t.name, u]) for t in study.teachers for u in every_u]
    for s in study.students:
        for c in conditions(study):
            pages += [
                ("04_student_training", [s.name, c.slug, f"s{n}"]) for n in seeds(study, s.name)
            ]
    pages += [("05_fairness_analysis", [name]) for name in study.reported]
    if study.evaluation.judged:
        pages += [("05b_calibration", [s.name]) for s in study.students]
        pages += [("05c_teacher_audit", [t.name]) for t in study.teachers if "cyborg" in study.arms]
    pages += [(page, []) for page in study.analyses]
    items = []
    for stage, group in itertools.groupby(pages, key=lambda page: page[0]):
        links = [
            f'<a href="{"--".join([stage, *parts])}.html">{" · ".join(parts) or "open"}</a>'
            for _, parts in group
        ]
        items.append(f"<li>{stage.replace('_', ' ')}: {', '.join(links)}</li>")
    return f"<ul>{''.join(items)}</ul>"


def main(arguments: list[str]) -> int:
    """Run one stage: NOTEBOOK EXECUTED REPORT key=value ..."""
    name, executed, report, *pairs = arguments
    parameters = {k: yaml.safe_load(v) for k, v in (pair.split("=", 1) for pair in pairs)}
    lock = (ROOT / executed).with_name(f".{Path(executed).stem}.lock")  # an orphan may be at it
    try:
        with only_run(lock, f"stage {Path(executed).stem}"):
            run_notebook(name, parameters, ROOT / executed, ROOT / report)
    except (StageError, ParameterError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
