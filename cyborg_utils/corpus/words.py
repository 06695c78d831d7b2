"""Words of texts in any script.

A word is a run of letters and digits with the marks that belong to them (Unicode categories L, N
and M). Some scripts write no spaces between words: Chinese and Japanese characters, Thai, Lao,
Khmer, Burmese. In texts that are mostly of these, characters take the place of words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

LAST_MARK = 0x1E94A  # above it there are only variation selectors
UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)


def _ranges(points: list[int]) -> str:
    """Code points as the inside of a character class."""
    ends = [i for i, (a, b) in enumerate(pairwise(points)) if b > a + 1] + [len(points) - 1]
    starts = [0, *(i + 1 for i in ends[:-1])]
    return "".join(f"{chr(points[a])}-{chr(points[b])}" for a, b in zip(starts, ends, strict=True))


# Accents and vowel signs that follow their letter, and the joiners of Persian and Hindi.
MARKS = "\u200c\u200d" + _ranges(
    [c for c in range(0x300, LAST_MARK + 1) if unicodedata.category(chr(c))[0] == "M"]
)
TOKEN = rf"\w[\w{MARKS}]+"  # of the classical scorers: a word of two characters or more
WORD = re.compile(rf"[\w'’][\w{MARKS}'’]*")
LETTERS = re.compile(rf"[^\W\d_]+(?:[{MARKS}]+[^\W\d_]*)*")
ASCII_LETTERS = re.compile("[a-z]+")  # the same in lowercase ASCII, in a fifth of the time
CHARACTER = re.compile(rf"(?![{MARKS}])[{UNSPACED}]")
CHARACTER_OR_WORD = re.compile(
    rf"{CHARACTER.pattern}[{MARKS}]*|(?![{UNSPACED}])[\w'’](?:(?![{UNSPACED}])[\w{MARKS}'’])*"
)


def has_no_spaces(texts: Iterable[str]) -> bool:
    """Whether the texts have more characters of scripts without spaces than other words."""
    n_characters = n_words = 0
    for text in texts:
        n = len(CHARACTER.findall(text))
        n_characters += n
        n_words += len((CHARACTER_OR_WORD if n else WORD).findall(text)) - n
    return n_characters > n_words


def count_words(text: str) -> int:
    """Number of words: runs of letters, digits and apostrophes.

    In a text of a script without spaces each of its characters counts as one.
    """
    return len(_pattern(text, WORD).findall(text))


def words_of(text: str) -> list[str]:
    """The words of a text in lowercase, without digits; pairs of adjacent characters where no
    spaces separate words."""
    text = text.lower()
    if text.isascii():
        return ASCII_LETTERS.findall(text)
    if _pattern(text, LETTERS) is LETTERS:
        return LETTERS.findall(text)
    characters = CHARACTER_OR_WORD.findall(text)
    return [first + second for first, second in pairwise(characters)] or characters


def _pattern(text: str, pattern: re.Pattern) -> re.Pattern:
    spaced = CHARACTER.search(text) is None or not has_no_spaces([text])
    return pattern if spaced else CHARACTER_OR_WORD
