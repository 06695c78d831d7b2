"""Draw essays to be scored by hand, and write the score sheets of the raters."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cyborg_utils.hand_scoring import ledger as ledgers
from cyborg_utils.hand_scoring.clusters import cluster_draw
from cyborg_utils.hand_scoring.drawing import draw_essays, equal_probabilities, strata_of
from cyborg_utils.hand_scoring.group_targets import DrawError, GroupDraw, group_draw
from cyborg_utils.hand_scoring.sheets import SCORE, deal, write_csv_sheet, write_workbook_sheet
from cyborg_utils.statistics.weighting import design_effect
from cyborg_utils.study.folders import shown_path
from cyborg_utils.workflow.essay_pool import EssayPool, PoolColumns, read_pool

METHODS = ("random", "stratified", "cluster", "groups")
CANDIDATES = 20_000  # essays, drawn at random, among which clusters are sought


@dataclass(frozen=True)
class DrawChoices:
    """What a person says of a draw.

    Attributes
    ----------
    purpose : `training` or `evaluation`.
    n : number of essays; None where `per_group` decides it.
    method : one of `METHODS`; None: `groups` with `per_group`, otherwise `random`.
    per_group : essays wanted of every level of the group columns.
    floor : lowest probability, as a proportion of the mean one.
    raters : None: 2 where essays are scored twice, else 1.
    double : proportion of the essays that two raters score.
    rubric : a text file for the workbook's second worksheet.
    """

    purpose: str
    n: int | None = None
    method: str | None = None
    per_group: int | None = None
    floor: float = 0.5
    seed: int = 1
    raters: int | None = None
    double: float = 0.0
    rubric: Path | None = None


@dataclass(frozen=True)
class Draw:
    """Essays that are drawn: their positions in the file, how many there were to draw from, and
    their probabilities; None where these are not known."""

    chosen: np.ndarray
    drawn_from: int
    probability: np.ndarray | None
    targets: GroupDraw | None = None


def draw_file(
    essays: Path, columns: PoolColumns, choices: DrawChoices, show: Callable[[str], None] = print
) -> list[Path]:
    """Draw essays, write one sheet per rater as CSV and as a workbook, and note them in the ledger.

    Returns
    -------
    the sheets, beside the file of essays

    Raises
    ------
    TableError, DrawError
        One sentence with the remedy; nothing is then written.
    """
    raters = choices.raters or (2 if choices.double else 1)
    rubric = choices.rubric and choices.rubric.read_text(encoding="utf-8-sig")
    path = ledgers.ledger_file(essays)
    ledger = ledgers.read_ledger(path)
    method = _method(choices, columns)
    pool = read_pool(essays, columns)
    show("\n".join(pool.notes))
    _check_known(pool, ledger, path)
    draw = _drawn(pool, ledger, choices, method)
    number = int(ledger["draw"].max() if len(ledger) else 0) + 1
    ids = pool.ids[draw.chosen]
    ledger = ledgers.add_draw(
        ledger, ids, choices.purpose, method, draw.probability, draw.drawn_from, choices.seed,
        datetime.date.today().isoformat(),
    )  # fmt: skip
    rng = np.random.default_rng([choices.seed, number, 2])
    hands = deal(len(ids), raters, choices.double, rng)
    base = f"{essays.name.split('.')[0]}-draw{number}"
    names = [essays.with_name(f"{base}-rater{i}") for i in range(1, raters + 1)]
    sheets = write_sheets(names, pool.essays(ids), [ids[hand] for hand in hands], SCORE, rubric)
    ledgers.write_ledger(path, ledger)
    show("\n".join(_summary(pool, draw, choices, method, ledger)))
    show("\n".join(f"wrote {shown_path(sheet)}" for sheet in [*sheets, path]))
    return sheets


def write_sheets(
    names: list[Path], texts: pd.DataFrame, hands: list[np.ndarray], column: str, rubric: str | None
) -> list[Path]:
    """Write a sheet for each rater, as CSV and as a workbook.

    Parameters
    ----------
    names : a path without ending for each rater.
    texts : index `essay_id`; `text`, and `prompt` where there are prompts.
    hands : the ids of each rater's essays, in the order of the sheet.
    column : that is empty, for the scores.

    Raises
    ------
    DrawError
        A file of such a name is there already; none is then written.
    """
    files = [(Path(f"{name}.csv"), Path(f"{name}.xlsx")) for name in names]
    if there := [path for pair in files for path in pair if path.exists()]:
        raise DrawError(
            f"{shown_path(there[0])} is there already, and may hold scores: move it elsewhere"
        )
    columns = ["essay_id", *texts.columns, "rater", column]
    for pair, ids in zip(files, hands, strict=True):
        rows = [
            [id, *cells, "", ""]
            for id, cells in zip(ids, texts.loc[ids].to_numpy().tolist(), strict=True)
        ]
        write_csv_sheet(pair[0], columns, rows)
        write_workbook_sheet(pair[1], columns, rows, rubric)
    return [path for pair in files for path in pair]


def _method(choices: DrawChoices, columns: PoolColumns) -> str:
    """The method of a draw; a DrawError where the choices contradict each other."""
    if choices.n is None and not choices.per_group:
        raise DrawError("how many essays? Give --n, or the wanted --per-group")
    method = choices.method or ("groups" if choices.per_group else "random")
    if (method == "groups") != bool(choices.per_group):
        raise DrawError("--method groups and --per-group go together: give both, or neither")
    if method == "groups" and not columns.groups:
        raise DrawError("which groups? Name their columns with --group, once for each")
    if columns.groups and method not in ("groups", "stratified"):
        raise DrawError(
            f"a {method} draw knows no groups: leave --group out, or choose --method stratified, "
            "or --per-group"
        )
    if method == "cluster" and choices.purpose == "evaluation":
        raise DrawError(
            "a cluster draw has no known probabilities, so no estimate from it holds for all "
            "essays: for evaluation use --method random, stratified or groups"
        )
    return method


def _check_known(pool: EssayPool, ledger: pd.DataFrame, path: Path) -> None:
    known = set(pool.ids)
    lost = [id for id in ledger["essay_id"] if id not in known]
    if lost:
        raise DrawError(
            f"{pool.table.name} lacks {len(lost):,} essays that were drawn from it (first: "
            f"{lost[0]!r}, in {shown_path(path)}): use the file as it was, or with more essays; "
            "name its ids as before (--id)"
        )


def _drawn(pool: EssayPool, ledger: pd.DataFrame, choices: DrawChoices, method: str) -> Draw:
    """Draw from the essays that have a text, no score, and were not drawn before."""
    before = np.isin(pool.ids, ledger["essay_id"].to_numpy(dtype=object))
    free = np.flatnonzero(pool.free & ~before)
    n = choices.n
    if n is not None and not 1 <= n <= len(free):
        raise DrawError(
            f"--n {n:,}: {pool.table.name} has {len(free):,} essays to draw from; "
            f"{int(before.sum()):,} were drawn before, {int((~pool.free).sum()):,} have a score or "
            "no text"
        )
    number = int(ledger["draw"].max() if len(ledger) else 0) + 1
    rng = np.random.default_rng([choices.seed, number])
    if method == "cluster":
        learned = ledger.loc[ledger["purpose"] == "training", "essay_id"]
        return Draw(_spread(pool, free, learned, n, rng), len(free), None)
    targets, strata = None, None
    levels = pool.levels.iloc[free]
    if method == "groups":
        wanted = levels.drop(columns="prompt") if pool.prompt else levels
        targets = group_draw(wanted, choices.per_group, choices.floor, n)
        probability, strata = targets.probability, targets.cell
    else:
        probability = equal_probabilities(n, len(free))
    if method == "stratified":
        strata = strata_of([levels[name] for name in levels], pool.lengths[free])
    chosen = draw_essays(probability, rng, strata)
    return Draw(free[chosen], len(free), probability[chosen], targets)


def _spread(
    pool: EssayPool, free: np.ndarray, learned: pd.Series, n: int, rng: np.random.Generator
) -> np.ndarray:
    """The essays of a cluster draw; those drawn for training before count as drawn already."""
    size = max(CANDIDATES, n)
    some = rng.permutation(free)[:size] if len(free) > size else free
    before = np.flatnonzero(np.isin(pool.ids, learned.to_numpy(dtype=object)))
    positions = np.sort(np.concatenate([some, before]))
    texts = pool.essays(pool.ids[positions])["text"].tolist()
    drawn = np.flatnonzero(np.isin(positions, before))
    return positions[cluster_draw(texts, n, int(rng.integers(2**31)), drawn)]


def _summary(
    pool: EssayPool, draw: Draw, choices: DrawChoices, method: str, ledger: pd.DataFrame
) -> list[str]:
    """What was drawn, in lines."""
    n = len(draw.chosen)
    lines = [f"{n:,} of {draw.drawn_from:,} essays drawn for {choices.purpose}, method {method}"]
    p = draw.probability
    if p is None:
        lines.append(
            "probabilities are not known: these scores serve training, and tell nothing of all "
            "essays; their mean may differ from that of all, and linked scores with it"
        )
    elif np.ptp(p) < 1e-9:
        lines.append(f"each with probability {p[0]:.4g}")
    else:
        lines.append(
            f"with probabilities from {p.min():.4g} to {p.max():.4g}: estimates need the weights; "
            f"of a mean over all essays these are worth {n / design_effect(1 / p):,.0f} essays "
            "drawn at random"
        )
    if draw.targets is not None:
        for (column, level), row in draw.targets.wanted.iterrows():
            got = int((pool.levels[column].iloc[draw.chosen] == level).sum())
            lines.append(
                f"  {column} {level}: {got:,} drawn of {row['essays']:,.0f}, wanted "
                f"{row['wanted']:,.0f}"
            )
    if choices.purpose == "evaluation" and (between := _between(ledger)):
        lines.append(
            f"the {between:,} essays drawn for training before are not among those that this draw "
            "represents; where you can, draw for evaluation first"
        )
    total = ledger["purpose"].value_counts()
    drawn = ", ".join(f"{count:,} for {purpose}" for purpose, count in total.items())
    return [*lines, f"drawn in all: {drawn}; no essay is drawn twice"]


def _between(ledger: pd.DataFrame) -> int:
    """Essays that were drawn for training before the last draw."""
    earlier = ledger[ledger["draw"] < ledger["draw"].max()]
    return int((earlier["purpose"] == "training").sum())
