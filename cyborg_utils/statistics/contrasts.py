"""Inference about the arms of a study: comparisons, retention and the human-label equivalent.

Everything is computed from what `cyborg_utils.statistics.replications.resample_runs` returns:
replicates over essays, and the QWK of every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy import optimize, stats

from cyborg_utils.statistics.replications import Resampled
from cyborg_utils.statistics.variance_components import combined_df, population, run_variance


class NoInterval(StrEnum):
    """Why a retention has no interval."""

    NO_GAIN = "no_gain"  # full is not significantly better than human-only
    GAIN_UNCERTAIN = "gain_uncertain"


def contrast(resampled: Resampled, weights: Mapping[str, float], level: float = 0.95) -> pd.Series:
    """Estimate a weighted sum of arms' QWK with error, interval and p.

    The variance is that of essays, resampled for all arms at once, plus that of draws and
    trainings; the interval is t's, with the degrees of freedom of
    `cyborg_utils.statistics.variance_components.combined_df`.

    Parameters
    ----------
    resampled : Resampled
    weights : dict of str to float
        Weight of each arm.
    level : float

    Returns
    -------
    pandas.Series
        `estimate, se, df, low, high, p` (two-sided, of zero), `se_essays, se_draws, se_seeds`,
        `population`, a `cyborg_utils.statistics.variance_components.Population`, and
        `inference_to`, a `cyborg_utils.statistics.bootstrap.InferenceTo`.

    Raises
    ------
    ValueError
        If an arm is unknown.
    """
    _check_arms(resampled, weights)
    names = list(weights)
    estimate = float(resampled.estimates[names].to_numpy() @ list(weights.values()))
    essays = _essay_variance(resampled, weights)
    runs = run_variance(resampled.runs, weights, resampled.same_trainings)
    se = np.sqrt(essays + runs.draws + runs.seeds)
    df = combined_df(essays, resampled.essay_df, runs.draws + runs.seeds, runs.df)
    half_width = 0.0 if se == 0 else stats.t.ppf(0.5 + level / 2, df) * se
    p = float(estimate == 0) if se == 0 else 2 * stats.t.sf(abs(estimate) / se, df)
    return pd.Series(
        {"estimate": estimate, "se": se, "df": df, "low": estimate - half_width,
         "high": estimate + half_width, "p": p, "se_essays": np.sqrt(essays),
         "se_draws": np.sqrt(runs.draws), "se_seeds": np.sqrt(runs.seeds),
         "population": population(resampled.runs, weights), "inference_to": resampled.inference_to}
    )  # fmt: skip


def _essay_variance(resampled: Resampled, weights: Mapping[str, float]) -> float:
    combined = resampled.replicates[list(weights)].to_numpy() @ list(weights.values())
    return float(combined.var(ddof=1))


def _variance(resampled: Resampled, weights: Mapping[str, float]) -> float:
    runs = run_variance(resampled.runs, weights, resampled.same_trainings)
    return _essay_variance(resampled, weights) + runs.draws + runs.seeds


def arm_table(resampled: Resampled, level: float = 0.95) -> pd.DataFrame:
    """Tabulate every arm's mean QWK with its interval and the components of its error.

    Parameters
    ----------
    resampled : Resampled
    level : float

    Returns
    -------
    pandas.DataFrame
        Index `arm`; columns of `contrast` without `p`, `estimate` called `qwk`.
    """
    rows = {name: contrast(resampled, {name: 1.0}, level) for name in resampled.estimates.index}
    table = pd.DataFrame(rows).T.drop(columns="p").rename(columns={"estimate": "qwk"})
    return table.infer_objects().rename_axis("arm")


def compare_arms(
    resampled: Resampled,
    arm: str,
    reference: str,
    margin: float | None = None,
    level: float = 0.95,
    alpha: float = 0.05,
) -> pd.Series:
    """Compare two arms, and test non-inferiority if a margin is declared.

    Parameters
    ----------
    resampled : Resampled
    arm, reference : str
    margin : float, optional
        Above zero, in QWK: the arm is non-inferior where the one-sided lower bound of
        arm - reference exceeds minus the margin.
    level : float
        Of the two-sided interval.
    alpha : float
        Of the one-sided test.

    Returns
    -------
    pandas.Series
        `arm, reference, difference`, the columns of `contrast`, and with a margin `lower,
        margin, non_inferior` (bool), `p_non_inferior` (one-sided).

    Raises
    ------
    ValueError
        If an arm is unknown or the margin is not above zero.
    """
    difference = contrast(resampled, _sum((arm, 1.0), (reference, -1.0)), level)
    difference = difference.rename({"estimate": "difference"})
    comparison = pd.Series({"arm": arm, "reference": reference, **difference})
    if margin is None:
        return comparison
    if not margin > 0:
        raise ValueError(
            f"margin must be above zero (0.02 allows a loss of 0.02 QWK), got {margin!r}"
        )
    gap, se, df = comparison[["difference", "se", "df"]]
    lower = gap - stats.t.ppf(1 - alpha, df) * se if se > 0 else gap
    p = stats.t.sf((gap + margin) / se, df) if se > 0 else float(gap <= -margin)
    extra = {"lower": lower, "margin": margin, "non_inferior": bool(lower > -margin),
             "p_non_inferior": p}  # fmt: skip
    return pd.concat([comparison, pd.Series(extra, dtype=object)])


def retention(
    resampled: Resampled, cyborg: str, human_only: str, full: str, level: float = 0.95
) -> pd.Series:
    """Estimate the proportion of the gain from full human labeling that cyborg data retains.

    (cyborg - human-only) / (full - human-only), with Fieller's (1954) interval: the values r for
    which cyborg - human-only - r (full - human-only) does not differ significantly from zero.

    Parameters
    ----------
    resampled : Resampled
    cyborg, human_only, full : str
        Arms.
    level : float

    Returns
    -------
    pandas.Series
        `retention, low, high, no_interval`; NaN limits and a `NoInterval` where full is not
        significantly better than human-only, since any proportion is then possible.

    Raises
    ------
    ValueError
        If an arm is unknown.
    """
    gain = contrast(resampled, _sum((full, 1.0), (human_only, -1.0)), level)
    retained = contrast(resampled, _sum((cyborg, 1.0), (human_only, -1.0)), level)
    if not gain["low"] > 0:
        share = retained["estimate"] / gain["estimate"] if gain["estimate"] > 0 else np.nan
        return _without_interval(share, NoInterval.NO_GAIN)
    share = retained["estimate"] / gain["estimate"]
    residual = contrast(
        resampled, _sum((cyborg, 1.0), (human_only, share - 1.0), (full, -share)), level
    )
    t = stats.t.ppf(0.5 + level / 2, residual["df"]) if residual["se"] > 0 else 0.0
    v11, v22 = retained["se"] ** 2, gain["se"] ** 2
    both = _sum((cyborg, 1.0), (full, 1.0), (human_only, -2.0))
    v12 = (_variance(resampled, both) - v11 - v22) / 2
    x, y = retained["estimate"], gain["estimate"]
    a, b, c = y**2 - t**2 * v22, x * y - t**2 * v12, x**2 - t**2 * v11
    if a <= 0:
        return _without_interval(share, NoInterval.GAIN_UNCERTAIN)
    root = np.sqrt(max(b**2 - a * c, 0.0))
    limits = {"low": (b - root) / a, "high": (b + root) / a}
    return pd.Series({"retention": share, **limits, "no_interval": None})


def _without_interval(share: float, reason: NoInterval) -> pd.Series:
    return pd.Series({"retention": share, "low": np.nan, "high": np.nan, "no_interval": reason})


def equivalent_labels(
    resampled: Resampled, arm: str, curve: Mapping[int, str], level: float = 0.95
) -> pd.Series:
    """Estimate an arm's human-label equivalent from the human-only label-budget curve.

    The curve is made monotone by isotonic regression and interpolated on the logarithm of the
    number of labels, for the estimates and for every replicate.

    Parameters
    ----------
    resampled : Resampled
    arm : str
    curve : dict of int to str
        Number of human labels to the human-only arm trained on them; two or more.
    level : float

    Returns
    -------
    pandas.Series
        `labels, low, high, off_curve`; NaN where a value lies off the curve: `off_curve` is a tuple
        of its name and the side, such as `labels_above` or `low_below`.

    Raises
    ------
    ValueError
        If the curve has fewer than two points or an arm is unknown.
    """
    if len(curve) < 2:
        raise ValueError(f"curve must have two or more numbers of labels, got {list(curve)}")
    counts = sorted(curve)
    names = [curve[count] for count in counts]
    _check_arms(resampled, names)
    df = contrast(resampled, {arm: 1.0}, level)["df"]
    tail = (1 - level) / 2
    t_to_normal = stats.t.isf(tail, df) / stats.norm.isf(tail) if np.isfinite(df) else 1.0
    center = resampled.estimates[[arm, *names]].to_numpy(dtype=float)
    deviations = resampled.replicates[[arm, *names]].to_numpy() - center
    deviations += _run_deviations(resampled, [arm, *names])
    replicates = center + t_to_normal * deviations
    logs = np.log(counts)
    estimate = _read_off(center, logs)
    values = np.array([_read_off(row, logs) for row in replicates])
    low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf")
    log_labels = {"labels": estimate, "low": low, "high": high}
    sides = {-np.inf: "below", np.inf: "above"}
    off_curve = tuple(f"{name}_{sides[v]}" for name, v in log_labels.items() if v in sides)
    labels = {
        name: float(np.exp(v)) if np.isfinite(v) else np.nan for name, v in log_labels.items()
    }
    return pd.Series({**labels, "off_curve": off_curve})


def _run_deviations(resampled: Resampled, names: list[str]) -> np.ndarray:
    """Normal deviations of the arms' means with the covariance of draws and trainings."""

    def variance(*arms: str) -> float:
        weights = _sum(*((arm, 1.0) for arm in arms))
        of_runs = run_variance(resampled.runs, weights, resampled.same_trainings)
        return of_runs.draws + of_runs.seeds

    alone = np.array([variance(name) for name in names])
    sums = np.array([[variance(a, b) for b in names] for a in names])
    covariance = (sums - alone[:, None] - alone) / 2
    size, none = len(resampled.replicates), np.zeros(len(names))
    return np.random.default_rng(0).multivariate_normal(none, covariance, size, method="eigh")


def _check_arms(resampled: Resampled, names: Iterable[str]) -> None:
    unknown = [name for name in names if name not in resampled.estimates]
    if unknown:
        arms = ", ".join(map(str, resampled.estimates.index))
        raise ValueError(f"unknown arms {', '.join(map(str, unknown))}: use {arms}")


def _sum(*terms: tuple[str, float]) -> dict[str, float]:
    weights = {}
    for name, weight in terms:
        weights[name] = weights.get(name, 0.0) + weight
    return weights


def _read_off(point: np.ndarray, logs: np.ndarray) -> float:
    target, curve = point[0], optimize.isotonic_regression(point[1:]).x
    if target < curve[0]:
        return -np.inf
    if target > curve[-1]:
        return np.inf
    return np.interp(target, curve, logs)
