"""Score sheets: the essays that a rater scores, as CSV and as an Excel workbook.

A sheet has no machine scores and no groups, so that neither sways the rater. A text that begins
like a formula stays a text: in a workbook its cell is declared as one, in a CSV file an apostrophe
stands before it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cyborg_utils.hand_scoring.group_targets import DrawError

if TYPE_CHECKING:
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet as Worksheet

SCORE = "score"
ADJUDICATED = "adjudicated_score"  # the column of a sheet that a third rater fills in
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
LONGEST = 32_000  # characters of a workbook's cell
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
WIDTHS = {"essay_id": 16, "prompt": 24, "text": 100, "rater": 10}


def deal(n: int, raters: int, double: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Deal essays to raters, a part of them to two raters each.

    Every pair of raters shares about equally many essays.

    Parameters
    ----------
    n, raters : number of essays and of raters.
    double : proportion of the essays that two raters score, from 0 to 1.
    rng : numpy.random.Generator

    Returns
    -------
    list of ndarray of int
        For each rater the positions of the essays, in random order.

    Raises
    ------
    DrawError
        One rater cannot score essays twice, or a number is out of bounds.
    """
    if raters < 1 or not 0 <= double <= 1:
        raise DrawError("--raters must be at least 1, and --double from 0 to 1")
    if double and raters < 2:
        raise DrawError("essays are scored twice by two raters: give --raters 2 or more")
    order, hands = rng.permutation(n), [[] for _ in range(raters)]
    for position, essay in enumerate(order.tolist()):
        first = position % raters
        hands[first].append(essay)
        if position < round(double * n):
            away = 1 + (position // raters) % (raters - 1)
            hands[(first + away) % raters].append(essay)
    return [rng.permutation(np.array(hand, dtype=int)) for hand in hands]


def plain_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe stands before such a one."""
    return f"'{text}" if text.startswith(FORMULA) else text


def sheet_id(cell: str) -> str:
    """The id that `plain_text` wrote."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def write_csv_sheet(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a sheet as CSV, in UTF-8 with the mark by which Excel knows it.

    Parameters
    ----------
    path : a file that is not there yet.
    columns, rows : names, and texts.

    Raises
    ------
    FileExistsError
    """
    with path.open("x", encoding="utf-8-sig", errors="replace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([plain_text(cell) for cell in row] for row in rows)


def write_workbook_sheet(
    path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]], rubric: str | None = None
) -> None:
    """Write a sheet as an Excel workbook, with the rubric on a second worksheet.

    Every cell is text, so that ids such as 007 stay as they are; the cells of scores are general.
    A text longer than a cell may be is cut, which its end says.

    Parameters
    ----------
    path : a file that is not there yet.
    columns, rows : names, and texts.
    rubric : text of the second worksheet, one line per row.

    Raises
    ------
    FileExistsError
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment

    if path.exists():
        raise FileExistsError(f"{path}: is there already")
    book = Workbook(write_only=True)
    wrapped = Alignment(wrap_text=True, vertical="top")

    def as_cell(sheet: Worksheet, value: str, is_text: bool = True) -> WriteOnlyCell:
        cell = WriteOnlyCell(sheet, _fitting(value) or None)
        cell.alignment = wrapped
        if is_text:
            cell.number_format = "@"
            if cell.value is not None:
                cell.data_type, cell.quotePrefix = "s", value.startswith(FORMULA)
        return cell

    sheet = book.create_sheet("essays")
    sheet.freeze_panes = "A2"
    for number, column in enumerate(columns):
        sheet.column_dimensions[chr(ord("A") + number)].width = WIDTHS.get(column, 12)
    for row in [columns, *rows]:
        sheet.append([
            as_cell(sheet, value, column not in (SCORE, ADJUDICATED) or row is columns)
            for column, value in zip(columns, row, strict=True)
        ])  # fmt: skip
    if rubric is not None:
        sheet = book.create_sheet("rubric")
        sheet.column_dimensions["A"].width = WIDTHS["text"]
        for line in rubric.splitlines():
            sheet.append([as_cell(sheet, line)])
    book.save(path)


def _fitting(text: str) -> str:
    """A text as a cell of a workbook can hold it."""
    text = NOT_IN_XML.sub("", text)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} [cut here: the CSV sheet has the whole text]"
