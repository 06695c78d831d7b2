"""Runs of a study's arms over the same essays, and the resampling of essays, draws and seeds.

A run is one training: one draw of the human-labeled subset, one training seed. The QWK of an arm
is the mean over its runs. The same essays, draws and seeds are resampled for every arm that shares
them, so that arms are compared paired.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cyborg_utils.statistics.bootstrap import (
    FEW_CLUSTERS,
    bootstrap_means,
    cluster_codes,
    pair_statistics,
)
from cyborg_utils.statistics.scales import as_scores, scores_on_scale

SOURCES = ("essays", "draws", "seeds")


class Note(StrEnum):
    """What the interval of an arm does not cover, or covers in addition to new essays."""

    ONE_DRAW = "one_draw"
    ONE_SEED = "one_seed"
    SEEDS_GO_WITH_DRAWS = "seeds_go_with_draws"
    NEW_PROMPTS = "new_prompts"
    TOO_FEW_PROMPTS = "too_few_prompts"


class Runs(NamedTuple):
    """Scores of an arm's runs, shape (r, n), with the draw and the seed of each run."""

    scores: np.ndarray
    draw: np.ndarray
    seed: np.ndarray


class Resampled(NamedTuple):
    """Replicates of the arms' mean QWK: all sources together, and each source alone."""

    estimates: pd.Series
    replicates: pd.DataFrame
    sources: dict[str, pd.DataFrame]
    degrees: pd.DataFrame
    notes: dict


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
) -> Resampled:
    """Resample essays, draws and seeds together.

    Essays (or prompts) are resampled with replacement for all runs at once. Of D draws, D - 1
    are drawn with replacement, which makes the variance of their mean unbiased (McCarthy and
    Snowden, 1985); seeds likewise, crossed with the draws (the pigeonhole bootstrap of Owen,
    2007, which is conservative). Where draws and seeds are not fully crossed, whole draws are
    resampled together with their seeds.

    Parameters
    ----------
    human : array_like, shape (n,)
        Scores on the scale.
    arms : dict of str to Runs
        Machine scores on the scale.
    labels, n_replicates, cluster, seed
        As in `cyborg_utils.statistics.agreement.bootstrap_agreement`.

    Returns
    -------
    Resampled
        `estimates` (mean QWK by arm), `replicates` (n_replicates x arms), `sources` (the same
        with essays, draws or seeds resampled alone), `degrees` (of freedom, arm x source; 0 where
        a source cannot be resampled) and `notes` (arm to a tuple of `Note`).

    Raises
    ------
    ValueError
        If shapes differ or a score is not on the scale.
    """
    rng, h = np.random.default_rng(seed), as_scores(human, "human")
    codes = None if cluster is None else cluster_codes(cluster, h.size)
    tables = [_checked(h, runs, labels, name) for name, runs in arms.items()]
    features = _features(h, np.vstack(tables))
    kappas = _qwk(features.mean(axis=0), h.size)
    resampled = _resample_essays(features, n_replicates, rng, codes)
    estimates, drawn, columns, degrees, notes = {}, {}, {}, {}, {}
    last = np.cumsum([len(table) for table in tables])[:-1]
    by_arm = zip(np.split(kappas, last), np.split(resampled, last, axis=1), strict=True)
    for (name, runs), (kappa, by_essays) in zip(arms.items(), by_arm, strict=True):
        estimates[name] = kappa.mean()
        weights, free, notes[name] = _run_weights(runs, n_replicates, rng, drawn)
        columns[name] = _mean_kappas(kappa, by_essays, weights)
        groups = h.size if codes is None else codes.max() + 1
        degrees[name] = {"essays": groups - 1, **free}
        if codes is not None:
            few = groups < FEW_CLUSTERS
            notes[name] = (Note.TOO_FEW_PROMPTS if few else Note.NEW_PROMPTS, *notes[name])
    frames = {s: pd.DataFrame({n: c[s] for n, c in columns.items()}) for s in ("all", *SOURCES)}
    estimates, degrees = pd.Series(estimates, name="qwk"), pd.DataFrame(degrees).T
    return Resampled(estimates, frames.pop("all"), frames, degrees, notes)


def _mean_kappas(kappas: np.ndarray, by_essays: np.ndarray, weights: dict) -> dict:
    """An arm's replicated mean QWK with all sources resampled together, and each alone."""
    joint = weights["draws"] * weights["seeds"]
    joint = joint / joint.sum(axis=1, keepdims=True)
    runs = {source: weights[source] for source in SOURCES[1:]}
    return {
        "all": (joint * by_essays).sum(axis=1),
        "essays": by_essays.mean(axis=1),
        **{source: weight @ kappas / weight.sum(axis=1) for source, weight in runs.items()},
    }


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


def _features(human: np.ndarray, table: np.ndarray) -> np.ndarray:
    columns = [human[:, None], human[:, None] ** 2, table.T, table.T**2, human[:, None] * table.T]
    return np.hstack(columns)


def _qwk(means: np.ndarray, n: ArrayLike) -> np.ndarray:
    h, hh = means[..., 0:1], means[..., 1:2]
    m, mm, hm = np.split(means[..., 2:], 3, axis=-1)
    unused = np.zeros_like(m)
    parts = np.broadcast_arrays(h, m, hh, mm, hm, unused, unused)
    return pair_statistics(np.stack(parts, axis=-1), np.asarray(n)[..., None])[..., 0]


def _resample_essays(
    features: np.ndarray, n_replicates: int, rng: np.random.Generator, codes: np.ndarray | None
) -> np.ndarray:
    ones, done = np.ones(len(features)), []
    for size in np.diff([*range(0, n_replicates, 200), n_replicates]):
        done.append(_qwk(*bootstrap_means(features, ones, size, rng, codes)))
    return np.vstack(done)


def _run_weights(
    runs: Runs, n_replicates: int, rng: np.random.Generator, drawn: dict
) -> tuple[dict, dict, tuple[Note, ...]]:
    """Weight an arm's runs by resampled draws and seeds, alike for arms with the same ones."""
    names = {
        source: np.array([str(label) for label in labels])
        for source, labels in (("draws", runs.draw), ("seeds", runs.seed))
    }
    levels = {source: np.unique(labels, return_inverse=True) for source, labels in names.items()}
    n_runs, n_draws, n_seeds = len(runs.draw), *(len(unique) for unique, _ in levels.values())
    pairs = set(zip(*names.values(), strict=True))
    crossed = len(pairs) == n_runs == n_draws * n_seeds
    weights, free, notes = {}, {}, []
    for source, (unique, codes) in levels.items():
        weights[source], free[source] = np.ones((n_replicates, n_runs)), 0
        k = len(unique)
        if k == 1:
            notes.append(Note.ONE_DRAW if source == "draws" else Note.ONE_SEED)
        elif source == "seeds" and not crossed and n_draws > 1:
            notes.append(Note.SEEDS_GO_WITH_DRAWS)
        else:
            key = (source, tuple(unique))
            if key not in drawn:
                drawn[key] = rng.multinomial(k - 1, np.full(k, 1 / k), size=n_replicates)
            weights[source], free[source] = drawn[key][:, codes].astype(float), k - 1
    return weights, free, tuple(notes)


def pool_replications(
    table: pd.DataFrame, keys: list[str], value: str, n_essays: int | str, se: str = "se"
) -> pd.DataFrame:
    """Average a statistic over runs, with its error.

    Essays are the same in every run, so their variance component is the runs' mean se^2. Draws
    and seeds add var(mean of a draw) / D and var(mean of a seed) / S, which is conservative where
    they interact. Degrees of freedom are Satterthwaite's (1946).

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

    Returns
    -------
    pandas.DataFrame
        The keys, the mean, its error and `df`.
    """
    rows = []
    for key, runs in table.groupby(keys, sort=False, dropna=False):
        essays = runs[n_essays].iloc[0] if isinstance(n_essays, str) else n_essays
        variances = [((runs[se] ** 2).mean(), max(essays - 1, 1))]
        for source in ("draw", "seed"):
            means = runs.groupby(source)[value].mean()
            if len(means) > 1:
                variances.append((means.var(ddof=1) / len(means), len(means) - 1))
        total = sum(v for v, _ in variances)
        by_df = sum(v**2 / df for v, df in variances)
        df = total**2 / by_df if by_df > 0 else variances[0][1]
        rows.append((*key, runs[value].mean(), np.sqrt(total), df))
    return pd.DataFrame(rows, columns=[*keys, value, se, "df"])
