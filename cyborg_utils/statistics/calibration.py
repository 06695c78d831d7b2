"""Calibration functions from a machine's continuous scores to the scale of human scores."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from cyborg_utils.statistics.agreement import quadratic_weighted_kappa
from cyborg_utils.statistics.scales import aligned_scores, round_to_scale


def linear_equating(
    machine: ArrayLike, human: ArrayLike, match_sd: bool = True
) -> tuple[float, float]:
    """Fit the line that maps machine scores to the mean and SD of the human scores.

    Linear equating (Kolen and Brennan, 2014, ch. 2).

    Parameters
    ----------
    machine, human : array_like, shape (n,)
        Scores of the same essays.
    match_sd : bool
        Whether to match the SD too; if not, the slope is 1.

    Returns
    -------
    slope, shift : float
        The equated score is slope * machine + shift. The slope is 1 where the machine's scores do
        not vary.

    Raises
    ------
    ValueError
        If lengths differ or a score is missing.
    """
    machine, human = aligned_scores(machine=machine, human=human)
    varies = machine.std() > 1e-9 * (1 + np.abs(machine).max())
    slope = human.std() / machine.std() if match_sd and varies else 1.0
    return float(slope), float(human.mean() - slope * machine.mean())


CANDIDATES = 40  # positions tried for a threshold between its neighbors
METHODS = ("none", "mean", "linear", "isotonic", "cuts")


class Calibration(NamedTuple):
    """A calibration function of plain numbers.

    Attributes
    ----------
    labels : tuple of float, length k
        Every score of the scale.
    slope, shift : float
        Of a line.
    knots, heights : tuple of float
        Of a curve after that line, if any: linear between its knots, level beyond them.
    cuts : tuple of float, length k - 1 or 0
        Thresholds between neighboring scores; without them, a score is the nearest one.
    """

    labels: tuple[float, ...]
    slope: float = 1.0
    shift: float = 0.0
    knots: tuple[float, ...] = ()
    heights: tuple[float, ...] = ()
    cuts: tuple[float, ...] = ()

    @classmethod
    def of(cls, numbers: dict) -> Calibration:
        """From what `_asdict` gave, also after JSON."""
        return cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in numbers.items()})

    def __call__(self, machine: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Calibrated continuous scores, and scores on the scale, each of shape (n,)."""
        scores = self.slope * np.asarray(machine, dtype=float) + self.shift
        if self.knots:
            scores = np.interp(scores, self.knots, self.heights)
        if self.cuts:
            return scores, np.asarray(self.labels)[np.searchsorted(self.cuts, scores)]
        return scores, round_to_scale(scores, self.labels)


def fit_calibration(
    method: str, machine: ArrayLike, human: ArrayLike, labels: ArrayLike
) -> Calibration:
    """Fit a calibration function from a machine's continuous scores to the scale.

    `none` rounds to the nearest score. `mean` shifts by the difference of the means, so that the
    mean of the machine's scores, before they are rounded, is that of the human scores (the mean
    constraint); `linear` matches mean and SD (linear equating; Kolen and Brennan, 2014, ch. 2);
    `isotonic` is the monotone least-squares fit (after Zadrozny and Elkan, 2002). `cuts` keeps the
    scores and moves the rounding thresholds to those with the highest QWK.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    machine, human : array_like, shape (n,)
        Continuous machine scores and human scores of the same essays, in a study the dev set.
    labels : array_like, shape (k,)
        Every score of the scale.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If the method is unknown, lengths differ or a score is missing.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    machine, human = aligned_scores(machine=machine, human=human)
    uncalibrated = Calibration(tuple(np.asarray(labels).tolist()))
    if method == "none":
        return uncalibrated
    if method == "cuts":
        return uncalibrated._replace(cuts=tuple(best_cuts(machine, human, labels).tolist()))
    if method == "isotonic":
        knots, heights = (tuple(c.tolist()) for c in _isotonic_curve(machine, human))
        return uncalibrated._replace(knots=knots, heights=heights)
    slope, shift = linear_equating(machine, human, match_sd=method == "linear")
    return uncalibrated._replace(slope=slope, shift=shift)


def _isotonic_curve(machine: np.ndarray, human: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct machine scores, and the monotone least-squares curve at each."""
    order = np.lexsort((human, machine))
    knots, position, counts = np.unique(machine[order], return_inverse=True, return_counts=True)
    means = np.bincount(position, weights=human[order]) / counts
    return knots, optimize.isotonic_regression(means, weights=counts).x


def best_cuts(machine: np.ndarray, human: np.ndarray, labels: ArrayLike) -> np.ndarray:
    """Find the thresholds between neighboring scores that give the highest QWK.

    By coordinate ascent from the midpoints; a threshold stays where no other is better.

    Parameters
    ----------
    machine, human : ndarray, shape (n,)
        Continuous machine scores and human scores on the scale.
    labels : array_like, shape (k,)

    Returns
    -------
    ndarray, shape (k - 1,)
        Ascending thresholds.
    """
    points = np.asarray(labels, dtype=float)
    cuts = (points[1:] + points[:-1]) / 2
    low, high = min(machine.min(), cuts[0]) - 1, max(machine.max(), cuts[-1]) + 1

    def qwk(candidate: np.ndarray) -> float:
        return quadratic_weighted_kappa(human, points[np.searchsorted(candidate, machine)], labels)

    best, moved = qwk(cuts), True
    while moved:
        moved = False
        for i in range(len(cuts)):
            edges = np.concatenate([[low], cuts, [high]])
            for threshold in np.linspace(edges[i], edges[i + 2], CANDIDATES + 2)[1:-1]:
                candidate = cuts.copy()
                candidate[i] = threshold
                if (value := qwk(candidate)) > best + 1e-9:
                    best, cuts, moved = value, candidate, True
    return cuts
