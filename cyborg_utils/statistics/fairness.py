"""Fairness of machine scores by group: SMD, DSM, equivalence verdicts and the group report.

Conditional bias, which controls for the human score, is in
`cyborg_utils.statistics.conditional_bias` and is offered here as well.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cyborg_utils.statistics.agreement import agreement_rates, bootstrap_agreement
from cyborg_utils.statistics.groups import group_levels
from cyborg_utils.statistics.hypothesis_tests import (
    Verdict,
    benjamini_hochberg,
    equivalence_verdict,
    essays_needed,
    t_interval,
)
from cyborg_utils.statistics.scales import (
    aligned_scores,
    as_labels,
    as_scores,
    check_on_scale,
    round_to_scale,
)

DENOMINATORS = ("pooled", "human", "pooled_population", "human_population")


def standardized_mean_difference(
    human, machine, denominator="pooled", population_human=None, population_machine=None
):
    """Compute (mean M - mean H) / d for one group of essays.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores of the group.
    denominator : str
        d: `pooled`, sqrt((var H + var M) / 2) in the group (Williamson, Xi and Breyer, 2012);
        `human`, sd of H in the group; `pooled_population` and `human_population`, the same over
        the whole sample. Variances have ddof = 1.
    population_human, population_machine : array_like, shape (N,), optional
        Scores of the whole sample, for the two denominators that need them.

    Returns
    -------
    float
        NaN where d is zero or a variance needs more than one essay.

    Raises
    ------
    ValueError
        If the denominator is unknown or its population is not given, lengths differ, or a score
        is missing.
    """
    return smd_with_error(human, machine, denominator, population_human, population_machine)[0]


def smd_with_error(
    human, machine, denominator="pooled", population_human=None, population_machine=None
):
    """Compute the SMD and its standard error, which respects that M and H are paired.

    The error is the influence function's: for D / d with D = mean(M - H), an essay contributes
    (M - H - D) / d - D (v - d^2) / (2 d^3), where v is its squared deviation (averaged over H and
    M if pooled). A whole-sample d is taken as known.

    Parameters
    ----------
    human, machine, denominator, population_human, population_machine
        As in `standardized_mean_difference`.

    Returns
    -------
    smd, se : float
        NaN where undefined.

    Raises
    ------
    ValueError
        As `standardized_mean_difference`.
    """
    if denominator not in DENOMINATORS:
        raise ValueError(
            f"denominator must be one of {', '.join(DENOMINATORS)}; got {denominator!r}"
        )
    h, m = aligned_scores(human=human, machine=machine)
    basis = {"human": h, "machine": m}
    if denominator.endswith("_population"):
        basis = {"human": population_human, "machine": population_machine}
    used = ("human",) if denominator.startswith("human") else ("human", "machine")
    absent = [f"population_{name}" for name in used if basis[name] is None]
    if absent:
        raise ValueError(f"denominator {denominator!r} needs {' and '.join(absent)}")
    vectors = [as_scores(basis[name], name) for name in used]
    if h.size < 2 or min(vector.size for vector in vectors) < 2:
        return np.nan, np.nan
    variance = np.mean([vector.var(ddof=1) for vector in vectors])
    if not variance > 1e-12:
        return np.nan, np.nan
    d, gap = np.sqrt(variance), (m - h).mean()
    influence = (m - h - gap) / d
    if not denominator.endswith("_population"):
        squares = np.mean([(vector - vector.mean()) ** 2 for vector in vectors], axis=0)
        influence = influence - gap * (squares - squares.mean()) / (2 * d**3)
    return float(gap / d), float(influence.std(ddof=1) / np.sqrt(h.size))


def difference_of_standardized_means(human, machine, population_human, population_machine):
    """Compute DSM: the group mean of z(M) - z(H), z over the whole sample.

    Unlike the SMD it takes out a difference of scale between machine and human.

    Parameters
    ----------
    human, machine : array_like, shape (n,)
        Scores of the group.
    population_human, population_machine : array_like, shape (N,)
        Scores of the whole sample.

    Returns
    -------
    float
        NaN where the whole sample's H or M does not vary.

    Raises
    ------
    ValueError
        If lengths differ or a score is missing.
    """
    h, m = aligned_scores(human=human, machine=machine)
    whole_h, whole_m = aligned_scores(
        population_human=population_human, population_machine=population_machine
    )
    if whole_h.size < 2 or min(np.ptp(whole_h), np.ptp(whole_m)) == 0:
        return np.nan
    z_m = (m.mean() - whole_m.mean()) / whole_m.std(ddof=1)
    return float(z_m - (h.mean() - whole_h.mean()) / whole_h.std(ddof=1))


def group_report(
    frame,
    groups,
    human="human",
    machine="machine",
    *,
    labels,
    denominator="pooled",
    bound=0.10,
    level=0.90,
    min_essays=30,
    n_replicates=2_000,
    seed=0,
):
    """Report agreement and bias of one machine for every level of every attribute.

    Kappa and agreement are of scores on the scale (a continuous machine score is rounded by
    `round_to_scale`); means, SMD and DSM are of the scores as given. Nothing is dropped in
    silence: missing group values are a level, essays without a score are counted.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an essay.
    groups : str or sequence of (str or sequence of str)
        Attributes; a sequence inside the sequence is an intersection.
    human, machine : str
        Columns of the scores.
    labels : array_like, shape (k,)
        Every score of the scale.
    denominator : str
        Of the SMD, as in `standardized_mean_difference`.
    bound, level, min_essays
        As in `equivalence_verdict`; `smd_low` and `smd_high` are the interval at `level`.
    n_replicates, seed : int
        Of the bootstrap of kappa, whose interval is at 95 %.

    Returns
    -------
    pandas.DataFrame
        One row a level, the reference (the largest, ties alphabetical) first: `attribute, level,
        reference, n, n_unscored, mean_human, mean_machine, sd_human, sd_machine, qwk, qwk_low,
        qwk_high, exact, adjacent, smd, smd_se, smd_low, smd_high, verdict, essays_needed` (to
        certify a true SMD of zero, at this group's sd(M - H) / d), `dsm, p` (two-sided, SMD = 0),
        `p_bh` (Benjamini-Hochberg over the table), `denominator, bound, note`.

    Raises
    ------
    ValueError
        If a column is absent, no essay has both scores, or a human score is not on the scale.
    """
    absent = [column for column in (human, machine) if column not in frame.columns]
    if absent:
        raise ValueError(f"score columns {', '.join(absent)} are not in the frame")
    h, m = (frame[column].to_numpy(dtype=float, na_value=np.nan) for column in (human, machine))
    scored = np.isfinite(h) & np.isfinite(m)
    if not scored.any():
        raise ValueError(f"no essay has both a {human!r} and a {machine!r} score")
    check_on_scale(h[scored], labels, human)
    scale = as_labels(labels)
    on_scale = m.copy()
    if not np.isin(m[scored], scale.astype(float)).all():
        on_scale[scored] = round_to_scale(m[scored], labels)
    whole = h[scored], m[scored]
    rows = []
    for attribute in [groups] if isinstance(groups, str) else groups:
        name, levels = group_levels(frame, attribute)
        sizes = levels[scored].value_counts().reindex(levels.unique(), fill_value=0)
        ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
        for rank, (value, _) in enumerate(ordered):
            inside = (levels == value).to_numpy()
            at = inside & scored
            row = {"attribute": name, "level": value, "reference": rank == 0, "n": int(at.sum()),
                   "n_unscored": int((inside & ~scored).sum())}  # fmt: skip
            row |= _bias(h[at], m[at], whole, denominator, bound, level, min_essays)
            row |= _agreement(h[at], on_scale[at], labels, n_replicates, seed)
            row["note"] = _note(h[at], on_scale[at], row, min_essays)
            rows.append(row | {"denominator": denominator, "bound": bound})
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table["p_bh"] = benjamini_hochberg(table["p"])
    return table


_COLUMNS = [
    "attribute",
    "level",
    "reference",
    "n",
    "n_unscored",
    "mean_human",
    "mean_machine",
    "sd_human",
    "sd_machine",
    "qwk",
    "qwk_low",
    "qwk_high",
    "exact",
    "adjacent",
    "smd",
    "smd_se",
    "smd_low",
    "smd_high",
    "verdict",
    "essays_needed",
    "dsm",
    "p",
    "p_bh",
    "denominator",
    "bound",
    "note",
]


def _bias(h, m, whole, denominator, bound, level, min_essays):
    row = {"verdict": Verdict.INCONCLUSIVE, "essays_needed": np.nan, "p": np.nan}
    if h.size == 0:
        return row
    row |= {"mean_human": h.mean(), "mean_machine": m.mean()}
    row["dsm"] = difference_of_standardized_means(h, m, *whole)
    if h.size == 1:
        return row
    row |= {"sd_human": h.std(ddof=1), "sd_machine": m.std(ddof=1)}
    smd, se = smd_with_error(h, m, denominator, *whole)
    low, high = t_interval(smd, se, h.size, level)
    row |= {"smd": smd, "smd_se": se, "smd_low": low, "smd_high": high}
    row["verdict"] = equivalence_verdict(smd, se, h.size, bound, level, min_essays)
    if se > 0:
        row["p"] = 2 * stats.t.sf(abs(smd) / se, h.size - 1)
        row["essays_needed"] = essays_needed(0.0, bound, se * np.sqrt(h.size), level=level)
    return row


def _agreement(h, m, labels, n_replicates, seed):
    if h.size == 0:
        return {}
    row = agreement_rates(h, m).to_dict()
    if np.ptp(h) > 0:
        table = bootstrap_agreement(h, m, labels, n_replicates, seed=seed)
        row |= dict(zip(("qwk", "qwk_low", "qwk_high"),
                        table.loc["qwk", ["estimate", "low", "high"]], strict=True))  # fmt: skip
    return row


def _note(h, m, row, min_essays):
    notes = []
    if row["n_unscored"]:
        notes.append(f"{row['n_unscored']} essays lack a human or machine score and are left out")
    if h.size == 0:
        return "; ".join([*notes, "no scored essay"])
    if np.ptp(h) == 0:
        notes.append(f"every human score is {h[0]:g}: kappa is undefined")
    elif np.ptp(m) == 0:
        notes.append(f"the machine gives every essay {m[0]:g}")
    if h.size < min_essays:
        notes.append(f"fewer than {min_essays} essays: no verdict")
    elif not np.isfinite(row["smd"]):
        notes.append("no spread of scores: SMD is undefined")
    elif row["verdict"] == Verdict.INCONCLUSIVE:
        notes.append("the interval of the SMD contains a bound")
    return "; ".join(notes)
