"""Sentences on what was detected, mended and left out when a table was read."""

from __future__ import annotations

from collections import defaultdict

from cyborg_utils.corpus.encodings import mended
from cyborg_utils.corpus.table_rows import Format, Scan

SHOWN = 3  # rows that a note names
QUOTING = {
    "none": "quotation marks are read as text: with quoted cells, the rows would not fit the "
    "column names",
    "lines": "each line is read as a row, since a quotation mark inside a quoted cell is not "
    "doubled; quotes around whole cells are removed",
}


def encoding_notes(encoding: str, published: bool = False) -> list[str]:
    """The note on an encoding that was detected, or is that of a published corpus; none for UTF-8
    and by a byte order mark."""
    if encoding.startswith("utf-8") or encoding in ("utf-16", "utf-32"):
        return []
    if published:
        return [f"encoding {encoding.split('+')[0]}, as the corpus is published"]
    return [
        f"encoding {encoding}, detected from the bytes of the whole file: declare another one "
        "(corpus.encoding) where letters look wrong"
    ]


def notes_of(scanned: Scan, form: Format | None = None) -> list[str]:
    """The notes on a table: its bytes, its quotation marks, its columns and its rows.

    `form` is how delimited text is written; None for another format.
    """
    notes = []
    if form and scanned.foreign:
        notes.append(_foreign_note(scanned.foreign, form.encoding))
    if form and form.quoting in QUOTING:
        notes.append(QUOTING[form.quoting])
    for i in sorted(scanned.lists):
        notes.append(
            f"column {scanned.header[i]!r} has printed lists of paragraphs: each list is joined, "
            "one line per paragraph"
        )
    if scanned.n_above:
        notes.append(
            f"{scanned.n_above} lines above the column names, which are in row {scanned.header_row}"
        )
    if scanned.n_short:
        notes.append(
            f"{scanned.n_short:,} rows end before the last column: their other cells are empty"
        )
    n_left_out = len(scanned.left_out)
    notes.append(
        f"{scanned.n_rows:,} rows below the column names: {scanned.n_rows - n_left_out:,} read, "
        f"{n_left_out:,} left out{_reasons(scanned.left_out)}"
    )
    return notes


def _foreign_note(foreign: list[tuple[int, int]], encoding: str) -> str:
    """Which bytes are not of the encoding, and how they are read instead."""
    base, other = encoding.split("+")
    shown = "; ".join(
        f"row {row}: byte 0x{byte:02x}, read as {mended(chr(0xDC00 + byte), encoding)!r}"
        for row, byte in foreign[:SHOWN]
    )
    more = f", and {len(foreign) - SHOWN:,} more" if len(foreign) > SHOWN else ""
    return f"{len(foreign):,} bytes are not {base} and are read as {other} ({shown}{more})"


def _reasons(left_out: dict[int, str]) -> str:
    """How many rows are left out for each reason, and the first of them."""
    rows = defaultdict(list)
    for row, reason in sorted(left_out.items()):
        rows[reason].append(row)
    shown = [
        f"{len(numbers):,} {reason} (row {', '.join(map(str, numbers[:SHOWN]))}"
        f"{' ...' if len(numbers) > SHOWN else ''})"
        for reason, numbers in rows.items()
    ]
    return f": {'; '.join(shown)}" if shown else ""
