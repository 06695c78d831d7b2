"""Prediction-powered estimates of a study of machine scores, where people scored some essays only.

Every essay that the machines scored counts, with its human score or without.
"""

from __future__ import annotations

import pandas as pd

from cyborg_utils.analysis.disclosure import only_shown
from cyborg_utils.statistics.groups import is_missing
from cyborg_utils.statistics.prediction_powered import COLUMNS, EVERYONE, FEWEST, prediction_powered
from cyborg_utils.statistics.scales import nearest_points, round_to_scale
from cyborg_utils.study.design import Condition
from cyborg_utils.study.schema.study import Study

MOST = 0.9  # of the essays have a human score: the others' machine scores add next to nothing
OTHERS_FROM = 100  # human scores per machine from which other machines' scores help to predict


def with_unscored(study: Study, corpus: pd.DataFrame) -> pd.DataFrame:
    """The essays that all machines of a file scored, if people scored at most `MOST` of them, and
    enough for estimates; else none."""
    if not study.machines:
        return corpus.iloc[:0]
    essays = corpus.dropna(subset=study.machines)
    n = int(essays["score"].notna().sum())
    enough = n >= max(FEWEST, study.evaluation.min_group, study.least_shown)
    return essays if enough and n <= MOST * len(essays) else essays.iloc[:0]


def estimates_of_all(study: Study, corpus: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """What human scores of some essays and machine scores of all say, of essays like these.

    SMD and agreement are of rounded scores, DSM of continuous ones. Subgroups are those that may
    be shown, of all essays and of the human-scored ones, with at least `min_group` of the latter.

    Returns
    -------
    frame, one row per machine, group and statistic: `condition` and the columns of
    `cyborg_utils.statistics.prediction_powered`, in which `attribute` and `level` of all essays
    are "(all)"; empty where people scored nearly all essays, or too few
    """
    essays, parts = with_unscored(study, corpus), []
    human = nearest_points(essays["score"], study.labels)
    scored = essays[essays["score"].notna()]
    for name in study.machines if len(essays) else ():
        others = [m for m in study.machines if m != name]
        table = prediction_powered(
            essays.assign(human=human, machine=round_to_scale(essays[name], study.labels)),
            groups,
            labels=study.labels,
            continuous=name,
            proxies=others if len(scored) >= OTHERS_FROM * len(study.machines) else (),
            probability="probability" if "probability" in essays else None,
        )
        everyone = table["attribute"] == EVERYONE
        of_groups = only_shown(study, table[~everyone], essays, groups)
        of_groups = only_shown(study, of_groups, scored, groups)
        of_groups = of_groups[of_groups["n"] >= study.evaluation.min_group]
        of_groups = of_groups[~is_missing(of_groups["level"])]
        both = pd.concat([table[everyone], of_groups], ignore_index=True)
        parts.append(both.assign(condition=Condition("machine", name).condition_id))
    columns = ["condition", *COLUMNS]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
