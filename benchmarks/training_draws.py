"""Which hand-scored essays to learn from: cluster draws compared with random ones, on real essays.

    python benchmarks/training_draws.py DATA [--draws 8] [--labels 155] [--out FILE] [--write]

DATA is the folder of `few_labels.py`. The stacked scorer learns from each draw of PERSUADE train
essays and scores its test essays; every draw is made by both methods, with the same seed. One line
per draw and method is written to --out, and resumed.
"""

import argparse
import json
from pathlib import Path

import few_labels
import hardware
import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.hand_scoring.clusters import cluster_draw
from cyborg_utils.models.registry import train_scorer
from cyborg_utils.models.scorer import TrainingInput
from cyborg_utils.statistics.agreement import quadratic_weighted_kappa
from cyborg_utils.statistics.standardized_differences import standardized_mean_difference
from cyborg_utils.study.schema.models import StackedScorer

METHODS = ("random", "cluster")
SCORER = StackedScorer(kind="stacked", name="stacked")


def measured(method: str, n: int, draw: int, train, test, labels) -> dict:
    """Agreement and bias of the linked scores after one draw."""
    if method == "cluster":
        chosen = cluster_draw(train["text"].tolist(), n, draw)
    else:
        chosen = np.random.default_rng([20250328, draw]).permutation(len(train))[:n]
    subset = train.iloc[chosen].reset_index(drop=True)
    given = TrainingInput(subset, subset[:0], labels, 1, texts=train["text"].tolist())
    machine = train_scorer(SCORER, given)[0].score(test["text"].tolist())["linked_score"]
    human, learners = test["score"], test["ell_status"] == "Yes"
    return {
        "method": method, "labels": n, "draw": draw,
        "qwk": quadratic_weighted_kappa(human, machine, labels),
        "smd_all": standardized_mean_difference(human, machine),
        "smd_ell": standardized_mean_difference(human[learners], machine[learners]),
    }  # fmt: skip


def as_markdown(table: pd.DataFrame) -> list[str]:
    """A row per method, and the paired difference with Student's t interval over draws."""
    (n,) = table["labels"].unique()
    lines = [
        "| labels | draw | draws | QWK | SD, draws | SMD, all | SMD, ELL |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    for method in METHODS:
        rows = table[table["method"] == method]
        mean = rows[["qwk", "smd_all", "smd_ell"]].mean()
        lines.append(
            f"| {n:,} | {method} | {len(rows)} | {mean['qwk']:.3f} | {rows['qwk'].std():.3f} | "
            f"{mean['smd_all']:+.2f} | {mean['smd_ell']:+.2f} |"
        )
    qwk = table.pivot(index="draw", columns="method", values="qwk")
    gain = qwk["cluster"] - qwk["random"]
    low, high = stats.t.interval(0.95, len(gain) - 1, gain.mean(), stats.sem(gain))
    return [
        *lines,
        "",
        f"Cluster minus random, paired by draw: {gain.mean():+.3f} QWK, 95 % interval {low:+.3f} "
        f"to {high:+.3f} over draws (t, {len(gain) - 1} degrees of freedom).",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--labels", type=int, default=155)
    parser.add_argument("--out", type=Path, default=Path("training_draws.jsonl"))
    parser.add_argument("--write", action="store_true", help="into benchmarks/README.md")
    given = parser.parse_args()
    train, test, labels = few_labels.persuade(given.data)
    rows = []
    if given.out.exists():
        rows = [json.loads(line) for line in given.out.read_text().splitlines()]
    rows = [row for row in rows if row["labels"] == given.labels and row["draw"] <= given.draws]
    done = {(row["draw"], row["method"]) for row in rows}
    for draw in range(1, given.draws + 1):
        for method in METHODS:
            if (draw, method) not in done:
                rows.append(measured(method, given.labels, draw, train, test, labels))
                with given.out.open("a") as out:
                    out.write(json.dumps(rows[-1]) + "\n")
                print(rows[-1], flush=True)
    lines = as_markdown(pd.DataFrame(rows))
    print("\n".join(lines))
    if given.write:
        hardware.write_section("training-draws", "\n".join(lines), hardware.README)


if __name__ == "__main__":
    main()
