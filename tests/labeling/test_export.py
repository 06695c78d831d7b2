"""Cyborg data as a dataset of its own: what `datasets` opens, and what of real essays is in it."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest
from huggingface_hub import DatasetCard

from cyborg_utils.corpus.sampling import draw_subset
from cyborg_utils.labeling.export import export_cyborg_data
from cyborg_utils.labeling.ledger import build_ledger, essays_to_label
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import MissingInput, corpus_file, labels_folder, write_parquet

N, FRACTION = 400, 0.25
SIMULATED = "{kind: simulated}"
OWN = """\
{kind: table, files: {train: [none.csv]}, scale: {}, columns: {id: id, text: text, score: score,
  prompt: prompt, groups: {teacher: teacher, club: club}}}"""
PUBLISHED = "{kind: asap2, files: {train: [none.csv]}}"
STUDY = """\
title: "Essays of <b>one</b> school"
corpus: {corpus}
teachers: [{{name: logistic, kind: classical, head: classification}}]
students: [{{name: ridge, kind: classical}}]
sampling: {{fractions: [0.25]}}
"""
LABELS = [1, 2, 3, 4, 5, 6]
PROBABILITIES = [f"p_{label}" for label in LABELS]


def corpus_frame() -> pd.DataFrame:
    """Essays of two prompts and two schoolteachers; three examinees of train are of a rare club."""
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "essay_id": [f"Anna Smith {i:03d}" for i in range(N)],
            "text": [f"secrettext {i}" for i in range(N)],
            "score": rng.choice(LABELS, N).astype(float),
            "split": ["train"] * (N - 80) + ["dev"] * 40 + ["test"] * 40,
            "prompt": ["Mars", "Cars"] * (N // 2),
            "teacher": ["Ms. Miller", "Mr. Brown"] * (N // 2),
            "club": ["chess" if i in (4, 5, 6) else ["judo", "choir"][i % 3 > 0] for i in range(N)],
            **{group: "a" for group in load_study("asap2").corpus.group_names},
        }
    )


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A study with its corpus and cyborg data, and both as frames."""
    monkeypatch.setattr(Study, "folder", property(lambda self: tmp_path / "runs" / self.name))

    def run(corpus: str, *settings: str) -> tuple[Study, pd.DataFrame, pd.DataFrame]:
        path = tmp_path / "mine.yaml"
        path.write_text(STUDY.format(corpus=corpus))
        study, frame = load_study(str(path), settings), corpus_frame()
        subset = draw_subset(frame, FRACTION, 1)
        rest = essays_to_label(frame, subset, study)
        likely = np.random.default_rng(2).dirichlet(np.ones(6), len(rest))
        scores = pd.DataFrame(likely, columns=PROBABILITIES)
        scores["continuous"] = likely @ LABELS
        scores["score"] = 1.0 + likely.argmax(axis=1)
        ledger = build_ledger(frame, subset, rest, scores)
        write_parquet(corpus_file(study), frame)
        write_parquet(labels_folder(study, "logistic", FRACTION, 1) / "labels.parquet", ledger)
        return study, frame.set_index("essay_id"), ledger

    return run


def opened(folder: Path) -> pd.DataFrame:
    """The dataset as `datasets` opens it, without a trace in its cache."""
    loaded = datasets.load_dataset(str(folder), cache_dir=str(folder.parent / "cache"))
    assert list(loaded) == ["train"]
    return loaded["train"].to_pandas()


# ---------------------------------------------------------------- what is in it


def test_simulated_cyborg_data_goes_out_whole_and_comes_back(finished, tmp_path):
    study, corpus, ledger = finished(SIMULATED)
    folder = export_cyborg_data(study, "logistic", FRACTION, 1, tmp_path / "out")
    assert folder == tmp_path / "out"
    assert sorted(p.name for p in folder.rglob("*") if p.is_file()) == [
        "README.md", "train.parquet",
    ]  # fmt: skip
    rows = opened(folder)
    pd.testing.assert_frame_equal(rows[list(ledger)], ledger, check_dtype=False)
    assert rows["text"].tolist() == corpus.loc[rows["essay_id"], "text"].tolist()
    assert rows["prompt"].tolist() == corpus.loc[rows["essay_id"], "prompt"].tolist()
    by_teacher = rows["label_source"] == "teacher"
    assert (rows.loc[by_teacher, "teacher"] == "logistic").all()
    assert rows.loc[~by_teacher, ["teacher", *PROBABILITIES]].isna().all(axis=None)
    assert by_teacher.sum() == 240 and len(rows) == 320


def test_the_card_says_whose_labels_they_are_and_how_they_were_made(finished, tmp_path):
    study, _, _ = finished(OWN)
    folder = export_cyborg_data(study, "logistic", FRACTION, 1, tmp_path / "out")
    card = DatasetCard.load(folder / "README.md", repo_type="dataset")
    assert card.data.license == "other"
    assert card.data.pretty_name == "Essays of <b>one</b> school: cyborg data"
    for line in (
        "# Essays of &lt;b&gt;one&lt;/b&gt; school: cyborg data",
        "320 train essays of the study mine, each with one label: 80 scored by human raters, 240 "
        "by a Teacher.",
        "- **License**: see the corpus's own license.",
        "- **Scale**: 1 to 6, 6 points.",
        "- **Teacher**: logistic, a classical model of word frequencies.",
        "- **Fraction**: 0.25 of the scored train essays, draw 1.",
        "- The texts are not included.",
    ):
        assert line in card.text.splitlines()
    other = export_cyborg_data(
        study, "logistic", FRACTION, 1, tmp_path / "free", license="cc-by-4.0"
    )
    assert DatasetCard.load(other / "README.md").data.license == "cc-by-4.0"


# ---------------------------------------------------------------- what is kept back


def test_of_real_essays_no_text_no_id_and_no_small_group_goes_out(finished, tmp_path):
    study, corpus, ledger = finished(OWN)
    folder = export_cyborg_data(study, "logistic", FRACTION, 1, tmp_path / "out")
    rows = opened(folder)
    written = (folder / "README.md").read_text() + rows.to_csv()
    for private in ("secrettext", "Anna", "Smith", "chess"):
        assert private not in written
    assert "text" not in rows
    assert rows["essay_id"].is_unique and rows["essay_id"].is_monotonic_increasing
    cells = rows[["prompt", "group_teacher", "club"]]
    withheld = cells.isna().all(axis=1)
    assert cells[~withheld].notna().all(axis=None)
    assert cells[~withheld].value_counts().min() >= study.least_shown == 10
    assert withheld.sum() >= study.least_shown
    assert f"are empty for {withheld.sum()} essays" in written
    counts = rows.groupby(["label_source", "score"]).size()
    pd.testing.assert_series_equal(counts, ledger.groupby(["label_source", "score"]).size())


def test_keyed_ids_stay_the_same_for_who_has_the_essays(finished, tmp_path):
    study, _, _ = finished(OWN)
    one, two = (
        opened(export_cyborg_data(study, "logistic", FRACTION, 1, tmp_path / name))
        for name in ("one", "two")
    )
    pd.testing.assert_frame_equal(one, two)
    frame = corpus_frame()
    frame.loc[0, "text"] = "another text"
    write_parquet(corpus_file(study), frame)
    other = opened(export_cyborg_data(study, "logistic", FRACTION, 1, tmp_path / "three"))
    assert not set(other["essay_id"]) & set(one["essay_id"])


def test_a_study_may_let_all_of_it_out(finished, tmp_path):
    privacy = "evaluation.privacy={show_essays: true, min_cell: 1}"
    study, corpus, ledger = finished(OWN, privacy)
    rows = opened(export_cyborg_data(study, "logistic", FRACTION, 1, tmp_path / "out"))
    assert rows["essay_id"].tolist() == ledger["essay_id"].tolist()
    essays = corpus.loc[rows["essay_id"]]
    assert rows["text"].tolist() == essays["text"].tolist()
    assert rows["club"].tolist() == essays["club"].tolist()
    assert rows["group_teacher"].tolist() == essays["teacher"].tolist()
    assert set(rows["teacher"].dropna()) == {"logistic"}


def test_a_published_corpus_keeps_its_ids_and_no_texts(finished, tmp_path):
    study, _, ledger = finished(PUBLISHED, "corpus.test_share=0.1")
    rows = opened(export_cyborg_data(study, "logistic", FRACTION, 1, tmp_path / "out"))
    assert rows["essay_id"].tolist() == ledger["essay_id"].tolist()
    assert "text" not in rows


# ---------------------------------------------------------------- what is refused


def test_nothing_is_overwritten_and_nothing_half_written_stays(finished, tmp_path, monkeypatch):
    study, _, _ = finished(OWN)
    (tmp_path / "out").mkdir()
    with pytest.raises(ParameterError, match="out: already exists; remove it, or name another"):
        export_cyborg_data(study, "logistic", FRACTION, 1, tmp_path / "out")
    with pytest.raises(ParameterError, match="has no fraction 0.5 with draw 1"):
        export_cyborg_data(study, "logistic", 0.5, 1, tmp_path / "new")
    (labels_folder(study, "logistic", FRACTION, 1) / "labels.parquet").unlink()
    monkeypatch.setenv("CYBORG_HOME", str(tmp_path))
    with pytest.raises(MissingInput, match="run notebooks/03_labeling.ipynb"):
        export_cyborg_data(study, "logistic", FRACTION, 1, tmp_path / "new")
    assert not list(tmp_path.glob("new*"))
