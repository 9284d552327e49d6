"""Checks of the metrics' arguments."""

import numpy as np

_ROUNDING = 1e-3  # beyond [-1, 1]: half precision, not another range


def finite(array: np.ndarray, name: str, rank: int) -> np.ndarray:
    """`array` as float64.

    Raises:
      ValueError: it is empty, has another rank, or is not finite throughout.
    """
    array = np.asarray(array, np.float64)
    _check(array, name, rank)
    return array


def pictures(images: np.ndarray, name: str) -> np.ndarray:
    """`[n, height, width, 3]` in [-1, 1], checked but not copied: it is large.

    Raises:
      ValueError: another shape or range, empty, or not finite.
    """
    images = np.asarray(images)
    _check(images, name, 4)
    if images.shape[-1] != 3:
        raise ValueError(f"{name} has shape {images.shape}; 3 channels, please")
    if np.abs(images).max() > 1 + _ROUNDING:
        raise ValueError(
            f"{name} reaches from {images.min():g} to {images.max():g}; "
            "pictures are in [-1, 1]"
        )
    return images


def same_shape(**arrays: np.ndarray) -> None:
    """Raises a `ValueError` with the shapes unless they are the same."""
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"shapes differ: {listed}")


def same_length(**arrays) -> None:
    """Raises a `ValueError` with the lengths unless they are equal."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in lengths.items())
        raise ValueError(f"lengths differ: {listed}")


def _check(array: np.ndarray, name: str, rank: int) -> None:
    if array.ndim != rank:
        raise ValueError(
            f"{name} has shape {array.shape}, expected rank {rank}"
        )
    if not array.size:
        raise ValueError(f"{name} is empty")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite everywhere")
