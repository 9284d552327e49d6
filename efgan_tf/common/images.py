"""Images in [-1, 1]: from and to 8 bits, and how near two of them are."""

from typing import Any

import numpy as np

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


def psnr(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each image, in dB.

    Args:
      images: `[n, height, width, 3]` in [-1, 1], so that the peak-to-peak
        range is 2.
      truth: the same shape.

    Returns:
      float64 `[n]`; at most 106 dB, which stands for equal.
    """
    error = np.mean((images.astype(np.float64) - truth) ** 2, axis=(1, 2, 3))
    return 10 * np.log10(4.0 / np.maximum(error, 1e-10))
