"""Runs of a study's arms over the same essays, and the resampling of essays.

A run is one training: one draw of the human-labeled subset, one training seed. The QWK of an arm
is the mean over its runs. The same essays are resampled for every run, so that arms are compared
paired; what draws and trainings add is in `cyborg_utils.statistics.variance_components`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cyborg_utils.statistics.bootstrap import (
    FEW_CLUSTERS,
    InferenceTo,
    bootstrap_means,
    cluster_codes,
    influence_functions,
    pair_statistics,
)
from cyborg_utils.statistics.scales import as_scores, scores_on_scale
from cyborg_utils.statistics.variance_components import combined_df, run_variance
from cyborg_utils.statistics.weighting import as_weights


class Runs(NamedTuple):
    """Scores of an arm's runs, shape (r, n), with the draw and the seed of each run."""

    scores: np.ndarray
    draw: np.ndarray
    seed: np.ndarray


class Resampled(NamedTuple):
    """Replicates of the arms' mean QWK over essays, and the QWK of every run."""

    estimates: pd.Series
    replicates: pd.DataFrame
    runs: dict[str, pd.Series]
    essay_df: float
    same_trainings: bool
    inference_to: InferenceTo


def runs_from_frame(
    frame: pd.DataFrame,
    arm: str = "arm",
    draw: str = "draw",
    seed: str = "seed",
    essay: str = "essay_id",
    score: str = "score",
    human: str = "human",
) -> tuple[pd.Series, dict[str, Runs]]:
    """Arrange a tidy frame of scores, one row per run and essay, as runs over the same essays.

    Parameters
    ----------
    frame : pandas.DataFrame
    arm, draw, seed, essay, score, human : str
        Columns.

    Returns
    -------
    human : pandas.Series, shape (n,)
        By essay.
    arms : dict of str to Runs

    Raises
    ------
    ValueError
        If a run scores an essay twice or does not score an essay that another scores, or an essay
        has two different human scores.
    """
    keys = [arm, draw, seed]
    twice = frame.duplicated([*keys, essay])
    if twice.any():
        raise ValueError(f"{int(twice.sum())} essays are scored twice in one run")
    truth = frame.groupby(essay)[human].agg(["first", "nunique"])
    if (truth["nunique"] > 1).any():
        raise ValueError(f"{int((truth['nunique'] > 1).sum())} essays have two human scores")
    labeled = frame.assign(**{key: [str(label) for label in frame[key]] for key in (draw, seed)})
    table = labeled.pivot(index=keys, columns=essay, values=score)
    incomplete = table.isna().any(axis=1)
    if incomplete.any():
        raise ValueError(
            f"runs must score the same {table.shape[1]} essays; {int(incomplete.sum())} runs lack "
            f"some (first: {table.index[incomplete][0]})"
        )
    arms = {
        name: Runs(
            of_arm.to_numpy(dtype=float),
            of_arm.index.get_level_values(draw).to_numpy(),
            of_arm.index.get_level_values(seed).to_numpy(),
        )
        for name, of_arm in table.groupby(level=arm, sort=False)
    }
    return truth["first"].reindex(table.columns), arms


def resample_runs(
    human: ArrayLike,
    arms: Mapping[str, Runs],
    labels: ArrayLike,
    n_replicates: int = 2_000,
    cluster: ArrayLike | None = None,
    seed: int = 0,
    same_trainings: bool = False,
    weights: ArrayLike | None = None,
) -> Resampled:
    """Resample essays, or whole prompts, for all runs at once.

    Parameters
    ----------
    human : array_like, shape (n,)
        Scores on the scale.
    arms : dict of str to Runs
        Machine scores on the scale.
    labels, n_replicates, cluster, seed
        As in `cyborg_utils.statistics.agreement.bootstrap_agreement`.
    same_trainings : bool
        As in `cyborg_utils.statistics.variance_components.run_variance`.
    weights : array_like, shape (n,), optional
        Sampling weights, which are resampled with their essays.

    Returns
    -------
    Resampled
        `estimates` (mean QWK by arm), `replicates` (n_replicates x arms), `runs` (arm to the QWK
        of its runs, indexed by `draw` and `seed`), `essay_df` (of essays, or as in
        `prompt_variance`), `same_trainings` and `inference_to`.

    Raises
    ------
    ValueError
        If shapes differ, a score is not on the scale, or a weight is missing or negative.
    """
    rng, h = np.random.default_rng(seed), as_scores(human, "human")
    codes = None if cluster is None else cluster_codes(cluster, h.size)
    tables = [_checked(h, runs, labels, name) for name, runs in arms.items()]
    features = _features(h, np.vstack(tables), weights)
    kappas = _qwk(features.mean(axis=0), h.size)
    last = np.cumsum([len(table) for table in tables])[:-1]
    by_arm = dict(zip(arms, np.split(kappas, last), strict=True))
    if codes is None:
        resampled, df = _resample_essays(features, n_replicates, rng), h.size - 1
    else:
        resampled, df = _resample_prompts(features, kappas, n_replicates, rng, codes)
    replicates = zip(arms, np.split(resampled, last, axis=1), strict=True)
    return Resampled(
        pd.Series({name: kappa.mean() for name, kappa in by_arm.items()}, name="qwk"),
        pd.DataFrame({name: columns.mean(axis=1) for name, columns in replicates}),
        {name: _indexed(kappa, arms[name]) for name, kappa in by_arm.items()},
        df,
        same_trainings,
        _inference_to(codes),
    )


def _inference_to(codes: np.ndarray | None) -> InferenceTo:
    if codes is None:
        return InferenceTo.NEW_ESSAYS
    few = codes.max() + 1 < FEW_CLUSTERS
    return InferenceTo.TOO_FEW_PROMPTS if few else InferenceTo.NEW_PROMPTS


def _indexed(kappas: np.ndarray, runs: Runs) -> pd.Series:
    labels = [[str(label) for label in of_run] for of_run in (runs.draw, runs.seed)]
    return pd.Series(kappas, pd.MultiIndex.from_arrays(labels, names=["draw", "seed"]))


def _checked(human: np.ndarray, runs: Runs, labels: ArrayLike, name: str) -> np.ndarray:
    table = np.atleast_2d(np.asarray(runs.scores, dtype=float))
    if table.shape != (len(runs.draw), human.size) or len(runs.seed) != len(runs.draw):
        raise ValueError(
            f"arm {name}: scores of shape {table.shape} do not fit {len(runs.draw)} draws, "
            f"{len(runs.seed)} seeds and {human.size} essays"
        )
    for number, row in enumerate(table):
        scores_on_scale(labels, human=human, **{f"arm {name}, run {number}": row})
    return table


def _features(human: np.ndarray, table: np.ndarray, weights: ArrayLike | None) -> np.ndarray:
    columns = [human[:, None], human[:, None] ** 2, table.T, table.T**2, human[:, None] * table.T]
    if weights is None:
        return np.hstack(columns)
    w = as_weights(weights, human.size)[:, None]
    return np.hstack([*(w * column for column in columns), w])


def _qwk(means: np.ndarray, n: ArrayLike) -> np.ndarray:
    """QWK of every run; a last, odd column is the mean weight of weighted features."""
    if means.shape[-1] % 3 == 0:
        means = means[..., :-1] / means[..., -1:]
    h, hh = means[..., 0:1], means[..., 1:2]
    m, mm, hm = np.split(means[..., 2:], 3, axis=-1)
    unused = np.zeros_like(m)
    parts = np.broadcast_arrays(h, m, hh, mm, hm, unused, unused)
    return pair_statistics(np.stack(parts, axis=-1), np.asarray(n)[..., None])[..., 0]


def _resample_essays(
    features: np.ndarray, n_replicates: int, rng: np.random.Generator
) -> np.ndarray:
    ones, done = np.ones(len(features)), []
    for size in np.diff([*range(0, n_replicates, 200), n_replicates]):
        done.append(_qwk(*bootstrap_means(features, ones, size, rng)))
    return np.vstack(done)


def _resample_prompts(
    features: np.ndarray,
    kappas: np.ndarray,
    n_replicates: int,
    rng: np.random.Generator,
    codes: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Replicates of the runs' QWK, and their degrees of freedom.

    By normal multipliers of the prompts' totals of the influence functions: unlike draws of
    prompts, these do not depend on how often one of a few large prompts is drawn.
    """
    sizes = np.bincount(codes)
    influence = influence_functions(features, np.ones(codes.size), _qwk)
    totals = np.zeros((sizes.size, kappas.size))
    np.add.at(totals, codes, influence)
    inflation, df = prompt_variance(sizes)
    multipliers = rng.standard_normal((n_replicates, sizes.size))
    return kappas + np.sqrt(inflation) / codes.size * multipliers @ totals, df


def prompt_variance(sizes: ArrayLike) -> tuple[float, float]:
    """How far the sum of squares of the prompts' totals underestimates a mean's variance.

    A prompt that holds many of the essays moves the mean toward itself, so that its own deviation
    seems small. Expectation and Satterthwaite's (1946) degrees of freedom are those of prompts that
    differ in their means alone, as in Imbens and Kolesar (2016): with equal sizes g / (g - 1) and
    g - 1.

    Parameters
    ----------
    sizes : array_like of int, shape (g,)
        Essays of each prompt.

    Returns
    -------
    inflation : float
        By which the sum of squares is multiplied; NaN for a single prompt.
    df : float
        From 1 to g - 1; NaN for a single prompt.
    """
    share = np.asarray(sizes, dtype=float) / np.sum(sizes)
    if share.size < 2:
        return np.nan, np.nan
    residual = np.eye(share.size) - share  # of each prompt's mean from that of all essays
    squares = np.linalg.eigvalsh(residual.T @ np.diag(share**2) @ residual)
    return (share**2).sum() / squares.sum(), squares.sum() ** 2 / (squares**2).sum()


def pool_replications(
    table: pd.DataFrame,
    keys: list[str],
    value: str,
    n_essays: int | str,
    se: str = "se",
    arms: Mapping[str, float] | None = None,
    draws: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Average a statistic over runs, with its error.

    Essays are the same in every run, so their variance component is the runs' mean se^2. To it
    comes that of draws, or of the trainings of one draw, as in
    `cyborg_utils.statistics.variance_components.run_variance`.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per run, with `draw`, `seed`, the keys, the statistic and its error over essays.
    keys : list of str
        Columns that identify what is averaged.
    value, se : str
        Columns of the statistic and its standard error.
    n_essays : int or str
        Number of essays, or the column that holds it.
    arms : dict of str to float, optional
        Columns of arms that were trained apart, and the weights by which they make up `value`, such
        as 1 and -1 of a difference: their trainings are independent, whatever their seeds.
    draws : dict of str to str, optional
        Column of the draw of an arm that has others than `draw`, such as `ONCE` alone: its runs are
        then in several rows, and count once.

    Returns
    -------
    pandas.DataFrame
        The keys, the mean, its error and `df`.
    """
    rows, weights = [], {value: 1.0} if arms is None else arms
    for key, runs in table.groupby(keys, sort=False, dropna=False):
        n = runs[n_essays].iloc[0] if isinstance(n_essays, str) else n_essays
        essays = (runs[se] ** 2).mean()
        of_runs = run_variance(
            {name: _by_run(runs, name, (draws or {}).get(name, "draw")) for name in weights},
            weights,
        )
        added = of_runs.draws + of_runs.seeds
        df = combined_df(essays, max(n - 1, 1), added, of_runs.df)
        rows.append((*key, runs[value].mean(), np.sqrt(essays + added), df))
    return pd.DataFrame(rows, columns=[*keys, value, se, "df"])


def _by_run(runs: pd.DataFrame, name: str, draw: str) -> pd.Series:
    once = runs.drop_duplicates([draw, "seed"])
    index = pd.MultiIndex.from_frame(once[[draw, "seed"]], names=["draw", "seed"])
    return once[name].set_axis(index)
