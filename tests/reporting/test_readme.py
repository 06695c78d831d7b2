"""The README's numbers come from the committed summaries."""

from study_runs import ROOT

from cyborg_utils.reporting.readme import STUDIES, kept, with_sections
from cyborg_utils.study.storage import read_json


def test_the_readme_shows_what_the_committed_summaries_say():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == with_sections(readme)


def test_the_demo_shows_the_effect_beyond_its_intervals():
    """For at least one neural Student, cyborg beats human-only, and of what all human labels add
    to human-only it keeps more than half, beyond the interval."""
    found = [
        row
        for row in read_json(kept("demo"))["comparisons"]
        if row["student"] != "ridge" and row["fraction"] == 0.1
    ]
    shown = [row for row in found if row["gain_low"] > 0 and row["p_holm"] < 0.05]
    assert any(row["retention_low"] is not None and row["retention_low"] > 0.5 for row in shown)


def test_the_committed_summaries_say_what_is_simulated():
    assert [read_json(kept(study))["simulated"] for study in STUDIES] == [True, False]
