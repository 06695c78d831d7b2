"""Studies run as a user runs them, and what is left of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from cyborg_utils.study.config import load_study

ROOT = Path(__file__).resolve().parents[1]  # the checkout that is tested
QUICK = {"epochs": 0.1, "min_steps": 0, "max_tokens": 64}
SMALL = [  # what makes each kind of part small, where a study has it
    ("corpus.n_train", 80), ("corpus.n_dev", 40), ("corpus.n_test", 60), ("corpus.max_train", 200),
    ("corpus.dev_size", 60), ("sampling.fractions", [0.3]), ("sampling.draws", [1]),
    ("sampling.seeds", [1]), ("evaluation.replicates", 200),
]  # fmt: skip


def run_study(*arguments: str) -> subprocess.CompletedProcess:
    """`cyborg run` in a process of its own."""
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, "-m", "cyborg_utils", "run", *arguments],
        cwd=ROOT,
        env=os.environ | {"PATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1200,
    )


def small(name: str) -> list[str]:
    """Settings under which a study takes a minute or two."""
    study = load_study(name)
    given = [
        f"{key}={value}"
        for key, value in SMALL
        if key.split(".")[1] in type(getattr(study, key.split(".")[0])).model_fields
    ]
    for part in ("teachers", "students"):
        for model in getattr(study, part):
            if model.kind != "classical":
                given += [f"{part}.{model.name}.{key}={value}" for key, value in QUICK.items()]
            if getattr(model, "pretraining", None):
                given += [f"{part}.{model.name}.pretraining.epochs=1"]
                given += [f"{part}.{model.name}.pretraining.external_graded_essays=0"]
    return given


def clean(name: str) -> None:
    for place in ("runs", "reports"):
        shutil.rmtree(ROOT / place / name, ignore_errors=True)


def numbers_of(file: Path) -> str:
    """A file of results, without the time and place of its runs, which differ in each."""

    def numbers(values):
        if isinstance(values, dict):
            return {k: numbers(v) for k, v in values.items() if k != "provenance"}
        return [numbers(value) for value in values] if isinstance(values, list) else values

    return json.dumps(numbers(json.loads(file.read_text(encoding="utf-8"))))


class Page(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, path: Path):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, name: str) -> list[dict]:
        return [attributes for tag, attributes in self.tags if tag == name]
