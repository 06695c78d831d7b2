"""Run a notebook through Papermill and render it."""

from __future__ import annotations

import html
import logging
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import shown_path, working_folder
from cyborg_utils.study.notebook_cells import (
    parameter_names,
    read_notebook,
    without_lesson,
)
from cyborg_utils.study.storage import only_run

TEMPLATES = Path(__file__).parent / "templates"
QUIET = {
    "extra_arguments": ["--IPKernelApp.log_level=50"]
}  # the kernel logs its shutdown as an error


class StageError(RuntimeError):
    """A notebook failed; the message has its error, the cell, and the page that shows it."""


# ---------------------------------------------------------------- running


class TimeLeft:
    """Passes the lines on the remaining time that a running notebook prints to the terminal."""

    def __init__(self, stage: str):
        self.stage = stage

    def write(self, text: str) -> None:
        for line in text.splitlines():
            if line.endswith("left"):
                print(f"         {self.stage}: {line}", file=sys.stderr, flush=True)

    def flush(self) -> None:
        """Nothing is buffered."""


def run_notebook(name: str, parameters: dict, executed: Path, report: Path) -> None:
    """Execute one notebook with parameters, save it executed, and render it as HTML.

    Parameters
    ----------
    name : the notebook's name in `notebooks/`, without its ending.
    parameters : values for the cell tagged `parameters`; an unknown one is an error.
    executed : where the executed notebook goes, also when it fails.
    report : where the HTML goes when it succeeds; a failed run is rendered next to `executed`.

    Raises
    ------
    StageError
        The notebook's error in one line, the cell, and the page that shows it.
    """
    import papermill
    from traitlets.config import Config

    logging.getLogger("papermill").setLevel(logging.ERROR)
    notebook = without_lesson(read_notebook(name))
    allowed = parameter_names(notebook)
    if unknown := sorted(set(parameters) - allowed):  # Papermill only warns of it
        raise StageError(f"{name} has no parameter {unknown[0]!r}; it has {sorted(allowed)}")
    notebook.cells += _closing_cells("study" in parameters)
    executed.parent.mkdir(parents=True, exist_ok=True)
    report.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as sockets:  # of this kernel alone
            ipc = {"transport": "ipc", "ip": os.path.join(sockets, "kernel")}
            kernel = {} if os.name == "nt" else ipc  # Windows has no such sockets
            papermill.execute_notebook(
                notebook,
                executed,
                parameters=parameters,
                kernel_name="python3",
                cwd=working_folder(),
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
            f"the executed notebook up to there: {shown_path(failed)}"
        ) from None
    render(executed, report)


def _closing_cells(of_study: bool) -> list[nbformat.NotebookNode]:
    """How a page was made, which every report ends with."""
    source = "from cyborg_utils.reporting.provenance_table import show_provenance\n\n"
    source += f"show_provenance({'study' * of_study})"
    return [new_markdown_cell("## How this page was made"), new_code_cell(source)]


def render(executed: Path, report: Path) -> None:
    """Render an executed notebook as one HTML file that needs no network."""
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata.pop("widgets", None)  # widgets are then shown as text
    parameters = notebook.metadata.papermill.parameters
    keys = [
        f"{k} {v}"
        for k, v in parameters.items()
        if k not in ("study", "settings") and v is not None
    ]
    title, hidden = _heading(notebook), []
    links = {"home": "index.html", "label": "All reports"}
    if "study" in parameters:  # 00_concepts has none
        study = load_study(parameters["study"], parameters["settings"])
        title = f"{study.title}: {title}"
        home = working_folder() / "reports" / study.name / "index.html"
        label = html.escape(f"{study.title}: all reports")
        links = {"home": os.path.relpath(home, report.parent), "label": label}
        hidden = ["students" if study.machines else "machines"]  # cells of the other kind of study
    notebook.metadata["title"] = ", ".join([title, *keys])
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


def run_stage(name: str, executed: Path, report: Path, parameters: dict) -> None:
    """Run one stage of a study, here or as a job of a cluster.

    Parameters
    ----------
    parameters : `study` and `settings` are omitted where the notebook is about no study.
    name, executed, report : as for `run_notebook`.

    Raises
    ------
    StageError
        The notebook failed.
    ParameterError
        Another process runs this stage.
    """
    if "study" not in parameter_names(read_notebook(name)):
        parameters = {k: v for k, v in parameters.items() if k not in ("study", "settings")}
    lock = executed.with_name(f".{executed.stem}.lock")  # an interrupted run may still hold it
    with only_run(lock, f"stage {executed.stem}"):
        run_notebook(name, parameters, executed.resolve(), report.resolve())
