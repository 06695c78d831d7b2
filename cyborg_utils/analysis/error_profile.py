"""How a machine errs: by human score point, at cut scores, against two ratings, by prompt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cyborg_utils.analysis.disclosure import shown_levels
from cyborg_utils.analysis.measures import evaluation_rules, human_mean, second_scores
from cyborg_utils.analysis.predictions import RUN, weights_of, with_fields
from cyborg_utils.analysis.run_estimates import estimates_of_runs
from cyborg_utils.statistics.accuracy import continuous_accuracy, unweighted_kappa
from cyborg_utils.statistics.cut_scores import classification_at_cuts
from cyborg_utils.statistics.groups import MISSING
from cyborg_utils.statistics.prmse import prmse_interval
from cyborg_utils.statistics.scales import nearest_points
from cyborg_utils.statistics.score_points import confusion_matrix, error_by_score
from cyborg_utils.study.schema.study import Study

SECOND_RATER = "second_rater"  # in place of a condition


def by_score_point(
    study: Study, runs: pd.DataFrame, second: pd.Series | None = None
) -> pd.DataFrame:
    """The error of every condition at each human score point.

    Bias and conditional SEM are of continuous scores, the proportions of points of the scale.

    Parameters
    ----------
    second : a second human score by essay id; its error at each point of the first is added as the
        condition `SECOND_RATER`, of the essays that have one: the difference between two raters.

    Returns
    -------
    frame of `estimates_of_runs` with the key `score`; statistics of `error_by_score`
    """

    def tables(run: pd.DataFrame) -> Iterator[pd.DataFrame]:
        scores = run["human"], run["score"], study.labels, run["continuous"]
        yield error_by_score(*scores, weights_of(run))

    table = estimates_of_runs(runs, ["score"], tables)
    first = runs.drop_duplicates("essay_id")
    other = second_scores(first, second)
    rated = first[np.isfinite(other)].assign(
        condition=SECOND_RATER, arm=SECOND_RATER, draw="", seed="",
        score=nearest_points(other[np.isfinite(other)], study.labels),
    )  # fmt: skip
    if rated.empty:
        return table
    of_rater = estimates_of_runs(rated.assign(continuous=rated["score"]), ["score"], tables)
    return pd.concat([table, of_rater], ignore_index=True)


def confusion(study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """Proportion of essays at each machine score, by human score, averaged over the runs.

    Returns
    -------
    frame, one row per condition, human and machine score, with the condition's fields: `human,
    machine, essays, share` (of the essays with that human score; missing where there are none)
    """
    parts = []
    for keys, run in runs.groupby(RUN, sort=False):
        counts = confusion_matrix(run["human"], run["score"], study.labels, weights_of(run))
        tidy = counts.stack().rename("essays").reset_index()
        parts.append(tidy.assign(condition=keys[0]))
    keys = ["condition", "human", "machine"]
    table = pd.concat(parts).groupby(keys, sort=False)["essays"].mean().reset_index()
    totals = table.groupby(["condition", "human"])["essays"].transform("sum")
    return with_fields(table.assign(share=table["essays"] / totals.where(totals > 0)), runs)


def at_cut_scores(
    study: Study, runs: pd.DataFrame, second: pd.Series | None = None
) -> pd.DataFrame:
    """Classification at the study's cut scores, by scores on the scale.

    Returns
    -------
    frame of `estimates_of_runs` with the key `cut`; statistics of `classification_at_cuts`
    """

    def tables(run: pd.DataFrame) -> Iterator[pd.DataFrame]:
        other = second_scores(run, second)
        other = nearest_points(other, study.labels)
        cuts = study.evaluation.cut_scores
        yield classification_at_cuts(run["human"], run["score"], cuts, other, weights_of(run))

    return estimates_of_runs(runs, ["cut"], tables)


def accuracy_of(study: Study, runs: pd.DataFrame, second: pd.Series | None = None) -> pd.DataFrame:
    """RMSE, R squared, correlation, kappa and PRMSE against one rating, and against two.

    Parameters
    ----------
    second : a second human score by essay id, missing where an essay has none.

    Returns
    -------
    frame of `estimates_of_runs` with the key `criterion`: "human", one rating of every essay;
    "human_of_double_scored", where not all have two, and "mean_of_two", of the essays with two
    ratings, one of them and their mean. PRMSE, of all essays, is under "true_score": by second
    ratings where there are any, otherwise by the declared `rater_variance`, if any.
    """

    def tables(run: pd.DataFrame) -> Iterator[pd.DataFrame]:
        human, machine, w = human_mean(run), run["continuous"].to_numpy(), weights_of(run)
        yield continuous_accuracy(human, machine, w).assign(criterion="human")
        kappa = unweighted_kappa(run["human"], run["score"], study.labels, w)
        yield kappa.assign(criterion="human")
        other = second_scores(run, second)
        both = np.isfinite(other)
        if both.sum() > 1:
            criteria = {"human_of_double_scored": human, "mean_of_two": (human + other) / 2}
            if both.all():  # that is "human"
                criteria.pop("human_of_double_scored")
            for name, scores in criteria.items():
                of_both = None if w is None else w[both]
                table = continuous_accuracy(scores[both], machine[both], of_both)
                yield table.assign(criterion=name)
        yield prmse_table(study, human, other, machine, w).assign(criterion="true_score")

    return estimates_of_runs(runs, ["criterion"], tables)


def prmse_table(
    study: Study,
    human: np.ndarray,
    second: np.ndarray,
    machine: np.ndarray,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """PRMSE in the columns `statistic, estimate, se, n`; no row where neither a second rating nor
    `evaluation.rater_variance` shows the raters' error."""
    both, declared = np.isfinite(second), study.evaluation.rater_variance
    if both.sum() > 1:
        row = prmse_interval(np.column_stack([human, second]), machine, weights=weights)
    elif declared is not None:
        row = prmse_interval(human, machine, rater_variance=declared, weights=weights)
    else:
        return pd.DataFrame(columns=["statistic", "estimate", "se", "n"])
    return pd.DataFrame(
        [{"statistic": "prmse", "estimate": row["prmse"], "se": row["se"], "n": int(row["n"])}]
    )


def by_prompt(
    study: Study, runs: pd.DataFrame, prompts: pd.Series, second: pd.Series | None = None
) -> pd.DataFrame:
    """The evaluation criteria on each prompt, with intervals for new essays on it.

    Parameters
    ----------
    prompts : the prompt of each essay by its id. A prompt of fewer essays than `min_group` has no
        rows, nor has one that small-cell suppression hides.
    second : a second human score by essay id; a prompt with fewer of them than `min_group` has no
        criteria of degradation.

    Returns
    -------
    frame, one row per condition, prompt and criterion, with the condition's fields: `prompt, n,
    rule, value, low, high, verdict`, as in `evaluation_rules`
    """
    prompt_of = runs["essay_id"].map(prompts)
    essays = pd.DataFrame({"prompt": prompt_of})[~runs["essay_id"].duplicated()]
    sizes, least = essays["prompt"].value_counts(), study.evaluation.min_group
    shown = [p for p in shown_levels(study, essays, "prompt") if p != MISSING]
    parts = []
    for prompt in [p for p in sizes.index if p in shown and sizes[p] >= least]:
        part = runs[prompt_of == prompt]
        rated = np.isfinite(second_scores(part.drop_duplicates("essay_id"), second)).sum()
        rules = evaluation_rules(study, part, second if rated >= least else None)
        parts.append(rules.assign(prompt=prompt, n=int(sizes[prompt])))
    if not parts:
        return pd.DataFrame(columns=["condition", "prompt", "n", "rule", "value", "low", "high",
                                     "verdict"])  # fmt: skip
    columns = ["condition", "prompt", "n", "rule", "value", "low", "high", "verdict"]
    return with_fields(pd.concat(parts, ignore_index=True)[columns], runs)
