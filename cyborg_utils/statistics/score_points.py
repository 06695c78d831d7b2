"""Error of machine scores by human score point: confusion matrix, bias and conditional SEM."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cyborg_utils.statistics.bootstrap import Statistics
from cyborg_utils.statistics.scales import aligned_scores, as_labels, scale_step, scores_on_scale
from cyborg_utils.statistics.weighting import as_weights, estimates_table, linearized

POINT_STATISTICS = ("mean_machine", "bias", "conditional_sem", "exact", "beyond_one_step")


def confusion_matrix(
    human: ArrayLike, machine: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> pd.DataFrame:
    """Count essays by human and machine score.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores on the scale.
    labels : array_like, shape (k,)
        Every score of the scale.
    weights : array_like, shape (n,), optional
        Sampling weights, scaled to a mean of 1: the counts then sum to n all the same.

    Returns
    -------
    pandas.DataFrame
        Index `human`, columns `machine`, both every score of the scale; essays, or sums of weights.

    Raises
    ------
    ValueError
        If lengths differ, a score or weight is missing, or a score is not on the scale.
    """
    h, m = scores_on_scale(labels, human=human, machine=machine)
    scale = as_labels(labels)
    position = [np.searchsorted(scale.astype(float), vector) for vector in (h, m)]
    counts = np.zeros((scale.size, scale.size))
    np.add.at(counts, tuple(position), as_weights(weights, h.size))
    counts = counts if weights is not None else counts.astype(int)
    return pd.DataFrame(counts, pd.Index(scale, name="human"), pd.Index(scale, name="machine"))


def error_by_score(
    human: ArrayLike,
    machine: ArrayLike,
    labels: ArrayLike,
    continuous: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> pd.DataFrame:
    """Estimate the machine's error at every human score point.

    The conditional standard error of measurement at a score point h is the standard deviation of
    M - H among essays with H = h: of a machine, the spread of its scores there. Its error is the
    influence function's. A machine that follows true scores has a bias towards the mean at both
    ends, for H contains error too (regression to the mean); two human ratings show how large.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores on the scale.
    labels : array_like, shape (k,)
        Every score of the scale, evenly spaced.
    continuous : array_like, shape (n,), optional
        The machine's continuous scores, of which mean, bias and conditional SEM are; by default
        `machine`.
    weights : array_like, shape (n,), optional
        Sampling weights.

    Returns
    -------
    pandas.DataFrame
        One row per score point with essays and statistic: `score, statistic` (mean_machine; bias,
        the mean of M - H; conditional_sem; exact, the proportion with M = H; beyond_one_step, that
        with abs(M - H) > step), `estimate, se, n`. In score points, but for the proportions.

    Raises
    ------
    ValueError
        As `confusion_matrix`.
    """
    h, m = scores_on_scale(labels, human=human, machine=machine)
    (c,) = aligned_scores(continuous=m if continuous is None else continuous)
    w = as_weights(weights, h.size)
    distance, far = np.abs(m - h), scale_step(labels) * (1 + 1e-4)
    features = np.stack([c - h, (c - h) ** 2, distance == 0, distance > far], axis=1).astype(float)
    tables = []
    for score in as_labels(labels).astype(float):
        at = (h == score) & (w > 0)
        if not at.any():
            continue
        estimated = linearized(features[at], _at_a_score(score), w[at])
        table = estimates_table(POINT_STATISTICS, estimated, int(at.sum()))
        if at.sum() == 1:
            table.loc[table["statistic"] == "conditional_sem", "estimate"] = np.nan
        tables.append(table.assign(score=score))
    columns = ["score", "statistic", "estimate", "se", "n"]
    return pd.concat(tables, ignore_index=True)[columns]


def _at_a_score(score: float) -> Statistics:
    def statistics(means: np.ndarray, n: ArrayLike) -> np.ndarray:
        bias, squares, exact, far = np.moveaxis(means, -1, 0)
        variance = (squares - bias**2) * n / np.maximum(np.asarray(n) - 1, 1)
        sem = np.sqrt(np.where(variance.real > 1e-12, variance, 0))
        return np.stack([score + bias, bias, sem, exact, far], axis=-1)

    return statistics
