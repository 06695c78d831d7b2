"""A study of machine scores from a file: 1,500 simulated essays and three machines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cyborg_utils.analysis import predictions
from cyborg_utils.study.schema.study import MACHINES

FAIR, STRICT, CONSTANT = "machine-fair", "machine-strict", "machine-constant"
STUDY = """\
title: Machines of known quality
about: Simulated scores.
corpus:
  kind: predictions
  file: {file}
  columns:
    id: id
    score: rater_1
    second_score: rater_2
    prompt: prompt
    groups: {{region: region, ell: ell, one_level: one_level, all_missing: all_missing}}
    machines: {{fair: fair, strict: strict, constant: constant}}
  scale: {{min: 1, max: 6, step: 1}}
evaluation:
  replicates: 500
  min_group: 30
  comparisons: [[strict, fair]]
"""


def machine_scores() -> pd.DataFrame:
    """1,500 essays: `fair` follows the true score, `strict` scores ell = yes half a point lower."""
    rng, n = np.random.default_rng(11), 1500
    true = rng.normal(3.2, 0.9, n)
    ell = np.where(rng.random(n) < 0.3, "yes", "no").astype(object)
    fair = true + rng.normal(0, 0.35, n)
    frame = pd.DataFrame(
        {
            "id": [f"e{i}" for i in range(n)],
            "rater_1": np.clip(np.rint(true + rng.normal(0, 0.5, n)), 1, 5),  # no 6 is used
            "rater_2": np.clip(np.rint(true + rng.normal(0, 0.5, n)), 1, 6),
            "prompt": [f"p{i % 12}" for i in range(n)],
            "region": rng.choice(["north", "south"], n),
            "ell": ell,
            "one_level": "all",
            "all_missing": None,
            "fair": fair,
            "strict": fair - 0.5 * (ell == "yes"),
            "constant": 3.0,
        }
    )
    frame.loc[0, "region"] = "an island"  # a group of one essay
    frame.loc[1:20, "ell"] = None
    frame.loc[5:8, "fair"] = np.nan
    frame.loc[30:32, "rater_1"] = np.nan
    frame.loc[40, "fair"] = 9.5  # beyond the scale
    frame.loc[100:1200, "rater_2"] = np.nan
    return frame


def runs_of(corpus: pd.DataFrame, study) -> pd.DataFrame:
    """The frame of `collect_runs`, without a run of the study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "need", lambda *_: None)
        patch.setattr(predictions.pd, "read_parquet", lambda _: corpus)
        return predictions.collect_runs(study, MACHINES)
