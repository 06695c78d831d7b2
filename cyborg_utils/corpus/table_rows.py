"""The rows of a table: read from delimited text, compared with its first line, and counted.

A row's number is that of a spreadsheet, where the column names are row 1. `scan` reads all of them
once and says which are no essays; faults are FileFaults that name the row.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from cyborg_utils.corpus.encodings import FileFault, foreign_bytes, mended, open_text

csv.field_size_limit(2**31 - 1)

FIRST = 50  # rows that tell which line names the columns, and which separator splits them
LONGEST_NAME = 80  # characters of a column's name; a longer one may be an essay
SEP_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
IMPORT_ID = re.compile(r"""\{\s*["']ImportId["']""")
LIST = re.compile(r"""\s*\[\s*(["'].*["'])?\s*\]\s*""", re.DOTALL)
LIST_LENGTH = 40  # characters on average of a printed list that is an essay's paragraphs
SUMMARY = {
    "mean", "average", "avg", "median", "total", "totals", "count", "standard deviation", "stdev",
    "grand total", "mean score", "average score", "total score", "overall average", "mittelwert",
    "durchschnitt", "summe", "gesamt", "anzahl", "moyenne", "somme", "promedio", "média",
    "平均", "平均分", "合計", "合计", "总计",
}  # fmt: skip
LIMITS = {  # of rows with the highest score that each column allows, below the column names
    "points possible", "possible points", "max points", "maximum points", "max score",
    "maximum score", "out of", "höchstpunktzahl",
}  # fmt: skip
WITH_SUMMARY = {"n", "min", "minimum", "max", "maximum", "sum", "sd", "std"}  # next to those above

Records = Iterable[tuple[int, list[str]]]


@dataclass(frozen=True)
class Format:
    """How delimited text is written.

    Attributes
    ----------
    quoting : `double`, where double quotes enclose cells; `none`, where they are text; `lines`,
        where each line is a row and only a cell that is quoted as a whole has its quotes removed.
    """

    encoding: str
    separator: str
    quoting: str = "double"


@dataclass
class Scan:
    """What the rows of a table are.

    Attributes
    ----------
    left_out : the reason for each row that holds no essay, by its number.
    foreign : row and value of each byte that is not of the encoding.
    lists : positions of columns whose cells are all printed lists of paragraphs.
    several_lines : the first row that spans several lines of the file, where its quotes are read.
    n_short : how many rows end before the last column.
    n_above : how many lines are above the column names, such as a title.
    """

    header: list[str]
    header_row: int
    n_rows: int = 0
    left_out: dict[int, str] = field(default_factory=dict)
    foreign: list[tuple[int, int]] = field(default_factory=list)
    lists: set[int] = field(default_factory=set)
    several_lines: int | None = None
    n_short: int = 0
    n_above: int = 0


# ---------------------------------------------------------------- reading


def text_records(path: Path, form: Format) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of every row of delimited text; a `sep=;` line before them is no row.

    Raises
    ------
    FileFault
        Quotes do not enclose whole cells, or bytes are not of the encoding.
    """
    quoting = csv.QUOTE_MINIMAL if form.quoting == "double" else csv.QUOTE_NONE
    with open_text(path, form.encoding) as text:
        first = next(text, "").removeprefix("\ufeff")
        lines = text if SEP_LINE.fullmatch(first) else chain([first] * bool(first), text)
        reader = csv.reader(lines, delimiter=form.separator, quoting=quoting, strict=True)
        row = 0
        try:
            for row, cells in enumerate(reader, start=1):
                yield row, [unquoted(c) for c in cells] if form.quoting == "lines" else cells
        except csv.Error:
            raise QuoteFault(
                f"row {row + 1}: a quotation mark inside a quoted text is not doubled, or a quoted "
                'text has no end: write "" for a quotation mark in a text in double quotes, or, '
                "where the file is written without quoting, set corpus.quoting: none",
                row + 1,
            ) from None
        except UnicodeError as error:
            raise FileFault(f"row {row + 1} or later: not {form.encoding} ({error})") from None


class RowFault(FileFault):
    """A fault of one row, which `row` numbers."""

    def __init__(self, message: str, row: int):
        super().__init__(message)
        self.row = row


class QuoteFault(RowFault):
    """A quotation mark that neither begins nor ends a cell."""


def unquoted(cell: str) -> str:
    """A cell without its quotes, where it is quoted as a whole and inner quotes are doubled."""
    inner = cell[1:-1]
    if len(cell) < 2 or cell[0] != '"' or cell[-1] != '"' or '"' in inner.replace('""', ""):
        return cell
    return inner.replace('""', '"')


def sep_line(path: Path, encoding: str) -> str | None:
    """The separator that a `sep=;` line names, which Excel writes and reads."""
    with open_text(path, encoding) as text:
        named = SEP_LINE.fullmatch(next(text, "").removeprefix("\ufeff"))
    return named[1] if named else None


# ---------------------------------------------------------------- one pass through all rows


def scan(records: Records, encoding: str | None = None, short_rows: bool = False) -> Scan:
    """Compare all rows with the first line, and say which of them hold no essay.

    Parameters
    ----------
    encoding : of the file. Where it is not `a+b`, a byte that is not of it is a fault.
    short_rows : whether a row may lack empty cells at its end, as in tab-separated text of Excel.
        A single cell, and two rows that are as long as one with a line break in it, may not.

    Raises
    ------
    FileFault
        The rows do not fit the first line, or that line names no columns.
    """
    records = iter(records)
    first = list(islice(records, FIRST))
    n_above = _lines_above([cells for _, cells in first if any(cells)])
    header_row, header = [(row, cells) for row, cells in first if any(cells)][n_above]
    first = [(row, cells) for row, cells in first if row > header_row]
    while header and not header[-1].strip():
        header = header[:-1]
    result = Scan([name.strip() or f"Unnamed: {i}" for i, name in enumerate(header)], header_row)
    result.n_above = n_above
    _check_bytes(header_row, header, encoding, result)
    below = [cells for _, cells in first if any(cells)]
    _check_first_line(header, below)
    second = _second_header(header, below)
    lists = _ListColumns(len(header))
    trailing: dict[int, str] = {}
    length = 0  # of the row before, where it is short
    for row, cells in chain(first, records):
        result.n_rows += 1
        if not any(cell.strip() for cell in cells):
            result.left_out[row] = "empty"
            continue
        before, length = length, len(cells) if len(cells) < len(header) else 0
        if short_rows and length > 1 and before + length != len(header) + 1:
            result.n_short += 1
            cells = padded(cells, len(header))
        _check_cells(row, cells, header)
        _check_bytes(row, cells, encoding, result)
        if cells in second or cells[: len(header)] == header:
            result.left_out[row] = "further column names"
            continue
        if name := _summary(cells, SUMMARY | WITH_SUMMARY):
            trailing[row] = name
            continue
        if row <= header_row + 3 and (name := _summary(cells, LIMITS)):
            result.left_out[row] = f"{name!r} below the column names"
            continue
        trailing.clear()
        lists.add(cells)
        if result.several_lines is None and any("\n" in c or "\r" in c for c in cells):
            result.several_lines = row
    if {_plain(name) for name in trailing.values()} & SUMMARY:
        result.left_out |= {row: f"{name!r} below the essays" for row, name in trailing.items()}
    result.lists = lists.columns
    return result


def _lines_above(rows: list[list[str]]) -> int:
    """How many of the first rows are above the column names: a title, or names that each stand
    for several columns.

    Raises
    ------
    FileFault
        There are no rows.
    """
    if not rows:
        raise FileFault("the file is empty; give one with a row of column names")
    n = 0
    while n + 1 < len(rows) and _is_above(rows[n], rows[n + 1], rows[n + 2 :]):
        n += 1
    return n


def _is_above(cells: list[str], names: list[str], below: list[list[str]]) -> bool:
    """Whether a row is above that of the column names: it has one cell and empty ones beside it, or
    none above two or more of the names, which are texts above numbers."""
    named = [i for i, name in enumerate(names) if name.strip()]
    over = padded(cells, len(names))
    if sum(bool(cell.strip()) for cell in cells) == 1:
        return len(cells) > 1 and any(sum(map(bool, row)) > 1 for row in [names, *below])
    gaps = sum(not over[i].strip() for i in named)
    if gaps < 2 or len({names[i] for i in named}) < len(named):
        return False
    columns = {i: [row[i] for row in below if i < len(row)] for i in named}
    texts = all(len(names[i]) <= LONGEST_NAME and not _is_number(names[i]) for i in named)
    return texts and any(map(_are_numbers, columns.values()))


def padded(cells: list[str], n: int) -> list[str]:
    """The cells of a row with empty ones at its end, at least `n`."""
    return cells + [""] * (n - len(cells))


def _check_cells(row: int, cells: list[str], header: list[str]) -> None:
    """Raise a RowFault where a row has more or fewer cells than there are columns."""
    n, extra = len(header), cells[len(header) :]
    if len(cells) < n or any(cell.strip() for cell in extra):
        raise RowFault(
            f"row {row} has {len(cells)} cells, but the first line names {n} columns: put texts "
            "that contain the separator, a quote or a line break in double quotes, so that every "
            "row has a cell for each column",
            row,
        )


def _check_bytes(row: int, cells: list[str], encoding: str | None, result: Scan) -> None:
    """Note the bytes of a row that are not of its encoding; raise where that is a fault."""
    for byte in (byte for cell in cells for byte in foreign_bytes(cell)):
        if encoding and "+" not in encoding:
            raise RowFault(
                f"row {row}: byte 0x{byte:02x} is not {encoding}: correct it, declare the file's "
                "encoding (corpus.encoding), or save the file as UTF-8",
                row,
            )
        result.foreign.append((row, byte))


def _check_first_line(header: list[str], below: list[list[str]]) -> None:
    """Raise a FileFault where the first line names no columns: one column, or an essay in it."""
    if len(header) < 2:
        raise FileFault(
            f"one column only, {(header or [''])[0][:40]!r}: separate columns by commas, "
            "semicolons, tabs or |, and name them in the first line"
        )
    long = [i for i, name in enumerate(header) if len(name) > LONGEST_NAME]
    columns = [[cells[i] for cells in below if i < len(cells)] for i in range(len(header))]
    numeric = [i for i, values in enumerate(columns) if _are_numbers(values)]
    if not long or any(not _is_number(header[i]) for i in numeric):
        return
    repeated = any(name in columns[i] for i, name in enumerate(header) if i not in long)
    lengths = sorted(map(len, columns[long[0]])) or [0]
    like_below = len(header[long[0]]) >= lengths[len(lengths) // 2] / 2
    if numeric or repeated or like_below:
        raise FileFault(
            f"the first line reads like an essay ({header[long[0]][:40]!r} ...): add a first line "
            "that names the columns"
        )


def _second_header(header: list[str], below: list[list[str]]) -> list[list[str]]:
    """The rows below the column names that a survey tool writes: questions, and its own ids."""
    marked = [
        sum(bool(IMPORT_ID.match(cell)) for cell in cells) > len(header) / 2 for cells in below[:3]
    ]
    if any(marked):
        return below[: marked.index(True) + 1]
    numeric = [
        i for i in range(len(header)) if _are_numbers([c[i] for c in below[1:] if i < len(c)])
    ]
    if len(below) > 5 and len(numeric) > 1 and len(below[0]) >= len(header):
        cells = [below[0][i].strip() for i in numeric]
        differ = len(set(cells)) == len(cells)  # codes of a missing value would be the same
        if differ and not any(_is_number(cell) or len(cell) < 3 for cell in cells):
            return below[:1]
    return []


def _summary(cells: list[str], names: Set[str]) -> str | None:
    """The name of a row that begins with one of `names`, such as `Mean`, in which cells are empty
    and none is long."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    short = len(filled) < len(cells) and max(map(len, filled)) <= LIST_LENGTH
    return filled[0] if short and _plain(filled[0]) in names else None


def _plain(name: str) -> str:
    return re.sub(r"[^\w ]+", " ", name).strip().casefold()


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*[-+]?\d+([.,]\d+)?\s*", text) is not None


def _are_numbers(values: list[str]) -> bool:
    filled = [value for value in values if value.strip()]
    return bool(filled) and all(map(_is_number, filled))


class _ListColumns:
    """Columns whose cells are all printed lists of texts, as Python prints them."""

    def __init__(self, n_columns: int):
        self.lengths = dict.fromkeys(range(n_columns), 0)
        self.n_cells = dict.fromkeys(range(n_columns), 0)

    def add(self, cells: list[str]) -> None:
        for i in list(self.lengths):
            if cells[i] and paragraphs(cells[i]) is None:
                del self.lengths[i]
            elif cells[i]:
                self.lengths[i] += len(cells[i])
                self.n_cells[i] += 1

    @property
    def columns(self) -> set[int]:
        return {i for i, n in self.lengths.items() if n > LIST_LENGTH * self.n_cells[i]}


def paragraphs(cell: str) -> list[str] | None:
    """The paragraphs of a printed list of texts; None for another text."""
    if not LIST.fullmatch(cell):
        return None
    try:
        values = ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return values if all(isinstance(value, str) for value in values) else None


def cleaned(
    records: Records, result: Scan, encoding: str | None
) -> Iterator[tuple[int, list[str | None]]]:
    """Number and cells of the rows that hold essays; an empty cell is None, a byte that is not of
    the encoding is mended, and a printed list of paragraphs is their text."""
    n = len(result.header)
    edits: list[Callable[[str], str]] = []
    if result.foreign and encoding:
        edits.append(lambda cell: mended(cell, encoding))
    for row, cells in records:
        if row <= result.header_row or row in result.left_out:
            continue
        cells = padded(cells, n)
        for edit in edits:
            cells = [edit(cell) for cell in cells]
        for i in result.lists:
            cells[i] = "\n".join(paragraphs(cells[i]) or [])
        yield row, [cell or None for cell in cells[:n]]
