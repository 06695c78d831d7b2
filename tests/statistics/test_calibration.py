"""Calibration functions against a peer's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from cyborg_utils.statistics.calibration import fit_calibration

LABELS = range(1, 7)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80), st.sampled_from([0, 1, 8]))
def test_isotonic_calibration_is_scikit_learns_to_the_last_digit(seed, n, decimals):
    """With ties (few decimals) and without, on scores that dev has and on others."""
    rng = np.random.default_rng(seed)
    human = rng.integers(1, 7, n)
    machine = (human + rng.normal(0, 2, n)).round(decimals)
    others = np.concatenate([machine, rng.normal(3.5, 3, 100)])
    peer = IsotonicRegression(out_of_bounds="clip").fit(machine, human)
    continuous, _ = fit_calibration("isotonic", machine, human, LABELS)(others)
    assert np.array_equal(continuous, peer.predict(others))
