"""Read and check corpora; split them; draw the hand-scored subset U.

Every corpus becomes one frame, one row an essay, with the columns
`essay_id, text, score, split, prompt` and the demographic groups. `score` is missing (NaN) for
an essay that nobody scored. Simulated and two-rater corpora add `score_2` and `true_score`, and
traits that a study asks for are a column each, under the trait's name.
"""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.corpus.columns import NO_PROMPT, group_columns
from cyborg_utils.corpus.csv_files import UTF_16, beginning, no_table
from cyborg_utils.corpus.sampling import assign_splits
from cyborg_utils.corpus.simulation.generator import simulate_corpus, simulated_unlabelled
from cyborg_utils.corpus.validation import SPLITS, CorpusError, check_corpus
from cyborg_utils.statistics.scales import rescale, round_to_scale
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import ROOT
from cyborg_utils.study.schema.corpora import (
    Asap1Corpus,
    Columns,
    EssayFiles,
    PredictionsCorpus,
    PublishedCorpus,
    ScoreColumns,
    SimulatedCorpus,
    remedy_for_missing,
)
from cyborg_utils.study.schema.study import Study

OTHER_PROGRAMME_SEED = 500_000


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
    judged = study.evaluation.judged
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


def other_programme(spec: SimulatedCorpus, n_essays: int) -> pd.DataFrame | None:
    """Essays of another simulated testing programme: other writers and raters, two more prompts,
    grades 1 to 4. Columns `text` and `grade`; None where none are asked for.
    """
    if not n_essays:
        return None
    frame = simulate_corpus(
        n_essays, OTHER_PROGRAMME_SEED + spec.seed, (1, 4), 6, spec.planted_bias
    )
    return frame[["text", "score"]].rename(columns={"score": "grade"})


# ---------------------------------------------------------------- files


def _read_essays(spec: EssayFiles) -> pd.DataFrame:
    read = _published if isinstance(spec, PublishedCorpus) else _mapped
    parts = []
    for part, names in spec.files:
        for name in names:
            path = _path(name)
            raw = _read_file(path, spec)
            if part == "unscored":
                raw = raw.assign(**dict.fromkeys(spec.columns.scores))
            parts.append(read(raw, spec.columns, path).assign(file_split=part))
    frame = pd.concat(parts, ignore_index=True)
    if isinstance(spec, Asap1Corpus):
        frame = _on_one_scale(frame, spec)
    return assign_splits(frame, spec)


def _read_predictions(spec: PredictionsCorpus) -> pd.DataFrame:
    path = _path(spec.file)
    raw = _read_file(path, spec)
    frame = _mapped(raw, spec.columns, path, spec.columns.machines)
    for name, column in spec.columns.machines.items():
        frame[name] = _numbers(frame[name], column, path)
    return frame.assign(split="test")


def _path(name: str) -> Path:
    return Path(name) if Path(name).is_absolute() else ROOT / name


def _read_file(path: Path, spec) -> pd.DataFrame:
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    if path.is_dir():
        raise CorpusError(f"{shown}: this is a folder; correct corpus.files in the study's YAML")
    if not path.is_file():
        raise CorpusError(f"{shown}: no such file; {remedy_for_missing(spec, 'corpus.files')}")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if fault := _no_table(path, spec):
            raise CorpusError(f"{shown}: {fault}")
        how = {"encoding": getattr(spec, "encoding", "utf-8"),
               "sep": getattr(spec, "separator", ","), "dtype": str}  # fmt: skip
        names = pd.read_csv(path, header=None, nrows=1, keep_default_na=False, **how)
        frame = pd.read_csv(path, keep_default_na=False, na_values=[""], **how)
        if fault := _not_one_cell_a_name(names.iloc[0].tolist(), frame, spec):
            raise CorpusError(f"{shown}: {fault}")
        return frame
    except CorpusError:
        raise
    except LookupError as error:
        raise CorpusError(
            f"{shown}: {error}; correct corpus.encoding (utf-8, latin-1 and cp1252 are usual)"
        ) from None
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{shown}: byte 0x{error.object[error.start]:02x} is not {error.encoding}; set "
            "corpus.encoding "
            "(latin-1 and cp1252 are the usual ones) or save the file as UTF-8"
        ) from None
    except pd.errors.EmptyDataError:
        raise CorpusError(
            f"{shown}: not readable as a table: it is empty; name another file in the study's YAML"
        ) from None
    except pd.errors.ParserError as error:
        raise CorpusError(
            f"{shown}: not readable as a table: {' '.join(str(error).split())}; put texts that "
            "contain the separator, a quote or a line break in double quotes, or correct "
            "corpus.separator"
        ) from None
    except (OSError, EOFError, ValueError) as error:
        raise CorpusError(
            f"{shown}: not readable as a {path.suffix.lstrip('.')} file "
            f"({str(error).splitlines()[0]}); is it whole, and is its ending right?"
        ) from None


def _no_table(path: Path, spec) -> str | None:
    """Why a file's first bytes are not those of a table in the study's encoding."""
    start = beginning(path)
    if start[:2] in UTF_16 and not codecs.lookup(
        getattr(spec, "encoding", "utf-8")
    ).name.startswith("utf-16"):
        return "this is UTF-16; set corpus.encoding to utf-16, or save the file as UTF-8"
    return no_table(start, path)


def _not_one_cell_a_name(names: list[str], frame: pd.DataFrame, spec) -> str | None:
    """Why cells cannot be told to the columns that the study reads."""
    given = json.dumps(spec.columns.model_dump())
    for name in names:
        if names.count(name) > 1 and json.dumps(name) in given:
            return f"two columns are called {name!r}; rename one of them"
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the surplus as an index
        return (
            "rows have more cells than the first line has names; put texts that contain the "
            "separator in double quotes, and name every column"
        )
    return "there is no row below the column names; give it some" if frame.empty else None


def _published(raw: pd.DataFrame, columns: Columns, path: Path) -> pd.DataFrame:
    """The columns of a published file, each essay once; rows without any value are left out.

    PERSUADE's discourse-element file has a row for each element, and calls its id `essay_id`.
    """
    if columns.id not in raw and "essay_id" in raw:
        raw = raw.rename(columns={"essay_id": columns.id})
    if columns.split not in raw:
        columns = columns.model_copy(update={"split": None})
    frame = _mapped(raw.dropna(how="all"), columns, path)
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


def _mapped(raw: pd.DataFrame, columns: ScoreColumns, path: Path, more=None) -> pd.DataFrame:
    """The columns under the study's names; `more` are further ones, name to column."""
    wanted = {
        "essay_id": columns.id,
        "text": getattr(columns, "text", None),
        "score": columns.score,
        "score_2": columns.second_score,
        "prompt": columns.prompt,
        "split": getattr(columns, "split", None),
    }
    traits = getattr(columns, "traits", {})
    wanted = {k: v for k, v in wanted.items() if v} | columns.groups | traits | (more or {})
    missing = [v for v in wanted.values() if v not in raw]
    if missing:
        raise CorpusError(
            f"{path.name}: no column {', '.join(map(repr, missing))}; "
            f"the file has {', '.join(map(repr, raw.columns))}"
        )
    frame = pd.DataFrame({name: raw[column] for name, column in wanted.items()})
    for name in {"score", "score_2", *traits} & set(frame):
        frame[name] = _numbers(frame[name], wanted[name], path)
    for name in {"essay_id", "text"} & set(frame):
        frame[name] = frame[name].astype("string").astype(object)
    for name in columns.groups:
        if frame[name].dtype == object or pd.api.types.is_string_dtype(frame[name]):
            text = frame[name].astype("string").str.strip()
            frame[name] = text.mask(text == "").astype(object)
    frame["prompt"] = frame["prompt"].fillna("(missing)") if "prompt" in frame else NO_PROMPT
    return frame


def _numbers(values: pd.Series, column: str, path: Path) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    numbers = numbers.mask(np.isinf(numbers))
    bad = numbers.isna() & values.notna() & (values.astype(str).str.strip() != "")
    if bad.any():
        first = ", ".join(repr(v) for v in values[bad].head(3).tolist())
        raise CorpusError(
            f"{path.name}: column {column!r} has {int(bad.sum())} values that are no numbers "
            f"(first: {first}); leave the cell empty where an essay has no score"
        )
    return numbers


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
