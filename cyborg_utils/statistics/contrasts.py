"""Inference about the arms of a study: comparisons, retention and the human-label equivalent.

Everything is computed from the joint replicates of
`cyborg_utils.statistics.replications.resample_runs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy import optimize, stats

from cyborg_utils.statistics.replications import SOURCES, Resampled


class NoInterval(StrEnum):
    """Why a retention has no interval."""

    NO_GAIN = "no_gain"  # full is not significantly better than human-only
    GAIN_UNCERTAIN = "gain_uncertain"


def contrast(resampled: Resampled, weights: Mapping[str, float], level: float = 0.95) -> pd.Series:
    """Estimate a weighted sum of arms' QWK with error, interval and p.

    The interval is t's, its degrees of freedom by Satterthwaite (1946) from the variances of
    essays, draws and seeds, so that three draws count as three.

    Parameters
    ----------
    resampled : Resampled
    weights : dict of str to float
        Weight of each arm.
    level : float

    Returns
    -------
    pandas.Series
        `estimate, se, df, low, high, p` (two-sided, of zero), `se_essays, se_draws, se_seeds`, and
        `notes`, the `Note`s of all arms.

    Raises
    ------
    ValueError
        If an arm is unknown.
    """
    _check_arms(resampled, weights)
    names = list(weights)
    vector = np.array([weights[name] for name in names], dtype=float)
    estimate = float(resampled.estimates[names].to_numpy() @ vector)
    se = float((resampled.replicates[names].to_numpy() @ vector).std(ddof=1))
    components, denominator = {}, 0.0
    for source in SOURCES:
        variance = float((resampled.sources[source][names].to_numpy() @ vector).var(ddof=1))
        free = resampled.degrees.loc[names, source]
        components[f"se_{source}"] = np.sqrt(variance)
        if (free > 0).any():
            denominator += variance**2 / free[free > 0].min()
    total = sum(value**2 for value in components.values())
    df = total**2 / denominator if denominator > 0 else np.nan
    half_width = stats.t.ppf(0.5 + level / 2, df) * se if se > 0 else 0.0
    p = 2 * stats.t.sf(abs(estimate) / se, df) if se > 0 else (1.0 if estimate == 0 else 0.0)
    notes = tuple(dict.fromkeys(note for name in names for note in resampled.notes[name]))
    return pd.Series(
        {"estimate": estimate, "se": se, "df": df, "low": estimate - half_width,
         "high": estimate + half_width, "p": p, **components, "notes": notes}
    )  # fmt: skip


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
    gains = resampled.replicates[[cyborg, full]].sub(resampled.replicates[human_only], axis=0)
    (v11, v12), (_, v22) = np.cov(gains.to_numpy(), rowvar=False)
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
    replicates = center + t_to_normal * (resampled.replicates[[arm, *names]].to_numpy() - center)
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
