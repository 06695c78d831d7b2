"""Score sheets that raters have filled in: read, checked, with all faults together."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.corpus.score_scales import score_scale
from cyborg_utils.corpus.score_values import detect_decimal, not_numbers, numbers, standing_apart
from cyborg_utils.corpus.table_files import Table, TableError, row_number
from cyborg_utils.hand_scoring.sheets import ADJUDICATED, SCORE, sheet_id
from cyborg_utils.study.schema.corpora import Scale
from cyborg_utils.workflow.read_table import scale_labels
from cyborg_utils.workflow.study_files import open_with
from cyborg_utils.workflow.table_faults import Faults

SHOWN = 3  # values that a fault lists
RATINGS = ["essay_id", "rater", "score", "adjudicates", "sheet", "row"]


def read_sheets(
    paths: Iterable[Path], drawn: Collection[str], incomplete: bool, faults: Faults
) -> pd.DataFrame:
    """Read the ratings of sheets, each as CSV or as a workbook.

    A sheet with one rater code counts as that rater's whole.

    Parameters
    ----------
    drawn : ids of the essays that were drawn.
    incomplete : whether essays without a score are left out; otherwise they are a fault.
    faults : collects what is wrong, with file, row, column, value and remedy.

    Returns
    -------
    DataFrame
        One row per rating: `essay_id, rater, score` (a number), `adjudicates` (whether it decides
        between two others), `sheet, row`.
    """
    read = [_read_sheet(path, drawn, incomplete, faults) for path in paths]
    ratings = pd.concat([r for r in read if r is not None] or [pd.DataFrame(columns=RATINGS)])
    ratings = ratings.reset_index(drop=True).astype({"score": float, "adjudicates": bool})
    _check_raters(ratings, faults)
    return ratings


def _read_sheet(
    path: Path, drawn: Collection[str], incomplete: bool, faults: Faults
) -> pd.DataFrame | None:
    table = None
    with faults.collected():
        table = open_with(path, {})
    if table is None:
        return None
    rows = table.read(table.rows_in_file)  # those of one essay stay apart
    scores = [column for column in (SCORE, ADJUDICATED) if column in rows]
    lacking = [c for c in ("essay_id", "rater") if c not in rows] + [SCORE] * (not scores)
    if lacking or len(scores) > 1:
        faults.add(
            f"{table.name}: {'no column ' + repr(lacking[0]) if lacking else 'two score columns'}; "
            f"a sheet has the columns that cyborg draw wrote: restore their names"
        )
        return None
    ids = _checked_ids(table, rows["essay_id"], drawn, faults)
    codes = rows["rater"].str.strip().replace("", np.nan)
    if codes.nunique() == 1:
        codes = codes.fillna(codes.dropna().iloc[0])
    values = rows[scores[0]]
    numeric = _checked_scores(table, values, incomplete, faults)
    scored = numeric.notna()
    _add(
        faults, table, rows["rater"], codes.isna() & scored, "have a score, but no rater code",
        "write the code of who scored; in a sheet of one rater once is enough",
    )  # fmt: skip
    found = pd.DataFrame({
        "essay_id": ids, "rater": codes, "score": numeric, "adjudicates": scores[0] == ADJUDICATED,
        "sheet": table.name, "row": rows.index.map(row_number),
    })  # fmt: skip
    return found[scored & ids.notna() & codes.notna()]


def _checked_ids(
    table: Table, cells: pd.Series, drawn: Collection[str], faults: Faults
) -> pd.Series:
    """The ids of a sheet's rows; missing where a row has none, or one that was not drawn.

    A spreadsheet reads 007 in a CSV file as 7: that is 007 again where no other id is meant.
    """
    ids = cells.str.strip().map(sheet_id, na_action="ignore")
    short = pd.Series(list(drawn), [id.lstrip("0") for id in drawn])
    short = short[~short.index.duplicated(keep=False)]
    ids = ids.where(ids.isna() | ids.isin(list(drawn)), ids.map(short).fillna(ids))
    _add(
        faults, table, cells, ids.isna(), "have no id",
        "restore the id from the sheet that was written, or delete the row",
    )  # fmt: skip
    unknown = ids.notna() & ~ids.isin(list(drawn))
    _add(
        faults, table, cells, unknown, "have an id that was not drawn",
        "restore the id (a spreadsheet that opens a CSV file may turn ids into numbers or dates; "
        "the workbook keeps them), or delete the row",
    )  # fmt: skip
    return ids.mask(unknown)


def _checked_scores(table: Table, values: pd.Series, incomplete: bool, faults: Faults) -> pd.Series:
    """The scores of a sheet as numbers; missing where there is none, or what is none."""
    decimal = detect_decimal([values], ";")
    bad = not_numbers(values, None, decimal)
    _add(faults, table, values, bad, "are no numbers", "write a score of the scale")
    numeric = numbers(values.mask(bad), table.name, "", decimal=decimal).astype(float)
    empty = numeric.isna() & ~bad
    if empty.all():
        faults.add(f"{table.name}: column {values.name!r} has no score: leave the sheet out")
    elif not incomplete:
        _add(
            faults, table, values, empty, "have no score",
            "score them, or give --incomplete to collect the others",
        )  # fmt: skip
    return numeric


def _add(
    faults: Faults, table: Table, values: pd.Series, bad: pd.Series, what: str, remedy: str
) -> None:
    """Add the fault of a sheet's rows, with the first of them."""
    if not bad.any():
        return
    first = ", ".join(
        f"row {row_number(label)}" + (f" {str(value)[:40]!r}" if isinstance(value, str) else "")
        for label, value in values[bad].head(SHOWN).items()
    )
    faults.add(
        f"{table.name}: column {values.name!r}: {int(bad.sum()):,} rows {what} (first: {first}): "
        f"{remedy}"
    )


def _check_raters(ratings: pd.DataFrame, faults: Faults) -> None:
    """Faults of essays that a rater scored twice, that three scored, or that one adjudicates who
    should not."""

    def add(rows: pd.DataFrame, what: str, remedy: str) -> None:
        if len(rows):
            row = rows.iloc[0]
            faults.add(
                f"{row['sheet']}: column 'essay_id', row {row['row']}: essay {row['essay_id']!r} "
                f"{what}, as {rows['essay_id'].nunique():,} in all: {remedy}"
            )

    for is_third, rows in ratings.groupby("adjudicates"):
        twice = rows[rows.duplicated(["essay_id", "rater"])]
        add(
            twice, "is scored twice by one rater", "leave one of the sheets out (a workbook and "
            "its CSV file are one), delete the row, or correct the rater code",
        )  # fmt: skip
        rest = rows.drop(index=twice.index)
        more = rest[rest.groupby("essay_id").cumcount() >= (1 if is_third else 2)]
        remedy = "delete the others" if is_third else "leave a sheet out"
        add(more, f"has more than {'one adjudication' if is_third else 'two ratings'}", remedy)
    third = ratings[ratings["adjudicates"]]
    first = ratings[~ratings["adjudicates"]]
    known = first["essay_id"].value_counts()
    add(
        third[third["essay_id"].map(known).fillna(0) < 2], "is adjudicated without two ratings",
        "collect it together with the sheets of the two raters",
    )  # fmt: skip
    pairs = set(zip(first["essay_id"], first["rater"], strict=True))
    same = [pair in pairs for pair in zip(third["essay_id"], third["rater"], strict=True)]
    add(
        third[np.array(same, dtype=bool)], "is adjudicated by one of its two raters",
        "let a third rater decide, or correct the rater code",
    )  # fmt: skip


def scale_of_ratings(
    ratings: pd.DataFrame, scale: tuple[float, float, float] | None, faults: Faults
) -> Scale | None:
    """The scale that a person names, else that of the scores; None where they have a fault."""
    scores = ratings["score"].astype(float)
    if scale is not None:
        with faults.collected():
            labels = scale_labels(*scale)
            off = ratings[~scores.isin(labels)]
            for sheet, rows in off.groupby("sheet", sort=False):
                first = ", ".join(
                    f"row {row} {score:g}"
                    for row, score in zip(rows["row"][:SHOWN], rows["score"], strict=False)
                )
                faults.add(
                    f"{sheet}: column {SCORE!r}: {len(rows):,} scores are off the scale "
                    f"{labels[0]:g} to {labels[-1]:g} (first: {first}): correct them, or --scale"
                )
            low, high, step = scale
            return Scale(min=low, max=high, step=step)
        return None
    if scores.empty:
        return None
    if apart := standing_apart(scores):
        row = ratings[scores.isin(apart)].iloc[0]
        faults.add(
            f"{row['sheet']}: column {SCORE!r}, row {row['row']}: {row['score']:g} stands apart "
            "from the other scores: correct it, or say with --scale that it is a score"
        )
        return None
    try:
        low, high, step = score_scale(scores.rename(SCORE), "")
    except TableError:
        faults.add(
            f"the scores ({', '.join(f'{s:g}' for s in sorted(scores.unique())[:SHOWN])} ...) show "
            "no scale: give it, as in --scale 1-6"
        )
        return None
    return Scale(min=low, max=high, step=step)
