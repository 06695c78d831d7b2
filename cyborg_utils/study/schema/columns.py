"""Which column of a table or dataset holds what."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from cyborg_utils.study.schema.base import HOLISTIC, Name, Strict

RESERVED = (
    "essay_id", "text", "score", "score_2", "true_score", "split", "prompt",
    "writer", "criterion", "probability",  # of a corpus
    "human", "continuous", "weight", "condition", "arm", "draw", "seed", "level",
    HOLISTIC,  # of its results
)  # fmt: skip
GroupName = Annotated[str, Field(pattern=r"^\w+$")]  # letters of any script, digits and _


class ScoreColumns(Strict):
    """Which column of a table holds what; essays without a `score` value are unscored.

    Without an `id`, an essay is named by its row in the file. `criterion` is an external measure of
    who wrote an essay, such as the score of another section of the test: no model sees it.
    """

    id: str | None = None
    score: str
    prompt: str | None = None
    second_score: str | None = None
    criterion: str | None = None
    groups: dict[GroupName, str] = {}

    @model_validator(mode="after")
    def _groups_have_names_of_their_own(self):
        if taken := sorted(set(self.groups) & set(RESERVED)):
            raise ValueError(f"a group cannot be named {taken[0]!r}; give it another name")
        return self


class Columns(ScoreColumns):
    """The columns of a table of essays.

    `writer` names who wrote each essay: splits that are drawn keep a writer's essays together.
    `traits`, on the scale of `score`, map a name to a column.
    """

    text: str
    writer: str | None = None
    split: str | None = None
    traits: dict[Name, str] = {}

    @model_validator(mode="after")
    def _traits_have_names_of_their_own(self):
        if taken := sorted(set(self.traits) & {*RESERVED, *self.groups}):
            raise ValueError(f"a trait cannot be named {taken[0]!r}; give it another name")
        return self

    @property
    def scores(self) -> list[str]:
        """Every column of human scores."""
        second = [self.second_score] if self.second_score else []
        return [self.score, *second, *self.traits.values()]


class PredictionColumns(ScoreColumns):
    """The columns of a table of human and machine scores; `machines` maps a name to a column.

    `probability` is that with which an essay was drawn to be scored by people: above 0 and at most
    1. Reports then weight essays by its reciprocal.
    """

    machines: dict[Name, str] = Field(min_length=1)
    probability: str | None = None

    @model_validator(mode="after")
    def _machines_have_names_of_their_own(self):
        if taken := sorted(set(self.machines) & {*RESERVED, *self.groups}):
            raise ValueError(f"a machine cannot be named {taken[0]!r}; give it another name")
        return self
