"""What the commands that write a study of a table share."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.table_files import Table, TableError, open_table
from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import params_folder, working_folder
from cyborg_utils.study.schema.base import ParameterError

MAX_LEVELS = 12  # values of a column that are listed
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"


def study_file(name: str) -> Path:
    """Where a study of that name is written.

    Raises
    ------
    ParameterError
        A study cannot have that name.
    """
    if not re.fullmatch(NAME, name):
        raise ParameterError(f"{name!r} names no study: use letters, digits, _, - and . only")
    return params_folder() / f"{name}.yaml"


def quoted(value: str | None) -> str:
    """A text as YAML reads it back, whatever is in it."""
    return json.dumps(value, ensure_ascii=False)


def path_in_study(path: Path) -> str:
    """A path as a study names it: from the working folder, where it lies there or next to it."""
    path, home = path.resolve(), working_folder()
    return os.path.relpath(path, home) if path.is_relative_to(home.parent) else str(path)


def open_with(path: Path, form: Mapping[str, str | None]) -> Table:
    """Open a table; its faults and notes speak of options, not of a study's keys.

    Parameters
    ----------
    form : `encoding`, `separator` and `quoting` of its file, where a person names them.
    """
    try:
        table = open_table(path, **form)
    except TableError as error:
        raise TableError(_as_options(str(error))) from None
    table.notes[:] = map(_as_options, table.notes)
    return table


def _as_options(message: str) -> str:
    """A message with the options in place of the keys of a study that mean the same."""
    keys = r"(?:set )?corpus\.(encoding|separator|quoting)"
    message = re.sub(rf"{keys}(?: to|:) ([\w-]+)", r"give --\1 \2", message)
    return re.sub(keys, r"--\1", message)


def write_checked(path: Path, text: str) -> pd.DataFrame:
    """Write a study's file, once its corpus has been read without a fault; the corpus."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        trial.write_text(text, encoding="utf-8")
        corpus = load_corpus(load_study(str(trial)))
    path.write_text(text, encoding="utf-8")
    return corpus


def table_line(table: Table, frame: pd.DataFrame) -> str:
    """A table in a few words: its name, its rows, how its file is written."""
    separator = {"\t": "tab"}.get(table.separator, table.separator)
    how = f" ({table.encoding}, columns separated by {separator!r})" if separator else ""
    return f"{table.path.name}: {len(frame):,} essays{how}"


def counted_levels(values: pd.Series) -> str:
    """The most frequent values of a column, with how often each occurs."""
    counts = values.fillna("(missing)").str.strip().value_counts()
    shown = ", ".join(f"{level[:40]} {count:,}" for level, count in counts.head(MAX_LEVELS).items())
    more = len(counts) - MAX_LEVELS
    return shown + (f", and {more} more" if more > 0 else "")
