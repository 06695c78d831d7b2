"""Collect the score sheets of raters: checks, agreement, adjudication, and one scored file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.hand_scoring.group_targets import DrawError
from cyborg_utils.hand_scoring.ledger import evaluation_weights, ledger_file, read_ledger
from cyborg_utils.hand_scoring.rater_agreement import (
    NotEstimated,
    agreement_of_raters,
    discrepancies,
    paired_ratings,
    severity,
)
from cyborg_utils.hand_scoring.sheets import ADJUDICATED
from cyborg_utils.study.folders import shown_path
from cyborg_utils.study.schema.corpora import Scale
from cyborg_utils.workflow.draw_essays import write_sheets
from cyborg_utils.workflow.essay_pool import EssayPool, PoolColumns, read_pool
from cyborg_utils.workflow.sheet_reading import read_sheets, scale_of_ratings
from cyborg_utils.workflow.table_faults import Faults

SOURCE = "score sheets"
SPLIT = "split"


@dataclass(frozen=True)
class CollectChoices:
    """What a person says of finished sheets.

    Attributes
    ----------
    scale : lowest and highest score, and the step between two; None: that of the scores.
    incomplete : whether essays without a score are left out.
    out : the scored file; None: `ESSAYS-scored.csv` beside the essays.
    """

    scale: tuple[float, float, float] | None = None
    incomplete: bool = False
    out: Path | None = None


def collect_files(
    sheets: list[Path],
    essays: Path,
    columns: PoolColumns,
    choices: CollectChoices,
    show: Callable[[str], None] = print,
) -> Path:
    """Check finished sheets, report the raters' agreement, and write the scored file.

    Where the two scores of an essay differ by more than one step, a sheet for a third rater is
    written too.

    Returns
    -------
    the scored file: every essay with its columns, and those of `scored_columns`

    Raises
    ------
    TableError, DrawError
        All faults of the sheets, each with file, row, column, value and remedy; nothing is then
        written.
    """
    path = ledger_file(essays)
    ledger = read_ledger(path)
    if ledger.empty:
        raise DrawError(
            f"there is no ledger of draws at {shown_path(path)}: draw essays first (cyborg draw), "
            "or name the file that they were drawn from"
        )
    faults = Faults(SOURCE)
    ratings = read_sheets(sheets, set(ledger["essay_id"]), choices.incomplete, faults)
    scale = scale_of_ratings(ratings, choices.scale, faults)
    faults.check()
    pool = read_pool(essays, columns)
    added = scored_columns(ratings, ledger)
    out = choices.out or essays.with_name(f"{essays.name.split('.')[0]}-scored.csv")
    _check_out(out, [essays, path, *sheets], pool, added, columns.score)
    show("\n".join(_summary(ratings, ledger, scale)))
    pairs = paired_ratings(ratings[~ratings["adjudicates"]])
    open_ones = discrepancies(pairs, scale.step).index.difference(
        ratings.loc[ratings["adjudicates"], "essay_id"]
    )
    if len(open_ones):
        show("\n".join(_adjudication(essays, pool, open_ones)))
    _write_scored(out, pool, added, columns.score)
    show(f"wrote {shown_path(out)}")
    return out


def scored_columns(ratings: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """What the ratings add to the rows of the essays, as text.

    Parameters
    ----------
    ratings : as `read_sheets` returns them.
    ledger : as `read_ledger` returns it.

    Returns
    -------
    DataFrame
        Index `essay_id`, of the scored essays; `score, scored_by`; where essays have two ratings,
        `score_2, scored_by_2`; where some are adjudicated, `adjudicated, adjudicated_by` and
        `resolved` (the adjudicated score, else the first); where some are for evaluation,
        `weight, probability`; where some are for training too, `split`: `test` or `train`.
    """
    first = ratings[~ratings["adjudicates"]]
    pairs = paired_ratings(first)
    names = {"score": "score", "rater": "scored_by"}
    columns = first.drop_duplicates("essay_id").set_index("essay_id")[list(names)]
    columns = columns.rename(columns=names)
    columns.update(pairs.rename(columns=names)[list(names.values())])
    if len(pairs):
        columns["score_2"], columns["scored_by_2"] = pairs["score_2"], pairs["rater_2"]
    third = ratings[ratings["adjudicates"]].set_index("essay_id")
    if len(third):
        columns["adjudicated"], columns["adjudicated_by"] = third["score"], third["rater"]
        columns["resolved"] = columns["adjudicated"].fillna(columns["score"])
    of_draws = ledger[ledger["draw"].isin(ledger["draw"][ledger["essay_id"].isin(columns.index)])]
    drawn = of_draws.set_index("essay_id").reindex(columns.index)
    if (drawn["purpose"] == "evaluation").any():
        weights = evaluation_weights(of_draws)
        columns["weight"] = weights
        columns["probability"] = drawn["probability"].where(drawn["purpose"] == "evaluation")
    if drawn["purpose"].nunique() > 1:
        columns[SPLIT] = drawn["purpose"].map({"evaluation": "test", "training": "train"})
    return columns.map(lambda v: v if isinstance(v, str) else "" if pd.isna(v) else f"{v:.10g}")


# ---------------------------------------------------------------- what is said


def _summary(ratings: pd.DataFrame, ledger: pd.DataFrame, scale: Scale) -> list[str]:
    """Counts, agreement, severity and discrepancies, one line each."""
    first = ratings[~ratings["adjudicates"]]
    n, step = first["essay_id"].nunique(), scale.step
    lines = [
        f"{len(first):,} scores of {n:,} essays by {first['rater'].nunique():,} raters; scale "
        f"{scale.min:g} to {scale.max:g} in steps of {step:g}"
    ]
    if left := len(ledger) - n:
        lines.append(f"{left:,} drawn essays have no score in these sheets")
    pairs = paired_ratings(first)
    if len(pairs) < 2:
        return [
            *lines,
            "agreement of raters: not known, since fewer than two essays have two scores",
        ]
    for row in agreement_of_raters(pairs, scale.labels).itertuples():
        qwk = (
            "not defined"
            if np.isnan(row.qwk)
            else f"{row.qwk:.3f} (standard error {row.qwk_se:.3f})"
        )
        lines.append(
            f"agreement of raters, {row.raters}: {row.n:,} essays, QWK {qwk}, exact "
            f"{row.exact:.1%}, adjacent {row.adjacent:.1%}"
        )
    try:
        for row in severity(first).itertuples():
            lines.append(
                f"severity of {row.rater}: {row.severity:+.2f} points (95 % interval "
                f"{row.low:+.2f} to {row.high:+.2f}; above 0 is lower scores than the mean rater)"
            )
    except NotEstimated as reason:
        lines.append(f"severity of raters: not estimated: {reason}")
    apart = discrepancies(pairs, step)
    solved = int(apart.index.isin(ratings.loc[ratings["adjudicates"], "essay_id"]).sum())
    lines.append(
        f"{len(apart):,} of {len(pairs):,} essays have two scores more than one step apart; "
        f"{solved:,} of them are adjudicated"
    )
    return lines


def _adjudication(essays: Path, pool: EssayPool, ids: pd.Index) -> list[str]:
    """Write the sheet for a third rater, unless there is one for these essays; what was done."""
    base = essays.with_name(f"{essays.name.split('.')[0]}-adjudication")
    k = 1
    while (sheet := Path(f"{base}{k}.csv")).exists():
        if set(pd.read_csv(sheet, dtype=str, usecols=["essay_id"])["essay_id"]) == set(ids):
            return [f"to be adjudicated: {len(ids):,} essays, in {shown_path(sheet)} already"]
        k += 1
    order = np.random.default_rng(k).permutation(ids.to_numpy(dtype=object))
    texts = pool.essays(ids)
    written = write_sheets([sheet.with_suffix("")], texts, [order], ADJUDICATED, None)
    return [
        f"to be adjudicated by a third rater: {len(ids):,} essays; collect this sheet with the "
        "others",
        *(f"wrote {shown_path(path)}" for path in written),
    ]


# ---------------------------------------------------------------- the scored file


def _check_out(
    out: Path, inputs: list[Path], pool: EssayPool, added: pd.DataFrame, score: str | None
) -> None:
    """Raise a DrawError where the scored file would take the place of another, or a column would
    be there twice."""
    if out.resolve() in [path.resolve() for path in inputs]:
        raise DrawError(f"{shown_path(out)} is read here: name another file with --out")
    taken = [c for c in added if c in pool.table.columns and c not in (score, SPLIT)]
    if taken:
        option = "name it with --score, so that its empty cells are filled, or " * (
            taken[0] == "score"
        )
        raise DrawError(
            f"{pool.table.name} has a column {taken[0]!r} already: {option}rename it there"
        )


def _write_scored(out: Path, pool: EssayPool, added: pd.DataFrame, score: str | None) -> None:
    """Write every row of the essays with what was added, in blocks, and then rename the file."""
    if SPLIT in pool.table.columns:  # the file's own parts stay
        added = added.drop(columns=SPLIT, errors="ignore")
    temporary = out.with_name(f"{out.name}.part")
    for number, rows in enumerate(pool.rows(pool.table.columns)):
        new = added.reindex(rows.index).fillna("")
        if SPLIT in new:
            new[SPLIT] = new[SPLIT].replace("", "train")
        if score:
            rows[score] = rows[score].fillna(new.pop("score"))
        rows = rows.reset_index(drop=pool.id is not None)
        rows = pd.concat([rows, new.reset_index(drop=True)], axis=1)
        rows.to_csv(temporary, index=False, mode="a" if number else "w", header=not number)
    temporary.replace(out)
