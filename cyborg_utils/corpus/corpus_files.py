"""The files of a corpus, and their columns under the names of a study."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cyborg_utils.corpus.columns import NO_PROMPT
from cyborg_utils.corpus.encodings import WESTERN
from cyborg_utils.corpus.numerals import unit_of
from cyborg_utils.corpus.score_values import detect_decimal, group_values, numbers
from cyborg_utils.corpus.table_files import check_columns, check_file, open_table, row_names
from cyborg_utils.study.folders import working_folder
from cyborg_utils.study.schema.columns import ScoreColumns
from cyborg_utils.study.schema.corpora import (
    Asap1Corpus,
    EssayFiles,
    PredictionsCorpus,
    remedy_for_missing,
)
from cyborg_utils.study.schema.tables import ScoreValues


@dataclass(frozen=True)
class Source:
    """A file, or a split of a dataset.

    Attributes
    ----------
    name, short_name : in errors, and in notes and the ids of essays that have none.
    separator : what splits the fields of a file of delimited text.
    """

    name: str
    short_name: str
    rows: pd.DataFrame
    separator: str | None = None


def read_file(
    name: str, key: str, spec: EssayFiles | PredictionsCorpus, notes: list[str]
) -> Source:
    """A file; `key` is its key in the study's YAML."""
    path = working_folder() / name
    check_file(path, remedy_for_missing(spec, key))
    table = open_table(
        path,
        encoding=spec.encoding,
        separator=spec.separator,
        quoting=spec.quoting,
        legacy=WESTERN if isinstance(spec, Asap1Corpus) else None,
        columns=mapped_columns(spec.columns).values(),
    )
    rows = table.read()
    notes += [f"{path.name}: {note}" for note in table.notes]
    return Source(table.name, table.short_name, rows, table.separator)


def mapped_columns(columns: ScoreColumns) -> dict[str, str]:
    """Each column of a corpus in a column map, and the file's column for it."""
    single = {
        "essay_id": columns.id,
        "text": getattr(columns, "text", None),
        "score": columns.score,
        "score_2": columns.second_score,
        "criterion": columns.criterion,
        "probability": getattr(columns, "probability", None),
        "prompt": columns.prompt,
        "split": getattr(columns, "split", None),
        "writer": getattr(columns, "writer", None),
    }
    single = {name: column for name, column in single.items() if column}
    several = columns.groups | getattr(columns, "traits", {}) | getattr(columns, "machines", {})
    return single | several


def mapped(
    source: Source, spec: ScoreValues, columns: ScoreColumns, notes: list[str]
) -> pd.DataFrame:
    """The columns of a file or dataset under the study's names."""
    raw, mapping = source.rows, mapped_columns(columns)
    check_columns(mapping.values(), raw, source.name, "corpus.columns")
    frame = pd.DataFrame({name: raw[column] for name, column in mapping.items()})
    more = getattr(columns, "traits", {}) | getattr(columns, "machines", {})
    scores = [name for name in mapping if name in ("score", "score_2", *more)]
    decimal = spec.decimal or detect_decimal([raw[mapping[n]] for n in scores], source.separator)
    if decimal == "," and not spec.decimal:
        notes.append(f"{source.short_name}: decimal commas in the scores; ';' splits the fields")
    of_no_scale = {"criterion", "probability"}
    for name in [*scores, *sorted(of_no_scale & set(mapping))]:
        column = raw[mapping[name]]
        frame[name] = numbers(
            column,
            source.name,
            "correct corpus.columns",
            missing=spec.missing,
            decimal=decimal,
            score_values={} if name in of_no_scale else spec.score_values,
        )
        notes += _codes_note(column, frame[name], source.short_name)
        if unit := unit_of(column):
            notes.append(f"{source.short_name}: column {column.name!r}: numbers before {unit!r}")
    if "essay_id" not in frame:
        frame.insert(0, "essay_id", row_names(source.short_name, raw.index))
        notes.append(f"{source.short_name}: no column of ids; an essay is named by its row")
    for name in {"essay_id", "text", "writer"} & set(frame):
        frame[name] = frame[name].astype("string").astype(object)
    for name, column in columns.groups.items():
        frame[name] = group_values(frame[name], spec.missing)
        notes += _codes_note(raw[column], frame[name], source.short_name, counted=False)
    frame["prompt"] = frame["prompt"].fillna("(missing)") if "prompt" in frame else NO_PROMPT
    return frame


def _codes_note(raw: pd.Series, read: pd.Series, source: str, counted: bool = True) -> list[str]:
    """A note on the texts of a column that are read as missing.

    Those of a group are not `counted`: a report may show the note, and no count of few examinees.
    """
    codes = raw[raw.notna() & read.isna()].astype(str).str.strip().value_counts()
    codes = codes[codes.index != ""]
    if codes.empty:
        return []
    shown = ", ".join(f"{n:,} {code!r}" if counted else repr(code) for code, n in codes.items())
    return [f"{source}: column {raw.name!r}: read as missing: {shown}"]
