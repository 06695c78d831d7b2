"""Time the whole evaluation report of machine scores from a file, by notebook.

    python benchmarks/evaluation_report.py [STUDY]

STUDY is a study of predictions, by default `predictions`; where its file is absent, scores of
as many essays, machines and subgroups are simulated. Kernel start, imports, figures and rendering
are included.
"""

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import yaml

from cyborg_utils.reporting.notebooks import run_notebook
from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import working_folder
from cyborg_utils.study.schema.corpora import corpus_files
from cyborg_utils.study.schema.study import MACHINES

LEVELS = {"gender": 2, "race_ethnicity": 6, "ell_status": 3, "economic": 3, "disability": 3}


def simulated_study(folder, n_essays=10_402, n_machines=6, seed=0):
    """Write simulated scores and a study of them, of the size of the published file.

    Parameters
    ----------
    folder : Path
    n_essays, n_machines, seed : int

    Returns
    -------
    Path
        The study's YAML.
    """
    rng = np.random.default_rng(seed)
    true = rng.normal(3.3, 1.1, n_essays)
    machines = {f"machine_{i}": f"machine_{i}" for i in range(n_machines)}
    frame = pd.DataFrame(
        {
            "id": np.arange(n_essays),
            "score": np.clip(np.rint(true + rng.normal(0, 0.45, n_essays)), 1, 6),
            "prompt": rng.integers(0, 15, n_essays),
            **{name: rng.integers(0, k, n_essays) for name, k in LEVELS.items()},
            **{name: true + rng.normal(0, 0.55, n_essays) for name in machines},
        }
    )
    frame.to_csv(folder / "scores.csv", index=False)
    columns = {"id": "id", "score": "score", "prompt": "prompt", "machines": machines}
    study = {
        "title": "Simulated machine scores",
        "corpus": {
            "kind": "predictions",
            "file": str(folder / "scores.csv"),
            "columns": columns | {"groups": {name: name for name in LEVELS}},
            "scale": {"min": 1, "max": 6, "step": 1},
        },
        "evaluation": {"replicates": 10_000},
    }
    path = folder / "benchmark_evaluation.yaml"
    path.write_text(yaml.safe_dump(study))
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", nargs="?", default="predictions")
    name = parser.parse_args().study
    with tempfile.TemporaryDirectory() as folder:
        study = load_study(name)
        files = [file for names in corpus_files(study.corpus).values() for file in names]
        if not all((working_folder() / file).is_file() for file in files):
            name = str(simulated_study(Path(folder)))
            study = load_study(name)
        rows = []
        for notebook in ("01_corpus", "05_fairness_analysis", "06_summary"):
            parameters = {"study": name, "settings": []}
            parameters |= {"student": MACHINES} if notebook == "05_fairness_analysis" else {}
            start = perf_counter()
            run_notebook(
                notebook,
                parameters,
                Path(folder) / f"{notebook}.ipynb",
                Path(folder) / f"{notebook}.html",
            )
            rows.append((notebook, perf_counter() - start))
    table = pd.DataFrame(rows, columns=["notebook", "seconds"])
    corpus = pd.read_parquet(study.folder / "corpus.parquet")
    groups = study.corpus.columns.groups
    print(f"{study.title}: {len(corpus):,} essays, {len(study.machines)} machines, "
          f"{len(groups)} attributes")  # fmt: skip
    print(table.round(1).to_string(index=False))
    print(f"total {table['seconds'].sum():.1f} s")


if __name__ == "__main__":
    main()
