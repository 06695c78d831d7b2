"""What a study may say about its corpus."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cyborg_utils.schema_basis import Count, Name, Positive, Seed, Strict

RESERVED = (
    "essay_id", "text", "score", "score_2", "true_score", "split", "prompt",  # of a corpus
    "human", "continuous", "series", "arm", "draw", "seed", "level",  # of its results
)  # fmt: skip


class Scale(Strict):
    """The score scale: every score from `min` to `max` in steps of `step`."""

    min: float = 1
    max: float = 6
    step: Positive = 1

    @model_validator(mode="after")
    def _has_points(self):
        points = (self.max - self.min) / self.step
        if round(points) < 1 or abs(points - round(points)) > 1e-9:
            raise ValueError(
                f"no whole number of steps of {self.step} from {self.min} to {self.max}"
            )
        return self

    @property
    def labels(self) -> list[float] | list[int]:
        """All scores of the scale in order, as integers where all are whole."""
        n = round((self.max - self.min) / self.step) + 1
        points = [round(self.min + i * self.step, 6) for i in range(n)]
        return [int(p) for p in points] if all(p == int(p) for p in points) else points


class SimulatedCorpus(Strict):
    """Essays from the seeded generator, with known true scores and a planted bias."""

    kind: Literal["simulated"]
    n_train: Count = 2000
    n_dev: Count = 150
    n_test: Count = 800
    n_unscored: Annotated[int, Field(ge=0)] = 0
    n_prompts: Annotated[int, Field(ge=1, le=6)] = 4
    seed: Seed = 1
    planted_bias: Annotated[float, Field(ge=0, le=1)] = 1.0
    scale: Scale = Scale()
    label_unscored: bool = False

    @model_validator(mode="after")
    def _scores_are_whole(self):
        if self.scale.step != 1 or self.scale.min != int(self.scale.min):
            raise ValueError("simulated raters give whole scores: scale needs whole min and step 1")
        return self


class Files(Strict):
    """Files of essays, relative to the repository's root unless absolute."""

    train: list[str] = Field(min_length=1)
    dev: list[str] = []
    test: list[str] = []
    unscored: list[str] = []


class PersuadeCorpus(Strict):
    """PERSUADE 2.0 in either official layout (a row an essay, or a row a discourse element)."""

    kind: Literal["persuade"]
    files: Files
    dev_size: Count = 300
    seed: Seed = 1
    max_train: Count | None = None
    label_unscored: bool = False
    scale: Scale = Scale()


class ScoreColumns(Strict):
    """Which column of a table holds what; a missing `score` value means: not scored."""

    id: str
    score: str
    prompt: str | None = None
    second_score: str | None = None
    groups: dict[Name, str] = {}

    @model_validator(mode="after")
    def _groups_have_names_of_their_own(self):
        if taken := sorted(set(self.groups) & set(RESERVED)):
            raise ValueError(f"a group cannot be named {taken[0]!r}; give it another name")
        return self


class Columns(ScoreColumns):
    """The columns of a table of essays."""

    text: str
    split: str | None = None


class PredictionColumns(ScoreColumns):
    """The columns of a table of human and machine scores; `machines` maps a name to a column."""

    machines: dict[Name, str] = Field(min_length=1)

    @model_validator(mode="after")
    def _machines_have_names_of_their_own(self):
        if taken := sorted(set(self.machines) & {*RESERVED, *self.groups}):
            raise ValueError(f"a machine cannot be named {taken[0]!r}; give it another name")
        return self


class TableCorpus(Strict):
    """Any CSV or Parquet file (`.gz` accepted) read through a column map."""

    kind: Literal["table"]
    files: Files
    columns: Columns
    scale: Scale
    split_values: dict[str, Literal["train", "dev", "test"]] = {}
    encoding: str = "utf-8"
    separator: str = ","
    dev_size: Count = 300
    test_share: Annotated[float, Field(ge=0, lt=1)] = 0.2
    seed: Seed = 1
    max_train: Count | None = None
    label_unscored: bool = True


class PredictionsCorpus(Strict):
    """Human and machine scores of the same essays in one file: nothing is trained."""

    kind: Literal["predictions"]
    file: str
    columns: PredictionColumns
    scale: Scale
    encoding: str = "utf-8"
    separator: str = ","


Corpus = Annotated[
    SimulatedCorpus | PersuadeCorpus | TableCorpus | PredictionsCorpus, Field(discriminator="kind")
]


def corpus_files(corpus: Corpus) -> dict[str, list[str]]:
    """The files that a corpus is read from, by their key in the study's YAML."""
    match corpus:
        case SimulatedCorpus():
            return {}
        case PredictionsCorpus():
            return {"corpus.file": [corpus.file]}
        case _:
            return {f"corpus.files.{part}": names for part, names in corpus.files}
