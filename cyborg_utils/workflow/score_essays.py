"""Score new essays with a Student: a CSV of any size goes through in blocks of rows.

An interrupted run continues with the next block.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.corpus.column_roles import id_column, text_column
from cyborg_utils.corpus.table_files import (
    Table,
    TableError,
    check_columns,
    check_filled,
    open_table,
)
from cyborg_utils.models.novelty import CUT, REPEATED, UNSCORED, TrainingProfile
from cyborg_utils.models.saved_model import calibrated, load_student
from cyborg_utils.models.scorer import Scorer
from cyborg_utils.study.storage import hash_folder, read_json, write_json

ROWS = 1000  # that are read, scored and written together
LOOK = 200  # rows from which the columns are inferred
EVERY = 10  # seconds between two lines about the time left


def score_file(
    student: Path,
    data: Path,
    out: Path,
    id: str | None = None,
    text: str | None = None,
    show: Callable[[str], None] = print,
) -> Counter:
    """Score the essays of a CSV file.

    `out` gets a row an essay, in the order of `data`: its id, `continuous` on the score scale,
    `score`, a point of it, and `flag`, what is unusual about it (`models.novelty.MEANING`), several
    with a semicolon between. A blank essay, and one unlike the training essays, has no score.
    Ids are written as they are, also those that a spreadsheet takes for a formula (`=1+1`, `-1`,
    `@a`): what joins scores to essays must not change. Import the column as text there.

    Returns
    -------
    how often each flag was given; `essays`, how many there are

    Raises
    ------
    TableError, StudentError, ModelError
        One sentence with the remedy.
    """
    _check_new(out)
    model, profile = load_student(student)
    table = open_table(data)
    id, text = _columns(table, id, text)
    total, repeated = _count(table, id)
    file = data.stat()
    made_from = [hash_folder(student), str(data.resolve()), file.st_size, file.st_mtime_ns]
    work = _Unfinished(out, [*made_from, id, text])
    counts, start, last_shown = work.counts, time.monotonic(), time.monotonic()
    if done_before := counts["essays"]:
        show(f"resuming after {done_before:,} of {total:,} essays")
    for block, rows in enumerate(table.blocks([id, text], ROWS)):
        if block * ROWS < done_before:
            continue
        scored = _score(rows[text].fillna(""), model, profile, student)
        again = pd.util.hash_array(rows[id].to_numpy(dtype=object))
        scored["flag"] = [
            "; ".join([*flags, REPEATED] if twice else flags)
            for flags, twice in zip(scored["flag"], np.isin(again, repeated), strict=True)
        ]
        counts["essays"] += len(rows)
        counts.update(flag for flags in scored["flag"] for flag in flags.split("; ") if flag)
        work.append(pd.concat([rows[[id]], scored], axis=1))
        if time.monotonic() - last_shown > EVERY:
            last_shown = time.monotonic()
            rate = (counts["essays"] - done_before) / (last_shown - start)
            left = (total - counts["essays"]) / rate
            show(
                f"{counts['essays']:,} of {total:,} essays, {rate:,.0f} a second, {left:.0f} s left"
            )
    work.finish()
    done, seconds = counts["essays"] - done_before, time.monotonic() - start
    show(f"{done:,} essays scored in {seconds:,.0f} s, {done / seconds:,.0f} a second")
    return counts


def _check_new(out: Path) -> None:
    if out.exists():
        raise TableError(f"{out}: is there already; remove it, or name another file")
    if not out.parent.is_dir():
        raise TableError(f"{out}: there is no folder {out.parent}; make it, or name another file")


def _columns(table: Table, id: str | None, text: str | None) -> tuple[str, str]:
    """The columns of ids and texts: those named, else by what the first rows hold."""
    head = table.read(LOOK)
    for column, option in ((id, "--id"), (text, "--text")):
        check_columns([column] if column else [], head, table.name, option)
    text = text or text_column(head, table.name)
    return id or id_column(head, text, table.name), text


def _score(
    texts: pd.Series, model: Scorer, profile: TrainingProfile, student: Path
) -> pd.DataFrame:
    """Scores of a block of essays, and the list of flags of each."""
    flags = [profile.flags(text) for text in texts]
    plain = np.array([not UNSCORED & set(found) for found in flags])
    scores = pd.DataFrame(index=texts.index, columns=["continuous", "score"], dtype=float)
    if plain.any():
        given = model.score(texts[plain].tolist()).set_index(texts.index[plain])
        given = calibrated(given, model.labels, student)
        scores = given.drop(columns="truncated").filter(regex="^(continuous|score)")
        points = [name for name in scores if name.startswith("score")]
        scores = scores.round(4).astype({name: str for name in points}).reindex(texts.index)
        for i in np.flatnonzero(plain)[given["truncated"].to_numpy(dtype=bool)]:
            flags[i].append(CUT)
    return scores.assign(flag=flags)


def _count(table: Table, id: str) -> tuple[int, np.ndarray]:
    """How many essays there are, and the hashes of ids that more than one has: 8 bytes an essay."""
    hashes, blank = [], []
    for rows in table.blocks([id], ROWS):
        blank.append(rows.index[rows[id].isna()])
        hashes.append(pd.util.hash_array(rows[id].to_numpy(dtype=object)))
    check_filled(id, np.concatenate(blank), table.name)
    found, times = np.unique(np.concatenate(hashes), return_counts=True)
    return int(times.sum()), found[times > 1]


class _Unfinished:
    """The rows that are written so far, beside a note of how many: a kill loses one block."""

    def __init__(self, out: Path, made_from: list):
        self.out, self.made_from = out, made_from
        self.rows, self.note = (
            out.with_name(f"{out.name}{end}") for end in (".part", ".part.json")
        )
        self.counts, self.size = Counter(), 0
        if self.rows.is_file() and self.note.is_file():
            note = read_json(self.note)
            if note["made_from"] == made_from:
                self.counts, self.size = Counter(note["counts"]), note["size"]

    def append(self, rows: pd.DataFrame) -> None:
        text = rows.to_csv(index=False, header=not self.size).encode()
        with open(self.rows, "r+b" if self.size else "wb") as file:
            file.truncate(self.size)
            file.seek(self.size)
            file.write(text)
        self.size += len(text)
        note = {"made_from": self.made_from, "counts": self.counts, "size": self.size}
        write_json(self.note, note)

    def finish(self) -> None:
        self.rows.replace(self.out)
        self.note.unlink()


def summary(counts: Counter, out: Path) -> str:
    """How many essays were scored and flagged, in one sentence."""
    flagged = ", ".join(f"{n:,} {flag}" for flag, n in counts.most_common() if flag != "essays")
    return f"wrote {out}: {counts['essays']:,} essays; flagged: {flagged or 'none'}"
