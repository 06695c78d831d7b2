"""Essays that belong together: equal texts, one writer, texts that are nearly equal."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import HashingVectorizer

from cyborg_utils.corpus.text_screening import is_blank
from cyborg_utils.corpus.words import words_of

LEFT_OUT = "unscored_left_out"  # key of `DataFrame.attrs`: how many a draw of splits has left out
SHINGLE = 5  # words
NEAR = 0.8  # Jaccard index from which two texts are near-duplicates
ROWS = 256  # essays that are compared at once


def same_text(texts: pd.Series) -> pd.Series:
    """Texts as they are compared: in lowercase, every run of white space one space; a text without
    a visible character is empty."""
    texts = texts.fillna("").str.lower()
    plain = texts.str.replace(r"\s+", " ", regex=True).str.strip()
    return plain.mask(texts.map(is_blank), "")


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
    (Broder, 1997) is 0.8 or more; equal texts do not count.
    """
    texts = same_text(corpus["text"])
    in_train = corpus["split"] == "train"
    texts = [texts[in_train].drop_duplicates(), texts[~in_train & ~texts.isin(texts[in_train])]]
    if not all(map(len, texts)):
        return 0
    hashed = HashingVectorizer(
        analyzer="word", tokenizer=words_of, token_pattern=None, ngram_range=(SHINGLE, SHINGLE),
        binary=True, norm=None, alternate_sign=False, dtype=np.float32, n_features=2**22,
    )  # fmt: skip
    train, others = (hashed.transform(part) for part in texts)
    n_train, n_others = (np.asarray(part.sum(axis=1)).ravel() for part in (train, others))
    by_shingle = train.T.tocsr()
    near = 0
    for start in range(0, others.shape[0], ROWS):
        shared = (others[start : start + ROWS] @ by_shingle).tocoo()
        union = n_others[start + shared.row] + n_train[shared.col] - shared.data
        near += len(np.unique(shared.row[shared.data >= NEAR * union]))
    return near


def _texts(frame: pd.DataFrame) -> pd.Series:
    plain = same_text(frame["text"])
    return plain.where(plain != "")


def _writers(frame: pd.DataFrame) -> pd.Series:
    names = frame["writer"].astype("string").str.strip()
    return names.mask(names == "")
