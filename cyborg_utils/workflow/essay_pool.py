"""The essays of a file without their texts: what a draw needs to know, read in blocks of rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.corpus.column_roles import Guess, id_guess, prompt_guess, text_guess
from cyborg_utils.corpus.score_values import group_values, is_missing
from cyborg_utils.corpus.table_files import (
    OTHER_IDS,
    Table,
    TableError,
    blank_ids,
    check_columns,
    row_names,
    row_names_note,
    row_number,
)
from cyborg_utils.corpus.text_screening import is_blank
from cyborg_utils.workflow.study_files import open_with

ROWS = 5000  # that are read together
LOOK = 500  # rows from which the columns are inferred


@dataclass(frozen=True)
class PoolColumns:
    """Columns that a person names; what is None is inferred from names and values.

    Attributes
    ----------
    score : of human scores that some essays have already.
    row_ids : whether essays are named by their rows, although a column could name them.
    form : `encoding`, `separator` and `quoting` of the file.
    """

    id: str | None = None
    text: str | None = None
    prompt: str | None = None
    score: str | None = None
    groups: tuple[str, ...] = ()
    row_ids: bool = False
    form: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class EssayPool:
    """The essays of a file, without their texts.

    Attributes
    ----------
    id, text, prompt : the columns; None where there is none.
    ids : of the essays, in the order of the file.
    lengths : in characters.
    free : whether an essay has a text and no score yet.
    levels : the group columns, and `prompt` where there are prompts: the level of each essay.
    notes : what was inferred, one line each.
    """

    table: Table
    id: str | None
    text: str
    prompt: str | None
    ids: np.ndarray
    lengths: np.ndarray
    free: np.ndarray
    levels: pd.DataFrame
    notes: list[str]

    def rows(self, columns: Collection[str]) -> Iterator[pd.DataFrame]:
        """Some columns of all rows, in blocks; the index is the essay's id."""
        names = list(dict.fromkeys([*filter(None, [self.id]), *columns]))
        for rows in self.table.blocks(names, ROWS):
            yield rows.set_index(pd.Index(_ids(self.table, self.id, rows), name="essay_id"))

    def essays(self, ids: Collection[str]) -> pd.DataFrame:
        """Texts, and prompts where there are some, of some essays: index `essay_id`, columns
        `prompt` and `text`, in the order of the file."""
        wanted, names = set(ids), {self.text: "text"}
        if self.prompt:
            names = {self.prompt: "prompt"} | names
        found = [rows[rows.index.isin(wanted)] for rows in self.rows(names)]
        return pd.concat(found)[list(names)].rename(columns=names).fillna("")


def read_pool(path: Path, columns: PoolColumns) -> EssayPool:
    """Read what a draw needs to know of the essays of a file.

    Raises
    ------
    TableError
        One sentence with the remedy.
    """
    table = open_with(path, columns.form or {})
    head = table.read(LOOK)
    text, id, prompt, notes = _roles(table, head, columns)
    wanted = [*filter(None, [id, prompt, columns.score]), text, *columns.groups]
    ids, lengths, free, levels = [], [], [], []
    for rows in table.blocks(list(dict.fromkeys(wanted)), ROWS):
        ids.append(_ids(table, id, rows))
        texts = rows[text].fillna("")
        lengths.append(texts.str.len().to_numpy())
        is_free = ~texts.map(is_blank)
        if columns.score:
            is_free &= is_missing(rows[columns.score], None)
        free.append(is_free.to_numpy())
        of_rows = {name: group_values(rows[name]) for name in columns.groups}
        if prompt:
            of_rows["prompt"] = rows[prompt]
        levels.append(pd.DataFrame(of_rows, index=rows.index).astype("category"))
    ids = np.concatenate(ids)
    _check_unique(table, id, ids)
    merged = {name: np.concatenate([part[name].astype(object) for part in levels])
              for name in levels[0]}  # fmt: skip
    frame = pd.DataFrame(merged, index=range(len(ids))).astype("category")
    return EssayPool(
        table, id, text, prompt, ids, np.concatenate(lengths), np.concatenate(free), frame, notes
    )


def _roles(
    table: Table, head: pd.DataFrame, columns: PoolColumns
) -> tuple[str, str | None, str | None, list[str]]:
    """The columns of texts, ids and prompts, and what was inferred."""
    for role in ("id", "text", "prompt", "score"):
        name = getattr(columns, role)
        check_columns([name] if name else [], head, table.name, f"--{role}")
    check_columns(columns.groups, head, table.name, "--group")
    try:
        texts = Guess(columns.text) if columns.text else text_guess(head)
    except TableError as error:
        raise TableError(f"{table.name}: {error}") from None
    taken = [*filter(None, [texts.column, columns.score, columns.prompt]), *columns.groups]
    rest = head.drop(columns=taken)
    ids = Guess(columns.id) if columns.id or columns.row_ids else id_guess(rest)
    rest = head.drop(columns=[*taken, *filter(None, [ids.column])], errors="ignore")
    prompts = Guess(columns.prompt) if columns.prompt else prompt_guess(rest)
    notes = [*table.notes, f"text: column {texts.column!r}{texts.note('--text')}"]
    if ids.column:
        notes.append(f"id: column {ids.column!r}{ids.note('--id')}")
    else:
        notes.append(row_names_note(row_names(table.short_name, head.index)))
    if prompts.column:
        notes.append(f"prompt: column {prompts.column!r}{prompts.note('--prompt')}")
    return texts.column, ids.column, prompts.column, notes


def _ids(table: Table, id: str | None, rows: pd.DataFrame) -> np.ndarray:
    if id is None:
        return row_names(table.short_name, rows.index).to_numpy(dtype=object)
    ids = rows[id].str.strip()
    blank = [row_number(label) for label in rows.index[ids.isna() | (ids == "")]]
    if fault := blank_ids(id, blank):
        raise TableError(f"{table.name}: {fault}")
    return ids.to_numpy(dtype=object)


def _check_unique(table: Table, id: str | None, ids: np.ndarray) -> None:
    twice = pd.Series(ids)
    twice = twice[twice.duplicated()]
    if len(twice):
        raise TableError(
            f"{table.name}: column {id!r}: {len(twice):,} essays have the id of another one "
            f"(first: {twice.iloc[0]!r}): keep one row per essay, {OTHER_IDS}"
        )
