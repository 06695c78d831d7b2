"""Reading PERSUADE, simulated corpora, and drawing U."""

from __future__ import annotations

import pandas as pd
import pytest
from corpus_files import (
    PERSUADE,
    by_element,
    essays,
    persuade,
    sound,
    study,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from cyborg_utils.corpus.loaders import external_graded_corpus, load_corpus
from cyborg_utils.corpus.sampling import draw_subset, label_budget, label_budgets, subset_size
from cyborg_utils.corpus.text_screening import word_count
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.cost import Cost
from cyborg_utils.study.schema.published import PERSUADE_GROUPS
from cyborg_utils.study.schema.study import Sampling

# ---------------------------------------------------------------- PERSUADE


def test_persuade_a_row_an_essay(tmp_path):
    train, test = essays(40), essays(12, "T", "test")
    corpus = load_corpus(study(persuade(tmp_path, train=train, test=test)))
    assert corpus["split"].value_counts().to_dict() == {"train": 34, "test": 12, "dev": 6}
    both = pd.concat([train, test]).set_index("essay_id_comp")
    read = corpus.set_index("essay_id")
    assert sorted(read.index) == sorted(both.index)
    both = both.loc[read.index]
    assert read["text"].tolist() == both["full_text"].tolist()
    assert read["score"].tolist() == both["holistic_essay_score"].tolist()
    assert read["prompt"].tolist() == both["prompt_name"].tolist()
    for group in PERSUADE_GROUPS:
        assert read[group].tolist() == both[group].tolist()


@pytest.mark.parametrize("id_column", ["essay_id_comp", "essay_id"])
def test_persuade_a_row_an_element_is_reduced_to_the_same_essays(tmp_path, id_column):
    frames = {"train": essays(40), "test": essays(12, "T", "test")}
    plain = load_corpus(study(persuade(tmp_path, **frames)))
    elements = {
        part: by_element(frame).rename(columns={"essay_id_comp": id_column})
        for part, frame in frames.items()
    }
    assert sum(map(len, elements.values())) > 2 * len(plain)
    pd.testing.assert_frame_equal(load_corpus(study(persuade(tmp_path, **elements))), plain)


def test_persuade_in_one_file_is_split_by_its_own_column(tmp_path):
    whole = pd.concat([essays(40), essays(12, "T", "test")], ignore_index=True)
    corpus = load_corpus(study(persuade(tmp_path, train=whole.sample(frac=1, random_state=1))))
    assert set(corpus.loc[corpus["split"] == "test", "essay_id"]) == {
        f"T{i:03d}" for i in range(12)
    }
    assert (corpus["split"] == "train").sum() == 34


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_compressed_and_parquet_files_read_the_same(tmp_path, ending):
    frames = {"train": essays(40), "test": essays(12, "T", "test")}
    plain = load_corpus(study(persuade(tmp_path, **frames)))
    spec = persuade(tmp_path, **frames)
    for part, frame in frames.items():
        path = tmp_path / f"{part}.{ending}"
        if ending == "parquet":
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False)
        spec["files"][part] = [str(path)]
    pd.testing.assert_frame_equal(load_corpus(study(spec)), plain, check_dtype=False)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    spec = persuade(tmp_path, train=essays(40), test=essays(12, "T", "test"))
    essays(40).to_csv(tmp_path / "train.csv", index=False, encoding="utf-8-sig")
    assert len(load_corpus(study(spec))) == 52


def test_unscored_essays_are_kept_in_train_without_a_score(tmp_path):
    train, test = essays(40), essays(12, "T", "test")
    train["holistic_essay_score"] = train["holistic_essay_score"].astype(object)
    train.loc[:4, "holistic_essay_score"] = None
    pool = essays(9, "U", "test")  # its column says test, but nobody scored it
    corpus = load_corpus(study(persuade(tmp_path, train=train, test=test, unscored=pool)))
    unscored = corpus[corpus["score"].isna()]
    assert len(unscored) == 5 + 9
    assert set(unscored["split"]) == {"train"}
    assert corpus.loc[corpus["split"] != "train", "score"].notna().all()
    assert not set(draw_subset(corpus, 1.0, 1)) & set(unscored["essay_id"])


def test_a_dev_file_is_dev_whatever_its_split_column_says(tmp_path):
    frames = {"train": essays(40), "dev": essays(8, "DV"), "test": essays(12, "T", "test")}
    corpus = load_corpus(study(persuade(tmp_path, **frames)))
    dev = corpus.loc[corpus["split"] == "dev", "essay_id"]
    assert sorted(dev) == sorted(frames["dev"]["essay_id_comp"])


def test_dev_is_drawn_by_its_seed_alone(tmp_path):
    spec = persuade(tmp_path, train=essays(40), test=essays(12, "T", "test"))

    def dev(**more):
        corpus = load_corpus(study({**spec, **more}))
        return set(corpus.loc[corpus["split"] == "dev", "essay_id"])

    assert dev() == dev()
    assert dev(seed=2) != dev()
    assert len(dev(dev_size=9)) == 9


def test_max_train_limits_scored_train_essays_and_nothing_else(tmp_path):
    frames = {"train": essays(40), "test": essays(12, "T", "test"), "unscored": essays(9, "U")}
    spec = persuade(tmp_path, **frames)
    corpus = load_corpus(study({**spec, "max_train": 15}))
    train = corpus[corpus["split"] == "train"]
    assert train["score"].notna().sum() == 15
    assert train["score"].isna().sum() == 9
    assert (corpus["split"] == "test").sum() == 12


def test_the_order_of_rows_in_the_file_does_not_matter_for_u(tmp_path):
    frames = {"train": essays(40), "dev": essays(8, "DV"), "test": essays(12, "T", "test")}
    first = load_corpus(study(persuade(tmp_path, **frames)))
    frames["train"] = frames["train"].sample(frac=1, random_state=3)
    second = load_corpus(study(persuade(tmp_path, **frames)))
    pd.testing.assert_frame_equal(first, second)
    assert list(draw_subset(first, 0.3, 1)) == list(draw_subset(second, 0.3, 1))


@pytest.mark.skipif(
    not PERSUADE.is_dir(), reason="the PERSUADE files are not here; set CYBORG_DATA to their folder"
)
def test_the_real_persuade_files_read_whole():
    files = {
        part: [str(PERSUADE / f"persuade_{part}.csv.gz")]
        for part in ("train_scored", "test_scored", "train_unscored")
    }
    spec = {
        "kind": "persuade",
        "files": dict(zip(("train", "test", "unscored"), files.values(), strict=True)),
        "dev_size": 300,
    }
    corpus = load_corpus(study(spec))
    scored = corpus["score"].notna()
    assert len(corpus) == 7770 + 2154 + 7824
    assert corpus.loc[scored, "split"].value_counts().to_dict() == {
        "train": 7470,
        "test": 2154,
        "dev": 300,
    }
    assert (~scored).sum() == 7824
    train = corpus[scored & corpus["split"].isin(["train", "dev"])]
    counts = train["score"].value_counts().sort_index().tolist()
    assert counts == [570, 2142, 2782, 1654, 544, 78]
    assert not set(corpus.loc[corpus["split"] == "test", "essay_id"]) & set(train["essay_id"])


# ---------------------------------------------------------------- simulated


def test_a_simulated_study_has_its_sizes_and_its_unscored_essays():
    spec = {"kind": "simulated", "n_train": 60, "n_dev": 12, "n_test": 20, "n_unscored": 7}
    corpus = load_corpus(study(spec))
    assert corpus["split"].value_counts().to_dict() == {"train": 67, "test": 20, "dev": 12}
    assert corpus["score"].isna().sum() == 7
    assert corpus["true_score"].notna().sum() == 92
    assert corpus["essay_id"].is_unique
    assert list(corpus["split"].unique()) == ["train", "dev", "test"]
    pd.testing.assert_frame_equal(corpus, load_corpus(study(spec)))


def test_a_simulated_study_keeps_to_its_own_scale():
    spec = {"kind": "simulated", "n_train": 60, "n_dev": 20, "n_test": 20}
    corpus = load_corpus(study({**spec, "scale": {"min": 0, "max": 3}}))
    assert set(corpus["score"]) == {0, 1, 2, 3}


def test_a_simulated_study_has_the_traits_asked_for_and_nothing_else_changes():
    spec = {"kind": "simulated", "n_train": 60, "n_dev": 12, "n_test": 20, "n_unscored": 7}
    corpus = load_corpus(study({**spec, "traits": ["relevance", "variety"]}))
    plain = load_corpus(study(spec))
    pd.testing.assert_frame_equal(corpus[plain.columns], plain)
    more = [c for c in corpus if c not in plain]
    assert more == ["relevance", "true_relevance", "variety", "true_variety"]
    assert corpus["relevance"].dtype == float
    assert corpus[more].isna().all(axis=1).equals(corpus["score"].isna())


def test_the_other_testing_program_shares_no_text_with_the_study():
    result = study({"kind": "simulated", "n_train": 80, "n_dev": 12, "n_test": 20})
    assert external_graded_corpus(result.corpus, 0) is None
    graded = external_graded_corpus(result.corpus, 100)
    assert list(graded) == ["text", "grade"]
    assert set(graded["grade"]) == {1, 2, 3, 4}
    assert not set(graded["text"]) & set(load_corpus(result)["text"])


# ---------------------------------------------------------------- U


FRAME = sound()


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.001, 1),
    st.floats(0.001, 1),
    st.integers(0, 2**32 - 1),
    st.sets(st.integers(0, 39), max_size=25),
)
def test_subsets_are_nested_scored_train_essays_of_the_right_number(a, b, draw, unscored):
    frame = FRAME.copy()
    frame.loc[sorted(unscored), "score"] = None
    small, large = (draw_subset(frame, f, draw) for f in sorted((a, b)))
    assert set(small) <= set(large)
    allowed = frame[(frame["split"] == "train") & frame["score"].notna()]["essay_id"]
    assert set(large) <= set(allowed)
    assert len(set(large)) == len(large) == subset_size(max(a, b), len(allowed))


def test_the_whole_of_train_is_the_largest_subset():
    assert set(draw_subset(FRAME, 1.0, 1)) == set(FRAME["essay_id"][:40])


def test_draws_differ_and_one_draw_repeats():
    draws = [frozenset(draw_subset(FRAME, 0.25, d)) for d in range(8)]
    assert len(set(draws)) == 8
    assert draws[3] == frozenset(draw_subset(FRAME, 0.25, 3))


def test_dev_is_counted_in_the_label_budget():
    assert label_budget(FRAME, 4) == {"train": 4, "dev": 10, "total": 14}


def test_the_budget_counts_test_and_second_scores_in_essays_hours_and_money():
    """Of 40 train essays 10 are U; second scores are those of U, dev and test, not of the rest."""
    draws = {"fractions": [0.25], "draws": [1, 2]}
    study = load_study("demo").model_copy(
        update={"sampling": Sampling(**draws), "cost": Cost(minutes_per_score=3, price_per_score=2)}
    )
    n_test = int((FRAME["split"] == "test").sum())
    (row,) = label_budgets(FRAME.assign(score_2=FRAME["score"]), study).to_dict("records")
    n = 2 * (10 + 10 + n_test)
    assert row == {
        "fraction": 0.25, "train": 10, "dev": 10, "total": 20, "test": n_test,
        "second": 20 + n_test, "all": n, "hours": n / 20, "price": 2 * n,
    }  # fmt: skip
    once = label_budgets(FRAME.drop(columns="score_2", errors="ignore"), load_study("demo"))
    assert once["second"].eq(0).all() and "hours" not in once and "price" not in once


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "n"),
    [("", 0), ("One two, three.", 3), ("it's  the\nteacher’s", 3), ("-- ... !", 0), ("café 7", 2)],
)
def test_words_are_runs_of_letters_digits_and_apostrophes(text, n):
    assert word_count(pd.Series([text])).tolist() == [n]
