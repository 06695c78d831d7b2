"""A penalty that keeps a Student's mean score of each group at people's, during training.

Groups are read from human-scored dev essays while the Student learns; no group is known when it
scores an essay.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from cyborg_utils.fairness import MISSING, group_levels
from cyborg_utils.schema_models import EncoderScorer

FEWEST = 4  # dev essays of a group: with fewer its mean says nothing


class GroupPenalty:
    """For each step of learning: the squared mean error of every group of one attribute.

    An attribute is drawn, and the same number of dev essays from each of its groups. The square of
    a group's mean error r is estimated without bias, by the mean of r_i r_j over pairs of
    different essays: the plain square of a mean would also punish how much errors vary, and so
    teach dev's scores by heart.
    """

    def __init__(
        self, examples: list[dict], groups: pd.DataFrame, collate: Callable, spec: EncoderScorer,
        seed: int,
    ):  # fmt: skip
        self.examples, self.collate, self.spec, self.seed = examples, collate, spec, seed
        self.attributes = []
        for attribute in groups:
            _, levels = group_levels(groups, attribute)
            members = [
                np.flatnonzero(levels == level)
                for level in sorted(levels.unique())
                if level != MISSING and (levels == level).sum() >= FEWEST
            ]
            if len(members) > 1:
                self.attributes.append(members)
        if not self.attributes:
            raise ValueError(
                f"student {spec.name}: group_penalty needs two groups of {FEWEST} or more dev "
                "essays in an attribute; dev has none"
            )

    def __call__(self, model: torch.nn.Module, step: int, place: torch.device) -> torch.Tensor:
        """The penalty at one step, weighed; the same step and seed give the same essays."""
        rng = np.random.default_rng([self.seed, step, 11])
        members = self.attributes[rng.integers(len(self.attributes))]
        size = max(2, self.spec.batch_size // len(members))
        chosen = [rng.choice(group, min(size, len(group)), replace=False) for group in members]
        batch = self.collate([self.examples[i] for i in np.concatenate(chosen)])
        batch = {name: value.to(place) for name, value in batch.items()}
        errors = model(**batch).logits.float() - batch["labels"]
        squares = [
            (e.sum(0) ** 2 - (e**2).sum(0)) / (len(e) * (len(e) - 1))
            for e in errors.split([len(c) for c in chosen])
        ]
        return self.spec.group_penalty * torch.stack(squares).mean(0).sum()
