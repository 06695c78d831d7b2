"""Scores of several traits in one frame, one row per essay.

A column of the holistic score has a plain name (`score`, `expected`, `p_3`); that of a trait ends
in a colon and the trait (`score:cohesion`).
"""

from __future__ import annotations

import pandas as pd

from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.study import Study

NO_PROMPT = "(one prompt)"  # of essays from a file without prompts


def column(name: str, trait: str) -> str:
    """The name of a column of one trait."""
    return name if trait == HOLISTIC else f"{name}:{trait}"


def of_trait(frame: pd.DataFrame, trait: str) -> pd.DataFrame:
    """The columns of one trait under their plain names, with those that belong to no trait.

    A column such as `essay_id` or `split`, which no trait has, belongs to no trait.
    """
    of_traits = {c for c in frame if ":" in c}
    holistic = {c.split(":")[0] for c in of_traits}
    if trait == HOLISTIC:
        return frame.drop(columns=list(of_traits))
    kept = [c for c in frame if c not in of_traits | holistic or c.endswith(f":{trait}")]
    return frame[kept].rename(columns=lambda c: c.split(":")[0])


def side_by_side(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One frame of the traits' frames, whose rows are the same essays."""
    named = [f.rename(columns=lambda c, t=t: column(c, t)) for t, f in frames.items()]
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
    present = [c for c in study.evaluation.groups if c in {*declared, "prompt"} & set(corpus)]
    if missing := sorted(set(study.evaluation.groups) - set(present)):
        raise CorpusError(
            f"evaluation.groups: the corpus has no group {', '.join(missing)}; "
            f"it has {', '.join([*declared, 'prompt'])}"
        )
    return present
