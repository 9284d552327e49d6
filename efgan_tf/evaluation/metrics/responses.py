"""What a slider does: how a judge's reading follows it, and what else moves.

One action unit's slider is moved over m values on each of n faces; a judge
reads k units (17, or those that count) off every edit.
"""

import numpy as np
from scipy.stats import rankdata

from efgan_tf.evaluation.metrics import checks


def slopes(sliders: np.ndarray, readings: np.ndarray) -> np.ndarray:
    """Least-squares slope of each unit's mean reading over the slider.

    Args:
      sliders: `[m]`, 0–5, not all the same.
      readings: `[m, n, k]`, 0–5.

    Returns:
      float64 `[k]`, units of reading per unit of slider; ideally 1 for the
      slider's own unit and 0 for the others.

    Raises:
      ValueError: shapes, one slider value only, empty, or not finite.
    """
    sliders, readings = _curves(sliders, readings)
    offsets = sliders - sliders.mean()
    return offsets @ readings.mean(axis=1) / (offsets @ offsets)


def cross_talk(sliders: np.ndarray, readings: np.ndarray) -> np.ndarray:
    """How much unit j changes per unit of slider i.

    Args:
      sliders: `[m]`, the same for all.
      readings: `[u, m, n, k]`, first axis the slider that was moved.

    Returns:
      float64 `[u, k]`; the identity would be perfect control.

    Raises:
      ValueError: as `slopes`.
    """
    readings = checks.finite(readings, "readings", 4)
    return np.stack([slopes(sliders, moved) for moved in readings])


def rising_share(
    sliders: np.ndarray, readings: np.ndarray, least: float = 0.0
) -> np.ndarray:
    """Share of the slider's steps at which the mean reading rises.

    Args and raises: as `slopes`; the slider values rise, and a rise counts that
    is more than `least` units of reading.

    Returns:
      float64 `[k]`, 0–1; 1 is a response that is monotone on average.
    """
    sliders, readings = _curves(sliders, readings)
    if np.any(np.diff(sliders) <= 0):
        raise ValueError("sliders must rise")
    return np.mean(np.diff(readings.mean(axis=1), axis=0) > least, axis=0)


def rank_correlation(sliders: np.ndarray, readings: np.ndarray) -> np.ndarray:
    """Spearman's ρ of slider and reading, face by face, averaged over faces.

    Unlike `rising_share` it looks at single faces, and a curve that has
    reached its top costs little. A reading that does not move at all has 0.

    Args and raises: as `slopes`.

    Returns:
      float64 `[k]`, −1 to 1.
    """
    sliders, readings = _curves(sliders, readings)
    slider_ranks, ranks = (
        rankdata(values, axis=0) - (len(values) + 1) / 2
        for values in (sliders, readings)
    )
    shared = np.tensordot(slider_ranks, ranks, axes=1)
    norm = np.sqrt(np.sum(slider_ranks**2) * np.sum(ranks**2, axis=0))
    moved = norm > 0
    return np.mean(np.where(moved, shared / np.where(moved, norm, 1), 0), 0)


def _curves(sliders, readings) -> tuple[np.ndarray, np.ndarray]:
    sliders = checks.finite(sliders, "sliders", 1)
    readings = checks.finite(readings, "readings", 3)
    checks.same_length(sliders=sliders, readings=readings)
    if not np.ptp(sliders):
        raise ValueError("sliders must have two values at least")
    return sliders, readings
