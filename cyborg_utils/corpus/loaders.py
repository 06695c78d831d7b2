"""Read and check corpora; split them; draw the hand-scored subset U.

Every corpus becomes one frame, one row an essay, with the columns
`essay_id, text, score, split, prompt` and the demographic groups. `score` is missing (NaN) for
an essay that nobody scored. Simulated and two-rater corpora add `score_2` and `true_score`, and
traits that a study asks for are a column each, under the trait's name.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cyborg_utils.corpus.columns import NO_PROMPT, group_columns
from cyborg_utils.corpus.dataset_loader import dataset_name, read_splits
from cyborg_utils.corpus.sampling import assign_splits
from cyborg_utils.corpus.simulation.generator import simulate_corpus, simulated_unlabelled
from cyborg_utils.corpus.table_files import (
    check_columns,
    check_file,
    numbers,
    read_declared,
)
from cyborg_utils.corpus.validation import SPLITS, CorpusError, check_corpus
from cyborg_utils.statistics.scales import rescale, round_to_scale
from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import shown_path, working_folder
from cyborg_utils.study.schema.columns import Columns, ScoreColumns
from cyborg_utils.study.schema.corpora import (
    Asap1Corpus,
    DatasetCorpus,
    EssayCorpus,
    EssayFiles,
    PredictionsCorpus,
    PublishedCorpus,
    SimulatedCorpus,
    remedy_for_missing,
)
from cyborg_utils.study.schema.study import Study

EXTERNAL_SEED = 500_000


def load_corpus(study: Study) -> pd.DataFrame:
    """Read, split and check the corpus of a study.

    Returns
    -------
    frame with one row an essay, sorted by split and id: `essay_id, text, score, split, prompt`,
    the groups, `score_2`, `true_score` where known, and a float column for each trait of the
    study. `split` is train, dev or test; unscored essays belong to train. Predictions have no
    text, are all of test, and add a column of continuous scores for each machine.

    Raises
    ------
    CorpusError
        All faults at once: how many, the first few, the remedy.
    """
    spec = study.corpus
    match spec:
        case SimulatedCorpus():
            frame = _simulated(spec)
        case PredictionsCorpus():
            frame = _read_predictions(spec)
        case _:
            frame = _read_essays(spec)
    frame = frame.astype(dict.fromkeys(spec.trait_names, float))
    judged = study.evaluation.has_test_set
    check_corpus(frame, spec.scale.labels, study.arms, study.machines, spec.trait_names, judged)
    order = pd.Categorical(frame["split"], SPLITS, ordered=True)
    frame = frame.assign(_order=order).sort_values(["_order", "essay_id"], kind="stable")
    return frame.drop(columns="_order").reset_index(drop=True)


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
        extra = simulated_unlabelled(spec.n_unscored, spec.seed, spec.n_prompts, spec.planted_bias)
        frame = pd.concat([frame, extra.assign(split="train")], ignore_index=True)
    return frame


def external_graded_corpus(spec: SimulatedCorpus, n_essays: int) -> pd.DataFrame | None:
    """Essays of another simulated testing programme: other writers and raters, two more prompts,
    grades 1 to 4. Columns `text` and `grade`; None where none are asked for.
    """
    if not n_essays:
        return None
    frame = simulate_corpus(n_essays, EXTERNAL_SEED + spec.seed, (1, 4), 6, spec.planted_bias)
    return frame[["text", "score"]].rename(columns={"score": "grade"})


# ---------------------------------------------------------------- files


def _read_essays(spec: EssayCorpus) -> pd.DataFrame:
    named = _published if isinstance(spec, PublishedCorpus) else _mapped
    frames = []
    for part, source, raw in _raw_parts(spec):
        if part == "unscored":
            raw = raw.assign(**dict.fromkeys(spec.columns.scores))
        frames.append(named(raw, spec.columns, source).assign(file_split=part))
    frame = pd.concat(frames, ignore_index=True)
    if isinstance(spec, Asap1Corpus):
        frame = _on_one_scale(frame, spec)
    return assign_splits(frame, spec)


def _raw_parts(spec: EssayCorpus) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """The rows of each file, or split of a dataset: its part, its name in messages, the rows."""
    if isinstance(spec, DatasetCorpus):
        splits = read_splits(spec, _mapping(spec.columns).values())
        for part, names in spec.splits:
            for name in names:
                yield part, f"{dataset_name(spec)}, split {name!r}", splits[name]
        return
    for part, names in spec.files:
        for name in names:
            yield part, *_read_file(name, f"corpus.files.{part}", spec)


def _read_predictions(spec: PredictionsCorpus) -> pd.DataFrame:
    source, raw = _read_file(spec.file, "corpus.file", spec)
    return _mapped(raw, spec.columns, source).assign(split="test")


def _read_file(name: str, key: str, spec: EssayFiles | PredictionsCorpus):
    """A file's name in messages, and its rows; `key` of the study's YAML names it."""
    path = working_folder() / name
    check_file(path, remedy_for_missing(spec, key))
    columns = _mapping(spec.columns).values()
    return shown_path(path), read_declared(path, spec.encoding, spec.separator, columns)


def _published(raw: pd.DataFrame, columns: Columns, source: str) -> pd.DataFrame:
    """The columns of a published file, each essay once; rows without any value are left out.

    PERSUADE's discourse-element file has a row for each element, and calls its id `essay_id`.
    """
    if columns.id not in raw and "essay_id" in raw:
        raw = raw.rename(columns={"essay_id": columns.id})
    if columns.split not in raw:
        columns = columns.model_copy(update={"split": None})
    frame = _mapped(raw.dropna(how="all"), columns, source)
    if "discourse_id" in raw or "discourse_text" in raw:
        frame = frame.drop_duplicates()
    return frame


def _on_one_scale(frame: pd.DataFrame, spec: Asap1Corpus) -> pd.DataFrame:
    """The essays of the sets asked for, their scores moved from each set's scale to the study's."""
    number = pd.to_numeric(frame["prompt"], errors="coerce")
    if absent := sorted(set(spec.sets) - set(number)):
        raise CorpusError(
            f"corpus.files hold no essays of set {absent[0]}; take it out of corpus.sets, or name "
            "a file that has some"
        )
    columns = dict(zip(("score", "score_2"), spec.columns.scores, strict=False))
    frame = frame.assign(prompt=number)[number.isin(spec.sets)].reset_index(drop=True)
    frame = frame.astype(dict.fromkeys(columns, float))
    for each, scale in spec.set_scales.items():
        for name, column in columns.items():
            scores = frame.loc[frame["prompt"] == each, name].dropna()
            off = scores[~scores.isin(scale.labels)]
            if len(off):
                first = ", ".join(f"{score:g}" for score in off.head(3))
                raise CorpusError(
                    f"column {column!r} has {len(off)} scores off the scale {scale.min:g} to "
                    f"{scale.max:g} of set {each} (first: {first}); correct them in the file"
                )
            if len(scores):
                moved = rescale(scores, scale, spec.scale)
                frame.loc[scores.index, name] = round_to_scale(moved, spec.scale.labels)
    return frame.assign(prompt=frame["prompt"].map("set {:g}".format))


def _mapping(columns: ScoreColumns) -> dict[str, str]:
    """Each column of a corpus that a column map names, and the column of the file."""
    single = {
        "essay_id": columns.id,
        "text": getattr(columns, "text", None),
        "score": columns.score,
        "score_2": columns.second_score,
        "prompt": columns.prompt,
        "split": getattr(columns, "split", None),
    }
    single = {name: column for name, column in single.items() if column}
    several = columns.groups | getattr(columns, "traits", {}) | getattr(columns, "machines", {})
    return single | several


def _mapped(raw: pd.DataFrame, columns: ScoreColumns, source: str) -> pd.DataFrame:
    """The columns of a file or dataset under the study's names."""
    wanted = _mapping(columns)
    check_columns(wanted.values(), raw, source, "corpus.columns")
    frame = pd.DataFrame({name: raw[column] for name, column in wanted.items()})
    more = getattr(columns, "traits", {}) | getattr(columns, "machines", {})
    for name in [name for name in wanted if name in ("score", "score_2", *more)]:
        frame[name] = numbers(raw[wanted[name]], source, "correct corpus.columns")
    for name in {"essay_id", "text"} & set(frame):
        frame[name] = frame[name].astype("string").astype(object)
    for name in columns.groups:
        if frame[name].dtype == object or pd.api.types.is_string_dtype(frame[name]):
            text = frame[name].astype("string").str.strip()
            frame[name] = text.mask(text == "").astype(object)
    frame["prompt"] = frame["prompt"].fillna("(missing)") if "prompt" in frame else NO_PROMPT
    return frame


def external_test_essays(study: Study, corpus: pd.DataFrame, name: str) -> pd.DataFrame:
    """The scored test essays of another study for this one's Students: `essay_id, text, score,
    split, prompt` and its groups, `split` being the study's name.

    Scores are laid on this study's scale, end on end, and rounded to a point of it. An essay whose
    text stands in `corpus`, this study's own, is left out: corpora share essays, as PERSUADE 2.0
    and ASAP 2.0 do.
    """
    other = load_study(name)
    if other.machines:
        raise CorpusError(f"transfer: study {name} has no texts that a Student could score")
    if not other.evaluation.has_test_set:
        raise CorpusError(
            f"transfer: study {name} has no test essays (evaluation.has_test_set: false)"
        )
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
