"""README.md and docs/: generated numbers are current, and what they name is there and works."""

import contextlib
import importlib
import io
import re
import tomllib

import pytest
from study_runs import ROOT

from cyborg_utils import __version__
from cyborg_utils.cli import commands
from cyborg_utils.reporting.readme import STUDIES, kept, named_findings, pages
from cyborg_utils.study.config import load_study
from cyborg_utils.study.storage import read_json

README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def text(page):
    return page.read_text(encoding="utf-8")


def code_lines(page):
    """Lines of code blocks, and code inside sentences."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text(page), re.M | re.S)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return lines + re.findall(r"`([^`\n]+)`", text(page))


def test_generated_parts_are_what_the_kept_summaries_and_the_package_say():
    for page, expected in pages().items():
        assert text(page) == expected, f"{page.name} is out of date: make readme"


def test_the_python_example_prints_what_the_readme_shows(monkeypatch):
    code, shown = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", text(README), re.S).groups()
    monkeypatch.chdir(ROOT)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert printed.getvalue() == shown


def test_the_badges_say_what_the_package_says():
    project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    badges = text(ROOT / "docs" / "badges.svg")
    assert f">{__version__}<" in badges and f">{project['license']}<" in badges
    least, below = re.findall(r"3\.\d+", project["requires-python"])
    assert f">{least} to 3.{int(below[2:]) - 1}<" in badges


@pytest.mark.parametrize("page", [README, *DOCS], ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", text(page)):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [README, *DOCS], ids=lambda page: page.name)
def test_make_commands_name_targets_studies_and_settings_that_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.M))
    for command in code_lines(page):
        if not command.startswith("make "):
            continue
        assert command.split()[1] in targets, command
        study = re.search(r"STUDY=([a-z-]+)", command)
        settings = re.search(r'SET="([^"]*)"', command)
        if study is None or study[1] not in ("mine", "name"):
            load_study(study[1] if study else "demo", settings[1].split() if settings else [])


@pytest.mark.parametrize("page", [README, *DOCS], ids=lambda page: page.name)
def test_cyborg_commands_and_their_options_exist(page):
    for command in code_lines(page):
        if not re.match(r"(\.venv/bin/)?cyborg [a-z]", command):
            continue
        name, *words = command.split("#")[0].split()[1:]
        known = {option for p in commands.commands[name].params for option in p.opts}
        assert {word for word in words if word.startswith("--")} <= known, command


def test_the_code_that_the_architecture_page_names_exists():
    names = re.findall(r"`((?:analysis|statistics)\.\w+)\.(\w+)`", ARCHITECTURE)
    assert len(names) > 10
    for module, function in names:
        assert hasattr(importlib.import_module(f"cyborg_utils.{module}"), function), function


def test_the_demo_shows_the_effect_beyond_its_intervals():
    """For at least one neural Student, cyborg beats human-only, and of what all human labels add
    to human-only it keeps more than half, beyond the interval."""
    neural = [
        row
        for row in read_json(kept("demo"))["comparisons"]
        if row["student"] != "ridge" and row["fraction"] == 0.1
    ]
    better = [row for row in neural if row["gain_low"] > 0 and row["p_holm"] < 0.05]
    assert any(row["retention_low"] is not None and row["retention_low"] > 0.5 for row in better)


@pytest.mark.parametrize("study", ["persuade-cpu", "demo"])
def test_a_summary_of_an_earlier_version_gets_its_populations_from_its_design(study):
    """Both have one draw of U: no sentence on cyborg data speaks of others."""
    summary = read_json(kept(study))
    for row in summary["comparisons"]:
        for key in [key for key in row if key.endswith("_population")]:
            del row[key]
    lines = named_findings(summary)
    compared = [line for line in lines if "than with the same human labels only" in line]
    assert compared and all("for this draw of U" in line for line in compared)
    assert sum(line.startswith("One draw of U") for line in lines) == 1
    assert not any("better than the same" in line or "be non-inferior" in line for line in lines)
    rest = [line for line in summary["findings"] if line.startswith("Fairness")]
    assert set(rest) <= set(lines)


def test_the_kept_summaries_say_what_is_simulated():
    simulated = {s for s in STUDIES if kept(s).is_file() and read_json(kept(s))["simulated"]}
    assert simulated == {"demo", "strictness", "group-penalty"}
