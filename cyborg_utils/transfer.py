"""Essays of other corpora, for Students that never saw one like them."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.corpus import CorpusError, group_columns, load_corpus
from cyborg_utils.params import load_study
from cyborg_utils.scale import rescale, round_to_scale
from cyborg_utils.schema import Study


def essays_elsewhere(study: Study, name: str) -> pd.DataFrame:
    """The scored test essays of another study for this one's Students: `essay_id, text, score,
    split, prompt` and its groups, `split` being the study's name.

    Scores are laid on this study's scale, end on end, and rounded to a point of it.
    """
    other = load_study(name)
    corpus = load_corpus(other)
    test = corpus[corpus["split"] == "test"].dropna(subset="score")
    if "text" not in test:
        raise CorpusError(f"transfer: study {name} has no texts; it cannot be scored")
    score = rescale(test["score"].to_numpy(), other.corpus.scale, study.corpus.scale)
    columns = ["essay_id", "text", "prompt", *group_columns(corpus, other)]
    return test[columns].assign(score=round_to_scale(score, study.labels), split=name)


def transfer_findings(transferred: pd.DataFrame, gained: pd.DataFrame) -> list[str]:
    """How Students do on other corpora, in sentences."""
    lines = []
    for row in transferred.itertuples():
        lines.append(
            f"**{row.student}**, {row.series}: QWK {row.qwk:.3f} ({row.low:.3f} to "
            f"{row.high:.3f}) on the essays of {row.to}, {row.at_home:.3f} at home."
        )
    for row in gained.itertuples() if "gain" in gained else ():
        lines.append(
            f"On {row.to}, cyborg data moves **{row.student}** ({row.series}) by {row.gain:+.3f} "
            f"({row.gain_low:+.3f} to {row.gain_high:+.3f}) against human labels only."
        )
    return lines


def left_out_findings(left_out: pd.DataFrame) -> list[str]:
    """What it costs never to have seen a prompt, in sentences."""
    if left_out.empty:
        return []
    whole = left_out[
        (left_out["statistic"] == "qwk") & (left_out["prompt"] == "all left-out prompts")
    ]
    return [
        f"**{row.student}**, {row.series}: on prompts that it never saw QWK is {row.a:.3f}, "
        f"against {row.b:.3f} where the prompt was in training ({row.difference:+.3f}, 95 % "
        f"{row.low:+.3f} to {row.high:+.3f})."
        for row in whole.itertuples()
    ]
