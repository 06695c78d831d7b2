"""Sentences for a study without human-scored test essays."""

from __future__ import annotations

import math

from cyborg_utils.analysis.no_test import FEWEST, HALF_WIDTH
from cyborg_utils.study.schema.study import Study


def limitations(study: Study, n_dev: int) -> list[str]:
    """What no number of this study tells, in sentences of Markdown."""
    groups = ", ".join(f"`{name}`" for name in study.corpus.group_names)
    groups = f"the file names {groups}" if groups else "the file names none"
    neural = [s.name for s in study.students if s.kind != "classical"]
    picked = f", and picked the weights of {', '.join(neural)}" if neural else ""
    lines = [
        "**How well a Student agrees with people on new essays.** "
        f"{n_dev:,} dev essays are few{picked}.",
        f"**Whether a group of writers is scored higher or lower than by people** ({groups}). Mean "
        "machine scores by group would not tell: groups can differ in what they wrote.",
    ]
    if "cyborg" in study.arms:
        lines.append(
            "**Whether the Teacher's labels helped.** A Student that learnt from them may be "
            "better or worse than one on people's scores alone; a difference on dev is no finding."
        )
    return [
        *lines,
        "**Whether more scores by people would help**, or fewer would have done.",
        "**Whether people were themselves fair.** No study here can show that.",
    ]


def recommendations(study: Study, needed: int | None, n_dev: int, n_unscored: int) -> list[str]:
    """How to come to know it, in sentences of Markdown."""
    if needed is None:
        how_many = (
            f"**Score at least {FEWEST} more essays by hand, drawn at random**, for a test part. "
            "How many are enough cannot even be guessed: the interval on dev is a single point."
        )
    else:
        how_many = (
            f"**Score about {needed:,} more essays by hand, drawn at random**, for a test part: "
            f"then the 95 % interval of a QWK should reach some ±{HALF_WIDTH:g}, with "
            f"{max(FEWEST, math.ceil(needed / 40) * 10):,} some ±{2 * HALF_WIDTH:g}. That is a "
            f"rough guess from the widest interval on {n_dev:,} dev essays, which narrows with the "
            "root of their number."
        )
    return [
        how_many,
        "At random means by lot among all essays: neither the easy ones nor those that a machine "
        "scores oddly. Whoever scores them does not see the machine's scores."
        f" The file has {n_unscored:,} essays that nobody scored; new ones of the same kind serve "
        "as well.",
        "Write `test` for them and `train` for all others into a column `split` of the file, and "
        "run `cyborg new` under another name without `--no-test`: the same reports then judge.",
        "Fairness needs more: a group of fewer than "
        f"{study.evaluation.min_group} test essays gets no verdict at all.",
    ]
