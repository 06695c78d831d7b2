"""Cluster draws: essays that are spread over all texts, for training."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from cyborg_utils.corpus.words import words_of

COMPONENTS = 100
MAX_ITERATIONS = 50
LEAST = 2  # texts that have a word


def cluster_draw(texts: Sequence[str], n: int, seed: int, drawn: Sequence[int] = ()) -> np.ndarray:
    """Draw the essays in the middle of n clusters of texts.

    k-means (Lloyd, 1982) on the singular vectors of tf-idf (Deerwester et al., 1990), at length 1.
    There are as many clusters as essays that are drawn and those that were drawn before; the
    largest clusters without an essay that was drawn before give one each, that nearest to the
    center. The probability of an essay to be drawn is not known: such a draw serves for training
    alone.

    Parameters
    ----------
    texts : sequence of str, length m
    n : int
        Number of essays to draw.
    seed : int
    drawn : sequence of int
        Positions of essays that were drawn for training before.

    Returns
    -------
    ndarray of int, shape (n,)
        Positions in `texts`, ascending.

    Raises
    ------
    ValueError
        If fewer than n essays were not drawn before.
    """
    drawn = np.unique(np.asarray(drawn, dtype=int))
    if not 0 <= n <= len(texts) - len(drawn):
        raise ValueError(f"{n} essays of {len(texts) - len(drawn)} cannot be drawn")
    if n == 0:
        return np.empty(0, dtype=int)
    points = topics(texts, seed)
    n_clusters = n + len(drawn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct texts than clusters
        found = KMeans(n_clusters, n_init=1, max_iter=MAX_ITERATIONS, random_state=seed).fit(points)
    distance = np.linalg.norm(points - found.cluster_centers_[found.labels_], axis=1)
    free = np.ones(len(texts), dtype=bool)
    free[drawn] = False
    sizes = np.bincount(found.labels_, minlength=n_clusters)
    sizes[found.labels_[drawn]] = 0
    largest = np.argsort(-sizes, kind="stable")[:n]
    chosen = []
    for cluster in largest[sizes[largest] > 0]:
        members = np.flatnonzero(found.labels_ == cluster)
        chosen.append(members[np.argmin(distance[members])])
    free[chosen] = False
    # Equal texts leave clusters empty; any other essays take their places.
    rest = np.random.default_rng(seed).permutation(np.flatnonzero(free))[: n - len(chosen)]
    return np.sort(np.concatenate([np.array(chosen, dtype=int), rest]))


def topics(texts: Sequence[str], seed: int) -> np.ndarray:
    """Compute the singular vectors of the tf-idf of texts, at length 1.

    Parameters
    ----------
    texts : sequence of str, length m
    seed : int

    Returns
    -------
    ndarray, shape (m, k)
        k is 100, or less for few texts; all zero where no two texts share a word.
    """
    tf_idf = TfidfVectorizer(analyzer=words_of, min_df=min(LEAST, len(texts)), sublinear_tf=True)
    try:
        words = tf_idf.fit_transform(texts)
    except ValueError:  # no word in two texts
        return np.zeros((len(texts), 1))
    k = min(COMPONENTS, *words.shape)
    left, values, _ = randomized_svd(words, k, n_iter=4, random_state=seed)
    return normalize(left * values)
