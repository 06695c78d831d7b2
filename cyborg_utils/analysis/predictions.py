"""The scores of all runs of a study in one frame.

One row per run and essay, whether the score is of a Student, a Teacher, or a machine whose scores
are in a file.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.corpus.columns import of_trait
from cyborg_utils.statistics.scales import nearest_points, round_to_scale
from cyborg_utils.statistics.variance_components import ONCE
from cyborg_utils.statistics.weighting import inverse_probability_weights
from cyborg_utils.study.design import CONDITION_FIELDS, Condition, conditions, seeds
from cyborg_utils.study.results import LabelingResult, StudentResult, read_result
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.study import HARD, MACHINES, Study
from cyborg_utils.study.storage import corpus_file, labels_folder, need, student_folder

RUN = ["condition", "draw", "seed"]  # what identifies a run
COLLECTED = ["essay_id", "human", "continuous", "score"]
READINGS = ("plain", "linked")


def read_as(scores: pd.DataFrame, reading: str) -> pd.DataFrame:
    """Scores of one trait in one reading, under the names `continuous` and `score`.

    Raises
    ------
    ValueError
        The reading is unknown, or a run of an earlier version has no linked scores.
    """
    if reading not in READINGS:
        raise ValueError(f"reading must be one of {', '.join(READINGS)}; got {reading!r}")
    if reading == "plain":
        return scores
    if "linked_score" not in scores:
        raise ValueError("these runs have no linked scores: train and label again")
    return scores.assign(continuous=scores["linked"], score=scores["linked_score"])


def collect_runs(
    study: Study,
    student: str,
    split: str = "test",
    trait: str = HOLISTIC,
    held_out: bool = False,
    reading: str = "plain",
) -> pd.DataFrame:
    """All scores of one Student for one split, or of all machines whose scores are in a file.

    Parameters
    ----------
    split : dev, test, or the name of another study whose test essays were scored too.
    held_out : the runs with held-out prompts, on the essays of these prompts.
    reading : plain, the scores as the model gives them, rounded; or linked to the human scale
        (`models.linking`). Machine scores from a file have one reading, whatever is asked.

    Returns
    -------
    frame, one row per run and essay: `CONDITION_FIELDS, draw, seed, n_human, n_train, truncated`
    (training essays truncated at max_tokens), `essay_id, human, continuous, score`; the draw of
    an arm without draws and the seed of a classical Student are `ONCE`
    """
    if student == MACHINES:
        return _machines(study)
    deterministic = not study.student(student).neural
    parts = []
    for c in conditions(study):
        if (c.held_out is not None) != held_out:
            continue
        for seed in seeds(study, student):
            folder = student_folder(study, student, c, seed)
            file = need(folder / "predictions.parquet", study)
            about = read_result(file.with_name("student.json"), StudentResult)
            scores = pd.read_parquet(file)
            scores = read_as(of_trait(scores[scores["split"] == split], trait), reading)[COLLECTED]
            parts.append(
                scores.assign(
                    **c.fields, draw=ONCE if c.draw is None else c.draw,
                    seed=ONCE if deterministic else seed,
                    n_human=about.n_human, n_train=about.n_train,
                    truncated=about.truncated,
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def collect_teacher(
    study: Study,
    teacher: str,
    split: str = "test",
    trait: str = HOLISTIC,
    reading: str = "plain",
) -> pd.DataFrame:
    """All scores of one Teacher for one split in one reading, in the columns of `collect_runs`,
    with `linked_score`, and `p_<label>` where it gives probabilities."""
    parts = []
    for c in conditions(study):
        if c.teacher != teacher or c.strategy != HARD.name or c.held_out is not None:
            continue
        folder = labels_folder(study, teacher, c.fraction, c.draw)
        file = need(folder / "predictions.parquet", study)
        about = read_result(file.with_name("labeling.json"), LabelingResult)
        scores = pd.read_parquet(file)
        n_human = about.budget["train"]
        scores = read_as(of_trait(scores[scores["split"] == split], trait), reading)
        more = [n for n in scores if n.startswith("p_") or n == "linked_score"]
        of_teacher = Condition("teacher", teacher, c.fraction).fields
        parts.append(
            scores[[*COLLECTED, *more]].assign(
                **of_teacher, draw=c.draw, seed=0, n_human=n_human, n_train=n_human,
                truncated=about.truncated,
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def primary_runs(study: Study, student: str, reading: str = "plain") -> pd.DataFrame:
    """What a fairness report compares: the runs at the primary fraction of one Student and of the
    Teachers, or of the machines of a file; in the columns of `collect_runs`."""
    teachers = study.teachers if "cyborg" in study.arms else []
    frames = [collect_runs(study, student, reading=reading)]
    frames += [collect_teacher(study, t.name, reading=reading) for t in teachers]
    return pd.concat([at_primary_fraction(study, frame) for frame in frames], ignore_index=True)


def weights_of(run: pd.DataFrame) -> np.ndarray | None:
    """The sampling weights of a run's essays; None where all essays count the same."""
    return run["weight"].to_numpy() if "weight" in run else None


def at_primary_fraction(study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """The runs at the study's primary fraction, and those that have none."""
    return runs[runs["fraction"].isna() | (runs["fraction"] == study.primary_fraction)]


def hard_only(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs on hard labels, and those without a Teacher's labels."""
    return runs[runs["strategy"].fillna(HARD.name) == HARD.name]


def with_fields(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """A table of one or more rows per condition, with the `CONDITION_FIELDS` of `runs` first."""
    fields = runs[CONDITION_FIELDS].drop_duplicates("condition")
    others = [name for name in table if name not in CONDITION_FIELDS]
    return table[["condition", *others]].merge(fields, on="condition")[[*CONDITION_FIELDS, *others]]


def _machines(study: Study) -> pd.DataFrame:
    """Machine scores from a file, on the essays that human raters and every machine scored.

    `human_mean` is the human score as it is in the file, `human` the nearest point of the scale;
    `weight` is the sampling weight, where the study declares probabilities.
    """
    corpus = pd.read_parquet(need(corpus_file(study), study))
    complete = corpus.dropna(subset=["score", *study.machines])
    weight = {}
    if "probability" in complete:
        weight["weight"] = inverse_probability_weights(complete["probability"])
    no_counts = dict.fromkeys(["n_human", "n_train", "truncated"], np.nan)
    parts = [
        pd.DataFrame(
            {
                "essay_id": complete["essay_id"],
                "human": nearest_points(complete["score"], study.labels),
                "human_mean": complete["score"],
                "continuous": complete[name],
                "score": round_to_scale(complete[name], study.labels),
                **Condition("machine", name).fields,
                "draw": ONCE,
                "seed": 0,
                **no_counts,
                **weight,
            }
        )
        for name in study.machines
    ]
    return pd.concat(parts, ignore_index=True)
