"""How near pictures come to the truth: for training's scores and reports."""

import numpy as np


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
