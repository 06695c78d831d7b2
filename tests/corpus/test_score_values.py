"""Numbers, levels and missing codes of score columns, and scores that stand apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cyborg_utils.corpus.score_values import (
    detect_decimal,
    group_values,
    is_missing,
    not_numbers,
    numbers,
    standing_apart,
)
from cyborg_utils.corpus.table_files import TableError


def read(values: list, **how) -> list:
    parsed = numbers(pd.Series(values, name="grade"), "essays.csv", "name another column", **how)
    return [None if np.isnan(value) else value for value in parsed]


def test_the_usual_texts_for_no_score_are_missing():
    texts = ["", "NA", "n/a", "N/A", "NaN", "null", "None", ".", "-", "#N/A", " na "]
    assert read([*texts, "3"]) == [None] * len(texts) + [3]
    assert is_missing(pd.Series(texts), []).sum() == 1
    assert read(["3", "-1", "-1.0", "99"], missing=[-1, "99"]) == [3, None, None, None]


def test_none_is_a_group_and_na_is_no_group():
    values = pd.Series(["None", "NA", " n/a", "F ", "-", "TD"])
    assert group_values(values, ["TD"]).fillna("").tolist() == ["None", "", "", "F", "", ""]
    assert group_values(pd.Series([8, 9, 99]), [99]).tolist()[:2] == [8, 9]
    assert group_values(values, []).tolist() == ["None", "NA", "n/a", "F", "-", "TD"]


def test_levels_come_before_missing_codes_and_in_any_case():
    assert read(["A", "b", "NA", "2"], score_values={"A": 5, "B": 4, "NA": 0}) == [5, 4, 0, 2]
    assert read([1.0, np.nan, 99.0], missing=[99]) == [1, None, None]


def test_decimal_commas_do_not_mix_with_points():
    assert read(["2,5", "3"], decimal=",") == [2.5, 3]
    with pytest.raises(TableError, match=r"has 1 values .*first: '2.5', row 3"):
        read(["2,5", "2.5"], decimal=",")
    columns = [pd.Series(["2,5", "3", None]), pd.Series(["1", "4,0"])]
    assert [detect_decimal(columns, sep) for sep in (";", ",", None)] == [",", ".", "."]
    assert detect_decimal([*columns, pd.Series(["1.5"])], ";") == "."


def test_what_is_no_number_is_marked():
    values = pd.Series(["TD", "3", "TD ", "inf", "", "six"], name="grade")
    assert not_numbers(values).tolist() == [True, False, True, True, False, True]
    levels = {"missing": ["TD"], "score_values": {"six": 6}}
    assert not_numbers(values, **levels).tolist() == [False, False, False, True, False, False]


@pytest.mark.parametrize(
    ("scores", "apart"),
    [
        ([1, 2, 3, 4, 5, 6], []),
        ([-1, 1, 2, 3, 4, 5, 6], [-1]),
        ([-1, 0, 1, 2, 3], [-1]),
        ([-2, -1, 0, 1, 2], []),
        ([-9, -8, 0, 1, 2, 3], [-9, -8]),
        ([1, 2, 3, 4, 5, 6, 99], [99]),
        ([1, 2, 3, 4, 5, 6, 9], [9]),
        ([0, 1, 2, 3, 8, 9], [8, 9]),
        ([-1, 1, 2, 3, 4, 97, 98, 99], [-1, 97, 98, 99]),
        ([1, 2, 3, 4, 6], []),
        ([1, 2, 3, 4, 6, 6], [6]),
        ([10, 15, 16, 18, 20, 22, 25, 30, 31, 40, 60], []),
        (list(range(0, 1001, 40)), []),
        ([0, 200, 400], []),
        ([1, 1.5, 2, 2.5, 3, 3.5, 4], []),
        ([1], []),
    ],
)
def test_codes_stand_apart_from_the_scores(scores, apart):
    assert standing_apart(pd.Series([*scores, None], dtype=float)) == apart
