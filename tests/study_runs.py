"""Studies run as a user runs them, and what is left of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # the checkout that is tested


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


def clean(name: str) -> None:
    for place in ("runs", "reports"):
        shutil.rmtree(ROOT / place / name, ignore_errors=True)


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
