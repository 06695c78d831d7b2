"""A study of one's own essays: read a CSV, say what it holds, write `NAME.yaml`.

Nothing is written before the new study's own reading of the file has found no fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.corpus import column_roles as roles
from cyborg_utils.corpus.score_scales import score_scale
from cyborg_utils.corpus.score_values import numbers
from cyborg_utils.corpus.table_files import (
    Table,
    TableError,
    check_columns,
    check_filled,
    open_table,
)
from cyborg_utils.corpus.text_screening import word_count
from cyborg_utils.corpus.validation import SPLITS
from cyborg_utils.reporting.narrative.corpus import anomalies_note
from cyborg_utils.study.folders import shown_path
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import Evaluation, Privacy
from cyborg_utils.workflow.study_files import (
    MAX_LEVELS,
    counted_levels,
    path_in_study,
    quoted,
    study_file,
    table_line,
    write_checked,
)

SHORT = 20  # words of a short essay
LEAST = {"train": 50, "dev": 20, "test": 30}  # scored essays, below which a study says nothing
UNTESTED = {"train": 30, "dev": 20, "test": 0}  # the same for one that says nothing of agreement
TEST, DEV = (0.3, 600), (0.15, 200)  # share of the scored essays, and how many at most
NONE = (0.0, 0)


@dataclass(frozen=True)
class Choices:
    """Columns and scale that a person names; what is None is inferred from names and values.

    Attributes
    ----------
    groups : columns with groups of writers.
    scale : lowest and highest score, and the step between two.
    no_test : whether no scored essays are kept for test.
    """

    id: str | None = None
    text: str | None = None
    score: str | None = None
    second_score: str | None = None
    prompt: str | None = None
    split: str | None = None
    groups: tuple[str, ...] = ()
    scale: tuple[float, float, float] | None = None
    no_test: bool = False


@dataclass(frozen=True)
class InferredSchema:
    """What a table seems to hold: its columns by their role, its scale, its essays."""

    table: Table
    frame: pd.DataFrame
    columns: dict[str, str]  # id, text, score and, where there are, second_score, prompt, split
    groups: dict[str, str]
    scale: tuple[float, float, float]
    has_test_set: bool = True  # whether scored essays are kept for test

    @property
    def least(self) -> dict[str, int]:
        return LEAST if self.has_test_set else UNTESTED

    @property
    def scores(self) -> pd.Series:
        return scores_of(self.table, self.frame[self.columns["score"]])

    @property
    def parts(self) -> pd.Series:
        """The part that the file names for each essay; train where it names none."""
        if "split" not in self.columns:
            return pd.Series("train", self.frame.index)
        return self.frame[self.columns["split"]].str.lower().map(roles.PART_VALUES).fillna("train")

    @property
    def unused(self) -> list[str]:
        used = {*self.columns.values(), *self.groups.values()}
        return [c for c in self.frame if c not in used]

    @property
    def sizes(self) -> dict[str, int]:
        """Scored essays of each part, where they are drawn; dev comes out of those that the file
        itself does not name as of another part."""
        n = int(self.scores.notna().sum())
        mine = int(self.scores[self.parts == "train"].notna().sum())
        test, dev = (
            max(self.least[part], min(most, round(share * of)))
            for part, of, (share, most) in (
                ("test", n, TEST if self.has_test_set else NONE),
                ("dev", mine, DEV),
            )
        )
        return {"train": n - test - dev, "dev": dev, "test": test}


def infer_schema(table: Table, choices: Choices) -> InferredSchema:
    """Which column is what, from its name and its values; what a person chooses goes first."""
    frame, name = table.read(), table.name

    def named(role: str) -> str | None:
        column = getattr(choices, role)
        check_columns([column] if column else [], frame, name, f"--{role.partition('_')[0]}")
        return column

    text = named("text") or roles.text_column(frame, name)
    score = named("score") or roles.score_column(frame, text, name)
    ids = named("id") or roles.id_column(frame.drop(columns=score), text, name)
    check_filled(ids, frame.index[frame[ids].isna()], name)
    columns = {"id": ids, "text": text, "score": score}
    for role, find in (
        ("second_score", roles.second_score_column),
        ("prompt", roles.prompt_column),
        ("split", roles.split_column),
    ):
        if column := named(role) or find(frame.drop(columns=list(columns.values()))):
            columns[role] = column
    check_columns(choices.groups, frame, name, "--group")
    rest = frame.drop(columns=list(columns.values()))
    groups = {roles.group_name(c): c for c in choices.groups or roles.group_columns(rest)}
    scale = _scale(table, frame, columns, choices)
    return InferredSchema(table, frame, columns, groups, scale, not choices.no_test)


def scores_of(table: Table, values: pd.Series) -> pd.Series:
    """A column of human scores, as numbers."""
    return numbers(values, table.name, "name another column with --score")


def _scale(
    table: Table, frame: pd.DataFrame, columns: dict[str, str], choices: Choices
) -> tuple[float, float, float]:
    """The scale that a person names, else that of the scores."""
    score = columns["score"]
    human_columns = [score, *filter(None, [columns.get("second_score")])]
    scores = pd.concat([scores_of(table, frame[c]) for c in human_columns]).rename(score)
    if choices.scale:
        return choices.scale
    if scores.isna().all():
        raise TableError(
            f"{table.name}: column {score!r} is empty: no essay is scored; score at least "
            f"{sum(LEAST.values())} by hand, or name another column with --score"
        )
    return score_scale(scores, table.name)


def check_enough(schema: InferredSchema) -> None:
    """Raise a TableError where the scored essays are too few to be split, or none is left for a
    Teacher of a study without a test part."""
    n, needed = int(schema.scores.notna().sum()), sum(schema.least.values())
    name = schema.table.name
    if n < needed and "split" not in schema.columns:
        parts = ", ".join(f"{least} for {part}" for part, least in schema.least.items() if least)
        why = ", since without scored test essays neither human-machine agreement nor fairness can "
        way_out = ""
        if schema.has_test_set and n >= sum(UNTESTED.values()):
            way_out = "; or learn from all of them, and know neither: --no-test"
        raise TableError(
            f"{name}: {n} scored essays are too few: {needed} are needed "
            f"({parts}){f'{why}be known' if schema.has_test_set else ''}; score {needed - n} more "
            f"by hand, drawn at random{way_out}"
        )
    if not schema.has_test_set and n == len(schema.frame):
        raise TableError(
            f"{name}: all essays are scored, so with --no-test there is nothing for a Teacher to "
            "score and nothing to judge by; leave --no-test out"
        )
    if not schema.has_test_set and (n_test := int((schema.parts == "test").sum())):
        raise TableError(
            f"{name}: column {schema.columns['split']!r} has {n_test:,} test essays; leave "
            "--no-test out, so that they judge"
        )


# ---------------------------------------------------------------- what is printed


def summary_lines(schema: InferredSchema) -> list[str]:
    """What was inferred, one line each."""
    frame, scores, columns = schema.frame, schema.scores, schema.columns
    words = word_count(frame[columns["text"]].fillna(""))
    n, low, high, step = int(scores.notna().sum()), *schema.scale
    counts = scores.value_counts().sort_index()
    lines = [
        f"{table_line(schema.table, frame)}, of which {n:,} are scored",
        *(f"  {name.replace('_', ' ')}: column {column!r}" for name, column in columns.items()),
        f"  length: {words.median():.0f} words in the middle, {words.max():,} at most; "
        f"{int((words == 0).sum()):,} blank, {int((words.between(1, SHORT - 1)).sum()):,} of fewer "
        f"than {SHORT} words",
        f"  scale: {low:g} to {high:g} in steps of {step:g}, from the scores that occur; "
        "where it goes further, give --scale MIN-MAX:STEP",
        "  scores: " + ", ".join(f"{score:g}: {count:,}" for score, count in counts.items()),
    ]
    if "prompt" in columns:
        lines.append(f"  prompts: {counted_levels(frame[columns['prompt']])}")
    for name, column in schema.groups.items():
        lines.append(f"  group {name}: {counted_levels(frame[column])}")
        if schema.has_test_set and "split" not in columns:
            lines += small_on_test(frame.loc[scores.notna(), column], schema.sizes["test"])
    if not schema.groups:
        lines.append("  groups: none found, so fairness cannot be judged; name some with --group")
    if odd := anomalies_note(frame[columns["text"]]):
        lines.append(f"  {odd[0].lower()}{odd[1:]}")
    if schema.unused:
        lines.append(f"  not used: {', '.join(map(repr, schema.unused))}")
    if n == len(frame):
        lines.append(
            "All essays are scored, so none is left to score: the study hides scores from the "
            "Teacher, to show how many would have been enough; `cyborg score` scores new essays."
        )
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


# ---------------------------------------------------------------- the study


def study_yaml(schema: InferredSchema, name: str) -> str:
    """The study's file, with a comment where a person may want something else."""
    columns = "\n".join(f"    {key}: {quoted(column)}" for key, column in schema.columns.items())
    if schema.groups:
        columns += "\n    groups:             # name in the reports: column in the file"
        columns += "".join(f"\n      {key}: {quoted(c)}" for key, c in schema.groups.items())
    low, high, step = schema.scale
    scores, sizes = schema.scores, schema.sizes
    n, unscored = int(scores.notna().sum()), int(scores.isna().sum())
    sampling = SCORED if not unscored else UNSCORED if schema.has_test_set else ALL
    values = ""
    if "split" in schema.columns:
        values_here = schema.frame[schema.columns["split"]].dropna().str.lower().unique()
        named = ", ".join(f"{quoted(v)}: {roles.PART_VALUES[v]}" for v in values_here)
        values = f"  split_values: {{{named}}}\n"
    return TEMPLATE.read_text(encoding="utf-8").format(
        name=name,
        title=quoted(f"Essays of {schema.table.path.name}"),
        about=f"{n:,} of {len(scores):,} essays were scored by hand.",
        file=quoted(path_in_study(schema.table.path)),
        columns=columns,
        scale=f"{{min: {low:g}, max: {high:g}, step: {step:g}}}",
        table=f"  encoding: {schema.table.encoding or 'null'}\n"
        f"  separator: {quoted(schema.table.separator)}\n"
        f"  quoting: {schema.table.quoting or 'null'}\n{values}",
        dev=sizes["dev"],
        test=TEST_SHARE.format(round(sizes["test"] / n, 4)) if schema.has_test_set else NO_TEST,
        sampling=sampling,
        evaluation=EVALUATION if schema.has_test_set else NO_EVALUATION,
        arms="human, cyborg" if unscored else "human, cyborg, full",
        window=_window(word_count(schema.frame[schema.columns["text"]].fillna(""))),
    )


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
# evaluation: {privacy: {min_cell: 10}}   # essays of the smallest group that reports show"""
NO_EVALUATION = """\
evaluation:
  has_test_set: false           # no human-scored test essays: nothing is said of agreement or
                                # fairness; score some at random, and set test_share instead
#  privacy: {min_cell: 10}      # essays of the smallest group that reports show"""
TEMPLATE = Path(__file__).parent / "new_study.yaml"  # `{name}` is filled in


# ---------------------------------------------------------------- the command


def write_study(name: str, essays: Path, choices: Choices = Choices()) -> Path:
    """Infer what a table of essays holds, print it, and write a study of it.

    Parameters
    ----------
    name : of the new study.
    essays : a text table with one row per essay.

    Returns
    -------
    the study's file

    Raises
    ------
    ParameterError
        No study can have that name, or there is one already.
    CorpusError
        The table cannot be used as it is; the message says why and what to do.
    """
    path = study_file(name)
    if path.exists():
        raise ParameterError(
            f"{shown_path(path)} is there already: take another name, or remove it"
        )
    schema = infer_schema(open_table(essays), choices)
    print("\n".join(summary_lines(schema)))
    check_enough(schema)
    text = study_yaml(schema, name)
    corpus = write_checked(path, text)
    parts = corpus.groupby("split", sort=False)["score"].count()
    unscored = int(corpus["score"].isna().sum())
    print(
        "scored essays: "
        + ", ".join(f"{parts.get(part, 0):,} {part}" for part in SPLITS)
        + f"; {unscored:,} unscored ones are for the Teacher"
    )
    if not schema.has_test_set:
        print("no test set: nothing will be known of agreement with human raters, or of fairness")
    print(f"wrote {shown_path(path)}; look it over, then: cyborg run {name}")
    return path
