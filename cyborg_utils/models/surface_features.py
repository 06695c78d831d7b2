"""Surface features of an essay: length, words, sentences, vocabulary, punctuation.

They are of the kinds that are published for e-rater (Attali & Burstein, 2006) and for lexical
sophistication (Kyle & Crossley, 2015), and need no resource of one language. They are of the text
that counts: without copied and senseless words (`word_statistics`).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from cyborg_utils.models.word_statistics import WordStatistics, pattern, words_in

SENTENCE_END = re.compile(r"[.!?。！？؟।…]+|\n+")
NO_SPACE = re.compile(r"[.,!?;:][^\W\d_]")
SPACE_BEFORE = re.compile(r"\s[.,!?;:]")
START = re.compile(r"(?:^|[.!?]\s+)([^\W\d_])")
MARKS = {
    "commas": ",،、，",
    "full stops": ".。।",
    "question and exclamation marks": "?!？！؟",
    "quotation marks": '"“”„«»「」',
    "apostrophes": "'’",
    "colons and semicolons": ":;：；",
    "digits": "0123456789",
    "parentheses": "(（",
}
MTLD_RATIO = 0.72
SELDOM = 0.002  # of the train texts; a word that fewer have is seldom
COMMON = 0.5


@dataclass
class Description:
    """An essay in numbers: its surface features, the numbers of its known words and pairs."""

    features: dict[str, float]
    words: np.ndarray
    pairs: np.ndarray


def describe(text: str, statistics: WordStatistics) -> Description:
    """Surface features of the text that counts, and its words and pairs of words."""
    own, unspaced = statistics.own(text), statistics.unspaced
    words = words_in(text, unspaced)
    counted = statistics.counted(words, own)
    if not counted.all():
        text = _kept(text, counted, unspaced)
        words = [w for w, c in zip(words, counted, strict=True) if c]
    numbers = statistics.numbers(words)
    pairs = statistics.pair_numbers(numbers)
    features = (
        _lengths(text, words, unspaced)
        | _variety(words)
        | _frequencies(words, numbers, statistics, own)
        | _punctuation(text, max(1, len(words)))
    )
    return Description(features, numbers[numbers >= 0], pairs[pairs >= 0])


def _kept(text: str, counted: np.ndarray, unspaced: bool) -> str:
    """The text without some words, and what follows each of them up to the next word."""
    starts = [m.start() for m in pattern(unspaced).finditer(text)]
    pieces = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    return text[: starts[0]] + "".join(p for p, c in zip(pieces, counted, strict=True) if c)


def _lengths(text: str, words: list[str], unspaced: bool) -> dict[str, float]:
    n = max(1, len(words))
    letters = np.array([len(w) for w in words] or [0])
    parts = [len(s) if unspaced else len(s.split()) for s in SENTENCE_END.split(text)]
    sentences = np.array([size for size in parts if size] or [1])
    return {
        "words (log)": np.log(n),
        "words (fourth root)": n**0.25,
        "sentences (log)": np.log(len(sentences)),
        "lines (log)": np.log(max(1, sum(bool(line.strip()) for line in text.split("\n")))),
        "letters per word": letters.mean(),
        "letters per word, SD": letters.std(),
        "words of 7 letters or more": (letters > 6).mean(),
        "words of 10 letters or more": (letters > 9).mean(),
        "words per sentence (log)": np.log(sentences.mean()),
        "words per sentence, SD (log)": np.log1p(sentences.std()),
        "longest sentence (log)": np.log(sentences.max()),
    }


def _variety(words: list[str]) -> dict[str, float]:
    counts = np.array(list(Counter(words).values()) or [1])
    n, types = counts.sum(), len(counts)
    shares = counts / n
    return {
        "different words (log)": np.log(types),
        "root type-token ratio": types / np.sqrt(n),
        "MTLD (log)": np.log(mtld(words)),
        "words used once": (counts == 1).sum() / n,
        "entropy of words": -(shares * np.log(shares)).sum(),
    }


def mtld(words: list[str]) -> float:
    """Measure of textual lexical diversity (McCarthy & Jarvis, 2010): the mean number of words in
    a row that keep a type-token ratio above 0.72, forwards and backwards, at most 500."""
    return min(500.0, max(1.0, (_mtld(words) + _mtld(words[::-1])) / 2))


def _mtld(words: list[str]) -> float:
    factors, types, n = 0.0, set(), 0
    for word in words:
        n += 1
        types.add(word)
        if len(types) <= MTLD_RATIO * n:
            factors, types, n = factors + 1, set(), 0
    if n:
        factors += (1 - len(types) / n) / (1 - MTLD_RATIO)
    return len(words) / factors if factors else float(len(words))


def _frequencies(
    words: list[str], numbers: np.ndarray, statistics: WordStatistics, own: int
) -> dict[str, float]:
    """How many train texts have its words, and its pairs of words."""
    if not words:
        words, numbers = [""], np.array([-1])
    texts = statistics.texts_with_word(numbers, own)
    log = np.log((texts + 1) / (statistics.n_texts + 1))
    of_types = np.sort(log[list({w: i for i, w in enumerate(words)}.values())])
    rare = np.log(3.5 / (statistics.n_texts + 1))
    pairs = statistics.texts_with_pair(numbers, own) if len(words) > 1 else np.zeros(1)
    fit = statistics.association(numbers, own) if len(words) > 1 else np.zeros(1)
    return {
        "frequency of words (log)": log.mean(),
        "frequency of different words (log)": of_types.mean(),
        "frequency of its rarest fifth (log)": of_types[: max(1, len(of_types) // 5)].mean(),
        "unknown words": np.sqrt((texts == 0).mean()),
        "words of few texts": np.sqrt((texts <= 3).mean()),
        "seldom words": np.sqrt((texts < SELDOM * statistics.n_texts).mean()),
        "different rare words (log)": np.log1p((of_types <= rare).sum()),
        "different less common words (log)": np.log1p(
            ((of_types > rare) & (of_types < np.log(0.02))).sum()
        ),
        "common words": (texts > COMMON * statistics.n_texts).mean(),
        "known pairs of words": (pairs > 0).mean(),
        "common pairs of words": (pairs > 5).mean(),
        "association of neighbors": fit.mean(),
        "association of neighbors, SD": fit.std(),
        "ill-assorted neighbors": (fit < 0).mean(),
    }


def _punctuation(text: str, n: int) -> dict[str, float]:
    """Square roots of numbers per word."""
    found = Counter(text)
    per_word = {name: sum(found[c] for c in marks) for name, marks in MARKS.items()}
    per_word["capitals"] = sum(k for c, k in found.items() if c.isupper())
    per_word["punctuation without a space"] = len(NO_SPACE.findall(text))
    per_word["space before punctuation"] = len(SPACE_BEFORE.findall(text))
    per_word["lone small letters"] = sum(len(w) == 1 and w.islower() for w in text.split())
    starts = START.findall(text)
    return {name: np.sqrt(count / n) for name, count in per_word.items()} | {
        "sentences that begin with a capital": np.mean([c.isupper() for c in starts] or [0.0])
    }
