"""Results of the demo and of the tour, shipped with the notebooks.

Who has not run a stage, or whose training failed, goes on from them: `stages.need` takes a shipped
result where there is none of one's own. `python -m cyborg_utils.checkpoints` takes them anew
from `runs/`, after `make reports` of both.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from cyborg_utils.params import load_study
from cyborg_utils.schema import Study
from cyborg_utils.schema_basis import ROOT
from cyborg_utils.stages import (
    CHECKPOINTS,
    check_judged,
    checkpoint_folder,
    is_shipped,
    summary_file,
    write_json,
)

# What a stage leaves, a pattern from the study's folder; one match is one result.
RESULTS = {
    "01_corpus": "corpus.parquet",
    "01b_teacher_pretraining": "base/*",
    "02_teacher_training": "teachers/*/*",
    "03_labeling": "labels/*/*",
    "04_student_training": "students/*/*/*",
    "05_fairness_analysis": "fairness/*",
    "05b_calibration": "calibration/*",
    "05c_teacher_audit": "audits/*",
    "05d_teacher_comparison": "analyses/*",
}

# What is shipped: all that a notebook reads which opens on the study. Of the Teachers and the kept
# Students only the one that a notebook opens on: they are the largest.
SHIPPED = {
    "demo": [
        "corpus.*",
        "base/*/*",
        "teachers/llama/f0.1-d1/*",
        "labels/*/*/*",
        "students/*/*/*/*.*",
        "students/ridge/cyborg-llama-f0.1-d1/s1/model/*",
        "fairness/*",
        "calibration/*",
        "audits/*",
        "analyses/*",
    ],
    "tour": ["corpus.*", "elsewhere/*", "labels/*/*/*", "students/*/*/*/*.*", "calibration/*"],
}


def opening(study: Study, notebook: str) -> str:
    """A notebook's first words, in Markdown: the study, and whose results the notebook starts from.

    Parameters
    ----------
    notebook : the stage's name; only the results of earlier stages count.

    Raises
    ------
    ParameterError
        The notebook is of a test part that the study has not, or of the lack of one that it has.
    """
    check_judged(study, notebook)
    return "\n\n".join(filter(None, [study.description, starting_from(study, notebook)]))


def starting_from(study: Study, notebook: str) -> str:
    """One sentence on whose results a notebook starts from; empty where none are shipped."""
    if not is_shipped(study):
        return ""
    shipped, lines = checkpoint_folder(study), []
    for stage, pattern in RESULTS.items():
        results = [path.relative_to(shipped) for path in sorted(shipped.glob(pattern))]
        lacking = [path for path in results if not (study.folder / path).exists()]
        side_by_side = stage[:2] == notebook[:2] == "05"  # these pages do not read one another
        if lacking and stage < notebook and not side_by_side:
            lines.append(f"{stage} ({len(lacking)} of {len(results)})")
    if not lines and notebook <= "01_corpus":
        return ""
    if not lines:
        return f"*Starts from this checkout's own results in `runs/{study.name}`.*"
    return (
        f"*Starts from shipped checkpoints (`{shipped.relative_to(ROOT)}`) where this checkout has "
        f"no results of its own: {', '.join(lines)}.*"
    )


def checkpoint(path: Path) -> str:
    """What a stage has just left, in Markdown; an error where it is not there."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: run the cells above in their order")
    size = sum(f.stat().st_size for f in [path, *path.rglob("*")] if f.is_file()) / 1024
    return f"**Checkpoint.** `{path.relative_to(ROOT)}` is there, {size:,.0f} KB."


def save(study: Study) -> int:
    """Ship a study's results; the bytes that they take."""
    if not summary_file(study).exists():
        raise FileNotFoundError(f"{study.name} has not run here: make reports STUDY={study.name}")
    target, total = checkpoint_folder(study), 0
    shutil.rmtree(target, ignore_errors=True)
    for pattern in SHIPPED[study.name]:
        for file in sorted(study.folder.glob(pattern)):
            if file.is_file() and not file.name.startswith("."):
                copy = target / file.relative_to(study.folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
                total += file.stat().st_size
    write_json(target / "study.json", study.model_dump(mode="json"))
    return total


def main() -> int:
    """Ship the results of the demo and of the tour."""
    try:
        for name in SHIPPED:
            total = save(load_study(name)) / 1024
            print(f"{name}: {total:,.0f} KB in {CHECKPOINTS.relative_to(ROOT)}")
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
