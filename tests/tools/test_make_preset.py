"""Weights of presets are rounded to 8 bits."""

import numpy as np

from tools.make_preset import rounded


def test_large_tensors_become_multiples_of_a_power_of_two():
    weights = np.random.default_rng(0).normal(0, 0.1, (40, 40))
    weights[0, 0] = 0.5  # 0.5 / 127 lies between 2^-8 and 2^-7
    found = rounded(np.float32(weights))
    whole = found * 2**7
    np.testing.assert_array_equal(whole, np.round(whole))
    assert np.abs(whole).max() == 64
    np.testing.assert_allclose(found, weights, atol=2**-8)
    np.testing.assert_array_equal(np.float16(found), found)


def test_small_tensors_stay():
    weights = np.float32([0.1, 0.2, 0.3])
    np.testing.assert_array_equal(rounded(weights), weights)
