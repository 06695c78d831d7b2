"""The label ledger: U with its human scores, the rest of train with the Teacher's."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from cyborg_utils.corpus.columns import column, human_scores, of_trait, side_by_side
from cyborg_utils.labeling.strategies import apply_strategy
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.study import PseudoLabelStrategy, Study


def essays_to_label(corpus: pd.DataFrame, subset: pd.Index, study: Study) -> pd.DataFrame:
    """The train essays outside U that the Teacher scores.

    Their human score, where it exists, is withheld from the Teacher and the Student. Unscored
    essays are among them where the study sets `label_unscored`.
    """
    rest = corpus[(corpus["split"] == "train") & ~corpus["essay_id"].isin(subset)]
    if not study.corpus.label_unscored:
        rest = rest.dropna(subset="score")
    if rest.empty:
        raise ValueError(
            f"U has all {len(subset)} train essays: nothing is left for a Teacher to label; "
            "choose a smaller fraction"
        )
    return rest


def build_ledger(
    corpus: pd.DataFrame,
    subset: pd.Index,
    labeled: pd.DataFrame,
    scores: pd.DataFrame,
    traits: Sequence[str] = (HOLISTIC,),
) -> pd.DataFrame:
    """Merge human and Teacher labels into cyborg data.

    Parameters
    ----------
    subset : essay ids of U.
    labeled : the essays that the Teacher scored.
    scores : the Teacher's `score`, `continuous` and, where it has them, `linked_score` and
        `p_<label>`, one row per essay of `labeled`, in its order; the columns of a trait end in
        `:<trait>`.

    Returns
    -------
    frame `essay_id, label_source (human | teacher), score, expected, linked_score, p_<label>...`,
    and the last four again for each trait; sorted by id

    Raises
    ------
    ValueError
        Where an essay of dev or test, or of U, would be labeled by the Teacher.
    """
    split = corpus.set_index("essay_id")["split"]
    outside = labeled["essay_id"][(split.loc[labeled["essay_id"]] != "train").to_numpy()]
    if len(outside):
        raise ValueError(
            f"{len(outside)} dev or test essays in the ledger (first: {outside.iloc[0]!r})"
        )
    if labeled["essay_id"].isin(subset).any():
        raise ValueError("essays of U keep their human scores and are not labeled again")
    scored = [column("score", trait) for trait in traits]
    expected = [column("expected", trait) for trait in traits]
    linked = [name for t in traits if (name := column("linked_score", t)) in scores]
    human = human_scores(corpus, traits).set_index("essay_id").loc[subset, scored].astype(float)
    by_human = human.assign(**dict(zip(expected, human.to_numpy().T, strict=True)))
    by_human = by_human.assign(**{n: human[n.removeprefix("linked_")] for n in linked})
    by_human = by_human.rename_axis("essay_id").reset_index().assign(label_source="human")
    by_teacher = scores.rename(columns=lambda name: re.sub("^continuous", "expected", name)).assign(
        essay_id=labeled["essay_id"].to_numpy(), label_source="teacher"
    )
    ledger = pd.concat([by_human, by_teacher], ignore_index=True)
    pairs = [name for pair in zip(scored, expected, strict=True) for name in pair]
    probabilities = [name for name in ledger if name.startswith("p_")]
    ledger = ledger[["essay_id", "label_source", *pairs, *linked, *probabilities]]
    return ledger.sort_values("essay_id").reset_index(drop=True)


def training_labels(
    corpus: pd.DataFrame,
    arm: str,
    subset: pd.Index | None,
    ledger: pd.DataFrame | None,
    traits: Sequence[str] = (HOLISTIC,),
) -> pd.DataFrame:
    """What a Student of one arm is trained on: `essay_id, text, score, label_source`,
    `score:<trait>` for each trait, and `writer` where it is known.

    `human` is U alone, `cyborg` the ledger (with all its columns), `full` every human score of
    train.
    """
    train = corpus[corpus["split"] == "train"]
    known = [name for name in ("essay_id", "text", "writer") if name in train]
    if arm == "cyborg":
        return train[known].merge(ledger, on="essay_id", validate="one_to_one")
    chosen = (
        train[train["essay_id"].isin(subset)] if arm == "human" else train.dropna(subset="score")
    )
    scored = [column("score", trait) for trait in traits]
    chosen = human_scores(chosen, traits)[[*known, *scored]]
    return chosen.assign(label_source="human").reset_index(drop=True)


def weighted_labels(
    train: pd.DataFrame,
    strategy: PseudoLabelStrategy,
    labels: list,
    dev: pd.DataFrame,
    traits: Sequence[str],
) -> pd.DataFrame:
    """Cyborg data under one pseudo-label strategy: for each trait `score`, `weight` and, where the
    Student is trained on probabilities, `p_<label>`; without essays of which no label is used.

    Parameters
    ----------
    train : cyborg data of `training_labels`.
    dev : the Teacher's `continuous` and the human score `human` of dev, again for each trait.
    """
    by_trait = {
        trait: apply_strategy(of_trait(train, trait), strategy, labels, of_trait(dev, trait))
        for trait in traits
    }
    weighted = train[["essay_id", "text", "label_source"]].join(side_by_side(by_trait))
    used = weighted[[column("weight", trait) for trait in traits]].max(axis=1) > 0
    return weighted[used].reset_index(drop=True)


def predictions_frame(
    essays: pd.DataFrame, scored: pd.DataFrame, traits: Sequence[str]
) -> pd.DataFrame:
    """A model's output for essays next to the human scores: `essay_id, split, human, continuous,
    score` and `p_<label>` where it has them, the last four again for each trait.

    `scored` has one row per row of `essays`, in its order.
    """
    human = human_scores(essays, traits).reset_index(drop=True)
    names = {column("score", trait): column("human", trait) for trait in traits}
    human = human[["essay_id", "split", *names]].rename(columns=names)
    output = scored.drop(columns="truncated", errors="ignore").reset_index(drop=True)
    chosen = [c for c in output if ":" not in c or c.split(":")[1] in traits]
    return human.join(output[chosen])
