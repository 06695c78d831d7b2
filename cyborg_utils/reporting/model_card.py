"""The README.md of a saved Student: what it learned from, and what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cyborg_utils.models.novelty import TrainingProfile
from cyborg_utils.models.scorer import Scorer
from cyborg_utils.reporting.page_header import description
from cyborg_utils.study.design import Condition
from cyborg_utils.study.schema.study import Study

if TYPE_CHECKING:
    from cyborg_utils.models.encoder import EncoderModel


def model_card(
    study: Study,
    model: Scorer,
    student: str,
    run: Condition,
    seed: int,
    train: pd.DataFrame,
    agreement: pd.DataFrame | None,
    profile: TrainingProfile,
) -> str:
    """The folder's README.md, from the study's data."""
    people = int((train["label_source"] == "human").sum())
    encoder = model.spec.kind == "encoder"
    lines = ["---", "library_name: transformers", "pipeline_tag: text-classification", "---", ""]
    lines = (lines if encoder else []) + [
        f"# {student}: a Student of the study {study.name}",
        "",
        description(study),
        "",
        f"- **Learnt from** {len(train):,} essays: {people:,} scored by people, "
        f"{len(train) - people:,} by a Teacher (`{run.slug}`, seed {seed}).",
        f"- **Scale**: {study.labels[0]} to {study.labels[-1]}, {len(study.labels)} points.",
        f"- **Agreement with people** {_agreement(agreement)}.",
        f"- **Groups of writers**: {_groups(study, student)}.",
        f"- **Limits**: {NOT_JUDGED if agreement is None else ''}it knows essays like those it "
        f"learnt from, {profile.shortest:,} to {profile.longest:,} words on the same prompts; on "
        "other prompts, ages or languages nothing is known of it. Let no score that matters to a "
        "writer stand without a person.",
        f"- **Privacy**: the folder holds the {len(profile.vocabulary):,} words that two training "
        "essays or more have in common.",
        "",
        "Score a CSV: `cyborg score <this folder> essays.csv scores.csv`.",
    ]
    return "\n".join([*lines, *(_with_transformers(model) if encoder else []), ""])


NOT_JUDGED = (
    "**its agreement with people and its bias for or against any group are unknown**, since no "
    "test essay was scored by people; "
)


def _agreement(agreement: pd.DataFrame | None) -> str:
    if agreement is None:
        return "is unknown: the study has no human-scored test essays"
    qwk = agreement.loc["qwk"]
    return (
        f"on {int(qwk['n']):,} test essays: QWK {qwk['estimate']:.3f} (95 % interval "
        f"{qwk['low']:.3f} to {qwk['high']:.3f}, over essays alone)"
    )


def _groups(study: Study, student: str) -> str:
    names = study.corpus.group_names
    if not study.evaluation.has_test_set:
        return "whether it scores any of them as people do is unknown"
    if not names:
        return "none are known, so its fairness was not judged"
    page = f"reports/{study.name}/05_fairness_analysis--{student}.html"
    return f"{', '.join(names)}; every SMD with its verdict is in `{page}`"


def _with_transformers(model: EncoderModel) -> list[str]:
    trait = model.traits[0]
    if model.spec.head == "regression":
        meaning = (
            f"Its output is standardized: {model.mean[trait]:.4f} + {model.sd[trait]:.4f} × output "
            "is the score on the scale."
        )
    else:
        meaning = "Its labels are the points of the scale."
    return [
        "",
        "```python",
        "from transformers import pipeline",
        f"window = {{'truncation': True, 'max_length': {model.spec.max_tokens}}}",
        "pipeline('text-classification', folder)('An essay ...', **window)",
        "```",
        "",
        meaning,
    ]
