"""Rendered pages can be read by everybody: checked with axe in a headless Chromium."""

from __future__ import annotations

import pytest
from conftest import in_checkout

PAGES = ["00_concepts", "03_labeling", "05_fairness_analysis", "06_summary"]


@pytest.fixture(scope="module")
def reports(checkout):
    """Pages of the demo from its precomputed results."""
    folder = checkout / "reports" / "demo"
    command = checkout / "command.json"
    command.write_text('{"study": "demo", "settings": []}')
    for name in PAGES:
        places = (f"runs/demo/notebooks/{name}.ipynb", f"reports/demo/{name}.html")
        in_checkout(checkout, "run-stage", name, *places, str(command), "{}")
    return folder


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", PAGES)
def test_no_serious_violation(page, reports, name, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.set_viewport_size({"width": width, "height": 800})
    page.goto((reports / f"{name}.html").as_uri())
    found = axe.run(page).response
    assert len(found["passes"]) > 15
    grave = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert not [(v["id"], v["nodes"][0]["html"][:200]) for v in grave]


def test_axe_finds_what_is_wrong(page):
    """The check itself can fail: an image without a text, and a grey on grey."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.set_content(
        "<html lang='en'><title>t</title><main><h1>h</h1><img src='a.png'>"
        "<p style='color:#aaa;background:#bbb'>text</p></main></html>"
    )
    assert {"image-alt", "color-contrast"} <= {
        v["id"] for v in axe.run(page).response["violations"]
    }


@pytest.mark.parametrize("name", PAGES)
def test_headings_tables_and_pictures_say_what_they_are(page, reports, name):
    page.goto((reports / f"{name}.html").as_uri())
    levels = page.eval_on_selector_all("h1,h2,h3,h4", "all => all.map(h => +h.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))
    tables = page.eval_on_selector_all(
        ".jp-OutputArea-output table", "all => all.map(t => (t.caption || {}).textContent || '')"
    )
    assert all(tables), f"{tables.count('')} of {len(tables)} tables have no caption"
    alts = page.eval_on_selector_all("img", "all => all.map(i => i.alt)")
    assert all(len(alt) > 30 for alt in alts)


def test_a_page_is_used_by_keyboard_and_prints_whole(page, reports, tmp_path):
    page.goto((reports / "05_fairness_analysis.html").as_uri())
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
    assert {"A", "SUMMARY"} <= reached
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1047, "height": 718})  # A4 landscape less its margins
    wide = page.eval_on_selector_all(
        "table, img", "all => all.filter(e => e.getBoundingClientRect().right > 1047).length"
    )
    assert wide == 0
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    assert (tmp_path / "page.pdf").stat().st_size > 50_000
