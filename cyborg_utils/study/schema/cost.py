"""Configuration schema of what human scores cost."""

from __future__ import annotations

from cyborg_utils.study.schema.base import Positive, Strict


class Cost(Strict):
    """What one human score of one essay costs: minutes, and a price in `currency`."""

    minutes_per_score: Positive | None = None
    price_per_score: Positive | None = None
    currency: str = ""

    def of(self, n: int) -> dict[str, float]:
        """`hours` and `price` of `n` scores, each where it is known."""
        known = {"hours": self.minutes_per_score and n * self.minutes_per_score / 60}
        known["price"] = self.price_per_score and n * self.price_per_score
        return {name: value for name, value in known.items() if value is not None}
