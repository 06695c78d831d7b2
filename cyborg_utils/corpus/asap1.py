"""ASAP 1.0: sets of essays on several scales, and the trait scores of ASAP++."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from cyborg_utils.corpus.corpus_files import Source, mapped_columns, read_file
from cyborg_utils.corpus.score_scales import to_scale
from cyborg_utils.corpus.table_files import check_columns
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.study.schema.corpora import Asap1Corpus

ESSAY = "Essay ID"  # of ASAP++; `EssayID` in the file of set 1


def trait_rows(spec: Asap1Corpus, notes: list[str]) -> pd.DataFrame | None:
    """The trait scores of ASAP++, by essay id; None for a study without traits."""
    frames = []
    as_found = spec.model_copy(update=dict.fromkeys(("encoding", "separator", "quoting")))
    for name in spec.trait_files:
        source = read_file(name, "corpus.trait_files", as_found, notes)
        rows = source.rows.rename(columns={"EssayID": ESSAY})
        columns = [ESSAY, *spec.columns.traits.values()]
        check_columns(columns, rows, source.name, "corpus.traits")
        frames.append(rows[columns])
    if not frames:
        return None
    rows = pd.concat(frames)
    if repeated := rows[ESSAY][rows[ESSAY].duplicated()].tolist():
        raise CorpusError(
            f"corpus.trait_files have essay {repeated[0]!r} more than once: name each file of "
            "ASAP++ once"
        )
    return rows.set_index(ESSAY)


def with_traits(source: Source, spec: Asap1Corpus, traits: pd.DataFrame) -> Source:
    """The essays of a file with their trait scores, missing where ASAP++ has none."""
    check_columns([spec.columns.id], source.rows, source.name, "corpus.columns")
    scores = traits.reindex(source.rows[spec.columns.id]).set_axis(source.rows.index)
    return replace(source, rows=source.rows.assign(**scores))


def on_one_scale(frame: pd.DataFrame, spec: Asap1Corpus) -> pd.DataFrame:
    """The essays of the study's sets, with scores rescaled from each set's scale to the study's."""
    number = pd.to_numeric(frame["prompt"], errors="coerce")
    if absent := sorted(set(spec.sets) - set(number)):
        raise CorpusError(
            f"corpus.files have no essays of set {absent[0]}; remove it from corpus.sets, or name "
            "a file that has some"
        )
    frame = frame.assign(prompt=number)[number.isin(spec.sets)].reset_index(drop=True)
    names = ["score", *(["score_2"] if spec.columns.second_score else [])]
    columns = dict.fromkeys(names, spec.set_scales) | dict.fromkeys(
        spec.traits, spec.trait_set_scales
    )
    frame = frame.astype(dict.fromkeys(columns, float))
    for name, scales in columns.items():
        for set_number, scale in scales.items():
            of_set = frame["prompt"] == set_number
            source = f"column {mapped_columns(spec.columns)[name]!r}, set {set_number}"
            frame.loc[of_set, name] = to_scale(
                frame.loc[of_set, name], scale, spec.scale, source, "correct them in the file"
            )
    return frame.assign(prompt=frame["prompt"].map("set {:g}".format))
