"""Score new essays with a Student: a table of any size goes through in blocks of rows.

An interrupted run continues with the next block.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.corpus.column_roles import Guess, id_guess, text_guess
from cyborg_utils.corpus.columns import column
from cyborg_utils.corpus.numerals import DECIMAL_COMMA, DECIMAL_POINT, numerals
from cyborg_utils.corpus.table_files import (
    Table,
    TableError,
    blank_ids,
    check_columns,
    row_names,
    row_names_note,
    row_number,
)
from cyborg_utils.models.linking import LinkedScorer
from cyborg_utils.models.novelty import CUT, REPEATED, UNSCORED, TrainingProfile
from cyborg_utils.models.saved_model import calibrated, load_student, student_columns
from cyborg_utils.models.scorer import Scorer
from cyborg_utils.study.storage import hash_folder, read_json, write_json
from cyborg_utils.workflow.study_files import open_with

ROWS = 1000  # that are read, scored and written together
POINTS = ("score", "linked_score")  # columns of score points, with those of traits
LOOK = 200  # rows from which the columns are inferred
EVERY = 10  # seconds between two lines about the time left
ID = "id"  # the column of ids in the scores, where the essays have none


@dataclass
class ScoringResult:
    """What became of the rows of a file, and how the file of scores is written.

    Attributes
    ----------
    essays : that were read.
    flags : how often each flag was given.
    unscored : how many essays have no score, by flag.
    left_out : rows of the file that are no essays, by reason.
    """

    encoding: str
    separator: str
    decimal: str
    essays: int = 0
    flags: Counter = field(default_factory=Counter)
    unscored: Counter = field(default_factory=Counter)
    left_out: Counter = field(default_factory=Counter)


def score_file(
    student: Path,
    data: Path,
    out: Path,
    id: str | None = None,
    text: str | None = None,
    row_ids: bool = False,
    decimal: str | None = None,
    form: Mapping[str, str | None] | None = None,
    show: Callable[[str], None] = print,
) -> ScoringResult:
    """Score the essays of a table.

    `out` gets a row an essay, in the order of `data`: its id, `continuous` on the score scale and
    `score`, a point of it; where the Student is linked to the human scores, `linked` and
    `linked_score`; and `flag`, what is unusual about it (`models.novelty.MEANING`). A blank essay,
    and one unlike the training essays, has no score. The separator and the decimal mark are those
    of `data`. Columns that nobody names are those of the Student's training essays, where `data`
    has them. Ids are written as they are, even `=1+1`, which a spreadsheet takes for a formula.

    Parameters
    ----------
    row_ids : whether essays are named by their rows, although a column could name them.
    decimal : the decimal mark of the scores, where it is not detected.
    form : `encoding`, `separator` and `quoting` of `data`, where they are not detected.

    Raises
    ------
    TableError, StudentError, ModelError
        One sentence with the remedy.
    """
    _check_new(out)
    model, profile = load_student(student)
    table = open_with(data, form or {})
    show("\n".join(table.notes))
    head = table.read(LOOK)
    named = {"id": id, "text": text}
    id, text = _columns(table, head, named, student_columns(student), row_ids, show)
    total, repeated = _count(table, id)
    made_from = [*_state(student, data), id, text, form, decimal]
    work = _Unfinished(out, made_from, _format(table, head, decimal))
    result, n_rows, start = work.result, 0, time.monotonic()
    last_shown = start
    if done_before := result.essays:
        show(f"resuming after {done_before:,} of {total:,} essays")
    for rows in table.blocks([*filter(None, [id]), text], ROWS):
        n_rows += len(rows)
        if n_rows <= done_before:
            continue
        names = rows[id] if id else row_names(table.short_name, rows.index).rename(ID)
        scored = _score(rows[text].fillna(""), model, profile, student)
        _add_flags(result, scored, _hashes(names).isin(repeated))
        work.append(pd.concat([names, scored], axis=1))
        if time.monotonic() - last_shown > EVERY:
            last_shown = time.monotonic()
            show(_progress(result.essays, done_before, total, last_shown - start))
    work.finish()
    done, seconds = result.essays - done_before, time.monotonic() - start
    show(f"{done:,} essays scored in {seconds:,.0f} s, {done / seconds:,.0f} a second")
    return result


def _state(student: Path, data: Path) -> list:
    """What changes where a Student or a file does."""
    file = data.stat()
    return [hash_folder(student), str(data.resolve()), file.st_size, file.st_mtime_ns]


def _progress(n: int, done_before: int, total: int, seconds: float) -> str:
    """How many essays are scored, and how long the others will take."""
    rate = (n - done_before) / seconds
    left = (total - n) / rate
    return f"{n:,} of {total:,} essays, {rate:,.0f} a second, {left:.0f} s left"


def _add_flags(result: ScoringResult, scored: pd.DataFrame, repeated: pd.Series) -> None:
    """Count a block of essays, and write the flags of each as one text."""
    for flags, twice in zip(scored["flag"], repeated, strict=True):
        flags += [REPEATED] * int(twice)
        result.flags.update(flags)
        result.unscored.update([flag for flag in flags if flag in UNSCORED][:1])
    result.essays += len(scored)
    scored["flag"] = scored["flag"].map("; ".join)


def _check_new(out: Path) -> None:
    if out.exists():
        raise TableError(f"{out}: is there already; remove it, or name another file")
    if not out.parent.is_dir():
        raise TableError(f"{out}: there is no folder {out.parent}; make it, or name another file")


def _columns(
    table: Table,
    head: pd.DataFrame,
    named: Mapping[str, str | None],
    of_student: dict[str, str],
    row_ids: bool,
    show: Callable[[str], None],
) -> tuple[str | None, str]:
    """The columns of ids and texts: those that are named, else those of the training essays, else
    what the first rows suggest; None without ids."""
    for role, name in named.items():
        check_columns([name] if name else [], head, table.name, f"--{role}")

    def guess(role: str, infer: Callable[[], Guess]) -> Guess:
        if named[role]:
            return Guess(named[role])
        if of_student.get(role) in head:
            return Guess(of_student[role], why="called as in the Student's training essays")
        try:
            return infer()
        except TableError as error:
            raise TableError(f"{table.name}: {error}") from None

    texts = guess("text", lambda: text_guess(head))
    ids = Guess(None) if row_ids else guess("id", lambda: id_guess(head.drop(columns=texts.column)))
    show(f"text: column {texts.column!r}{texts.note('--text')}")
    if ids.column:
        show(f"id: column {ids.column!r}{ids.note('--id')}")
    else:
        show(row_names_note(row_names(table.short_name, head.index)))
    return ids.column, texts.column


def _format(table: Table, head: pd.DataFrame, decimal: str | None) -> ScoringResult:
    """How the scores are written: as UTF-8 with the table's separator and decimal mark."""
    cells = pd.concat([numerals(head[column]) for column in head])
    comma = cells.str.fullmatch(DECIMAL_COMMA.pattern).any() and table.separator != ","
    point = cells.str.fullmatch(DECIMAL_POINT.pattern).any()
    detected = "," if comma and not point else "."
    encoding = "utf-8-sig" if table.encoding == "utf-8-sig" else "utf-8"
    left_out = Counter(reason for _, reason in table.left_out)
    return ScoringResult(encoding, table.separator or ",", decimal or detected, left_out=left_out)


def _score(
    texts: pd.Series, model: Scorer, profile: TrainingProfile, student: Path
) -> pd.DataFrame:
    """Scores of a block of essays, and the list of flags of each."""
    flags = [profile.flags(text) for text in texts]
    plain = np.array([not UNSCORED & set(found) for found in flags])
    names = ["continuous", "score", *["linked", "linked_score"] * isinstance(model, LinkedScorer)]
    columns = [column(name, trait) for trait in model.traits for name in names]
    scores = pd.DataFrame(index=texts.index, columns=columns, dtype=float)
    if plain.any():
        given = model.score(texts[plain].tolist()).set_index(texts.index[plain])
        given = calibrated(given, model.labels, student)
        points = [name for name in columns if name.startswith(POINTS)]
        scores = given[columns].round(4).astype({name: str for name in points}).reindex(texts.index)
        for i in np.flatnonzero(plain)[given["truncated"].to_numpy(dtype=bool)]:
            flags[i].append(CUT)
    return scores.assign(flag=flags)


def _count(table: Table, id: str | None) -> tuple[int, np.ndarray]:
    """How many essays there are, and the hashes of ids that more than one has: 8 bytes an essay."""
    if id is None:
        n = sum(len(rows) for rows in table.blocks(table.columns[:1], ROWS))
        return n, np.array([], dtype=np.uint64)
    hashes, blank = [], []
    for rows in table.blocks([id], ROWS):
        blank.append(rows.index[rows[id].isna()])
        hashes.append(_hashes(rows[id]))
    rows = [row_number(label) for label in np.concatenate(blank)]
    if fault := blank_ids(id, rows):
        raise TableError(f"{table.name}: {fault}")
    found, times = np.unique(np.concatenate(hashes), return_counts=True)
    return int(times.sum()), found[times > 1]


def _hashes(ids: pd.Series) -> pd.Series:
    return pd.Series(pd.util.hash_array(ids.to_numpy(dtype=object)), ids.index)


class _Unfinished:
    """The rows that are written so far, beside a note of how many: a kill loses one block."""

    def __init__(self, out: Path, made_from: list, result: ScoringResult):
        self.out, self.made_from = out, made_from
        self.rows, self.note = (
            out.with_name(f"{out.name}{end}") for end in (".part", ".part.json")
        )
        self.result, self.size = result, 0
        if self.rows.is_file() and self.note.is_file():
            note = read_json(self.note)
            if note["made_from"] == made_from:
                self.size, result.essays = note["size"], note["essays"]
                result.flags, result.unscored = Counter(note["flags"]), Counter(note["unscored"])

    def append(self, rows: pd.DataFrame) -> None:
        result = self.result
        points = [name for name in rows.columns[1:] if name.startswith(POINTS)]
        rows = rows.replace({name: {r"\.": result.decimal} for name in points}, regex=True)
        text = rows.to_csv(
            index=False, header=not self.size, sep=result.separator, decimal=result.decimal
        )
        text = text.encode("utf-8" if self.size else result.encoding)
        with open(self.rows, "r+b" if self.size else "wb") as file:
            file.truncate(self.size)
            file.seek(self.size)
            file.write(text)
        self.size += len(text)
        write_json(
            self.note,
            {
                "made_from": self.made_from, "size": self.size, "essays": result.essays,
                "flags": result.flags, "unscored": result.unscored,
            },
        )  # fmt: skip

    def finish(self) -> None:
        self.rows.replace(self.out)
        self.note.unlink()


def summary(result: ScoringResult, out: Path | str) -> str:
    """How many essays were scored, flagged and left out, in two sentences whose numbers add up."""
    separator = {"\t": "tab"}.get(result.separator, result.separator)
    flagged = ", ".join(f"{n:,} {flag}" for flag, n in result.flags.most_common())
    unscored, left_out = result.unscored.total(), result.left_out.total()
    return (
        f"rows in the file: {result.essays + left_out:,} = {result.essays - unscored:,} scored + "
        f"{unscored:,} without a score{_by_kind(result.unscored)} + {left_out:,} left out"
        f"{_by_kind(result.left_out)}\n"
        f"wrote {out} ({result.encoding}, columns separated by {separator!r}, decimal mark "
        f"{result.decimal!r}): {result.essays:,} essays; flagged: {flagged or 'none'}"
    )


def _by_kind(counts: Counter) -> str:
    listed = ", ".join(f"{n:,} {kind}" for kind, n in counts.most_common())
    return f" ({listed})" if listed else ""
