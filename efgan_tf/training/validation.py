"""How near edits come to the truth on people that were never trained on."""

from collections.abc import Mapping

import numpy as np


def psnr(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each image, in dB.

    Args:
      images: `[n, S, S, 3]` in [-1, 1], so that the peak-to-peak range is 2.
      truth: the same shape.

    Returns:
      float64 `[n]`; infinite where the two are equal.
    """
    error = np.mean((images.astype(np.float64) - truth) ** 2, axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(4.0 / error)


def held_out_metrics(
    pairs: Mapping[str, np.ndarray], edited: np.ndarray
) -> dict[str, float]:
    """Mean PSNR to the true target, of the edit and of no edit at all.

    Args:
      pairs: evaluation pairs (`efgan_tf.data.evaluation_pairs`).
      edited: `[n, S, S, 3]`, the edits of `pairs["image"]`.
    """
    edit = float(np.mean(psnr(edited, pairs["target_image"])))
    no_edit = float(np.mean(psnr(pairs["image"], pairs["target_image"])))
    return {
        "held_out/psnr": edit,
        "held_out/psnr_no_edit": no_edit,
        "held_out/psnr_gain": edit - no_edit,
    }
