"""The page on measures names functions that there are, and every public measure."""

import re

from study_runs import ROOT

from cyborg_utils import statistics

PAGE = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
NO_MEASURES = {  # of the public functions: what they return is no measure, or a table of several
    "Verdict", "arm_table", "benjamini_hochberg", "bootstrap_agreement", "correlation",
    "dsm_with_error", "fit_calibration", "group_differences", "group_report", "holm",
    "linear_equating", "prmse_interval", "proportion_interval", "resample_runs", "round_to_scale",
    "runs_from_frame", "smd_with_error",
}  # fmt: skip


def test_every_measure_is_on_the_page():
    assert not NO_MEASURES - set(statistics.__all__)
    missing = [n for n in set(statistics.__all__) - NO_MEASURES if f"`{n}`" not in PAGE]
    assert missing == []


def test_every_function_that_is_named_there_is_public():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "`" in line]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[-2])}
    assert named and named <= set(statistics.__all__)


def test_every_row_has_all_columns_and_a_source_or_function():
    for line in PAGE.splitlines():
        if line.startswith("| "):
            assert line.count("|") == 6, line


def test_the_docs_link_to_it():
    for page in ("README.md", "docs/reading-the-reports.md", "docs/glossary.md"):
        assert "metrics.md" in (ROOT / page).read_text(encoding="utf-8"), page
