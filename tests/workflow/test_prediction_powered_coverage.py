"""The benchmark of prediction-powered estimates at its smallest, and the page that it generates."""

import sys

import numpy as np
import pandas as pd
import pytest
from study_runs import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import prediction_powered_coverage as benchmark  # noqa: E402


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All tables, of a simulated file with the columns of the published one."""
    folder = tmp_path_factory.mktemp("coverage")
    frame = benchmark.simulated(np.random.default_rng(1), 6000, 0.5)
    machines = {name: frame["machine"] + 0.01 * i for i, name in enumerate(benchmark.MACHINES)}
    table = pd.DataFrame(machines).assign(
        holistic_essay_score=frame["truth"], ell_status=frame["ell"].astype(str)
    )
    table.to_csv(folder / "machines.csv", index=False)
    options = ["--trials", "1", "--write", "--page", str(folder / "page.md")]
    return benchmark.main([str(folder / "machines.csv"), *options])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_draw_and_size_has_a_table(made):
    tables, simulated, _ = made
    assert list(tables) == [(aware, n) for aware in (False, True) for n in benchmark.SIZES]
    for (aware, n), table in tables.items():
        whole = table[table["of"] == "all essays"].set_index("statistic")
        assert whole["human scores"].sub(n).abs().max() < 0.2 * n
        assert whole.loc["human mean", "variance ratio"] > 0
        group = table[table["of"] == "ELL"]["human scores"].iloc[0]
        assert group > n / 4 if aware else group < n / 4
    assert set(simulated["machine"]) == {"good", "fair", "noise"}


def test_the_page_is_of_the_current_script(made):
    """Its words, not its numbers, which take minutes."""
    kept = (ROOT / "docs/prediction-powered.md").read_text(encoding="utf-8").splitlines()
    new = made[2].splitlines()
    heads = [line for line in new if line.startswith(("#", "| of", "| machine"))]
    assert len(heads) == 16 and set(heads) <= set(kept)
    assert len(kept) == len(new)
