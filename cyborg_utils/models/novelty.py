"""Novelty detection: which new essays are unlike a Student's training essays.

By three measures: the number of words, the maximum sequence length, and the proportion of words
that are in training essays too. They detect blank texts, other languages and random typing, but
neither well-written nonsense nor an essay on another prompt. Where no spaces separate words,
characters are counted, and pairs of them compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cyborg_utils.corpus.text_screening import addresses_scorer, is_blank
from cyborg_utils.corpus.words import words_of

BLANK, SHORT, LONG = "blank", "too short", "too long"
CUT, UNLIKE, REPEATED = "truncated", "unlike the training essays", "repeated id"
SPEAKS = "addresses the scorer"
UNSCORED = {BLANK, UNLIKE}  # a score of these would be meaningless
MEANING = {
    BLANK: "no text; not scored",
    UNLIKE: "far fewer words that training essays have too: another language or script, or random "
    "typing; not scored",
    SHORT: "fewer words than 99.9 % of the training essays (characters where no spaces separate "
    "words)",
    LONG: "more words than 99.9 % of the training essays (characters where no spaces separate "
    "words)",
    SPEAKS: "reads like an instruction to the scorer (prompt injection), or has tokens of a chat "
    "template; scored like any other",
    CUT: "longer than the Student's maximum sequence length: its end is not read",
    REPEATED: "another row has the same id",
}
VOCABULARY = 20_000  # words at most


@dataclass(frozen=True)
class TrainingProfile:
    """Length and vocabulary of training essays, with which new essays are compared.

    Attributes
    ----------
    essays : their number.
    shortest, longest : 0.1 % and 99.9 % quantiles of their lengths, in words.
    least_known : proportion of known words below which an essay is unlike them.
    vocabulary : the known words: those in two or more training essays.
    """

    essays: int
    shortest: int
    longest: int
    least_known: float
    vocabulary: list[str]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.vocabulary)

    def flags(self, text: str) -> list[str]:
        """Flags of a text, without truncation and repeated ids; keys of `MEANING`."""
        if is_blank(text):
            return [BLANK]
        words, flags = words_of(text), []
        if addresses_scorer(text):
            flags.append(SPEAKS)
        if len(words) < self.shortest:
            flags.append(SHORT)
        if len(words) > self.longest:
            flags.append(LONG)
        if not words or _known_share(words, self._known) < self.least_known:
            flags.append(UNLIKE)
        return flags


def profile_of(texts: list[str]) -> TrainingProfile:
    """Measure training essays.

    A training essay's proportion of known words is computed as for a new essay, with the vocabulary
    of the others. `least_known` is as far below the 1 % quantile of these proportions as that is
    below the median, and at least half of the 1 % quantile.
    """
    essays = [words_of(text) for text in texts]
    frequency = Counter(word for words in essays for word in set(words))
    vocabulary = [w for w, n in frequency.most_common(VOCABULARY) if n >= 2]
    in_others = {w for w in vocabulary if frequency[w] >= 3}
    shares = [_known_share(words, in_others) for words in essays if words] or [0.0]
    lengths = [len(words) for words in essays]
    low, median = np.quantile(shares, [0.01, 0.5])
    return TrainingProfile(
        essays=len(texts),
        shortest=int(np.quantile(lengths, 0.001, method="lower")),
        longest=int(np.quantile(lengths, 0.999, method="higher")),
        least_known=float(max(2 * low - median, low / 2)),
        vocabulary=sorted(vocabulary),
    )


def _known_share(words: list[str], known: Set[str]) -> float:
    return sum(word in known for word in words) / len(words)
