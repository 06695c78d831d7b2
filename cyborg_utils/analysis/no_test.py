"""What a study without human-scored test essays can say, what it cannot, and what would help.

Its only agreement with people is on dev, whose essays are few and picked the weights of neural
models: a sign that something was learnt, and no estimate for new essays.
"""

from __future__ import annotations

import math

import pandas as pd

from cyborg_utils.analysis.agreement import agreement_by_series
from cyborg_utils.analysis.predictions import collect_runs, collect_teacher
from cyborg_utils.study.design import conditions, keeps_model, seeds
from cyborg_utils.study.folders import shown_path
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import model_folder

HALF_WIDTH = 0.05  # of a 95 % interval of QWK that a test part should give
FEWEST = 30  # test essays


def scored_by(corpus: pd.DataFrame, ledgers: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Who scored how many essays, what for: `essays, scored by, used`; a row for U, one for dev,
    and one for the labels of each Teacher (`ledgers`)."""
    scored = corpus.dropna(subset="score")["split"].value_counts()
    rows = [
        {"scored by": "people", "essays": int(scored["train"]), "for": "U: learnt from"},
        {"scored by": "people", "essays": int(scored["dev"]), "for": "dev: picks weights"},
    ]
    for teacher, ledger in ledgers.items():
        n = int((ledger["label_source"] == "teacher").sum())
        rows.append({"scored by": f"Teacher {teacher}", "essays": n, "for": "labels: learnt from"})
    rows.append({"scored by": "people", "essays": 0, "for": "test: judges"})
    return pd.DataFrame(rows)


def agreement_on_dev(study: Study) -> pd.DataFrame:
    """QWK on dev of every Teacher and Student, with 95 % intervals.

    Returns
    -------
    frame, a row a series: `scorer, series, picked` (whether dev picked its weights), `n_human,
    n_train, qwk, low, high`
    """
    found = []
    if "cyborg" in study.arms:
        found += [(f"Teacher {t.name}", t, collect_teacher(study, t.name, "dev"))
                  for t in study.teachers]  # fmt: skip
    found += [(s.name, s, collect_runs(study, s.name, "dev")) for s in study.students]
    parts = []
    for scorer, spec, runs in found:
        table, _ = agreement_by_series(study, runs)
        parts.append(table.assign(scorer=scorer, picked=spec.kind != "classical"))
    columns = ["scorer", "series", "picked", "n_human", "n_train", "qwk", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns]


def score_shares(
    study: Study, corpus: pd.DataFrame, ledgers: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """Share of essays at each score: people's, each Teacher's labels, each Student's own scores of
    dev after the first arm with a Teacher's labels, or after people's alone."""
    scored = corpus.dropna(subset="score")
    given = {
        "people, U": scored.loc[scored["split"] == "train", "score"],
        "people, dev": scored.loc[scored["split"] == "dev", "score"],
    }
    for teacher, ledger in ledgers.items():
        given[f"Teacher {teacher}, labels"] = ledger.query("label_source == 'teacher'")["score"]
    for student in study.students:
        runs = collect_runs(study, student.name, "dev")
        arm = "cyborg" if "cyborg" in study.arms else "human"
        first = runs.loc[runs["arm"] == arm, "series"].iloc[0]
        given[f"{student.name}, dev"] = runs.loc[runs["series"] == first, "score"]
    shares = {name: scores.value_counts(normalize=True) for name, scores in given.items()}
    return pd.DataFrame(shares).reindex(study.labels).fillna(0)


def essays_needed(low: float, high: float, n: int, half_width: float = HALF_WIDTH) -> int | None:
    """Test essays from which an interval of QWK is so narrow, guessed from one on `n` essays: its
    width falls with the root of their number. Rounded up to tens; None where the interval is a
    point, or none, and says nothing."""
    half = (high - low) / 2
    if not (math.isfinite(half) and half > 0):
        return None
    return max(FEWEST, math.ceil(n * (half / half_width) ** 2 / 10) * 10)


def widest(on_dev: pd.DataFrame) -> pd.Series:
    """The Student with the widest interval on dev: what a careful guess starts from."""
    students = on_dev[~on_dev["scorer"].str.startswith("Teacher ")]
    return students.loc[(students["high"] - students["low"]).fillna(0).idxmax()]


def kept_students(study: Study) -> list[str]:
    """The folders of the Students that are kept, those on a Teacher's labels first."""
    runs = sorted(conditions(study), key=lambda c: c.arm != "cyborg")
    return [
        shown_path(model_folder(study, s.name, c, seed))
        for s in study.students
        for c in runs
        if keeps_model(study, c)
        for seed in seeds(study, s.name)[:1]
    ]
