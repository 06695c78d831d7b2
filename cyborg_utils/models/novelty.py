"""What a Student's training essays are like, and which new essays are unlike them.

Three plain signs: the number of words, the window, and the share of words that training essays
have too. They find blank pages, other languages and keyboard noise, not a clever fake
and not an essay on another prompt.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from cyborg_utils.corpus.text_screening import is_blank, speaks_to_scorer

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


def describe(texts: list[str]) -> dict:
    """Length and vocabulary of training essays.

    A word is known if two training essays have it. An essay's own share of known words is judged
    as a new essay's would be, without the essay itself.

    Returns
    -------
    `essays`; `shortest` and `longest`, of 99.9 % of them, in words; `least_known`, the share of
    known words below which an essay is unlike them: as far below the 1 % quantile as that is
    below the median, at least half of the 1 % quantile; `vocabulary`
    """
    every = [_words(text) for text in texts]
    having = Counter(word for words in every for word in set(words))
    vocabulary = [w for w, n in having.most_common(VOCABULARY) if n >= 2]
    elsewhere = {w for w in vocabulary if having[w] >= 3}
    shares = [_share(words, elsewhere) for words in every if words] or [0.0]
    lengths = [len(words) for words in every]
    low, middle = np.quantile(shares, [0.01, 0.5])
    return {
        "essays": len(texts),
        "shortest": int(np.quantile(lengths, 0.001, method="lower")),
        "longest": int(np.quantile(lengths, 0.999, method="higher")),
        "least_known": float(max(2 * low - middle, low / 2)),
        "vocabulary": sorted(vocabulary),
    }


class Usual:
    """The description of training essays, ready to judge new ones by."""

    def __init__(self, described: dict):
        self.described = described
        self.known = frozenset(described["vocabulary"])

    def signs(self, text: str) -> list[str]:
        """What is unusual about a text, but for what its Student's window does to it."""
        if is_blank(text):
            return [BLANK]
        words, found = _words(text), []
        if speaks_to_scorer(text):
            found.append(SPEAKS)
        if len(words) < self.described["shortest"]:
            found.append(SHORT)
        if len(words) > self.described["longest"]:
            found.append(LONG)
        if not words or _share(words, self.known) < self.described["least_known"]:
            found.append(UNLIKE)
        return found


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())


def _share(words: list[str], known: set | frozenset) -> float:
    return sum(word in known for word in words) / len(words)
