"""What an earlier run left: finished stages, unfinished ones, and files that broke since."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pyarrow.parquet as pq

from cyborg_utils.study.folders import shown_path, working_folder
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.stages import summary_stage

# How many parts of its path under runs/<study>/ name what is made again where a file is broken: a
# trained model is made as a whole, a checkpoint or a shard by itself, any other file likewise.
MADE_TOGETHER = {"base": 2, "teachers": 3, "students": 4, "unfinished": 4}


def earlier_stages(study: Study) -> str:
    """A line on what is there; empty where nothing is.

    A stage saves its notebook from its first cell on; its page in `reports/` comes at its end.
    """
    started = {path.stem for path in (study.folder / "notebooks").glob("*.ipynb")}
    ended = {
        path.stem.replace("index", summary_stage(study).notebook)
        for path in pages(study).glob("*.html")
    }
    line = f"found: {counted(len(started & ended), 'stage')} finished" if started else ""
    if left := sorted(started - ended):
        names = ", ".join(left[:3]) + (", ..." if len(left) > 3 else "")
        line += f", {len(left)} started and not finished ({names})"
    return line


def broken(study: Study) -> dict[Path, str]:
    """What is to be made again because a file cannot be opened, and a sentence on each.

    A file that was cut short or emptied shows; one changed byte inside it does not.
    """
    executed = study.folder / "notebooks"  # no stage reads them
    files = [p for p in study.folder.rglob("*") if executed not in p.parents and p.is_file()]
    faults = {}
    for path in sorted(files) + sorted(pages(study).glob("*.html")):
        if path.suffix not in OPENS:
            continue
        try:
            OPENS[path.suffix](path)
        except Exception as error:  # of four libraries, each with errors of its own
            reason = str(error).strip().splitlines()[0].rstrip(".") if str(error) else repr(error)
            message = f"{shown_path(path)} cannot be read ({reason}): it is made again"
            faults.setdefault(made_with(study, path), message)
    return faults


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def made_with(study: Study, path: Path) -> Path:
    """The file itself, or the folder that is made together with it."""
    if not path.is_relative_to(study.folder):
        return path
    parts = path.relative_to(study.folder).parts
    return study.folder.joinpath(*parts[: MADE_TOGETHER.get(parts[0])])


def counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def pages(study: Study) -> Path:
    return working_folder() / "reports" / study.name


def job_name(study: Study) -> str:
    """What the names of a study's jobs begin with, in the letters that the plugin allows."""
    return re.sub("[^A-Za-z0-9_-]", "-", study.name)[:50]


def no_jobs(study: Study) -> None:
    """Raise a ParameterError where SLURM still has jobs of a run of this study that was killed."""
    if shutil.which("squeue") is None:
        raise ParameterError("there is no squeue here: run it on a SLURM cluster's login node")
    queue = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i %j"], capture_output=True, text=True
    )
    if queue.returncode:
        raise ParameterError(f"squeue does not answer: {queue.stderr.strip()}")
    jobs = [line.partition(" ") for line in queue.stdout.splitlines()]
    if left := [number for number, _, name in jobs if name.rpartition("_")[0] == job_name(study)]:
        raise ParameterError(
            f"study {study.name} still has {counted(len(left), 'job')} of an earlier run in SLURM's"
            f" queue; wait until they end, or stop them: scancel {' '.join(left)}"
        )


def _whole_safetensors(path: Path) -> None:
    try:
        from safetensors import safe_open
    except ModuleNotFoundError:  # without the library nothing here reads the file
        return
    with safe_open(path, "np"):
        pass


def _whole_zip(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        raise ValueError("its end is missing")


def _whole_page(path: Path) -> None:
    with path.open("rb") as page:
        page.seek(max(0, path.stat().st_size - 100))
        if b"</html>" not in page.read():
            raise ValueError("its end is missing")


OPENS = {
    ".parquet": pq.read_metadata,
    ".json": lambda path: json.loads(path.read_bytes()),
    ".safetensors": _whole_safetensors,
    ".pt": _whole_zip,
    ".pth": _whole_zip,
    ".html": _whole_page,
}
