"""Estimates of single runs, averaged over the runs of a condition, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from cyborg_utils.analysis.predictions import RUN, with_fields
from cyborg_utils.statistics.adjudication import proportion_interval
from cyborg_utils.statistics.hypothesis_tests import t_interval
from cyborg_utils.statistics.replications import pool_replications

PROPORTIONS = (
    "exact", "beyond_one_step", "accuracy", "sensitivity", "specificity", "human_rate",
    "machine_rate", "consistency", "adjudication_machine", "adjudication_human",
)  # fmt: skip
CORRELATIONS = (
    "correlation", "kappa", "cut_kappa", "consistency_kappa", "qwk_machine", "qwk_human",
    "human_criterion", "machine_criterion", "partial_machine", "partial_human",
)  # fmt: skip
RANGES = {  # what a statistic can be; an interval of two or three runs can be wider
    **dict.fromkeys(CORRELATIONS, (-1, 1)),
    **dict.fromkeys(("r2", "prmse"), (-np.inf, 1)),
    **dict.fromkeys(("rmse", "conditional_sem"), (0, np.inf)),
}
ESTIMATES = ["statistic", "n", "estimate", "low", "high"]


def estimates_of_runs(
    runs: pd.DataFrame, keys: list[str], tables_of: Callable[[pd.DataFrame], Iterator[pd.DataFrame]]
) -> pd.DataFrame:
    """What a function estimates of each run, as means over the runs with their intervals.

    Errors of several runs are as in `pool_replications`. The interval of a proportion is Wilson's,
    with the effective number of essays; that of any other statistic is t's, within its range.

    Parameters
    ----------
    keys : columns of the tables that identify an estimate, besides `statistic`.
    tables_of : from one run's scores to tables with the keys and `statistic, estimate, se, n`.

    Returns
    -------
    frame, one row per condition, key and statistic, with the condition's fields: the keys and
    `ESTIMATES`, the interval at 95 %
    """
    parts = []
    for of_run, run in runs.groupby(RUN, sort=False):
        named = dict(zip(RUN, of_run, strict=True))
        parts += [table.assign(**named) for table in tables_of(run) if len(table)]
    if not parts:
        return pd.DataFrame(columns=["condition", *keys, *ESTIMATES])
    every = pd.concat(parts, ignore_index=True).dropna(subset="estimate")
    names = ["condition", *keys, "statistic"]
    table = pool_replications(every, names, "estimate", "n")
    table["n"] = every.groupby(names, sort=False)["n"].first().to_numpy()
    table["low"], table["high"] = t_interval(table["estimate"], table["se"], table["df"] + 1, 0.95)
    ranges = pd.DataFrame(
        [RANGES.get(s, (-np.inf, np.inf)) for s in table["statistic"]], columns=["low", "high"]
    )
    table["low"] = table["low"].clip(lower=ranges["low"])
    table["high"] = table["high"].clip(upper=ranges["high"])
    shares = table["statistic"].isin(PROPORTIONS)
    columns = (table.loc[shares, c] for c in ("estimate", "se", "n"))
    limits = proportion_interval(*columns, df=table.loc[shares, "df"])
    table.loc[shares, "low"], table.loc[shares, "high"] = limits
    return with_fields(table[["condition", *keys, *ESTIMATES]], runs)
