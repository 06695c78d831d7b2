"""Corpora in the layouts of their files, for tests."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study_runs import ROOT

from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.study.schema.published import PERSUADE_GROUPS
from cyborg_utils.study.schema.study import Study

LABELS = [1, 2, 3, 4, 5, 6]
DATA = Path(os.environ.get("CYBORG_DATA", ROOT.parent / "shared" / "data"))
PERSUADE, ELLIPSE = DATA / "persuade", DATA / "ellipse"
TRAITS = ["cohesion", "syntax", "vocabulary", "phraseology", "grammar", "conventions"]


def study(corpus: dict, **more) -> Study:
    ridge = {"name": "ridge", "kind": "classical"}
    values = {"name": "t", "title": "T", "teachers": [ridge], "students": [ridge]}
    return Study.model_validate({**values, "corpus": corpus, **more})


def essays(n: int, prefix: str = "E", competition_set: str = "train") -> pd.DataFrame:
    """Simulated essays in the official essay-level layout."""
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


def corpus_error(spec: dict, **more) -> str:
    with pytest.raises(CorpusError) as caught:
        load_corpus(study(spec, **more))
    return str(caught.value)
