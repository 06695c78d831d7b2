"""Contributions of features to one essay's score by a stacked scorer: why this score?

They describe the model, not the essay's quality: they are no feedback to its writer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.models.stacked import StackedModel
from cyborg_utils.study.schema.base import HOLISTIC

TOPICS = "topics of its words"
OTHERS = 100  # essays whose values take the place of the essay's own, at most


def contributions(model: StackedModel, text: str, trait: str = HOLISTIC) -> pd.DataFrame:
    """What each feature adds to the score of one essay, in points of the scale before rounding.

    Of the Gaussian process, the part of a surface feature, and of all topics together, is the
    prediction minus its mean where the feature has the values of other essays, the process's
    landmarks (permutation; after Breiman, 2001); these parts add up only where features do not
    interact. Of the ridge regression, the part of a word, or of two neighboring words, is its
    coefficient times its tf-idf, and that of the length is against its mean in the train texts:
    these are exact.

    Returns
    -------
    frame `part` (process or ridge), `feature`, `contribution`, largest first in each part
    """
    stack, learned = model.stacks[trait], model.representation
    dense, terms = learned([text])
    others = stack.process.landmarks[:OTHERS]
    names = learned.features
    blocks = {name: [i] for i, name in enumerate(names)}
    blocks[TOPICS] = list(range(len(names), dense.shape[1]))
    own = stack.process.predict(dense)[0][0]
    rows = []
    for name, columns in blocks.items():
        changed = np.repeat(dense, len(others), axis=0)
        changed[:, columns] = others[:, columns]
        part = stack.shares[0] * (own - stack.process.predict(changed)[0].mean())
        rows.append({"part": "process", "feature": name, "contribution": part})
    found = terms.tocoo()
    for column, value in zip(found.col, found.data, strict=True):
        is_length = column == terms.shape[1] - 1
        value = value - learned.center[0] if is_length else value
        part = stack.shares[1] * stack.coef[column] * value
        name = names[0] if is_length else _term(model, column)
        rows.append({"part": "ridge", "feature": name, "contribution": part})
    table = pd.DataFrame(rows)
    order = table["contribution"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].sort_values("part", kind="stable", ignore_index=True)


def _term(model: StackedModel, column: int) -> str:
    """The word, or the two neighboring words, of a column of the ridge regression."""
    statistics = model.representation.statistics
    words, n = list(statistics.vocabulary), len(statistics.documents)
    if column < n:
        return words[column]
    first, second = divmod(int(statistics.pairs[column - n]), n)
    return f"{words[first]} {words[second]}"
