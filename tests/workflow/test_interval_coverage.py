"""The simulation of coverage at its smallest, and the page that it generates."""

import sys

import numpy as np
import pytest
from study_runs import ROOT

from cyborg_utils.statistics.agreement import quadratic_weighted_kappa

sys.path.insert(0, str(ROOT / "benchmarks"))
import interval_coverage  # noqa: E402


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "coverage.md"
    options = ["--trials", "5", "--essays", "200", "--write", "--page", str(page)]
    return interval_coverage.main(options), page.read_text(encoding="utf-8")


def test_every_design_is_simulated_and_no_claim_is_made_of_new_draws_by_one(tables):
    comparisons, curve, prompts, shifts, trainings, conditional = tables[0]
    for table in (comparisons.iloc[:6], comparisons.iloc[6:], curve, shifts):
        designs = table[["draws", "trainings"]].itertuples(index=False, name=None)
        assert list(designs) == interval_coverage.DESIGNS
    claimed = comparisons.set_index("draws").filter(like="non-inferior").squeeze()
    assert claimed[1].isna().all() and claimed[2].notna().all()
    rates = [
        t.select_dtypes(float).drop(columns="reliability of H", errors="ignore") for t in tables[0]
    ]
    assert all(((t >= 0) & (t <= 1) | t.isna()).all(axis=None) for t in rates)
    assert len(conditional) == 8 and len(trainings) == 6
    assert prompts.groupby("prompts").size().eq(3).all()


def test_an_equivalent_off_the_curve_is_covered_on_its_side_alone():
    labels = {"low": 150.0, "high": np.nan, "off_curve": ("high_above",)}
    curve = [0.5, 0.6, 0.7, 0.8]
    assert interval_coverage._covers(labels, 0.9, curve)
    assert interval_coverage._covers(labels, 0.65, curve)
    assert not interval_coverage._covers(labels, 0.5, curve)
    assert not interval_coverage._covers(labels, 0.4, curve)


def test_the_truth_of_the_simulation_is_that_of_the_statistics():
    """The QWK of the population as a function of the error is that of a large sample."""
    kappa = interval_coverage.kappa_by_error(np.random.default_rng(1))
    rng = np.random.default_rng(2)
    true = rng.normal(3.4, 1, 100_000)
    human, machine = (
        interval_coverage.on_scale(true + rng.normal(0, sd, true.size))
        for sd in (interval_coverage.HUMAN_SD, 0.7)
    )
    found = quadratic_weighted_kappa(human, machine, interval_coverage.LABELS)
    assert kappa(0.7) == pytest.approx(found, abs=0.004)


def test_the_page_is_of_the_current_script(tables):
    """Its words, not its numbers, which take minutes."""
    kept = (ROOT / "docs/coverage.md").read_text(encoding="utf-8").splitlines()
    new = tables[1].splitlines()
    heads = [
        line
        for line, below in zip(new, new[1:], strict=False)
        if line[:1] == "#" or below[:4] == "|---"
    ]
    assert len(heads) == 13 and set(heads) <= set(kept)
    assert len(kept) == len(new)
