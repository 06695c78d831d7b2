"""Analysis of a study without human-scored test essays.

Its only agreement with human raters is on dev, whose essays are few and on which the checkpoints of
neural models were selected: a sign that a model has learned something, and no estimate for new
essays.
"""

from __future__ import annotations

import math

import pandas as pd

from cyborg_utils.analysis.agreement import HUMAN, agreement_by_condition, score_shares
from cyborg_utils.analysis.predictions import collect_runs, collect_teacher
from cyborg_utils.study.design import CONDITION_FIELDS, conditions, saves_model, seeds
from cyborg_utils.study.folders import shown_path
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import model_folder

HALF_WIDTH = 0.05  # of the 95 % interval of QWK that a test set should give
FEWEST = 30  # test essays


def scored_by(corpus: pd.DataFrame, ledgers: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Number of essays by scorer and purpose.

    Returns
    -------
    frame `scorer` ("human" or a Teacher), `essays, purpose` (the split; "label" for the labels of a
    Teacher, `ledgers`)
    """
    scored = corpus.dropna(subset="score")["split"].value_counts()
    rows = [{"scorer": HUMAN, "essays": int(scored[s]), "purpose": s} for s in ("train", "dev")]
    for teacher, ledger in ledgers.items():
        n = int((ledger["label_source"] == "teacher").sum())
        rows.append({"scorer": teacher, "essays": n, "purpose": "label"})
    rows.append({"scorer": HUMAN, "essays": 0, "purpose": "test"})
    return pd.DataFrame(rows)


def agreement_on_dev(study: Study) -> pd.DataFrame:
    """QWK on dev of every Teacher and Student, with 95 % intervals.

    Returns
    -------
    frame, one row per scorer and condition with its fields: `scorer` (a Teacher where the arm is
    `teacher`, else a Student), `picked` (whether its checkpoint was selected on dev), `n_human,
    n_train, qwk, low, high`
    """
    scorers = []
    if "cyborg" in study.arms:
        scorers += [(t, collect_teacher(study, t.name, "dev")) for t in study.teachers]
    scorers += [(s, collect_runs(study, s.name, "dev")) for s in study.students]
    parts = []
    for spec, runs in scorers:
        table, _ = agreement_by_condition(study, runs)
        parts.append(table.assign(scorer=spec.name, picked=spec.neural))
    columns = ["scorer", *CONDITION_FIELDS, "picked", "n_human", "n_train", "qwk", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns]


def shares_without_test(
    study: Study, corpus: pd.DataFrame, ledgers: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """`score_shares` of human scores, each Teacher's labels, and each Student's scores of dev in
    the first arm with a Teacher's labels, or in the human-only arm.

    Returns
    -------
    one column per source: `human:train`, `human:dev`, `teacher:NAME`, `student:NAME`
    """
    scored = corpus.dropna(subset="score")
    scores = {f"{HUMAN}:{s}": scored.loc[scored["split"] == s, "score"] for s in ("train", "dev")}
    for teacher, ledger in ledgers.items():
        scores[f"teacher:{teacher}"] = ledger.query("label_source == 'teacher'")["score"]
    for student in study.students:
        runs = collect_runs(study, student.name, "dev")
        arm = "cyborg" if "cyborg" in study.arms else "human"
        first = runs.loc[runs["arm"] == arm, "condition"].iloc[0]
        scores[f"student:{student.name}"] = runs.loc[runs["condition"] == first, "score"]
    return score_shares(scores, study.labels)


def essays_needed(low: float, high: float, n: int, half_width: float = HALF_WIDTH) -> int | None:
    """Test essays for an interval of QWK of that half-width, estimated from the interval on `n`
    essays: its width falls with the square root of their number. Rounded up to tens; None where
    the interval is a point or missing."""
    half = (high - low) / 2
    if not (math.isfinite(half) and half > 0):
        return None
    return max(FEWEST, math.ceil(n * (half / half_width) ** 2 / 10) * 10)


def widest(on_dev: pd.DataFrame) -> pd.Series:
    """The Student with the widest interval on dev, for a conservative estimate."""
    students = on_dev[on_dev["arm"] != "teacher"]
    return students.loc[(students["high"] - students["low"]).fillna(0).idxmax()]


def saved_students(study: Study) -> list[str]:
    """Folders of the saved Students, those trained on a Teacher's labels first."""
    runs = sorted(conditions(study), key=lambda c: c.arm != "cyborg")
    return [
        shown_path(model_folder(study, s.name, c, seed))
        for s in study.students
        for c in runs
        if saves_model(study, c)
        for seed in seeds(study, s.name)[:1]
    ]
