"""Agreement of human and machine scores: estimates, intervals and paired comparisons.

H is the human score, M the machine's, one pair per essay. Statistics of scores on the scale depend
only on the table of counts, so the bootstrap over essays is a multinomial draw of that table.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cyborg_utils.statistics.bootstrap import (
    PAIR_STATISTICS,
    infer,
    influence_functions,
    observed_cells,
    pair_features,
    pair_statistics,
)
from cyborg_utils.statistics.scales import aligned_scores, scale_step, scores_on_scale
from cyborg_utils.statistics.weighting import as_weights, linearized, linearized_inference


def quadratic_weighted_kappa(
    human: ArrayLike, machine: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Compute quadratic weighted kappa over the whole score scale.

    1 - sum(w O) / sum(w E) with w = (i - j)^2 in score points (Cohen, 1968), through its moment
    form (Fleiss and Cohen, 1973).

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores on the scale.
    labels : array_like, shape (k,)
        Every score of the scale, used or not.
    weights : array_like, shape (n,), optional
        Sampling weights, as in `cyborg_utils.statistics.weighting`.

    Returns
    -------
    float
        NaN where both give all essays the same score: kappa is then undefined.

    Raises
    ------
    ValueError
        If lengths differ, a score or weight is missing, or a score is not on the scale.
    """
    h, m = scores_on_scale(labels, human=human, machine=machine)
    return _statistic(h, m, "qwk", weights)


def agreement_rates(
    human: ArrayLike, machine: ArrayLike, step: float = 1.0, weights: ArrayLike | None = None
) -> pd.Series:
    """Compute exact and adjacent agreement.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
    step : float
        Between two points of the scale.
    weights : array_like, shape (n,), optional
        Sampling weights.

    Returns
    -------
    pandas.Series
        `exact`, the proportion with M = H, and `adjacent`, that with abs(M - H) <= step.
    """
    h, m = aligned_scores(human=human, machine=machine)
    means = as_weights(weights, h.size) @ pair_features(h, m, step) / h.size
    return pd.Series({"exact": means[5], "adjacent": means[6]})


def concordance(human: ArrayLike, machine: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Compute Lin's (1989) concordance of continuous scores, the moment form of QWK.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
    weights : array_like, shape (n,), optional
        Sampling weights.

    Returns
    -------
    float
        2 Cov / (Var H + Var M + (mean M - mean H)^2); NaN where both are one constant.
    """
    h, m = aligned_scores(human=human, machine=machine)
    return _statistic(h, m, "qwk", weights)


def sd_ratio(human: ArrayLike, machine: ArrayLike) -> float:
    """Compute sd(M) / sd(H); the criterion of Wang and von Davier (2014) is 2/3 to 3/2.

    Parameters
    ----------
    human, machine : array_like, shape (n,)

    Returns
    -------
    float
        NaN where the human scores do not vary.
    """
    h, m = aligned_scores(human=human, machine=machine)
    return _statistic(h, m, "sd_ratio")


def correlation(human: ArrayLike, machine: ArrayLike) -> float:
    """Compute Pearson's correlation.

    Parameters
    ----------
    human, machine : array_like, shape (n,)

    Returns
    -------
    float
        NaN where one of them does not vary.
    """
    h, m = aligned_scores(human=human, machine=machine)
    return _statistic(h, m, "correlation")


def estimate_agreement(
    human: ArrayLike, machine: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> pd.DataFrame:
    """Estimate every statistic of agreement with its standard error, without a bootstrap.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores on the scale.
    labels : array_like, shape (k,)
        Every score of the scale.
    weights : array_like, shape (n,), optional
        Sampling weights; the errors then contain the design effect.

    Returns
    -------
    pandas.DataFrame
        Index `statistic` as in `bootstrap_agreement`; columns `estimate, se` (influence
        functions).

    Raises
    ------
    ValueError
        As `bootstrap_agreement`.
    """
    h, m = scores_on_scale(labels, human=human, machine=machine)
    index = pd.Index(PAIR_STATISTICS, name="statistic")
    if weights is not None:
        estimated = linearized(pair_features(h, m, scale_step(labels)), pair_statistics, weights)
        return pd.DataFrame(dict(zip(("estimate", "se"), estimated, strict=True)), index=index)
    cells, counts, _ = observed_cells(h, m)
    features = pair_features(*cells.T, scale_step(labels))
    influence = influence_functions(features, counts, pair_statistics)
    estimates = pair_statistics(counts @ features / h.size, h.size)
    errors = np.sqrt(counts @ influence**2) / h.size
    return pd.DataFrame({"estimate": estimates, "se": errors}, index=index)


def bootstrap_agreement(
    human: ArrayLike,
    machine: ArrayLike,
    labels: ArrayLike,
    n_replicates: int = 10_000,
    level: float = 0.95,
    cluster: ArrayLike | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Estimate every statistic of agreement with its interval.

    Without `cluster`, intervals are percentiles of a multinomial bootstrap of the count table.
    With it, they come from a wild cluster bootstrap of the influence functions.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores on the scale.
    labels : array_like, shape (k,)
        Every score of the scale.
    n_replicates : int
    level : float
        Confidence level.
    cluster : array_like, shape (n,), optional
        The prompt of each essay, for inference to new prompts.
    seed : int

    Returns
    -------
    pandas.DataFrame
        Index `statistic` (qwk, exact, adjacent, smd with the pooled sd, sd_ratio, correlation,
        mean_difference); columns `estimate, se` (influence functions), `se_bootstrap, low, high,
        n, inference_to`.

    Raises
    ------
    ValueError
        If lengths differ, a score or cluster is missing, or a score is not on the scale.
    """
    h, m = scores_on_scale(labels, human=human, machine=machine)
    cells, counts, cell = observed_cells(h, m)
    features = pair_features(*cells.T, scale_step(labels))
    table = infer(features, counts, cell, pair_statistics, n_replicates, level, cluster, seed)
    index = pd.Index(PAIR_STATISTICS, name="statistic")
    return table.drop(columns="p").set_index(index)


def compare_machines(
    human: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    labels: ArrayLike,
    statistic: str = "qwk",
    null: float = 0.0,
    n_replicates: int = 10_000,
    level: float = 0.95,
    cluster: ArrayLike | None = None,
    seed: int = 0,
    weights: ArrayLike | None = None,
) -> pd.Series:
    """Compare two machines on the same essays, paired.

    Essays are resampled with all three scores: a multinomial draw of the cells of the human x a x b
    table. With `cluster`, whole prompts are, by a wild cluster bootstrap of influence functions.

    Parameters
    ----------
    human, a, b : array_like, shape (n,)
        Scores on the scale.
    statistic : str
        One of `cyborg_utils.statistics.bootstrap.PAIR_STATISTICS`.
    null : float
        Difference that p tests.
    labels, n_replicates, level, cluster, seed
        As in `bootstrap_agreement`.
    weights : array_like, shape (n,), optional
        Sampling weights, for inference to new essays: interval and p are then t's.

    Returns
    -------
    pandas.Series
        `statistic, a, b, difference` (a minus b), `se` (influence functions), `se_bootstrap, low,
        high, p` (two-sided, the level at which the interval touches `null`; no smaller than
        2 / (n_replicates + 1)), `n, inference_to`.

    Raises
    ------
    ValueError
        If lengths differ, a score is missing or off the scale, or as `bootstrap_agreement`.
    """
    if statistic not in PAIR_STATISTICS:
        raise ValueError(
            f"statistic must be one of {', '.join(PAIR_STATISTICS)}; got {statistic!r}"
        )
    h, first, second = scores_on_scale(labels, human=human, a=a, b=b)
    if weights is not None and cluster is not None:
        raise ValueError("weights are for inference to new essays: give no cluster")
    cells, counts, cell = observed_cells(h, first, second)
    features = np.hstack([pair_features(cells[:, 0], m, scale_step(labels)) for m in cells.T[1:]])
    compared = partial(_values_and_difference, chosen=PAIR_STATISTICS.index(statistic))
    if weights is None:
        options = n_replicates, level, cluster, seed, null
        table = infer(features, counts, cell, compared, *options)
    else:
        table = linearized_inference(features[cell], compared, weights, level, null)
    values = dict(zip(("a", "b", "difference"), table["estimate"], strict=True))
    return pd.Series({"statistic": statistic, **values, **table.iloc[2].drop("estimate")})


def _values_and_difference(means: np.ndarray, n: ArrayLike, chosen: int) -> np.ndarray:
    values = [pair_statistics(m, n)[..., chosen] for m in np.split(means, 2, axis=-1)]
    return np.stack([*values, values[0] - values[1]], axis=-1)


def non_inferiority(
    human: ArrayLike,
    candidate: ArrayLike,
    reference: ArrayLike,
    labels: ArrayLike,
    margin: float,
    n_replicates: int = 10_000,
    alpha: float = 0.05,
    cluster: ArrayLike | None = None,
    seed: int = 0,
) -> pd.Series:
    """Test that one machine's QWK is not lower than another's by a declared margin or more.

    The claim holds where the one-sided lower bound of QWK(candidate) - QWK(reference), at
    1 - alpha, exceeds minus the margin. Arms of several draws and seeds are compared by
    `cyborg_utils.statistics.contrasts.compare_arms`.

    Parameters
    ----------
    human, candidate, reference : array_like, shape (n,)
        Scores on the scale.
    margin : float
        Above zero, in QWK; declared before the data are seen.
    alpha : float
        Error rate of the one-sided test.
    labels, n_replicates, cluster, seed
        As in `bootstrap_agreement`.

    Returns
    -------
    pandas.Series
        `candidate, reference, difference, se, lower, margin, non_inferior` (bool), `p` (one-sided,
        difference = -margin), `n, inference_to`.

    Raises
    ------
    ValueError
        If the margin is not above zero, or as `compare_machines`.
    """
    if not margin > 0:
        raise ValueError(
            f"margin must be above zero (0.02 allows a loss of 0.02 QWK), got {margin!r}"
        )
    row = compare_machines(
        human, candidate, reference, labels, "qwk", -margin, n_replicates, 1 - 2 * alpha, cluster,
        seed,
    )  # fmt: skip
    row = row.rename({"a": "candidate", "b": "reference", "low": "lower"})
    row["p"] = row["p"] / 2 if row["difference"] > -margin else 1 - row["p"] / 2
    row["margin"], row["non_inferior"] = margin, bool(row["lower"] > -margin)
    return row[
        ["candidate", "reference", "difference", "se", "lower", "margin", "non_inferior", "p", "n",
         "inference_to"]
    ]  # fmt: skip


def _statistic(
    human: np.ndarray, machine: np.ndarray, name: str, weights: ArrayLike | None = None
) -> float:
    center = human.mean()
    features = pair_features(human - center, machine - center)
    means = as_weights(weights, human.size) @ features / human.size
    return float(pair_statistics(means, human.size)[PAIR_STATISTICS.index(name)])
