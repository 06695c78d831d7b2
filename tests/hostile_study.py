"""A small study of essays whose every name and text tries to get into its reports."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from study_runs import run_study

from cyborg_utils.corpus.simulation.generator import simulate_corpus

ID, TEXT = "zqx-id", "zqxtext"  # in every id, in every text; in no report
ATTACK = "<script>window.__pwned = 1; alert(1)</script><img src=x onerror='window.__pwned = 1'>"
LINK = "[click](javascript:alert(1)) ![pixel](http://elsewhere.invalid/p.png) $x_$ **b**"
STUDY = """\
title: {title}
about: {about}
corpus:
  kind: table
  files: {{train: [{file}]}}
  columns:
    id: id
    text: text
    score: score
    prompt: prompt
    split: split
    traits: {{style: style}}
    groups: {{club: club, town: town, rare: rare}}
  scale: {{min: 1, max: 6}}
sampling: {{fractions: [0.5]{sampling}}}
teachers: [{{name: logistic, kind: classical, head: classification}}]
students: [{{name: ridge, kind: classical}}]
arms: [human, cyborg]
evaluation: {{replicates: 200, min_group: 15{evaluation}}}
"""
CLUBS = [f"a{ATTACK}", f"$\\frac{{{LINK}", "ordinary"]
TOWNS = ["east", "west"]
PROMPTS = [f"Mars {ATTACK}", f"Cars/../{LINK}\nagain"]


def hostile_essays(n: int = 420) -> pd.DataFrame:
    """Essays, 60 of them unscored; three writers of the test part are of a rare kind."""
    made = simulate_corpus(n, seed=11)
    frame = pd.DataFrame(
        {
            "id": [f"{ID} {i} {ATTACK}" if i % 2 else f"=1+{i}&{ID}" for i in range(n)],
            "text": made["text"] + f" {TEXT} " + ATTACK + LINK,
            "score": made["score"].astype(object),
            "style": made["score"].astype(object),
            "prompt": [PROMPTS[i % 2] for i in range(n)],
            "split": ["train"] * (n - 180) + ["dev"] * 60 + ["test"] * 120,
            "club": [CLUBS[i % 3] for i in range(n)],
            "town": [TOWNS[i % 5 == 0] for i in range(n)],
            "rare": ["of three writers" if i % 40 == 20 else "others" for i in range(n)],
        }
    )
    frame.loc[:59, ["score", "style"]] = None
    return frame


def run_hostile_study(folder: Path, name: str, sampling: str = "", evaluation: str = "") -> Path:
    """Run it as `cyborg run` does, and return its file; `clean` takes away what it leaves."""
    hostile_essays().to_csv(folder / f"{name}.csv", index=False)
    given = {
        "title": json.dumps(f"Title {ATTACK}{LINK}"),
        "about": json.dumps(f"About {ATTACK}{LINK}\n\n[a]: javascript:alert(1)\n\n# *A* [a]"),
        "file": json.dumps(str(folder / f"{name}.csv")),
    }
    file = folder / f"{name}.yaml"
    file.write_text(STUDY.format(**given, sampling=sampling, evaluation=evaluation))
    run = run_study(str(file), "--cores", "2")
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return file
