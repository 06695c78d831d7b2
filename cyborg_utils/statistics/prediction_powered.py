"""Prediction-powered estimates: few human scores, and machine scores of all essays.

People score some essays, drawn with known probabilities; machines score all. What the machines'
scores predict is averaged over all essays, and its error is estimated where people scored
(augmented inverse probability weighting: Robins, Rotnitzky and Zhao, 1994; design-based supervised
learning: Egami, Hinck, Stewart and Wei, 2023; prediction-powered inference: Angelopoulos, Bates,
Fannjiang, Jordan and Zrnic, 2023). The estimates are valid however bad
the machines are; good machines make them more precise.

The result has one row per group and statistic:

- `attribute, level`: "(all)" for all essays;
- `statistic`: mean_human, qwk, exact, adjacent, smd (with the pooled standard deviation in the
  group), mean_difference (M - H); of all essays share_<label> of the human scores, of groups dsm;
- `estimate, se, low, high`, and from the human-scored essays alone `classical, classical_se,
  classical_low, classical_high`;
- `prediction_weight`: of the predictions, 0 to 1, and `df` of the t quantile;
- `n` human-scored essays of `n_all`;
- `label_equivalents`: with how many human scores, drawn alike, the classical error would be as
  small; n times the ratio of variances to essays like these, two digits, rounded down, at least n.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cyborg_utils.statistics.augmented_means import (
    Design,
    EssayPopulation,
    FeatureMeans,
    augmented_estimates,
)
from cyborg_utils.statistics.bootstrap import (
    PAIR_STATISTICS,
    Statistics,
    pair_statistics,
    ratio,
)
from cyborg_utils.statistics.groups import Attribute, group_levels
from cyborg_utils.statistics.scales import as_labels, check_on_scale, round_to_scale, scale_step
from cyborg_utils.statistics.score_model import (
    PredictedScores,
    cross_fitted_scores,
    score_basis,
)
from cyborg_utils.statistics.weighting import inverse_probability_weights

EVERYONE = "(all)"  # in place of an attribute and of a level
FEWEST = 10  # human scores in all: no model is fitted to fewer
COLUMNS = {
    "attribute": str, "level": str, "statistic": str, "estimate": float, "se": float, "low": float,
    "high": float, "classical": float, "classical_se": float, "classical_low": float,
    "classical_high": float, "prediction_weight": float, "df": float, "n": int, "n_all": int,
    "label_equivalents": float,
}  # fmt: skip


def prediction_powered(
    frame: pd.DataFrame,
    groups: Sequence[Attribute] = (),
    human: str = "human",
    machine: str = "machine",
    *,
    labels: ArrayLike,
    continuous: str | None = None,
    proxies: Sequence[str] = (),
    features: Sequence[str] = (),
    probability: str | None = None,
    population: EssayPopulation = EssayPopulation.NEW_ESSAYS,
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate human scores and a machine's agreement and bias, with machine scores of all essays.

    Predictions of H from the machine scores (`cross_fitted_scores`) correct the mean features of
    the human-scored essays (`augmented_estimates`). These must be a random sample of the frame, or
    drawn with known probabilities; no machine may have been trained on their human scores.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per essay, all of them with machine scores, `human` missing where nobody scored.
    groups : sequence of (str or sequence of str)
        Columns; a sequence inside the sequence is an intersection.
    human, machine, continuous : str
        Columns of the scores. Kappa and agreement are of `machine` rounded to the scale, means and
        SMD of `machine` as it is, DSM of `continuous`, by default the same.
    labels : array_like, shape (k,)
        Every score of the scale.
    proxies, features : sequence of str
        Columns that help to predict H: further machines' scores, on its scale; numbers or levels.
    probability : str, optional
        Column with each human-scored essay's probability of having been drawn; without it, they
        are a simple random sample of all essays, and of each group.
    population : EssayPopulation
        The essays of the frame, whose value is known when all are scored, or essays like them.
    level : float
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        The `COLUMNS` of this module, one row per group and statistic; NaN where undefined.

    Raises
    ------
    ValueError
        If a column or machine score is absent, a human score is not on the scale, a probability
        not above 0 and at most 1, or fewer than 10 essays have a human score.
    """
    machines = [machine, continuous or machine, *proxies]
    sample = _sample(frame, human, machines, labels, features, probability)
    estimate = partial(_estimates, sample, population=EssayPopulation(population), level=level)
    means = _pair_means(sample, labels), _shares(sample, labels)
    domains = _domains(frame, groups)
    tables = [table for domain in domains for table in _of_domain(sample, means, estimate, *domain)]
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS).astype(COLUMNS)


class _Sample(NamedTuple):
    """All essays; `human`, `weights` and `drawn` are of those with a human score."""

    machine: np.ndarray
    on_scale: np.ndarray
    continuous: np.ndarray
    scored: np.ndarray
    human: np.ndarray
    weights: np.ndarray
    drawn: np.ndarray | None  # probabilities, where declared
    predicted: PredictedScores


class _Features(NamedTuple):
    """Features of the human-scored essays, their predictions, and those of all essays."""

    names: tuple[str, ...]
    statistics: Statistics
    observed: np.ndarray
    predicted: np.ndarray
    everyone: np.ndarray


def _sample(
    frame: pd.DataFrame,
    human: str,
    machines: Sequence[str],
    labels: ArrayLike,
    features: Sequence[str],
    probability: str | None,
) -> _Sample:
    columns = [human, *machines, *features, *([probability] if probability else [])]
    absent = [column for column in dict.fromkeys(columns) if column not in frame.columns]
    if absent:
        raise ValueError(f"columns {', '.join(absent)} are not in the frame")
    scores = frame[list(machines)].to_numpy(dtype=float, na_value=np.nan)
    if missing := int((~np.isfinite(scores)).any(axis=1).sum()):
        raise ValueError(f"{missing} essays lack a machine score; exclude them and say how many")
    h = frame[human].to_numpy(dtype=float, na_value=np.nan)
    scored = np.isfinite(h)
    n, h = int(scored.sum()), h[scored]
    if n < FEWEST:
        raise ValueError(f"{n} essays have a human score; at least {FEWEST} are needed")
    check_on_scale(h, labels, human)
    drawn, weights = None, np.ones(n)
    if probability:
        drawn = frame[probability].to_numpy(dtype=float, na_value=np.nan)[scored]
        weights = inverse_probability_weights(drawn)
    basis = score_basis(scores[:, 1:], labels, frame[list(features)] if features else None)
    predicted = cross_fitted_scores(basis, scored, h, weights)
    machine, continuous = scores[:, 0], scores[:, 1]
    on_scale = round_to_scale(machine, labels).astype(float)
    return _Sample(machine, on_scale, continuous, scored, h, weights, drawn, predicted)


def _domains(
    frame: pd.DataFrame, groups: Sequence[Attribute]
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Attribute, level and members: all essays, then the levels of each attribute by size."""
    yield EVERYONE, EVERYONE, np.ones(len(frame), dtype=bool)
    for attribute in groups:
        name, levels = group_levels(frame, attribute)
        sizes = levels.value_counts()
        for level in sorted(sizes.index, key=lambda level: (-sizes[level], level)):
            yield name, level, (levels == level).to_numpy()


def _of_domain(
    sample: _Sample,
    means: tuple[_Features, _Features],
    estimate: Callable[..., pd.DataFrame],
    attribute: str,
    level: str,
    member: np.ndarray,
) -> list[pd.DataFrame]:
    """The rows of all essays, or of a group, whose DSM compares it with all essays."""
    tables = [estimate(means[0], member)]
    if attribute == EVERYONE:
        tables.append(estimate(means[1], member))
    else:
        shift = _group_shift(sample, member)
        tables.append(estimate(shift, np.ones_like(member), counted=member))
    return [table.assign(attribute=attribute, level=level) for table in tables]


def _pair_means(sample: _Sample, labels: ArrayLike) -> _Features:
    """The features of `pair_features` of the rounded scores, and of the scores as they are."""
    points, of_scored, everyone = sample.predicted
    reach = scale_step(labels) * (1 + 1e-4)
    codes = np.searchsorted(points, sample.human)

    def features(p: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
        h, h_squared, rounded = p @ points, p @ points**2, sample.on_scale[rows]
        distance = np.abs(points - rounded[:, None])
        rates = [(p * (distance == 0)).sum(axis=1), (p * (distance <= reach)).sum(axis=1)]
        moments = [[h, m, h_squared, m**2, h * m] for m in (rounded, sample.machine[rows])]
        return np.stack([*moments[0], *rates, *moments[1], *rates], axis=1)

    def statistics(means: np.ndarray, n: ArrayLike) -> np.ndarray:
        rounded, raw = (pair_statistics(part, n) for part in np.split(means, 2, axis=-1))
        agreement = [rounded[..., PAIR_STATISTICS.index(name)] for name in names[1:4]]
        shift = [raw[..., PAIR_STATISTICS.index(name)] for name in names[4:]]
        return np.stack([means[..., 0], *agreement, *shift], axis=-1)

    names = ("mean_human", "qwk", "exact", "adjacent", "smd", "mean_difference")
    observed = features(np.eye(points.size)[codes], sample.scored)
    predicted = features(of_scored, sample.scored)
    return _Features(names, statistics, observed, predicted, features(everyone, slice(None)))


def _shares(sample: _Sample, labels: ArrayLike) -> _Features:
    """The proportion of each human score; nothing is predicted of one that does not occur."""
    scale = as_labels(labels).astype(float)
    points, of_scored, everyone = sample.predicted
    place = (points[:, None] == scale).astype(float)
    names = tuple(f"share_{label:g}" for label in scale)
    observed = (sample.human[:, None] == scale).astype(float)
    return _Features(names, lambda means, n: means, observed, of_scored @ place, everyone @ place)


def _group_shift(sample: _Sample, member: np.ndarray) -> _Features:
    """DSM of a group, from means of all essays."""

    def features(
        h: np.ndarray, h_squared: np.ndarray, rows: np.ndarray | slice = slice(None)
    ) -> np.ndarray:
        m, inside = sample.continuous[rows], member[rows].astype(float)
        return np.stack([inside, h, h_squared, inside * h, m, m**2, inside * m], axis=1)

    def statistics(means: np.ndarray, n: ArrayLike) -> np.ndarray:
        share = means[..., 0]
        z = []
        for first in (4, 1):
            mean, square, inside = (means[..., first + i] for i in range(3))
            variance = ratio(n, np.asarray(n) - 1.0) * (square - mean**2)
            sd = np.sqrt(np.where(variance.real > 1e-12, variance, 0))
            z.append(ratio(ratio(inside, share) - mean, sd))
        return np.stack([z[0] - z[1]], axis=-1)

    points, of_scored, everyone = sample.predicted
    return _Features(
        ("dsm",),
        statistics,
        features(sample.human, sample.human**2, sample.scored),
        features(of_scored @ points, of_scored @ points**2, sample.scored),
        features(everyone @ points, everyone @ points**2),
    )


def _estimates(
    sample: _Sample,
    features: _Features,
    member: np.ndarray,
    counted: np.ndarray | None = None,
    *,
    population: EssayPopulation,
    level: float,
) -> pd.DataFrame:
    """One row per statistic, from the essays of a group; the counts may be of a smaller one."""
    inside, counted = member[sample.scored], member if counted is None else counted
    n, n_all = int(inside.sum()), int(member.sum())
    counts = {"n": int(counted[sample.scored].sum()), "n_all": int(counted.sum())}
    if counts["n"] < 2:
        return pd.DataFrame({"statistic": features.names, **counts})
    everyone = features.everyone[member].mean(axis=0)
    means = FeatureMeans(
        features.names, features.statistics, features.observed[inside], features.predicted[inside],
        everyone,
    )  # fmt: skip
    probability = n / n_all if sample.drawn is None else sample.drawn[inside]
    design = Design(sample.weights[inside], probability, n_all)
    table = augmented_estimates(means, design, population, level)
    worth = _label_equivalents(table["variance_ratio"].to_numpy(), **counts)
    return table.assign(label_equivalents=worth, **counts)


def _label_equivalents(variance_ratio: np.ndarray, n: int, n_all: int) -> np.ndarray:
    """Two digits, rounded down; from the human scores that there are to all essays."""
    size = n * np.where(variance_ratio > 0, variance_ratio, np.nan)
    unit = 10.0 ** (np.floor(np.log10(size)) - 1)
    return np.clip(np.floor(size / unit + 1e-9) * unit, n, n_all)
