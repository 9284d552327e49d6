"""Scales of images: from and to 8 bits, and how near two of them are."""

from typing import Any

import numpy as np

ROUNDING = 1e-3
"""What rounding may take floats beyond their range."""

LEVELS_PER_UNIT = 127.5
"""8-bit levels from 0 to 1 on the scale of [-1, 1]."""


def to_float(images: Any) -> Any:
    """Levels 0–255 → float32 in [-1, 1], the scale that networks work on.

    Args:
      images: a NumPy array or a TensorFlow tensor, of any shape.
    """
    if isinstance(images, np.ndarray):
        return images.astype(np.float32) / LEVELS_PER_UNIT - 1
    import tensorflow as tf  # takes seconds

    return tf.cast(images, tf.float32) / LEVELS_PER_UNIT - 1


def to_uint8(images: np.ndarray) -> np.ndarray:
    """[-1, 1] → uint8 0–255; values beyond the range are clipped."""
    levels = np.rint((images + 1) * LEVELS_PER_UNIT)
    return np.clip(levels, 0, 255).astype(np.uint8)


def to_unit(images: Any) -> Any:
    """[-1, 1] → [0, 1], the scale of exported and served models."""
    return (images + 1) / 2


def from_unit(images: Any) -> Any:
    """[0, 1] → [-1, 1]."""
    return 2 * images - 1


def eight_bits(pixels: np.ndarray) -> np.ndarray:
    """An array of a photo as uint8 `[height, width, 3]`.

    Raises:
      ValueError: it is neither uint8, uint16 nor float, has another shape, no
        pixels, or floats beyond 0–1.
    """
    scales = {"uint8": 1, "uint16": 1 / 257, "float32": 255, "float64": 255}
    if (
        pixels.ndim != 3
        or pixels.shape[2] != 3
        or not pixels.size
        or pixels.dtype.name not in scales
    ):
        raise ValueError(
            "expected [height, width, 3], uint8, uint16 or floats in 0-1, not "
            f"{pixels.dtype} {list(pixels.shape)}"
        )
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind == "f":
        check_range(pixels, 0, 1)
    import cv2  # OpenCV takes a tenth of a second to import

    return cv2.convertScaleAbs(pixels, alpha=scales[pixels.dtype.name])


def check_range(pixels: np.ndarray, lowest: float, highest: float) -> None:
    """Raises a `ValueError` unless all pixels lie in a range, but for rounding.

    Pixels in another range, or NaN, would quietly become another picture.
    """
    least, most = float(pixels.min()), float(pixels.max())
    if not (lowest - ROUNDING <= least and most <= highest + ROUNDING):
        found = f"these are from {least:g} to {most:g}"
        if np.isnan(least):
            found = f"{np.isnan(pixels).sum()} of these are NaN"
        raise ValueError(
            f"floats must lie within {lowest:g} and {highest:g}; {found}"
        )


def psnr(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each image, in dB.

    Args:
      images: `[n, height, width, 3]` in [-1, 1], so that the peak-to-peak
        range is 2.
      reference: the same shape.

    Returns:
      float64 `[n]`; at most 106 dB, which stands for equal.
    """
    error = np.mean(
        (images.astype(np.float64) - reference) ** 2, axis=(1, 2, 3)
    )
    return 10 * np.log10(4.0 / np.maximum(error, 1e-10))
