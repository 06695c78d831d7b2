"""Agreement of classical scorers on real essays, by number of human scores and by reading.

    python benchmarks/few_labels.py DATA [--draws N] [--labels N ...] [--encoder FOLDER] [--write]

DATA is a folder with `persuade/persuade_train_scored.csv.gz`,
`persuade/persuade_test_scored.csv.gz` and `ellipse/ELLIPSE_Final_github_test.csv.gz`, in the
columns of the published corpora. Every
choice of features and settings was made on other essays: train essays of PERSUADE, and those of
ELLIPSE that are not held out here.
"""

import argparse
import time
from pathlib import Path

import hardware
import numpy as np
import pandas as pd

from cyborg_utils.models.registry import train_scorer
from cyborg_utils.models.scorer import TrainingInput
from cyborg_utils.statistics.agreement import quadratic_weighted_kappa
from cyborg_utils.statistics.standardized_differences import standardized_mean_difference
from cyborg_utils.study.schema.models import ClassicalScorer, EmbeddingScorer, StackedScorer

SCORERS = [
    ClassicalScorer(kind="classical", name="ridge"),
    StackedScorer(kind="stacked", name="stacked"),
]
READINGS = {"plain": "score", "linked": "linked_score"}
HELD_OUT = 600  # essays of ELLIPSE
NAMES = {"full_text": "text", "holistic_essay_score": "score", "Overall": "score"}


def persuade(data: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[float]]:
    """Train essays, test essays and the scale."""
    folder = data / "persuade"
    train, test = (
        pd.read_csv(folder / f"persuade_{part}_scored.csv.gz").rename(columns=NAMES)
        for part in ("train", "test")
    )
    return train, test, [1, 2, 3, 4, 5, 6]


def ellipse(data: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[float]]:
    """Essays to learn from, the held-out ones, and the scale."""
    essays = pd.read_csv(data / "ellipse" / "ELLIPSE_Final_github_test.csv.gz")
    essays = essays.rename(columns=NAMES).iloc[np.random.default_rng(99).permutation(len(essays))]
    test, train = essays[:HELD_OUT], essays[HELD_OUT:]
    return (
        train.reset_index(drop=True),
        test.reset_index(drop=True),
        np.arange(1, 5.1, 0.5).tolist(),
    )


def embed_once(spec: EmbeddingScorer, essays: pd.DataFrame, labels: list[float]) -> None:
    """Fit to some labels, so that the encoder reads every essay once and not in each draw."""
    essays = essays.assign(score=labels[0])
    train_scorer(spec, TrainingInput(essays, essays[:0], labels, 1))


def measured(corpus: str, n: int, draw: int, train, test, labels) -> list[dict]:
    """One row per scorer and reading."""
    chosen = np.random.default_rng([20250328, draw]).permutation(len(train))[:n]
    subset, texts = train.iloc[chosen].reset_index(drop=True), train["text"].tolist()
    learners = test["ell_status"] == "Yes" if "ell_status" in test else np.zeros(len(test), bool)
    rows = []
    for spec in SCORERS:
        start = time.process_time()
        model, _ = train_scorer(spec, TrainingInput(subset, subset[:0], labels, 1, texts=texts))
        scored = model.score(test["text"].tolist())
        seconds = time.process_time() - start
        for reading, name in READINGS.items():
            human, machine = test["score"], scored[name]
            row = {"corpus": corpus, "labels": n, "scorer": spec.name, "reading": reading}
            row["qwk"] = quadratic_weighted_kappa(human, machine, labels)
            row["smd_all"] = standardized_mean_difference(human, machine)
            row["smd_ell"] = np.nan
            if learners.any():
                row["smd_ell"] = standardized_mean_difference(human[learners], machine[learners])
            rows.append(row | {"draw": draw, "seconds": seconds})
    return rows


def as_markdown(table: pd.DataFrame) -> list[str]:
    """The mean over draws of each row, with the SD of QWK over draws."""
    keys = ["corpus", "labels", "scorer", "reading"]
    by_row = table.groupby(keys, sort=False)
    mean, sd, draws = by_row.mean(), by_row["qwk"].std(), by_row["draw"].nunique()
    lines = [
        "| corpus | labels | scorer | reading | QWK | SD, draws | SMD, all | SMD, ELL | CPU s |",
        "|---|---:|---|---|---:|---:|---:|---:|---:|",
    ]
    for key, row in mean.iterrows():
        corpus, n, scorer, reading = key
        ell = "" if np.isnan(row["smd_ell"]) else f"{row['smd_ell']:+.2f}"
        lines.append(
            f"| {corpus} | {n:,} | {scorer} | {reading} | {row['qwk']:.3f} | {sd[key]:.3f} | "
            f"{row['smd_all']:+.2f} | {ell} | {row['seconds']:.0f} |"
        )
    return [f"Means of {draws.max()} draws of the labels.", "", *lines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--labels", type=int, nargs="*", default=[155, 747, 7470])
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md")
    parser.add_argument("--encoder", help="folder of a pretrained encoder, for frozen embeddings")
    chosen = parser.parse_args()
    if chosen.encoder:
        model = {"folder": chosen.encoder}
        SCORERS.append(EmbeddingScorer(kind="embedding", name="embedding", model=model))
    rows = []
    jobs = [("ELLIPSE Overall", ellipse, [200]), ("PERSUADE", persuade, chosen.labels)]
    for corpus, read, sizes in jobs:
        parts = read(chosen.data)
        for spec in SCORERS:
            if spec.kind == "embedding":
                embed_once(spec, pd.concat(parts[:2], ignore_index=True), parts[2])
        for n in sizes:
            for draw in range(1, chosen.draws + 1):
                rows += measured(corpus, n, draw, *parts)
                print(
                    pd.DataFrame(rows[-2 * len(SCORERS) :]).round(4).to_string(header=False),
                    flush=True,
                )
    lines = as_markdown(pd.DataFrame(rows))
    print("\n".join(lines))
    if chosen.write:
        hardware.write_section("few-labels", "\n".join(lines), hardware.README)


if __name__ == "__main__":
    main()
