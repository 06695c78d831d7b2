"""The score scale that scores in a file are on, and scores as points of a scale."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd

from cyborg_utils.corpus.table_files import TableError
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.statistics.scales import rescale, round_to_scale
from cyborg_utils.study.schema.corpora import EssayCorpus, Scale

MAX_POINTS = 101  # as percentages have
DECIMALS = 6  # of scores and points
PARTS = (3, 6, 7, 9, 11, 12)  # of a point, in averages of as many ratings, that no decimal equals


def score_scale(
    scores: pd.Series, source: str, between_points: bool = False
) -> tuple[float, float, float]:
    """Lowest and highest score in the data, and the largest step that all scores fit.

    The step is the greatest common divisor of the differences. Averages of three or more ratings
    are recognized as such although they are rounded, as 3.33 is.

    Parameters
    ----------
    scores : human scores, at least one; missing where an essay has none. Its name is the column's.
    source : names the file in messages.
    between_points : whether scores may lie between the points, as means that machines are compared
        with may; the scale then has whole points where scores fit no other.

    Raises
    ------
    TableError
        All scores are equal, or they fit no scale of `MAX_POINTS` points or fewer.
    """
    points, column = np.unique(scores.dropna().astype(float)), scores.name
    if len(points) == 1:
        raise TableError(
            f"{source}: column {column!r} is {points[0]:g} for all {scores.count():,} scored "
            "essays: there is nothing to learn; score essays of every quality"
        )
    decimals = _decimals(points)
    steps = [_common_divisor(points), *(1 / n for n in PARTS if _fits(points, n, decimals))]
    step = max(steps)
    low, high = points[0], points[-1]
    if step != steps[0]:
        low, high = (round(round(end / step) * step, DECIMALS) for end in (low, high))
    if (high - low) / step + 1 > MAX_POINTS + 0.5 and between_points:
        low, high, step = np.floor(points[0]), np.ceil(points[-1]), 1.0
    if (high - low) / step + 1 > MAX_POINTS + 0.5:
        raise TableError(
            f"{source}: column {column!r} has {len(points)} scores from {points[0]:g} to "
            f"{points[-1]:g} that fit no scale of {MAX_POINTS} points or fewer: round them to "
            "whole, half or tenth points, put them into bands, or give --scale MIN-MAX:STEP"
        )
    return float(low), float(high), round(step, DECIMALS)


def on_points(frame: pd.DataFrame, spec: EssayCorpus) -> pd.DataFrame:
    """Human scores as points of the study's scale, where they are points but for their rounding.

    Trait scores are rescaled from the trait's own scale first, linearly, and rounded to the points
    of the study's.

    Parameters
    ----------
    frame : `score`, and where known `score_2` and the traits; missing values stay.
    """
    scales = getattr(spec, "trait_scales", {})
    scored = ["score", *({"score_2"} & set(frame)), *spec.trait_names]
    frame = frame.astype(dict.fromkeys(scored, float))
    for name in scored:
        own = scales.get(name, spec.scale)
        values = _to_labels(frame[name], own)
        if name in scales:
            remedy = "correct them, or corpus.trait_scales"
            values = to_scale(values, own, spec.scale, f"trait {name!r}", remedy)
        frame[name] = values
    return frame


def to_scale(scores: pd.Series, own: Scale, scale: Scale, source: str, remedy: str) -> pd.Series:
    """Scores rescaled linearly (min-max) from their own scale and rounded to the points of another.

    Parameters
    ----------
    scores : points of `own`; missing values stay.
    source, remedy : whose scores they are, and what to do about one off its scale, in the error.

    Raises
    ------
    CorpusError
        A score is no point of `own`.
    """
    off = scores[scores.notna() & ~scores.isin(own.labels)]
    if len(off):
        first = ", ".join(f"{score:g}" for score in off.head(3))
        raise CorpusError(
            f"{source}: {len(off):,} scores are off the scale {own.min:g} to {own.max:g} (first: "
            f"{first}): {remedy}"
        )
    scored = scores.dropna()
    if scored.empty:
        return scores
    points = pd.Series(round_to_scale(rescale(scored, own, scale), scale.labels), scored.index)
    return points.reindex(scores.index).rename(scores.name)


def _to_labels(scores: pd.Series, scale: Scale) -> pd.Series:
    """Scores with the point of the scale for each that is this point rounded: 3.33 is 3.333333."""
    labels = np.asarray(scale.labels, dtype=float)
    labels = labels[np.abs(labels - labels.round(3)) > 1e-6]  # those that no short decimal equals
    points = {
        score: label
        for score in scores.dropna().unique()
        for label in labels
        if (decimals := _decimals(np.array([score]))) > 0
        and abs(score - label) <= 0.5 * 10**-decimals + 2e-6
    }
    return scores.replace(points)


def _decimals(points: np.ndarray) -> int:
    """Number of decimals that the scores are written with."""
    written = (d for d in range(DECIMALS) if np.allclose(points, points.round(d), 0, 1e-9))
    return next(written, DECIMALS)


def _common_divisor(points: np.ndarray) -> float:
    """The greatest common divisor of the differences of scores."""
    unit = 10**DECIMALS
    whole = np.rint((points - points[0]) * unit).astype(np.int64)
    return float(Fraction(math.gcd(*whole.tolist()), unit))


def _fits(points: np.ndarray, parts: int, decimals: int) -> bool:
    """Whether all scores are multiples of a part of a point, but for their rounding."""
    unit = 10.0**-decimals
    apart = np.abs(points - np.rint(points * parts) / parts)
    return decimals > 0 and 1 / parts >= 3 * unit and bool((apart <= unit / 2 + 1e-9).all())
