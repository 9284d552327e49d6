"""How much lies where."""

import numpy as np

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
