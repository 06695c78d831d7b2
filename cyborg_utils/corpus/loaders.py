"""Read the corpus of a study and put it into one form.

Every corpus becomes one frame, one row per essay, with the columns
`essay_id, text, score, split, prompt` and the demographic groups. `score` is missing (NaN) for an
unscored essay. Two-rater corpora add `score_2`, simulated ones `true_score` too, and each trait of
the study is a column under its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from cyborg_utils.corpus.asap1 import on_one_scale, trait_rows, with_traits
from cyborg_utils.corpus.column_names import named_like_probability
from cyborg_utils.corpus.columns import group_columns
from cyborg_utils.corpus.corpus_files import Source, mapped, mapped_columns, read_file
from cyborg_utils.corpus.dataset_loader import dataset_name, read_splits
from cyborg_utils.corpus.essay_br import with_competences
from cyborg_utils.corpus.related_essays import surplus_copies
from cyborg_utils.corpus.sampling import assign_splits
from cyborg_utils.corpus.score_scales import on_points
from cyborg_utils.corpus.simulation.generator import simulate_corpus, simulate_unscored
from cyborg_utils.corpus.text_screening import is_blank
from cyborg_utils.corpus.validation import SPLITS, CorpusError, check_corpus
from cyborg_utils.statistics.scales import rescale, round_to_scale
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.columns import Columns
from cyborg_utils.study.schema.corpora import (
    Asap1Corpus,
    DatasetCorpus,
    EssayCorpus,
    PredictionsCorpus,
    PublishedCorpus,
    SimulatedCorpus,
)
from cyborg_utils.study.schema.study import Study

EXTERNAL_SEED = 500_000


def load_corpus(study: Study) -> pd.DataFrame:
    """Read, split and check the corpus of a study.

    Returns
    -------
    frame with one row per essay, sorted by split and id: `essay_id, text, score, split, prompt`,
    the groups, `score_2`, `true_score`, `writer` where known, and a float column for each trait of
    the study. `split` is train, dev or test; unscored essays belong to train. Predictions have no
    text, belong to test, and add a column of continuous scores for each machine. Its
    `attrs["notes"]` are sentences on what was detected, mended and left out when files were read.

    Raises
    ------
    CorpusError
        All faults at once, each with its count, the first few rows and the remedy.
    """
    spec = study.corpus
    match spec:
        case SimulatedCorpus():
            frame, notes = _simulated(spec), []
        case PredictionsCorpus():
            frame, notes = _read_predictions(spec)
        case _:
            frame, notes = _read_essays(spec)
    frame = frame.astype(dict.fromkeys(spec.trait_names, float))
    check_corpus(
        frame,
        spec.scale.labels,
        study.arms,
        study.machines,
        spec.trait_names,
        study.evaluation.has_test_set,
        getattr(spec, "blanks", "refuse") == "lowest",
    )
    order = pd.Categorical(frame["split"], SPLITS, ordered=True)
    frame = frame.assign(_order=order).sort_values(["_order", "essay_id"], kind="stable")
    frame = frame.drop(columns="_order").reset_index(drop=True)
    frame.attrs["notes"] = notes
    return frame


# ---------------------------------------------------------------- simulated


def _simulated(spec: SimulatedCorpus) -> pd.DataFrame:
    options = {
        "scale": (int(spec.scale.min), int(spec.scale.max)),
        "n_prompts": spec.n_prompts,
        "planted_bias": spec.planted_bias,
        "traits": tuple(spec.traits),
    }
    sizes = {"train": spec.n_train, "dev": spec.n_dev, "test": spec.n_test}
    frame = simulate_corpus(sum(sizes.values()), spec.seed, **options)
    frame["split"] = np.repeat(list(sizes), list(sizes.values()))
    if spec.n_unscored:
        extra = simulate_unscored(spec.n_unscored, spec.seed, spec.n_prompts, spec.planted_bias)
        frame = pd.concat([frame, extra.assign(split="train")], ignore_index=True)
    return frame


def external_graded_corpus(spec: SimulatedCorpus, n_essays: int) -> pd.DataFrame | None:
    """Essays of another simulated testing program: other examinees and raters, two more prompts,
    grades 1 to 4. Columns `text` and `grade`; None for no essays.
    """
    if not n_essays:
        return None
    frame = simulate_corpus(n_essays, EXTERNAL_SEED + spec.seed, (1, 4), 6, spec.planted_bias)
    return frame[["text", "score"]].rename(columns={"score": "grade"})


# ---------------------------------------------------------------- files


def _read_essays(spec: EssayCorpus) -> tuple[pd.DataFrame, list[str]]:
    rename = _published if isinstance(spec, PublishedCorpus) else mapped
    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    for split, source in _sources(spec, notes):
        if split == "unscored":
            unscored = source.rows.assign(**dict.fromkeys(spec.columns.scores))
            source = replace(source, rows=unscored)
        frames.append(rename(source, spec, spec.columns, notes).assign(file_split=split))
    frame = on_points(pd.concat(frames, ignore_index=True), spec)
    if isinstance(spec, Asap1Corpus):
        frame = on_one_scale(frame, spec)
    frame = _without_blanks(frame, spec, notes)
    if getattr(spec, "duplicates", "keep") == "drop":
        copies = surplus_copies(frame["text"], frame["score"])
        notes.append(f"{copies.sum():,} copies of other essays: left out")
        frame = frame[~copies].reset_index(drop=True)
    return assign_splits(frame, spec), notes


def _read_predictions(spec: PredictionsCorpus) -> tuple[pd.DataFrame, list[str]]:
    notes: list[str] = []
    source = read_file(spec.file, "corpus.file", spec, notes)
    frame = mapped(source, spec, spec.columns, notes).assign(split="test")
    used = mapped_columns(spec.columns).values()
    rest = [column for column in source.rows if column not in used]
    if likely := not spec.columns.probability and named_like_probability(rest):
        notes.append(
            f"column {likely[0]!r} is named like a sampling probability or weight, and is not "
            "used: all essays count the same. If people did not score a simple random sample, name "
            "the column of probabilities (1 / weight) in corpus.columns.probability"
        )
    return frame, notes


def _sources(spec: EssayCorpus, notes: list[str]) -> Iterator[tuple[str, Source]]:
    """Each file, or split of a dataset, and its split in the study."""
    if isinstance(spec, DatasetCorpus):
        frames = read_splits(spec, mapped_columns(spec.columns).values())
        for split, names in spec.splits:
            for name in names:
                source = f"{dataset_name(spec)}, split {name!r}"
                yield split, Source(source, name, frames[name])
        return
    traits = trait_rows(spec, notes) if isinstance(spec, Asap1Corpus) else None
    for split, names in spec.files:
        for name in names:
            source = read_file(name, f"corpus.files.{split}", spec, notes)
            if traits is not None and split != "unscored":
                source = with_traits(source, spec, traits)
            yield split, source


def _published(
    source: Source, spec: PublishedCorpus, columns: Columns, notes: list[str]
) -> pd.DataFrame:
    """The columns of a published file, one row per essay.

    PERSUADE's discourse-element file has one row per element, and names its id `essay_id`.
    """
    if spec.kind == "essay-br":
        source = with_competences(source, columns)
    rows = source.rows
    if columns.id and columns.id not in rows and "essay_id" in rows:
        rows = rows.rename(columns={"essay_id": columns.id})
    if columns.split not in rows:
        columns = columns.model_copy(update={"split": None})
    frame = mapped(replace(source, rows=rows), spec, columns, notes)
    if "discourse_id" in rows or "discourse_text" in rows:
        frame = frame.drop_duplicates()
        notes.append(f"{source.short_name}: one row per discourse element, {len(frame):,} essays")
    return frame


def _without_blanks(frame: pd.DataFrame, spec: EssayCorpus, notes: list[str]) -> pd.DataFrame:
    """The essays after `corpus.blanks`: without those of an empty text, or with their lowest
    score."""
    blank = frame["text"].fillna("").map(is_blank)
    if spec.blanks == "refuse" or not blank.any():
        return frame
    n, n_scored = int(blank.sum()), int(frame.loc[blank, "score"].notna().sum())
    what = f"{n:,} essays have an empty text, {n_scored:,} of them with a score"
    if spec.blanks == "drop":
        notes.append(f"{what}: left out")
        return frame[~blank].reset_index(drop=True)
    lowest = spec.scale.labels[0]
    notes.append(f"{what}: scored {lowest:g}, the lowest score")
    frame.loc[blank, ["score", *spec.trait_names]] = lowest
    return frame.assign(text=frame["text"].fillna(""))


def external_test_essays(study: Study, corpus: pd.DataFrame, name: str) -> pd.DataFrame:
    """The scored test essays of an external corpus, another study's, for this one's Students:
    `essay_id, text, score, split, prompt` and its groups; `split` is that study's name.

    Scores are rescaled linearly (min-max) to this study's scale and rounded to its points. Essays
    whose text is also in `corpus`, this study's, are excluded: some corpora share essays, such as
    PERSUADE 2.0 and ASAP 2.0.
    """
    other = load_study(name)
    if other.machines:
        raise CorpusError(
            f"transfer: study {name} has no texts that a Student could score; name another study"
        )
    if not other.evaluation.has_test_set:
        raise CorpusError(
            f"transfer: study {name} has no test essays (evaluation.has_test_set: false); name "
            "another study"
        )
    external = load_corpus(other)
    test = external[(external["split"] == "test")].dropna(subset="score")
    test = test[~_plain(test["text"]).isin(set(_plain(corpus["text"])))]
    if test.empty:
        raise CorpusError(
            f"transfer: all test essays of study {name} are in {study.name} too; name another study"
        )
    score = rescale(test["score"].to_numpy(), other.corpus.scale, study.corpus.scale)
    columns = ["essay_id", "text", "prompt", *group_columns(external, other)]
    return test[columns].assign(score=round_to_scale(score, study.labels), split=name)


def _plain(texts: pd.Series) -> pd.Series:
    return texts.str.lower().str.replace(r"\W+", " ", regex=True).str.strip()
