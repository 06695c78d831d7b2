"""A study of scores that a table holds already: human and machine scores of the same essays."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cyborg_utils.corpus import column_roles as roles
from cyborg_utils.corpus.score_scales import score_scale
from cyborg_utils.corpus.score_values import numbers
from cyborg_utils.corpus.table_files import Table, TableError, check_columns, open_table
from cyborg_utils.study.folders import shown_path
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.columns import RESERVED
from cyborg_utils.workflow.study_files import (
    counted_levels,
    path_in_study,
    quoted,
    study_file,
    table_line,
    write_checked,
)

HUMAN = {"human", "h", "rater", "hand", "manual", "gold", "reference"}  # words in a column's name
MACHINE = {
    "machine", "m", "model", "predicted", "prediction", "pred", "automated", "automatic", "auto",
    "ai", "aes", "engine", "system", "student", "gpt", "llm", "bert", "llama", "claude", "gemini",
}  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """Columns and scale that a person names; what is empty is inferred from names and values.

    Attributes
    ----------
    machines, groups : columns of machine scores, and of groups of writers.
    scale : lowest and highest score, and the step between two.
    """

    human: str | None = None
    machines: tuple[str, ...] = ()
    second: str | None = None
    id: str | None = None
    prompt: str | None = None
    groups: tuple[str, ...] = ()
    scale: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class ScoreTable:
    """What a table of scores holds: its columns by their role, its scale.

    Attributes
    ----------
    columns : of the roles `id`, `score` and, where there are, `second_score` and `prompt`.
    machines, groups : a name for each machine or group, and its column.
    """

    table: Table
    frame: pd.DataFrame
    columns: dict[str, str]
    machines: dict[str, str]
    groups: dict[str, str]
    scale: tuple[float, float, float]


def write_evaluation(scores: Path, choices: Choices = Choices(), name: str | None = None) -> str:
    """Infer what a table of scores holds, print it, and write a study that evaluates it.

    Parameters
    ----------
    scores : a text table with one row per essay, its human score and those of machines.
    name : of the study; by default after the table.

    Returns
    -------
    the name of the study

    Raises
    ------
    ParameterError
        No study can have that name, or another one has it.
    CorpusError
        The table cannot be used as it is, or which column holds what remains in doubt; the message
        says which option decides.
    """
    name = name or re.sub(r"[^A-Za-z0-9_]+", "-", scores.name.split(".")[0]).strip("-_") or "scores"
    path = study_file(name)
    contents = read_scores(open_table(scores), choices)
    print("\n".join(summary_lines(contents)))
    text = study_yaml(contents, name)
    if path.exists():
        if path.read_text(encoding="utf-8") == text:
            return name
        raise ParameterError(
            f"{shown_path(path)} is there already and says something else: run it with `cyborg run "
            f"{name}`, remove it, or take another name with --name"
        )
    write_checked(path, text)
    print(f"wrote {shown_path(path)}")
    return name


def read_scores(table: Table, choices: Choices) -> ScoreTable:
    """Which column is what, from its name and its values; what a person chooses goes first.

    Raises
    ------
    CorpusError
        A column that is chosen is not there, or none or several look like the score that is sought.
    """
    frame, name = table.read(), table.name
    for role in ("human", "second", "id", "prompt"):
        column = getattr(choices, role)
        check_columns([column] if column else [], frame, name, f"--{role}")
    check_columns(choices.machines, frame, name, "--machine")
    check_columns(choices.groups, frame, name, "--group")
    single = [choices.human, choices.second, choices.id, choices.prompt]
    taken = {*filter(None, single), *choices.machines, *choices.groups}

    def pick(chosen: str | None, infer: Callable[[pd.DataFrame], str | None]) -> str | None:
        column = chosen or infer(frame.drop(columns=list(taken)))
        taken.update([column] if column else [])
        return column

    machines = choices.machines or (pick(None, lambda rest: _score_column(rest, "machine", name)),)
    human = pick(choices.human, lambda rest: _score_column(rest, "human", name))
    second = pick(choices.second, lambda rest: _score_column(rest, "second", name))
    ids = pick(choices.id, lambda rest: roles.id_column(rest, "", name))
    prompt = pick(choices.prompt, roles.prompt_column)
    columns = {"id": ids, "score": human, "second_score": second, "prompt": prompt}
    others = choices.groups or roles.group_columns(frame.drop(columns=list(taken)))
    groups = {roles.group_name(column): column for column in others}
    return ScoreTable(
        table,
        frame,
        {role: column for role, column in columns.items() if column},
        _machine_names(machines, {*RESERVED, *groups}),
        groups,
        choices.scale or _scale(frame, human, second, name),
    )


def _score_column(rest: pd.DataFrame, role: str, source: str) -> str | None:
    """The one column whose name and values are of that role; a second score may be missing."""
    candidates = _candidates(rest, role)
    if len(candidates) == 1 or (role == "second" and not candidates):
        return next(iter(candidates), None)
    option = f"--{role} COLUMN"
    if not candidates:
        numeric = ", ".join(repr(c) for c in rest if _is_numeric(rest[c])) or "none"
        raise TableError(
            f"{source}: no column is called like a {role} score: name it with {option}; columns of "
            f"numbers are {numeric}"
        )
    shown = f"{', '.join(map(repr, candidates[:-1]))} and {candidates[-1]!r}"
    several = "; several machines are named one by one" if role == "machine" else ""
    raise TableError(
        f"{source}: columns {shown} look like {role} scores: name the one that counts with "
        f"{option}{several}"
    )


def _candidates(rest: pd.DataFrame, role: str) -> list[str]:
    """Columns of numbers that are called like a machine's, a human or a second human score."""
    scores = set(roles.named_like(rest, roles.SCORES))
    columns = []
    for column in (c for c in rest if _is_numeric(rest[c])):
        words = set(roles.tokens(column))
        is_machine = bool(MACHINE & words)
        is_human = not is_machine and (bool(HUMAN & words) or column in scores)
        is_second = is_human and bool(roles.SECOND & words)
        if {"machine": is_machine, "human": is_human and not is_second, "second": is_second}[role]:
            columns.append(column)
    return columns


def _is_numeric(values: pd.Series) -> bool:
    filled = values.dropna()
    return len(filled) > 0 and bool(pd.to_numeric(filled, errors="coerce").notna().all())


def _machine_names(columns: tuple[str, ...], taken: set[str]) -> dict[str, str]:
    """A name of its own for each column, in small letters, digits and _."""
    names: dict[str, str] = {}
    for column in columns:
        name = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_") or "machine"
        while name in {*taken, *names}:
            name = f"machine_{name}"
        names[name] = column
    return names


def _scale(
    frame: pd.DataFrame, human: str, second: str | None, source: str
) -> tuple[float, float, float]:
    """The scale of the human scores that occur."""
    remedy = "name another column with --human"
    columns = [human, *filter(None, [second])]
    scores = pd.concat([numbers(frame[c], source, remedy) for c in columns]).rename(human)
    if scores.isna().all():
        raise TableError(f"{source}: column {human!r} is empty: {remedy}")
    return score_scale(scores, source)


def summary_lines(contents: ScoreTable) -> list[str]:
    """What was inferred, one line each."""
    frame, columns = contents.frame, contents.columns
    low, high, step = contents.scale
    labels = {"score": "human score", "second_score": "second human score"}
    n = int(frame[columns["score"]].notna().sum())
    used = {*columns.values(), *contents.machines.values(), *contents.groups.values()}
    lines = [
        f"{table_line(contents.table, frame)}, of which {n:,} have a human score",
        *(f"  {labels.get(role, role)}: column {column!r}" for role, column in columns.items()),
        *(f"  machine {name}: column {column!r}" for name, column in contents.machines.items()),
        f"  scale: {low:g} to {high:g} in steps of {step:g}; where it is another one, give "
        "--scale MIN-MAX:STEP",
    ]
    for name, column in contents.groups.items():
        lines.append(f"  group {name}: {counted_levels(frame[column])}")
    if not contents.groups:
        lines.append("  groups: none, so fairness cannot be judged; name some with --group")
    if unused := [c for c in frame if c not in used]:
        lines.append(f"  not used: {', '.join(map(repr, unused))}")
    return lines


def study_yaml(contents: ScoreTable, name: str) -> str:
    """The study's file, with a comment where a person may want something else."""
    table = contents.table
    low, high, step = contents.scale
    lines = [
        f"# Written by `cyborg evaluate`; `cyborg run {name}` runs it again, as edited here.",
        f"title: {quoted(f'Machine scores of {table.path.name}')}",
        f"about: {quoted(f'{len(contents.frame):,} essays with human and machine scores.')}",
        "",
        "corpus:",
        "  kind: predictions",
        f"  file: {quoted(path_in_study(table.path))}   # a path from the working folder",
        f"  encoding: {table.encoding or 'null'}",
        f"  separator: {quoted(table.separator)}",
        f"  quoting: {table.quoting or 'null'}",
        "  columns:",
        *(f"    {role}: {quoted(column)}" for role, column in contents.columns.items()),
        "    machines:             # name in the reports: column in the file",
        *(f"      {machine}: {quoted(column)}" for machine, column in contents.machines.items()),
        *["    groups:"] * bool(contents.groups),
        *(f"      {group}: {quoted(column)}" for group, column in contents.groups.items()),
        f"  scale: {{min: {low:g}, max: {high:g}, step: {step:g}}}",
        "",
        "# evaluation:",
        "#   smd_bound: 0.10             # of a group's standardized mean difference",
        "#   privacy: {min_cell: 10}     # essays of the smallest group that reports show",
    ]
    return "\n".join(lines) + "\n"
