"""Read and check corpora; split them; draw the hand-scored subset U.

Every corpus becomes one frame, one row an essay, with the columns
`essay_id, text, score, split, prompt` and the demographic groups. `score` is missing (NaN) for
an essay that nobody scored. Simulated and two-rater corpora add `score_2` and `true_score`, and
traits that a study asks for are a column each, under the trait's name.
"""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.corpus_checks import SPLITS, CorpusError, check_corpus
from cyborg_utils.scale import rescale, round_to_scale
from cyborg_utils.schema import Study, subset_size
from cyborg_utils.schema_basis import ROOT
from cyborg_utils.schema_corpora import PERSUADE_GROUPS as PERSUADE_GROUPS
from cyborg_utils.schema_corpora import (
    Asap1Corpus,
    Columns,
    EssayFiles,
    PredictionsCorpus,
    PublishedCorpus,
    ScoreColumns,
    SimulatedCorpus,
    TableCorpus,
    remedy_for_missing,
)
from cyborg_utils.simulate import simulate_corpus, simulated_unlabelled
from cyborg_utils.tables import UTF_16, beginning, no_table

NO_PROMPT = "(one prompt)"  # where a file names none
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


def not_compared_note(study: Study, corpus: pd.DataFrame) -> str | None:
    """Which essays of a file of machine scores are compared, in one sentence; None where all."""
    lacking = {"people": corpus["score"].isna()} if study.machines else {}
    lacking |= {name: corpus[name].isna() for name in study.machines}
    told = ", ".join(f"{n.sum():,} by {who}" for who, n in lacking.items() if n.any())
    if not told:
        return None
    kept = len(corpus) - pd.DataFrame(lacking).any(axis=1).sum()
    return (
        f"Of {len(corpus):,} essays some have no score ({told}). Machines are compared on the "
        f"{kept:,} that all have scored."
    )


def not_scored_note(study: Study, corpus: pd.DataFrame) -> str | None:
    """What cannot be known of train essays that nobody scored; None where all are scored."""
    scored = corpus["score"].notna().groupby(corpus["split"]).agg(["sum", "size"])
    if study.machines or scored.loc["train", "sum"] == scored.loc["train", "size"]:
        return None
    n, known = scored.loc["train", "size"], scored["sum"]
    judged_on = f"known from {known['dev']:,} dev and {known.get('test', 0):,} test essays alone."
    if not study.evaluation.judged:
        judged_on = f"not known: there are {known['dev']:,} dev essays and no test essays."
    return (
        f"{n - known['train']:,} of {n:,} train essays have no human score. A Teacher scores them; "
        "what people would have given them is not known, so nothing is learnt from it or compared "
        f"with it, and how well machines agree with people is {judged_on}"
    )


def no_test_set_note(study: Study) -> str | None:
    """That a study has no test part, and what follows, in Markdown; None where it has one."""
    if study.evaluation.judged:
        return None
    return (
        "**This study has no human-scored test essays** (`evaluation.judged: false`): nothing is "
        "known of how well a machine agrees with people on new essays, or of how fair it is."
    )


def draw_subset(corpus: pd.DataFrame, fraction: float, draw: int) -> pd.Index:
    """Draw U, the hand-scored subset of train.

    Within one draw the subsets are nested: U at 5 % lies inside U at 10 %.

    Returns
    -------
    essay ids of U, `round(fraction * n)` of the `n` scored train essays.
    """
    scored = corpus.query("split == 'train'").dropna(subset="score")
    ids = scored["essay_id"].sort_values().to_numpy()
    order = np.random.default_rng([20250328, draw]).permutation(len(ids))
    return pd.Index(ids[order[: subset_size(fraction, len(ids))]], name="essay_id")


def without_prompt(corpus: pd.DataFrame, study: Study, left_out: int | None) -> pd.DataFrame:
    """The corpus of one run that leaves a prompt out: train and dev without the prompt's essays,
    test with them alone. With None it is the whole corpus."""
    if left_out is None:
        return corpus
    prompt, known = study.sampling.leave_out[left_out], corpus["prompt"]
    mine = (known == prompt) & (corpus["split"] == "test")
    if not mine.any():
        some = ", ".join(map(repr, known[corpus["split"] == "test"].unique()[:5]))
        raise CorpusError(
            f"sampling.leave_out: no test essay answers the prompt {prompt!r}; some have {some}"
        )
    return corpus[mine | ((known != prompt) & (corpus["split"] != "test"))]


def label_budget(corpus: pd.DataFrame, n_subset: int) -> dict[str, int]:
    """Human scores that a study uses: U for training, dev for choosing, and their sum."""
    n_dev = int((corpus["split"] == "dev").sum())
    return {"train": int(n_subset), "dev": n_dev, "total": int(n_subset) + n_dev}


def label_budgets(corpus: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The label budget of every U of a study: `fraction, draw, train, dev, total`."""
    rows = [
        {"fraction": f, "draw": d, **label_budget(corpus, len(draw_subset(corpus, f, d)))}
        for f in study.sampling.fractions
        for d in study.sampling.draws
    ]
    return pd.DataFrame(rows)


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
    return _split(frame, spec)


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


def _split(frame: pd.DataFrame, spec: EssayFiles) -> pd.DataFrame:
    """Fill `split`: by the file, of train files by their split column; draw what is missing."""
    split = frame["file_split"].replace("unscored", "train")
    if "split" in frame:
        values = {s: s for s in SPLITS} | getattr(spec, "split_values", {})
        given = frame["split"].astype("string").str.lower()
        unknown = given.notna() & ~given.isin({k.lower() for k in values})
        if unknown.any():
            first = ", ".join(repr(v) for v in frame.loc[unknown, "split"].unique()[:3])
            remedy = (
                "say what they mean in corpus.split_values"
                if isinstance(spec, TableCorpus)
                else "correct them, or let corpus.test_share draw the test essays"
            )
            raise CorpusError(
                f"column {spec.columns.split!r} has values that are no split ({first}); {remedy}"
            )
        named = given.map({k.lower(): v for k, v in values.items()})
        decides = named.notna() & (frame["file_split"] == "train")
        split = named.where(decides, split).astype(object)
        frame = frame.drop(columns="split")
    frame = frame.drop(columns="file_split").assign(split=split)
    unscored = frame["score"].isna()
    rng = np.random.default_rng([spec.seed, 7])
    if spec.test_share and not (frame["split"] == "test").any():
        scored = frame.index[(frame["split"] == "train") & ~unscored]
        frame.loc[_some(scored, round(spec.test_share * len(scored)), rng), "split"] = "test"
    if not (frame["split"] == "dev").any():
        scored = frame.index[(frame["split"] == "train") & ~unscored]
        if len(scored) <= spec.dev_size:
            remedy = (
                "lower corpus.dev_size"
                if len(scored)
                else "name a train file that has some, or draw test with corpus.test_share"
            )
            raise CorpusError(
                f"dev_size {spec.dev_size} leaves nothing of {len(scored)} scored train essays; "
                f"{remedy}"
            )
        frame.loc[_some(scored, spec.dev_size, rng), "split"] = "dev"
    if spec.max_train:
        scored = frame.index[(frame["split"] == "train") & ~unscored]
        surplus = _some(scored, max(0, len(scored) - spec.max_train), rng)
        frame = frame.drop(index=surplus)
    return frame


def _some(index: pd.Index, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(index.to_numpy(), size=min(n, len(index)), replace=False)


def word_count(texts: pd.Series) -> pd.Series:
    """Number of words of each text: runs of letters, digits and apostrophes."""
    return texts.map(lambda text: len(re.findall(r"[\w'’]+", text)))
