"""Essays of other corpora, for Students that never saw one like them."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.corpus import CorpusError, group_columns, load_corpus
from cyborg_utils.params import load_study
from cyborg_utils.scale import rescale, round_to_scale
from cyborg_utils.schema import Study


def essays_elsewhere(study: Study, corpus: pd.DataFrame, name: str) -> pd.DataFrame:
    """The scored test essays of another study for this one's Students: `essay_id, text, score,
    split, prompt` and its groups, `split` being the study's name.

    Scores are laid on this study's scale, end on end, and rounded to a point of it. An essay whose
    text stands in `corpus`, this study's own, is left out: corpora share essays, as PERSUADE 2.0
    and ASAP 2.0 do.
    """
    other = load_study(name)
    if other.machines:
        raise CorpusError(f"transfer: study {name} has no texts that a Student could score")
    if not other.evaluation.judged:
        raise CorpusError(f"transfer: study {name} has no test essays (evaluation.judged: false)")
    found = load_corpus(other)
    test = found[(found["split"] == "test")].dropna(subset="score")
    test = test[~_plain(test["text"]).isin(set(_plain(corpus["text"])))]
    if test.empty:
        raise CorpusError(f"transfer: all test essays of study {name} stand in {study.name} too")
    score = rescale(test["score"].to_numpy(), other.corpus.scale, study.corpus.scale)
    columns = ["essay_id", "text", "prompt", *group_columns(found, other)]
    return test[columns].assign(score=round_to_scale(score, study.labels), split=name)


def _plain(texts: pd.Series) -> pd.Series:
    return texts.str.lower().str.replace(r"\W+", " ", regex=True).str.strip()


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
            f"On {row.to} cyborg data moves **{row.student}** ({row.series}) by {row.gain:+.3f} "
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
