"""Faults of a corpus, each with its count, the first rows and the remedy."""

from __future__ import annotations

import pandas as pd
import pytest
from corpus_files import (
    LABELS,
    sound,
)

from cyborg_utils.corpus.validation import CorpusError, check_corpus

# ---------------------------------------------------------------- faults of essays


def faults(frame: pd.DataFrame, arms=("human", "cyborg", "full")) -> list[str]:
    with pytest.raises(CorpusError) as caught:
        check_corpus(frame, LABELS, list(arms))
    first, *rest = str(caught.value).split("\n  - ")
    assert first == "the corpus cannot be used:"
    return rest


def test_a_sound_corpus_passes():
    check_corpus(sound(), LABELS, ["human", "cyborg", "full"])


def test_essays_without_an_id():
    frame = sound()
    frame.loc[[2, 3], "essay_id"] = [None, " "]
    (message,) = faults(frame)
    assert message.startswith("2 rows without an id (first: ")
    assert message.endswith("): give every essay an id")


def test_repeated_ids():
    frame = sound()
    frame.loc[1, "essay_id"] = "e00"
    assert faults(frame) == [
        "2 rows share their id with another row (first: 'e00', 'e00'): keep one row per essay, or "
        "name another column as the id"
    ]


def test_empty_texts_with_no_more_than_three_shown():
    frame = sound()
    frame.loc[[0, 1, 2, 3], "text"] = ["", "  \n", None, ""]
    assert faults(frame) == [
        "4 essays have an empty text (first: 'e00', 'e01', 'e02'): "
        "remove them, fill in the text, or set corpus.blanks to drop or lowest"
    ]


@pytest.mark.parametrize("score", [0.0, 7.0, 2.5, -1.0])
def test_scores_off_the_scale(score):
    frame = sound()
    frame.loc[5, "score"] = score
    (message,) = faults(frame)
    assert message.startswith("1 scores are off the scale 1 to 6")
    assert f"(first: {score:g}): correct the scores, or the study's corpus.scale" in message


def test_dev_and_test_essays_without_a_score():
    frame = sound()
    frame.loc[[40, 59, 0], "score"] = None
    (message,) = faults(frame)
    assert message.startswith("2 dev or test essays have no score (first: 'e40', 'e59'): score")


def test_a_text_in_train_and_test_whatever_its_case_and_spaces():
    frame = sound()
    frame.loc[55, "text"] = " ESSAY  number\n7 "
    (message,) = faults(frame)
    assert message.startswith("1 dev or test texts are also in train (first: 'e55'): remove them")


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_part_without_scored_essays(split):
    frame = sound()
    frame = frame[frame["split"] != split]
    (fault,) = [f for f in faults(frame) if "no scored essays" in f]
    assert fault.startswith(f"no scored essays in {split}: ") and "; score some" in fault


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_part_where_all_scores_are_equal_cannot_judge_agreement(split):
    frame = sound()
    frame.loc[frame["split"] == split, "score"] = 3.0
    (message,) = faults(frame)
    assert message.startswith(f"all 10 scored essays of {split} have the same score")


def test_too_few_scored_train_essays():
    frame = sound()
    frame.loc[: 40 - 10, "score"] = None
    assert faults(frame) == ["only 9 scored train essays: the study needs at least 10"]
    check_corpus(frame, LABELS, ["human", "cyborg"])


def test_all_faults_are_told_at_once():
    frame = sound()
    frame.loc[0, "text"] = ""
    frame.loc[1, "score"] = 9
    frame.loc[3, "essay_id"] = "e02"
    assert len(faults(frame)) == 3
