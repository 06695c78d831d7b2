"""Score sheets: essays dealt to raters, and texts that no spreadsheet takes for formulas."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyborg_utils.corpus.table_files import open_table
from cyborg_utils.hand_scoring.group_targets import DrawError
from cyborg_utils.hand_scoring.sheets import (
    FORMULA,
    deal,
    plain_text,
    sheet_id,
    write_csv_sheet,
    write_workbook_sheet,
)

COLUMNS = ["essay_id", "text", "rater", "score"]
CHARACTERS = st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["C", "Z"])
visible = st.text(CHARACTERS, min_size=1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 120), st.integers(2, 7), st.floats(0, 1), st.integers(0, 1000))
def test_every_essay_is_dealt_once_or_to_two_raters(n, raters, double, seed):
    hands = deal(n, raters, double, np.random.default_rng(seed))
    twice = round(double * n)
    assert all(len(set(hand)) == len(hand) for hand in hands)
    counts = np.bincount(np.concatenate(hands), minlength=n)
    assert (counts == 2).sum() == twice and (counts == 1).sum() == n - twice
    shared = [len(set(a) & set(b)) for a, b in combinations(hands, 2)]
    assert sum(shared) == twice and max(shared) - min(shared) <= 2
    sizes = [len(hand) for hand in hands]
    assert max(sizes) - min(sizes) <= 2


def test_sheets_are_in_random_order():
    (hand,) = deal(50, 1, 0, np.random.default_rng(1))
    assert sorted(hand) == list(range(50)) != hand.tolist()


@pytest.mark.parametrize("given", [(5, 0, 0.0), (5, 1, 0.1), (5, 2, 1.1), (5, 2, -0.1)])
def test_other_numbers_are_refused(given):
    with pytest.raises(DrawError, match="--raters"):
        deal(*given, np.random.default_rng(1))


@given(visible)
def test_an_id_comes_back_from_a_csv_sheet(id):
    written = plain_text(id)
    assert not written.startswith(FORMULA) and sheet_id(written) == id


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(visible, visible), min_size=2, max_size=5, unique_by=lambda row: row[0]))
def test_sheets_are_read_as_they_were_written(tmp_path_factory, cells):
    folder = tmp_path_factory.mktemp("sheets")
    rows = [[f"e{id}", f"={text} and more of it", "", "3"] for id, text in cells]
    write_csv_sheet(folder / "a.csv", COLUMNS, rows)
    write_workbook_sheet(folder / "a.xlsx", COLUMNS, rows, "6: excellent")
    for name in ("a.csv", "a.xlsx"):
        table = open_table(folder / name)
        read = table.read(table.rows_in_file)
        assert read["essay_id"].tolist() == [row[0] for row in rows]
        assert [text.removeprefix("'") for text in read["text"]] == [row[1] for row in rows]
    with pytest.raises(FileExistsError):
        write_csv_sheet(folder / "a.csv", COLUMNS, rows)
    with pytest.raises(FileExistsError):
        write_workbook_sheet(folder / "a.xlsx", COLUMNS, rows)
