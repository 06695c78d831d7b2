"""Teacher audit: errors of its labels, calibration of its probabilities, error propagation.

The withheld human scores of the labeled essays are used here and nowhere before; without them, the
Teacher is evaluated on dev and test alone.
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
    """A Teacher's labels at the primary fraction with the withheld human scores of the same essays.

    Returns
    -------
    frame, one row per draw and labeled essay with a human score: `essay_id, draw, human, score,
    expected`, `p_<label>` where the Teacher has them, `words` in fifths, `prompt` and the
    attributes
    """
    parts = []
    for draw in study.sampling.draws:
        ledger = read_ledger(study, teacher, study.primary_fraction, draw)
        parts.append(ledger[ledger["label_source"] == "teacher"].assign(draw=draw))
    labels = pd.concat(parts, ignore_index=True).drop(columns="label_source")
    withheld = corpus[corpus["split"] == "train"].dropna(subset="score")
    withheld = withheld.rename(columns={"score": "human"}).drop(
        columns=["split", "score_2"], errors="ignore"
    )
    words = word_count(withheld["text"]).rank(pct=True, method="average")
    fifths = pd.cut(words, [0, 0.2, 0.4, 0.6, 0.8, 1], labels=FIFTHS, include_lowest=True)
    withheld = withheld.assign(words=fifths.astype(str)).drop(columns="text")
    return labels.merge(withheld, on="essay_id", validate="many_to_one")


def by_stratum(
    audited: pd.DataFrame, columns: list[str], labels: list, least: int = 1
) -> pd.DataFrame:
    """Agreement within the strata of some columns, over all draws; except for human scores, strata
    of fewer than `least` essays are suppressed, with complementary suppression.

    Returns
    -------
    frame of the columns `STRATUM`; `difference` is Teacher minus human, `se` its standard error
    over essays, one of which can have a label in every draw, `qwk` is undefined within one score
    point
    """
    rows = []
    for column in columns:
        is_score = column == "human"  # formatted as on the scale, 1 and not 1.0
        levels = (
            audited[column].map("{:g}".format) if is_score else group_levels(audited, column)[1]
        )
        counts = audited.groupby(levels)["essay_id"].nunique()
        suppressed = suppress_small_cells(counts, 1 if is_score else least)
        for level, part in audited.groupby(levels, sort=True):
            if suppressed[level]:
                continue
            constant = part["human"].nunique() == 1
            qwk = (
                None if constant else quadratic_weighted_kappa(part["human"], part["score"], labels)
            )
            gap = part["score"] - part["human"]
            rows.append(
                {
                    "by": column, "level": level, "essays": part["essay_id"].nunique(),
                    "mean_human": part["human"].mean(), "mean_teacher": part["score"].mean(),
                    "difference": gap.mean(), "se": _clustered_error(gap, part["essay_id"]),
                    "exact": (part["score"] == part["human"]).mean(),
                    "qwk": qwk,
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=STRATUM)


def _clustered_error(gap: pd.Series, essay: pd.Series) -> float:
    """Standard error of the mean of labels, clustered by essay (Liang and Zeger, 1986)."""
    sums = (gap - gap.mean()).groupby(essay).sum()
    k = len(sums)
    return float((sums**2).sum() * k / (k - 1)) ** 0.5 / len(gap) if k > 1 else np.nan


def reliability(audited: pd.DataFrame, labels: list) -> tuple[pd.DataFrame, dict] | None:
    """Probability calibration: is a label with a confidence of 70 % correct in 70 % of cases?

    Returns
    -------
    (frame of `BINS` bins of equal numbers of labels: `confidence`, the mean probability of the
    label; `accuracy`, the proportion equal to the human score; `essays`; and a dict: `ece`, the
    expected calibration error, the mean of |confidence - accuracy| weighted by essays, after Guo
    et al., 2017, but with bins of equal numbers; `by_chance`, its mean for a perfectly
    calibrated Teacher, by simulation; `overconfidence`, mean confidence minus accuracy), or None
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
    rng, simulated = np.random.default_rng(0), []
    for _ in range(SIMULATIONS):  # of a perfectly calibrated Teacher
        correct = (
            pd.Series(rng.random(len(confidence)) < confidence).groupby(place.to_numpy()).mean()
        )
        miss = (correct.to_numpy() - table["confidence"]).abs()
        simulated.append((miss * table["essays"]).sum() / table["essays"].sum())
    return table, {
        "ece": float(ece),
        "by_chance": float(np.mean(simulated)),
        "overconfidence": float(confidence.mean() - right.mean()),
    }


def dev_set_estimates(
    study: Study, audited: pd.DataFrame, predictions: pd.DataFrame
) -> pd.DataFrame:
    """The Teacher's agreement on dev alone, with its interval, and with the withheld human scores,
    which operational use does not have.

    Parameters
    ----------
    predictions : the Teacher's scores of dev essays, one row per draw and essay: `human, score,
        draw`.

    Returns
    -------
    frame, one row per draw and statistic: `draw, statistic, dev, low, high, hidden, inside`; the
    last two are None where no labeled essay has a human score
    """
    parts = []
    for draw, dev in predictions.groupby("draw"):
        of_draw = audited[audited["draw"] == draw]
        on_dev = bootstrap_agreement(
            dev["human"], dev["score"], study.labels, study.evaluation.replicates
        )
        table = on_dev[["estimate", "low", "high"]].rename(columns={"estimate": "dev"})
        table = table.assign(hidden=None, inside=None, draw=draw).loc[["qwk", "exact", "smd"]]
        if len(of_draw):
            hidden = bootstrap_agreement(of_draw["human"], of_draw["score"], study.labels, 200)
            table["hidden"] = hidden["estimate"]
            defined = table[["hidden", "low", "high"]].notna().all(axis=1)
            inside = table["hidden"].between(table["low"], table["high"])
            table["inside"] = inside.astype("object").where(defined, None)
        parts.append(table.reset_index())
    columns = ["draw", "statistic", "dev", "low", "high", "hidden", "inside"]
    return pd.concat(parts, ignore_index=True)[columns]


def inherited_errors(runs: pd.DataFrame, teacher: pd.DataFrame) -> pd.DataFrame:
    """Error propagation: regression of a Student's errors on test on the Teacher's.

    The errors of any two scorers are correlated, for both are differences from the same human
    score, which contains error. Compare the slope with the arms that were not trained on the
    Teacher's labels; the correlation is also lower for a less accurate Student.

    Parameters
    ----------
    runs, teacher : frames of `collect_runs` and `collect_teacher` for test.

    Returns
    -------
    frame, one row per condition with its fields: `correlation` of the Student's errors (score -
    human) with the Teacher's, `slope` of the one on the other; over the runs, each with its own
    draw's Teacher
    """
    errors = teacher.assign(error_teacher=teacher["score"] - teacher["human"])
    rows = []
    for (condition, draw, _), run in runs.groupby(["condition", "draw", "seed"], sort=False):
        same = errors[errors["draw"] == draw] if draw in set(errors["draw"]) else errors
        both = run.merge(same[["essay_id", "error_teacher"]], on="essay_id")
        both["error"] = both["score"] - both["human"]
        variance = both["error_teacher"].var()
        if variance > 0 and both["error"].var() > 0:
            rows.append(
                {
                    "condition": condition,
                    "correlation": both["error"].corr(both["error_teacher"]),
                    "slope": both["error"].cov(both["error_teacher"]) / variance,
                }
            )  # fmt: skip
    table = pd.DataFrame(rows, columns=["condition", "correlation", "slope"])
    return with_fields(table.groupby("condition", sort=False).mean().reset_index(), runs)
