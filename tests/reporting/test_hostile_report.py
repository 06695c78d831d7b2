"""A report made from hostile essays runs none of their code, in a browser."""

from __future__ import annotations

import nbformat
import pandas as pd
import pytest
from hostile_study import ATTACK, LINK, STUDY
from nbformat import v4
from study_runs import ROOT

from cyborg_utils.reporting import tables
from cyborg_utils.reporting.narrative.fairness import fairness_findings
from cyborg_utils.reporting.narrative.questions import audit_findings
from cyborg_utils.reporting.notebooks import render
from cyborg_utils.reporting.page_header import description
from cyborg_utils.study.config import load_study
from cyborg_utils.study.results import FairnessResult

FOREIGN = """() => [...document.querySelectorAll('*')].filter(e =>
  ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'FORM', 'BASE', 'META'].includes(e.tagName)
    && !(e.tagName === 'META' && (e.hasAttribute('charset') || e.name === 'viewport'
      || e.httpEquiv === 'Content-Security-Policy' && e.content.startsWith("default-src 'none'")))
  || [...e.attributes].some(a => a.name.startsWith('on') || /^\\s*javascript:/i.test(a.value))
  || e.tagName === 'IMG' && !e.src.startsWith('data:image/png;base64,')).map(e => e.outerHTML)"""


def looked_at(page, reports: list) -> tuple[list, list]:
    """Messages and requests of pages while they are opened, one after the other."""
    seen, asked = [], []
    page.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("console", lambda message: seen.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    for report in reports:
        page.goto(report.as_uri())
        assert page.evaluate("window.__pwned") is None, report.name
        assert page.evaluate(FOREIGN) == [], report.name
    return seen, [url for url in asked if not url.startswith("data:")]


@pytest.fixture
def small_page(tmp_path, monkeypatch):
    """A page of a hostile title, about, findings, table, output and alt text, without a run."""
    file = tmp_path / "hostile.yaml"
    name = repr(f"a {ATTACK.replace(chr(39), '')} {LINK}")
    file.write_text(STUDY.format(title=name, about=name, file="a.csv", sampling="", evaluation=""))
    study = load_study(str(file))
    row = {"arm": "cyborg", "n": 90, "dsm": 0.4, "dsm_verdict": "outside", "attribute": "club",
           "level": ATTACK + LINK, "condition": "cyborg-t-f0.1"}  # fmt: skip
    stratum = {"by": "club", "level": ATTACK + LINK, "essays": 90, "difference": 1.0, "se": 0.1,
               "mean_teacher": 3.0}  # fmt: skip
    report = FairnessResult.model_construct(groups=[row], bound=0.1)
    lines = fairness_findings(study, {"ridge": report}, "cyborg")
    beforehand = pd.DataFrame(columns=["statistic", "dev"])
    lines += audit_findings(pd.DataFrame([stratum]), beforehand, study.labels, None)
    drawn = []
    monkeypatch.setattr(tables, "display", drawn.append)
    tables.table(pd.DataFrame([row]).rename(columns={"n": ATTACK}), ATTACK)
    alt = {"image/png": {"alt": f'"{ATTACK}'}}
    outputs = [
        v4.new_output("display_data", {"text/markdown": description(study)}),
        v4.new_output("display_data", {"text/markdown": "\n".join(f"- {t}" for t in lines)}),
        v4.new_output("display_data", {"text/html": drawn[0].data}),
        v4.new_output("stream", text=f"{ATTACK}\x1b[31m{LINK}\n"),
        v4.new_output("display_data", {"image/png": "AAAA"}, metadata=alt),
    ]
    cells = [v4.new_markdown_cell("# A page"), v4.new_code_cell("1", outputs=outputs)]
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata.papermill = {"parameters": {"study": str(file), "settings": []}}
    nbformat.write(notebook, tmp_path / "page.ipynb")
    render(tmp_path / "page.ipynb", tmp_path / "page.html")
    return tmp_path / "page.html"


def test_hostile_text_is_shown_as_text(small_page, page):
    seen, asked = looked_at(page, [small_page])
    assert seen == []
    assert [url.rsplit("/", 1)[-1] for url in asked] == ["page.html"]
    shown = page.inner_text("main")
    assert shown.count("<script>window.__pwned = 1; alert(1)</script>") >= 6
    assert "[click](javascript:alert(1))" in shown


@pytest.fixture(scope="module")
def reports(hostile_study):
    """Every page of the study."""
    return sorted((ROOT / "reports" / hostile_study.stem).glob("*.html"))


@pytest.mark.slow
def test_no_page_runs_or_loads_what_a_file_says(reports, page):
    assert len(reports) > 12
    seen, asked = looked_at(page, reports)
    assert seen == []
    assert [url.rsplit("/", 1)[-1] for url in asked] == [report.name for report in reports]


@pytest.mark.slow
def test_names_are_shown_literally(reports, page):
    for report in reports:
        page.goto(report.as_uri())
        assert "Title <script>window.__pwned = 1; alert(1)</script>" in page.title()
    page.goto(next(r for r in reports if r.name == "01_corpus.html").as_uri())
    shown = page.inner_text("main")
    assert f"a{ATTACK}" in shown
    assert "(javascript:alert(1))" in shown
