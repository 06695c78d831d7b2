"""A Teacher under audit: where its labels are wrong, whether its probabilities mean what they say,
and which of its errors a Student takes over.

The hidden human scores of the labelled essays are used here and nowhere before; where there are
none, dev and test are what is known.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.analysis.predictions import with_fields
from cyborg_utils.corpus.columns import probability_columns
from cyborg_utils.corpus.text_screening import word_count
from cyborg_utils.statistics.agreement import bootstrap_agreement, quadratic_weighted_kappa
from cyborg_utils.statistics.groups import group_levels, suppress_small_cells
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import read_ledger

BINS, SIMULATIONS = 10, 200
STRATUM = [
    "by", "level", "essays", "mean_human", "mean_teacher", "difference", "se", "exact", "qwk",
]  # fmt: skip
FIFTHS = ["1", "2", "3", "4", "5"]  # of the essays by their length, the shortest first


def audited_labels(study: Study, corpus: pd.DataFrame, teacher: str) -> pd.DataFrame:
    """A Teacher's labels at the main fraction beside the hidden human scores of the same essays.

    Returns
    -------
    frame, a row a draw and labelled essay that people scored too: `essay_id, draw, human, score,
    expected`, `p_<label>` where the Teacher has them, `words` in fifths, `prompt` and the groups
    """
    parts = []
    for draw in study.sampling.draws:
        ledger = read_ledger(study, teacher, study.primary_fraction, draw)
        parts.append(ledger[ledger["label_source"] == "teacher"].assign(draw=draw))
    labels = pd.concat(parts, ignore_index=True).drop(columns="label_source")
    known = corpus[corpus["split"] == "train"].dropna(subset="score")
    known = known.rename(columns={"score": "human"}).drop(
        columns=["split", "score_2"], errors="ignore"
    )
    words = word_count(known["text"]).rank(pct=True, method="average")
    fifths = pd.cut(words, [0, 0.2, 0.4, 0.6, 0.8, 1], labels=FIFTHS, include_lowest=True)
    known = known.assign(words=fifths.astype(str)).drop(columns="text")
    return labels.merge(known, on="essay_id", validate="many_to_one")


def by_stratum(
    audited: pd.DataFrame, columns: list[str], labels: list, least: int = 1
) -> pd.DataFrame:
    """Agreement within the strata of some columns, over all draws; but for people's scores, those
    of fewer than `least` essays are left out with what would tell them by subtraction.

    Returns
    -------
    frame of the columns `STRATUM`; `difference` is Teacher minus human, `se` its standard error
    over essays, `qwk` is undefined within one score point
    """
    rows = []
    for column in columns:
        score = column == "human"  # as the scale writes it, 1 and not 1.0
        levels = audited[column].map("{:g}".format) if score else group_levels(audited, column)[1]
        counts = audited.groupby(levels)["essay_id"].nunique()
        hidden = suppress_small_cells(counts, 1 if score else least)
        for level, part in audited.groupby(levels, sort=True):
            if hidden[level]:
                continue
            one = part["human"].nunique() == 1
            qwk = None if one else quadratic_weighted_kappa(part["human"], part["score"], labels)
            gap = part["score"] - part["human"]
            rows.append(
                {
                    "by": column, "level": level, "essays": part["essay_id"].nunique(),
                    "mean_human": part["human"].mean(), "mean_teacher": part["score"].mean(),
                    "difference": gap.mean(), "se": gap.std() / len(gap) ** 0.5,
                    "exact": (part["score"] == part["human"]).mean(),
                    "qwk": qwk,
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=STRATUM)


def reliability(audited: pd.DataFrame, labels: list) -> tuple[pd.DataFrame, dict] | None:
    """Does a label that is given with 70 % turn out right in 70 % of cases?

    Returns
    -------
    (frame of `BINS` bins of equal numbers of labels: `confidence`, the mean probability of the
    label given; `accuracy`, how often it is the human score; `essays`; and a dict: `ece`, the
    expected calibration error, the mean of |confidence - accuracy| weighted by essays, after Guo
    et al., 2017, but with bins of equal numbers; `by_chance`, what it is on average for a Teacher
    that is right as often as it says; `overconfidence`, mean confidence minus accuracy), or None
    for a Teacher without probabilities
    """
    columns = probability_columns(labels)
    if not set(columns) <= set(audited):
        return None
    confidence = audited[columns].max(axis=1)
    right = (audited["score"] == audited["human"]).astype(float)
    place = (confidence.rank(method="first", pct=True) * BINS - 1e-9).astype(int)
    bins = pd.DataFrame({"confidence": confidence, "accuracy": right}).groupby(place)
    table = bins.mean().assign(essays=bins.size()).reset_index(drop=True)
    gap = (table["confidence"] - table["accuracy"]).abs()
    ece = (gap * table["essays"]).sum() / table["essays"].sum()
    rng, chance = np.random.default_rng(0), []
    for _ in range(SIMULATIONS):  # of a Teacher that is right exactly as often as it says
        lucky = pd.Series(rng.random(len(confidence)) < confidence).groupby(place.to_numpy()).mean()
        miss = (lucky.to_numpy() - table["confidence"]).abs()
        chance.append((miss * table["essays"]).sum() / table["essays"].sum())
    return table, {
        "ece": float(ece),
        "by_chance": float(np.mean(chance)),
        "overconfidence": float(confidence.mean() - right.mean()),
    }


def dev_set_estimates(
    study: Study, audited: pd.DataFrame, predictions: pd.DataFrame
) -> pd.DataFrame:
    """The Teacher's agreement as dev alone tells it, with its interval, beside that with the
    hidden scores: what a real study, which has no hidden scores, would have known.

    Parameters
    ----------
    predictions : the Teacher's scores of dev essays, a row a draw and essay: `human, score, draw`.

    Returns
    -------
    frame, a row a draw and statistic: `draw, statistic, dev, low, high, hidden, inside`; the last
    two are None where no labelled essay has a human score
    """
    parts = []
    for draw, dev in predictions.groupby("draw"):
        mine = audited[audited["draw"] == draw]
        on_dev = bootstrap_agreement(
            dev["human"], dev["score"], study.labels, study.evaluation.replicates
        )
        table = on_dev[["estimate", "low", "high"]].rename(columns={"estimate": "dev"})
        table = table.assign(hidden=None, inside=None, draw=draw).loc[["qwk", "exact", "smd"]]
        if len(mine):
            hidden = bootstrap_agreement(mine["human"], mine["score"], study.labels, 200)
            table["hidden"] = hidden["estimate"]
            told = table[["hidden", "low", "high"]].notna().all(axis=1)
            inside = table["hidden"].between(table["low"], table["high"])
            table["inside"] = inside.astype("object").where(told, None)
        parts.append(table.reset_index())
    columns = ["draw", "statistic", "dev", "low", "high", "hidden", "inside"]
    return pd.concat(parts, ignore_index=True)[columns]


def inherited_errors(runs: pd.DataFrame, teacher: pd.DataFrame) -> pd.DataFrame:
    """How far a Student's errors on test follow the Teacher's.

    Any two scorers' errors go together, for both are measured from the same human score, which
    has an error of its own. The arms that never saw the Teacher are what to compare the slope with;
    a correlation is also the lower the less accurate a Student is.

    Parameters
    ----------
    runs, teacher : frames of `collect_runs` and `collect_teacher` for test.

    Returns
    -------
    frame, a row a condition with its fields: `correlation` of the Student's errors (score - human)
    with the Teacher's, `slope` of the one on the other; over the runs, each with its own draw's
    Teacher
    """
    errors = teacher.assign(error_teacher=teacher["score"] - teacher["human"])
    rows = []
    for (condition, draw, _), run in runs.groupby(["condition", "draw", "seed"], sort=False):
        same = errors[errors["draw"] == draw] if draw in set(errors["draw"]) else errors
        both = run.merge(same[["essay_id", "error_teacher"]], on="essay_id")
        both["error"] = both["score"] - both["human"]
        spread = both["error_teacher"].var()
        if spread > 0 and both["error"].var() > 0:
            rows.append(
                {
                    "condition": condition,
                    "correlation": both["error"].corr(both["error_teacher"]),
                    "slope": both["error"].cov(both["error_teacher"]) / spread,
                }
            )  # fmt: skip
    table = pd.DataFrame(rows, columns=["condition", "correlation", "slope"])
    return with_fields(table.groupby("condition", sort=False).mean().reset_index(), runs)
