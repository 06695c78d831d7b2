"""Word statistics of the train texts, and the words of an essay that count.

How many train texts have a word, and a pair of adjacent words, is known without any score and for
any language. It stands in for a word list: a word that no other train text has is rare or
misspelled.

Two kinds of words do not count, so that padding an essay does not raise its score: copied ones, in
a run of words that the essay has had before, and senseless ones, in a stretch in which neighbors
go together no better than words drawn at random.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from cyborg_utils.corpus.words import CHARACTER_OR_WORD, LETTERS, has_no_spaces

RUN = {False: 8, True: 16}  # words, or characters, in a row that are not repeated by chance
WINDOW = 15  # pairs of neighbors whose mean association is judged
MIXTURE = 0.6  # weight of the pair counts in the association, the rest is that of chance
LEAST_LIKELY = 0.005  # proportion of the windows of train texts below the threshold
JUDGED = 2000  # train texts from which the threshold is taken, at most


@dataclass
class WordStatistics:
    """Words and pairs of adjacent words that at least two train texts have.

    Parameters
    ----------
    unspaced : whether characters take the place of words.
    vocabulary : the number of each word, in the order of `documents`.
    documents, tokens : numbers of texts that have a word, and of its occurrences.
    pairs, pair_documents : ascending keys of pairs, and numbers of texts that have a pair.
    n_texts, n_tokens : of the train texts.
    threshold : mean association of a window below which its words do not count.
    known_texts : ascending hashes of the train texts, whose own words are left out of the counts
        when one of them is described, so that it is described as a new text is.
    """

    ARRAYS: ClassVar = ("documents", "tokens", "pairs", "pair_documents", "known_texts")

    unspaced: bool
    vocabulary: dict[str, int]
    documents: np.ndarray
    tokens: np.ndarray
    pairs: np.ndarray
    pair_documents: np.ndarray
    n_texts: int
    n_tokens: int
    threshold: float
    known_texts: np.ndarray

    @classmethod
    def of(cls, texts: Iterable[str]) -> WordStatistics:
        """Count the words of distinct texts."""
        texts = sorted(set(texts))
        unspaced = has_no_spaces(texts)
        numbers: dict[str, int] = {}
        rows = [
            np.array([numbers.setdefault(w, len(numbers)) for w in words_in(t, unspaced)], int)
            for t in texts
        ]
        documents = _counts([np.unique(row) for row in rows], len(numbers))
        kept = documents > 1
        new = np.where(kept, np.cumsum(kept) - 1, -1)
        rows = [new[row] for row in rows]
        size = max(1, int(kept.sum()))
        found = [np.unique(keys[keys >= 0]) for keys in (_keys(row, size) for row in rows)]
        pairs, pair_documents = np.unique(_joined(found), return_counts=True)
        often = pair_documents > 1
        statistics = cls(
            unspaced=unspaced,
            vocabulary={w: int(new[i]) for w, i in numbers.items() if kept[i]},
            documents=documents[kept],
            tokens=_counts([row[row >= 0] for row in rows], int(kept.sum())),
            pairs=pairs[often],
            pair_documents=pair_documents[often],
            n_texts=len(texts),
            n_tokens=sum(map(len, rows)),
            threshold=-np.inf,
            known_texts=np.sort([_hash(t) for t in texts]),
        )
        some = rows[:: max(1, len(rows) // JUDGED)]
        windows = [statistics._windows(row, own=1) for row in some if len(row) > WINDOW]
        if windows:
            statistics.threshold = float(np.quantile(np.concatenate(windows), LEAST_LIKELY))
        return statistics

    @classmethod
    def loaded(cls, about: dict, arrays: dict[str, np.ndarray]) -> WordStatistics:
        """From what `plain` and `arrays` gave."""
        numbered = {word: i for i, word in enumerate(about["vocabulary"])}
        return cls(**{**about, "vocabulary": numbered}, **{n: arrays[n] for n in cls.ARRAYS})

    @property
    def plain(self) -> dict:
        """All but the arrays, for JSON."""
        names = [f.name for f in fields(self) if f.name not in self.ARRAYS]
        return {n: getattr(self, n) for n in names} | {"vocabulary": list(self.vocabulary)}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name) for name in self.ARRAYS}

    def own(self, text: str) -> int:
        """1 for a train text, whose own words are in the counts, else 0."""
        at = np.searchsorted(self.known_texts, _hash(text))
        return int(at < len(self.known_texts) and self.known_texts[at] == _hash(text))

    def numbers(self, words: list[str]) -> np.ndarray:
        """The number of each word, -1 where it is not in the vocabulary."""
        return np.array([self.vocabulary.get(word, -1) for word in words], dtype=int)

    def pair_numbers(self, numbers: np.ndarray) -> np.ndarray:
        """The position in `pairs` of each pair of neighbors, -1 where it is not among them."""
        keys = _keys(numbers, max(1, len(self.documents)))
        if not len(self.pairs):
            return np.full(len(keys), -1)
        at = np.minimum(np.searchsorted(self.pairs, keys), len(self.pairs) - 1)
        return np.where(self.pairs[at] == keys, at, -1)

    def texts_with_pair(self, numbers: np.ndarray, own: int) -> np.ndarray:
        """How many other train texts have each pair of neighbors, 0 for one, shape (n - 1,)."""
        return _others(self.pair_documents, self.pair_numbers(numbers), own)

    def texts_with_word(self, numbers: np.ndarray, own: int) -> np.ndarray:
        """How many other train texts have each word, 0 for one, shape (n,)."""
        return _others(self.documents, numbers, own)

    def association(self, numbers: np.ndarray, own: int) -> np.ndarray:
        """Log likelihood ratio of each pair of neighbors: the second word after the first, by
        counts mixed with chance, against chance; shape (n - 1,)."""
        together = self.texts_with_pair(numbers, own)
        by_chance = np.ones(len(together))
        if len(self.documents):
            first, second = self.tokens[numbers[:-1]], self.tokens[numbers[1:]]
            by_chance = np.maximum(first * second / max(1, self.n_tokens), 1e-12)
        return np.log(MIXTURE * together / by_chance + 1 - MIXTURE)

    def counted(self, words: list[str], own: int) -> np.ndarray:
        """Which words of an essay count, shape (n,): neither copied nor senseless."""
        return ~(_copied(words, RUN[self.unspaced]) | self._senseless(words, own))

    def _windows(self, numbers: np.ndarray, own: int) -> np.ndarray:
        sums = np.concatenate([[0.0], np.cumsum(self.association(numbers, own))])
        return (sums[WINDOW:] - sums[:-WINDOW]) / WINDOW

    def _senseless(self, words: list[str], own: int) -> np.ndarray:
        """Words of windows below the threshold."""
        bad = np.zeros(len(words), dtype=bool)
        if len(words) > WINDOW:
            low = self._windows(self.numbers(words), own) < self.threshold
            steps = np.zeros(len(words) + 1, dtype=int)
            np.add.at(steps, np.flatnonzero(low), 1)
            np.add.at(steps, np.flatnonzero(low) + WINDOW + 1, -1)
            bad = np.cumsum(steps[:-1]) > 0
        return bad


def words_in(text: str, unspaced: bool) -> list[str]:
    """The words of a text in lowercase; its characters where no spaces separate words."""
    return [w.lower() for w in pattern(unspaced).findall(text)]


def pattern(unspaced: bool):
    return CHARACTER_OR_WORD if unspaced else LETTERS


def _copied(words: list[str], run: int) -> np.ndarray:
    """Words in a run of `run` words that the essay has had before."""
    copied = np.zeros(len(words), dtype=bool)
    if len(words) <= run:
        return copied
    local: dict[str, int] = {}
    numbers = np.array([local.setdefault(w, len(local)) for w in words], dtype=np.uint64)
    keys = np.zeros(len(words) - run + 1, dtype=np.uint64)
    for i in range(run):  # a polynomial hash, modulo 2 ** 64
        keys = keys * np.uint64(1_000_003) + numbers[i : i + len(keys)]
    again = np.ones(len(keys), dtype=bool)
    again[np.unique(keys, return_index=True)[1]] = False
    for i in range(run):
        copied[i : i + len(keys)] |= again
    return copied


def _keys(numbers: np.ndarray, size: int) -> np.ndarray:
    """A key of each pair of neighbors, -1 where one of them has no number."""
    first, second = numbers[:-1], numbers[1:]
    return np.where((first >= 0) & (second >= 0), first * size + second, -1)


def _others(counts: np.ndarray, at: np.ndarray, own: int) -> np.ndarray:
    """Counts at positions (-1: none) without the text's own; 1 is 0, as for what only one train
    text has, which is not kept."""
    if not len(counts):
        return np.zeros(len(at), dtype=int)
    others = np.where(at >= 0, counts[at] - own, 0)
    return np.where(others > 1, others, 0)


def _counts(rows: list[np.ndarray], size: int) -> np.ndarray:
    return np.bincount(_joined(rows), minlength=size)


def _joined(rows: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype=int), *rows])


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
