"""Corpora that `datasets` reads: of the hub, or folders of every layout, through a column map."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import huggingface_hub
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict
from huggingface_hub.errors import RepositoryNotFoundError
from pydantic import ValidationError

from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.table_files import TableError
from cyborg_utils.study.schema import corpora
from cyborg_utils.study.schema.corpora import Scale, corpus_files, corpus_values
from cyborg_utils.study.schema.study import Study

COLUMNS = {"id": "nr", "text": "essay", "score": "grade", "groups": {"hue": "color"}}
SPLITS = {"train": ["train"], "dev": ["validation"], "test": ["test"]}
COMMIT = "0" * 40


def study(**corpus) -> Study:
    ridge = {"name": "ridge", "kind": "classical"}
    corpus = {"kind": "dataset", "columns": COLUMNS, "scale": {}, "splits": SPLITS, **corpus}
    return Study.model_validate(
        {"name": "t", "title": "T", "teachers": [ridge], "students": [ridge], "corpus": corpus}
    )


def parts() -> dict[str, pd.DataFrame]:
    """Essays of three parts, with an id, a text and a group that readers of CSV like to change."""
    n = 72
    frame = pd.DataFrame(
        {
            "nr": [f"{i:03d}" for i in range(n)],
            "essay": ["NA", *(f'A café is number {i}, "or" so' for i in range(1, n))],
            "grade": [1 + i % 6 for i in range(n)],
            "color": ["NA", "red", "blue"] * (n // 3),
            "unused": 1.5,
        }
    )
    return {"train": frame[:48], "validation": frame[48:60], "test": frame[60:]}


@pytest.fixture(autouse=True)
def no_network_and_no_cache(monkeypatch, tmp_path):
    """Nothing is asked of the hub, and no essay stays in the cache of `datasets`."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    yield
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


# ---------------------------------------------------------------- what is read


def saved(folder: Path) -> None:
    """As `save_to_disk` writes it, with scores and a group as class labels."""
    labels = {"grade": [str(s) for s in range(1, 7)], "color": ["red", "blue", "NA"]}
    frames = {}
    for name, frame in parts().items():
        frames[name] = Dataset.from_pandas(frame.astype({"grade": str}), preserve_index=False)
        for column, names in labels.items():
            frames[name] = frames[name].cast_column(column, ClassLabel(names=names))
    DatasetDict(frames).save_to_disk(str(folder))


def files(ending: str):
    def write(folder: Path) -> None:
        folder.mkdir()
        for name, frame in parts().items():
            path = folder / f"{name}.{ending}"
            if ending == "parquet":
                frame.to_parquet(path)
            elif ending == "jsonl":
                frame.to_json(path, orient="records", lines=True)
            else:
                frame.to_csv(path, index=False)

    return write


@pytest.mark.parametrize(
    "write", [saved, files("parquet"), files("csv"), files("jsonl")],
    ids=["save_to_disk", "Parquet", "CSV", "JSON lines"],
)  # fmt: skip
def test_every_layout_gives_the_same_corpus_letter_for_letter(write, tmp_path):
    write(tmp_path / "essays")
    spec = study(folder=str(tmp_path / "essays"), missing=[])
    corpus = load_corpus(spec).set_index("essay_id")
    assert corpus["split"].value_counts().to_dict() == {"train": 48, "dev": 12, "test": 12}
    for split, frame in zip(("train", "dev", "test"), parts().values(), strict=True):
        read = corpus.loc[frame["nr"]]
        assert (read["split"] == split).all()
        assert read["text"].tolist() == frame["essay"].tolist()
        assert read["score"].tolist() == frame["grade"].tolist()
        assert read["hue"].tolist() == frame["color"].tolist()


def test_one_dataset_is_split_as_a_table_is(tmp_path):
    whole = pd.concat(parts().values(), ignore_index=True).astype({"grade": "Float64"})
    whole.loc[:3, "grade"] = pd.NA
    Dataset.from_pandas(whole).save_to_disk(str(tmp_path / "essays"))
    corpus = load_corpus(
        study(folder=str(tmp_path / "essays"), splits={"train": ["train"]}, dev_size=10)
    )
    scored = corpus.dropna(subset="score")
    assert scored["split"].value_counts().to_dict() == {"train": 44, "test": 14, "dev": 10}
    assert corpus["score"].isna().sum() == 4


def test_an_unscored_split_needs_no_score_column(tmp_path):
    files("parquet")(tmp_path / "essays")
    pool = parts()["test"].drop(columns="grade").assign(nr=lambda f: "p" + f["nr"])
    pool["essay"] += " again"
    frames = {name: Dataset.from_pandas(f) for name, f in {**parts(), "pool": pool}.items()}
    DatasetDict(frames).save_to_disk(str(tmp_path / "with_pool"))
    splits = {**SPLITS, "unscored": ["pool"]}
    corpus = load_corpus(study(folder=str(tmp_path / "with_pool"), splits=splits))
    unscored = corpus[corpus["score"].isna()]
    assert sorted(unscored["essay_id"]) == pool["nr"].tolist()
    assert set(unscored["split"]) == {"train"}


def test_a_dataset_of_the_hub_is_that_of_its_revision(tmp_path, monkeypatch):
    files("csv")(tmp_path / "snapshot")
    asked = []

    def snapshot(name, **how):
        asked.append((name, how["repo_type"], how["revision"], how["local_files_only"]))
        return str(tmp_path / "snapshot")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    corpus = load_corpus(study(hub="some/essays", revision=COMMIT))
    assert len(corpus) == 72
    assert asked == [("some/essays", "dataset", COMMIT, False)]


# ---------------------------------------------------------------- what is refused


def refused(**corpus) -> str:
    with pytest.raises(TableError) as caught:
        load_corpus(study(**corpus))
    return str(caught.value)


def test_a_folder_a_split_and_a_column_that_are_not_there(tmp_path):
    folder = tmp_path / "essays"
    assert refused(folder=str(folder)) == (
        f"dataset {folder}: no such folder; correct corpus.folder in the study's YAML"
    )
    files("csv")(folder)
    assert refused(folder=str(folder), splits={**SPLITS, "dev": ["dev"]}) == (
        f"dataset {folder}: corpus.splits.dev: no split 'dev'; it has 'train', 'validation', 'test'"
    )
    assert refused(folder=str(folder), columns={**COLUMNS, "score": "mark"}) == (
        f"dataset {folder}, split 'train': corpus.columns: no column 'mark'; it has 'nr', 'essay', "
        "'grade', 'color', 'unused'"
    )


def test_scores_that_are_no_numbers(tmp_path):
    folder = tmp_path / "essays"
    folder.mkdir()
    for name, frame in parts().items():
        frame.assign(grade="B+").to_csv(folder / f"{name}.csv", index=False)
    assert refused(folder=str(folder)).startswith(
        f"dataset {folder}, split 'train': column 'grade' has 48 values that are not numbers "
        "(first:"
    )


@pytest.mark.parametrize("name", ["train.parquet", "notes.md"])
def test_a_folder_that_holds_no_dataset_is_one_sentence(tmp_path, name):
    folder = tmp_path / "essays"
    folder.mkdir()
    (folder / name).write_text("nothing of the kind")
    message = refused(folder=str(folder))
    assert message.startswith(f"dataset {folder}: not readable as a dataset (")
    assert message.endswith("that has complete Parquet, CSV or JSON files")
    assert "\n" not in message


def test_one_of_several_configurations_has_to_be_named(tmp_path):
    folder = tmp_path / "essays"
    files("csv")(folder)
    card = "---\nconfigs:\n" + "".join(
        f"- config_name: {config}\n  data_files: {config}.csv\n" for config in ("train", "test")
    )
    (folder / "README.md").write_text(card + "---\n")
    splits = {"train": ["train"]}
    message = refused(folder=str(folder), splits=splits)
    assert "['train', 'test']" in message and "correct corpus.config" in message
    named = study(folder=str(folder), config="train", splits=splits, dev_size=6, test_share=0.2)
    assert len(load_corpus(named)) == 48


def test_a_hub_that_does_not_give_it(monkeypatch):
    source = {"hub": "some/essays", "revision": COMMIT}
    assert refused(**source) == (
        f"dataset some/essays at {COMMIT} is not complete in the cache, and the hub cannot be "
        "reached: connect, or name a local copy with corpus.folder"
    )

    def unknown(*_, **__):
        import httpx

        response = httpx.Response(404, request=httpx.Request("GET", "https://example.org"))
        raise RepositoryNotFoundError("no such dataset", response=response)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unknown)
    assert refused(**source).endswith("no such dataset; correct corpus.hub or corpus.revision")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "name exactly one of hub, folder"),
        ({"hub": "a/b", "revision": "c", "folder": "d"}, "name exactly one of hub, folder"),
        ({"hub": "a/b"}, "hub id a/b needs a `revision`"),
    ],
)
def test_a_dataset_has_one_source_that_stays_the_same(source, message):
    with pytest.raises(ValidationError, match=message):
        study(**source)


# ---------------------------------------------------------------- what a stage depends on


def test_the_files_of_a_folder_are_those_of_the_corpus(tmp_path):
    files("csv")(tmp_path / "essays")
    result = study(folder=str(tmp_path / "essays")).corpus
    names = ["test.csv", "train.csv", "validation.csv"]
    assert corpus_files(result) == {"corpus.folder": [str(tmp_path / "essays" / n) for n in names]}
    assert corpus_files(study(hub="a/b", revision="c").corpus) == {}


def published(**more):
    spec = {"kind": "persuade", "files": {"train": ["x.csv"]}, "test_share": 0.2, **more}
    ridge = {"name": "ridge", "kind": "classical"}
    return Study.model_validate(
        {"name": "t", "title": "T", "teachers": [ridge], "students": [ridge], "corpus": spec}
    ).corpus


def test_the_values_of_a_corpus_are_json_and_follow_published_columns_and_scales(monkeypatch):
    persuade = corpus_values(published())
    asap1 = corpus_values(published(kind="asap1", sets=[1, 2], scale={"max": 6}))
    for values in (persuade, asap1):
        assert json.loads(json.dumps(values)) == values
    assert persuade["columns"]["score"] == "holistic_essay_score"
    assert persuade["encoding"] is None and corpus_values(published(encoding="cp1252")) != persuade
    assert asap1["set_scales"]["1"] == {"min": 2.0, "max": 12.0, "step": 1.0}
    assert asap1["trait_set_scales"]["1"] == {"min": 1.0, "max": 6.0, "step": 1.0}
    essay_br = corpus_values(published(kind="essay-br", traits=["competence_1"]))
    assert essay_br["trait_scales"] == {"competence_1": {"min": 0.0, "max": 200.0, "step": 40.0}}
    assert corpus_values(published(seed=2)) != persuade

    columns = corpora.PUBLISHED["persuade"].model_copy(update={"score": "other"})
    monkeypatch.setitem(corpora.PUBLISHED, "persuade", columns)
    assert corpus_values(published()) != persuade
    monkeypatch.setitem(corpora.ASAP1_SCALES["resolved"], 1, Scale(min=2, max=13))
    assert corpus_values(published(kind="asap1", sets=[1, 2], scale={"max": 6})) != asap1
