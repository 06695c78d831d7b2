"""ASAP 1.0, ASAP++, ASAP 2.0, ELLIPSE and Essay-BR under their published names."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from corpus_files import (
    ELLIPSE,
    LABELS,
    TRAITS,
    corpus_error,
    essays,
    study,
    table,
)
from hypothesis import given
from hypothesis import strategies as st

from cyborg_utils.corpus.columns import group_columns
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.statistics.scales import rescale
from cyborg_utils.study.schema.corpora import Scale
from cyborg_utils.study.schema.published import PERSUADE_GROUPS

# ---------------------------------------------------------------- ASAP 2.0 and ELLIPSE


def published(kind: str, tmp_path: Path, frame: pd.DataFrame, **more) -> dict:
    """A published corpus of one train file."""
    path = tmp_path / f"{kind}.csv"
    frame.to_csv(path, index=False)
    return {"kind": kind, "files": {"train": [str(path)]}, "dev_size": 6, **more}


def asap2_essays(n: int = 60) -> pd.DataFrame:
    """Simulated essays in the layout of ASAP 2.0."""
    names = {"essay_id_comp": "essay_id", "holistic_essay_score": "score"}
    frame = essays(n).rename(columns=names).drop(columns=["competition_set", "task", "word_count"])
    return frame.assign(assignment="Write.", source_text_1="A source.")


def ellipse_essays(n: int = 60, part: str = "train") -> pd.DataFrame:
    """Simulated essays in the layout of ELLIPSE."""
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
    """Simulated essays of sets 1, 2 and 7 in the official layout, as bytes of Latin-1."""
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


def test_asap1_is_cp1252_as_published_and_utf_8_as_fold_files(tmp_path):
    spec = asap1(tmp_path)
    path = Path(spec["files"]["train"][0])
    text = path.read_bytes().decode("latin-1").replace("The caf", "I don’t agree with “Everyone”")
    path.write_bytes(text.encode("cp1252").replace(b"1-7.", b"1-7.\x81"))
    official = load_corpus(study(spec)).set_index("essay_id")["text"]
    assert official["1003"] == 'I don’t agree with “Everyone”\xe9 of @PERSON1, "number" 1-3.'
    assert official["1007"].endswith("1-7.\x81")
    header, *rows = [
        line for line in text.splitlines() if line.split("\t")[1] in ("essay_set", "1")
    ]
    files = {"train": rows[:40], "dev": rows[40:50], "test": rows[50:]}
    for split, part in files.items():
        (tmp_path / f"{split}.tsv").write_text("\n".join([header, *part]), encoding="utf-8")
    folds = {split: [str(tmp_path / f"{split}.tsv")] for split in files}
    corpus = load_corpus(study({**spec, "files": folds}))
    assert corpus["split"].value_counts().to_dict() == {"train": 40, "dev": 10, "test": 10}
    assert corpus.set_index("essay_id")["text"]["1003"] == official["1003"]


def test_asap1_may_lack_the_empty_cells_at_the_end_of_a_row(tmp_path):
    """Excel leaves them out in tab-separated text."""
    spec = asap1(tmp_path)
    whole = load_corpus(study(spec))
    path = Path(spec["files"]["train"][0])
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], *(line.rstrip(b"\t") for line in lines[1:])]))
    corpus = load_corpus(study(spec))
    pd.testing.assert_frame_equal(corpus, whole)
    assert any("180 rows end before the last column" in note for note in corpus.attrs["notes"])


def asap_plus_plus(tmp_path: Path) -> list[str]:
    """Trait scores of the simulated sets 1 and 2, each in a file as ASAP++ has them."""
    files = []
    for number, ids in ((1, "EssayID"), (2, "Essay ID")):
        frame = pd.DataFrame({ids: [number * 1000 + i for i in range(60)]})
        for k, name in enumerate(["Content", "Organization", "Word Choice"]):
            frame[name] = [1 + (i + k) % 6 for i in range(60)]
        frame.to_csv(tmp_path / f"Prompt-{number}.csv", index=False)
        files.append(str(tmp_path / f"Prompt-{number}.csv"))
    return files


def test_traits_of_asap_plus_plus_are_joined_by_the_essays_id(tmp_path):
    traits = {"traits": ["content", "word_choice"], "trait_files": asap_plus_plus(tmp_path)}
    spec = asap1(tmp_path, sets=[1, 2], target="rater", **traits)
    read = load_corpus(study(spec)).set_index("essay_id")
    assert read.loc["1002", ["content", "word_choice"]].tolist() == [3, 5]
    assert read.loc["2059", ["content", "word_choice"]].tolist() == [6, 2]
    spec = asap1(tmp_path, sets=[1], **{**traits, "trait_files": traits["trait_files"][:1]})
    read = load_corpus(study(spec)).set_index("essay_id")  # 1 to 6 on the scale of 2 to 12
    assert read.loc[["1000", "1005"], "content"].tolist() == [2, 12]


def test_faults_of_asap_plus_plus_name_the_remedy(tmp_path):
    files = asap_plus_plus(tmp_path)
    spec = asap1(tmp_path, traits=["content"], trait_files=[files[0], files[0]])
    assert corpus_error(spec) == (
        "corpus.trait_files have essay '1000' more than once: name each file of ASAP++ once"
    )
    assert "only some of the scores" in corpus_error({**spec, "trait_files": files[1:]})
    for traits, sets, message in (
        (["style"], [1], "no trait 'style'; set 1 of ASAP++ has content, organization"),
        (["organization"], [3], "no trait 'organization'; set 3 of ASAP++ has content, prompt_ad"),
        (["content"], [7], "no trait 'content'; set 7 of ASAP++ has none"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            study({**spec, "sets": sets, "traits": traits})
    with pytest.raises(ValueError, match="traits and trait_files, the files of ASAP"):
        study({**spec, "trait_files": []})
    spec["trait_files"] = [str(tmp_path / "none.csv")]
    assert "no such file; get ASAP++ from https://lwsam.github.io" in corpus_error(spec)


def test_essay_br_has_printed_lists_of_paragraphs_and_no_ids(tmp_path):
    files = {}
    for split, name, n in (("train", "training", 60), ("test", "testing", 30)):
        texts = [["Um parágrafo.", f"Outro d'água, {name} {i}."] for i in range(n)]
        frame = pd.DataFrame({"prompt": 3, "title": None, "essay": [str(t) for t in texts]})
        frame["competence"] = [f"[80, 40, 80, 80, {40 * (i % 6)}]" for i in range(n)]
        frame["score"] = [40 * (i % 26) for i in range(n)]
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        files[split] = [str(tmp_path / f"{name}.csv")]
    result = study({"kind": "essay-br", "files": files, "dev_size": 10})
    assert result.labels == list(range(0, 1001, 40))
    read = load_corpus(result).set_index("essay_id")
    assert read.loc["training-2", "text"] == "Um parágrafo.\nOutro d'água, training 0."
    assert read["split"].value_counts().to_dict() == {"train": 50, "test": 30, "dev": 10}
    traits = {"traits": ["competence_2", "competence_5"]}  # 0 to 200, put on 0 to 1000
    read = load_corpus(study({"kind": "essay-br", "files": files, "dev_size": 10, **traits}))
    read = read.set_index("essay_id").loc[["training-2", "training-6", "testing-7"]]
    assert read["competence_2"].tolist() == [200, 200, 200]
    assert read["competence_5"].tolist() == [0, 800, 1000]
    spoilt = pd.read_csv(files["train"][0]).replace("[80, 40, 80, 80, 120]", "[80, 40, 80, 80]")
    spoilt.to_csv(files["train"][0], index=False)
    assert corpus_error({"kind": "essay-br", "files": files, **traits}).endswith(
        "column 'competence' has 10 lists that are not of 5 scores (first: row 5): correct them, "
        "or leave corpus.traits out"
    )


@pytest.mark.parametrize("kind", ["persuade", "asap2", "ellipse", "asap1"])
def test_every_published_corpus_takes_an_encoding(tmp_path, kind):
    if kind == "asap1":
        spec, name = asap1(tmp_path), "essay"
    else:
        frame = {"persuade": essays, "asap2": asap2_essays, "ellipse": ellipse_essays}[kind](60)
        spec, name = published(kind, tmp_path, frame, test_share=0.2), "full_text"
    path = Path(spec["files"]["train"][0])
    frame = pd.read_csv(path, sep="\t" if kind == "asap1" else ",", encoding="latin-1", dtype=str)
    frame[name] = [f"Школа {i}" for i in range(len(frame))]
    frame.to_csv(path, index=False, encoding="cp1251")
    read = load_corpus(study({**spec, "encoding": "cp1251"}))
    assert read["text"].str.startswith("Школа ").all()


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
        "column 'domain1_score', set 1: 2 scores are off the scale 2 to 12 (first: 13, 1): correct "
        "them in the file"
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
