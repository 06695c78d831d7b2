"""Essays that belong together: equal texts, one writer, texts that are nearly equal."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from cyborg_utils.corpus.text_screening import is_blank
from cyborg_utils.corpus.words import words_of

LEFT_OUT = "unscored_left_out"  # key of `DataFrame.attrs`: how many a draw of splits has left out
SHINGLE = 5  # words
NEAR = 0.8  # Jaccard index from which two texts are near-duplicates
ROWS = 256  # essays that are compared at once


def same_text(texts: pd.Series) -> pd.Series:
    """Texts as they are compared: in lowercase, every run of white space one space; a text without
    a visible character is empty."""
    plain = [" ".join(text.lower().split()) for text in texts.fillna("")]
    return pd.Series(["" if is_blank(text) else text for text in plain], texts.index, dtype=object)


def equal_texts(texts: pd.Series) -> pd.Series:
    """The texts, as they are compared, that more than one essay has; other essays are not in it."""
    plain = same_text(texts)
    return plain[plain.duplicated(keep=False) & (plain != "")]


def surplus_copies(texts: pd.Series, scores: pd.Series) -> pd.Series:
    """Whether an essay is a copy that can be left out without the loss of a human score.

    Of essays with the same text, those without a score are copies where another is scored; of
    several with the same score, or without any, all but the first are. Two different human scores
    of one text are both kept.
    """
    plain = same_text(texts)
    scored = scores.notna()
    has_scored_twin = plain.isin(set(plain[scored]))
    again = pd.DataFrame({"text": plain, "score": scores}).duplicated()
    return (again | (~scored & has_scored_twin)) & (plain != "")


def related(frame: pd.DataFrame) -> pd.Series:
    """The cluster of each essay: those that equal texts or a common writer connect.

    Parameters
    ----------
    frame : `text` and, where known, `writer`; blank texts and missing writers connect nothing.
    """
    keys = [_texts(frame), *([_writers(frame)] if "writer" in frame else [])]
    edges, n = [], len(frame)
    for key in keys:
        codes = pd.factorize(key)[0]
        (rows,) = np.nonzero(codes >= 0)
        edges.append(np.column_stack([rows, codes[rows] + n]))
        n += codes.max(initial=-1) + 1
    rows, codes = np.concatenate(edges).T
    graph = coo_matrix((np.ones(len(rows)), (rows, codes)), shape=(n, n))
    return pd.Series(connected_components(graph, directed=False)[1][: len(frame)], frame.index)


def kept_together(corpus: pd.DataFrame) -> list[str]:
    """Sentences on the essays of a corpus that share their text or writer, with counts.

    Parameters
    ----------
    corpus : as `load_corpus` returns it; without a sentence where no essay is related to another.
    """
    keys = {}
    if "text" in corpus:
        keys["text"] = _texts(corpus)
    if "writer" in corpus:
        keys["writer"] = _writers(corpus)
    notes = []
    for name, key in keys.items():
        repeated = key.notna() & key.duplicated(keep=False)
        if not repeated.any():
            continue
        n_splits = corpus.loc[repeated, "split"].groupby(key[repeated]).nunique()
        note = (
            f"{repeated.sum():,} essays share their {name} with another ({len(n_splits):,} "
            f"different {name}s)"
        )
        if n_apart := (n_splits > 1).sum():
            note += f"; {n_apart:,} of these {name}s are in more than one split, as the file has it"
        else:
            note += f": those of one {name} are in one split"
        notes.append(f"{note}.")
    if n := corpus.attrs.get(LEFT_OUT, 0):
        notes.append(
            f"{n:,} unscored essays are left out: a dev or test essay has their text or writer."
        )
    return notes


def near_duplicates(corpus: pd.DataFrame) -> int:
    """How many dev and test essays have a near-duplicate among the train essays.

    Two texts are near-duplicates where the Jaccard index of their sets of 5-word sequences
    (Broder, 1997) is 0.8 or more; equal texts do not count. None is missed: two sets of which 80 %
    are shared have one of the rarest 20 % of each in common (prefix filtering: Bayardo, Ma and
    Srikant, 2007), and all pairs that do are compared.
    """
    texts = same_text(corpus["text"])
    in_train = corpus["split"] == "train"
    train = texts[in_train].drop_duplicates()
    others = texts[~in_train & ~texts.isin(train)]
    sets = _shingles([*train, *others])
    rarest = _rarest(sets)
    n, near = len(train), 0
    for start in range(n, sets.shape[0], ROWS):
        pairs = (rarest[start : start + ROWS] @ rarest[:n].T).tocoo()
        first, second = start + pairs.row, pairs.col
        shared = np.asarray(sets[first].multiply(sets[second]).sum(axis=1)).ravel()
        sizes = np.diff(sets.indptr)
        union = sizes[first] + sizes[second] - shared
        near += len(np.unique(first[shared >= NEAR * union]))
    return near


def _shingles(texts: list[str]) -> csr_matrix:
    """The set of 5-word sequences of each text, as ones in its row; rarer sequences come first.

    A sequence is known by a hash of 64 bits, so that different ones are hardly ever taken for one.
    """
    words = [words_of(text) for text in texts]
    lengths = np.array(list(map(len, words)), dtype=np.int64)
    codes = pd.factorize(np.array([word for text in words for word in text], dtype=object))[0]
    values = np.random.default_rng(0).integers(0, 2**64, codes.max(initial=0) + 1, dtype=np.uint64)
    hashes = np.zeros(max(0, len(codes) - SHINGLE + 1), dtype=np.uint64)
    for k in range(SHINGLE):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + values[codes[k : k + len(hashes)]]
    rows = np.repeat(np.arange(len(texts)), lengths)[: len(hashes)]
    within = rows == np.repeat(np.arange(len(texts)), lengths)[SHINGLE - 1 :]
    rows, columns = rows[within], pd.factorize(hashes[within])[0]
    sets = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(texts), len(codes)))
    sets.sum_duplicates()
    order = np.argsort(np.bincount(sets.indices, minlength=len(codes)), kind="stable")
    rank = np.empty(len(codes), dtype=sets.indices.dtype)
    rank[order] = np.arange(len(codes))
    ones = np.ones(sets.nnz, np.float32)
    ranked = csr_matrix((ones, rank[sets.indices], sets.indptr), sets.shape)
    ranked.sort_indices()
    return ranked


def _rarest(sets: csr_matrix) -> csr_matrix:
    """As many of the first members of each set as leave too few for a near-duplicate."""
    sizes = np.diff(sets.indptr)
    most = sizes - np.ceil(NEAR * sizes - 1e-9).astype(int) + 1
    place = np.arange(sets.nnz) - np.repeat(sets.indptr[:-1], sizes)
    rows = np.repeat(np.arange(len(sizes)), sizes)
    kept = place < np.repeat(most, sizes)
    ones = np.ones(kept.sum(), np.float32)
    return csr_matrix((ones, (rows[kept], sets.indices[kept])), sets.shape)


def _texts(frame: pd.DataFrame) -> pd.Series:
    plain = same_text(frame["text"])
    return plain.where(plain != "")


def _writers(frame: pd.DataFrame) -> pd.Series:
    names = frame["writer"].astype("string").str.strip()
    return names.mask(names == "")
