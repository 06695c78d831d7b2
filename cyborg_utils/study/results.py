"""The results of a study's stages: what each JSON file holds.

Tables are lists of rows, which pandas reads as frames; a missing or infinite number is None. A file
of another schema version is refused, and the message gives the remedy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cyborg_utils.study.provenance import Provenance, provenance
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.stages import BY_NAME
from cyborg_utils.study.storage import need, write_json

SCHEMA_VERSION = 2  # 1 had neither a version nor a provenance
Cell = str | int | float | bool | None
Table = list[dict[str, Cell]]


class StageResult(BaseModel):
    """The fields that every result has."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[2] = SCHEMA_VERSION
    provenance: Provenance = Field(default_factory=provenance)


class CorpusResult(StageResult):
    """`corpus.json`: sizes and means of the splits, and human-human agreement."""

    simulated: bool
    splits: Table
    human_human: Table | None


class PretrainingResult(StageResult):
    """`pretraining.json` in the folder of a base model: what it was pretrained on."""

    counts: dict[str, int | float]


class TeacherResult(StageResult):
    """`teacher.json` in a Teacher's folder: its settings, its U, its agreement on dev."""

    teacher: dict
    commit: str | None
    fraction: float
    draw: int
    held_out: int | None
    budget: dict[str, int]
    dev: Table
    log: Table | None


class LabelingResult(StageResult):
    """`labeling.json`: how many labels one Teacher gave, their distribution and agreement."""

    teacher: str
    teacher_sha256: str
    fraction: float
    draw: int
    held_out: int | None
    budget: dict[str, int]
    labeled: int
    truncated: int
    shares: Table | None
    hidden: Table | None
    test: Table | None
    trained: Table


class StudentResult(StageResult):
    """`student.json`: one run of a Student, its condition, its data, its agreement on test."""

    student: str
    kind: str
    commit: str | None
    arm: str
    teacher: str | None
    fraction: float | None
    draw: int | None
    strategy: str | None
    held_out: int | None
    seed: int
    n_train: int
    n_human: int
    truncated: int
    test: Table | None
    log: Table | None


class CrossFittingResult(StageResult):
    """`cross_fitting/models.json`: Students trained on all human scores, and how they are judged:
    every hand-scored essay is scored by a model of the folds without it."""

    folds: int
    n_scored: int
    models: dict[str, str]  # by Student and condition: the folder below `runs/<study>/`


class FairnessResult(StageResult):
    """`fairness/<student>.json`: bias of one Student, or of all machines of a file, by subgroup."""

    student: str
    fraction: float
    bound: float
    groups: Table
    verdicts: Table
    intersections: Table
    shares: Table
    shares_by_level: Table
    conditional: Table
    association: Table
    planted: Table | None
    shift: Table  # of all essays, by condition
    readings: Table = []  # SMD of plainly rounded and of linked scores


class CalibrationResult(StageResult):
    """`calibration/<student>.json`: every calibration method, its agreement and its bias."""

    student: str
    methods: Table
    groups: Table
    findings: list[str]


class Reliability(BaseModel):
    """Probability calibration of a Teacher: bins, and summary measures."""

    model_config = ConfigDict(extra="allow")  # measures of calibration by their names

    bins: Table


class AuditResult(StageResult):
    """`audits/<teacher>.json`: a Teacher's labels against the withheld human scores."""

    teacher: str
    findings: list[str]
    strata: Table
    reliability: Reliability | None
    beforehand: Table
    inherited: Table


class CrossFittedAgreement(StageResult):
    """`05a`: agreement and bias of the cross-fitted Students, and the one to use."""

    findings: list[str]
    agreement: Table  # one row per Student and condition
    groups: Table


class TeacherComparison(StageResult):
    """`05d`: comparisons of Teachers, and of the decoding rules of one Teacher."""

    findings: list[str]
    decoding_rules: Table
    pairs: Table
    students: Table


class StrategyComparison(StageResult):
    """`05e`: every pseudo-label strategy compared with hard labels."""

    findings: list[str]
    strategies: Table
    changes: Table


class StudentComparison(StageResult):
    """`05f`: pairs of Students that were declared in advance."""

    findings: list[str]
    changes: Table


class TraitComparison(StageResult):
    """`05g`: traits next to the holistic score."""

    findings: list[str]
    agreement: Table
    groups: Table
    teachers: Table
    specific: Table


class TransferResult(StageResult):
    """`05h`: external corpora, and prompts that were held out of training."""

    findings: list[str]
    transfer: Table
    gains: Table
    held_out: Table


class MeasuresResult(StageResult):
    """`measures/<student>.json`: how one Student, or all machines of a file, err."""

    student: str
    fraction: float
    findings: list[str]
    score_points: Table
    confusion: Table
    cut_scores: Table
    accuracy: Table
    prompts: Table
    second_rater: Table  # by subgroup
    criterion: Table
    prediction_powered: Table = []  # where people scored some of the essays only


Analysis = (
    CrossFittedAgreement
    | TeacherComparison
    | StrategyComparison
    | StudentComparison
    | TraitComparison
    | TransferResult
)
ANALYSES: dict[str, type[Analysis]] = {
    "05a_cross_fitted_agreement": CrossFittedAgreement,
    "05d_teacher_comparison": TeacherComparison,
    "05e_pseudo_labels": StrategyComparison,
    "05f_student_comparison": StudentComparison,
    "05g_traits": TraitComparison,
    "05h_transfer": TransferResult,
}


class SummaryResult(StageResult):
    """`summary.json`: all runs of a study, and the results of the other pages."""

    study: str
    title: str
    simulated: bool
    primary_fraction: float
    settings: dict
    findings: list[str]
    agreement: Table
    measures: Table
    rules: Table
    comparisons: Table  # `gain_population` and `loss_population`: what an interval covers
    against_baseline: Table = Field(default_factory=list)
    linked_agreement: Table = Field(default_factory=list)  # the same of linked scores
    linked_comparisons: Table = Field(default_factory=list)
    linked_measures: Table = Field(default_factory=list)
    linked_against_baseline: Table = Field(default_factory=list)  # with every pseudo-label strategy
    new_prompts: Table
    pairs: Table
    bias_changes: Table = Field(default_factory=list)  # SMD of all, DSM by subgroup, of each pair
    teachers: Table
    shares: Table
    verdicts: Table
    budget: Table
    corpus: CorpusResult
    fairness: dict[str, FairnessResult]
    calibration: dict[str, CalibrationResult]
    audits: dict[str, AuditResult]
    analyses: dict[str, Analysis]


class NoTestResult(StageResult):
    """`summary.json` of a study without human-scored test essays."""

    study: str
    title: str
    simulated: bool
    has_test_set: Literal[False] = False
    primary_fraction: float
    settings: dict
    findings: list[str]
    unknown: list[str]
    next_steps: list[str]
    test_essays_needed: int | None
    dev: Table
    shares: Table
    budget: Table
    corpus: CorpusResult
    analyses: dict[str, Analysis] = Field(default_factory=dict)
    students: list[str]


def earlier_results(study: Study) -> dict:
    """Results of the stages before the summary: `corpus`, and by their names `fairness`,
    `calibration`, `audits`, `analyses`; empty where a study has no such stage.

    Raises
    ------
    MissingInput
        One of them has not run, and there is no precomputed result of it.
    """

    def results_of(stage: str, kind: type[StageResult]) -> dict:
        keys = BY_NAME[stage].keys_of(study)
        files = {next(iter(key.values()), stage): BY_NAME[stage].files(study, key) for key in keys}
        return {
            name: read_result(need(study.folder / paths[0], study), kind)
            for name, paths in files.items()
        }

    return {
        "corpus": read_result(need(study.folder / "corpus.json", study), CorpusResult),
        "fairness": results_of("05_fairness_analysis", FairnessResult),
        "calibration": results_of("05b_calibration", CalibrationResult),
        "audits": results_of("05c_teacher_audit", AuditResult),
        "analyses": {
            page: result
            for page, kind in ANALYSES.items()
            for result in results_of(page, kind).values()
        },
    }


Result = TypeVar("Result", bound=StageResult)


def write_result(path: Path, result: StageResult) -> None:
    """Write a result as JSON, under a temporary name first."""
    write_json(path, result.model_dump(mode="json"))


def read_result(path: Path, kind: type[Result]) -> Result:
    """Read a result and check it.

    Raises
    ------
    ParameterError
        The file is another kind of result, or one of another version of the package.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ParameterError(
            f"{path}: not a {kind.__name__} of schema version {SCHEMA_VERSION} ({where}: "
            f"{first['msg'].lower()}): another version of the package wrote it; remove it and run "
            "the study again"
        ) from None
