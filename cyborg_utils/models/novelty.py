"""What a Student's training essays are like, and which new essays are unlike them.

Three plain signs: the number of words, the maximum sequence length, and the proportion of words
that training essays have too. They detect blank pages, other languages and keyboard noise, not a
clever fake and not an essay on another prompt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cyborg_utils.corpus.text_screening import addresses_scorer, is_blank

BLANK, SHORT, LONG = "blank", "too short", "too long"
CUT, UNLIKE, REPEATED = "loses its end", "unlike the training essays", "repeated id"
SPEAKS = "speaks to the scorer"
UNSCORED = {BLANK, UNLIKE}  # a number for these would mean nothing
MEANING = {
    BLANK: "no text; not scored",
    UNLIKE: "far fewer words that training essays have too: another language, script or noise; "
    "not scored",
    SHORT: "fewer words than 99.9 % of the training essays",
    LONG: "more words than 99.9 % of the training essays",
    SPEAKS: "what reads like an instruction to whoever scores, or a chat template's tokens; scored "
    "by the same rule as any other",
    CUT: "longer than the Student's window, which hides its end",
    REPEATED: "another row has the same id",
}
VOCABULARY = 20_000  # words at most


@dataclass(frozen=True)
class TrainingProfile:
    """Length and vocabulary of training essays, against which new essays are checked.

    Attributes
    ----------
    essays : how many there are.
    shortest, longest : of 99.9 % of them, in words.
    least_known : proportion of known words below which an essay is unlike them.
    vocabulary : the known words: those that two training essays or more have.
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
        """What is unusual about a text, truncation aside; keys of `MEANING`."""
        if is_blank(text):
            return [BLANK]
        words, flags = _words(text), []
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

    An essay's own proportion of known words is computed as a new essay's would be, without the
    essay itself. `least_known` is as far below the 1 % quantile of these as that is below the
    median, and at least half of the 1 % quantile.
    """
    essays = [_words(text) for text in texts]
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


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())


def _known_share(words: list[str], known: Set[str]) -> float:
    return sum(word in known for word in words) / len(words)
