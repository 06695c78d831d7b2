"""Other people's tables: how a file is written, and which of its columns holds what.

Every fault is a TableError of one sentence: the file, the column, the value, the remedy.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

SEPARATORS = (",", ";", "\t", "|")
TEXTS = ("text", "essay", "full_text", "response", "answer", "content")
IDS = ("id", "essay_id", "text_id", "student_id", "nr", "number", "code")
MIN_WORDS = 5  # on average, of a column that looks like the essays' text
FEW = 3  # values that an error shows
BLOCK = 2**20  # bytes of a file that are looked at together
BINARY = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1")  # how spreadsheets and Parquet begin
GZIP = b"\x1f\x8b"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NO_TEXT = "this is no text file (a spreadsheet, perhaps): save it as CSV, UTF-8"
NOT_CP1252 = b"\x81\x8d\x8f\x90\x9d"  # bytes that have no letter there


class TableError(ValueError):
    """A table cannot be used as it is; the message says why and what to do."""


@dataclass(frozen=True)
class Table:
    """A text file of rows, its encoding and its separator."""

    path: Path
    encoding: str
    separator: str

    def read(self, **how):
        """The rows, every value a text and an empty cell missing; `how` is for pandas."""
        given = {"encoding": self.encoding, "sep": self.separator}
        return pd.read_csv(
            self.path, **given, dtype=str, keep_default_na=False, na_values=[""], **how
        )

    def whole(self) -> pd.DataFrame:
        """All rows at once."""
        try:
            frame = self.read()
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise TableError(self.unreadable(error)) from None
        self.check_rows(frame)
        return frame

    def check_rows(self, frame: pd.DataFrame) -> None:
        """Raise a TableError where rows are longer than the header, or there are none."""
        if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the surplus as an index
            raise TableError(
                f"{self.path.name}: rows have more cells than the first line has names: put texts "
                "that contain the separator in double quotes, and name every column"
            )
        if frame.empty:
            raise TableError(f"{self.path.name}: there is no row below the column names")

    def unreadable(self, error: Exception) -> str:
        """One sentence about rows that pandas cannot take apart."""
        told = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        return (
            f"{self.path.name}: the rows do not fit the column names ({told}): put texts that "
            f"contain {self.separator!r}, a quote or a line break in double quotes"
        )


def open_table(path: Path) -> Table:
    """Find out a text table's encoding and separator: the one that its first line names the most
    columns with."""
    encoding = _encoding(path)
    headers = {}
    for separator in SEPARATORS:
        try:
            first = Table(path, encoding, separator).read(header=None, nrows=1)
        except (pd.errors.ParserError, pd.errors.EmptyDataError):
            continue
        headers[separator] = first.iloc[0].fillna("").str.strip().tolist()
    if not headers:
        raise TableError(f"{path.name}: the file is empty; give one with a row of column names")
    separator = max(headers, key=lambda s: len(headers[s]))
    header = headers[separator]
    if len(header) < 2:
        raise TableError(
            f"{path.name}: one column only, {header[0][:40]!r}: separate columns by commas, "
            "semicolons, tabs or |, and name them in the first line"
        )
    if long := [name for name in header if len(name) > 80]:
        raise TableError(
            f"{path.name}: the first line reads like an essay ({long[0][:40]!r} ...): give the "
            "file a first line that names the columns"
        )
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise TableError(f"{path.name}: two columns are called {twice[0]!r}: rename one of them")
    return Table(path, encoding, separator)


def _encoding(path: Path) -> str:
    """The encoding that all bytes of a file fit, which are read a block at a time."""
    if path.is_dir():
        raise TableError(f"{path}: this is a folder; name a CSV file in it")
    if not path.is_file():
        raise TableError(f"{path}: no such file; name a CSV file that is there")
    try:
        start = beginning(path)
        if fault := no_table(start, path):
            raise TableError(f"{path.name}: {fault}")
        if start[:2] in UTF_16:
            _check_utf_16(path)
            return "utf-16"
        plain, unknown = True, False
        decoder = codecs.getincrementaldecoder("utf-8")()
        for block in _file_blocks(path):
            if b"\0" in block:
                raise TableError(
                    f"{path.name}: a null byte stands in it, so it is no text: remove it, or save "
                    "it as CSV, UTF-8"
                )
            unknown = unknown or any(byte in block for byte in NOT_CP1252)
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                plain = False
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(
            f"{path.name}: not readable ({error}); is it whole, and is its ending right?"
        ) from None
    if plain:
        return "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8"
    return "latin-1" if unknown else "cp1252"


def beginning(path: Path) -> bytes:
    """The first bytes of a file's text, unpacked where its name ends in .gz."""
    return next(_file_blocks(path), b"")[:4]


def no_table(start: bytes, path: Path) -> str | None:
    """Why a file that begins so is no text table, with the remedy; None where it may be one."""
    if start[:2] == GZIP:
        return f"this is a compressed file: unpack it, or call it {path.stem}.csv.gz"
    return NO_TEXT if start in BINARY else None


def _file_blocks(path: Path) -> Iterator[bytes]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        while block := file.read(BLOCK):
            yield block


def _check_utf_16(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        for block in _file_blocks(path):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise TableError(f"{path.name}: broken UTF-16: save it as CSV, UTF-8") from None


# ---------------------------------------------------------------- columns


def tokens(name: str) -> list[str]:
    """The words and numbers of a column's name: `EssayID-2` is essay, id, 2."""
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", str(name))
    return re.findall(r"[^\W\d_]+|\d+", apart.lower())


def named_like(columns: Iterable[str], names: Iterable[str]) -> list[str]:
    """The columns that have one of the names, then those that have its words among theirs."""
    columns, names = list(columns), [n.split("_") for n in names]
    exact = [c for n in names for c in columns if tokens(c) == n]
    within = [c for n in names for c in columns if set(n) <= set(tokens(c))]
    return list(dict.fromkeys(exact + within))


def check_column(table: Table, frame: pd.DataFrame, column: str, option: str) -> str:
    """The column itself, where the file has it."""
    if column not in frame:
        raise TableError(
            f"{table.path.name}: {option}: no column {column!r}; the file has "
            f"{', '.join(map(str, frame))}"
        )
    return column


def text_column(table: Table, frame: pd.DataFrame) -> str:
    """The column with the essays: its values are long and hardly ever the same."""
    words = {c: frame[c].dropna().str.split().str.len().mean() for c in frame}
    varied = {c: frame[c].nunique() > 0.5 * frame[c].notna().sum() for c in frame}
    long = [c for c in frame if words[c] >= MIN_WORDS and varied[c]]
    if not long:
        raise TableError(
            f"{table.path.name}: no column looks like the essays' text (of {MIN_WORDS} words or "
            "more on average, most of them different): name it with --text COLUMN, or add it"
        )
    return next(iter(named_like(long, TEXTS)), max(long, key=words.get))


def id_column(table: Table, frame: pd.DataFrame, text: str) -> str:
    """The column that names each essay: by its name, else the first whose values all differ."""
    others = [c for c in frame if c != text]
    unique = [c for c in others if frame[c].notna().all() and frame[c].is_unique]
    by_name = [c for c in named_like(others, IDS) if frame[c].nunique() > len(frame) / 2]
    whole = [c for c in unique if not pd.to_numeric(frame[c], errors="coerce").mod(1).any()]
    found = [c for c in by_name if c in unique] + by_name + whole
    if not found:
        raise TableError(
            f"{table.path.name}: no column names each essay: add one, `id` with 1, 2, 3 ... say, "
            "so that scores find back to their essays when rows are sorted or removed"
        )
    return found[0]


def check_ids(table: Table, ids: pd.Series) -> None:
    """Raise a TableError where an essay has no id, or two share one."""
    if blank := int(ids.isna().sum()):
        raise TableError(
            f"{table.path.name}: column {ids.name!r} is empty in {blank:,} rows (first: row "
            f"{_row(ids.isna())}): give every essay an id"
        )
    twice = ids.duplicated(keep=False)
    if twice.any():
        raise TableError(
            f"{table.path.name}: column {ids.name!r}: {int(twice.sum()):,} rows share their id "
            f"with another (first: {_first(ids[twice].unique())}): keep one row an essay, or name "
            "another column with --id"
        )


def numbers(table: Table, values: pd.Series) -> pd.Series:
    """The scores of a column as numbers, an empty cell missing."""
    filled = values.str.strip().replace("", np.nan)
    found = pd.to_numeric(filled, errors="coerce")
    bad = (found.isna() & filled.notna()) | np.isinf(found)
    if not bad.any():
        return found
    remedy = "write numbers alone, and leave the cell empty where an essay has no score"
    if filled[bad].str.fullmatch(r"-?\d+,\d+").all():
        remedy = "write a decimal point, 2.5 for 2,5"
    raise TableError(
        f"{table.path.name}: column {values.name!r} has {int(bad.sum()):,} values that are no "
        f"numbers (first: {_first(values[bad].unique())}, row {_row(bad)}): {remedy}, or name "
        "another column with --score"
    )


def _row(faulty: pd.Series) -> int:
    """The number of the first faulty row, as a spreadsheet counts: the names are row 1."""
    return int(faulty.to_numpy().argmax()) + 2


def _first(values: Iterable) -> str:
    return ", ".join(repr(str(v)[:40]) for v in list(values)[:FEW])
