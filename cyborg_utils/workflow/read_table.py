"""What every table of scores has: ids, columns by their role, a scale; and the faults of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from pydantic import ValidationError

from cyborg_utils.corpus import column_roles as roles
from cyborg_utils.corpus.column_roles import Guess
from cyborg_utils.corpus.score_scales import score_scale
from cyborg_utils.corpus.score_values import standing_apart
from cyborg_utils.corpus.table_files import (
    OTHER_IDS,
    Table,
    TableError,
    blank_ids,
    check_columns,
    row_names,
    row_number,
)
from cyborg_utils.study.schema.corpora import Scale
from cyborg_utils.workflow.score_reading import ScoreReading
from cyborg_utils.workflow.table_faults import Faults, far_off, not_numbers, off_scale

SCORED = ("score", "second_score")


@dataclass(frozen=True)
class ReadTable:
    """What a table seems to hold.

    Attributes
    ----------
    frame : its rows as texts.
    guesses : a column for each role; `column` is None where there is none.
    groups : a name for each group, and its column.
    scale : lowest and highest score and step; None as long as it is not known.
    """

    table: Table
    frame: pd.DataFrame
    guesses: Mapping[str, Guess]
    groups: dict[str, str]
    reading: ScoreReading
    scale: tuple[float, float, float] | None

    @property
    def columns(self) -> dict[str, str]:
        """The column of each role that one has."""
        return {role: guess.column for role, guess in self.guesses.items() if guess.column}

    @property
    def used(self) -> list[str]:
        """The columns that have a role."""
        return [*self.columns.values(), *self.groups.values()]

    @property
    def rows(self) -> pd.Series:
        """The number of each row in the file, where the column names are row 1."""
        return pd.Series(self.frame.index.map(row_number), self.frame.index)

    @property
    def ids(self) -> pd.Series:
        """The id of each row: that of the file, else one made from its number."""
        if column := self.columns.get("id"):
            return self.frame[column]
        return row_names(self.table.short_name, self.frame.index)

    @cached_property
    def kept(self) -> pd.DataFrame:
        """The rows that a study reads."""
        return self.frame


class Roles:
    """Finds the column of each role, one after another; no column has two.

    Attributes
    ----------
    guesses : a column for each role that has been sought.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        chosen: Mapping[str, str | None],
        options: Mapping[str, str],
        others: Iterable[str],
        faults: Faults,
    ):
        """`chosen` are the columns that a person names for roles, `options` the options for it,
        `others` the columns that a person names for something else."""
        self.frame, self.faults = frame, faults
        self.guesses = {role: Guess(None) for role in options}
        self.taken = {*filter(None, chosen.values()), *others}
        self.chosen = dict(chosen)
        for role, column in chosen.items():
            if column:
                with faults.collected():
                    check_columns([column], frame, faults.source, options[role])
                    self.guesses[role] = Guess(column)

    @property
    def rest(self) -> pd.DataFrame:
        """The columns without a role."""
        return self.frame[[c for c in self.frame if c not in self.taken]]

    def find(self, role: str, infer: Callable[[pd.DataFrame], Guess]) -> str | None:
        """The column that a person names for a role, else the one that `infer` finds among those
        without one; None without one, with the fault of it where there is one."""
        if not self.chosen.get(role):
            self.guesses[role] = Guess(None)
            with self.faults.collected():
                self.guesses[role] = infer(self.rest)
        column = self.guesses[role].column
        self.taken.update([column] if column else [])
        return column

    def groups(self, named: tuple[str, ...]) -> dict[str, str]:
        """A name for each group, and its column: those that a person names, else those among the
        columns without a role that look like groups."""
        with self.faults.collected():
            check_columns(named, self.frame, self.faults.source, "--group")
        columns = [c for c in named if c in self.frame] or roles.group_columns(self.rest)
        return roles.group_names(columns)

    def scored(self) -> list[pd.Series]:
        """The columns of human scores."""
        columns = (self.guesses[role].column for role in SCORED)
        return [self.frame[column] for column in columns if column]


def add_id_faults(essays: ReadTable, faults: Faults) -> None:
    """Faults of the ids in the file: none may be blank, and no two alike."""
    column = essays.columns.get("id")
    if column is None:
        return
    kept, rows = essays.kept, essays.rows
    ids = kept[column].str.strip()
    blank = ids.isna() | (ids == "")
    faults.add(blank_ids(column, rows[blank.index[blank]].tolist()))
    twice = ids[ids.duplicated(keep=False) & ~blank]
    if len(twice):
        first = rows[twice.index[twice == twice.iloc[0]]]
        faults.add(
            f"{len(twice):,} rows share their id with another row (first: {twice.iloc[0]!r}, rows "
            f"{' and '.join(map(str, first[:2]))}): keep one row per essay, {OTHER_IDS}"
        )


def scale_of(
    essays: ReadTable,
    scale: tuple[float, float, float] | None,
    options: Mapping[str, str],
    faults: Faults,
    between_points: bool = False,
) -> tuple[float, float, float] | None:
    """The scale that a person names, else that of the scores; None where they have a fault.

    Parameters
    ----------
    options : the option that names the column of a role.
    between_points : whether scores may lie between the points, as means do.
    """
    name, columns = essays.table.name, essays.columns
    read, n_faults = {}, len(faults.messages)
    for role in (role for role in SCORED if role in columns):
        values = essays.frame[columns[role]]
        bad = essays.reading.not_numbers(values)
        faults.add(not_numbers(values, bad, essays.rows, options[role]))
        read[role] = essays.reading.numbers(values).rename(values.name)
        if not scale and (apart := standing_apart(read[role])):
            faults.add(far_off(read[role], apart, _whole_scale(read[role])))
    if len(read) > 1 and not roles.same_range(*read.values()):
        faults.add(
            f"--second: {roles.with_range(columns['second_score'], read['second_score'])} has "
            f"another range than {roles.with_range(columns['score'], read['score'])}: name a "
            "second rater's scores of the same scale, or leave --second out"
        )
    if scale:
        for scores in read.values():
            with faults.collected():
                faults.add(off_scale(scores, scale_labels(*scale), essays.rows, between_points))
        return scale
    scores = pd.concat(read.values()).rename(columns["score"])
    if scores.isna().all():
        if len(faults.messages) == n_faults:
            faults.add(
                f"column {columns['score']!r} is empty: no essay is scored; score at least "
                f"100 by hand, or name another column with {options['score']}"
            )
        return None
    if len(faults.messages) > n_faults:
        return None
    with faults.collected():
        return score_scale(scores, name, between_points)
    return None


def scale_labels(low: float, high: float, step: float) -> list[float]:
    """The points of a scale that a person names."""
    try:
        return Scale(min=low, max=high, step=step).labels
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise TableError(f"--scale: {fault}") from None


def _whole_scale(scores: pd.Series) -> str:
    """The scale of all scores, as `--scale` takes it."""
    try:
        low, high, step = score_scale(scores, "")
    except TableError:
        return "MIN-MAX:STEP"
    return f"{low:g}-{high:g}" + (f":{step:g}" if step != 1 else "")
