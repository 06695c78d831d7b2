"""How delimited text is written: what separates its cells, and what its quotation marks mean."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from cyborg_utils.corpus.encodings import FileFault
from cyborg_utils.corpus.table_rows import (
    FIRST,
    Format,
    QuoteFault,
    Records,
    RowFault,
    Scan,
    scan,
    text_records,
    unquoted,
)

SEPARATORS = (",", ";", "\t", "|")


def detect_format(
    path: Path, encoding: str, separator: str | None, quoting: str | None
) -> tuple[Format, Scan]:
    """How delimited text is written, and its rows; what is None is detected.

    The separator is the one that splits the first rows alike, into the
    most columns. Quotation marks enclose cells where all rows fit the first line then, and are text
    where they only do without.

    Raises
    ------
    FileFault
        No way of reading fits all rows, or two ways do.
    """
    separator = separator or _separator(path, encoding)

    def scanned(form: Format) -> Scan:
        return scan(text_records(path, form), encoding, short_rows=separator == "\t")

    if quoting:
        form = Format(encoding, separator, quoting)
        return form, scanned(form)
    quoted = Format(encoding, separator)
    plain = Format(encoding, separator, "none")
    try:
        result = scanned(quoted)
    except RowFault as fault:
        try:
            result = scanned(plain)
        except RowFault as other:
            raise max(fault, other, key=lambda f: f.row) from None
        form = Format(encoding, separator, _quoting_of_lines(text_records(path, plain)))
        return form, result if form == plain else scanned(form)
    if result.several_lines:
        _check_one_reading(path, quoted, plain, result)
    return quoted, result


def _check_one_reading(path: Path, quoted: Format, plain: Format, result: Scan) -> None:
    """Raise a FileFault where cells of several lines may be rows that a quotation mark swallows:
    where every line of the file, or of the cell's row, has a cell for each column."""
    swallowed = None
    try:
        scan(text_records(path, plain), plain.encoding)
        swallowed = result.several_lines
    except FileFault:
        if quoted.separator != ",":
            n = len(result.header) - 1
            rows = text_records(path, quoted)
            swallowed = next((row for row, cells in rows if _holds_rows(cells, quoted, n)), None)
    if swallowed:
        raise RowFault(
            f"row {swallowed}: from a quotation mark on, several lines are one text, although each "
            "has a cell for every column: set corpus.quoting to none where quotation marks are "
            "only text in this file, or to double where they enclose texts of several lines",
            swallowed,
        )


def _holds_rows(cells: list[str], form: Format, n_separators: int) -> bool:
    lines = form.separator.join(cells).splitlines()
    return len(lines) > 1 and all(line.count(form.separator) == n_separators for line in lines)


def _quoting_of_lines(records: Records) -> str:
    """`lines` where most cells that begin with a quotation mark are quoted as a whole."""
    opened = [cell for _, cells in records for cell in cells if cell.startswith('"')]
    whole = sum(unquoted(cell) != cell for cell in opened)
    return "lines" if whole > len(opened) / 2 else "none"


def _separator(path: Path, encoding: str) -> str:
    """The separator that splits the first rows alike, into the most columns."""

    def fit(separator: str) -> tuple[float, int]:
        best = (0.0, 0)
        for quoting in ("double", "none"):
            lengths, rows = [], text_records(path, Format(encoding, separator, quoting))
            try:
                lengths += (len(cells) for _, cells in islice(rows, FIRST) if any(cells))
            except QuoteFault:
                lengths.append(0)
            if lengths and lengths[0] > 1:
                best = max(best, (lengths.count(lengths[0]) / len(lengths), lengths[0]))
        return best

    fits = {separator: fit(separator) for separator in SEPARATORS}
    first, second = sorted(SEPARATORS, key=fits.get, reverse=True)[:2]
    if fits[first] == fits[second] and fits[first][0]:
        raise FileFault(
            f"{first!r} and {second!r} separate columns equally well: set corpus.separator to the "
            "one that does"
        )
    return first
