"""Scores and score scales: checks, rounding and rescaling."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


class Range(Protocol):
    """The ends of a scale of scores."""

    min: float
    max: float


def as_scores(scores: ArrayLike, name: str) -> np.ndarray:
    """Convert scores to a one-dimensional float array without missing values.

    Parameters
    ----------
    scores : array_like, shape (n,)
    name : str
        What the error calls them.

    Returns
    -------
    ndarray of float, shape (n,)

    Raises
    ------
    ValueError
        If there are none, if one is missing or infinite, or if they are not numbers.
    """
    try:
        values = pd.Series(scores).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be one number per essay: {error}") from error
    if values.size == 0:
        raise ValueError(f"{name} is empty: at least one essay is needed")
    missing = np.flatnonzero(~np.isfinite(values))
    if missing.size:
        raise ValueError(
            f"{missing.size} of {values.size} scores in {name} are missing or infinite "
            f"(first positions: {', '.join(map(str, missing[:3]))}); exclude those essays and "
            "report how many there are"
        )
    return values


def aligned_scores(**scores: ArrayLike) -> list[np.ndarray]:
    """Check several score vectors and that all of them have the same length.

    Parameters
    ----------
    **scores : array_like, shape (n,)
        By the name that the error gives them.

    Returns
    -------
    list of ndarray of float, shape (n,)

    Raises
    ------
    ValueError
        If one fails `as_scores` or the lengths differ.
    """
    checked = {name: as_scores(values, name) for name, values in scores.items()}
    lengths = {name: values.size for name, values in checked.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {size}" for name, size in lengths.items())
        raise ValueError(f"scores must be of the same essays, in the same order: {listed}")
    return list(checked.values())


def as_labels(labels: ArrayLike) -> np.ndarray:
    """Convert the score scale to an ascending array.

    Parameters
    ----------
    labels : array_like, shape (k,)
        Every score of the scale, used or not.

    Returns
    -------
    ndarray, shape (k,)

    Raises
    ------
    ValueError
        If fewer than two labels are given or they do not ascend.
    """
    scale = np.asarray(labels)
    if scale.ndim != 1 or scale.size < 2 or not np.all(np.diff(scale.astype(float)) > 0):
        raise ValueError(f"labels must be two or more ascending scores, got {labels!r}")
    return scale


def check_on_scale(scores: np.ndarray, labels: ArrayLike, name: str) -> None:
    """Refuse scores that are not on the scale.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
    labels : array_like, shape (k,)
    name : str
        What the error calls the scores.

    Raises
    ------
    ValueError
        If a score is not on the scale.
    """
    scale = as_labels(labels).astype(float)
    off = scores[~np.isin(scores, scale)]
    if off.size:
        first = ", ".join(f"{value:g}" for value in off[:3])
        raise ValueError(
            f"{off.size} of {scores.size} scores in {name} are not on the scale "
            f"{scale[0]:g} to {scale[-1]:g} of {scale.size} labels (first: {first}); use "
            "round_to_scale(scores, labels) for continuous scores, or correct labels"
        )


def round_to_scale(continuous: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Round continuous scores to the nearest label, ties to the even multiple of the step.

    Parameters
    ----------
    continuous : array_like, shape (n,)
    labels : array_like, shape (k,)
        Every score of the scale, ascending and evenly spaced (1 to 6; 1.0, 1.5, ..., 5.0).

    Returns
    -------
    ndarray, shape (n,)
        Labels, in the type of `labels`; scores beyond the ends become the end's label.

    Raises
    ------
    ValueError
        If the labels are not evenly spaced or a score is missing.
    """
    scale, scores = as_labels(labels), as_scores(continuous, "continuous")
    steps = np.diff(scale.astype(float))
    if not np.allclose(steps, steps[0]):
        raise ValueError(f"labels must be evenly spaced to round to them, got {labels!r}")
    first = np.rint(scale[0] / steps[0])
    offset = scale[0] / steps[0] - first
    position = np.rint(scores / steps[0] - offset) - first
    return scale[np.clip(position, 0, scale.size - 1).astype(int)]


def scale_step(labels: ArrayLike) -> float:
    """The step of a scale: the distance of two scores that are adjacent.

    Parameters
    ----------
    labels : array_like, shape (k,)
        Every score of the scale, ascending and evenly spaced.
    """
    scale = as_labels(labels).astype(float)
    return float((scale[-1] - scale[0]) / (scale.size - 1))


def nearest_points(scores: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Scores as points of the scale, such as human scores that are means of ratings.

    Parameters
    ----------
    scores : array_like, shape (n,)
        A missing score stays missing.
    labels : array_like, shape (k,)

    Returns
    -------
    ndarray of float, shape (n,)
        The scores themselves where all are points, else rounded as by `round_to_scale`.
    """
    values = np.array(scores, dtype=float)
    present = np.isfinite(values)
    if not np.isin(values[present], as_labels(labels).astype(float)).all():
        values[present] = round_to_scale(values[present], labels)
    return values


def rescale(scores: ArrayLike, from_scale: Range, to_scale: Range) -> np.ndarray:
    """Map scores linearly from one scale to another, its minimum and maximum to the other's.

    Nothing is rounded or checked; a missing score stays missing.

    Parameters
    ----------
    scores : array_like, shape (n,)
    from_scale, to_scale : Range
        With the ends `min` and `max`.

    Returns
    -------
    ndarray of float, shape (n,)
    """
    above = np.asarray(scores, dtype=float) - from_scale.min
    widths = to_scale.max - to_scale.min, from_scale.max - from_scale.min
    return to_scale.min + above * widths[0] / widths[1]


def scores_on_scale(labels: ArrayLike, **scores: ArrayLike) -> list[np.ndarray]:
    """Check score vectors as `aligned_scores` does, and that every score is on the scale.

    Parameters
    ----------
    labels : array_like, shape (k,)
    **scores : array_like, shape (n,)

    Returns
    -------
    list of ndarray of float, shape (n,)

    Raises
    ------
    ValueError
        As `aligned_scores` and `check_on_scale`.
    """
    vectors = aligned_scores(**scores)
    for name, vector in zip(scores, vectors, strict=True):
        check_on_scale(vector, labels, name)
    return vectors
