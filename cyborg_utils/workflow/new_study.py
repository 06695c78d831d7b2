"""A study of one's own essays: read a table, say what it holds, write `NAME.yaml`.

Nothing is written before the new study's own reading of the file has found no fault.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.corpus.column_names import SPLIT_VALUES
from cyborg_utils.corpus.text_screening import word_count
from cyborg_utils.corpus.validation import SPLITS
from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import shown_path
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.workflow.essay_summary import left_out_rows, summary_lines
from cyborg_utils.workflow.essay_table import Choices, EssayTable, read_essay_table
from cyborg_utils.workflow.first_estimate import FEWEST, first_estimate
from cyborg_utils.workflow.score_reading import format_values
from cyborg_utils.workflow.study_files import (
    open_with,
    path_in_study,
    quoted,
    study_file,
    write_checked,
)
from cyborg_utils.workflow.table_summary import balance_lines

# ---------------------------------------------------------------- the study


def study_yaml(essays: EssayTable, name: str, title: str, about: str) -> str:
    """The study's file, with a comment where a person may want something else."""
    low, high, step = essays.scale
    n, unscored = int(essays.scores.notna().sum()), int(essays.scores.isna().sum())
    sampling = SCORED if not unscored else UNSCORED if essays.has_test_set else ALL
    sizes = essays.sizes
    return TEMPLATE.read_text(encoding="utf-8").format(
        name=name,
        title=quoted(title),
        about=quoted(about),
        file=quoted(path_in_study(essays.table.path)),
        columns=_columns_yaml(essays),
        scale=f"{{min: {low:g}, max: {high:g}, step: {step:g}}}",
        table="".join(f"  {key}: {value}\n" for key, value in _format_values(essays).items()),
        dev=sizes["dev"],
        test=TEST_SHARE.format(round(sizes["test"] / n, 4)) if essays.has_test_set else NO_TEST,
        sampling=sampling,
        evaluation=EVALUATION.format(cross_fitting=_cross_fitting(essays, n)),
        arms="human, cyborg" if unscored else "human, cyborg, full",
        window=_window(word_count(essays.kept[essays.columns["text"]].fillna(""))),
    )


def _columns_yaml(essays: EssayTable) -> str:
    """The column map."""
    lines = [f"    {role}: {quoted(column)}" for role, column in essays.columns.items()]
    if "id" not in essays.columns:
        lines.insert(0, "    id: null            # essays are named by file and row")
    if essays.groups:
        lines.append("    groups:             # name in the reports: column in the file")
        lines += [f"      {quoted(key)}: {quoted(c)}" for key, c in essays.groups.items()]
    return "\n".join(lines)


def _format_values(essays: EssayTable) -> dict[str, str]:
    """What says how the file is written, and what becomes of blank and equal essays."""
    values = format_values(essays.table, essays.reading)
    if essays.blank.any():
        values["blanks"] = essays.choices.blanks
    if essays.choices.drop_duplicates:
        values["duplicates"] = "drop"
    if "split" in essays.columns:
        named = essays.kept[essays.columns["split"]].dropna().str.strip().str.lower().unique()
        pairs = (f"{quoted(value)}: {SPLIT_VALUES[value]}" for value in named)
        values["split_values"] = f"{{{', '.join(pairs)}}}"
    return values


def _cross_fitting(essays: EssayTable, n_scored: int) -> str:
    """How the Students are evaluated: few scored essays are all used, in turns."""
    scored = essays.kept[essays.scores.notna()]
    apart = [scored[essays.columns[role]] for role in ("text", "writer") if role in essays.columns]
    folds = min(FOLDS, *(column.nunique() for column in apart)) if n_scored < LARGE else 0
    used = CROSS_FITTING.format(folds) if folds > 1 else NO_CROSS_FITTING
    return NO_TEST_SET * (not essays.has_test_set) + used


def _window(words: pd.Series) -> int:
    """Tokens that nearly all essays fit into, 512 at most, as ELECTRA reads."""
    return int(np.clip(np.ceil(words.quantile(0.95) * 1.4 / 64) * 64, 64, 512))


UNSCORED = """\
  fractions: [0.25, 0.5, 1.0]   # of the scored train essays; 1.0 is all of them, the smaller
  primary_fraction: 1.0         # ones show what more scoring by hand still brings"""
SCORED = """\
  fractions: [0.25, 0.5]        # of the train essays; the scores of the others are withheld
  primary_fraction: 0.25"""
ALL = """\
  fractions: [1.0]              # all scored train essays: without a test set it would not be
                                # known whether fewer are enough"""
TEST_SHARE = "test_share: {:<6}    # of the scored essays: the test set, for agreement and fairness"
NO_TEST = "test_share: 0         # every scored essay is for training or the dev set"
EVALUATION = """\
evaluation:
{cross_fitting}#  privacy: {{min_cell: 10}}      # essays of the smallest group that reports show"""
CROSS_FITTING = """\
  cross_fitting: {:<14} # folds: each scored essay is evaluated by models that were trained
                                # without it, and the Students to use are trained on all of them
"""
NO_CROSS_FITTING = """\
  cross_fitting: 0              # folds; with so many scored essays the test set is large enough
"""
NO_TEST_SET = """\
  has_test_set: false           # no essay is set aside for a test set
"""
LARGE = 2_000  # scored essays, from which on a test set of a third of them is large enough
FOLDS = 10
TEMPLATE = Path(__file__).parent / "new_study.yaml"  # `{name}` is filled in


# ---------------------------------------------------------------- the command


def write_study(
    name: str,
    essays: Path,
    choices: Choices | None = None,
    ask: Callable[[str, str], str] | None = None,
    estimate: bool = False,
) -> Path:
    """Infer what a table of essays holds, print it, and write a study of it.

    Rows that the study does not read are listed beside it, in `NAME_left_out.csv`.

    Parameters
    ----------
    name : of the new study.
    essays : a table with one row per essay.
    choices : what a person says of the table; by default all is inferred.
    ask : returns a person's answer to a question, or the proposed answer; by default nobody is
        asked.
    estimate : also print a first estimate of agreement where few essays are scored; seconds.

    Returns
    -------
    the study's file

    Raises
    ------
    ParameterError
        No study can have that name, or there is one already.
    CorpusError
        The table cannot be used as it is; the message lists what is to be decided, and how.
    """
    path = study_file(name)
    if path.exists():
        raise ParameterError(
            f"{shown_path(path)} is there already: take another name, or remove it"
        )
    choices = choices or Choices()
    table, faults = read_essay_table(open_with(essays, choices.form), choices)
    print("\n".join(summary_lines(table)))
    faults.check()
    n = int(table.scores.notna().sum())
    title = choices.title or f"Essays of {essays.name}"
    about = choices.about or f"{n:,} of {len(table.kept):,} essays were scored by hand."
    if ask is not None:
        title = choices.title or ask("Title of the study", title)
        about = choices.about or ask("What it is for", about)
    corpus = write_checked(path, study_yaml(table, name, title, about))
    print("\n".join(_result_lines(table, corpus)))
    n_scored = int(corpus["score"].notna().sum())
    used = {"scored": n_scored, "unscored": len(corpus) - n_scored}
    file = path.with_name(f"{name}_left_out.csv")
    print("\n".join(balance_lines(used, left_out_rows(table, corpus), file)))
    varied = corpus["score"].nunique() > 1
    if estimate and varied and FEWEST <= n_scored < LARGE and find_spec("sklearn"):
        print(first_estimate(corpus, load_study(str(path)).labels))
    print(f"wrote {shown_path(path)}; look it over, then: cyborg run {name}")
    return path


def _result_lines(table: EssayTable, corpus: pd.DataFrame) -> list[str]:
    """How many essays are in each part of the study."""
    parts = corpus.groupby("split", sort=False)["score"].count()
    lines = [
        "scored essays: "
        + ", ".join(f"{parts.get(part, 0):,} {part}" for part in SPLITS)
        + f"; {int(corpus['score'].isna().sum()):,} unscored ones are for the Teacher"
    ]
    if corpus["score"].notna().sum() < LARGE:
        lines.append("all scored essays are used for training and, in turns, for evaluation too")
    elif not table.has_test_set:
        lines.append(
            "no test set: nothing will be known of agreement with human raters, or of fairness"
        )
    return lines
