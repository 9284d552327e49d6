"""How much lies where, and how alike maps are."""

import numpy as np

from benchmarks.explain import rank_correlation, specific
from efgan_tf.explaining.localization import densities
from efgan_tf.geometry import Box

BOXES = {"left": Box(0, 0, 4, 2), "corner": Box(0, 0, 1, 1)}


def test_densities_are_means_over_the_maps_mean():
    maps = np.zeros((3, 4, 4))
    maps[0, :, :2] = 5  # all in the left half, which is twice the mean
    maps[1] = 7  # the same everywhere
    found = densities(maps, BOXES)
    np.testing.assert_allclose(found["left"], [2, 1, 0])
    np.testing.assert_allclose(found["corner"], [2, 1, 0])


def test_what_all_units_share_drops_out():
    shared = np.random.default_rng(0).random((8, 8)) + 0.5
    # Blocks of one value, so that averaging over them loses nothing.
    shared = np.kron(shared[::2, ::2], np.ones((2, 2)))
    own = np.ones((2, 8, 8))
    own[0, :4] = 3
    found = specific(own * shared * [[[1]], [[100]]], 2)
    assert found.shape == (2, 4, 4)
    # Alike wherever a unit is like itself, whatever is shared.
    assert np.ptp(found[0, :2]) < 1e-12 and np.ptp(found[0, 2:]) < 1e-12
    assert found[0, 0, 0] > 1 > found[1, 0, 0]
    np.testing.assert_allclose(found.mean(axis=0), 1)


def test_ranks_are_compared():
    one = np.arange(9.0).reshape(3, 3)
    assert rank_correlation(one, one**3) == 1
    assert rank_correlation(one, -one) == -1
    assert rank_correlation(one, np.ones((3, 3))) == 0
