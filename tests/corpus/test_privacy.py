"""No essay, no id and no small group is in a report, unless the study says so."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hostile_study import ID, TEXT
from hypothesis import given, settings
from hypothesis import strategies as st
from study_runs import ROOT

from cyborg_utils.analysis.agreement import _without_small
from cyborg_utils.analysis.disclosure import only_shown, shown_levels, subgroup_sizes
from cyborg_utils.corpus.residual_levels import with_residual
from cyborg_utils.reporting.narrative.fairness import left_out_groups
from cyborg_utils.reporting.notebooks import run_notebook
from cyborg_utils.statistics.groups import suppress_small_cells
from cyborg_utils.study.config import load_study
from cyborg_utils.study.storage import fairness_file, read_json

STUDY = """\
title: T
corpus:
  kind: table
  files: {train: [none.csv]}
  columns: {id: id, text: text, score: score, groups: {club: club, town: town}}
  scale: {min: 1, max: 6}
teachers: [{name: ridge, kind: classical}]
students: [{name: ridge, kind: classical}]
"""
RARE = "of three examinees"


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(STUDY)
    return lambda *settings: load_study(str(path), settings)


@functools.cache
def load_study_of_table():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.yaml"
        path.write_text(STUDY)
        return load_study(str(path))


def essays(**clubs: int) -> pd.DataFrame:
    names = [club for club, n in clubs.items() for _ in range(n)]
    frame = pd.DataFrame({"club": names, "score": 3.0})
    return frame.assign(essay_id=frame.index.astype(str), split="test", town="east")


# ---------------------------------------------------------------- which groups are left out


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ({"a": 3, "b": 57}, "ab"),  # the whole less 57 would tell of three
        ({"a": 3, "b": 12, "c": 45}, "ab"),
        ({"a": 6, "b": 7, "c": 45}, "ab"),  # together they are thirteen
        ({"a": 3, "b": 4, "c": 20, "d": 45}, "abc"),
        ({"a": 3, "b": 600, "c": 700}, "ab"),  # results hold every digit of a mean
        ({"a": 3, "b": 57, "(missing)": 400}, ["a", "(missing)"]),  # which is no group
        ({"a": 10, "b": 50}, ""),
        ({"a": 0, "b": 50}, ""),
    ],
)
def test_a_small_group_and_what_would_tell_it_are_left_out(counts, hidden):
    found = suppress_small_cells(pd.Series(counts), 10)
    assert set(found.index[found]) == set(hidden)


def test_no_row_and_no_column_of_two_attributes_tells_a_small_cell():
    cells = {("F", "a"): 4, ("F", "b"): 60, ("F", "c"): 30, ("M", "a"): 50, ("M", "b"): 40,
             ("M", "c"): 20}  # fmt: skip
    counts = pd.Series(cells)
    hidden = suppress_small_cells(counts, 10)
    for axis in (0, 1):
        for _, line in counts[hidden].groupby(level=axis):
            assert line.sum() >= 10
    assert hidden["F", "a"]
    assert not hidden.all()


def test_a_study_says_how_few_are_shown(study):
    frame = essays(chess=3, judo=40, choir=41)
    assert shown_levels(study(), frame, "club") == ["choir"]
    assert shown_levels(study("evaluation.privacy.min_cell=1"), frame, "club") == [
        "chess", "choir", "judo",
    ]  # fmt: skip
    crossed = shown_levels(study(), frame, ["club", "town"])
    assert not [level for level in crossed if "chess" in level]


def test_it_is_said_how_many_are_left_out_and_why(study):
    frame = essays(chess=3, judo=40, choir=41)
    assert left_out_groups(study(), frame, ["club", "town"]) == (
        "2 subgroups (of club) are suppressed in every table and figure, so that no single "
        "examinee's scores can be read from them: fewer than 10 essays, or needed to derive such a "
        "subgroup by subtraction (complementary suppression)."
    )
    assert left_out_groups(study("evaluation.privacy.min_cell=3"), frame, ["club"]) is None
    assert subgroup_sizes(study(), frame, ["club"])["level"].tolist() == ["choir"]
    report = pd.DataFrame({"attribute": "club", "level": ["chess", "choir"]})
    assert only_shown(study(), report, frame, ["club"])["level"].tolist() == ["choir"]


def test_simulated_examinees_may_all_be_shown():
    assert load_study("demo").least_shown == 1
    assert load_study("demo").shows_essays


def test_shares_of_few_essays_are_left_out():
    shares = pd.DataFrame([[0.05, 0.15, 0.5, 0.3, 0.0]], index=["human"], columns=[1, 2, 3, 4, 5])
    assert _without_small(shares, 100, 10).isna().to_numpy().tolist() == [
        [True, True, False, False, False]
    ]
    assert _without_small(shares, 18, 10).isna().all(axis=None)
    assert _without_small(shares, 100, 1).equals(shares)


# ---------------------------------------------------------------- attacks by subtraction

LEVELS = {"club": [*"abcd", None], "town": [*"xyz", None]}


def left_over(total: int, shown: pd.Series) -> int:
    """How many essays the shown subgroups of a total leave; the sums of their scores follow too."""
    return total - int(shown.sum())


def attack(study, frame: pd.DataFrame) -> dict[str, int]:
    """What the numbers of shown subgroups reveal: essays that are left of each known total."""
    found, totals = {}, {}
    for group in LEVELS:
        sizes = frame[group].fillna("(missing)").value_counts()
        totals[group] = sizes[sizes.index.isin(shown_levels(study, frame, group))]
        found[group] = left_over(len(frame), totals[group])
    both = pd.Series(shown_levels(study, frame, list(LEVELS)), dtype=object)
    names = (frame[group].fillna("(missing)") for group in LEVELS)
    sizes = next(names).str.cat(next(names), " × ").value_counts()
    for axis, group in enumerate(LEVELS):
        for level, total in totals[group].items():
            of_level = both[both.str.split(" × ").str[axis] == level] if len(both) else both
            found[f"{group} {level}"] = left_over(total, sizes[of_level])
    return found


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(12, 1500), st.floats(0.05, 3))
def test_no_subtraction_leaves_few_essays(seed, n, concentration):
    """Of any total: all essays, or a level of one attribute in the table of two attributes."""
    study, rng = load_study_of_table(), np.random.default_rng(seed)
    frame = pd.DataFrame({"score": np.full(n, 3.0), "split": "test"})
    for group, levels in LEVELS.items():
        p = rng.dirichlet([concentration] * len(levels))
        frame[group] = rng.choice(np.array(levels, dtype=object), n, p=p)
    frame = frame.assign(essay_id=[f"e{i}" for i in range(n)])
    for corpus in (frame, with_residual(study, frame, list(LEVELS))):
        for total, left in attack(study, corpus).items():
            assert left == 0 or left >= 10, (total, left)


@pytest.mark.parametrize("n", [1, 6, 9])
def test_a_test_set_without_a_large_group_keeps_its_levels(n):
    frame = pd.DataFrame({"score": np.full(n, 3.0), "split": "test", "group": ["a"] * n})
    frame = frame.assign(essay_id=[f"e{i}" for i in range(n)])
    pd.testing.assert_frame_equal(with_residual(load_study_of_table(), frame, ["group"]), frame)


@pytest.mark.parametrize(("missing", "rare"), [(2, 0), (0, 3), (4, 1)])
def test_few_essays_without_a_level_hide_no_group(study, missing, rare):
    """Two essays coded n/a once hid a group of 48."""
    clubs = ["large"] * 400 + ["small"] * 48 + ["rare"] * rare + [None] * missing
    frame = essays(x=len(clubs)).assign(club=clubs)
    before, after = frame, with_residual(study(), frame, ["club", "town"])
    assert "small" not in shown_levels(study(), before, "club")
    shown = shown_levels(study(), after, "club")
    assert {"large", "small"} <= set(shown) and "rare" not in shown
    lost = (before["club"] != after["club"]) & before["club"].notna()
    assert lost.sum() == 10 - missing - rare and set(before.loc[lost, "club"]) == {"large"}
    assert with_residual(study(), after, ["club", "town"]).equals(after)
    assert with_residual(study("evaluation.privacy.min_cell=1"), before, ["club"]).equals(before)


def test_the_shares_of_a_large_group_tell_no_few_essays_either():
    shares = pd.DataFrame([[0.002, 0.498, 0.3, 0.2]], columns=[1, 2, 3, 4])
    kept = _without_small(shares, 2000, 10)
    assert kept.isna().to_numpy().tolist() == [[True, False, False, True]]


# ---------------------------------------------------------------- a study, run whole


@pytest.mark.slow
def test_no_text_and_no_id_is_in_a_report(hostile_study):
    reports = [p for p in (ROOT / "reports" / hostile_study.stem).rglob("*") if p.is_file()]
    assert len(reports) > 12
    corpus = (ROOT / "runs" / hostile_study.stem / "corpus.parquet").read_bytes()
    assert ID.encode() in corpus and TEXT.encode() in corpus
    for report in reports:
        found = report.read_bytes()
        assert ID.encode() not in found and TEXT.encode() not in found, report.name


@pytest.mark.slow
def test_a_group_of_three_is_in_no_report_and_no_result(hostile_study):
    for page in (ROOT / "reports" / hostile_study.stem).glob("*.html"):
        assert RARE not in page.read_text(encoding="utf-8"), page.name
    for result in (ROOT / "runs" / hostile_study.stem).rglob("*.json"):
        assert RARE not in result.read_text(encoding="utf-8"), result.name
    page = ROOT / "reports" / hostile_study.stem / "05_fairness_analysis--ridge.html"
    assert "are suppressed in every table" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_study_may_show_it(hostile_study, tmp_path):
    settings = ["evaluation.privacy.min_cell=1"]
    given = {"study": str(hostile_study), "settings": settings, "student": "ridge"}
    file = fairness_file(load_study(str(hostile_study)), "ridge")
    before = file.read_bytes()
    try:
        run_notebook("05_fairness_analysis", given, tmp_path / "05.ipynb", tmp_path / "05.html")
        report = read_json(file)
    finally:
        file.write_bytes(before)
    assert RARE in (tmp_path / "05.html").read_text(encoding="utf-8")
    assert {r["n"] for r in report["groups"] if r["level"] == RARE} == {3}
