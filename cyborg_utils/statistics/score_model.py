"""A model of human scores given machine scores, whose predictions never saw the essay's own score.

Ridge regression of the indicators of the human scores, with leave-one-out predictions in closed
form: cross-fitting with as many folds as there are human scores, and no random folds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cyborg_utils.statistics.scales import as_labels, scale_step

PENALTY = 1.0  # on standardized columns, in essays


class PredictedScores(NamedTuple):
    """Probabilities of the human scores; they sum to 1 and may lie slightly outside 0 and 1.

    Attributes
    ----------
    points : ndarray, shape (k,)
        The human scores that occur.
    scored : ndarray, shape (n, k)
        Of each essay with a human score, by the model fitted without it.
    everyone : ndarray, shape (N, k)
        Of all essays, by the mean of the n models.
    """

    points: np.ndarray
    scored: np.ndarray
    everyone: np.ndarray


def score_basis(
    proxies: np.ndarray, labels: ArrayLike, features: pd.DataFrame | None = None
) -> np.ndarray:
    """Compute the columns on which human scores are regressed.

    Parameters
    ----------
    proxies : ndarray, shape (N, r)
        Machine scores of all essays, on the scale of the human scores: their values, squares and
        products are used, and a linear spline of their mean with a knot at each label.
    labels : array_like, shape (k,)
    features : pandas.DataFrame, N rows, optional
        Further columns: numbers as they are, with missing ones at the mean, others as indicators of
        their levels.

    Returns
    -------
    ndarray, shape (N, p)
        Standardized, those of the spline to half a standard deviation, so that the penalty on them
        is four times the others'; constant columns are left out.
    """
    values, knots = _standardized(np.asarray(proxies, dtype=float)), as_labels(labels).astype(float)
    mean = np.asarray(proxies, dtype=float).mean(axis=1, keepdims=True)
    distance = np.abs(np.clip(mean, knots[0], knots[-1]) - knots) / scale_step(labels)
    products = [values[:, [i]] * values[:, i:] for i in range(values.shape[1])]
    further = [_feature_columns(features[name]) for name in (() if features is None else features)]
    columns = _standardized(np.hstack([values, *products, *further]))
    return np.hstack([columns, _standardized(np.clip(1 - distance, 0, 1)) / 2])


def _feature_columns(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        present = np.isfinite(values)
        return np.where(present, values, values[present].mean() if present.any() else 0.0)[:, None]
    return pd.get_dummies(column.astype("string").fillna(""), dtype=float).to_numpy()


def _standardized(columns: np.ndarray) -> np.ndarray:
    centered = columns - columns.mean(axis=0)
    spread = centered.std(axis=0)
    varies = spread > 1e-9
    return centered[:, varies] / spread[varies]


def cross_fitted_scores(
    basis: np.ndarray, scored: np.ndarray, human: np.ndarray, weights: np.ndarray
) -> PredictedScores:
    """Predict the human score of every essay, by models that were fitted without it.

    Without essay i, the weighted ridge regression predicts y_i - e_i / (1 - h_i) for it, where e
    is the residual and h the leverage in the regression on all scored essays (Allen, 1974). The
    mean of these models predicts all essays, as in cross-fitted prediction-powered inference
    (Zrnic and Candes, 2024).

    Parameters
    ----------
    basis : ndarray, shape (N, p)
    scored : ndarray of bool, shape (N,)
        Essays with a human score, two or more.
    human, weights : ndarray, shape (n,)
        Human scores and sampling weights (of mean 1) of the scored essays.

    Returns
    -------
    PredictedScores
    """
    points, codes = np.unique(human, return_inverse=True)
    y = np.eye(points.size)[codes]
    everyone = np.column_stack([np.ones(len(basis)), basis])
    x = everyone[scored]
    penalty = np.diag(np.r_[0.0, np.full(basis.shape[1], PENALTY)])
    weighted = weights[:, None] * x
    influence = np.linalg.solve(x.T @ weighted + penalty, weighted.T)  # (p + 1, n)
    coefficients = influence @ y
    leverage = np.einsum("ij,ji->i", x, influence)
    left_out = (y - x @ coefficients) / (1 - leverage)[:, None]
    share = weights / weights.sum()
    average = coefficients - (influence * share) @ left_out
    return PredictedScores(points, y - left_out, everyone @ average)
