"""All faults of a table in one error, each with the option that decides it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from cyborg_utils.corpus.numerals import DECIMAL_COMMA
from cyborg_utils.corpus.table_files import TableError

SHOWN = 3  # values or ids that a fault lists
OPTIONS = 6  # values for which it writes the options
NUMBER = re.compile(r"(?<!\S)[0-9]+(?:\.[0-9]+)?(?=[:)]?(?:\s|$))")


class Faults:
    """Faults of a file that are collected, so that a person meets them together."""

    def __init__(self, source: str):
        self.source = source
        self.messages: list[str] = []

    def add(self, message: str | None) -> None:
        """Add a fault, unless it is None or known already."""
        if message and message not in self.messages:
            self.messages.append(message.removeprefix(f"{self.source}: "))

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Add the TableError that the block raises."""
        try:
            yield
        except TableError as error:
            self.add(str(error))

    def check(self) -> None:
        """Raise one TableError with all faults, where there are some."""
        if len(self.messages) == 1:
            raise TableError(f"{self.source}: {self.messages[0]}")
        if self.messages:
            listed = "".join(f"\n  - {message}" for message in self.messages)
            raise TableError(
                f"{self.source}: {len(self.messages)} faults, each with its remedy:{listed}"
            )


def with_option(option: str, value: str) -> str:
    """An option and its value as a shell takes them."""
    return f"{option} {shlex.quote(str(value))}"


def not_numbers(values: pd.Series, bad: pd.Series, rows: pd.Series, option: str) -> str | None:
    """The fault of scores that are no numbers; None without one.

    Parameters
    ----------
    values, bad : scores as they are in the file, and whether each is none.
    rows : the number of each row in the file.
    option : the option that names another column.
    """
    if not bad.any():
        return None
    counts = values[bad].str.strip().value_counts()
    listed = ", ".join(f"{value[:40]!r} {n:,}" for value, n in counts.head(SHOWN).items())
    more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
    what = (
        f"column {values.name!r} has {int(bad.sum()):,} values that are not numbers "
        f"({listed}{more}; first: row {rows[bad].iloc[0]})"
    )
    if counts.index.str.fullmatch(DECIMAL_COMMA.pattern).all():
        return f"{what}: --decimal , reads 2,5 as 2.5"
    they_mean, they_are = ("it means", "it is one") if len(counts) == 1 else (
        "they mean", "they are scores"
    )  # fmt: skip
    shown = counts.index[:OPTIONS]
    missing = " ".join(with_option("--missing", value) for value in shown)
    levels = " ".join(with_option("--score-value", f"{v}={_number_in(v)}") for v in shown)
    more = " ..." if len(counts) > OPTIONS else ""
    as_missing = f"{missing}{more} where {they_mean} no score, "
    return (
        f"{what}: {'' if bad[values.notna()].all() else as_missing}{levels}{more} where "
        f"{they_are}; or write numbers, or name another column with {option} COLUMN"
    )


def _number_in(level: str) -> str:
    """The one number in a level such as `4 - Proficient`, else a placeholder, as for `3+`."""
    numbers = NUMBER.findall(level)
    return numbers[0] if len(numbers) == 1 else "NUMBER"


def far_off(scores: pd.Series, apart: list[float], scale: str) -> str:
    """The fault of scores that stand apart from the others.

    Parameters
    ----------
    scale : the scale of all scores, as `--scale` takes it.
    """
    others = scores[~scores.isin(apart)]
    listed = " and ".join(f"{value:g} ({int((scores == value).sum()):,} essays)" for value in apart)
    missing = " ".join(with_option("--missing", f"{value:g}") for value in apart)
    one, them = ("a code", "is a score") if len(apart) == 1 else ("codes", "are scores")
    return (
        f"column {scores.name!r}: {listed} far from the other scores, {others.min():g} to "
        f"{others.max():g}: {missing} where that is {one} for no score; --scale {scale} where that "
        f"{them}"
    )


def off_scale(
    scores: pd.Series, labels: list[float], rows: pd.Series, between_points: bool
) -> str | None:
    """The fault of scores off the scale that a person names; None without one.

    Parameters
    ----------
    labels : the points of the scale.
    rows : the number of each row in the file.
    between_points : whether scores may lie between the points.
    """
    on = scores.isin(labels)
    if between_points:
        on = scores.between(labels[0], labels[-1])
    off = scores[scores.notna() & ~on]
    if off.empty:
        return None
    listed = ", ".join(f"{value:g}" for value in off.unique()[:SHOWN])
    return (
        f"column {scores.name!r}: {len(off):,} scores are off the scale {labels[0]:g} to "
        f"{labels[-1]:g} (first: {listed}, row {rows[off.index[0]]}): "
        f"{with_option('--missing', f'{off.iloc[0]:g}')} where that is a code for no score, else "
        "correct them or --scale"
    )
