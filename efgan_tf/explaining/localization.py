"""How much of a map lies where."""

from collections.abc import Mapping

import numpy as np

from efgan_tf import geometry


def densities(
    maps: np.ndarray, boxes: Mapping[str, geometry.Box]
) -> dict[str, np.ndarray]:
    """The mean inside each box as a multiple of the whole map's mean.

    Args:
      maps: `[n, height, width]`, at least 0.
      boxes: region → its box in the maps' pixels.

    Returns:
      Region → float64 `[n]`: 1 is as much as anywhere; 0 of an empty map.
    """
    maps = np.asarray(maps, np.float64)
    whole = maps.mean(axis=(1, 2))
    inside = {
        name: geometry.crop(maps, box).mean(axis=(1, 2))
        for name, box in boxes.items()
    }
    safe = np.where(whole > 0, whole, 1)
    return {name: values / safe for name, values in inside.items()}
