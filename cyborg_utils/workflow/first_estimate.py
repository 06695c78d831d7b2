"""A first estimate of agreement from scored essays, in seconds, before a study is run."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.statistics.agreement import bootstrap_agreement

FEWEST = 20  # scored essays that the scorer learns from


def first_estimate(corpus: pd.DataFrame, labels: list[float]) -> str:
    """How well the scorer `stacked`, linked, agrees with the human scores, by cross-validation.

    Each scored essay is predicted by a scorer that was trained on four fifths of the others. It
    says nothing of subgroups, and the interval is over essays alone.

    Parameters
    ----------
    corpus : with `text`, and `score`, which is missing for essays without a score.
    labels : the points of the score scale.

    Returns
    -------
    a sentence

    Raises
    ------
    ImportError
        The libraries of models are not installed.
    """
    from cyborg_utils.models import stacked
    from cyborg_utils.models.linking import linked
    from cyborg_utils.models.scorer import TrainingInput
    from cyborg_utils.study.schema.models import StackedScorer

    scored = corpus.dropna(subset="score").reset_index(drop=True)
    spec = StackedScorer(kind="stacked", name="stacked")
    nobody = scored.iloc[:0]  # it needs no dev set
    training = TrainingInput(scored, nobody, labels, spec.seed, texts=corpus["text"].tolist())
    scorer, _, cross_validated = stacked.fit(spec, training)
    (link,) = linked(scorer, training, cross_validated).links.values()
    _, predicted = link(cross_validated["continuous"])
    qwk = bootstrap_agreement(scored["score"], predicted, labels).loc["qwk"]
    return (
        f"first estimate: QWK {qwk['estimate']:.2f} (95 % interval {qwk['low']:.2f} to "
        f"{qwk['high']:.2f}), human and linked scores of the scorer `stacked`, cross-validated on "
        f"the {len(scored):,} scored essays; the study compares scorers and subgroups"
    )
