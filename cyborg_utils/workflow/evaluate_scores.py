"""A study of scores that a table holds already: human and machine scores of the same essays."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from cyborg_utils.corpus import column_roles as roles
from cyborg_utils.corpus.column_names import (
    COUNTS,
    MACHINES,
    OVERALL,
    PARTS,
    SCORES,
    SECOND,
    has_word,
    named_like,
    named_like_probability,
    tokens,
)
from cyborg_utils.corpus.column_roles import Guess
from cyborg_utils.corpus.table_files import Table, TableError, check_columns
from cyborg_utils.statistics.weighting import (
    design_effect,
    effective_n,
    inverse_probability_weights,
)
from cyborg_utils.study.folders import shown_path
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.columns import RESERVED
from cyborg_utils.workflow.read_table import SCORED, ReadTable, Roles, add_id_faults, scale_of
from cyborg_utils.workflow.score_reading import format_values, infer_reading
from cyborg_utils.workflow.study_files import (
    counted_levels,
    open_with,
    path_in_study,
    quoted,
    study_file,
    table_line,
    write_checked,
)
from cyborg_utils.workflow.table_faults import Faults, not_numbers
from cyborg_utils.workflow.table_summary import (
    balance_lines,
    reading_lines,
    role_lines,
    rows_left_out,
    unused_lines,
)

OPTIONS = {
    "id": "--id", "score": "--human", "second_score": "--second", "prompt": "--prompt",
    "probability": "--probability",
}  # fmt: skip
MACHINE = "machine"
HUMAN = {"human", "h", "rater", "hand", "manual", "gold", "reference"}  # words in a column's name


@dataclass(frozen=True)
class Choices:
    """Columns and scale that a person names; what is empty is inferred from names and values.

    Attributes
    ----------
    machines, groups : columns of machine scores, and of groups of writers.
    scale : lowest and highest score, and the step between two.
    row_ids : whether essays are named by their rows, although a column could name them.
    missing : texts that mean no value, in scores and groups.
    decimal : the decimal mark of scores.
    score_values : the number that a text stands for.
    form : `encoding`, `separator` and `quoting` of the file.
    probability : column of the probabilities with which essays were drawn.
    """

    human: str | None = None
    machines: tuple[str, ...] = ()
    second: str | None = None
    id: str | None = None
    prompt: str | None = None
    groups: tuple[str, ...] = ()
    scale: tuple[float, float, float] | None = None
    row_ids: bool = False
    missing: tuple[str, ...] = ()
    decimal: str | None = None
    score_values: dict[str, float] = field(default_factory=dict)
    form: dict[str, str | None] = field(default_factory=dict)
    probability: str | None = None


@dataclass(frozen=True)
class ScoreTable(ReadTable):
    """What a table of scores holds.

    Attributes
    ----------
    machines : a name for each machine, and its column.
    """

    machines: dict[str, str]

    @property
    def used(self) -> list[str]:
        return [*super().used, *self.machines.values()]


def write_evaluation(scores: Path, choices: Choices | None = None, name: str | None = None) -> str:
    """Infer what a table of scores holds, print it, and write a study that evaluates it.

    Parameters
    ----------
    scores : a table with one row per essay, its human score and those of machines.
    choices : what a person says of the table; by default all is inferred.
    name : of the study; by default after the table.

    Returns
    -------
    the name of the study; `NAME_left_out.csv` beside it lists the rows that are not compared

    Raises
    ------
    ParameterError
        No study can have that name, or another one has it.
    CorpusError
        The table cannot be used as it is, or which column holds what remains in doubt; the message
        lists what is to be decided, and how.
    """
    name = name or re.sub(r"[^A-Za-z0-9_]+", "-", scores.name.split(".")[0]).strip("-_") or "scores"
    path = study_file(name)
    choices = choices or Choices()
    contents, faults = read_scores(open_with(scores, choices.form), choices)
    print("\n".join(summary_lines(contents)))
    faults.check()
    text, is_new = study_yaml(contents, name), not path.exists()
    if not is_new and path.read_text(encoding="utf-8") != text:
        raise ParameterError(
            f"{shown_path(path)} is there already and says something else: run it with `cyborg run "
            f"{name}`, remove it, or take another name with --name"
        )
    if is_new:
        write_checked(path, text)
    unused = not_compared(contents)
    used = {"with human and machine scores": len(contents.frame) - len(unused)}
    file = path.with_name(f"{name}_left_out.csv")
    print("\n".join(balance_lines(used, rows_left_out(contents, unused), file)))
    if is_new:
        print(f"wrote {shown_path(path)}")
    return name


def read_scores(table: Table, choices: Choices) -> tuple[ScoreTable, Faults]:
    """Which column is what, from its name and its values; what a person chooses goes first.

    Returns
    -------
    the table as it is understood, and all faults that a person must decide
    """
    frame, faults = table.read(), Faults(table.name)
    chosen = {
        "score": choices.human, "second_score": choices.second, "id": choices.id,
        "prompt": choices.prompt, "probability": choices.probability,
    }  # fmt: skip
    with faults.collected():
        check_columns(choices.machines, frame, table.name, "--machine")
    by_role = Roles(frame, chosen, OPTIONS, (*choices.machines, *choices.groups), faults)
    machines = tuple(c for c in choices.machines if c in frame)
    if not choices.machines:
        machines = tuple(filter(None, [by_role.find(MACHINE, _machine_guess)]))
    if human := by_role.find("score", _human_guess):
        by_role.find("second_score", lambda rest: _second_guess(rest, human, frame[human]))
    by_role.find("id", lambda rest: Guess(None) if choices.row_ids else roles.id_guess(rest))
    by_role.find("prompt", roles.prompt_guess)
    groups = by_role.groups(choices.groups)
    reading = infer_reading(
        [*by_role.scored(), *(frame[c] for c in machines)],
        table.separator,
        choices.missing,
        choices.decimal,
        choices.score_values,
    )
    guesses = {role: by_role.guesses[role] for role in OPTIONS}
    names = _machine_names(machines, {*RESERVED, *groups})
    contents = ScoreTable(table, frame, guesses, groups, reading, None, names)
    for machine in machines:
        bad = reading.not_numbers(frame[machine])
        faults.add(not_numbers(frame[machine], bad, contents.rows, "--machine"))
    add_id_faults(contents, faults)
    if choices.probability in frame:
        faults.add(_wrong_probabilities(contents, choices.probability))
    scale = scale_of(contents, choices.scale, OPTIONS, faults, True) if human else None
    return replace(contents, scale=scale), faults


def not_compared(contents: ScoreTable) -> pd.Series:
    """Why a row is not compared with a machine, in a few words; only those that are not."""
    reasons = pd.Series(None, contents.frame.index, dtype=object)
    columns = {f"no score by {name}": column for name, column in contents.machines.items()}
    for reason, column in (columns | {"no human score": contents.columns["score"]}).items():
        reasons[contents.reading.numbers(contents.frame[column]).isna()] = reason
    return reasons.dropna()


def _wrong_probabilities(contents: ScoreTable, column: str) -> str | None:
    """The fault of probabilities of being drawn, of essays with a human score."""
    human = contents.columns.get("score")
    values = contents.reading.numbers(contents.frame[column])
    wrong = ~((values > 0) & (values <= 1))
    if human:
        wrong &= contents.reading.numbers(contents.frame[human]).notna()
    if not wrong.any():
        return None
    return (
        f"--probability: {int(wrong.sum()):,} rows of {column!r} (first: row "
        f"{contents.rows[wrong].iloc[0]}) are not above 0 and at most 1: name the probability with "
        "which each essay was drawn, the reciprocal of a sampling weight"
    )


def _probability_lines(contents: ScoreTable) -> list[str]:
    """How essays are weighted, or that a column looks like weights that are not used."""
    if column := contents.columns.get("probability"):
        drawn = contents.reading.numbers(contents.frame[column])
        if "score" in contents.columns:
            scores = contents.reading.numbers(contents.frame[contents.columns["score"]])
            drawn = drawn[scores.notna()]
        if not ((drawn > 0) & (drawn <= 1)).all() or drawn.empty:
            return []
        weights = inverse_probability_weights(drawn)
        return [
            f"  essays are weighted by 1 / {column!r}: design effect {design_effect(weights):.2f}, "
            f"{len(drawn):,} human-scored essays count as {effective_n(weights):,.0f}"
        ]
    rest = [c for c in contents.frame if c not in contents.used]
    if likely := [c for c in named_like_probability(rest) if c in _numeric(contents.frame[rest])]:
        return [
            f"  WARNING: column {likely[0]!r} is named like a sampling probability or weight, and "
            "is not used: all essays count the same. If people did not score a simple random "
            "sample, the results are biased: name the probabilities with --probability COLUMN "
            "(1 / weight)"
        ]
    return []


def _machine_guess(rest: pd.DataFrame) -> Guess:
    return _one_of(rest, [c for c in _numeric(rest) if has_word(c, MACHINES)], "machine")


def _human_guess(rest: pd.DataFrame) -> Guess:
    """The one column of human scores; an overall score goes before those of criteria."""
    columns = [c for c in _human_columns(rest) if not SECOND & set(tokens(c))]
    overall = [c for c in columns if has_word(c, OVERALL)]
    parts = [c for c in columns if has_word(c, PARTS)]
    best = overall or [c for c in columns if c not in parts] or columns
    guess = _one_of(rest, best, "human")
    others = tuple(c for c in columns if c != guess.column)
    return Guess(guess.column, others, roles.school_note(rest))


def _second_guess(rest: pd.DataFrame, human: str, first: pd.Series) -> Guess:
    """The one column of second human scores, which has the first one's range."""
    guess = roles.second_guess(rest, human, first, _human_columns(rest))
    return _one_of(rest, [guess.column, *guess.others], "second") if guess.others else guess


def _human_columns(rest: pd.DataFrame) -> list[str]:
    """Columns of numbers that are named like a human score."""
    return [
        c
        for c in _numeric(rest)
        if (has_word(c, HUMAN) or named_like([c], SCORES))
        and not has_word(c, MACHINES | COUNTS)
        and not roles.is_school_grade(c, rest[c])
    ]


def _numeric(rest: pd.DataFrame) -> list[str]:
    return [c for c in rest if roles.is_numeric(rest[c])]


def _one_of(rest: pd.DataFrame, columns: list[str], role: str) -> Guess:
    """The one column that is named like a role; otherwise a TableError."""
    option = f"--{role} COLUMN"
    if not columns:
        raise TableError(
            f"no column is called like a {role} score: name it with {option}; columns of numbers "
            f"are {roles.shown(_numeric(rest)) or 'none'}"
        )
    if len(columns) > 1:
        listed = f"{roles.shown(columns[:-1])} and {columns[-1]!r}"
        more = "; several machines are named one by one" if role == "machine" else ""
        raise TableError(
            f"columns {listed} look like {role} scores: name the one that counts with {option}"
            f"{more}"
        )
    return Guess(columns[0])


def _machine_names(columns: tuple[str, ...], taken: set[str]) -> dict[str, str]:
    """A name of its own for each column, in small letters, digits and _."""
    names: dict[str, str] = {}
    for column in columns:
        name = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_") or "machine"
        while name in {*taken, *names}:
            name = f"machine_{name}"
        names[name] = column
    return names


def summary_lines(contents: ScoreTable) -> list[str]:
    """What was inferred, one line each."""
    frame, columns, reading = contents.frame, contents.columns, contents.reading
    labels = {"score": "human score", "second_score": "second human score"}
    line = table_line(contents.table, frame)
    if "score" in columns:
        n = int(reading.numbers(frame[columns["score"]]).notna().sum())
        line += f", of which {n:,} have a human score"
    lines = [line, *(f"  {note}" for note in contents.table.notes)]
    lines += role_lines(contents, OPTIONS, labels)
    lines += [f"  machine {name}: column {c!r}" for name, c in contents.machines.items()]
    scored = [columns[role] for role in SCORED if role in columns]
    lines += reading_lines(contents, [*scored, *contents.machines.values()])
    if contents.scale:
        low, high, step = contents.scale
        lines.append(
            f"  scale: {low:g} to {high:g} in steps of {step:g}; where it is another one, give "
            "--scale MIN-MAX:STEP"
        )
    lines += _probability_lines(contents)
    for name, column in contents.groups.items():
        lines.append(f"  group {name}: {counted_levels(reading.groups(frame[column]))}")
    if not contents.groups:
        lines.append("  groups: none, so fairness cannot be judged; name some with --group")
    return lines + unused_lines(contents)


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
        *(f"  {key}: {value}" for key, value in format_values(table, contents.reading).items()),
        "  columns:",
        *(f"    {role}: {quoted(column)}" for role, column in contents.columns.items()),
        "    machines:             # name in the reports: column in the file",
        *(f"      {machine}: {quoted(column)}" for machine, column in contents.machines.items()),
        *["    groups:"] * bool(contents.groups),
        *(f"      {group}: {quoted(column)}" for group, column in contents.groups.items()),
        f"  scale: {{min: {low:g}, max: {high:g}, step: {step:g}}}",
        "",
        "# evaluation:",
        "#   smd_bound: 0.10             # of a subgroup's DSM, and of the SMD of all essays",
        "#   privacy: {min_cell: 10}     # essays of the smallest group that reports show",
    ]
    return "\n".join(lines) + "\n"
