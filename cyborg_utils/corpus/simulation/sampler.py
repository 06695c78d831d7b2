"""Seeded draws for the simulated corpus: single draws, fast, and stratified events."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
BLOCK = 512


class SeededSampler:
    """Uniform draws from a generator, taken in blocks because single draws are slow."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._draws: list[float] = []

    def uniform(self) -> float:
        """Draw a number from [0, 1)."""
        if not self._draws:
            self._draws = self._rng.random(BLOCK).tolist()
        return self._draws.pop()

    def below(self, n: int) -> int:
        """Draw a whole number from 0 to n - 1."""
        return int(self.uniform() * n)

    def chance(self, probability: float) -> bool:
        """Draw an event."""
        return self.uniform() < probability

    def pick(self, items: Sequence[T]) -> T:
        """Draw one item."""
        return items[int(self.uniform() * len(items))]

    def weighted(self, shares: Mapping[str, float]) -> str:
        """Draw a key with its share as probability."""
        remaining = self.uniform()
        for key, share in shares.items():
            remaining -= share
            if remaining < 0:
                return key
        return key

    def sample(self, items: Sequence[T], n: int) -> list[T]:
        """Draw n items without replacement, in random order."""
        pool = list(items)
        return [pool.pop(self.below(len(pool))) for _ in range(n)]

    def tier(self, trait: float, slope: float = 0.6) -> int:
        """Draw a level of a tiered set: 0 plain, 1 middle, 2 precise."""
        return min(max(int(math.floor(1.0 + slope * trait + self.uniform())), 0), 2)


class StratifiedEvents:
    """Events whose proportion is as close to a target as whole events allow."""

    def __init__(self, dice: SeededSampler) -> None:
        self._expected = dice.uniform()  # number of events that are expected but have not occurred

    def due(self, share: float) -> bool:
        """Whether the next event occurs, with `share` as its expected proportion."""
        self._expected += share
        if self._expected >= 1.0:
            self._expected -= 1.0
            return True
        return False
