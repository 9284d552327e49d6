"""How near edited pictures come to the true ones.

Pictures are `[n, height, width, 3]` in [-1, 1], the networks' range.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.ndimage import gaussian_filter

from efgan_tf.common import images as scales
from efgan_tf.evaluation.metrics import checks
from efgan_tf.geometry import Box, crop

# Of SSIM's window: 11 pixels, its standard deviation and half its length.
_SIGMA = 1.5
_REACH = 5


def psnr(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each image, in dB.

    Args:
      images: `[n, height, width, 3]` in [-1, 1].
      truth: the same shape.

    Returns:
      float64 `[n]`; at most 106 dB, which stands for equal.

    Raises:
      ValueError: see `checks.pictures`; or the shapes differ.
    """
    images, truth = _pair(images, truth)
    return scales.psnr(images, truth)


def ssim(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Structural similarity of each image.

    Wang et al., "Image quality assessment: from error visibility to
    structural similarity", TIP 2004, equation 13 and section III-C: Gaussian
    window of 11 pixels and σ = 1.5, K = (0.01, 0.03), population variances,
    the mean over all pixels whose window lies in the picture, then over the
    channels. Pictures are brought to [0, 1] first, as the luminance term knows
    black: on [-1, 1] it would mean something else.

    Args:
      images: `[n, height, width, 3]` in [-1, 1], sides at least 11.
      truth: the same shape.

    Returns:
      float64 `[n]`, at most 1.

    Raises:
      ValueError: see `checks.pictures`; the shapes differ; or the pictures are
        smaller than the window.
    """
    images, truth = _pair(images, truth)
    if min(images.shape[1:3]) < 2 * _REACH + 1:
        raise ValueError(
            f"images of {images.shape[1:3]} are smaller than SSIM's window"
        )
    return np.array([_ssim(x, y) for x, y in zip(images, truth, strict=True)])


def by_region(
    metric: Callable[..., np.ndarray],
    boxes: Mapping[str, Box],
    *pictures: np.ndarray,
    **settings,
) -> dict[str, np.ndarray]:
    """A metric of the pixels in each box: `by_region(psnr, boxes, x, y)`.

    Args:
      metric: takes as many arrays of pictures as are given.
      boxes: in pixels, as `geometry.pixel_boxes` gives them.
      *pictures: `[n, height, width, 3]` each.
      **settings: handed to the metric.

    Returns:
      The metric's `[n]` by the boxes' names.

    Raises:
      ValueError: a box reaches beyond the pictures; or the metric's.
    """
    for array in pictures:
        for name, box in boxes.items():
            _check_inside(name, box, *np.shape(array)[1:3])
    return {
        name: metric(*(crop(array, box) for array in pictures), **settings)
        for name, box in boxes.items()
    }


def _pair(images, truth) -> tuple[np.ndarray, np.ndarray]:
    images = checks.pictures(images, "images")
    truth = checks.pictures(truth, "truth")
    checks.same_shape(images=images, truth=truth)
    return images, truth


def _ssim(x: np.ndarray, y: np.ndarray) -> float:
    """SSIM of two pictures `[height, width, 3]`."""
    x, y = ((z.astype(np.float64) + 1) / 2 for z in (x, y))
    mean_x, mean_y, xx, yy, xy = (
        gaussian_filter(z, (_SIGMA, _SIGMA, 0), radius=_REACH)[
            _REACH:-_REACH, _REACH:-_REACH
        ]
        for z in (x, y, x * x, y * y, x * y)
    )
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * product + c1) / (squares + c1)
    structure = (2 * (xy - product) + c2) / (xx + yy - squares + c2)
    return float(np.mean(luminance * structure))


def _check_inside(name: str, box: Box, height: int, width: int) -> None:
    inside = (
        min(box) >= 0
        and box.top + box.height <= height
        and box.left + box.width <= width
    )
    if not inside:
        raise ValueError(f"{name}, {box}, is not within {height}×{width}")
