"""Splits of a corpus, the hand-scored subset U, and the label budget."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cyborg_utils.corpus.related_essays import LEFT_OUT, related
from cyborg_utils.corpus.validation import SPLITS, CorpusError
from cyborg_utils.study.schema.corpora import EssayCorpus
from cyborg_utils.study.schema.study import Study


def subset_size(fraction: float, n: int) -> int:
    """Number of essays in U: `fraction` of `n` scored train essays, half-even, at least one."""
    return max(1, int(np.round(fraction * n)))


def draw_subset(corpus: pd.DataFrame, fraction: float, draw: int) -> pd.Index:
    """Draw U, the hand-scored subset of train.

    Within one draw the subsets are nested: U at 5 % lies inside U at 10 %. Essays of one text or
    writer may be in U and among the essays that a Teacher labels: neither is evaluated.

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
    """The human scores that each size of U costs, in essays, hours and money.

    Returns
    -------
    frame, one row per size of U: `fraction, train, dev, total` (of `label_budget`), `test`,
    `second` (second scores of these essays, on average over the draws), `all` (their sum), and
    `hours` and `price` where `study.cost` gives the minutes and the price of a score
    """
    scored = corpus.dropna(subset="score")
    twice = scored["score_2"].notna() if "score_2" in scored else pd.Series(False, scored.index)
    fixed = scored["split"].isin(["dev", "test"])
    rows = []
    for fraction in study.sampling.fractions:
        drawn = [draw_subset(corpus, fraction, draw) for draw in study.sampling.draws]
        budget = label_budget(corpus, len(drawn[0]))
        second = np.mean([(twice & (fixed | scored["essay_id"].isin(ids))).sum() for ids in drawn])
        others = {"test": int((scored["split"] == "test").sum()), "second": round(second)}
        n = budget["total"] + sum(others.values())
        rows.append({"fraction": fraction, **budget, **others, "all": n, **study.cost.of(n)})
    return pd.DataFrame(rows)


def assign_splits(frame: pd.DataFrame, spec: EssayCorpus) -> pd.DataFrame:
    """Assign `split`: by file, within train files by their split column; draw missing splits.

    A drawn split keeps essays of one text or writer together. Unscored essays with the text or the
    writer of a drawn essay are left out, and counted in `attrs`.
    """
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
    rng = np.random.default_rng([spec.seed, 7])
    if spec.test_share and not (frame["split"] == "test").any():
        n_test = round(spec.test_share * len(_scored_train(frame)))
        frame = _draw(frame, "test", n_test, "corpus.test_share", rng)
    if not (frame["split"] == "dev").any():
        scored = _scored_train(frame)
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
        frame = _draw(frame, "dev", spec.dev_size, "corpus.dev_size", rng)
    if spec.max_train:
        scored = _scored_train(frame)
        surplus = _some(scored, max(0, len(scored) - spec.max_train), rng)
        frame = frame.drop(index=surplus)
    return frame


def _scored_train(frame: pd.DataFrame) -> pd.Index:
    return frame.index[(frame["split"] == "train") & frame["score"].notna()]


def _draw(
    frame: pd.DataFrame, split: str, n: int, key: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Move `n` scored train essays to a split, at most; whole clusters where single essays would
    part what belongs together."""
    scored, clusters = _scored_train(frame), related(frame)
    drawn = pd.Index(_some(scored, n, rng))
    if clusters[drawn].isin(clusters[scored.difference(drawn)]).any():
        sizes = clusters[scored].value_counts(sort=False)
        sizes = sizes.iloc[rng.permutation(len(sizes))]
        chosen, free = [], n
        for cluster, size in sizes.items():
            if size <= free:
                chosen.append(cluster)
                free -= size
        drawn = scored[clusters[scored].isin(chosen)]
        if drawn.empty:
            remedy = ", or remove corpus.columns.writer" * ("writer" in frame)
            raise CorpusError(
                f"{key} is {n} essays for {split}, but each text or writer has more: raise "
                f"it{remedy}"
            )
    frame.loc[drawn, "split"] = split
    unscored = frame["score"].isna() & clusters.isin(clusters[drawn])
    if unscored.any():
        left_out = frame.attrs.get(LEFT_OUT, 0) + int(unscored.sum())
        frame = frame[~unscored].copy()
        frame.attrs[LEFT_OUT] = left_out
    return frame


def _some(index: pd.Index, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(index.to_numpy(), size=min(n, len(index)), replace=False)
