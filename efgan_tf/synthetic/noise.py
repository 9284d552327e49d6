"""Smooth random fields: value noise summed over octaves."""

import numba
import numpy as np


@numba.njit(cache=True)
def _lattice(x: int, y: int, z: int, seed: int) -> float:
    """A number in [0, 1) for each lattice point: an integer hash."""
    h = np.uint32(x * 374761393 + y * 668265263 + z * 2147483647 + seed * 97)
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(1274126177))
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(2246822519))
    return (h ^ (h >> np.uint32(15))) / 4294967296.0


@numba.njit(cache=True)
def _value(x: float, y: float, z: float, seed: int) -> float:
    """Trilinear blend of the eight lattice numbers around a point."""
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    total = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                weight = (
                    (u if a else 1 - u)
                    * (v if b else 1 - v)
                    * (w if c else 1 - w)
                )
                total += weight * _lattice(i + a, j + b, k + c, seed)
    return total


@numba.njit(cache=True)
def _fractal(points: np.ndarray, seed: int, octaves: int, out: np.ndarray):
    for n in range(points.shape[0]):
        total, amplitude, norm, scale = 0.0, 1.0, 0.0, 1.0
        for octave in range(octaves):
            total += amplitude * _value(
                points[n, 0] * scale,
                points[n, 1] * scale,
                points[n, 2] * scale,
                seed + octave * 7919,
            )
            norm += amplitude
            amplitude *= 0.55
            scale *= 2.03  # not 2: lattice points of octaves must not align
        out[n] = total / norm


def fractal_noise(
    points: np.ndarray,
    seed: int,
    octaves: int = 4,
    where: np.ndarray | None = None,
) -> np.ndarray:
    """Noise in [0, 1], mean 0.5, with one wave per unit in the first octave.

    Args:
      points: float [..., 3].
      seed: which field.
      octaves: each doubles the frequency at 0.55 of the amplitude.
      where: bool [...]; elsewhere the result is 0 and costs nothing.

    Returns:
      float32 [...].
    """
    if where is not None:
        masked = np.zeros(points.shape[:-1], np.float32)
        masked[where] = fractal_noise(points[where], seed, octaves)
        return masked
    flat = np.ascontiguousarray(points.reshape(-1, 3), np.float32)
    out = np.empty(len(flat), np.float32)
    _fractal(flat, seed, octaves, out)
    return out.reshape(points.shape[:-1])
