"""What a table holds, in lines that every command prints which reads one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from cyborg_utils.corpus import column_roles as roles
from cyborg_utils.corpus.column_names import PARTS, SCORES, has_word, named_like
from cyborg_utils.corpus.numerals import unit_of
from cyborg_utils.corpus.table_files import row_names_note
from cyborg_utils.study.folders import shown_path
from cyborg_utils.workflow.read_table import ReadTable
from cyborg_utils.workflow.study_files import counted_levels
from cyborg_utils.workflow.table_faults import with_option


def role_lines(
    contents: ReadTable, options: Mapping[str, str], labels: Mapping[str, str] | None = None
) -> list[str]:
    """The column of each role, and the doubt that a choice has.

    Parameters
    ----------
    options : the option that names the column of a role.
    labels : names of roles, where they are not those of `options`.
    """
    lines = []
    for role, option in options.items():
        guess = contents.guesses[role]
        name = (labels or {}).get(role, role.replace("_", " "))
        if guess.column:
            lines.append(f"  {name}: column {guess.column!r}{guess.note(option)}")
        elif role == "id":
            lines.append(f"  {row_names_note(contents.ids)}")
        elif guess.why:
            lines.append(f"  {name}: none: {guess.why}")
    if writer := contents.columns.get("writer"):
        values = contents.kept[writer]
        lines.append(
            f"    {values.nunique():,} writers of {len(values):,} essays: those of one writer stay "
            "in one part where parts are drawn"
        )
    return lines


def reading_lines(contents: ReadTable, scored: Iterable[str]) -> list[str]:
    """What was done to read scores and groups: decimal commas, missing codes, levels.

    Parameters
    ----------
    scored : the columns of scores.
    """
    reading, frame, lines = contents.reading, contents.frame, []
    if reading.decimal == ",":
        lines.append("  decimal commas: 2,5 is read as 2.5; --decimal . changes it")
    scored = list(scored)
    for column in scored:
        if unit := unit_of(frame[column]):
            lines.append(f"  {column!r}: the numbers before {unit!r} are read as scores")
    counts: dict[str, Counter] = {}
    groups = set(contents.groups.values())
    for column in [*scored, *contents.groups.values()]:
        for code, n in reading.missing_codes(frame[column], column in groups).items():
            counts.setdefault(code, Counter())[column] = n
    for code, columns in counts.items():
        counted = ", ".join(f"{n:,} in {column!r}" for column, n in columns.items())
        lines.append(
            f"  missing: {code!r} means no value ({counted}); where it is a value, say so under "
            "corpus.missing in the study"
        )
    for text, number in reading.values.items():
        lines.append(f"  score value: {text!r} is read as {number:g}")
    return lines


def unused_lines(contents: ReadTable) -> list[str]:
    """The columns without a role, and which of them look like groups or further scores."""
    rest = contents.frame.drop(columns=contents.used)
    if rest.columns.empty:
        return []
    lines = [f"  not used: {roles.shown(rest)}"]
    others = {c for guess in contents.guesses.values() for c in guess.others}
    numeric = [c for c in rest if roles.is_numeric(rest[c])]
    traits = [c for c in numeric if has_word(c, PARTS)]
    ratings = [c for c in numeric if c not in traits and named_like([c], (*SCORES, "rater"))]
    for column in roles.few_levels(rest):
        if column in {*others, *traits, *ratings}:
            continue
        named = [with_option("--group", c) for c in [*contents.groups.values(), column]]
        values = contents.reading.groups(rest[column])
        lines.append(f"    groups? {' '.join(named)} ({column}: {counted_levels(values)})")
    if traits:
        lines.append(
            f"    scores of criteria? {roles.shown(traits)}: name them under corpus.columns.traits "
            "in the study"
        )
    if ratings:
        lines.append(f"    other scores, which nothing is compared with: {roles.shown(ratings)}")
    return lines


# ---------------------------------------------------------------- rows that are left out


def rows_left_out(contents: ReadTable, reasons: pd.Series) -> pd.DataFrame:
    """Every row of a file that is not used: `row, id, reason`, in the order of the file.

    Parameters
    ----------
    reasons : why a row that was read is not used; only those that are not.
    """
    rows, ids = contents.rows[reasons.index], contents.ids[reasons.index]
    frame = pd.DataFrame({"row": rows, "id": ids, "reason": reasons})
    no_essays = dict(contents.table.left_out)
    ratings = set(contents.table.row_numbers) - {*contents.rows, *no_essays}
    no_essays |= dict.fromkeys(ratings, "another rating of an essay")
    no_essays = pd.DataFrame(no_essays.items(), columns=["row", "reason"]).assign(id="")
    frame = pd.concat([frame, no_essays]).astype({"row": int})
    return frame.sort_values("row").reset_index(drop=True)


def balance_lines(used: Mapping[str, int], left_out: pd.DataFrame, file: Path) -> list[str]:
    """How many rows are used and left out, which add up to the rows in the file; those that are
    left out are written to `file`.

    Parameters
    ----------
    used : how many rows, by what they are used as.
    left_out : as `rows_left_out` returns it.
    """
    by_reason = ", ".join(
        f"{n:,} {reason}" for reason, n in left_out["reason"].value_counts().items()
    )
    parts = [*(f"{n:,} {name}" for name, n in used.items()), f"{len(left_out):,} left out"]
    lines = [
        f"rows in the file: {sum(used.values()) + len(left_out):,} = {' + '.join(parts)}"
        f"{f' ({by_reason})' if by_reason else ''}"
    ]
    if len(left_out):
        left_out.to_csv(file, index=False)
        lines.append(f"wrote {shown_path(file)}: the rows that are left out, and why")
    return lines
