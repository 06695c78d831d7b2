"""Results of the demo and of the tour, shipped with the notebooks.

Who has not run a stage, or whose training failed, goes on from them: `stages.need` takes a shipped
result where there is none of one's own. `python -m cyborg_utils.teaching.precomputed` takes them
anew from `runs/`, after `make reports` of both.
"""

from __future__ import annotations

import shutil
import sys

from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import ROOT
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import CHECKPOINTS, checkpoint_folder, summary_file, write_json

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
