"""Words in texts of any script."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyborg_utils.corpus.text_screening import word_count
from cyborg_utils.corpus.words import TOKEN, count_words, has_no_spaces, words_of

LATIN = st.text(st.characters(max_codepoint=0x24F, exclude_characters="İ"), max_size=60)


@given(LATIN)
def test_in_the_latin_script_words_are_runs_of_letters_digits_and_apostrophes(text):
    assert count_words(text) == len(re.findall(r"[\w'’]+", text))
    assert words_of(text) == re.findall(r"[^\W\d_]+", text.lower())
    assert re.findall(TOKEN, text) == re.findall(r"\b\w\w+\b", text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी में लिखा", ["हिन्दी", "में", "लिखा"]),  # vowel signs belong to their letter
        ("cafe\u0301 noir", ["cafe\u0301", "noir"]),
        ("می‌خواهم بروم", ["می‌خواهم", "بروم"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("The word 汉字 is Chinese", ["the", "word", "汉字", "is", "chinese"]),
    ],
)
def test_where_spaces_separate_words_marks_do_not(text, words):
    assert words_of(text) == words
    assert count_words(text) == len(words)
    assert not has_no_spaces([text])
    assert word_count(pd.Series([text])).name == "words"


@pytest.mark.parametrize(
    ("text", "n", "first"),
    [
        ("我们今天学习。", 6, "我们"),
        ("日本語の文章です。", 8, "日本"),
        ("ภาษาไทย", 7, "ภา"),
        ("他用 Python 写 3 行", 6, "他用"),
    ],
)
def test_where_no_spaces_separate_words_characters_take_their_place(text, n, first):
    assert has_no_spaces([text])
    assert count_words(text) == n
    assert words_of(text)[0] == first
    assert word_count(pd.Series([text])).name == "characters"
    assert len(words_of(text)) == n - 1
