"""Anomalous responses: blank texts, instructions to a scorer (prompt injection), special tokens of
language models, invisible characters, HTML.

They are flagged and counted, never changed: a scorer reads the unchanged text, in which the
tokenizers treat special tokens as plain text.
"""

from __future__ import annotations

import re

import pandas as pd

from cyborg_utils.corpus.words import count_words, has_no_spaces

FIRST = 50  # texts that tell the unit of their lengths


def word_count(texts: pd.Series) -> pd.Series:
    """Number of words of each text; of characters where no spaces separate words.

    The name of the result is the unit of most of the first texts, `words` or `characters`.
    """
    return texts.map(count_words).rename(length_unit(texts))


def length_unit(texts: pd.Series) -> str:
    """In what the lengths of texts are counted, by the first of them: `words` or `characters`."""
    return "characters" if has_no_spaces(texts.head(FIRST)) else "words"


# Bidirectional overrides, zero-width spaces, tag characters and control characters; not the joiners
# that Persian, Hindi and emoji use.
HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
NOTHING = re.compile(f"(?:\\s|\u00ad|\u200c|\u200d|\u2800|\u3164|{HIDDEN.pattern})*")
TOKENS = re.compile(
    r"<\|[a-z_0-9]{2,40}\|>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>|</?s>"
    r"|\[(?:CLS|SEP|PAD|MASK|UNK)\]"
)
MARKS = r"(?:score|grade|mark|rating|points?)"
INSTRUCTIONS = re.compile(
    rf"\b(?:give|award|assign)\s+(?:this|my|the)\s+(?:essay|text|answer|response|paper)\s+"
    rf"(?:an?\s+|the\s+)?(?:\w+\s+){{0,3}}?(?:\d+|{MARKS}|full|top|highest)\b"
    rf"|\b(?:ignore|disregard|forget)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+|these\s+)?"
    r"(?:previous|prior|above|earlier|preceding|other)\s+(?:instructions?|rubrics?|prompts?|rules?)"
    rf"|^\W*{MARKS}\s*[:=]\s*\d+(?:\s*(?:/|out of)\s*\d+)?\W*$"
    rf"|\byou\s+are\s+(?:an?|the|now)\s+(?:\w+\s+){{0,3}}?(?:grader|scorer|rater|language model)\b"
    rf"|\b(?:answer|reply|respond)\s+with\s+(?:the\s+)?(?:{MARKS}\b|\d)",
    re.IGNORECASE | re.MULTILINE,
)
MARKUP = re.compile(
    r"</?(?:p|div|span|br|b|i|u|em|strong|ul|ol|li|h[1-6]|font|table|tr|td)\b[^<>]*>"
    r"|&(?:nbsp|amp|lt|gt|quot|#\d+);"
)
KINDS = {
    "instructions": INSTRUCTIONS,
    "special_tokens": TOKENS,
    "hidden_characters": HIDDEN,
    "markup": MARKUP,
}


def is_blank(text: str) -> bool:
    """Whether a text has no visible character: only spaces and invisible ones."""
    return NOTHING.fullmatch(text) is not None


def addresses_scorer(text: str) -> bool:
    """Whether a text reads like an instruction to its scorer, or has tokens of a chat template."""
    return bool(TOKENS.search(text) or INSTRUCTIONS.search(text))
