"""User-supplied tables, their traits, and files that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from corpus_files import (
    corpus_error,
    essay_table,
    study,
    table,
)

from cyborg_utils.corpus.columns import group_columns
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.workflow.preflight import data_files

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
    assert line.message.startswith(
        f"corpus.files.train: no file data/none.csv; get {source} and put it there, or correct "
        "corpus.files.train in the study's YAML"
    )


def test_a_missing_column_is_named_with_those_that_exist(tmp_path):
    path = tmp_path / "essays.csv"
    essay_table()[["nr", "essay"]].to_csv(path, index=False)
    assert corpus_error(table(path)) == (
        f"{path}: corpus.columns: no column 'grade'; it has 'nr', 'essay'"
    )


def test_a_declared_separator_is_not_replaced_by_the_one_that_fits(tmp_path):
    path = tmp_path / "essays.csv"
    essay_table().to_csv(path, index=False, sep=";")
    assert "one column only, 'nr;essay;grade" in corpus_error(table(path, separator=","))
    assert len(load_corpus(study(table(path)))) == 60


def test_a_ragged_row_is_named_by_its_number(tmp_path):
    path = tmp_path / "essays.csv"
    path.write_text("nr,essay,grade\na,text,1\nb,a text, with commas, many,2\n")
    assert corpus_error(table(path)) == (
        f"{path}: row 3 has 5 cells, but the first line names 3 columns: put texts that contain "
        "the separator, a quote or a line break in double quotes, so that every row has a cell "
        "for each column"
    )


def test_an_empty_file_is_one_line(tmp_path):
    path = tmp_path / "essays.csv"
    path.write_text("")
    assert corpus_error(table(path)) == (
        f"{path}: the file is empty; give one with a row of column names"
    )


def test_a_byte_that_is_not_of_the_declared_encoding_is_named_with_its_row(tmp_path):
    path = tmp_path / "essays.csv"
    path.write_bytes(essay_table().to_csv(index=False).encode("latin-1"))
    assert corpus_error(table(path, encoding="utf-8")) == (
        f"{path}: row 2: byte 0xe9 is not utf-8: correct it, declare the file's encoding "
        "(corpus.encoding), or save the file as UTF-8"
    )


def test_an_encoding_that_does_not_exist_is_one_line(tmp_path):
    path = tmp_path / "essays.csv"
    essay_table().to_csv(path, index=False)
    message = corpus_error(table(path, encoding="utf-99"))
    assert "utf-99" in message
    assert "set corpus.encoding" in message


@pytest.mark.parametrize("ending", ["csv.gz", "parquet", "xlsx"])
def test_what_a_file_is_decides_and_not_its_ending(tmp_path, ending):
    path = tmp_path / f"essays.{ending}"
    essay_table().to_csv(path, index=False, compression=None)
    assert len(load_corpus(study(table(path)))) == 60


def test_an_incomplete_file_is_one_line(tmp_path):
    path = tmp_path / "essays.csv.gz"
    essay_table().to_csv(path, index=False)
    path.write_bytes(path.read_bytes()[:-40])
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
        f"{path}: column 'grade' has 2 values that are not numbers (first: 'B+', 'six', row 5): "
        "write numbers only and leave the cell empty where an essay has no score, declare codes of "
        "no score (corpus.missing) or the numbers of levels (corpus.score_values), or correct "
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
