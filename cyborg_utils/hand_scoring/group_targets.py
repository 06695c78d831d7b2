"""Probabilities of a draw that has enough essays of every group, by linear programming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linprog


class DrawError(ValueError):
    """A draw cannot be made as it is asked for; the message gives the reason and the remedy."""


@dataclass(frozen=True)
class GroupDraw:
    """Probabilities with which every group reaches its wanted number.

    Attributes
    ----------
    probability : shape (m,), with a whole sum.
    cell : shape (m,), the combination of levels of each essay, a stratum of the draw.
    wanted : the number of essays of each level, by column and level: `wanted, essays, expected`.
    """

    probability: np.ndarray
    cell: np.ndarray
    wanted: pd.DataFrame

    @property
    def n(self) -> int:
        """Number of essays to draw."""
        return round(self.probability.sum())


def group_draw(
    groups: pd.DataFrame, per_group: int, floor: float = 0.5, n: int | None = None
) -> GroupDraw:
    """Find the probabilities of a draw that has a wanted expected number of essays of every level.

    Essays with the same levels have the same probability, none below `floor` times the mean one, so
    that no sampling weight is above 1 / floor times that of a random draw of as many essays. A
    linear program finds the fewest essays, and a second one the probabilities nearest to equal
    ones.

    Parameters
    ----------
    groups : DataFrame, shape (m, columns)
        The level of each essay in each column; a missing value is no level.
    per_group : int
        Essays wanted of every level; of a smaller level, all.
    floor : float
        Lowest probability, as a proportion of the mean; from 0 (excluded) to 1.
    n : int, optional
        Number of essays to draw; by default the fewest.

    Raises
    ------
    DrawError
        `n` essays are too few for the wanted numbers, or a value is out of bounds.
    """
    if not 0 < floor <= 1:
        raise DrawError(f"the floor must be above 0 and at most 1, not {floor:g}")
    if per_group < 1:
        raise DrawError(f"at least 1 essay per group is needed, not {per_group}")
    cell = groups.groupby(list(groups), dropna=False).ngroup().to_numpy()
    first = np.unique(cell, return_index=True)[1]
    cells, sizes = groups.iloc[first].reset_index(drop=True), np.bincount(cell).astype(float)
    levels = _levels(cells, sizes, per_group)
    if levels.empty:
        raise DrawError("the group columns have no levels: name others")
    least = _fewest(cells, sizes, levels, floor)
    if n is not None and not least <= n <= len(groups):
        raise DrawError(
            f"{n:,} essays do not reach these groups: at least {least:,} of {len(groups):,} are "
            "needed; change --n, --per-group or --floor"
        )
    of_cell = _nearest(cells, sizes, levels, floor, least if n is None else n)
    expected = _members(cells, levels) @ (of_cell * sizes)
    return GroupDraw(of_cell[cell], cell, levels.assign(expected=expected))


def _levels(cells: pd.DataFrame, sizes: np.ndarray, per_group: int) -> pd.DataFrame:
    """Index `column, level`; how many essays are `wanted` of each level, and how many there are."""
    counts = {c: pd.Series(sizes).groupby(cells[c].to_numpy()).sum() for c in cells}
    essays = pd.concat(counts, names=["column", "level"]) if counts else pd.Series(dtype=float)
    return pd.DataFrame({"wanted": np.minimum(per_group, essays), "essays": essays}).astype(int)


def _fewest(cells: pd.DataFrame, sizes: np.ndarray, levels: pd.DataFrame, floor: float) -> int:
    """The fewest essays of a draw that reaches the wanted numbers.

    The variables are the probabilities of the cells and their mean.
    """
    k, total = len(sizes), sizes.sum()
    too_few = sparse.hstack([-_members(cells, levels) * sizes, sparse.csr_array((len(levels), 1))])
    below = sparse.hstack([-sparse.eye_array(k), sparse.csr_array(np.full((k, 1), floor))])
    limits = np.concatenate([-levels["wanted"].to_numpy(float), np.zeros(k)])
    mean = np.append(sizes / total, -1.0)[None]
    cost = np.append(sizes, 0.0)
    solved = linprog(cost, sparse.vstack([too_few, below]), limits, mean, [0.0], (0, 1))
    return int(np.ceil(solved.fun - 1e-6))


def _nearest(
    cells: pd.DataFrame, sizes: np.ndarray, levels: pd.DataFrame, floor: float, n: int
) -> np.ndarray:
    """The probabilities of the cells in a draw of n essays whose distance from the mean
    probability, summed over essays, is smallest.

    The variables are the probabilities and these distances.
    """
    k, mean = len(sizes), n / sizes.sum()
    same, none = sparse.eye_array(k), sparse.csr_array((len(levels), k))
    too_few = sparse.hstack([-_members(cells, levels) * sizes, none])
    apart = sparse.vstack([sparse.hstack([same, -same]), sparse.hstack([-same, -same])])
    limits = np.concatenate(
        [-levels["wanted"].to_numpy(float), np.full(k, mean), np.full(k, -mean)]
    )
    zero = np.zeros(k)
    solved = linprog(
        np.append(zero, sizes), sparse.vstack([too_few, apart]), limits,
        np.append(sizes, zero)[None], [n], [(floor * mean, 1)] * k + [(0, 1)] * k,
    )  # fmt: skip
    return np.clip(solved.x[:k], 0, 1)


def _members(cells: pd.DataFrame, levels: pd.DataFrame) -> sparse.csr_array:
    """Whether a cell has a level, shape (levels, cells)."""
    rows = [(cells[column] == level).to_numpy(float) for column, level in levels.index]
    return sparse.csr_array(np.array(rows))
