"""The design of a study: its conditions, its subsets U, its seeds."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.models import Teacher
from cyborg_utils.study.schema.study import HARD, Study

# The columns that identify a condition in every result; `condition` alone is unique.
CONDITION_FIELDS = ["condition", "arm", "teacher", "strategy", "fraction", "held_out"]
_NAME = "[a-z0-9][a-z0-9_]*"
_CONDITION_ID = re.compile(
    rf"(?:(?P<plain>full|human)"
    rf"|(?P<by>cyborg|teacher|machine)-(?P<name>{_NAME})(?:-(?P<strategy>{_NAME}))??)"
    r"(?:-f(?P<fraction>\d[\d.]*(?:e-\d+)?))?(?:-held(?P<held_out>\d+))?"
)


@dataclass(frozen=True)
class Condition:
    """What a Student is trained on: an arm, and what the arm depends on.

    Two arms are not a Student's: `teacher`, a Teacher's own scores, and `machine`, those of a
    machine (its name as `teacher`) from a file.
    """

    arm: str
    teacher: str | None = None
    fraction: float | None = None
    draw: int | None = None
    strategy: str | None = None
    held_out: int | None = None

    @property
    def slug(self) -> str:
        """`full`, `human-f0.1-d1`, `cyborg-llama-f0.1-d1`, `cyborg-llama-expected-f0.1-d1-no1`: a
        folder's name."""
        strategy = None if self.strategy == HARD.name else self.strategy
        subset = None if self.fraction is None else subset_slug(self.fraction, self.draw)
        held_out = None if self.held_out is None else f"no{self.held_out}"
        return "-".join(filter(None, [self.arm, self.teacher, strategy, subset, held_out]))

    @property
    def condition_id(self) -> str:
        """`full`, `human-f0.1`, `cyborg-llama-f0.1`, `cyborg-llama-expected-f0.1-held0`: the key of
        a condition in every result, one for all its draws."""
        strategy = None if self.strategy == HARD.name else self.strategy
        fraction = None if self.fraction is None else f"f{self.fraction:g}"
        held_out = None if self.held_out is None else f"held{self.held_out}"
        return "-".join(filter(None, [self.arm, self.teacher, strategy, fraction, held_out]))

    @classmethod
    def from_id(cls, condition_id: str) -> Condition:
        """The condition, without a draw, that a `condition_id` is of.

        Raises
        ------
        ValueError
            If it is not a `condition_id`.
        """
        parts = _CONDITION_ID.fullmatch(condition_id)
        if parts is None:
            raise ValueError(
                f"{condition_id!r} is not a condition; one is written like human-f0.1 or "
                "cyborg-llama-f0.1"
            )
        arm, fraction, held_out = (
            parts["plain"] or parts["by"],
            parts["fraction"],
            parts["held_out"],
        )
        return cls(
            arm,
            parts["name"],
            None if fraction is None else float(fraction),
            strategy=parts["strategy"] or (HARD.name if arm == "cyborg" else None),
            held_out=None if held_out is None else int(held_out),
        )

    @property
    def fields(self) -> dict:
        """The values of `CONDITION_FIELDS`; a machine has no Teacher."""
        teacher = None if self.arm == "machine" else self.teacher
        values = (self.condition_id, self.arm, teacher, self.strategy, self.fraction, self.held_out)
        return dict(zip(CONDITION_FIELDS, values, strict=True))


def condition(
    study: Study,
    arm: str,
    teacher: str | None,
    fraction: float | None,
    draw: int | None,
    strategy: str | None = HARD.name,
    held_out: int | None = None,
) -> Condition:
    """The condition of one run, checked; what an arm does not depend on is None."""
    if arm not in study.arms:
        raise ParameterError(f"study {study.name} has no arm {arm!r}; it has {study.arms}")
    if held_out is not None and held_out not in range(len(study.sampling.held_out_prompts)):
        raise ParameterError(
            f"study {study.name} leaves out {len(study.sampling.held_out_prompts)} prompts "
            f"(sampling.held_out_prompts, counted from 0); there is no {held_out}"
        )
    if arm == "full":
        return Condition("full", held_out=held_out)
    if fraction not in study.sampling.fractions or draw not in study.sampling.draws:
        raise ParameterError(
            f"study {study.name} has no fraction {fraction} with draw {draw}; it has fractions "
            f"{study.sampling.fractions} and draws {study.sampling.draws}"
        )
    if arm == "human":
        return Condition("human", None, fraction, draw, held_out=held_out)
    labeler, use = study.teacher(teacher), study.strategy(strategy)
    if not study.can_serve(labeler, use):
        raise ParameterError(
            f"strategy {strategy!r} needs probabilities; teacher {teacher!r} gives none"
        )
    return Condition("cyborg", labeler.name, fraction, draw, use.name, held_out)


def conditions(study: Study) -> list[Condition]:
    """Every condition of a study, in the order of its file: first those with all prompts, then,
    at the primary fraction and with hard labels, those with a held-out prompt."""
    with_all_prompts = []
    for arm in study.arms:
        if arm == "full":
            with_all_prompts.append(Condition("full"))
        for teacher, strategy in _taught(study) if arm == "cyborg" else [(None, None)]:
            for fraction in [] if arm == "full" else study.sampling.fractions:
                for draw in study.sampling.draws:
                    with_all_prompts.append(Condition(arm, teacher, fraction, draw, strategy))
    primary = [
        c
        for c in with_all_prompts
        if c.fraction in (None, study.primary_fraction) and c.strategy in (None, HARD.name)
    ]
    held_out = range(len(study.sampling.held_out_prompts))
    return with_all_prompts + [replace(c, held_out=i) for i in held_out for c in primary]


def _taught(study: Study) -> list[tuple[str, str]]:
    """Every Teacher with every pseudo-label strategy that its labels allow."""
    return [
        (t.name, strategy.name)
        for t in study.teachers
        for strategy in study.pseudo_label_strategies
        if study.can_serve(t, strategy)
    ]


def subsets(study: Study) -> list[tuple[float, int, int | None]]:
    """Every U that a Teacher is trained on: `fraction, draw, held_out`."""
    cyborg = [c for c in conditions(study) if c.arm == "cyborg"]
    return list(dict.fromkeys((c.fraction, c.draw, c.held_out) for c in cyborg))


def seeds(study: Study, student: str) -> list[int]:
    """The training seeds of a Student; a classical one has no random training and runs once."""
    declared = study.sampling.seeds
    return declared[:1] if not study.student(student).neural else declared


def teacher_seed(teacher: Teacher, draw: int) -> int:
    """The training seed of a Teacher on one draw of U: its own for draw 1, the next for draw 2.

    It follows the draw, so that the variance between draws has that of the Teacher's training."""
    return teacher.seed + draw - 1


def subset_slug(fraction: float, draw: int, held_out: int | None = None) -> str:
    """Name of a U as part of a folder's name, such as `f0.1-d1` or `f0.1-d1-no0`."""
    return f"f{fraction:g}-d{draw}" + (f"-no{held_out}" if held_out is not None else "")


def base_settings(study: Study, teacher: str) -> dict:
    """The settings that the pretraining of a Teacher depends on, and no others."""
    spec = study.teacher(teacher)
    return spec.model_dump(
        include={"model", "pretraining", "max_tokens", "precision", "threads", "seed"}
    )


def saves_model(study: Study, condition: Condition) -> bool:
    """Whether a Student is saved after it has scored: those at the primary fraction and of `full`,
    on all prompts. The others are points of a curve, and each may take half a gigabyte."""
    return condition.held_out is None and condition.fraction in (None, study.primary_fraction)
