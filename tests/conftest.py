"""What tests of several files share."""

from __future__ import annotations

import shutil

import pytest


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
