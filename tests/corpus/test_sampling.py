"""Splits that are drawn keep equal texts and writers together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from corpus_files import corpus_error, essay_table, study, table

from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.related_essays import kept_together, near_duplicates, same_text
from cyborg_utils.reporting.narrative.corpus import related_notes

SEEDS = range(1, 21)


def written(tmp_path, frame: pd.DataFrame, **more) -> dict:
    frame.to_csv(tmp_path / "essays.csv", index=False)
    return table(tmp_path / "essays.csv", **more)


def ids(corpus: pd.DataFrame, split: str) -> list[str]:
    return sorted(corpus.loc[corpus["split"] == split, "essay_id"])


def repeated_texts() -> pd.DataFrame:
    """60 essays of 40 texts: every third text stands twice, in other case and spacing."""
    frame = essay_table()
    frame.loc[40:, "essay"] = [f"a  CAFÉ is number {i}" for i in range(0, 40, 2)]
    return frame


def test_where_no_text_repeats_each_essay_is_drawn_by_itself(tmp_path):
    corpus = load_corpus(study(written(tmp_path, essay_table(), seed=3)))
    rng = np.random.default_rng([3, 7])
    test = rng.choice(np.arange(60), size=12, replace=False)
    dev = rng.choice(np.setdiff1d(np.arange(60), test), size=6, replace=False)
    assert ids(corpus, "test") == sorted(f"n{i:02d}" for i in test)
    assert ids(corpus, "dev") == sorted(f"n{i:02d}" for i in dev)
    assert kept_together(corpus) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_texts_are_in_one_split(tmp_path, seed):
    corpus = load_corpus(study(written(tmp_path, repeated_texts(), seed=seed)))
    assert corpus.groupby(same_text(corpus["text"]))["split"].nunique().max() == 1
    assert corpus["split"].value_counts().to_dict() == {"train": 42, "test": 12, "dev": 6}
    assert kept_together(corpus) == [
        "40 essays share their text with another (20 different texts): those of one text are in "
        "one split."
    ]


def test_an_unscored_essay_with_the_text_of_a_drawn_one_is_left_out_and_counted(tmp_path):
    frame = essay_table()
    twins = frame.assign(nr="t" + frame["nr"], grade=None)
    corpus = load_corpus(study(written(tmp_path, pd.concat([frame, twins]))))
    assert corpus["score"].notna().sum() == 60
    assert corpus["score"].isna().sum() == 60 - 12 - 6
    assert kept_together(corpus)[-1] == (
        "18 unscored essays are left out: a dev or test essay has their text or writer."
    )


def test_a_writer_is_in_one_split(tmp_path):
    frame = essay_table().assign(student=[f"s{i // 3}" for i in range(60)])
    frame.loc[[57, 58, 59], "student"] = [None, "", " "]
    columns = {"id": "nr", "text": "essay", "score": "grade", "writer": "student"}
    for seed in SEEDS:
        corpus = load_corpus(study(written(tmp_path, frame, columns=columns, seed=seed)))
        assert corpus.groupby("writer")["split"].nunique().max() == 1
        assert corpus["split"].value_counts().to_dict() == {"train": 42, "test": 12, "dev": 6}
    assert kept_together(corpus) == [
        "57 essays share their writer with another (19 different writers): those of one writer are "
        "in one split."
    ]


def test_a_writer_with_more_essays_than_a_split_takes_is_an_error(tmp_path):
    frame = essay_table().assign(student=["one", "two"] * 30)
    columns = {"id": "nr", "text": "essay", "score": "grade", "writer": "student"}
    message = corpus_error(written(tmp_path, frame, columns=columns))
    assert message == (
        "corpus.test_share is 12 essays for test, but each text or writer has more: raise it, or "
        "remove corpus.columns.writer"
    )


def test_only_a_split_of_the_file_is_refused_for_shared_texts(tmp_path):
    frame = repeated_texts()
    frame["part"] = ["learn"] * 40 + ["exam"] * 20
    columns = {"id": "nr", "text": "essay", "score": "grade", "split": "part"}
    values = {"learn": "train", "exam": "test"}
    message = corpus_error(written(tmp_path, frame, columns=columns, split_values=values))
    assert "dev or test texts are also in train" in message


def test_writers_that_a_split_of_the_file_parts_are_counted(tmp_path):
    frame = essay_table().assign(student=[f"s{i % 30}" for i in range(60)])
    columns = {"id": "nr", "text": "essay", "score": "grade", "split": "part", "writer": "student"}
    values = {"learn": "train", "watch": "dev", "exam": "test"}
    corpus = load_corpus(study(written(tmp_path, frame, columns=columns, split_values=values)))
    assert kept_together(corpus) == [
        "60 essays share their writer with another (30 different writers); 12 of these writers are "
        "in more than one split, as the file has it."
    ]


def test_near_duplicates_are_counted_and_stay(tmp_path):
    words = [a + b for a in "abcdefghij" for b in "klmnopqrst"]
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.permutation(words)) for _ in range(12)]
    corpus = pd.DataFrame({"text": texts, "split": ["train"] * 8 + ["dev"] * 2 + ["test"] * 2})
    assert near_duplicates(corpus) == 0
    corpus.loc[9, "text"] = texts[0].replace(" bm ", " other ")  # 5 of 96 sequences
    corpus.loc[11, "text"] = " ".join(texts[1].split()[:70])  # 66 of 96
    assert near_duplicates(corpus) == 1
    result = study(written(tmp_path, essay_table()))
    assert related_notes(result, corpus) == [
        "1 of 4 dev and test essays are near-duplicates of a train essay (of all their sequences "
        "of five words, 80 % or more are in both); none is removed."
    ]


def five_words(text: str) -> set[tuple]:
    words = text.split()
    return set(zip(*(words[k:] for k in range(5)), strict=False))


def test_no_near_duplicate_is_missed():
    """Each dev essay is a train essay with some words replaced; all pairs are compared here."""
    rng = np.random.default_rng(4)
    words = [a + b for a in "abcdefghij" for b in "klmnopqrst"]
    train = [" ".join(rng.choice(words, rng.integers(4, 150))) for _ in range(300)]
    dev = []
    for text in train[:150]:
        copy = text.split()
        for place in rng.integers(0, len(copy), rng.integers(1, 8)):
            copy[place] = "other"
        dev.append(" ".join(copy + ["more"] * rng.integers(0, 12)))
    corpus = pd.DataFrame({"text": train + dev, "split": ["train"] * 300 + ["dev"] * 150})
    known = [five_words(text) for text in train]
    expected = sum(
        any(len(a & b) >= 0.8 * len(a | b) for b in known if a | b) for a in map(five_words, dev)
    )
    assert 25 < expected < 125
    assert near_duplicates(corpus) == expected
