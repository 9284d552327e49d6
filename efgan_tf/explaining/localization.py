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


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's ρ of two maps' pixels; 0 if one of them is flat."""
    if not np.ptp(one) or not np.ptp(other):
        return 0.0
    return float(spearmanr(np.ravel(one), np.ravel(other)).statistic)
