"""Trait scores compared with the holistic score: agreement, gain from cyborg data, bias, unique
variance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.analysis.agreement import agreement_by_condition, comparisons
from cyborg_utils.analysis.predictions import (
    at_primary_fraction,
    collect_runs,
    collect_teacher,
    hard_only,
    with_fields,
)
from cyborg_utils.analysis.subgroups import group_bias, has_verdict
from cyborg_utils.statistics.hypothesis_tests import Verdict
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.study import Study


def by_trait(
    study: Study, student: str, corpus: pd.DataFrame, groups: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One Student's agreement, gain and bias for the holistic score and each trait, on test.

    Returns
    -------
    (one row per trait and condition, with the condition's fields: `trait, qwk, low, high`, for
    cyborg data `gain, gain_low, gain_high, p` over human labels only and `loss` to all human
    labels, and over the subgroups of a reportable size `judged, within, outside, largest`; the SMD
    of every subgroup with `trait`)
    """
    rows, bias = [], []
    for trait in study.traits:
        runs = _runs(study, student, trait)
        table, resampled = agreement_by_condition(study, runs)
        compared = comparisons(study, table, resampled)
        wanted = ["condition", "gain", "gain_low", "gain_high", "p", "loss"]
        compared = compared.reindex(columns=wanted)
        smd = group_bias(study, runs, corpus, groups).assign(trait=trait)
        bias.append(smd)
        for row in table.merge(compared, on="condition", how="left").itertuples():
            evaluated = smd[(smd["condition"] == row.condition) & has_verdict(study, smd)]
            rows.append(
                {
                    "condition": row.condition, "trait": trait, "qwk": row.qwk,
                    "low": row.low, "high": row.high, "gain": row.gain, "gain_low": row.gain_low,
                    "gain_high": row.gain_high, "p": row.p, "loss": row.loss,
                    "judged": len(evaluated),
                    "within": int((evaluated["verdict"] == Verdict.WITHIN).sum()),
                    "outside": int((evaluated["verdict"] == Verdict.OUTSIDE).sum()),
                    "largest": evaluated["smd"].abs().max(),
                }
            )  # fmt: skip
    return with_fields(pd.DataFrame(rows), runs), pd.concat(bias, ignore_index=True)


def _runs(study: Study, student: str, trait: str) -> pd.DataFrame:
    return hard_only(at_primary_fraction(study, collect_runs(study, student, trait=trait)))


def teacher_by_trait(study: Study, teacher: str) -> pd.DataFrame:
    """A Teacher's own QWK on test for the holistic score and traits: `trait, qwk, low, high`."""
    parts = []
    for trait in study.traits:
        runs = at_primary_fraction(study, collect_teacher(study, teacher, trait=trait))
        parts.append(agreement_by_condition(study, runs)[0].assign(trait=trait))
    return pd.concat(parts, ignore_index=True)[["trait", "qwk", "low", "high"]]


def partial_correlation(x: np.ndarray, y: np.ndarray, control: np.ndarray) -> float:
    """Partial correlation of x and y, controlling for `control`; shapes (n,). 0 where a residual
    does not vary."""
    design = np.column_stack([np.ones(len(x)), control])
    residuals = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
    sd = [v.std() for v in residuals]
    if min(sd) < 1e-9:
        return 0.0
    return float(np.mean(residuals[0] * residuals[1]) / (sd[0] * sd[1]))


def specific_to_traits(study: Study, student: str, corpus: pd.DataFrame) -> pd.DataFrame:
    """Unique variance of trait scores, beyond the Student's own holistic score.

    The partial correlation of the machine's trait score with the human one (`specific`), and with
    the true one where the corpus is simulated (`specific_true`), controlling for the machine's
    holistic score. Trait scores that are copies of the holistic score have 0. The interval is
    Fisher's, over essays, for the mean over the runs.

    Returns
    -------
    frame, with the conditions' fields: `trait, specific, low, high, specific_true, true_low,
    true_high`
    """
    truth = corpus.set_index("essay_id")
    holistic = _runs(study, student, HOLISTIC)
    run = ["condition", "draw", "seed", "essay_id"]
    parts = []
    for trait in study.traits:
        if trait == HOLISTIC:
            continue
        scores = _runs(study, student, trait)
        both = scores.merge(holistic[[*run, "continuous"]], on=run, suffixes=("", "_holistic"))
        for (condition, _, _), part in both.groupby(["condition", "draw", "seed"], sort=False):
            machine = part["continuous"].to_numpy()
            control = part["continuous_holistic"].to_numpy()
            row = {"condition": condition, "trait": trait, "n": len(part)}
            row["specific"] = partial_correlation(machine, part["human"].to_numpy(), control)
            if f"true_{trait}" in truth:
                true = truth.loc[part["essay_id"], f"true_{trait}"].to_numpy(dtype=float)
                row["specific_true"] = partial_correlation(machine, true, control)
            parts.append(row)
    table = pd.DataFrame(parts).groupby(["condition", "trait"], sort=False).mean().reset_index()
    for name, ends in (("specific", ("low", "high")), ("specific_true", ("true_low", "true_high"))):
        if name in table:
            z, margin = np.arctanh(table[name]), 1.96 / np.sqrt(table["n"] - 4)
            table[ends[0]], table[ends[1]] = np.tanh(z - margin), np.tanh(z + margin)
    return with_fields(table.drop(columns="n"), holistic)
