"""Splits of a corpus, the hand-scored subset U, and the label budget."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.corpus.validation import SPLITS, CorpusError
from cyborg_utils.study.schema.corpora import EssayCorpus
from cyborg_utils.study.schema.study import Study


def subset_size(fraction: float, n: int) -> int:
    """Number of essays in U: `fraction` of `n` scored train essays, half-even, at least one."""
    return max(1, int(np.round(fraction * n)))


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


def without_prompt(corpus: pd.DataFrame, study: Study, held_out: int | None) -> pd.DataFrame:
    """The corpus of a run with a held-out prompt: train and dev without its essays, test with its
    essays only. With None it is the whole corpus."""
    if held_out is None:
        return corpus
    prompt, prompts = study.sampling.held_out_prompts[held_out], corpus["prompt"]
    of_prompt = (prompts == prompt) & (corpus["split"] == "test")
    if not of_prompt.any():
        some = ", ".join(map(repr, prompts[corpus["split"] == "test"].unique()[:5]))
        raise CorpusError(
            f"sampling.held_out_prompts: no test essay answers the prompt {prompt!r}; some have "
            f"{some}"
        )
    return corpus[of_prompt | ((prompts != prompt) & (corpus["split"] != "test"))]


def label_budget(corpus: pd.DataFrame, n_subset: int) -> dict[str, int]:
    """Human scores that a study uses: U for training, dev for selection, and their sum."""
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


def assign_splits(frame: pd.DataFrame, spec: EssayCorpus) -> pd.DataFrame:
    """Assign `split`: by file, within train files by their split column; draw missing splits."""
    split = frame["file_split"].replace("unscored", "train")
    if "split" in frame:
        values = {s: s for s in SPLITS} | getattr(spec, "split_values", {})
        names = frame["split"].astype("string").str.lower()
        unknown = names.notna() & ~names.isin({k.lower() for k in values})
        if unknown.any():
            first = ", ".join(repr(v) for v in frame.loc[unknown, "split"].unique()[:3])
            remedy = (
                "map them in corpus.split_values"
                if hasattr(spec, "split_values")
                else "correct them, or let corpus.test_share draw the test essays"
            )
            raise CorpusError(
                f"column {spec.columns.split!r} has values that are not a split ({first}); {remedy}"
            )
        by_column = names.map({k.lower(): v for k, v in values.items()})
        applies = by_column.notna() & (frame["file_split"] == "train")
        split = by_column.where(applies, split).astype(object)
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
                f"dev_size {spec.dev_size} leaves none of the {len(scored)} scored train essays; "
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
