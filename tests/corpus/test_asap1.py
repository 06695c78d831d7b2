"""ASAP 1.0 in a simulated file of its published layout: eight sets, each on its own scale."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from corpus_files import study
from study_runs import ROOT, clean, run_study

from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.related_essays import same_text
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.study.storage import read_json

SEEDS = range(1, 21)
N = 90  # essays of each set
RANGES = {
    "resolved": [(2, 12), (1, 6), (0, 3), (0, 3), (0, 4), (0, 4), (0, 30), (0, 60)],
    "rater": [(1, 6), (1, 6), (0, 3), (0, 3), (0, 4), (0, 4), (0, 15), (0, 30)],
}
SCORE = {"resolved": "domain1_score", "rater": "rater1_domain1"}
TRAITS = [f"rater{rater}_trait{trait}" for rater in (1, 2, 3) for trait in range(1, 7)]


def rated(n: int, low: int, high: int, rng: np.random.Generator, quality=None) -> np.ndarray:
    """Ratings in a range, of which each occurs; by a quality from 0 to 1 where it is known."""
    quality = np.linspace(0, 1, n) if quality is None else quality + rng.normal(0, 0.08, n)
    return np.clip(np.rint(low + quality * (high - low)), low, high).astype(int)


def one_set(number: int, texts: list[str], quality=None) -> pd.DataFrame:
    """Essays of a set in the published columns; only sets 2, 7 and 8 have scores in the last."""
    rng, n = np.random.default_rng(number), len(texts)
    frame = pd.DataFrame({"essay_id": 2000 * number + np.arange(n), "essay_set": number})
    frame["essay"] = texts
    first, last = RANGES["rater"][number - 1]
    for rater in (1, 2):
        frame[f"rater{rater}_domain1"] = rated(n, first, last, rng, quality)
    frame["rater3_domain1"] = None
    frame["domain1_score"] = rated(n, *RANGES["resolved"][number - 1], rng, quality)
    for column in ("rater1_domain2", "rater2_domain2", "domain2_score"):
        frame[column] = rated(n, 1, 4, rng) if number == 2 else None
    for column in TRAITS:
        frame[column] = rated(n, 1, 6, rng) if number in (7, 8) and "rater3" not in column else None
    return frame


def write(path: Path, frame: pd.DataFrame) -> Path:
    """As it is published: tab-separated text in cp1252."""
    path.write_bytes(frame.to_csv(sep="\t", index=False).encode("cp1252"))
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """The file with all sets, and its rows; in sets 3 and 4 some answers are alike."""
    sets = []
    for number in range(1, 9):
        texts = [f"The answer of writer @PERSON{i}: “it’s true”." for i in range(N)]
        if number in (3, 4):
            texts[60:] = ["no", "I don’t know.", "NO"] * 10
        sets.append(one_set(number, texts))
    frame = pd.concat(sets, ignore_index=True)
    assert frame.shape[1] == 28
    return write(tmp_path_factory.mktemp("asap") / "training_set_rel3.tsv", frame), frame


@pytest.mark.parametrize("target", ["resolved", "rater"])
@pytest.mark.parametrize("number", range(1, 9))
def test_each_set_loads_with_twenty_seeds(published, number, target):
    path, rows = published
    rows = rows[rows["essay_set"] == number]
    spec = {"kind": "asap1", "files": {"train": [str(path)]}, "sets": [number], "target": target}
    low, high = RANGES[target][number - 1]
    for seed in SEEDS:
        result = study({**spec, "dev_size": 12, "seed": seed})
        corpus = load_corpus(result)
        assert (result.labels[0], result.labels[-1]) == (low, high)
        assert corpus.groupby(same_text(corpus["text"]))["split"].nunique().max() == 1
        assert set(corpus["split"]) == {"train", "dev", "test"}
        read = corpus.set_index("essay_id").loc[rows["essay_id"].astype(str)]
        assert len(corpus) == N
        assert read["score"].tolist() == rows[SCORE[target]].tolist()
        assert read["text"].tolist() == rows["essay"].tolist()
        if target == "rater":
            assert read["score_2"].tolist() == rows["rater2_domain1"].tolist()


@pytest.mark.long
@pytest.mark.parametrize(("number", "target"), [(1, "rater"), (7, "resolved"), (8, "resolved")])
def test_a_set_runs_from_its_file_to_its_report(tmp_path, number, target):
    """Simulated essays; sets 7 and 8 have 31 and 61 points."""
    essays = simulate_corpus(240, seed=number)
    quality = ((essays["true_score"] - 1) / 5).clip(0, 1).to_numpy()
    path = write(
        tmp_path / "training_set_rel3.tsv", one_set(number, essays["text"].tolist(), quality)
    )
    name = f"test_asap_{number}_{os.getpid()}"
    (tmp_path / f"{name}.yaml").write_text(
        f"title: ASAP 1.0\n"
        f"corpus: {{kind: asap1, files: {{train: ['{path}']}}, sets: [{number}], "
        f"target: {target}, dev_size: 30, test_share: 0.4}}\n"
        "sampling: {fractions: [0.5], draws: [1], seeds: [1]}\n"
        "teachers: [{name: ridge, kind: classical}]\n"
        "students: [{name: ridge, kind: classical}]\n"
        "arms: [human, cyborg, full]\n"
        "evaluation: {replicates: 200}\n"
    )
    try:
        done = run_study(str(tmp_path / f"{name}.yaml"), "--cores", "2")
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        summary = read_json(ROOT / "runs" / name / "summary.json")
        scores = pd.read_parquet(ROOT / "runs" / name / "corpus.parquet")["score"]
        assert scores.between(*RANGES[target][number - 1]).all() and scores.nunique() > 5
        qwk = {row["arm"]: row["qwk"] for row in summary["agreement"]}
        assert set(qwk) == {"human", "cyborg", "full"}
        assert min(qwk.values()) > 0.3, qwk  # chance is 0
        page = (ROOT / "reports" / name / "index.html").read_text(encoding="utf-8")
        assert "ASAP 1.0" in page and "QWK" in page
    finally:
        clean(name)
