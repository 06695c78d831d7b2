"""Every measure of agreement, averaged over a study's runs, and the field's rules for a machine."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.statistics.agreement import (
    bootstrap_agreement,
    concordance,
    correlation,
    human_human_comparison,
)
from cyborg_utils.statistics.prmse import prmse_interval
from cyborg_utils.statistics.replications import pool_replications
from cyborg_utils.study.schema.study import Study

# What the field asks of a machine as a whole: rule, statistic, its bounds, and whose rule it is.
SHIFT_RULE = "SMD within ±0.15"
RULES = (
    ("QWK at least 0.70", "qwk", 0.70, np.inf, "Williamson, Xi and Breyer (2012)"),
    (SHIFT_RULE, "smd", -0.15, 0.15, "Williamson, Xi and Breyer (2012)"),
    ("SD ratio within 2/3 to 3/2", "sd_ratio", 2 / 3, 3 / 2, "Wang and von Davier (2014)"),
)
RULES_BESIDE_PEOPLE = {
    "qwk": ("QWK at most 0.10 below two people's", "Williamson, Xi and Breyer (2012)"),
    "exact": (
        "exact agreement at most 5.125 percentage points below two people's",
        "Wang and von Davier (2014)",
    ),
}


def measures_by_series(
    study: Study, runs: pd.DataFrame, table: pd.DataFrame, second: pd.Series | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every measure of agreement, and the field's rules for a machine as a whole.

    A statistic of several runs is their mean, its error as in `pool_replications`. A rule is met or
    broken only where the whole 95 % interval says so. PRMSE is of the continuous scores.

    Parameters
    ----------
    table : that of `agreement_by_series`, whose interval of QWK the rule uses.
    second : a second human score by essay id, missing where an essay has none.

    Returns
    -------
    (measures: a row a series; rules: a row a series and rule: `series, rule, value, low, high,
    verdict, source`)
    """
    rows, ruled = [], []
    for keys, run in runs.groupby(["series", "draw", "seed"], sort=False):
        name = keys[0]
        human, score, continuous = (run[c].to_numpy() for c in ("human", "score", "continuous"))
        found = bootstrap_agreement(human, score, study.labels, 200)
        row = {"series": name, **found["estimate"].drop("mean_difference"),
               "concordance": concordance(human, continuous),
               "correlation": correlation(human, continuous)}  # fmt: skip
        for rule, statistic, least, most, source in RULES:
            value, se = found.loc[statistic, ["estimate", "se"]]
            ruled.append((*keys, rule, value, se, least, most, source))
        other = run["essay_id"].map({} if second is None else second).to_numpy(dtype=float)
        both = np.isfinite(other)
        if both.any():
            beside = human_human_comparison(
                human[both], other[both], score[both], study.labels, 200
            )
            for statistic, (rule, source) in RULES_BESIDE_PEOPLE.items():
                value, se, limit = beside.loc[statistic, ["degradation", "se", "limit"]]
                ruled.append((*keys, rule, value, se, -np.inf, limit, source))
            row["prmse"] = prmse_interval(np.column_stack([human, other]), continuous)["prmse"]
        rows.append(row)
    measures = pd.DataFrame(rows).groupby("series", sort=False).mean().reset_index()
    columns = ["series", "draw", "seed", "rule", "value", "se", "least", "most", "source"]
    every = pd.DataFrame(ruled, columns=columns)
    essays = runs["essay_id"].nunique()
    rules = pool_replications(every, ["series", "rule", "least", "most", "source"], "value", essays)
    reach = stats.t.ppf(0.975, rules["df"]) * rules["se"]
    rules["low"], rules["high"] = rules["value"] - reach, rules["value"] + reach
    kappa = rules["rule"] == RULES[0][0]
    known = table.set_index("series").loc[rules.loc[kappa, "series"], ["low", "high"]]
    rules.loc[kappa, ["low", "high"]] = known.to_numpy()
    inside = (rules["low"] >= rules["least"]) & (rules["high"] <= rules["most"])
    outside = (rules["high"] < rules["least"]) | (rules["low"] > rules["most"])
    rules["verdict"] = np.select([inside, outside], ["met", "broken"], "cannot tell")
    return measures, rules[["series", "rule", "value", "low", "high", "verdict", "source"]]
