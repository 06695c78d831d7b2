"""Essays with the same text: which they are, and which of them can be left out."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.corpus.related_essays import same_text


def equal_texts(texts: pd.Series) -> pd.Series:
    """The texts, as they are compared, that more than one essay has; other essays are not in it."""
    plain = same_text(texts)
    return plain[plain.duplicated(keep=False) & (plain != "")]


def surplus_copies(texts: pd.Series, scores: pd.Series) -> pd.Series:
    """Whether an essay is a copy that can be left out without the loss of a human score.

    Of essays with the same text, those without a score are copies where another is scored; of
    several with the same score, or without any, all but the first are. Two different human scores
    of one text are both kept.
    """
    plain = same_text(texts)
    scored = scores.notna()
    has_scored_twin = plain.isin(set(plain[scored]))
    again = pd.DataFrame({"text": plain, "score": scores}).duplicated()
    return (again | (~scored & has_scored_twin)) & (plain != "")
