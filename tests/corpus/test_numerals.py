"""Numbers as people write them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyborg_utils.corpus.numerals import as_numbers, unit_of, with_point


def read(values: list) -> list:
    numbers = as_numbers(pd.Series(values, dtype=object))
    return [None if np.isnan(number) else number for number in numbers]


@pytest.mark.parametrize(
    ("values", "unit", "numbers"),
    [
        (["3/6", "4/6", None], "/6", [3, 4, None]),
        (["3.50 / 6", "4.00 / 6", "NA"], "/6", [3.5, 4, None]),
        (["80%", "7,5 %"], "%", [80, 7.5]),
        (["3/6", "4/5"], None, [None, None]),
        (["3/6", "4"], None, [None, 4]),
        (["3+", "4-", "4"], None, [None, None, 4]),
        (["３", "４", "\u22121", " 5\u00a0"], None, [3, 4, -1, 5]),
        (["1.234,5", "-2.000,0", "1,234.5"], None, [1234.5, -2000, 1234.5]),
        (["12.34,5", "1.2.3", "1,2,3", "inf", "1e400"], None, [None] * 5),
    ],
)
def test_what_follows_a_number_is_read_where_all_have_it(values, unit, numbers):
    assert unit_of(pd.Series(values, dtype=object)) == unit
    assert read(values) == numbers


def test_a_decimal_mark_that_is_not_the_declared_one_is_no_number():
    texts = pd.Series(["2,5", "2.5", "1.000,5", "1,000.5"], dtype="string")
    for decimal, numbers in ((",", [2.5, None, 1000.5, None]), (".", [None, 2.5, None, 1000.5])):
        plain = pd.to_numeric(with_point(texts, decimal).astype(object), errors="coerce")
        assert [None if np.isnan(number) else number for number in plain] == numbers


@given(
    st.lists(st.floats(-9999, 9999), min_size=1, max_size=9), st.sampled_from(["%", " / 60", ""])
)
def test_a_number_survives_its_marks(values, unit):
    values = [round(value, 2) for value in values]
    german = [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) + unit for v in values]
    assert read([f"{value:,.2f}{unit}" for value in values]) == values
    assert read(german) == values
    assert unit_of(pd.Series(german)) == (unit.replace(" ", "") or None)


def test_a_text_is_no_number():
    assert read(["An essay of 80%", ""]) == [None, None]
    assert read(["1 " * 30]) == [None]
