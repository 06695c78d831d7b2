"""How a Teacher's output becomes the labels that a Student learns from, and what each one counts.

Nothing here looks at a human score that is withheld from the Teacher: `prior_corrected` knows the
scores of U, `equated` those of dev.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.corpus.columns import probability_columns
from cyborg_utils.statistics.calibration import linear_equating
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.study.schema.study import PseudoLabelStrategy

ROUNDS = 200
DECODING_RULES = ("hard", "expected", "prior_corrected", "equated")


def prior_factors(probabilities: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """A factor for each score, under which the mean probabilities of these essays are `shares`.

    Found by iterative proportional fitting (Deming and Stephan, 1940). It is the correction for
    another prior of Saerens, Latinne and Decaestecker (2002), with the new prior known.

    Parameters
    ----------
    probabilities : shape (n, k), rows that sum to one. A score that has none in any essay keeps
        none.
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
    """Each score's probability times its factor, with rows that sum to one again."""
    weighed = probabilities * factors
    return weighed / weighed.sum(axis=1, keepdims=True)


def score_shares_of(scores: pd.Series, labels: list) -> np.ndarray:
    """Share of each score, half an essay added to each so that a score absent from U stays
    possible (Jeffreys' prior)."""
    counts = scores.value_counts().reindex(labels).fillna(0).to_numpy() + 0.5
    return counts / counts.sum()


def decode_scores(
    output: pd.DataFrame, rule: str, labels: list, ledger: pd.DataFrame, dev: pd.DataFrame
) -> np.ndarray:
    """A Teacher's output under one decoding rule.

    Parameters
    ----------
    output : the Teacher's `score`, `expected` and, for `prior_corrected`, `p_<label>`, one row per
        essay.
    ledger : its cyborg data: the human scores of U, and its own output for the other essays, of
        which U is a random part; `prior_corrected` is fitted on them, whatever `output` is of.
    dev : its `continuous` score, the expected one, and `human` for dev.

    Returns
    -------
    scores, shape (n,); those of `expected` lie between the points of the scale
    """
    if rule == "prior_corrected":
        theirs, columns = ledger["label_source"] == "teacher", probability_columns(labels)
        shares = score_shares_of(ledger.loc[~theirs, "score"], labels)
        factors = prior_factors(ledger.loc[theirs, columns].to_numpy(), shares)
        likely = corrected(output[columns].to_numpy(), factors).argmax(axis=1)
        return np.asarray(labels, dtype=float)[likely]
    if rule == "equated":
        slope, shift = linear_equating(dev["continuous"], dev["human"])
        return round_to_scale(slope * output["expected"].to_numpy() + shift, labels)
    return output["expected" if rule == "expected" else "score"].to_numpy(dtype=float)


def apply_strategy(
    ledger: pd.DataFrame, strategy: PseudoLabelStrategy, labels: list, dev: pd.DataFrame
) -> pd.DataFrame:
    """What a Student learns from one trait's ledger.

    Parameters
    ----------
    ledger : `label_source, score, expected` and, where the Teacher gives them, `p_<label>`.
    dev : the Teacher's `continuous` and people's `human` for dev.

    Returns
    -------
    frame with the ledger's index: `score`, what is learnt; `weight`, zero where a label is not
    used, of mean 1 over the others; and `p_<label>` where probabilities are learnt
    """
    theirs = ledger["label_source"] == "teacher"
    output, human = ledger[theirs], ledger.loc[~theirs, "score"]
    learnt = ledger[["score"]].astype(float)
    learnt.loc[theirs, "score"] = decode_scores(output, strategy.target, labels, ledger, dev)
    weight = pd.Series(np.where(theirs, 1.0, strategy.human_weight), ledger.index)
    columns = probability_columns(labels)
    if strategy.needs_probabilities:
        confidence = output[columns].max(axis=1)
        if strategy.weight == "confidence":
            weight[theirs] = confidence / confidence.mean()
        rank = confidence.groupby(output["score"]).rank(ascending=False, method="first")
        size = confidence.groupby(output["score"]).transform("size")
        kept = np.ceil((strategy.keep * size).round(9))  # 0.55 of 20 is 11, not a bit more
        weight[rank.index[rank > kept]] = 0.0
    learnt["weight"] = weight / weight[weight > 0].mean()
    if strategy.target == "expected" and set(columns) <= set(ledger):
        learnt[columns] = ledger[columns].astype(float)
        certain = (human.to_numpy()[:, None] == np.asarray(labels)).astype(float)
        learnt.loc[~theirs, columns] = certain
    return learnt
