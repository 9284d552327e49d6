"""Creases that action units cut into the skin.

Drawn once, in texture space, as functions of the rest pose; an expression
darkens the skin along them in proportion to its units.
"""

import functools

import numpy as np

from efgan_tf import action_units
from efgan_tf.synthetic.noise import fractal_noise
from efgan_tf.synthetic.texture import texel_positions

# Creases and the action units that cut them (units' share at intensity 5).
CREASES = {
    "forehead": {"AU01": 0.6, "AU02": 0.7},
    "frown": {"AU04": 1.0, "AU09": 0.3},
    "nose": {"AU09": 1.0, "AU10": 0.2},
    "nasolabial": {"AU12": 0.8, "AU06": 0.2, "AU09": 0.4, "AU10": 0.6},
    "crow": {"AU06": 0.9, "AU07": 0.2, "AU45": 0.15},
    "lid": {"AU06": 0.6, "AU07": 0.6, "AU09": 0.2},
    "chin": {"AU17": 1.0},
    "dimple": {"AU14": 1.0},
    "corner": {"AU15": 0.8, "AU20": 0.4},
}


def bump(distance: np.ndarray, width: float) -> np.ndarray:
    """1 at distance 0, falling over `width`."""
    return np.exp(-((distance / width) ** 2))


def window(x: np.ndarray, low: float, high: float, soft: float) -> np.ndarray:
    """1 between low and high, fading over `soft`."""
    return np.clip((x - low) / soft, 0, 1) * np.clip((high - x) / soft, 0, 1)


def _curve(
    p: np.ndarray, points: list[tuple[float, float]], width: float
) -> np.ndarray:
    """Closeness in [0, 1] to a polyline through (|x|, y) rest positions."""
    x, y = np.abs(p[..., 0]), p[..., 1]
    nearest = np.full(x.shape, 9.0, np.float32)
    for (ax, ay), (bx, by) in zip(points, points[1:], strict=False):
        dx, dy = bx - ax, by - ay
        t = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        nearest = np.minimum(
            nearest, np.hypot(x - ax - t * dx, y - ay - t * dy)
        )
    return bump(nearest, width)


@functools.cache
def crease_maps() -> tuple[np.ndarray, tuple[slice, slice]]:
    """Where each of `CREASES` darkens the skin.

    Returns:
      float32 [creases, h, w] in [-1, 1], below 0 where skin bulges and
      catches light, and the part of the texture that they cover.
    """
    whole = texel_positions()
    front = (whole[..., 2] > -0.6) & (whole[..., 1] > -2.2)
    front &= (whole[..., 1] < 1.3) & (np.abs(whole[..., 0]) < 1.2)
    rows, columns = np.flatnonzero(front.any(1)), np.flatnonzero(front.any(0))
    area = (
        slice(rows[0], rows[-1] + 1),
        slice(columns[0], columns[-1] + 1),
    )
    p = whole[area]
    x, y, z = np.abs(p[..., 0]), p[..., 1], p[..., 2]
    wave = 0.03 * np.sin(p[..., 0] * 5) + 0.05 * np.cos(x * 2.4)
    valleys = sum(bump(y - a - wave, 0.035) for a in (0.5, 0.67, 0.84))
    ridges = sum(bump(y - a - wave, 0.045) for a in (0.585, 0.755))
    frown = _curve(p, [(0.12, 0.06), (0.09, 0.4)], 0.05)
    frown = frown + 0.6 * _curve(p, [(0.0, 0.1), (0.16, 0.02)], 0.045)
    nose = _curve(p, [(0.0, -0.1), (0.12, -0.08), (0.22, 0.0)], 0.03)
    nose = nose + _curve(p, [(0.0, -0.2), (0.12, -0.18), (0.24, -0.08)], 0.03)
    nose = nose + 0.8 * _curve(p, [(0.12, -0.36), (0.24, -0.22)], 0.04)
    fold = [(0.27, -0.58), (0.37, -0.7), (0.49, -0.92), (0.53, -1.1)]
    bulge = [(0.37, -0.55), (0.48, -0.68), (0.6, -0.9)]
    crow = sum(
        _curve(p, [(0.86, a), (1.06, 0.02 + 2.6 * a)], 0.024)
        for a in (0.05, 0.0, -0.05)
    )
    chin = fractal_noise(p * 14, 11, 2)
    chin = np.clip((chin - 0.45) * 3, 0, 1) * bump(x, 0.22)
    maps = {
        "forehead": (valleys - 0.5 * ridges) * window(x, -1, 0.62, 0.35),
        "frown": frown,
        "nose": nose,
        "nasolabial": _curve(p, fold, 0.06) - 0.4 * _curve(p, bulge, 0.09),
        "crow": crow,
        "lid": _curve(p, [(0.22, -0.13), (0.45, -0.24), (0.75, -0.16)], 0.045),
        "chin": chin * bump(y + 1.52, 0.16),
        "dimple": _curve(p, [(0.52, -0.98), (0.55, -1.16)], 0.05),
        "corner": _curve(p, [(0.45, -1.16), (0.5, -1.4)], 0.05),
    }
    strength = {"frown": 0.5, "forehead": 0.3, "crow": 0.25, "nose": 0.3}
    return (
        np.stack(
            [
                np.clip(maps[n], -1, 1) * strength.get(n, 0.38) * (z > -0.7)
                for n in CREASES
            ]
        ).astype(np.float32),
        area,
    )


def crease_strengths(units: np.ndarray) -> np.ndarray:
    """How deep one side's creases are, float32 [creases], from [17], 0–5."""
    names = action_units.NAMES
    return np.array(
        [
            min(1.0, sum(w * units[names.index(au)] / 5 for au, w in c.items()))
            for c in CREASES.values()
        ],
        np.float32,
    )
