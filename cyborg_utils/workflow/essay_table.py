"""A table of essays: which column holds what, what is mended, what a person must decide."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd

from cyborg_utils.corpus import column_roles as roles
from cyborg_utils.corpus.column_names import SPLIT_VALUES
from cyborg_utils.corpus.column_roles import Guess
from cyborg_utils.corpus.related_essays import surplus_copies
from cyborg_utils.corpus.table_files import Table
from cyborg_utils.corpus.text_screening import is_blank
from cyborg_utils.workflow.read_table import ReadTable, Roles, add_id_faults, scale_of
from cyborg_utils.workflow.score_reading import infer_reading
from cyborg_utils.workflow.table_faults import Faults

LEAST = {"train": 50, "dev": 20, "test": 30}  # scored essays, below which a study says nothing
UNTESTED = {"train": 30, "dev": 20, "test": 0}  # the same for one that says nothing of agreement
TEST, DEV = (0.3, 600), (0.15, 200)  # share of the scored essays, and how many at most
NONE = (0.0, 0)
OPTIONS = {
    "id": "--id", "text": "--text", "score": "--score", "second_score": "--second",
    "prompt": "--prompt", "split": "--split", "writer": "--writer",
}  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """What a person says of a table; what is None or empty is inferred from names and values.

    Attributes
    ----------
    row_ids : whether essays are named by their rows, although a column could name them.
    groups : columns with groups of writers.
    scale : lowest and highest score, and the step between two.
    missing : texts that mean no value, in scores and groups.
    decimal : the decimal mark of scores.
    score_values : the number that a text stands for.
    form : `encoding`, `separator` and `quoting` of the file.
    blanks : `drop`, `lowest` or `refuse`: what becomes of essays without a text.
    drop_duplicates : whether copies of an essay are left out.
    no_test : whether no scored essays are kept for test.
    title, about : of the study.
    """

    id: str | None = None
    text: str | None = None
    score: str | None = None
    second_score: str | None = None
    prompt: str | None = None
    split: str | None = None
    writer: str | None = None
    row_ids: bool = False
    groups: tuple[str, ...] = ()
    scale: tuple[float, float, float] | None = None
    missing: tuple[str, ...] = ()
    decimal: str | None = None
    score_values: dict[str, float] = field(default_factory=dict)
    form: dict[str, str | None] = field(default_factory=dict)
    blanks: str = "drop"
    drop_duplicates: bool = False
    no_test: bool = False
    title: str | None = None
    about: str | None = None


@dataclass(frozen=True)
class EssayTable(ReadTable):
    """What a table of essays seems to hold, and what a person says of it."""

    choices: Choices

    @property
    def has_test_set(self) -> bool:
        return not self.choices.no_test

    @property
    def least(self) -> dict[str, int]:
        return LEAST if self.has_test_set else UNTESTED

    @property
    def texts(self) -> pd.Series:
        return self.frame[self.columns["text"]].fillna("")

    @cached_property
    def blank(self) -> pd.Series:
        """Whether the text of each row is blank."""
        return self.texts.map(is_blank)

    @cached_property
    def all_scores(self) -> pd.Series:
        """The score of every row."""
        return self.reading.numbers(self.frame[self.columns["score"]])

    @cached_property
    def left_out(self) -> pd.Series:
        """Why a row is left out, in a word; only those that are."""
        reasons = pd.Series(None, self.frame.index, dtype=object)
        if "text" in self.columns:
            if self.choices.drop_duplicates and "score" in self.columns:
                reasons[surplus_copies(self.texts, self.all_scores)] = "copy of another essay"
            if self.choices.blanks == "drop":
                reasons[self.blank] = "blank text"
        return reasons.dropna()

    @cached_property
    def kept(self) -> pd.DataFrame:
        """The rows that the study reads."""
        return self.frame.drop(index=self.left_out.index)

    @cached_property
    def scores(self) -> pd.Series:
        """The scores of the rows that the study reads."""
        scores = self.all_scores.drop(index=self.left_out.index)
        if self.choices.blanks == "lowest" and self.scale and "text" in self.columns:
            scores[self.blank[scores.index]] = self.scale[0]
        return scores

    @cached_property
    def parts(self) -> pd.Series:
        """The part that the file names for each essay; train where it names none."""
        if "split" not in self.columns:
            return pd.Series("train", self.kept.index)
        named = self.kept[self.columns["split"]].str.strip().str.lower()
        return named.map(SPLIT_VALUES).fillna("train")

    @property
    def sizes(self) -> dict[str, int]:
        """Scored essays of each part, where they are drawn; dev comes out of those that the file
        itself does not name as of another part."""
        n = int(self.scores.notna().sum())
        of_train = int(self.scores[self.parts == "train"].notna().sum())
        test, dev = (
            max(self.least[part], min(most, round(share * of)))
            for part, of, (share, most) in (
                ("test", n, TEST if self.has_test_set else NONE),
                ("dev", of_train, DEV),
            )
        )
        return {"train": n - test - dev, "dev": dev, "test": test}


def read_essay_table(table: Table, choices: Choices) -> tuple[EssayTable, Faults]:
    """Which column is what, from its name and its values; what a person chooses goes first.

    Returns
    -------
    the table as it is understood, and all faults that a person must decide
    """
    frame, faults = table.read(), Faults(table.name)
    chosen = {role: getattr(choices, role) for role in OPTIONS}
    by_role = Roles(frame, chosen, OPTIONS, choices.groups, faults)
    by_role.find("text", roles.text_guess)
    prompt = by_role.find("prompt", roles.prompt_guess)
    prompts = frame[prompt] if prompt else None
    if score := by_role.find("score", lambda rest: roles.score_guess(rest, prompts)):
        by_role.find("second_score", lambda rest: roles.second_guess(rest, score, frame[score]))
    by_role.find("id", lambda rest: Guess(None) if choices.row_ids else roles.id_guess(rest))
    by_role.find("split", roles.split_guess)
    by_role.find("writer", roles.writer_guess)
    groups = by_role.groups(choices.groups)
    reading = infer_reading(
        by_role.scored(), table.separator, choices.missing, choices.decimal, choices.score_values
    )
    essays = EssayTable(table, frame, by_role.guesses, groups, reading, None, choices)
    add_id_faults(essays, faults)
    if "score" in essays.columns:
        scale = scale_of(essays, choices.scale, OPTIONS, faults)
        essays = replace(essays, scale=scale)
    if "text" in essays.columns and choices.blanks == "refuse":
        blank = essays.ids[essays.blank]
        if len(blank):
            faults.add(
                f"{len(blank):,} essays have no text (first: {', '.join(map(repr, blank[:3]))}): "
                "--blanks drop leaves them out, --blanks lowest gives them the lowest score"
            )
    if essays.scale is not None and "text" in essays.columns:
        _add_size_faults(essays, faults)
    return essays, faults


def _add_size_faults(essays: EssayTable, faults: Faults) -> None:
    """Faults where the scored essays are too few to be split, or none is left for a Teacher of a
    study without a test part."""
    n, needed = int(essays.scores.notna().sum()), sum(essays.least.values())
    if n < needed and "split" not in essays.columns:
        parts = ", ".join(f"{least} for {part}" for part, least in essays.least.items() if least)
        why = ", since without scored test essays neither human-machine agreement nor fairness can "
        way_out = ""
        if essays.has_test_set and n >= sum(UNTESTED.values()):
            way_out = "; or learn from all of them, and know neither: --no-test"
        faults.add(
            f"{n} scored essays are too few: {needed} are needed "
            f"({parts}){f'{why}be known' if essays.has_test_set else ''}; score {needed - n} more "
            f"by hand, drawn at random{way_out}"
        )
    if not essays.has_test_set and n == len(essays.kept):
        faults.add(
            "all essays are scored, so with --no-test there is nothing for a Teacher to "
            "score and nothing to judge by; leave --no-test out"
        )
    if not essays.has_test_set and (n_test := int((essays.parts == "test").sum())):
        faults.add(
            f"column {essays.columns['split']!r} has {n_test:,} test essays; leave --no-test out, "
            "so that they judge"
        )
