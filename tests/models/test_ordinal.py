"""The ordinal head of an encoder: its probabilities and its loss."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cyborg_utils.models.encoder import ScoringLoss
from cyborg_utils.models.outputs import continuation_probabilities


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=9), st.integers(0, 9))
def test_the_loss_of_an_ordinal_head_is_its_cross_entropy(logits, drawn):
    """With the probabilities that it scores by, also for a target between two scores."""
    n, row = len(logits) + 1, np.array([logits])
    probabilities = continuation_probabilities(row)[0]
    assert probabilities.sum() == pytest.approx(1)
    target = np.zeros(n)
    target[drawn % n] += 0.7
    target[(drawn + 1) % n] += 0.3
    network = SimpleNamespace(logits=torch.tensor(row, dtype=torch.float64))
    loss = ScoringLoss(lambda **_: network, "ordinal", n)
    told = loss(None, None, torch.tensor(target[None]), torch.ones(1, 1)).loss
    expected = -(target * np.log(probabilities)).sum()
    assert float(told) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_an_ordinal_head_gives_known_probabilities():
    """Half the essays are above 1; of these a quarter above 2."""
    logits = np.array([[0.0, -np.log(3)]])
    np.testing.assert_allclose(continuation_probabilities(logits), [[0.5, 0.375, 0.125]])
