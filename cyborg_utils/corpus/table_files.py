"""Reader of user-supplied tables: CSV and other delimited text, Excel workbooks, JSON, Parquet.

`open_table` detects how a file is written, unless a study declares it, and which of its rows hold
essays; what was detected, mended or left out is in the notes of its Table. Every fault is a
TableError that names the file, the row or column, the value and the remedy.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pandas as pd

from cyborg_utils.corpus.encodings import (
    FileFault,
    byte_order_mark,
    check_encoding,
    detect_encoding,
    file_format,
    packed_name,
)
from cyborg_utils.corpus.long_tables import one_row_per_essay
from cyborg_utils.corpus.structured_files import (
    is_json,
    json_records,
    parquet_records,
    workbook_records,
)
from cyborg_utils.corpus.table_formats import detect_format
from cyborg_utils.corpus.table_notes import encoding_notes, notes_of
from cyborg_utils.corpus.table_rows import (
    Format,
    Records,
    Scan,
    cleaned,
    scan,
    sep_line,
    text_records,
)
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.study.folders import shown_path

OTHER_IDS = "or name another column with --id COLUMN, or name essays by their rows: --row-ids"


class TableError(CorpusError):
    """A table cannot be used as it is; the message gives the reason and the remedy."""


@dataclass(frozen=True)
class Table:
    """A file of rows below a line of column names.

    Attributes
    ----------
    form : how delimited text is written; None for a workbook, JSON and Parquet, whose `records`
        are kept.
    notes : sentences on what was detected, mended and left out.
    """

    path: Path
    scanned: Scan
    notes: list[str]
    form: Format | None = None
    records: list[tuple[int, list[str]]] | None = None

    @property
    def name(self) -> str:
        return shown_path(self.path)

    @property
    def short_name(self) -> str:
        """The file's name without its endings, as in ids that are made of it."""
        return self.path.name.split(".")[0]

    @property
    def encoding(self) -> str | None:
        return self.form and self.form.encoding

    @property
    def separator(self) -> str | None:
        return self.form and self.form.separator

    @property
    def quoting(self) -> str | None:
        return self.form and self.form.quoting

    @property
    def columns(self) -> list[str]:
        return self.scanned.header

    @property
    def rows_in_file(self) -> int:
        """Rows below the column names, empty ones included."""
        return self.scanned.n_rows

    @property
    def row_numbers(self) -> range:
        """The numbers of these rows, as in a spreadsheet."""
        first = self.scanned.header_row + 1
        return range(first, first + self.rows_in_file)

    @property
    def left_out(self) -> list[tuple[int, str]]:
        """Number, as in a spreadsheet, and reason of each row that `read` leaves out."""
        return sorted(self.scanned.left_out.items())

    def read(self, rows: int | None = None) -> pd.DataFrame:
        """All rows, or the first ones, as text; an empty cell is missing.

        Of all rows, those of one essay that are its ratings are made one, and a note says so. The
        index is the row's number in a spreadsheet less 2: 0, 1, 2 ... where nothing is left
        out, since the column names are row 1.
        """
        with _clear_errors(self.path):
            frame = self._frame(islice(self._rows(), rows))
        if rows is None:
            frame, note = one_row_per_essay(frame)
            self.notes.extend([note] if note and note not in self.notes else [])
        return frame

    def blocks(self, columns: list[str], rows: int) -> Iterator[pd.DataFrame]:
        """Some columns of all rows, `rows` at a time; the index is that of `read`."""
        with _clear_errors(self.path):
            records = self._rows()
            while block := list(islice(records, rows)):
                yield self._frame(block)[columns]

    def _rows(self) -> Iterator[tuple[int, list[str | None]]]:
        records = self.records if self.form is None else text_records(self.path, self.form)
        return cleaned(records, self.scanned, self.encoding)

    def _frame(self, rows: Records) -> pd.DataFrame:
        numbers, cells = [], []
        for number, row in rows:
            numbers.append(number - 2)
            cells.append(row)
        regular = numbers == list(range(len(numbers)))
        index = pd.RangeIndex(len(numbers)) if regular else pd.Index(numbers)
        return pd.DataFrame(cells, index=index, columns=self.columns, dtype=str)


def open_table(
    path: Path,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    quoting: str | None = None,
    legacy: str | None = None,
    columns: Collection[str] | None = None,
) -> Table:
    """Find out how a table is written and which of its rows hold essays.

    Parameters
    ----------
    encoding, separator, quoting : of delimited text, as a study declares them; what is None is
        detected. A workbook, JSON and Parquet have none, whatever the file's name.
    legacy : the encoding in which a corpus is published, of a file that is not Unicode.
    columns : those that are used; no two columns may have one of these names. None: all of them.

    Raises
    ------
    TableError
        There is no such file, or it cannot be read in one way only.
    """
    check_file(path)
    with _clear_errors(path):
        table = _opened(path, encoding, separator, quoting, legacy)
    names = [name for name in table.columns if columns is None or name in columns]
    if twice := [name for name in names if names.count(name) > 1]:
        raise TableError(f"{table.name}: two columns are called {twice[0]!r}: rename one of them")
    if table.rows_in_file == len(table.left_out):
        raise TableError(f"{table.name}: there are no rows below the column names: add some")
    return table


def _opened(
    path: Path,
    encoding: str | None,
    separator: str | None,
    quoting: str | None,
    legacy: str | None,
) -> Table:
    kind, notes = file_format(path), []
    if kind == "workbook":
        records, notes = workbook_records(path)
    elif kind == "parquet":
        records = parquet_records(path)
    else:
        if packed := packed_name(path):
            notes.append(f"{packed!r} in the ZIP file")
        if encoding:
            check_encoding(encoding)
            _check_mark(path, encoding)
        else:
            encoding = detect_encoding(path, legacy)
            notes += encoding_notes(encoding, published=encoding == legacy)
        if not is_json(path, encoding):
            if not separator and (separator := sep_line(path, encoding)):
                notes.append(f"the line 'sep={separator}' names the separator, as Excel reads it")
            form, scanned = detect_format(path, encoding, separator, quoting)
            notes += notes_of(scanned, form)
            return Table(path, scanned, notes, form)
        records = json_records(path, encoding)
        notes.append("JSON objects, one per row")
    scanned = scan(records)
    return Table(path, scanned, notes + notes_of(scanned), records=records)


def _check_mark(path: Path, encoding: str) -> None:
    """Raise a FileFault where a file has the byte order mark of UTF-16 or UTF-32, and its declared
    encoding is another one."""
    mark = byte_order_mark(path) or ""
    base = codecs.lookup(encoding.split("+")[0]).name
    if mark not in ("", "utf-8-sig") and not base.startswith(mark):
        raise FileFault(
            f"this is {mark.upper()}: set corpus.encoding to {mark} or leave it out, or save the "
            "file as UTF-8"
        )


def check_file(path: Path, remedy: str = "name a file that is there") -> None:
    """Raise a TableError, with the remedy, where there is no such file."""
    if path.is_dir():
        raise TableError(f"{shown_path(path)}: this is a folder; name a file in it")
    if not path.is_file():
        raise TableError(f"{shown_path(path)}: no such file; {remedy}")


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Raise a TableError, which names the file, for a fault of it."""
    try:
        yield
    except TableError:
        raise
    except FileFault as fault:
        raise TableError(f"{shown_path(path)}: {fault}") from None
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise TableError(
            f"{shown_path(path)}: not readable ({str(error).splitlines()[0]}): check that it is "
            "complete and has the right ending"
        ) from None


# ---------------------------------------------------------------- its columns


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


def blank_ids(column: str, rows: Sequence[int]) -> str | None:
    """The fault of essays without an id; None without one. `rows` are their rows in the file."""
    if not len(rows):
        return None
    return (
        f"column {column!r} is empty in {len(rows):,} rows (first: row {rows[0]}): give every "
        f"essay an id, {OTHER_IDS}"
    )


def row_number(label: int) -> int:
    """The number of a row in a spreadsheet, from its label in `Table.read`'s index."""
    return int(label) + 2


def row_names(source: str, labels: pd.Index) -> pd.Series:
    """Ids of essays that have none: what they are read from and their row in it, as in `essays-2`.

    Parameters
    ----------
    labels : of `Table.read`'s index.
    """
    return pd.Series([f"{source}-{row_number(label)}" for label in labels], labels, dtype=object)


def row_names_note(names: pd.Series) -> str:
    """That no column has ids, and what `row_names` has made."""
    return (
        "id: no column, so ids are made from the file's name and the row as a spreadsheet counts "
        f"it (the first is {names.iloc[0]!r}; --id COLUMN names one)"
    )
