"""How much of a map lies where, and how alike two maps are."""

from collections.abc import Mapping

import numpy as np
from scipy.stats import spearmanr

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


def specific(maps: np.ndarray, block: int) -> np.ndarray:
    """What sets each unit's map apart from those of the other units.

    Maps of one face share much that says nothing about a unit: where the
    picture is flat, how often a pixel is looked at. Networks with random
    weights have that in common with trained ones.

    Args:
      maps: `[n, height, width]`, none of them empty.
      block: side of the squares of pixels that are averaged; divides both
        sides of the maps.

    Returns:
      `[n, height / block, width / block]`: each map, its mean being 1, as a
      multiple of the mean of all.
    """
    count, height, width = maps.shape
    squares = np.asarray(maps, np.float64).reshape(
        count, height // block, block, width // block, block
    )
    coarse = squares.mean(axis=(2, 4))
    coarse /= coarse.mean(axis=(1, 2), keepdims=True)
    return coarse / coarse.mean(axis=0)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's ρ of two maps' pixels; 0 if one of them is flat."""
    if not np.ptp(one) or not np.ptp(other):
        return 0.0
    return float(spearmanr(np.ravel(one), np.ravel(other)).statistic)
