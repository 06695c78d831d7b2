"""Excel workbooks, JSON and Parquet as rows of text, like those of delimited text.

Numbers become text as they are shown: a whole number has no decimal point, an empty cell is "".
"""

from __future__ import annotations

import datetime
import io
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile

from cyborg_utils.corpus.encodings import FileFault, foreign_bytes, mended, open_text

JSON_START = re.compile(r'\s*(\{\s*"|\[\s*\{)')
SHOWN = 4  # sheets that a note names


def workbook_records(path: Path) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """Numbers and cells of a workbook's first sheet that has a table, and what to say of the rest.

    Raises
    ------
    FileFault
        The file is no workbook, or a formula has no value in it.
    """
    from openpyxl import load_workbook

    content = path.read_bytes()  # the library refuses a file by its ending
    try:
        values = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        formulas = load_workbook(io.BytesIO(content), read_only=True)
    except (BadZipFile, KeyError, ValueError, OSError) as error:
        raise FileFault(f"not readable as an Excel workbook ({error}): save it again") from None
    tables = {
        sheet.title: sheet_rows
        for sheet in values.worksheets
        if (sheet_rows := _sheet_rows(sheet, formulas[sheet.title]))
    }
    values.close()
    formulas.close()
    if not tables:
        raise FileFault("no sheet of the workbook has a table: name its columns in a first row")
    first, *others = tables
    notes = [f"sheet {first!r} of the workbook"]
    if others:
        notes[0] += f"; {', '.join(map(repr, others[:SHOWN]))} not read"
    return tables[first], notes


def _sheet_rows(sheet, formulas) -> list[tuple[int, list[str]]]:
    """The rows of a sheet, empty ones below the last text left off; none where it has no table."""
    rows = []
    pairs = zip(sheet.iter_rows(), formulas.iter_rows(), strict=True)
    for row, (cells, sources) in enumerate(pairs, start=1):
        for cell, source in zip(cells, sources, strict=True):
            if cell.value is None and source.data_type == "f":
                raise FileFault(
                    f"sheet {sheet.title!r}, cell {source.coordinate}: the formula has no value in "
                    "the file: open it in Excel, save it, and try again, or save it as CSV"
                )
        rows.append((row, [_text(cell.value) for cell in cells]))
    while rows and not any(rows[-1][1]):
        rows.pop()
    width = max((len(cells) for _, cells in rows), default=0)
    rows = [(row, cells + [""] * (width - len(cells))) for row, cells in rows]
    return rows if sum(sum(map(bool, cells)) > 1 for _, cells in rows) > 1 else []


def is_json(path: Path, encoding: str) -> bool:
    """Whether a text begins as JSON objects do, one per line or in a list."""
    with open_text(path, encoding) as text:
        return JSON_START.match(text.read(4096).removeprefix("\ufeff")) is not None


def json_records(path: Path, encoding: str) -> list[tuple[int, list[str]]]:
    """Numbers and cells of JSON objects: one per line, or a list of them.

    The keys of all objects are the columns; those of an object within are joined by a point, as
    `scores.overall`. The first object is row 2, as if the keys were row 1.

    Raises
    ------
    FileFault
        A line is no object, the file is not a list of objects, or a byte is not of the encoding.
    """
    with open_text(path, encoding) as file:
        text = file.read().removeprefix("\ufeff")
    if "+" not in encoding and (foreign := foreign_bytes(text)):
        raise FileFault(
            f"byte 0x{foreign[0]:02x} is not {encoding}: declare the file's encoding "
            "(corpus.encoding), or save the file as UTF-8"
        )
    objects = _objects(mended(text, encoding))
    rows = [dict(_flat(item)) for item in objects]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[row.get(column, "") for column in columns] for row in rows]
    return list(enumerate([columns, *cells], start=1))


def _objects(text: str) -> list[dict]:
    try:
        values = json.loads(text)
    except ValueError as error:
        lines = [line for line in re.split(r"\r\n|\n|\r", text) if line.strip()]
        if not _is_object(lines[0]):
            raise FileFault(f"broken JSON ({error}): save it again, or as CSV, UTF-8") from None
        for number, line in enumerate(lines, start=1):
            if not _is_object(line):
                raise FileFault(
                    f"line {number} is no JSON object: write one on each line"
                ) from None
        return [json.loads(line) for line in lines]
    if isinstance(values, dict):
        inner = list(values.values())
        values = inner[0] if len(inner) == 1 and isinstance(inner[0], list) else [values]
    if not all(isinstance(value, dict) for value in values):
        raise FileFault("JSON, but no list of objects, one per essay: save it as JSON lines or CSV")
    return values


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _flat(item: dict, prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in item.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, _text(value)


def parquet_records(path: Path) -> list[tuple[int, list[str]]]:
    """Numbers and cells of a Parquet file; its column names are row 1."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    columns = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    rows = [list(cells) for cells in zip(*columns, strict=True)]
    return list(enumerate([table.column_names, *rows], start=1))


def _text(value: object) -> str:
    """A value as text; a list of texts is printed as Python prints it, other lists as JSON."""
    match value:
        case None:
            return ""
        case str():
            return value
        case float() if math.isnan(value):
            return ""
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case list() if value and all(isinstance(item, str) for item in value):
            return str(value)
        case list() | dict():
            return json.dumps(value, ensure_ascii=False)
    return str(value)
