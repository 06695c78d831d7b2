"""Runs, inputs, parameters and settings of the stages: the functions of the table in `stages`.

A key identifies one run of a stage: the values of the wildcards in its files' names.
"""

from __future__ import annotations

from collections.abc import Callable

from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import (
    Condition,
    base_settings,
    conditions,
    saves_model,
    seeds,
    subset_slug,
    subsets,
)
from cyborg_utils.study.schema.corpora import corpus_files, corpus_values
from cyborg_utils.study.schema.study import Study

Key = dict[str, str]
Runs = list[tuple[str, ...]]
CORPUS = "corpus.parquet"


# ---------------------------------------------------------------- which runs a study has


def once(study: Study) -> Runs:
    return [()]


def never(study: Study) -> Runs:
    return []


def once_where(applies: Callable[[Study], bool]) -> Callable[[Study], Runs]:
    """Once in a study to which the stage applies."""
    return lambda study: [()] if applies(study) else []


def pretrained_teachers(study: Study) -> Runs:
    return [(name,) for (name,) in teachers(study) if is_pretrained(study, name)]


def teachers(study: Study) -> Runs:
    """The Teachers that Students learn from."""
    return [(name,) for name in dict.fromkeys(name for name, _ in teacher_runs(study))]


def teacher_runs(study: Study) -> Runs:
    return [(t.name, subset_slug(*subset)) for t in study.teachers for subset in subsets(study)]


def students(study: Study) -> Runs:
    return [(s.name,) for s in study.students]


def student_runs(study: Study) -> Runs:
    return [
        (s.name, c.slug, str(seed))
        for s in study.students
        for c in conditions(study)
        for seed in seeds(study, s.name)
    ]


def reported(study: Study) -> Runs:
    return [(name,) for name in study.reported]


def is_pretrained(study: Study, teacher: str) -> bool:
    """Whether a Teacher starts from random weights and is pretrained by the study itself."""
    return getattr(study.teacher(teacher), "pretraining", None) is not None


# ---------------------------------------------------------------- what a run reads


def corpora(study: Study) -> list:
    """A study's corpus, and those whose test essays its Students score too."""
    return [study.corpus, *(load_study(name).corpus for name in study.transfer)]


def nothing(study: Study, key: Key) -> list:
    return []


def corpus_sources(study: Study, key: Key) -> list[str]:
    """The files that the corpora are read from."""
    files = [names for c in corpora(study) for names in corpus_files(c).values()]
    return [name for names in files for name in names]


def from_corpus(study: Study, key: Key) -> list[str]:
    return [CORPUS]


def teacher_inputs(study: Study, key: Key) -> list[str]:
    pretrained = is_pretrained(study, key["teacher"])
    return [CORPUS, *["base/{teacher}".format_map(key)] * pretrained]


def labeling_inputs(study: Study, key: Key) -> list[str]:
    return [*teacher_inputs(study, key), "teachers/{teacher}/{subset}".format_map(key)]


def student_inputs(study: Study, key: Key) -> list[str]:
    condition, labels = condition_of(study, key), []
    if condition.arm == "cyborg":
        subset = subset_slug(condition.fraction, condition.draw, condition.held_out)
        folder = f"labels/{condition.teacher}/{subset}"
        labels = [f"{folder}/labels.parquet", f"{folder}/predictions.parquet"]
    return [CORPUS, *(f"external/{name}.parquet" for name in study.transfer), *labels]


def cross_fitting_inputs(study: Study, key: Key) -> list[str]:
    bases = [f"base/{name}" for (name,) in pretrained_teachers(study)]
    return [CORPUS, *bases]


def cross_fitting_results(study: Study, key: Key) -> list[str]:
    return [CORPUS, "cross_fitting/scores.parquet", "cross_fitting/models.json"]


def student_results(study: Study, key: Key) -> list[str]:
    """Of the Student in the key; of all where it names none, as for the machines of a file."""
    of_student = key.get("student")
    return [
        f"students/{student}/{condition}/s{seed}/student.json"
        for student, condition, seed in student_runs(study)
        if of_student in (None, student)
    ]


def labeling_results(study: Study, key: Key) -> list[str]:
    of_teacher = key.get("teacher")
    return [
        f"labels/{teacher}/{subset}/labeling.json"
        for teacher, subset in teacher_runs(study)
        if of_teacher in (None, teacher)
    ]


def corpus_and_students(study: Study, key: Key) -> list[str]:
    return [CORPUS, *student_results(study, key)]


def all_runs(study: Study, key: Key) -> list[str]:
    """The corpus, and the results of every Student and Teacher, or only of the one in the key."""
    return [CORPUS, *labeling_results(study, key), *student_results(study, key)]


def runs_and_calibrations(study: Study, key: Key) -> list[str]:
    return [*all_runs(study, key), *(f"calibration/{s.name}.json" for s in study.students)]


# ---------------------------------------------------------------- a run's parameters


def parameters(study: Study, key: Key) -> dict:
    """The notebook's parameters: the key itself."""
    return dict(key)


def subset_parameters(study: Study, key: Key) -> dict:
    by_slug = {subset_slug(*subset): subset for subset in subsets(study)}
    fraction, draw, held_out = by_slug[key["subset"]]
    return {"teacher": key["teacher"], "fraction": fraction, "draw": draw, "held_out": held_out}


def condition_of(study: Study, key: Key) -> Condition:
    return next(c for c in conditions(study) if c.slug == key["condition"])


def student_parameters(study: Study, key: Key) -> dict:
    c = condition_of(study, key)
    return {
        "student": key["student"], "arm": c.arm, "teacher": c.teacher, "fraction": c.fraction,
        "draw": c.draw, "seed": int(key["seed"]), "strategy": c.strategy, "held_out": c.held_out,
    }  # fmt: skip


# ---------------------------------------------------------------- which settings a run uses


def corpus_settings(study: Study, key: Key) -> list:
    chosen = (
        study.sampling.held_out_prompts,
        study.evaluation.privacy,
        study.evaluation.has_test_set,
    )
    return [*map(corpus_values, corpora(study)), *chosen]


def pretraining_settings(study: Study, key: Key) -> list:
    return [base_settings(study, key["teacher"])]


def teacher_settings(study: Study, key: Key) -> list:
    return [study.teacher(key["teacher"]), study.labels, study.traits]


def labeling_settings(study: Study, key: Key) -> list:
    return [study.corpus.label_unscored, study.labels, study.traits]


def student_settings(study: Study, key: Key) -> list:
    """A Student's own settings, its pseudo-label strategy, the subgroups of its group-mean
    regularization, and whether it is saved."""
    spec, condition = study.student(key["student"]), condition_of(study, key)
    return [
        spec,
        condition.strategy and study.strategy(condition.strategy),
        study.transfer,
        study.evaluation.groups if getattr(spec, "group_penalty", 0) else None,
        saves_model(study, condition),
        study.labels,
        study.traits,
    ]


def cross_fitting_settings(study: Study, key: Key) -> list:
    folds, seed = study.evaluation.cross_fitting, study.sampling.seeds[0]
    models = study.teachers, study.students, study.arms, study.corpus.label_unscored
    return [folds, seed, *models, study.labels, study.traits]


def declared(study: Study, key: Key) -> list:
    """What the study declares before anything runs."""
    return [study.evaluation, study.sampling, study.arms, study.pseudo_label_strategies]


def declared_and_title(study: Study, key: Key) -> list:
    return [*declared(study, key), study.title, study.about]
