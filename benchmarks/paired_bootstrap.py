"""Time the paired bootstrap of a QWK difference and a plain loop over a library's kappa.

    python benchmarks/paired_bootstrap.py [predictions.csv]

The file has a column of human scores and one of continuous scores per machine; without it,
scores are simulated. The plain loop is timed on a few replicates and scaled to all of them.
"""

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score

from cyborg_utils.statistics.agreement import compare_machines
from cyborg_utils.statistics.scales import round_to_scale

DEFAULT = Path(__file__).resolve().parents[2] / "shared/data/predictions"
LABELS = range(1, 7)


def simulated_scores(n_essays=10_402, seed=0):
    """Simulate human scores and two machines' scores of as many essays as in the real file.

    Parameters
    ----------
    n_essays : int
    seed : int

    Returns
    -------
    list of ndarray of int, shape (n_essays,)
    """
    rng = np.random.default_rng(seed)
    true = rng.normal(3.3, 1.1, n_essays)
    noise = rng.normal(size=(3, n_essays)) * np.array([[0.45], [0.5], [0.6]])
    return [round_to_scale(true + error, LABELS) for error in noise]


def read_scores(path, human, machines):
    """Read human scores and two machines' scores, rounded to the scale.

    Parameters
    ----------
    path : str or Path
    human : str
    machines : sequence of str

    Returns
    -------
    list of ndarray of int, shape (n,)
    """
    frame = pd.read_csv(path).dropna(subset=[human, *machines])
    return [round_to_scale(frame[name], LABELS) for name in (human, *machines)]


def plain_loop(human, a, b, n_replicates, seed=0):
    """Resample essays one replicate at a time and call the library's kappa twice.

    Parameters
    ----------
    human, a, b : ndarray of int, shape (n,)
    n_replicates : int
    seed : int

    Returns
    -------
    ndarray, shape (n_replicates,)
    """
    rng, differences = np.random.default_rng(seed), np.empty(n_replicates)
    for replicate in range(n_replicates):
        rows = rng.integers(0, human.size, human.size)
        kappas = [
            cohen_kappa_score(human[rows], machine[rows], weights="quadratic", labels=list(LABELS))
            for machine in (a, b)
        ]
        differences[replicate] = kappas[0] - kappas[1]
    return differences


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = DEFAULT / "persuade_test_predictions.csv.gz"
    parser.add_argument("path", nargs="?", default=default, type=Path)
    parser.add_argument("--human", default="holistic_essay_score")
    parser.add_argument("--machines", nargs=2, default=["longformer_grl", "longformer"])
    parser.add_argument("--replicates", default=10_000, type=int)
    parser.add_argument("--loop-replicates", default=100, type=int)
    args = parser.parse_args()

    real = args.path.exists()
    scores = read_scores(args.path, args.human, args.machines) if real else simulated_scores()
    machines = " minus ".join(args.machines) if real else "two simulated machines"
    print(f"{machines}, {scores[0].size:,} essays ({args.path.name if real else 'simulated'})")

    times = []
    for _ in range(3):
        start = perf_counter()
        comparison = compare_machines(*scores, LABELS, n_replicates=args.replicates)
        times.append(perf_counter() - start)
    fast = min(times)
    start = perf_counter()
    differences = plain_loop(*scores, args.loop_replicates)
    measured = perf_counter() - start
    slow = measured * args.replicates / args.loop_replicates

    table = pd.DataFrame(
        {
            "replicates": [args.replicates, args.replicates],
            "seconds": [fast, slow],
            "speedup": [slow / fast, 1.0],
            "difference": [comparison["difference"], differences.mean()],
            "standard error": [comparison["se_bootstrap"], differences.std(ddof=1)],
        },
        index=["multinomial bootstrap (best of 3)", "plain loop over cohen_kappa_score"],
    )
    print(table.round(4).to_string())
    print(
        f"The loop ran {args.loop_replicates} replicates in {measured:.2f} s; its seconds are "
        f"scaled to {args.replicates:,}. Analytic standard error: {comparison['se']:.5f}."
    )


if __name__ == "__main__":
    main()
