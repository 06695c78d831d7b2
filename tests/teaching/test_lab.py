"""Stepping through the notebooks as a user does: JupyterLab in a headless Chromium."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

PATH = ["Start", "00_concepts", "01_corpus", "03_labeling", "05_fairness_analysis", "06_summary"]


@pytest.fixture(scope="module")
def lab(checkout):
    """Address of JupyterLab, started as `make lab` does, in a checkout where nothing has run."""
    port = 18000 + os.getpid() % 2000
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--IdentityProvider.token=", "--ServerApp.password="]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    server = subprocess.Popen(
        command, cwd=checkout, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://localhost:{port}"
    try:
        wait_for(lambda: fetch(f"{address}/api/status"), 60)
        yield address
    finally:
        server.terminate()
        server.wait()


def fetch(address: str):
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return json.load(response)
    except OSError:
        return None


def wait_for(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not true within {seconds} s"
        time.sleep(0.5)


@pytest.mark.slow
def test_every_notebook_runs_from_the_menu(chromium, lab, checkout):
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    for name in PATH:
        page = context.new_page()
        page.goto(f"{lab}/lab/tree/notebooks/{name}.ipynb?reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        page.wait_for_selector("text=/\\| Idle$/", timeout=60_000)  # its kernel has started
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
        file = checkout / "notebooks" / f"{name}.ipynb"

        def saved(file=file, page=page):
            page.keyboard.press("Control+s")
            cells = nbformat.read(file, as_version=4).cells
            code = [c for c in cells if c.cell_type == "code" and c.source]
            errors = [o.evalue for c in code for o in c.outputs if o.output_type == "error"]
            assert not errors, errors
            return all(c.execution_count for c in code)

        wait_for(saved, 300)
        page.close()
    context.close()
    assert (checkout / "runs" / "demo" / "summary.json").is_file()
