"""Does the interval of cross-fitting cover the agreement on fresh essays? On redrawn real samples.

    python benchmarks/cross_fitting_coverage.py ESSAYS.csv [--repeats 100] [--n 395] [--folds 10]

ESSAYS has the columns `full_text` and `holistic_essay_score` of PERSUADE. In each repetition `n`
hand-scored essays are drawn at random and cross-fitted with ridge regression; the model that is
trained on all of them then scores fresh essays from the same file. A hold-out of 30 % of the `n`
essays is evaluated for comparison. One line per repetition is written to --out and resumed.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.analysis.cross_fitting import cross_fitted_agreement
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.labeling.cross_fitting import (
    corpus_of_fold,
    cross_fit,
    draw_folds,
    train_students,
)
from cyborg_utils.statistics.agreement import bootstrap_agreement, quadratic_weighted_kappa
from cyborg_utils.study.schema.study import Study

FRESH = 2_000
HOLD_OUT = 0.3


def study_of(file, folds):
    """A study of one file with ridge regression as Teacher and Student."""
    ridge = {"name": "ridge", "kind": "classical"}
    columns = {"id": "essay_id_comp", "text": "full_text", "score": "holistic_essay_score"}
    corpus = {
        "kind": "table", "files": {"train": [str(file)]}, "columns": columns, "dev_size": 10,
        "test_share": 0.1, "scale": {"min": 1, "max": 6}, "duplicates": "drop",
    }  # fmt: skip
    values = {
        "name": "coverage", "title": "Coverage", "corpus": corpus, "teachers": [ridge],
        "students": [ridge], "arms": ["human"], "evaluation": {"cross_fitting": folds},
    }  # fmt: skip
    return Study.model_validate(values)


def repetition(study, corpus, n, seed):
    """Estimates by cross-fitting and by a hold-out, and the QWK on fresh essays of both models."""
    order = np.random.default_rng([seed, 5]).permutation(len(corpus))
    sample = corpus.iloc[order[:n]].reset_index(drop=True)
    fresh = corpus.iloc[order[n : n + FRESH]]
    held = int(HOLD_OUT * n)
    splits = {"cross_fitting": None, "hold_out": ["test"] * held + ["train"] * (n - held)}
    row = {"seed": seed}
    for name, split in splits.items():
        folds = draw_folds(sample, study.evaluation.cross_fitting, seed)
        essays = corpus_of_fold(study, sample, folds, None)
        if split is not None:
            essays = essays.assign(split=split)
        with tempfile.TemporaryDirectory() as work:
            (trained,) = train_students(study, essays, Path(work))
            if split is None:
                scores = cross_fit(study, sample, folds, Path(work))
                estimate = cross_fitted_agreement(study, scores).iloc[0].rename({"qwk": "estimate"})
            else:
                test = essays[essays["split"] == "test"]
                scored = trained.model.score(test["text"].tolist())["score"]
                estimate = bootstrap_agreement(test["score"], scored, study.labels, 2_000).loc[
                    "qwk"
                ]
        on_fresh = trained.model.score(fresh["text"].tolist())["score"]
        truth = quadratic_weighted_kappa(fresh["score"], on_fresh, study.labels)
        limits = {end: float(estimate[end]) for end in ("estimate", "low", "high")}
        row |= {f"{name}_{key}": value for key, value in (limits | {"fresh": truth}).items()}
    return row


def summary(rows):
    """Coverage, mean width and bias of both ways."""
    table = pd.DataFrame(rows)
    lines = [f"{len(table)} repetitions"]
    for name in ("cross_fitting", "hold_out"):
        low, high, fresh = (table[f"{name}_{key}"] for key in ("low", "high", "fresh"))
        covered = ((low <= fresh) & (fresh <= high)).mean()
        bias = (table[f"{name}_estimate"] - fresh).mean()
        lines.append(
            f"{name}: covers {covered:.0%}, width {(high - low).mean():.3f}, estimate minus fresh "
            f"{bias:+.4f}, fresh QWK {fresh.mean():.3f}"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("essays", type=Path)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--n", type=int, default=395)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("cross_fitting_coverage.jsonl"))
    given = parser.parse_args()
    study = study_of(given.essays.resolve(), given.folds)
    corpus = load_corpus(study)
    rows = []
    if given.out.exists():
        rows = [json.loads(line) for line in given.out.read_text().splitlines()]
    for seed in range(len(rows), given.repeats):
        rows.append(repetition(study, corpus, given.n, seed))
        with given.out.open("a") as out:
            out.write(json.dumps(rows[-1]) + "\n")
    print(summary(rows))


if __name__ == "__main__":
    main()
