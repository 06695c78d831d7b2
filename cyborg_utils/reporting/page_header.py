"""The header of a page, and the note on the files that a stage has written."""

from __future__ import annotations

import re
from pathlib import Path

from cyborg_utils.reporting.markdown import as_markdown, as_text
from cyborg_utils.study.folders import shown_path
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.stages import STAGES, require_page
from cyborg_utils.study.storage import is_shipped, precomputed_folder


def opening(study: Study, notebook: str) -> str:
    """A notebook's header in Markdown: the study, and the results that the notebook starts from.

    Parameters
    ----------
    notebook : the stage's name; only the results of earlier stages count.

    Raises
    ------
    ParameterError
        The notebook does not apply to this study; the message has the reason.
    """
    require_page(study, notebook)
    return "\n\n".join(filter(None, [description(study), starting_from(study, notebook)]))


def description(study: Study) -> str:
    """Title and description of the study in Markdown; a note where the essays are simulated."""
    warning = "The essays, their scores and groups are **simulated**. " * study.simulated
    return f"**{as_text(study.title)}.** {warning}{as_markdown(study.about.strip())}"


def starting_from(study: Study, notebook: str) -> str:
    """One sentence on the results that a notebook starts from; empty where none are shipped."""
    if not is_shipped(study):
        return ""
    shipped, lines = precomputed_folder(study), []
    for stage in STAGES:
        if not stage.outputs or stage.notebook >= notebook:
            continue
        pattern = re.sub(r"{\w+}", "*", stage.outputs[0])
        results = [path.relative_to(shipped) for path in sorted(shipped.glob(pattern))]
        missing = [path for path in results if not (study.folder / path).exists()]
        independent = stage.tests and notebook.startswith("05")  # 05 stages share no results
        if missing and not independent:
            lines.append(f"{stage.notebook} ({len(missing)} of {len(results)})")
    if not lines and notebook <= "01_corpus":
        return ""
    if not lines:
        return f"*Starts from this checkout's own results in `runs/{study.name}`.*"
    return (
        f"*Starts from precomputed results (`{shown_path(shipped)}`) where this checkout has "
        f"no results of its own: {', '.join(lines)}.*"
    )


def checkpoint(path: Path) -> str:
    """The file that a stage has written, in Markdown; an error where it is missing."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: run the cells above in their order")
    size = sum(f.stat().st_size for f in [path, *path.rglob("*")] if f.is_file()) / 1024
    return f"**Results written** to `{shown_path(path)}`, {size:,.0f} KB."
