"""Reader of user-supplied tables: CSV, plain or compressed, and Parquet.

`open_table` detects the format of a text file; `read_declared` reads one as a study declares it.
Every fault is a TableError that names the file, the column, the value and the remedy.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.study.folders import shown_path

SEPARATORS = (",", ";", "\t", "|")
LONGEST_NAME = 80  # characters of a column's name; a longer one is an essay
FEW = 3  # values that an error shows
BLOCK = 2**20  # bytes of a file that are decoded at once
BINARY = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1")  # first bytes of spreadsheets and Parquet
GZIP = b"\x1f\x8b"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NOT_CP1252 = b"\x81\x8d\x8f\x90\x9d"  # bytes without a character in cp1252


class TableError(CorpusError):
    """A table cannot be used as it is; the message gives the reason and the remedy."""


@dataclass(frozen=True)
class Table:
    """A text file of rows, its encoding and its separator.

    `declared` is True where a study declares both, so that messages name its keys; otherwise they
    were detected.
    """

    path: Path
    encoding: str
    separator: str
    declared: bool = False

    @property
    def name(self) -> str:
        return shown_path(self.path)

    def header(self) -> list[str]:
        """The cells of the first line."""
        with self._clear_errors():
            return self._read(header=None, nrows=1).iloc[0].fillna("").tolist()

    def read(self, rows: int | None = None) -> pd.DataFrame:
        """All rows, or the first ones, as text; an empty cell is missing.

        Raises
        ------
        TableError
            The rows do not fit the header, or there are none.
        """
        with self._clear_errors():
            frame = self._read(nrows=rows)
        if not isinstance(frame.index, pd.RangeIndex):  # pandas makes extra cells an index
            raise TableError(
                f"{self.name}: rows have more cells than the first line has names: put texts that "
                "contain the separator in double quotes, and name every column"
            )
        if frame.empty:
            raise TableError(f"{self.name}: there are no rows below the column names: add some")
        return frame

    def blocks(self, columns: list[str], rows: int) -> Iterator[pd.DataFrame]:
        """Some columns of all rows, `rows` at a time; the index runs through the whole file."""
        with self._clear_errors():
            yield from self._read(usecols=columns, chunksize=rows)

    def _read(self, **options):
        options |= {"encoding": self.encoding, "sep": self.separator, "dtype": str}
        return pd.read_csv(self.path, keep_default_na=False, na_values=[""], **options)

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        with _readable(self.path):
            try:
                yield
            except pd.errors.EmptyDataError:
                raise TableError(
                    f"{self.name}: the file is empty; give one with a row of column names"
                ) from None
            except pd.errors.ParserError as error:
                fault = " ".join(str(error).split())
                raise TableError(
                    f"{self.name}: the rows do not fit the column names "
                    f"({fault.removeprefix('Error tokenizing data. C error: ')}): put texts that "
                    f"contain {self.separator!r}, a quote or a line break in double quotes"
                    f"{', or correct corpus.separator' if self.declared else ''}"
                ) from None
            except UnicodeDecodeError as error:
                byte = error.object[error.start]
                raise TableError(
                    f"{self.name}: byte 0x{byte:02x} is not {error.encoding}: save the file as "
                    f"UTF-8{f', or {SET_ENCODING}' if self.declared else ''}"
                ) from None


SET_ENCODING = "set corpus.encoding (latin-1 and cp1252 are the most common ones)"


def read_declared(
    path: Path, encoding: str, separator: str, columns: Collection[str]
) -> pd.DataFrame:
    """All rows of a file that a study names: Parquet by its ending, else text as declared.

    Parameters
    ----------
    columns : those that the study reads; no two columns of the file may have one of their names.

    Raises
    ------
    TableError
        The file cannot be read.
    """
    if path.suffix == ".parquet":
        with _readable(path):
            return pd.read_parquet(path)
    name = shown_path(path)
    try:
        "".encode(encoding)
    except LookupError:
        raise TableError(f"{name}: no encoding is called {encoding!r}: {SET_ENCODING}") from None
    with _readable(path):
        start = _check_start(path)
    if start[:2] in UTF_16 and not codecs.lookup(encoding).name.startswith("utf-16"):
        raise TableError(
            f"{name}: this is UTF-16: set corpus.encoding to utf-16, or save the file as UTF-8"
        )
    table = Table(path, encoding, separator, declared=True)
    _check_names([column for column in table.header() if column in columns], name)
    return table.read()


# ---------------------------------------------------------------- the format of a file


def open_table(path: Path) -> Table:
    """Detect a text table's encoding and its separator, the one that splits its first line into
    the most columns.

    Raises
    ------
    TableError
        There is no such file, it is not text, or its first line does not name columns.
    """
    encoding = detect_encoding(path)
    headers, fault = {}, None
    for separator in SEPARATORS:
        try:
            headers[separator] = [n.strip() for n in Table(path, encoding, separator).header()]
        except TableError as error:
            fault = error
    if not headers:
        raise fault
    separator = max(headers, key=lambda s: len(headers[s]))
    header, name = headers[separator], shown_path(path)
    if len(header) < 2:
        raise TableError(
            f"{name}: one column only, {header[0][:40]!r}: separate columns by commas, "
            "semicolons, tabs or |, and name them in the first line"
        )
    if long := [column for column in header if len(column) > LONGEST_NAME]:
        raise TableError(
            f"{name}: the first line reads like an essay ({long[0][:40]!r} ...): add a first line "
            "that names the columns"
        )
    _check_names(header, name)
    return Table(path, encoding, separator)


def detect_encoding(path: Path) -> str:
    """The encoding of a file, from all its bytes: UTF-16 by its byte order mark, UTF-8, otherwise
    cp1252, or latin-1 where a byte has no character in cp1252."""
    check_file(path)
    with _readable(path):
        start = _check_start(path)
        if start[:2] in UTF_16:
            _check_utf_16(path)
            return "utf-16"
        plain, unknown = True, False
        decoder = codecs.getincrementaldecoder("utf-8")()
        for block in _file_blocks(path):
            if b"\0" in block:
                raise TableError(
                    f"{shown_path(path)}: it contains a null byte, so it is not a text file: "
                    "remove the byte, or save the file as CSV, UTF-8"
                )
            unknown = unknown or any(byte in block for byte in NOT_CP1252)
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                plain = False
    if plain:
        return "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8"
    return "latin-1" if unknown else "cp1252"


def check_file(path: Path, remedy: str = "name a CSV file that is there") -> None:
    """Raise a TableError, with the remedy, where there is no such file."""
    if path.is_dir():
        raise TableError(f"{shown_path(path)}: this is a folder; name a file in it")
    if not path.is_file():
        raise TableError(f"{shown_path(path)}: no such file; {remedy}")


def _check_start(path: Path) -> bytes:
    """The first bytes of a file; a TableError where they are not those of a text table."""
    start, name = next(_file_blocks(path), b"")[:4], shown_path(path)
    if start[:2] == GZIP:
        raise TableError(
            f"{name}: this is a compressed file: unpack it, or call it {path.stem}.csv.gz"
        )
    if start in BINARY:
        raise TableError(
            f"{name}: this is not a text file (a spreadsheet, perhaps): save it as CSV, UTF-8"
        )
    return start


def _check_names(names: list[str], source: str) -> None:
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise TableError(f"{source}: two columns are called {twice[0]!r}: rename one of them")


def _check_utf_16(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        for block in _file_blocks(path):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise TableError(f"{shown_path(path)}: broken UTF-16: save it as CSV, UTF-8") from None


def _file_blocks(path: Path) -> Iterator[bytes]:
    """A file's bytes, unpacked where its name ends in .gz."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        while block := file.read(BLOCK):
            yield block


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raise a TableError for a file that is incomplete, or not what its ending says."""
    try:
        yield
    except TableError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise TableError(
            f"{shown_path(path)}: not readable ({str(error).splitlines()[0]}): check that it is "
            "complete and has the right ending"
        ) from None


# ---------------------------------------------------------------- the values of its columns


def check_columns(
    required: Iterable[str], present: Iterable[str], source: str, option: str
) -> None:
    """Raise a TableError where columns that an option or a key names are missing.

    Parameters
    ----------
    source : the file or dataset, as messages name it.
    option : the option or key, such as `--text` or `corpus.columns`.
    """
    present = list(present)
    if missing := [column for column in required if column not in present]:
        raise TableError(
            f"{source}: {option}: no column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, present))}"
        )


def check_filled(column: str, blank: np.ndarray, source: str) -> None:
    """Raise a TableError where essays have no id; `blank` are their rows, counted from 0."""
    if len(blank):
        raise TableError(
            f"{source}: column {column!r} is empty in {len(blank):,} rows (first: row "
            f"{_row(blank[0])}): give every essay an id, or name another column with --id"
        )


def numbers(values: pd.Series, source: str, other_column: str) -> pd.Series:
    """The scores of a column as numbers; a blank cell is missing.

    Parameters
    ----------
    values : as read from a file: text, or numbers of Parquet. Its name is the column's.
    source : the file or dataset, as messages name it.
    other_column : the remedy of naming another column.

    Raises
    ------
    TableError
        Some values are not finite numbers.
    """
    stripped = values
    if not pd.api.types.is_numeric_dtype(values):
        stripped = values.map(lambda value: value.strip() if isinstance(value, str) else value)
    parsed = pd.to_numeric(stripped, errors="coerce")
    parsed = parsed.mask(np.isinf(parsed))
    bad = parsed.isna() & values.notna() & (stripped.astype(str) != "")
    if not bad.any():
        return parsed
    remedy = "write numbers only, and leave the cell empty where an essay has no score"
    if stripped[bad].astype(str).str.fullmatch(r"-?\d+,\d+").all():
        remedy = "write a decimal point, 2.5 for 2,5"
    first = ", ".join(repr(str(value)[:40]) for value in values[bad].unique()[:FEW])
    raise TableError(
        f"{source}: column {values.name!r} has {int(bad.sum()):,} values that are not numbers "
        f"(first: {first}, row {_row(bad.to_numpy().argmax())}): {remedy}, or {other_column}"
    )


def _row(position: int) -> int:
    """The number of a row in a spreadsheet, where the column names are row 1."""
    return int(position) + 2
