"""What a table of essays holds, in the lines that `cyborg new` prints."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from cyborg_utils.corpus import column_roles as roles
from cyborg_utils.corpus.related_essays import equal_texts
from cyborg_utils.corpus.text_screening import word_count
from cyborg_utils.reporting.narrative.corpus import anomalies_note
from cyborg_utils.study.schema.study import Evaluation, Privacy
from cyborg_utils.workflow.essay_table import OPTIONS, EssayTable
from cyborg_utils.workflow.read_table import SCORED
from cyborg_utils.workflow.study_files import MAX_LEVELS, counted_levels, table_line
from cyborg_utils.workflow.table_faults import SHOWN
from cyborg_utils.workflow.table_summary import (
    reading_lines,
    role_lines,
    rows_left_out,
    unused_lines,
)

SHORT = 20  # words of a short essay


def summary_lines(essays: EssayTable) -> list[str]:
    """What was inferred and mended, one line each; where a fault is left, what is known."""
    lines = [table_line(essays.table, essays.frame) + _scored(essays)]
    lines += [f"  {note}" for note in essays.table.notes]
    lines += role_lines(essays, OPTIONS)
    if "text" in essays.columns:
        lines.append(_length_line(essays))
    columns = essays.columns
    lines += reading_lines(essays, [columns[role] for role in SCORED if role in columns])
    lines += _score_lines(essays)
    if "text" in essays.columns:
        lines += _copy_lines(essays)
    lines += _group_lines(essays)
    if "text" in essays.columns and (odd := anomalies_note(essays.kept[essays.columns["text"]])):
        lines.append(f"  {odd[0].lower()}{odd[1:]}")
    lines += unused_lines(essays)
    if essays.scale and essays.scores.notna().all():
        lines.append(
            "All essays are scored, so none is left to score: the study hides scores from the "
            "Teacher, to show how many would have been enough; `cyborg score` scores new essays."
        )
    return lines


def _scored(essays: EssayTable) -> str:
    if "score" not in essays.columns:
        return ""
    return f", of which {int(essays.all_scores.notna().sum()):,} are scored"


def _length_line(essays: EssayTable) -> str:
    words = word_count(essays.texts)
    blank, short = int(essays.blank.sum()), int(words.between(1, SHORT - 1).sum())
    return (
        f"  length: {words.median():.0f} {words.name} in the middle, {words.max():,} at most; "
        f"{blank:,} blank, {short:,} of fewer than {SHORT} {words.name}"
    )


def _score_lines(essays: EssayTable) -> list[str]:
    """Scale and scores."""
    if essays.scale is None:
        return []
    low, high, step = essays.scale
    counts = essays.scores.value_counts().sort_index()
    lines = [
        f"  scale: {low:g} to {high:g} in steps of {step:g}, from the scores that occur; "
        "where it goes further, give --scale MIN-MAX:STEP",
        "  scores: " + ", ".join(f"{score:g}: {count:,}" for score, count in counts.items()),
    ]
    if prompt := essays.columns.get("prompt"):
        lines.append(f"  prompts: {counted_levels(essays.kept[prompt])}")
        if ranges := roles.prompt_ranges(essays.scores, essays.kept[prompt]):
            listed = ", ".join(f"{p!r} {low:g} to {high:g}" for p, (low, high) in ranges.items())
            lines.append(
                f"    the scores run over different ranges ({listed}), so a point means another "
                "quality in each: name a score with one range with --score, or make a study of "
                "each prompt's rows"
            )
    return lines


def _copy_lines(essays: EssayTable) -> list[str]:
    """Equal texts among the essays that are kept: how many, and those whose scores differ."""
    same = equal_texts(essays.kept[essays.columns["text"]])
    if same.empty:
        return []
    groups = [list(rows) for rows in same.groupby(same).groups.values()]
    lines = [
        f"  equal texts: {len(groups):,} texts stand in {len(same):,} rows; those of one text stay "
        "in one part where parts are drawn"
    ]
    if "score" not in essays.columns:
        return lines
    scores, ids = essays.scores, essays.ids
    differ = [rows for rows in groups if scores[rows].nunique() > 1]
    twins = [rows for rows in groups if scores[rows].isna().any() and scores[rows].notna().any()]
    alike = [rows for rows in groups if rows not in differ and rows not in twins]
    if differ:
        listed = (_pair(ids[rows], scores[rows]) for rows in differ[:SHOWN])
        lines.append(
            f"    {len(differ):,} of them with two different human scores, all of which are kept: "
            f"{_first(listed, len(differ))}"
        )
    if twins:
        listed = (_pair(ids[rows], scores[rows]) for rows in twins[:SHOWN])
        lines.append(
            f"    {len(twins):,} of them scored in one row and unscored in another: "
            f"{_first(listed, len(twins))}; --drop-duplicates keeps the scored one"
        )
    if alike:
        lines.append(
            f"    {len(alike):,} of them with the same score, or none: --drop-duplicates keeps one "
            "row of each"
        )
    return lines


def _pair(ids: pd.Series, scores: pd.Series) -> str:
    shown = scores.map("{:g}".format).where(scores.notna(), "no score")
    return " and ".join(f"{id!r} ({score})" for id, score in zip(ids, shown, strict=True))


def _first(listed: Iterable[str], n: int) -> str:
    return ", ".join(listed) + (f", and {n - SHOWN:,} more" if n > SHOWN else "")


def _group_lines(essays: EssayTable) -> list[str]:
    lines, scored = [], essays.scores.notna() if "score" in essays.columns else None
    for name, column in essays.groups.items():
        values = essays.reading.groups(essays.kept[column])
        lines.append(f"  group {name}: {counted_levels(values)}")
        if essays.scale and essays.has_test_set and "split" not in essays.columns:
            lines += small_on_test(values[scored], essays.sizes["test"])
    if not essays.groups:
        lines.append("  groups: none found, so fairness cannot be judged; name some with --group")
    return lines


def small_on_test(scored: pd.Series, test: int) -> list[str]:
    """A line on groups that will have too few test essays to be judged; none where all have enough.

    Parameters
    ----------
    scored : the group of each scored essay.
    test : how many of the scored essays are drawn for test.
    """
    expected = scored.fillna("(missing)").str.strip().value_counts(normalize=True) * test
    few = expected[expected < Evaluation().min_group].round().astype(int)
    if few.empty:
        return []
    shown = ", ".join(f"{level[:40]} {n:,}" for level, n in few.head(MAX_LEVELS).items())
    return [
        f"    too few of {test:,} test essays for a verdict: about {shown}; under "
        f"{Privacy().min_cell} are not shown at all, nor what would tell them: merge small "
        "categories, or score more"
    ]


# ---------------------------------------------------------------- rows that are left out


def left_out_rows(essays: EssayTable, corpus: pd.DataFrame) -> pd.DataFrame:
    """Every row of the file that the study does not read: `row, id, reason`.

    Parameters
    ----------
    corpus : as the study reads the file.
    """
    reasons = essays.left_out
    reasons += pd.Series(", scored", reasons.index).where(
        essays.all_scores[reasons.index].notna(), ""
    )
    ids = essays.ids.drop(index=reasons.index)
    apart = ids.index[~ids.isin(set(corpus["essay_id"]))]
    reasons = pd.concat(
        [reasons, pd.Series("unscored, with the text or writer of a dev or test essay", apart)]
    )
    return rows_left_out(essays, reasons)
