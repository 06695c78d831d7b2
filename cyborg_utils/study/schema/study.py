"""Configuration schema of a study: every key with its type, its bounds and its default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cyborg_utils.study.folders import working_folder
from cyborg_utils.study.schema.base import (
    HOLISTIC,
    Count,
    Fraction,
    Name,
    ParameterError,
    Positive,
    Seed,
    Strict,
)
from cyborg_utils.study.schema.corpora import Corpus
from cyborg_utils.study.schema.cost import Cost
from cyborg_utils.study.schema.models import (
    MAX_ANSWERS,
    CausalTeacher,
    ClassicalScorer,
    EncoderScorer,
    StackedScorer,
    Student,
    Teacher,
)

WITHOUT_TEST_SET = "evaluation.has_test_set: false"
MACHINES = "machines"  # in place of a Student's name where a file holds the scores


class Sampling(Strict):
    """Which subsets U are drawn, and with which seeds each Student is trained on them.

    `held_out_prompts` names prompts: for each, all models are trained once more without its essays
    and evaluated on them (at the primary fraction, with hard labels).
    """

    fractions: list[Fraction] = Field(default=[0.1], min_length=1)
    primary_fraction: Fraction | None = None
    draws: list[Seed] = Field(default=[1], min_length=1)
    seeds: list[Seed] = Field(default=[1], min_length=1)
    held_out_prompts: list[str] = []

    @model_validator(mode="after")
    def _primary_fraction_is_a_fraction(self):
        for key in ("fractions", "draws", "seeds", "held_out_prompts"):
            values = getattr(self, key)
            if len(set(values)) != len(values):
                raise ValueError(f"{key} {values} names one value twice")
        if len({f"{fraction:.3g}" for fraction in self.fractions}) < len(self.fractions):
            raise ValueError(f"fractions {self.fractions}: two are alike in their first 3 digits")
        if self.primary_fraction is not None and self.primary_fraction not in self.fractions:
            raise ValueError(
                f"primary_fraction {self.primary_fraction} is not among fractions {self.fractions}"
            )
        return self


class Labeling(Strict):
    """How a Teacher labels: in shards of `shard_size` essays, by `jobs` parallel jobs.

    With another number of jobs, all essays are labeled again.
    """

    shard_size: Count = 1000
    jobs: Count = 1


class PseudoLabelStrategy(Strict):
    """How a Student learns from a Teacher's labels.

    `target` is what it is trained on: the most probable label (`hard`), the `expected` score (a
    classification head is trained on the probabilities where the Teacher gives them), the most
    probable label after label-shift correction of the probabilities to the score distribution of U
    (`prior_corrected`), the Teacher's linked score (`linked`), or the expected score with mean and
    standard deviation equated to those of the human scores of the dev set, rounded (`equated`).
    `weight: confidence` weights a label by its probability; `keep` is the proportion of the most
    confident labels of each score that are trained on. `human_weight` is the weight of a human
    label relative to a Teacher's.
    """

    name: Name
    target: Literal["hard", "expected", "linked", "prior_corrected", "equated"] = "hard"
    weight: Literal["equal", "confidence"] = "equal"
    keep: Fraction = 1
    human_weight: Positive = 1

    @property
    def needs_probabilities(self) -> bool:
        return self.target == "prior_corrected" or self.weight == "confidence" or self.keep < 1


HARD = PseudoLabelStrategy(name="hard")  # the paper's: a Teacher's label is used like a human one


class Privacy(Strict):
    """What the reports of real essays may show of single examinees.

    `min_cell` is the fewest essays of a subgroup that are shown with figures; a smaller subgroup,
    and what would reveal it by subtraction, is suppressed in every table, figure and result.
    `show_essays` lets ids and texts into reports. Simulated essays have no examinees: all of them
    may be shown.
    """

    show_essays: bool = False
    min_cell: Count = 10


class Evaluation(Strict):
    """Margins, bounds and comparisons that are declared before anything runs.

    `conditional_bound` is that of a subgroup's conditional bias, in standard deviations of the
    human score; `reliability_band` are the lowest and the highest reliability of the human score
    that are assumed there where no second rating shows it. `rater_variance` is the variance of the
    error of one rating, in squared score points, by which PRMSE is estimated where no second rating
    shows it. `smd_bound` is that of a subgroup's DSM and of the SMD of all essays. `cut_scores` are
    scores from which on an essay passes, or is in a higher class. `comparisons` are pairs of
    Students, or of machines in a study of predictions, the first compared with the second.
    `has_test_set: false` declares that no test essay has a human score: every scored essay is used
    for training or checkpoint selection, and no test set shows agreement and fairness.
    `cross_fitting` is a number of folds: every Student is trained on all hand-scored essays too,
    and evaluated on each of them by models that were trained without its fold; 0 for none.
    """

    has_test_set: bool = True
    cross_fitting: Annotated[int, Field(ge=0)] = 0
    smd_bound: Positive = 0.10
    conditional_bound: Positive = 0.10
    reliability_band: Annotated[list[Fraction], Field(min_length=2, max_length=2)] = [0.60, 0.80]
    rater_variance: Positive | None = None
    cut_scores: list[float] = []
    non_inferiority_margin: Positive = 0.02
    replicates: Annotated[int, Field(ge=200)] = 5000
    min_group: Count = 20
    groups: list[str] | None = None
    privacy: Privacy = Privacy()
    comparisons: list[Annotated[list[Name], Field(min_length=2, max_length=2)]] = []

    @model_validator(mode="after")
    def _reliability_band_is_in_order(self):
        low, high = self.reliability_band
        if low > high:
            raise ValueError(
                f"reliability_band {self.reliability_band}: write the lowest reliability first, "
                f"[{high}, {low}]"
            )
        return self

    @model_validator(mode="after")
    def _folds_are_several(self):
        if self.cross_fitting == 1:
            raise ValueError("cross_fitting 1: two folds or more, 10 for instance, or 0 for none")
        return self

    @model_validator(mode="after")
    def _groups_are_named_once(self):
        if self.groups and len(set(self.groups)) != len(self.groups):
            raise ValueError(f"groups {self.groups} names one group twice")
        return self


class Study(Strict):
    """A whole study: its YAML file with all defaults and overrides."""

    name: str
    settings: list[str] = []
    title: str
    about: str = ""
    render_tutorial: bool = False  # render the opening tutorial, 00_concepts, with the reports
    corpus: Corpus
    sampling: Sampling = Sampling()
    teachers: list[Teacher] = []
    students: list[Student] = []
    labeling: Labeling = Labeling()
    pseudo_label_strategies: list[PseudoLabelStrategy] = Field(default=[HARD], min_length=1)
    arms: list[Literal["human", "cyborg", "full"]] = Field(
        default=["human", "cyborg", "full"], min_length=1
    )
    transfer: list[str] = []  # other studies, whose test essays the Students score too
    evaluation: Evaluation = Evaluation()
    cost: Cost = Cost()

    @model_validator(mode="after")
    def _cut_scores_are_on_the_scale(self):
        scale, cuts = self.corpus.scale, self.evaluation.cut_scores
        if off := [cut for cut in cuts if not scale.min < cut <= scale.max]:
            raise ValueError(
                f"evaluation.cut_scores: {off[0]:g} divides no scores of the scale {scale.min:g} "
                f"to {scale.max:g}; a cut is above its minimum, and at most its maximum"
            )
        if len(set(cuts)) != len(cuts):
            raise ValueError(f"evaluation.cut_scores {cuts} names one score twice")
        return self

    @model_validator(mode="after")
    def _parts_fit_together(self):
        if self.corpus.kind == "predictions":
            return self._only_evaluates()
        for key in ("teachers", "students"):
            if not getattr(self, key):
                raise ValueError(f"{key}: at least 1 is needed")
        for key in ("teachers", "students", "pseudo_label_strategies"):
            names = [item.name for item in getattr(self, key)]
            if twice := {n for n in names if names.count(n) > 1}:
                raise ValueError(f"{key}: two of the name {sorted(twice)[0]!r}; names must differ")
        self._compares("student", [s.name for s in self.students], "students")
        if len(set(self.arms)) != len(self.arms):
            raise ValueError(f"arms {self.arms} names one arm twice")
        if self.pseudo_label_strategies[0] != HARD or HARD.name in [
            u.name for u in self.pseudo_label_strategies[1:]
        ]:
            raise ValueError(
                "pseudo_label_strategies: the first must be `{name: hard}`, which the others are "
                "compared with"
            )
        for strategy in self.pseudo_label_strategies:
            if not any(self.can_serve(t, strategy) for t in self.teachers):
                raise ValueError(
                    f"pseudo_label_strategies: {strategy.name!r} needs a Teacher with "
                    "probabilities (kind: causal, or head: classification or ordinal); this "
                    "study has none"
                )
        if self.name in self.transfer:
            raise ValueError(f"transfer: {self.name} is this study itself; name others")
        self._causal_teachers_have_answers()
        if penalized := [t.name for t in self.teachers if getattr(t, "group_penalty", 0)]:
            raise ValueError(f"teachers: {penalized[0]}: group_penalty is for Students")
        whole = 1 in self.sampling.fractions and not self.corpus.label_unscored
        if not self.evaluation.has_test_set:
            self._asks_nothing_of_test()
        if whole and "cyborg" in self.arms:
            raise ValueError(
                "sampling.fractions: 1 leaves the Teachers nothing to label; "
                "the arm `full` is all human labels"
            )
        graded = [t.pretraining for t in self.teachers if getattr(t, "pretraining", None)]
        if self.corpus.kind != "simulated" and any(p.external_graded_essays for p in graded):
            raise ValueError(
                "external_graded_essays are simulated: they go with a simulated corpus only"
            )
        return self

    def _causal_teachers_have_answers(self):
        n = len(self.labels)
        causal = [teacher.name for teacher in self.teachers if teacher.kind == "causal"]
        if causal and n > MAX_ANSWERS:
            raise ValueError(
                f"teachers.{causal[0]}.kind: a causal Teacher answers with one letter per score, "
                f"{MAX_ANSWERS} at most, and corpus.scale has {n} points: use kind classical or "
                "encoder, or a scale of fewer points (ASAP 1.0 is rescaled to corpus.scale; in a "
                "table, corpus.score_values puts scores into bands)"
            )

    def _asks_nothing_of_test(self):
        """Refuse what needs a test set, so that nothing is evaluated silently on the dev set."""
        if self.simulated:
            raise ValueError(
                f"{WITHOUT_TEST_SET} is for essays from files; simulated ones have a test set"
            )
        remedies = {
            "corpus.test_share: 0 and no test files": self.corpus.test_share
            or self.corpus.parts.test,
            "sampling.fractions: [1.0]": self.sampling.fractions != [1],
            "arms: [human, cyborg], or one of them": "full" in self.arms,
            "no sampling.held_out_prompts": self.sampling.held_out_prompts,
            "no transfer": self.transfer,
            "no evaluation.comparisons": self.evaluation.comparisons,
            "no other pseudo_label_strategies than hard": len(self.pseudo_label_strategies) > 1,
            "no traits": self.corpus.trait_names,
        }
        if needed := [remedy for remedy, needs_test_set in remedies.items() if needs_test_set]:
            raise ValueError(
                f"{WITHOUT_TEST_SET} leaves no test essays, so that nothing can be evaluated on "
                f"them; it needs {'; '.join(needed)}"
            )

    def _only_evaluates(self):
        if not self.evaluation.has_test_set:
            raise ValueError(
                f"{WITHOUT_TEST_SET}: a study of predictions only evaluates; remove this setting"
            )
        for key in (
            "teachers",
            "students",
            "sampling",
            "labeling",
            "pseudo_label_strategies",
            "arms",
            "transfer",
        ):
            if key in self.model_fields_set:
                raise ValueError(f"{key}: a study of predictions trains nothing; remove this key")
        if self.evaluation.cross_fitting:
            raise ValueError(
                "evaluation.cross_fitting: a study of predictions trains nothing; remove this key"
            )
        self._compares("machine", self.machines, "corpus.columns.machines")
        return self

    def _compares(self, what: str, names: list[str], where: str):
        for a, b in self.evaluation.comparisons:
            if unknown := {a, b} - set(names):
                raise ValueError(
                    f"evaluation.comparisons: no {what} {min(unknown)!r}; {where} "
                    f"has {', '.join(names)}"
                )
            if a == b:
                raise ValueError(f"evaluation.comparisons: {a!r} is compared with itself")

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
        """Names of the fairness reports: one per Student, or one for all machines of a file; none
        without a test set."""
        if not self.evaluation.has_test_set:
            return []
        return [MACHINES] if self.machines else [s.name for s in self.students]

    def check_reported(self, name: str) -> str:
        """The name of a fairness report; where a file holds the scores there is only one."""
        return MACHINES if self.machines else self.student(name).name

    @property
    def traits(self) -> list[str]:
        """The scores of an essay: the holistic one first, then the corpus's traits."""
        return [HOLISTIC, *self.corpus.trait_names]

    @staticmethod
    def can_serve(teacher: Teacher, strategy: PseudoLabelStrategy) -> bool:
        """Whether a Teacher gives what a pseudo-label strategy needs."""
        gives = teacher.kind == "causal" or teacher.head != "regression"
        return gives or not strategy.needs_probabilities

    def strategy(self, name: str) -> PseudoLabelStrategy:
        return _by_name(self.pseudo_label_strategies, name, "pseudo-label strategy", self.name)

    @property
    def primary_fraction(self) -> float:
        """The fraction of the primary results; by default the one closest to the paper's 10 %."""
        fractions = self.sampling.fractions
        return self.sampling.primary_fraction or min(fractions, key=lambda f: abs(f - 0.1))

    @property
    def simulated(self) -> bool:
        return self.corpus.kind == "simulated"

    @property
    def shows_essays(self) -> bool:
        """Whether reports may show ids and texts of essays."""
        return self.simulated or self.evaluation.privacy.show_essays

    @property
    def least_shown(self) -> int:
        """Fewest essays of a subgroup that reports show with figures."""
        return 1 if self.simulated else self.evaluation.privacy.min_cell

    @property
    def folder(self) -> Path:
        """Folder of the results of its stages."""
        return working_folder() / "runs" / self.name

    @property
    def reports(self) -> Path:
        """Folder of its pages."""
        return working_folder() / "reports" / self.name

    def teacher(self, name: str) -> CausalTeacher | EncoderScorer | ClassicalScorer | StackedScorer:
        return _by_name(self.teachers, name, "teacher", self.name)

    def student(self, name: str) -> EncoderScorer | ClassicalScorer | StackedScorer:
        return _by_name(self.students, name, "student", self.name)


def _by_name(items, name: str, what: str, study: str):
    for item in items:
        if item.name == name:
            return item
    names = ", ".join(item.name for item in items)
    raise ParameterError(f"study {study} has no {what} {name!r}; it has {names}")
