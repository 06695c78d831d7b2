"""What a study may say: every key with its type, its bounds and its default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

ROOT = Path(__file__).resolve().parents[1]
NAME = r"^[a-z0-9][a-z0-9_]*$"

Name = Annotated[str, Field(pattern=NAME)]
Fraction = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
MACHINES = "machines"  # stands for a Student's name where a file holds the scores
RESERVED = (
    "essay_id", "text", "score", "score_2", "true_score", "split", "prompt",  # of a corpus
    "human", "continuous", "series", "arm", "draw", "seed", "level",  # of its results
)  # fmt: skip


class ParameterError(ValueError):
    """A study's parameters are wrong; the message is what a person should read."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


# ---------------------------------------------------------------- corpora


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


# ---------------------------------------------------------------- models


class FromScratch(Strict):
    """A small model that starts from random weights, with a tokenizer of its own."""

    architecture: Literal["llama", "electra", "modernbert"]
    hidden_size: Count = 128
    layers: Count = 4
    heads: Count = 4
    vocab_size: Annotated[int, Field(ge=300)] = 2048

    @model_validator(mode="after")
    def _heads_share_the_hidden_size(self):
        if self.hidden_size % (2 * self.heads):
            raise ValueError(
                f"hidden_size {self.hidden_size} is no even multiple of heads {self.heads}"
            )
        return self


class Model(Strict):
    """One of: a hub id with its revision, a local folder, or a model from scratch."""

    hub: str | None = None
    revision: str | None = None
    folder: str | None = None
    from_scratch: FromScratch | None = None

    @model_validator(mode="after")
    def _exactly_one(self):
        if sum(v is not None for v in (self.hub, self.folder, self.from_scratch)) != 1:
            raise ValueError("name exactly one of hub, folder, from_scratch")
        if self.hub and not self.revision:
            raise ValueError(
                f"hub id {self.hub} needs a `revision` (a commit): its weights must stay the same"
            )
        return self


class Pretraining(Strict):
    """Next-token pretraining of a from-scratch Teacher on texts without their scores.

    `programme_essays` is the number of essays of another simulated testing programme, graded on
    its own scale, that the Teacher reads too; simulated corpora only.
    """

    epochs: Positive = 4
    learning_rate: Positive = 1.0e-3
    batch_size: Count = 16
    surface_questions: bool = True
    programme_essays: Annotated[int, Field(ge=0)] = 0


class Lora(Strict):
    r: Count = 16
    alpha: Positive = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Training(Strict):
    """How a neural scorer is trained."""

    max_tokens: Annotated[int, Field(ge=16)] = 512
    epochs: Positive = 4
    learning_rate: Positive = 3.0e-4
    batch_size: Count = 16
    min_steps: Annotated[int, Field(ge=0)] = 0
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: Count = 1


class CausalTeacher(Training):
    """A causal language model with LoRA that answers a scoring prompt with one label token."""

    kind: Literal["causal"]
    name: Name
    model: Model
    pretraining: Pretraining | None = None
    lora: Lora = Lora()
    template: Literal["auto", "plain", "chat"] = "auto"
    rubric: str = ""
    seed: Seed = 1

    @model_validator(mode="after")
    def _pretraining_is_for_scratch(self):
        if self.model.from_scratch and self.model.from_scratch.architecture != "llama":
            raise ValueError("a causal Teacher from scratch needs architecture: llama")
        if (self.model.from_scratch is None) != (self.pretraining is None):
            raise ValueError("`pretraining` goes with a model from scratch, and only with that")
        return self


class EncoderScorer(Training):
    """An encoder with a scoring head, as Student or as Teacher."""

    kind: Literal["encoder"]
    name: Name
    model: Model
    head: Literal["classification", "regression"] = "regression"
    seed: Seed = 1

    @model_validator(mode="after")
    def _scratch_is_an_encoder(self):
        if self.model.from_scratch and self.model.from_scratch.architecture == "llama":
            raise ValueError("an encoder from scratch needs architecture: electra or modernbert")
        return self


class ClassicalScorer(Strict):
    """The yardstick: tf-idf and length, ridge regression."""

    kind: Literal["classical"]
    name: Name
    alpha: Positive = 1.0


Teacher = Annotated[CausalTeacher | EncoderScorer | ClassicalScorer, Field(discriminator="kind")]
Student = Annotated[EncoderScorer | ClassicalScorer, Field(discriminator="kind")]


# ---------------------------------------------------------------- the study


class Sampling(Strict):
    """Which subsets U are drawn, and how often each Student is trained on them."""

    fractions: list[Fraction] = Field(default=[0.1], min_length=1)
    headline: Fraction | None = None
    draws: list[Seed] = Field(default=[1], min_length=1)
    seeds: list[Seed] = Field(default=[1], min_length=1)

    @model_validator(mode="after")
    def _headline_is_a_fraction(self):
        for key in ("fractions", "draws", "seeds"):
            values = getattr(self, key)
            if len(set(values)) != len(values):
                raise ValueError(f"{key} {values} names one value twice")
        if self.headline is not None and self.headline not in self.fractions:
            raise ValueError(f"headline {self.headline} is not among fractions {self.fractions}")
        return self


class Evaluation(Strict):
    """Margins, bounds and comparisons that are declared before anything runs.

    `comparisons` are pairs of machines, the first against the second, of a study of predictions.
    """

    smd_bound: Positive = 0.10
    non_inferiority_margin: Positive = 0.02
    replicates: Annotated[int, Field(ge=200)] = 5000
    min_group: Count = 20
    groups: list[str] | None = None
    comparisons: list[Annotated[list[Name], Field(min_length=2, max_length=2)]] = []

    @model_validator(mode="after")
    def _groups_are_named_once(self):
        if self.groups and len(set(self.groups)) != len(self.groups):
            raise ValueError(f"groups {self.groups} names one group twice")
        return self


class Study(Strict):
    name: str
    settings: list[str] = []
    title: str
    about: str = ""
    corpus: Corpus
    sampling: Sampling = Sampling()
    teachers: list[Teacher] = []
    students: list[Student] = []
    arms: list[Literal["human", "cyborg", "full"]] = Field(
        default=["human", "cyborg", "full"], min_length=1
    )
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _parts_fit_together(self):
        if self.corpus.kind == "predictions":
            return self._only_evaluates()
        for key in ("teachers", "students"):
            if not getattr(self, key):
                raise ValueError(f"{key}: at least 1 is needed")
        if self.evaluation.comparisons:
            raise ValueError(
                "evaluation.comparisons: is for corpus.kind predictions; here the arms are compared"
            )
        for key in ("teachers", "students"):
            names = [item.name for item in getattr(self, key)]
            if twice := {n for n in names if names.count(n) > 1}:
                raise ValueError(f"{key}: two of the name {sorted(twice)[0]!r}; names must differ")
        if len(set(self.arms)) != len(self.arms):
            raise ValueError(f"arms {self.arms} names one arm twice")
        whole = 1 in self.sampling.fractions and not self.corpus.label_unscored
        if whole and "cyborg" in self.arms:
            raise ValueError(
                "sampling.fractions: 1 leaves the Teachers nothing to label; "
                "the arm `full` is all human labels"
            )
        graded = [t.pretraining for t in self.teachers if getattr(t, "pretraining", None)]
        if self.corpus.kind != "simulated" and any(p.programme_essays for p in graded):
            raise ValueError("programme_essays are simulated: they go with a simulated corpus only")
        return self

    def _only_evaluates(self):
        for key in ("teachers", "students", "sampling", "arms"):
            if key in self.model_fields_set:
                raise ValueError(f"{key}: a study of predictions trains nothing; leave it out")
        for a, b in self.evaluation.comparisons:
            if unknown := {a, b} - set(self.machines):
                raise ValueError(
                    f"evaluation.comparisons: no machine {min(unknown)!r}; corpus.columns.machines "
                    f"has {', '.join(self.machines)}"
                )
            if a == b:
                raise ValueError(f"evaluation.comparisons: {a!r} is compared with itself")
        return self

    @property
    def labels(self) -> list:
        return self.corpus.scale.labels

    @property
    def machines(self) -> list[str]:
        """Names of the machines whose scores a file holds; empty where Students are trained."""
        columns = getattr(self.corpus, "columns", None)
        return list(getattr(columns, "machines", {}))

    @property
    def reported(self) -> list[str]:
        """Whom the fairness reports are about, one each: the Students, or all machines at once."""
        return [MACHINES] if self.machines else [s.name for s in self.students]

    def check_reported(self, name: str) -> str:
        """The name of a fairness report; where a file holds the scores there is only one."""
        return MACHINES if self.machines else self.student(name).name

    @property
    def headline(self) -> float:
        """The fraction that the study's first table is about: the paper's 10 % where present."""
        fractions = self.sampling.fractions
        return self.sampling.headline or min(fractions, key=lambda f: abs(f - 0.1))

    @property
    def simulated(self) -> bool:
        return self.corpus.kind == "simulated"

    @property
    def description(self) -> str:
        """The study in Markdown; it says where the essays are simulated."""
        warning = "The essays, their scores and groups are **simulated**. " * self.simulated
        return f"**{self.title}.** {warning}{self.about.strip()}"

    @property
    def folder(self) -> Path:
        return ROOT / "runs" / self.name

    def teacher(self, name: str) -> CausalTeacher | EncoderScorer | ClassicalScorer:
        return _by_name(self.teachers, name, "teacher", self.name)

    def student(self, name: str) -> EncoderScorer | ClassicalScorer:
        return _by_name(self.students, name, "student", self.name)


def _by_name(items, name: str, what: str, study: str):
    for item in items:
        if item.name == name:
            return item
    names = ", ".join(item.name for item in items)
    raise ParameterError(f"study {study} has no {what} {name!r}; it has {names}")


def subset_size(fraction: float, n: int) -> int:
    """Number of essays in U: `fraction` of `n` scored train essays, half-even, at least one."""
    return max(1, int(np.round(fraction * n)))
