"""A report made from hostile essays runs none of their code, in a browser."""

from __future__ import annotations

import pytest
from hostile_study import ATTACK

from cyborg_utils.schema_basis import ROOT

pytestmark = pytest.mark.slow
FOREIGN = """() => [...document.querySelectorAll('*')].filter(e =>
  ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'FORM', 'BASE', 'META'].includes(e.tagName)
    && !(e.tagName === 'META' && (e.hasAttribute('charset') || e.name === 'viewport'))
  || [...e.attributes].some(a => a.name.startsWith('on') || /^\\s*javascript:/i.test(a.value))
  || e.tagName === 'IMG' && !e.src.startsWith('data:image/png;base64,')).map(e => e.outerHTML)"""


@pytest.fixture(scope="module")
def reports(hostile_study):
    """Every page of the study."""
    return sorted((ROOT / "reports" / hostile_study.stem).glob("*.html"))


def test_no_page_runs_or_loads_what_a_file_says(reports, page):
    seen, asked = [], []
    page.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("console", lambda message: seen.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    assert len(reports) > 12
    for report in reports:
        page.goto(report.as_uri())
        assert page.evaluate("window.__pwned") is None, report.name
        assert page.evaluate(FOREIGN) == [], report.name
    assert seen == []
    assert [u for u in asked if not u.startswith(("file:///", "data:"))] == []
    assert {u.rsplit("/", 1)[-1] for u in asked if u.startswith("file:")} == {
        r.name for r in reports
    }


def test_names_are_shown_letter_for_letter(reports, page):
    for report in reports:
        page.goto(report.as_uri())
        assert "Title <script>window.__pwned = 1; alert(1)</script>" in page.title()
    page.goto(next(r for r in reports if r.name == "01_corpus.html").as_uri())
    shown = page.inner_text("main")
    assert f"a{ATTACK}" in shown
    assert "(javascript:alert(1))" in shown
