"""Numbers as people write them: decimal commas, thousands, per cent, points out of a maximum."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
DECIMAL_POINT = re.compile(r"[-+]?\d*\.\d+")
UNIT = r"(?<=\d)\s*(%|/\s*\d+(?:[.,]\d+)?)$"  # 80 %, 4/6
LONGEST = 40  # characters of a number


def numerals(values: pd.Series) -> pd.Series:
    """Texts as numbers are read from them: without spaces around, with the digits and the minus
    sign of ASCII, and without the unit that all have; a text too long for a number is empty."""
    texts = values.astype("string")
    texts = texts.mask(texts.str.len() > LONGEST, "").str.normalize("NFKC").str.strip()
    texts = texts.str.replace("\u2212", "-", regex=False)
    return texts.str.replace(UNIT, "", regex=True) if _unit(texts) else texts


def unit_of(values: pd.Series) -> str | None:
    """`%` or, say, `/6`: what follows the number in every value of a column that has one."""
    return _unit(values.astype("string").str.normalize("NFKC").str.strip())


def _unit(texts: pd.Series) -> str | None:
    units = texts.str.extract(UNIT, expand=False).str.replace(" ", "", regex=False)
    if units.isna().all() or units.nunique() > 1:
        return None
    alone = pd.to_numeric(texts[units.isna()].astype(object), errors="coerce").notna()
    return None if alone.any() else str(units.dropna().iloc[0])


def with_point(texts: pd.Series, decimal: str) -> pd.Series:
    """Numbers with a decimal point and no thousands: 1.234,5 is 1234.5 where `decimal` is a comma,
    and 1,234.5 where it is a point. One with the other mark alone, as 2.5 or 2,5, is no number."""
    thousands = "." if decimal == "," else ","
    grouped = rf"[-+]?\d{{1,3}}(?:\{thousands}\d{{3}})+\{decimal}\d+"
    whole = texts.str.fullmatch(grouped).fillna(False).astype(bool)
    texts = texts.mask(whole, texts.str.replace(thousands, "", regex=False))
    if decimal == ",":
        pointed = texts.str.contains(".", regex=False, na=False)
        texts = texts.mask(pointed, "no number").str.replace(",", ".", regex=False)
    return texts


def as_numbers(values: pd.Series) -> pd.Series:
    """The values of a column that are finite numbers, with a decimal point or comma; others
    missing."""
    if pd.api.types.is_numeric_dtype(values):
        return values
    texts = numerals(values)
    pointed, with_comma = (
        pd.to_numeric(with_point(texts, mark).astype(object), errors="coerce") for mark in ".,"
    )
    return pointed.fillna(with_comma).astype(float).replace([np.inf, -np.inf], np.nan)
