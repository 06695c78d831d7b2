"""Sentences for a study without human-scored test essays."""

from __future__ import annotations

import math

from cyborg_utils.analysis.no_test import FEWEST, HALF_WIDTH
from cyborg_utils.study.schema.study import Study


def limitations(study: Study, n_dev: int) -> list[str]:
    """What is unknown without test essays, in sentences of Markdown."""
    groups = ", ".join(f"`{name}`" for name in study.corpus.group_names)
    groups = f"attributes in the file: {groups}" if groups else "the file has no attributes"
    neural = [s.name for s in study.students if s.neural]
    selection = (
        f", and the checkpoints of {', '.join(neural)} were selected on them" if neural else ""
    )
    not_evaluated = [
        "**How well a Student agrees with human raters on new essays.** "
        f"{n_dev:,} dev essays are few{selection}.",
        f"**Whether a subgroup is scored higher or lower than by human raters** ({groups}). Mean "
        "machine scores by subgroup would not show it: subgroups can differ in what they wrote.",
    ]
    lines = [] if study.evaluation.cross_fitting else not_evaluated
    if "cyborg" in study.arms and not study.evaluation.cross_fitting:
        lines.append(
            "**Whether the Teacher's labels helped.** A Student trained on them may be better or "
            "worse than one trained on human scores alone; a difference on dev is no finding."
        )
    return [
        *lines,
        "**Whether more human scores would help**, or fewer would have been enough.",
        "**Whether the human raters were themselves fair.** No study of their scores can show "
        "that.",
    ]


def recommendations(study: Study, needed: int | None, n_dev: int, n_unscored: int) -> list[str]:
    """How to find out, in sentences of Markdown."""
    if needed is None:
        how_many = (
            f"**Score at least {FEWEST} more essays by hand, drawn at random**, for a test set. "
            "How many are enough cannot be estimated: the interval on dev is a single point."
        )
    else:
        how_many = (
            f"**Score about {needed:,} more essays by hand, drawn at random**, for a test set: "
            f"then the 95 % interval of a QWK should be about ±{HALF_WIDTH:g}, with "
            f"{max(FEWEST, math.ceil(needed / 40) * 10):,} about ±{2 * HALF_WIDTH:g}. That is a "
            f"rough estimate from the widest interval on {n_dev:,} dev essays, which narrows with "
            "the square root of their number."
        )
    return [
        how_many,
        "Draw them at random among all essays: neither the easy ones nor those with surprising "
        "machine scores. The raters must not see the machine scores."
        f" The file has {n_unscored:,} unscored essays; new ones of the same kind serve as well.",
        "Write `test` for them and `train` for all others into a column `split` of the file, and "
        "run `cyborg new` under another name without `--no-test`: the same reports then evaluate.",
        "Fairness needs more: a subgroup of fewer than "
        f"{study.evaluation.min_group} test essays gets no verdict.",
    ]
