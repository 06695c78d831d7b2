"""Reading corpora in every layout, checking them, and drawing U."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_runs import ROOT

from cyborg_utils.corpus.columns import group_columns
from cyborg_utils.corpus.loaders import external_graded_corpus, load_corpus
from cyborg_utils.corpus.sampling import draw_subset, label_budget, subset_size
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.corpus.text_screening import word_count
from cyborg_utils.corpus.validation import CorpusError, check_corpus
from cyborg_utils.statistics.scales import rescale
from cyborg_utils.study.schema.corpora import PERSUADE_GROUPS, Scale
from cyborg_utils.study.schema.study import Study
from cyborg_utils.workflow.preflight import data_files

LABELS = [1, 2, 3, 4, 5, 6]
DATA = Path(os.environ.get("CYBORG_DATA", ROOT.parent / "shared" / "data"))
PERSUADE, ELLIPSE = DATA / "persuade", DATA / "ellipse"
TRAITS = ["cohesion", "syntax", "vocabulary", "phraseology", "grammar", "conventions"]


def study(corpus: dict, **more) -> Study:
    ridge = {"name": "ridge", "kind": "classical"}
    values = {"name": "t", "title": "T", "teachers": [ridge], "students": [ridge]}
    return Study.model_validate({**values, "corpus": corpus, **more})


def essays(n: int, prefix: str = "E", competition_set: str = "train") -> pd.DataFrame:
    """Made-up essays in the official essay-level layout."""
    rng = np.random.default_rng([n, len(prefix)])
    frame = pd.DataFrame(
        {
            "essay_id_comp": [f"{prefix}{i:03d}" for i in range(n)],
            "full_text": [f"Essay {prefix} {i}.\nIt has, as it says, two lines." for i in range(n)],
            "holistic_essay_score": [1 + i % 6 for i in range(n)],
            "word_count": 10,
            "prompt_name": ["Cars" if i % 2 else "Mars" for i in range(n)],
            "task": "Independent",
            "competition_set": competition_set,
        }
    )
    for group in PERSUADE_GROUPS:
        frame[group] = rng.choice([f"{group} a", f"{group} b"], n)
    return frame


def by_element(frame: pd.DataFrame) -> pd.DataFrame:
    """The official discourse-element layout: the essay's columns repeated, a row an element."""
    rows = [
        {**row, "discourse_id": f"{row['essay_id_comp']}-{k}", "discourse_text": f"part {k}"}
        for row in frame.to_dict("records")
        for k in range(1 + len(row["essay_id_comp"]) % 3 + row["holistic_essay_score"] % 3)
    ]
    return pd.DataFrame(rows)


def persuade(tmp_path: Path, **files: pd.DataFrame) -> dict:
    """A PERSUADE corpus of frames, written as CSV."""
    named = {}
    for part, frame in files.items():
        frame.to_csv(tmp_path / f"{part}.csv", index=False)
        named[part] = [str(tmp_path / f"{part}.csv")]
    return {"kind": "persuade", "files": named, "dev_size": 6}


def table(path: Path, **more) -> dict:
    columns = {"id": "nr", "text": "essay", "score": "grade"}
    return {
        "kind": "table",
        "files": {"train": [str(path)]},
        "columns": columns,
        "scale": {},
        "dev_size": 6,
        **more,
    }


def essay_table(n: int = 60) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "nr": [f"n{i:02d}" for i in range(n)],
            "essay": [f"A café is number {i}" for i in range(n)],
            "grade": [1 + i % 6 for i in range(n)],
            "part": ["learn"] * (n - 12) + ["watch"] * 6 + ["exam"] * 6,
            "topic": ["a", "b"] * (n // 2),
            "colour": ["red", "blue", "green"] * (n // 3),
            "other_grade": [1 + (i + 1) % 6 for i in range(n)],
        }
    )


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


# ---------------------------------------------------------------- ASAP 2.0 and ELLIPSE


def published(kind: str, tmp_path: Path, frame: pd.DataFrame, **more) -> dict:
    """A published corpus of one train file."""
    path = tmp_path / f"{kind}.csv"
    frame.to_csv(path, index=False)
    return {"kind": kind, "files": {"train": [str(path)]}, "dev_size": 6, **more}


def asap2_essays(n: int = 60) -> pd.DataFrame:
    """Made-up essays in the layout of ASAP 2.0."""
    names = {"essay_id_comp": "essay_id", "holistic_essay_score": "score"}
    frame = essays(n).rename(columns=names).drop(columns=["competition_set", "task", "word_count"])
    return frame.assign(assignment="Write.", source_text_1="A source.")


def ellipse_essays(n: int = 60, part: str = "train") -> pd.DataFrame:
    """Made-up essays in the layout of ELLIPSE."""
    half_points = [1 + (i % 9) / 2 for i in range(n)]
    return pd.DataFrame(
        {
            "text_id_kaggle": [f"{part}{i:03d}" for i in range(n)],
            "full_text": [f"Essay {i} of {part}." for i in range(n)],
            "gender": ["Male", "Female"] * (n // 2),
            "grade": [8 + i % 5 for i in range(n)],
            "race_ethnicity": "White",
            "num_words": 4,
            "SES": ["Economically disadvantaged", None] * (n // 2),
            "prompt": ["Honesty", "Imagination"] * (n // 2),
            "Overall": half_points,
            **{t.capitalize(): np.roll(half_points, k) for k, t in enumerate(TRAITS)},
            "set": part,
        }
    )


def test_asap2_is_read_under_its_own_names(tmp_path):
    frame = asap2_essays()
    result = study(published("asap2", tmp_path, frame, test_share=0.2))
    corpus = load_corpus(result)
    assert result.labels == LABELS
    assert corpus["split"].value_counts().to_dict() == {"train": 42, "test": 12, "dev": 6}
    read = corpus.set_index("essay_id").loc[frame["essay_id"]]
    assert read["score"].tolist() == frame["score"].tolist()
    assert read["text"].tolist() == frame["full_text"].tolist()
    assert read["prompt"].tolist() == frame["prompt_name"].tolist()
    assert group_columns(corpus, result) == PERSUADE_GROUPS


def test_rows_without_any_value_are_no_essays(tmp_path):
    frame = asap2_essays()
    spec = published("asap2", tmp_path, frame, test_share=0.2)
    with open(spec["files"]["train"][0], "a") as file:
        file.write("," * (frame.shape[1] - 1) + "\n")
    assert len(load_corpus(study(spec))) == len(frame)


def test_ellipse_is_split_by_its_own_column_and_has_the_traits_asked_for(tmp_path):
    frame = pd.concat([ellipse_essays(), ellipse_essays(20, "test")], ignore_index=True)
    result = study(published("ellipse", tmp_path, frame, traits=["grammar", "syntax"]))
    corpus = load_corpus(result)
    assert result.labels == [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
    assert result.corpus.trait_names == ["grammar", "syntax"]
    assert corpus["split"].value_counts().to_dict() == {"train": 54, "test": 20, "dev": 6}
    read = corpus.set_index("essay_id").loc[frame["text_id_kaggle"]]
    assert (read["split"] == "test").tolist() == (frame["set"] == "test").tolist()
    assert read["score"].tolist() == frame["Overall"].tolist()
    assert read["grammar"].tolist() == frame["Grammar"].tolist()
    assert read["syntax"].tolist() == frame["Syntax"].tolist()
    assert not {"cohesion", "vocabulary"} & set(read)
    groups = ["gender", "race_ethnicity", "economically_disadvantaged", "grade"]
    assert group_columns(corpus, result) == groups
    assert read["grade"].tolist() == frame["grade"].astype(str).tolist()
    assert read["economically_disadvantaged"].isna().sum() == 40


@pytest.mark.parametrize("kind", ["ellipse", "persuade"])
def test_a_test_share_draws_test_whatever_the_files_column_says(tmp_path, kind):
    frame = ellipse_essays(60, "test") if kind == "ellipse" else essays(60, "T", "test")
    spec = published(kind, tmp_path, frame)
    message = "dev_size 6 leaves none of the 0 scored train essays; name a train file that has some"
    assert corpus_error(spec).startswith(message)
    corpus = load_corpus(study({**spec, "test_share": 0.25}))
    assert corpus["split"].value_counts().to_dict() == {"train": 39, "test": 15, "dev": 6}


def test_a_published_split_that_is_none_is_named_by_its_column(tmp_path):
    frame = ellipse_essays().assign(set="held out")
    assert corpus_error(published("ellipse", tmp_path, frame)) == (
        "column 'set' has values that are not a split ('held out'); correct them, or let "
        "corpus.test_share draw the test essays"
    )


@pytest.mark.skipif(
    not ELLIPSE.is_dir(), reason="the ELLIPSE file is not here; set CYBORG_DATA to its folder"
)
def test_the_real_ellipse_file_reads_whole():
    spec = {
        "kind": "ellipse",
        "files": {"train": [str(ELLIPSE / "ELLIPSE_Final_github_test.csv.gz")]},
        "traits": TRAITS,
        "test_share": 0.25,
    }
    corpus = load_corpus(study(spec))
    assert corpus["split"].value_counts().to_dict() == {"train": 1628, "test": 643, "dev": 300}
    counts = corpus["score"].value_counts().sort_index().tolist()
    assert counts == [2, 11, 217, 447, 949, 518, 360, 55, 12]
    assert corpus[TRAITS].notna().all(axis=None)
    assert corpus["prompt"].nunique() == 44
    assert corpus["economically_disadvantaged"].isna().sum() == 1


# ---------------------------------------------------------------- ASAP 1.0


RANGES = {"1": (2, 12), "2": (1, 6), "7": (0, 30)}


def asap1(tmp_path: Path, n: int = 60, **more) -> dict:
    """Made-up essays of sets 1, 2 and 7 in the official layout, as bytes of Latin-1."""
    rows = [
        {
            "essay_id": number * 1000 + i,
            "essay_set": number,
            "essay": f'The caf\xe9 of @PERSON1, "number" {number}-{i}.',
            "rater1_domain1": low // (1 + (number == 1)) + i % 6,
            "rater2_domain1": low // (1 + (number == 1)) + (i + 1) % 6,
            "rater3_domain1": None,
            "domain1_score": low + i % (high - low + 1),
            "rater1_trait1": None,
        }
        for number, (low, high) in ((int(k), v) for k, v in RANGES.items())
        for i in range(n)
    ]
    path = tmp_path / "training_set_rel3.tsv"
    path.write_bytes(pd.DataFrame(rows).to_csv(sep="\t", index=False).encode("latin-1"))
    return {"kind": "asap1", "files": {"train": [str(path)]}, "dev_size": 6, **more}


def test_asap1_gives_one_set_on_its_own_scale(tmp_path):
    result = study(asap1(tmp_path))
    corpus = load_corpus(result)
    assert result.corpus.scale == Scale(min=2, max=12)
    assert corpus["split"].value_counts().to_dict() == {"train": 42, "test": 12, "dev": 6}
    assert set(corpus["prompt"]) == {"set 1"}
    assert "score_2" not in corpus and group_columns(corpus, result) == []
    read = corpus.set_index("essay_id")
    assert read.loc["1003", "score"] == 5
    assert read.loc["1003", "text"] == 'The caf\xe9 of @PERSON1, "number" 1-3.'


def test_asap1_gives_the_two_ratings_of_a_set(tmp_path):
    result = study(asap1(tmp_path, sets=[7], target="rater"))
    read = load_corpus(result).set_index("essay_id")
    assert result.corpus.scale == Scale(min=0, max=15)
    assert read.loc[["7003", "7005"], ["score", "score_2"]].to_numpy().tolist() == [[3, 4], [5, 0]]


def test_sets_of_asap1_are_put_on_one_scale(tmp_path):
    result = study(asap1(tmp_path, sets=[1, 2, 7], scale={"min": 1, "max": 6}))
    read = load_corpus(result).set_index("essay_id")
    assert read["prompt"].value_counts().to_dict() == {"set 1": 60, "set 2": 60, "set 7": 60}
    # 2 to 12: 3 lies at 1.5, which goes to the even 2; 0 to 30: 8 lies at 2.33.
    for essay, score in (("1000", 1), ("1001", 2), ("1010", 6), ("2004", 5), ("7008", 2)):
        assert read.loc[essay, "score"] == score
    assert set(read.loc[read["prompt"] == "set 7", "score"]) == {1, 2, 3, 4, 5, 6}


def test_sets_of_one_scale_need_no_other(tmp_path):
    spec = {"kind": "asap1", "files": {"train": ["x.tsv"]}, "sets": [1, 2], "target": "rater"}
    assert study(spec).corpus.scale == Scale(min=1, max=6)


def test_a_pool_of_asap1_has_no_score_columns(tmp_path):
    spec = asap1(tmp_path, target="rater")
    pool = pd.DataFrame({"essay_id": [9, 10], "essay_set": [1, 2], "essay": ["A pool.", "Not."]})
    path = tmp_path / "valid_set.tsv"
    pool.to_csv(path, sep="\t", index=False)
    spec["files"]["unscored"] = [str(path)]
    corpus = load_corpus(study(spec)).set_index("essay_id")
    assert corpus.loc["9", ["score", "score_2"]].isna().all()
    assert corpus.loc["9", "split"] == "train" and "10" not in corpus.index


def test_faults_of_asap1_name_set_and_remedy(tmp_path):
    spec = asap1(tmp_path)
    assert corpus_error({**spec, "sets": [3]}) == (
        "corpus.files have no essays of set 3; remove it from corpus.sets, or name a file that has "
        "some"
    )
    path = Path(spec["files"]["train"][0])
    frame = pd.read_csv(path, sep="\t", encoding="latin-1")
    frame.loc[[0, 4], "domain1_score"] = [13, 1]
    frame.to_csv(path, sep="\t", index=False, encoding="latin-1")
    assert corpus_error({**spec, "scale": {"min": 1, "max": 6}}) == (
        "column 'domain1_score' has 2 scores off the scale 2 to 12 of set 1 (first: 13, 1); "
        "correct them in the file"
    )


SCALES = st.builds(
    lambda low, steps, step: Scale(min=low, max=low + steps * step, step=step),
    st.integers(-5, 5),
    st.integers(1, 60),
    st.sampled_from([0.5, 1, 2]),
)


@given(SCALES, SCALES, st.lists(st.floats(-10, 130), min_size=2, max_size=9))
def test_rescaling_keeps_ends_and_order_and_can_be_undone(one, other, scores):
    np.testing.assert_allclose(rescale([one.min, one.max], one, other), [other.min, other.max])
    moved = rescale(sorted(scores), one, other)
    assert np.all(np.diff(moved) >= 0)
    np.testing.assert_allclose(rescale(moved, other, one), sorted(scores), atol=1e-9)
    assert np.isnan(rescale([np.nan], one, other)).all()


# ---------------------------------------------------------------- what a study may say


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"kind": "ellipse", "traits": ["style"]},
            "no trait 'style'; ellipse has cohesion, syntax",
        ),
        ({"kind": "persuade", "traits": ["Style"]}, "no trait 'Style'; persuade has none"),
        ({"kind": "ellipse", "traits": ["syntax", "syntax"]}, "names one trait twice"),
        (
            {"kind": "asap1", "sets": [1, 3]},
            "sets [1, 3] differ in their scales; set `scale`",
        ),
        ({"kind": "asap1", "sets": [9]}, "less than or equal to 8"),
    ],
)
def test_a_wrong_trait_or_set_is_told_with_what_there_is(spec, message):
    with pytest.raises(ValueError) as caught:
        study({"files": {"train": ["x.csv"]}, **spec})
    assert message in str(caught.value)
    assert len(caught.value.errors()) == 1


def test_simulated_traits_are_known_ones():
    with pytest.raises(ValueError, match="a simulated corpus has development, organization"):
        study({"kind": "simulated", "traits": ["style"]})


@pytest.mark.parametrize("name", ["score", "hue"])
def test_a_trait_needs_a_name_of_its_own(name):
    columns = {"id": "a", "text": "b", "score": "c", "groups": {"hue": "d"}, "traits": {name: "e"}}
    with pytest.raises(ValueError, match=f"a trait cannot be named '{name}'"):
        study(table(Path("x.csv"), columns=columns))


# ---------------------------------------------------------------- traits


def trait_table(tmp_path: Path) -> tuple[pd.DataFrame, dict]:
    frame = essay_table().assign(Style=lambda f: 7 - f["grade"], Form=3)
    columns = {
        "id": "nr", "text": "essay", "score": "grade", "traits": {"style": "Style", "form": "Form"},
    }  # fmt: skip
    return frame, table(tmp_path / "essays.csv", columns=columns)


def test_traits_of_a_table_are_float_columns_under_their_names(tmp_path):
    frame, spec = trait_table(tmp_path)
    for column in ("grade", "Style", "Form"):
        frame[column] = frame[column].astype(float).mask(frame.index < 5)
    frame.to_csv(tmp_path / "essays.csv", index=False)
    corpus = load_corpus(study(spec)).set_index("essay_id")
    assert corpus[["style", "form"]].dtypes.tolist() == [float, float]
    assert corpus.loc["n07", ["style", "form"]].tolist() == [5, 3]
    assert corpus[["score", "style", "form"]].isna().sum().tolist() == [5, 5, 5]


def test_trait_scores_off_the_scale_name_the_trait(tmp_path):
    frame, spec = trait_table(tmp_path)
    frame.loc[[3, 4], "Style"] = [0, 9]
    frame.to_csv(tmp_path / "essays.csv", index=False)
    message = corpus_error(spec)
    assert "2 scores of the trait 'style' are off the scale 1 to 6" in message
    assert "correct the scores, or the study's corpus.scale" in message


@pytest.mark.parametrize("column", ["grade", "Form"])
def test_an_essay_is_scored_whole_or_not_at_all(tmp_path, column):
    frame, spec = trait_table(tmp_path)
    frame[column] = frame[column].astype(float).mask(frame.index.isin([3, 9]))
    frame.to_csv(tmp_path / "essays.csv", index=False)
    assert (
        "2 essays have only some of the scores score, style, form (first: 'n03', 'n09'): fill in "
        "the others, or empty all of them where an essay is not scored"
    ) in corpus_error(spec)


def test_a_trait_that_is_no_number_names_its_column(tmp_path):
    frame, spec = trait_table(tmp_path)
    frame["Form"] = "good"
    frame.to_csv(tmp_path / "essays.csv", index=False)
    assert "column 'Form' has 60 values that are not numbers" in corpus_error(spec)


# ---------------------------------------------------------------- a table of one's own


def test_a_table_is_read_through_its_column_map(tmp_path):
    frame = essay_table()
    path = tmp_path / "essays.csv"
    frame.to_csv(path, index=False)
    columns = {
        "id": "nr", "text": "essay", "score": "grade", "split": "part", "prompt": "topic",
        "second_score": "other_grade", "groups": {"hue": "colour"},
    }  # fmt: skip
    spec = table(
        path,
        columns=columns,
        split_values={"Learn": "train", "watch": "dev", "exam": "test"},
    )
    result = study(spec)
    corpus = load_corpus(result)
    read = corpus.set_index("essay_id").loc[frame["nr"]]
    assert read["split"].tolist() == ["train"] * 48 + ["dev"] * 6 + ["test"] * 6
    assert read["text"].tolist() == frame["essay"].tolist()
    assert read["score"].tolist() == frame["grade"].tolist()
    assert read["score_2"].tolist() == frame["other_grade"].tolist()
    assert read["prompt"].tolist() == frame["topic"].tolist()
    assert read["hue"].tolist() == frame["colour"].tolist()
    assert group_columns(corpus, result) == ["hue"]


def test_a_table_without_a_split_gets_its_share_of_test_and_its_dev(tmp_path):
    path = tmp_path / "essays.csv"
    essay_table().to_csv(path, index=False)
    corpus = load_corpus(study(table(path, test_share=0.25)))
    assert corpus["split"].value_counts().to_dict() == {"train": 39, "test": 15, "dev": 6}
    assert corpus["prompt"].unique().tolist() == ["(one prompt)"]


def test_separator_and_encoding_are_those_of_the_study(tmp_path):
    path = tmp_path / "essays.tsv"
    frame = essay_table()
    path.write_bytes(frame.to_csv(index=False, sep=";").encode("latin-1"))
    corpus = load_corpus(study(table(path, separator=";", encoding="latin-1")))
    assert sorted(corpus["text"]) == sorted(frame["essay"])


def test_half_point_scores_and_missing_scores_of_a_table(tmp_path):
    frame = essay_table()
    frame["grade"] = [1 + (i % 9) / 2 for i in range(60)]
    frame["grade"] = frame["grade"].astype(object)
    frame.loc[frame.index % 10 == 0, "grade"] = ""
    path = tmp_path / "essays.csv"
    frame.to_csv(path, index=False)
    corpus = load_corpus(study(table(path, scale={"min": 1, "max": 5, "step": 0.5})))
    assert corpus["score"].isna().sum() == 6
    assert set(corpus["score"].dropna()) == {1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5}


def test_ids_stay_text_with_their_leading_zeros(tmp_path):
    frame = essay_table().assign(nr=[f"{i:05d}" for i in range(60)])
    path = tmp_path / "essays.csv"
    frame.to_csv(path, index=False)
    corpus = load_corpus(study(table(path)))
    assert sorted(corpus["essay_id"]) == frame["nr"].tolist()


def test_a_text_that_says_na_is_a_text(tmp_path):
    frame = essay_table()
    frame.loc[0, "essay"] = "NA"
    path = tmp_path / "essays.csv"
    frame.to_csv(path, index=False)
    assert "NA" in set(load_corpus(study(table(path)))["text"])


# ---------------------------------------------------------------- faults of files


def corpus_error(spec: dict, **more) -> str:
    with pytest.raises(CorpusError) as caught:
        load_corpus(study(spec, **more))
    return str(caught.value)


def test_a_missing_file_is_named_with_its_remedy():
    message = corpus_error(table(Path("data/none.csv")))
    assert message == "data/none.csv: no such file; correct corpus.files.train in the study's YAML"


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("persuade", "PERSUADE 2.0 from https://github.com/scrosseye/persuade_corpus_2.0"),
        ("asap1", "ASAP 1.0 from https://www.kaggle.com/c/asap-aes/data"),
        ("asap2", "ASAP 2.0 from https://github.com/scrosseye/ASAP_2.0"),
        ("ellipse", "ELLIPSE from https://github.com/scrosseye/ELLIPSE-Corpus"),
    ],
)
def test_a_missing_file_of_a_published_corpus_says_where_to_get_it(kind, source):
    spec = {"kind": kind, "files": {"train": ["data/none.csv"]}}
    assert corpus_error(spec) == (
        f"data/none.csv: no such file; get {source} and put it there, or correct "
        "corpus.files.train in the study's YAML"
    )
    (line,) = data_files(study(spec))
    assert not line.ok
    assert line.told.startswith(
        f"corpus.files.train: no file data/none.csv; get {source} and put it there, or correct "
        "corpus.files.train in the study's YAML"
    )


def test_a_missing_column_is_named_beside_those_that_exist(tmp_path):
    path = tmp_path / "essays.csv"
    essay_table()[["nr", "essay"]].to_csv(path, index=False)
    assert corpus_error(table(path)) == (
        f"{path}: corpus.columns: no column 'grade'; it has 'nr', 'essay'"
    )


def test_a_wrong_separator_shows_as_the_one_column_it_makes(tmp_path):
    path = tmp_path / "essays.csv"
    essay_table().to_csv(path, index=False, sep=";")
    message = corpus_error(table(path))
    assert "no column 'nr', 'essay', 'grade'" in message
    assert "'nr;essay;grade;part;topic;colour;other_grade'" in message


def test_ragged_rows_ask_for_the_separator(tmp_path):
    path = tmp_path / "essays.csv"
    path.write_text("nr,essay,grade\na,text,1\nb,a text, with commas, many,2\n")
    message = corpus_error(table(path))
    assert "the rows do not fit the column names" in message
    assert "correct corpus.separator" in message


def test_an_empty_file_is_one_line(tmp_path):
    path = tmp_path / "essays.csv"
    path.write_text("")
    assert corpus_error(table(path)) == (
        f"{path}: the file is empty; give one with a row of column names"
    )


def test_a_wrong_encoding_is_named_with_the_byte_and_the_usual_ones(tmp_path):
    path = tmp_path / "essays.csv"
    path.write_bytes(essay_table().to_csv(index=False).encode("latin-1"))
    message = corpus_error(table(path))
    assert "is not utf-8: save the file as UTF-8, or set corpus.encoding (latin-1" in message


def test_an_encoding_that_does_not_exist_is_one_line(tmp_path):
    path = tmp_path / "essays.csv"
    essay_table().to_csv(path, index=False)
    message = corpus_error(table(path, encoding="utf-99"))
    assert "utf-99" in message
    assert "set corpus.encoding" in message


@pytest.mark.parametrize("ending", ["csv.gz", "parquet"])
def test_a_file_that_is_not_what_its_ending_says_is_one_line(tmp_path, ending):
    path = tmp_path / f"essays.{ending}"
    essay_table().to_csv(path, index=False, compression=None)
    message = corpus_error(table(path))
    assert message.startswith(f"{path}: not readable (")
    assert "\n" not in message


def test_scores_that_are_no_numbers_are_counted_and_shown(tmp_path):
    frame = essay_table()
    frame["grade"] = frame["grade"].astype(object)
    frame.loc[[3, 9, 10, 11], "grade"] = ["B+", "n/a", "NA", "six"]
    path = tmp_path / "essays.csv"
    frame.to_csv(path, index=False)
    assert corpus_error(table(path)) == (
        f"{path}: column 'grade' has 4 values that are not numbers (first: 'B+', 'n/a', 'NA', row "
        "5): write numbers only, and leave the cell empty where an essay has no score, or correct "
        "corpus.columns"
    )


def test_an_unknown_split_value_asks_for_its_meaning(tmp_path):
    path = tmp_path / "essays.csv"
    essay_table().to_csv(path, index=False)
    columns = {"id": "nr", "text": "essay", "score": "grade", "split": "part"}
    message = corpus_error(table(path, columns=columns, split_values={"learn": "train"}))
    assert "'watch', 'exam'" in message
    assert "'learn'" not in message
    assert "corpus.split_values" in message


def test_a_dev_part_that_takes_all_of_train_is_refused(tmp_path):
    path = tmp_path / "essays.csv"
    essay_table().to_csv(path, index=False)
    message = corpus_error(table(path, dev_size=48))
    assert message == "dev_size 48 leaves none of the 48 scored train essays; lower corpus.dev_size"


def test_a_group_that_the_corpus_lacks_is_refused(tmp_path):
    result = study({"kind": "simulated"}, evaluation={"groups": ["gender", "colour"]})
    with pytest.raises(CorpusError, match="no group colour; it has .*gender"):
        group_columns(simulate_corpus(5, seed=1), result)


# ---------------------------------------------------------------- faults of essays


def sound() -> pd.DataFrame:
    n = 60
    return pd.DataFrame(
        {
            "essay_id": [f"e{i:02d}" for i in range(n)],
            "text": [f"Essay number {i}" for i in range(n)],
            "score": [float(1 + i % 6) for i in range(n)],
            "split": ["train"] * 40 + ["dev"] * 10 + ["test"] * 10,
        }
    )


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
        "4 essays have an empty text (first: 'e00', 'e01', 'e02'): remove them or fill in the text"
    ]


@pytest.mark.parametrize("score", [0.0, 7.0, 2.5, -1.0])
def test_scores_off_the_scale(score):
    frame = sound()
    frame.loc[5, "score"] = score
    (message,) = faults(frame)
    assert message.startswith("1 scores are off the scale 1 to 6")
    assert f"(first: {score}): correct the scores, or the study's corpus.scale" in message


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


def test_the_other_programme_shares_no_text_with_the_study():
    result = study({"kind": "simulated", "n_train": 80, "n_dev": 12, "n_test": 20})
    assert external_graded_corpus(result.corpus, 0) is None
    elsewhere = external_graded_corpus(result.corpus, 100)
    assert list(elsewhere) == ["text", "grade"]
    assert set(elsewhere["grade"]) == {1, 2, 3, 4}
    assert not set(elsewhere["text"]) & set(load_corpus(result)["text"])


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


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "n"),
    [("", 0), ("One two, three.", 3), ("it's  the\nteacher’s", 3), ("-- ... !", 0), ("café 7", 2)],
)
def test_words_are_runs_of_letters_digits_and_apostrophes(text, n):
    assert word_count(pd.Series([text])).tolist() == [n]
