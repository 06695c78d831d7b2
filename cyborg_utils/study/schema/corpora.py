"""Configuration schema of corpora."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import to_jsonable_python

from cyborg_utils.study.folders import working_folder
from cyborg_utils.study.schema.base import Count, Name, Positive, Seed, Strict
from cyborg_utils.study.schema.columns import Columns, PredictionColumns
from cyborg_utils.study.schema.published import (
    ASAP_PLUS_PLUS,
    PERSUADE_GROUPS,
    PUBLISHED,
    SOURCES,
)
from cyborg_utils.study.schema.tables import FileFormat, ScoreValues

SIMULATED_TRAITS = [
    "development",
    "organization",
    "relevance",
    "vocabulary",
    "variety",
    "conventions",
]


class Scale(Strict):
    """The score scale: every score from `min` to `max` in steps of `step`."""

    min: float = 1
    max: float = 6
    step: Positive = 1

    @model_validator(mode="after")
    def _has_points(self):
        points = (self.max - self.min) / self.step
        if round(points) < 1 or abs(points - round(points)) > 1e-3:  # 0.333333 is a third
            ends = f"from {self.min} to {self.max}"
            raise ValueError(f"no whole number of steps of {self.step} {ends}")
        return self

    @property
    def labels(self) -> list[float] | list[int]:
        """All scores of the scale in order, as integers where all are whole."""
        n = round((self.max - self.min) / self.step)
        points = [round(self.min + i * (self.max - self.min) / n, 6) for i in range(n + 1)]
        return [int(p) for p in points] if all(p == int(p) for p in points) else points


def known_traits(traits: list[str], known: Iterable[str], corpus: str) -> list[str]:
    """The traits, if a corpus has them all and each is named once; otherwise a ValueError."""
    if unknown := [trait for trait in traits if trait not in known]:
        raise ValueError(f"no trait {unknown[0]!r}; {corpus} has {', '.join(known) or 'none'}")
    if len(set(traits)) != len(traits):
        raise ValueError(f"{traits} names one trait twice")
    return traits


class SimulatedCorpus(Strict):
    """Simulated essays, with known true scores and a planted bias."""

    kind: Literal["simulated"]
    n_train: Count = 2000
    n_dev: Count = 150
    n_test: Count = 800
    n_unscored: Annotated[int, Field(ge=0)] = 0
    n_prompts: Annotated[int, Field(ge=1, le=6)] = 4
    seed: Seed = 1
    planted_bias: Annotated[float, Field(ge=0, le=1)] = 1.0
    scale: Scale = Scale()
    traits: list[str] = []
    label_unscored: bool = False

    @field_validator("traits")
    @classmethod
    def _traits_are_known(cls, traits: list[str]) -> list[str]:
        return known_traits(traits, SIMULATED_TRAITS, "a simulated corpus")

    @model_validator(mode="after")
    def _scores_are_whole(self):
        if self.scale.step != 1 or self.scale.min != int(self.scale.min):
            raise ValueError("simulated raters give whole scores: scale needs whole min and step 1")
        return self

    @property
    def group_names(self) -> list[str]:
        return PERSUADE_GROUPS

    @property
    def trait_names(self) -> list[str]:
        return self.traits


class Parts(Strict):
    """Sources of each split: files, relative to the working folder unless absolute, or splits of a
    dataset."""

    train: list[str] = Field(min_length=1)
    dev: list[str] = []
    test: list[str] = []
    unscored: list[str] = []


class EssayCorpus(ScoreValues):
    """Essays that are read by `columns`; where their source has no split, one is drawn.

    `blanks` says what becomes of an essay with an empty text: it is left out (`drop`), gets the
    lowest score of the scale (`lowest`), or is a fault (`refuse`).
    """

    blanks: Literal["drop", "lowest", "refuse"] = "refuse"
    dev_size: Count = 300
    test_share: Annotated[float, Field(ge=0, lt=1)] = 0.2
    seed: Seed = 1
    max_train: Count | None = None
    label_unscored: bool = True

    @property
    def group_names(self) -> list[str]:
        return list(self.columns.groups)

    @property
    def trait_names(self) -> list[str]:
        return list(self.columns.traits)

    @model_validator(mode="after")
    def _scales_are_of_traits(self):
        known_traits(list(getattr(self, "trait_scales", {})), self.trait_names, "columns.traits")
        return self


class EssayFiles(EssayCorpus, FileFormat):
    """Essays from files: delimited text, plain or compressed, Excel workbooks, JSON or Parquet."""

    files: Parts

    @property
    def parts(self) -> Parts:
        return self.files


class TableCorpus(EssayFiles):
    """Any files read by a column map.

    `trait_scales` are the scales of traits that differ from `scale`, to which their scores are
    rescaled linearly and rounded. With `duplicates: drop`, copies of an essay are left out where no
    human score is lost.
    """

    kind: Literal["table"]
    columns: Columns
    scale: Scale
    trait_scales: dict[Name, Scale] = {}
    split_values: dict[str, Literal["train", "dev", "test"]] = {}
    duplicates: Literal["keep", "drop"] = "keep"


class DatasetCorpus(EssayCorpus):
    """A dataset of the Hugging Face hub, or in a local folder, read by a column map.

    `folder` was written by `save_to_disk` of the library `datasets`, or holds Parquet, CSV or JSON
    files. `config` names one of several configurations, `splits` the dataset's splits for each
    split of the study. `trait_scales` are as in a table.
    """

    kind: Literal["dataset"]
    hub: str | None = None
    revision: str | None = None
    folder: str | None = None
    config: str | None = None
    splits: Parts = Parts(train=["train"])
    columns: Columns
    scale: Scale
    trait_scales: dict[Name, Scale] = {}
    split_values: dict[str, Literal["train", "dev", "test"]] = {}

    @model_validator(mode="after")
    def _has_one_source(self):
        if (self.hub is None) == (self.folder is None):
            raise ValueError("name exactly one of hub, folder")
        if self.hub and not self.revision:
            raise ValueError(
                f"hub id {self.hub} needs a `revision` (a commit): its essays must stay the same"
            )
        return self

    @property
    def parts(self) -> Parts:
        return self.splits


PUBLISHED_SCALES = {
    "persuade": Scale(min=1, max=6),
    "asap2": Scale(min=1, max=6),
    "ellipse": Scale(min=1, max=5, step=0.5),
    "essay-br": Scale(min=0, max=1000, step=40),
}
COMPETENCE_SCALE = Scale(min=0, max=200, step=40)  # of Essay-BR


class PublishedCorpus(EssayFiles):
    """PERSUADE 2.0, ASAP 2.0, ELLIPSE or Essay-BR, under the published column names.

    With a `test_share`, the test essays are drawn and the published split is not used.
    """

    kind: Literal["persuade", "asap2", "ellipse", "essay-br"]
    scale: Scale = Field(default=None, validate_default=True)
    traits: list[str] = []
    test_share: Annotated[float, Field(ge=0, lt=1)] = 0
    label_unscored: bool = False

    @field_validator("scale", mode="before")
    @classmethod
    def _scale_is_the_published_one(cls, scale, info: ValidationInfo):
        return scale or PUBLISHED_SCALES[info.data["kind"]]

    @field_validator("traits")
    @classmethod
    def _traits_are_known(cls, traits: list[str], info: ValidationInfo) -> list[str]:
        return known_traits(traits, PUBLISHED[info.data["kind"]].traits, info.data["kind"])

    @property
    def columns(self) -> Columns:
        """The published columns, with only the traits of the study."""
        published = PUBLISHED[self.kind]
        traits = {trait: published.traits[trait] for trait in self.traits}
        split = None if self.test_share else published.split
        return published.model_copy(update={"traits": traits, "split": split})

    @property
    def trait_scales(self) -> dict[str, Scale]:
        """The published scale of each trait of the study that has another one than the scores."""
        return dict.fromkeys(self.traits, COMPETENCE_SCALE) if self.kind == "essay-br" else {}


# Of the first domain, from the descriptions of the essay sets that the corpus comes with.
ASAP1_SCALES = {
    target: {number: Scale(min=low, max=high) for number, (low, high) in enumerate(ranges, 1)}
    for target, ranges in {
        "resolved": [(2, 12), (1, 6), (0, 3), (0, 3), (0, 4), (0, 4), (0, 30), (0, 60)],
        "rater": [(1, 6), (1, 6), (0, 3), (0, 3), (0, 4), (0, 4), (0, 15), (0, 30)],
    }.items()
}


class Asap1Corpus(EssayFiles):
    """ASAP 1.0: eight sets of essays, each with its own prompt and scale.

    `target` is the resolved score, or the first rater's with the second's as second score: ratings
    and resolved scores differ in scale. Where `scale` is not the sets' own, their scores are
    rescaled to it linearly and rounded to its points, ties to the even multiple of the step.
    `traits` are those of ASAP++; its scores of sets 1 to 6 are in `trait_files`, one file for each
    set, on the scale of the set's raters.
    """

    kind: Literal["asap1"]
    sets: list[Annotated[int, Field(ge=1, le=8)]] = Field(default=[1], min_length=1)
    target: Literal["resolved", "rater"] = "resolved"
    traits: list[str] = []
    trait_files: list[str] = []
    scale: Scale = Field(default=None, validate_default=True)

    @field_validator("scale", mode="before")
    @classmethod
    def _scale_is_that_of_its_sets(cls, scale, info: ValidationInfo):
        if scale or not {"sets", "target"} <= set(info.data):
            return scale or Scale()
        own = [ASAP1_SCALES[info.data["target"]][number] for number in info.data["sets"]]
        if any(other != own[0] for other in own):
            raise ValueError(
                f"sets {info.data['sets']} differ in their scales; set `scale`, to which all of "
                "them are rescaled, such as {min: 1, max: 6}"
            )
        return own[0]

    @model_validator(mode="after")
    def _traits_are_those_of_its_sets(self):
        for number in self.sets:
            of_set = ASAP_PLUS_PLUS.get(number, {})
            known_traits(self.traits, of_set, f"set {number} of ASAP++")
        if bool(self.traits) != bool(self.trait_files):
            raise ValueError("traits and trait_files, the files of ASAP++, go together")
        return self

    @property
    def columns(self) -> Columns:
        rated = {"score": "rater1_domain1", "second_score": "rater2_domain1"}
        target = rated if self.target == "rater" else {"score": "domain1_score"}
        names = ASAP_PLUS_PLUS.get(self.sets[0], {})
        traits = {trait: names[trait] for trait in self.traits if trait in names}
        return Columns(id="essay_id", text="essay", prompt="essay_set", traits=traits, **target)

    @property
    def set_scales(self) -> dict[int, Scale]:
        """The published scale of each set of the study."""
        return {number: ASAP1_SCALES[self.target][number] for number in self.sets}

    @property
    def trait_set_scales(self) -> dict[int, Scale]:
        """The published scale of the traits of each set of the study."""
        return {number: ASAP1_SCALES["rater"][number] for number in self.sets}


class PredictionsCorpus(ScoreValues, FileFormat):
    """Human and machine scores of the same essays in one file: nothing is trained."""

    kind: Literal["predictions"]
    file: str
    columns: PredictionColumns
    scale: Scale

    @property
    def group_names(self) -> list[str]:
        return list(self.columns.groups)

    @property
    def trait_names(self) -> list[str]:
        return []


Corpus = Annotated[
    SimulatedCorpus
    | PublishedCorpus
    | Asap1Corpus
    | TableCorpus
    | DatasetCorpus
    | PredictionsCorpus,
    Field(discriminator="kind"),
]


def corpus_files(corpus: Corpus) -> dict[str, list[str]]:
    """The files that a corpus is read from, by their key in the study's YAML."""
    match corpus:
        case SimulatedCorpus():
            return {}
        case DatasetCorpus():
            return {"corpus.folder": _files_of(corpus.folder)} if corpus.folder else {}
        case PredictionsCorpus():
            return {"corpus.file": [corpus.file]}
        case _:
            files = {f"corpus.files.{split}": names for split, names in corpus.files}
            more = getattr(corpus, "trait_files", [])
            return files | ({"corpus.trait_files": more} if more else {})


def _files_of(folder: str) -> list[str]:
    """The files of a dataset's folder, or the folder itself where it has none."""
    home = working_folder() / folder
    files = sorted(path for path in home.rglob("*") if path.is_file())
    return [str(Path(folder) / path.relative_to(home)) for path in files] or [folder]


def corpus_values(corpus: Corpus) -> dict:
    """Every value that decides how a corpus is read, as plain JSON values.

    They are the study's own values and those of this module: the columns, scales, groups and
    traits of published corpora. A stage that reads a corpus depends
    on them, and on the content of `corpus_files`.
    """
    derived = {
        "labels": corpus.scale.labels,
        "groups": corpus.group_names,
        "traits": corpus.trait_names,
        "columns": getattr(corpus, "columns", None),
        "set_scales": getattr(corpus, "set_scales", None),
        "trait_set_scales": getattr(corpus, "trait_set_scales", None),
        "trait_scales": getattr(corpus, "trait_scales", None),
    }
    return corpus.model_dump(mode="json") | to_jsonable_python(derived)


def remedy_for_missing(corpus: Corpus, key: str) -> str:
    """What to do about a missing file, with the source of a published corpus."""
    source = SOURCES.get(key, SOURCES.get(corpus.kind))
    get = f"get {source} and put it there, or " if source else ""
    return f"{get}correct {key} in the study's YAML"
