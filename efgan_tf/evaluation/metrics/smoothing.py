"""Gaussian smoothing as a matrix product, which BLAS does at full speed."""

import numpy as np


def gaussian_matrix(size: int, sigma: float) -> np.ndarray:
    """The matrix that smooths a line of pixels, mirrored at its ends.

    The window is cut off at 3.5 σ, rounded, which makes the 11 pixels of
    SSIM's σ of 1.5. Rows at least `radius(sigma)` from the ends see no mirror.

    Args:
      size: length of the line.
      sigma: in pixels, above 0.

    Returns:
      float64 `[size, size]`; rows sum to 1.

    Raises:
      ValueError: the line is shorter than the window's half.
    """
    reach = radius(sigma)
    if size < reach:
        raise ValueError(f"{size} pixels are too few for a sigma of {sigma:g}")
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    window /= window.sum()
    ends = ((reach, reach), (0, 0))
    mirrored = np.pad(np.eye(size), ends, mode="symmetric")
    shifted = [mirrored[k : k + size] for k in range(len(window))]
    return np.tensordot(window, shifted, axes=1)


def radius(sigma: float) -> int:
    """How many pixels the window reaches to each side."""
    return int(3.5 * sigma + 0.5)
