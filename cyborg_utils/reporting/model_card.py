"""The README.md of a saved Student: its training data, agreement, and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cyborg_utils.corpus.text_screening import length_unit
from cyborg_utils.models.linking import LinkedScorer
from cyborg_utils.models.novelty import TrainingProfile
from cyborg_utils.reporting.page_header import description
from cyborg_utils.study.design import Condition
from cyborg_utils.study.schema.study import Study

if TYPE_CHECKING:
    from cyborg_utils.models.encoder import EncoderModel


def model_card(
    study: Study,
    model: LinkedScorer,
    student: str,
    condition: Condition,
    seed: int,
    train: pd.DataFrame,
    agreement: pd.DataFrame | None,
    profile: TrainingProfile,
    folds: int = 0,
) -> str:
    """The model card (README.md) of a saved Student, in Markdown.

    `agreement` is that on test or, with a number of `folds`, by cross-fitting; None without either.
    """
    n_human = int((train["label_source"] == "human").sum())
    unit = length_unit(train["text"])
    encoder = model.spec.kind == "encoder"
    lines = ["---", "library_name: transformers", "pipeline_tag: text-classification", "---", ""]
    lines = (lines if encoder else []) + [
        f"# {student}: a Student of the study {study.name}",
        "",
        description(study),
        "",
        f"- **Trained on** {len(train):,} essays: {n_human:,} scored by human raters, "
        f"{len(train) - n_human:,} by a Teacher (`{condition.slug}`, seed {seed}).",
        f"- **Scale**: {study.labels[0]} to {study.labels[-1]}, {len(study.labels)} points.",
        f"- **Agreement with human raters** {_agreement(agreement, folds)}.",
        f"- **Subgroups**: {_groups(study, student, folds)}.",
        f"- **Limits**: {NOT_EVALUATED if agreement is None else ''}it is for essays like those it "
        f"was trained on, {profile.shortest:,} to {profile.longest:,} {unit} on the same prompts; "
        "its quality on other prompts, ages or languages is unknown. A human rater should confirm "
        "every score with consequences for an examinee.",
        f"- **Privacy**: the folder holds the {len(profile.vocabulary):,} words that occur in at "
        "least two training essays.",
        "",
        "Score a CSV: `cyborg score <this folder> essays.csv scores.csv`.",
    ]
    return "\n".join([*lines, *(_with_transformers(model.scorer) if encoder else []), ""])


NOT_EVALUATED = (
    "**its agreement with human raters and its bias for or against any subgroup are unknown**, "
    "since no test essay was scored by human raters; "
)


def _agreement(agreement: pd.DataFrame | None, folds: int) -> str:
    if agreement is None:
        return "is unknown: the study has no human-scored test essays"
    qwk = agreement.loc["qwk"]
    essays = f"on {int(qwk['n']):,} {'hand-scored' if folds else 'test'} essays"
    how = f", each scored by a model of {folds} that was trained without it" if folds else ""
    return (
        f"{essays}{how}: QWK {qwk['estimate']:.3f} (95 % interval {qwk['low']:.3f} to "
        f"{qwk['high']:.3f}, over essays alone)"
    )


def _groups(study: Study, student: str, folds: int) -> str:
    names = study.corpus.group_names
    if names and folds:
        page = f"reports/{study.name}/05a_cross_fitted_agreement.html"
        return f"{', '.join(names)}; every DSM with its verdict is in `{page}`"
    if not study.evaluation.has_test_set and not folds:
        return "whether it scores any of them as human raters do is unknown"
    if not names:
        return "the corpus names none, so its fairness was not evaluated"
    page = f"reports/{study.name}/05_fairness_analysis--{student}.html"
    return f"{', '.join(names)}; every DSM with its verdict is in `{page}`"


def _with_transformers(model: EncoderModel) -> list[str]:
    trait = model.traits[0]
    if model.spec.head == "regression":
        meaning = (
            f"Its output is standardized: {model.mean[trait]:.4f} + {model.sd[trait]:.4f} × output "
            "is the score on the scale."
        )
    elif model.spec.head == "classification":
        meaning = "Its labels are the points of the scale."
    else:
        meaning = (
            "Each output, after the logistic function, is the probability of a score above a point "
            "of the scale, given that it is not below that point."
        )
    return [
        "",
        "```python",
        "from transformers import pipeline",
        f"limits = {{'truncation': True, 'max_length': {model.spec.max_tokens}}}",
        "pipeline('text-classification', folder)('An essay ...', **limits)",
        "```",
        "",
        meaning,
    ]
