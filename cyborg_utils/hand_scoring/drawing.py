"""Draws of a fixed number of essays, each with a probability that is known by design.

Active selection, of the essays on which a model is least certain, is not offered: no measurement
here shows that it trains a better model than a draw that is spread over all texts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

LENGTHS = 4  # classes of length of a stratified draw


def equal_probabilities(n: int, size: int) -> np.ndarray:
    """The probability n / size for each of `size` essays, shape (size,)."""
    if not 0 <= n <= size:
        raise ValueError(f"{n} essays of {size} cannot be drawn")
    return np.full(size, n / max(size, 1))


def draw_essays(
    probability: ArrayLike, rng: np.random.Generator, strata: ArrayLike | None = None
) -> np.ndarray:
    """Draw as many essays as the probabilities sum to, each with its own probability.

    Ordered pivotal sampling (Deville and Tillé, 1998; Chauvet, 2012): essays compete in pairs, in a
    random order within strata and one stratum after another, so that the number of essays of a
    stratum differs from the sum of its probabilities by less than two, and that of all strata up to
    any one by less than one. With equal probabilities and no strata it is simple random sampling.

    Parameters
    ----------
    probability : array_like, shape (m,)
        From 0 to 1, with a whole sum.
    rng : numpy.random.Generator
    strata : array_like of int, shape (m,), optional
        The stratum of each essay.

    Returns
    -------
    ndarray of int
        Positions of the essays, ascending.

    Raises
    ------
    ValueError
        If a probability is not from 0 to 1, or their sum is not whole.
    """
    p = np.array(probability, dtype=float)
    if not ((p >= 0) & (p <= 1)).all() or abs(p.sum() - round(p.sum())) > 1e-6:
        raise ValueError("probabilities must be from 0 to 1, and their sum a whole number")
    n = round(p.sum())
    order = rng.permutation(p.size)
    if strata is not None:
        order = order[np.argsort(np.asarray(strata)[order], kind="stable")]
    order = order[(p[order] > 0) & (p[order] < 1)]
    chosen = np.flatnonzero(p == 1).tolist()
    left, a = (int(order[0]), float(p[order[0]])) if order.size else (-1, 0.0)
    uniform = rng.random(order.size).tolist()
    for right, b, u in zip(order[1:].tolist(), p[order[1:]].tolist(), uniform, strict=False):
        both = a + b
        if both < 1:  # one of them is out, the other goes on with both probabilities
            left, a = (left if u * both < a else right), both
        else:  # one of them is in, the other goes on with what is left of both
            first = u * (2 - both) < 1 - b
            chosen.append(left if first else right)
            left, a = (right if first else left), both - 1
    if len(chosen) < n:
        chosen.append(left)
    return np.sort(np.array(chosen, dtype=int))


def strata_of(columns: Iterable[ArrayLike], lengths: ArrayLike | None = None) -> np.ndarray:
    """Number the combinations of the levels of columns, and of four classes of length.

    Parameters
    ----------
    columns : array_likes, shape (m,)
        Prompts and groups; a missing value is a level of its own.
    lengths : array_like, shape (m,), optional
        Of the essays, cut at its quartiles.

    Returns
    -------
    ndarray of int, shape (m,)
        In the order of the levels, the first column first.
    """
    frame = pd.DataFrame({i: np.asarray(c, dtype=object) for i, c in enumerate(columns)})
    if lengths is not None:
        ranks = pd.Series(np.asarray(lengths)).rank(method="first")
        frame["length"] = np.ceil(ranks * LENGTHS / len(ranks))
    return frame.groupby(list(frame), dropna=False).ngroup().to_numpy()
