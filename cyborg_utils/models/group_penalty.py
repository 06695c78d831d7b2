"""Group-mean regularization: a penalty on the differences between a Student's and the human mean
score of each subgroup.

It uses the subgroups of human-scored dev essays during training; scoring uses no subgroup.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from cyborg_utils.statistics.groups import MISSING, group_levels
from cyborg_utils.study.schema.models import EncoderScorer

FEWEST = 4  # dev essays of a group, below which its mean is too imprecise
SAMPLE = 24  # dev essays of a group that one step uses


class GroupPenalty:
    """For each optimizer step: the squared mean error of one subgroup of the dev set.

    An attribute is drawn, then one of its groups, then up to `SAMPLE` of the group's essays. The
    square of the group's mean error is estimated without bias, by the mean of e_i e_j over pairs of
    different essays: the plain square of a mean would also penalize the variance of the errors,
    and so overfit to the dev scores.
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

    def __call__(self, model: torch.nn.Module, step: int, device: torch.device) -> torch.Tensor:
        """The weighted penalty at one step; the same step and seed give the same essays."""
        rng = np.random.default_rng([self.seed, step, 11])
        groups = self.attributes[rng.integers(len(self.attributes))]
        group = groups[rng.integers(len(groups))]
        chosen = rng.choice(group, min(SAMPLE, len(group)), replace=False)
        batch = self.collate([self.examples[i] for i in chosen])
        batch = {name: value.to(device) for name, value in batch.items()}
        errors = model(**batch).logits.float() - batch["labels"]
        n = len(errors)
        square = (errors.sum(0) ** 2 - (errors**2).sum(0)) / (n * (n - 1))
        return self.spec.group_penalty * square.sum()
