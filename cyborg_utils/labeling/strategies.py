"""Pseudo-label strategies: a Teacher's output becomes a Student's training labels and weights.

No withheld human score is used here: `prior_corrected` uses the human scores of U, `equated` those
of the dev set, and `linked` those on which the Teacher was linked (`models.linking`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.corpus.columns import probability_columns
from cyborg_utils.statistics.calibration import linear_equating
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.schema.study import PseudoLabelStrategy

ROUNDS = 200
DECODING_RULES = ("hard", "expected", "linked", "prior_corrected", "equated")


def prior_factors(probabilities: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Factors of the label-shift correction that makes the mean probabilities `shares`.

    Computed by iterative proportional fitting (Deming and Stephan, 1940): the correction of
    Saerens, Latinne and Decaestecker (2002) with a known new prior.

    Parameters
    ----------
    probabilities : shape (n, k), rows that sum to one. A score with probability 0 in all essays
        keeps it.
    shares : shape (k,), positive, sums to one.

    Returns
    -------
    array of shape (k,), for `corrected`
    """
    factors = np.ones(len(shares))
    for _ in range(ROUNDS):
        mean = corrected(probabilities, factors).mean(axis=0)
        factors *= np.divide(shares, mean, out=np.ones_like(factors), where=mean > 1e-100)
    return factors


def corrected(probabilities: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Probabilities times the scores' factors, normalized to rows that sum to one."""
    weighted = probabilities * factors
    return weighted / weighted.sum(axis=1, keepdims=True)


def score_shares_of(scores: pd.Series, labels: list) -> np.ndarray:
    """Score distribution, with half an essay added to each score (Jeffreys' prior), so that a
    score absent from U stays possible."""
    counts = scores.value_counts().reindex(labels).fillna(0).to_numpy() + 0.5
    return counts / counts.sum()


def decode_scores(
    output: pd.DataFrame, rule: str, labels: list, ledger: pd.DataFrame, dev: pd.DataFrame
) -> np.ndarray:
    """A Teacher's output under one decoding rule.

    Parameters
    ----------
    output : the Teacher's `score`, `expected` and, for `linked`, `linked_score`, for
        `prior_corrected`, `p_<label>`, one row per essay.
    ledger : its cyborg data: the human scores of U, a random sample of train, and its own output
        for the other essays; `prior_corrected` is fitted on them, whatever essays `output` is of.
    dev : its `continuous` score, which is the expected one, and `human` of dev.

    Returns
    -------
    scores, shape (n,); those of `expected` lie between the points of the scale
    """
    if rule == "prior_corrected":
        by_teacher, columns = ledger["label_source"] == "teacher", probability_columns(labels)
        shares = score_shares_of(ledger.loc[~by_teacher, "score"], labels)
        factors = prior_factors(ledger.loc[by_teacher, columns].to_numpy(), shares)
        likely = corrected(output[columns].to_numpy(), factors).argmax(axis=1)
        return np.asarray(labels, dtype=float)[likely]
    if rule == "equated":
        slope, shift = linear_equating(dev["continuous"], dev["human"])
        return round_to_scale(slope * output["expected"].to_numpy() + shift, labels)
    named = {"expected": "expected", "linked": "linked_score", "hard": "score"}
    return output[named[rule]].to_numpy(dtype=float)


def apply_strategy(
    ledger: pd.DataFrame, strategy: PseudoLabelStrategy, labels: list, dev: pd.DataFrame
) -> pd.DataFrame:
    """What a Student is trained on from one trait's ledger.

    Parameters
    ----------
    ledger : `label_source, score, expected`, `linked_score` and, where the Teacher gives them,
        `p_<label>`.
    dev : the Teacher's `continuous` and the human score `human` of dev.

    Returns
    -------
    frame with the ledger's index: `score`, the target; `weight`, zero where a label is not used,
    with mean 1 over the others; and `p_<label>` where probabilities are the target
    """
    by_teacher = ledger["label_source"] == "teacher"
    output, human = ledger[by_teacher], ledger.loc[~by_teacher, "score"]
    target = ledger[["score"]].astype(float)
    target.loc[by_teacher, "score"] = decode_scores(output, strategy.target, labels, ledger, dev)
    weight = pd.Series(np.where(by_teacher, 1.0, strategy.human_weight), ledger.index)
    columns = probability_columns(labels)
    if strategy.needs_probabilities:
        confidence = output[columns].max(axis=1)
        if strategy.weight == "confidence":
            weight[by_teacher] = confidence / confidence.mean()
        rank = confidence.groupby(output["score"]).rank(ascending=False, method="first")
        size = confidence.groupby(output["score"]).transform("size")
        kept = np.ceil((strategy.keep * size).round(9))  # 0.55 of 20 is 11, not 11.000000000000002
        weight[rank.index[rank > kept]] = 0.0
    target["weight"] = weight / weight[weight > 0].mean()
    if strategy.target == "expected" and set(columns) <= set(ledger):
        target[columns] = ledger[columns].astype(float)
        one_hot = (human.to_numpy()[:, None] == np.asarray(labels)).astype(float)
        target.loc[~by_teacher, columns] = one_hot
    return target
