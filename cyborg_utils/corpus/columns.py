"""Scores of several traits in one frame, a row an essay.

A column about the holistic score has a plain name (`score`, `expected`, `p_3`); the same about a
trait has the trait behind a colon (`score:cohesion`).
"""

from __future__ import annotations

import pandas as pd

from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.study import Study

NO_PROMPT = "(one prompt)"  # where a file names none


def column(name: str, trait: str) -> str:
    """The name of a column about one trait."""
    return name if trait == HOLISTIC else f"{name}:{trait}"


def of_trait(frame: pd.DataFrame, trait: str) -> pd.DataFrame:
    """The columns about one trait under their plain names, beside those about no trait.

    Columns about no trait (`essay_id`, `split`, ...) are told by having no namesake with a trait.
    """
    others = {c for c in frame if ":" in c}
    shared = {c.split(":")[0] for c in others}
    if trait == HOLISTIC:
        return frame.drop(columns=list(others))
    kept = [c for c in frame if c not in others | shared or c.endswith(f":{trait}")]
    return frame[kept].rename(columns=lambda c: c.split(":")[0])


def side_by_side(parts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One frame of the traits' frames, whose rows are the same essays."""
    named = [p.rename(columns=lambda c, t=t: column(c, t)) for t, p in parts.items()]
    return pd.concat(named, axis=1)


def human_scores(corpus: pd.DataFrame, traits: list[str]) -> pd.DataFrame:
    """The rows of a corpus with its trait scores under the names `score:<trait>`."""
    return corpus.rename(columns={t: column("score", t) for t in traits if t != HOLISTIC})


def probability_columns(labels: list) -> list[str]:
    return [f"p_{label:g}" for label in labels]


def group_columns(corpus: pd.DataFrame, study: Study) -> list[str]:
    """The demographic columns that the study reports on."""
    declared = study.corpus.group_names
    if study.evaluation.groups is None:
        return [c for c in declared if c in corpus]
    known = [c for c in study.evaluation.groups if c in {*declared, "prompt"} & set(corpus)]
    if missing := sorted(set(study.evaluation.groups) - set(known)):
        raise CorpusError(
            f"evaluation.groups: the corpus has no group {', '.join(missing)}; "
            f"it has {', '.join([*declared, 'prompt'])}"
        )
    return known
