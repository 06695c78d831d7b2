"""The design of a study: its conditions, its subsets U, its seeds."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from cyborg_utils.study.schema.base import ParameterError
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

    The arms `teacher` and `machine` are no Student's: a Teacher's own scores, and those of a
    machine (its name as `teacher`) from a file.
    """

    arm: str
    teacher: str | None = None
    fraction: float | None = None
    draw: int | None = None
    use: str | None = None
    left_out: int | None = None

    @property
    def slug(self) -> str:
        """`full`, `human-f0.1-d1`, `cyborg-llama-f0.1-d1`, `cyborg-llama-expected-f0.1-d1-no1`: a
        folder's name."""
        use = None if self.use == HARD.name else self.use
        subset = None if self.fraction is None else subset_slug(self.fraction, self.draw)
        left_out = None if self.left_out is None else f"no{self.left_out}"
        return "-".join(filter(None, [self.arm, self.teacher, use, subset, left_out]))

    @property
    def condition_id(self) -> str:
        """`full`, `human-f0.1`, `cyborg-llama-f0.1`, `cyborg-llama-expected-f0.1-held0`: the key of
        a condition in every result, one for all its draws."""
        use = None if self.use == HARD.name else self.use
        fraction = None if self.fraction is None else f"f{self.fraction:g}"
        held_out = None if self.left_out is None else f"held{self.left_out}"
        return "-".join(filter(None, [self.arm, self.teacher, use, fraction, held_out]))

    @classmethod
    def from_id(cls, condition_id: str) -> Condition:
        """The condition, without a draw, that a `condition_id` is of.

        Raises
        ------
        ValueError
            If it is no `condition_id`.
        """
        parts = _CONDITION_ID.fullmatch(condition_id)
        if parts is None:
            raise ValueError(
                f"{condition_id!r} is no condition; one is written like human-f0.1 or "
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
            use=parts["strategy"] or (HARD.name if arm == "cyborg" else None),
            left_out=None if held_out is None else int(held_out),
        )

    @property
    def fields(self) -> dict:
        """The values of `CONDITION_FIELDS`; a machine has no Teacher."""
        teacher = None if self.arm == "machine" else self.teacher
        values = (self.condition_id, self.arm, teacher, self.use, self.fraction, self.left_out)
        return dict(zip(CONDITION_FIELDS, values, strict=True))


def condition(
    study: Study,
    arm: str,
    teacher: str | None,
    fraction: float | None,
    draw: int | None,
    use: str | None = HARD.name,
    left_out: int | None = None,
) -> Condition:
    """The condition of one run, checked: what an arm does not depend on is left out."""
    if arm not in study.arms:
        raise ParameterError(f"study {study.name} has no arm {arm!r}; it has {study.arms}")
    if left_out is not None and left_out not in range(len(study.sampling.leave_out)):
        raise ParameterError(
            f"study {study.name} leaves out {len(study.sampling.leave_out)} prompts "
            f"(sampling.leave_out, counted from 0); there is no {left_out}"
        )
    if arm == "full":
        return Condition("full", left_out=left_out)
    if fraction not in study.sampling.fractions or draw not in study.sampling.draws:
        raise ParameterError(
            f"study {study.name} has no fraction {fraction} with draw {draw}; it has fractions "
            f"{study.sampling.fractions} and draws {study.sampling.draws}"
        )
    if arm == "human":
        return Condition("human", None, fraction, draw, left_out=left_out)
    by, how = study.teacher(teacher), study.label_use(use)
    if not study.can_use(by, how):
        raise ParameterError(
            f"label use {use!r} needs probabilities; teacher {teacher!r} gives none"
        )
    return Condition("cyborg", by.name, fraction, draw, how.name, left_out)


def conditions(study: Study) -> list[Condition]:
    """Every condition of a study, in the order of its file: first those with all prompts, then,
    at the main fraction and with hard labels, those that leave one out."""
    found = []
    for arm in study.arms:
        if arm == "full":
            found.append(Condition("full"))
        for teacher, use in _taught(study) if arm == "cyborg" else [(None, None)]:
            for fraction in [] if arm == "full" else study.sampling.fractions:
                for draw in study.sampling.draws:
                    found.append(Condition(arm, teacher, fraction, draw, use))
    main = [c for c in found if c.fraction in (None, study.headline) and c.use in (None, HARD.name)]
    left_out = range(len(study.sampling.leave_out))
    return found + [replace(c, left_out=i) for i in left_out for c in main]


def _taught(study: Study) -> list[tuple[str, str]]:
    """Every Teacher with every use of its labels that it can serve."""
    return [
        (t.name, use.name)
        for t in study.teachers
        for use in study.label_uses
        if study.can_use(t, use)
    ]


def subsets(study: Study) -> list[tuple[float, int, int | None]]:
    """Every U that a Teacher is trained on: `fraction, draw, left_out`."""
    cyborg = [c for c in conditions(study) if c.arm == "cyborg"]
    return list(dict.fromkeys((c.fraction, c.draw, c.left_out) for c in cyborg))


def seeds(study: Study, student: str) -> list[int]:
    """A classical Student has no seed to vary; it runs once."""
    every = study.sampling.seeds
    return every[:1] if study.student(student).kind == "classical" else every


def subset_slug(fraction: float, draw: int, left_out: int | None = None) -> str:
    return f"f{fraction:g}-d{draw}" + (f"-no{left_out}" if left_out is not None else "")


def base_settings(study: Study, teacher: str) -> dict:
    """The settings that the pretraining of a Teacher depends on, and no others."""
    spec = study.teacher(teacher)
    return spec.model_dump(
        include={"model", "pretraining", "max_tokens", "precision", "threads", "seed"}
    )


def keeps_model(study: Study, condition: Condition) -> bool:
    """Whether a Student is kept after it has scored: those at the main fraction and of `full`, on
    all prompts. The others are points of a curve, and each may take half a gigabyte."""
    return condition.left_out is None and condition.fraction in (None, study.headline)
