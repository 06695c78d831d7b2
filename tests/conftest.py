"""What tests of several files share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from hostile_study import PROMPTS, run_hostile_study
from study_runs import ROOT, clean


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium of this machine, driven by Playwright; skips where there is none."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright: remove .venv and run make test again"
    )
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine (on Debian: apt install chromium)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """An empty page of its own, without network."""
    context = chromium.new_context(offline=True)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A checkout in which nothing has run, with the workshop's copies; use its own package."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("cyborg_utils", "notebooks", "params", "docs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    in_checkout(root, "workshop")
    return root


def in_checkout(root, *arguments: str) -> None:
    """Run the command `cyborg` in a checkout."""
    subprocess.run(
        [sys.executable, "-m", "cyborg_utils", *arguments],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def hostile_study(tmp_path_factory):
    """A study of hostile essays that leaves a prompt out, run whole: its file."""
    name = f"test_hostile_{os.getpid()}"
    sampling = f", held_out_prompts: [{json.dumps(PROMPTS[0])}]"
    try:
        yield run_hostile_study(tmp_path_factory.mktemp("hostile"), name, sampling)
    finally:
        clean(name)
