"""How near edited pictures come to the ground truth: error, blur and ghosts.

Pictures are `[n, height, width, 3]` in [-1, 1], the networks' range; all that a
function gets have one shape, or it raises a `ValueError`.

Blur and ghosts are the two faults that the paper is about: local branches keep
the eyes, nose and mouth sharp, and small steps leave no ghost of the old
expression. Their measures are our own. Take those of detail `by_region`: hair
and background say nothing of an edit. (Ghosts need no region: what does not
differ between the expressions does not count.)
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.ndimage import gaussian_filter

from efgan_tf.common import images as scales
from efgan_tf.common.images import to_unit
from efgan_tf.geometry import Box, crop

GRAY_LEVEL = (2 / 255) ** 2
"""Energy of an error of one of 256 gray levels everywhere."""

ROUNDING = GRAY_LEVEL / 12
"""Energy of rounding to such levels."""

_LUMA = (0.299, 0.587, 0.114)  # Rec. 601

# Of SSIM's window: 11 pixels, its standard deviation and half its length.
_SIGMA = 1.5
_REACH = 5

_BEYOND = 1e-3  # the range: half precision, not another range


def check_images(*images: np.ndarray) -> None:
    """Raises a `ValueError` unless all are pictures in [-1, 1] of one shape."""
    for array in images:
        if array.ndim != 4 or array.shape[-1] != 3 or not array.size:
            raise ValueError(
                f"expected pictures [n, height, width, 3], got {array.shape}"
            )
        if array.shape != images[0].shape:
            raise ValueError(f"{images[0].shape} and {array.shape} differ")
        low, high = array.min(), array.max()
        if not -1 - _BEYOND <= low <= high <= 1 + _BEYOND:  # nor where NaN
            raise ValueError(
                f"pictures are in [-1, 1], not from {low:g} to {high:g}"
            )


def psnr(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each image, in dB.

    Returns:
      float64 `[n]`; at most 106 dB, which stands for equal.
    """
    check_images(images, reference)
    return scales.psnr(images, reference)


def ssim(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Structural similarity of each image.

    Wang et al., "Image quality assessment: from error visibility to
    structural similarity", TIP 2004, equation 13 and section III-C: Gaussian
    window of 11 pixels and σ = 1.5, K = (0.01, 0.03), population variances,
    the mean over all pixels whose window lies in the picture, then over the
    channels. Pictures are brought to [0, 1] first, as the luminance term knows
    black: on [-1, 1] it would mean something else. scikit-image gives the same;
    it is not worth a dependency that nothing else needs.

    Args:
      images: sides at least 11.
      reference: likewise.

    Returns:
      float64 `[n]`, at most 1.
    """
    check_images(images, reference)
    if min(images.shape[1:3]) < 2 * _REACH + 1:
        raise ValueError(
            f"pictures of {images.shape[1:3]} are smaller than SSIM's window"
        )
    return np.array(
        [_ssim(x, y) for x, y in zip(images, reference, strict=True)]
    )


def _ssim(x: np.ndarray, y: np.ndarray) -> float:
    """SSIM of two pictures `[height, width, 3]`."""
    x, y = (to_unit(z.astype(np.float64)) for z in (x, y))
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


def by_region(
    metric: Callable[..., np.ndarray],
    boxes: Mapping[str, Box],
    *images: np.ndarray,
    **settings,
) -> dict[str, np.ndarray]:
    """A metric of the pixels in each box: `by_region(psnr, boxes, x, y)`.

    Args:
      metric: takes as many arrays of pictures as are given.
      boxes: in pixels, as `geometry.pixel_boxes` gives them.
      *images: pictures.
      **settings: handed to the metric.

    Returns:
      The metric's `[n]` by the boxes' names.
    """
    return {
        name: metric(*(crop(array, box) for array in images), **settings)
        for name, box in boxes.items()
    }


def sharpness(
    edited: np.ndarray, reference: np.ndarray, sigma: float = 1.0
) -> np.ndarray:
    """High-frequency energy of each picture, as a share of a reference's.

    With h = luma − Gaussian(luma), mirrored at the picture's edge:
    `(mean h²(edited) + ε) / (mean h²(reference) + ε)`, ε = `ROUNDING`, which
    keeps the ratio of two plain areas at 1.

    Args:
      edited: pictures.
      reference: the ground truth, or the source where there is none.
      sigma: of the Gaussian in pixels; size / 64 means the same detail of a
        face at every size.

    Returns:
      float64 `[n]`, above 0: 1 is as sharp, less is blurred, more is noisy.
      Ratios average by their logarithms.
    """
    found, known = _high_frequencies(sigma, edited, reference)
    return _energy(found, found) / _energy(known, known)


def kept_detail(
    edited: np.ndarray, reference: np.ndarray, sigma: float = 1.0
) -> np.ndarray:
    """How much of the ground truth's detail is in each edit, at its place.

    `sharpness` also rises where edges are doubled. With h as there this is
    `(⟨h(edited), h(reference)⟩ + ε) / (⟨h(reference), h(reference)⟩ + ε)`.

    Args: as `sharpness`.

    Returns:
      float64 `[n]`: 1 for a perfect edit, 0 where no detail is where it should
      be.
    """
    found, known = _high_frequencies(sigma, edited, reference)
    return _energy(found, known) / _energy(known, known)


def _high_frequencies(sigma: float, *images: np.ndarray) -> list[np.ndarray]:
    """Luma less its Gaussian, `[n, height, width]` each."""
    check_images(*images)
    lumas = [array.astype(np.float64) @ _LUMA for array in images]
    return [x - gaussian_filter(x, (0, sigma, sigma), truncate=3.5)
            for x in lumas]  # fmt: skip


def _energy(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.mean(first * second, axis=(1, 2)) + ROUNDING


def differs(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Bool `[n]`: whether source and target differ enough to leave a ghost."""
    _, energy, _ = _moments(target, source, target)
    return energy > GRAY_LEVEL


def ghosting(
    edited: np.ndarray, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """How much of the old expression is left in each picture.

    The least-squares coefficient of the residual on what should have gone:
    with r = edited − target and d = source − target, each less its mean per
    channel (a change of tone is no ghost), it is `⟨r, d⟩ / ⟨d, d⟩`. A blend
    `α·source + (1 − α)·target` has α. Only pixels that differ between the
    expressions count, and they count by how much they differ. Where source and
    target differ by less than `GRAY_LEVEL` there is no ghost to leave: 0.

    Args:
      edited: pictures.
      source: the pictures before the edit.
      target: the ground truth of the expression that was asked for.

    Returns:
      float64 `[n]`: 0 for a perfect edit and, on average, for errors that have
      nothing to do with the source; 1 for no edit; below 0 for overdoing it.
    """
    _, energy, shared = _moments(edited, source, target)
    return np.where(
        energy > GRAY_LEVEL, shared / np.maximum(energy, GRAY_LEVEL), 0.0
    )


def ghost_correlation(
    edited: np.ndarray, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Share of the error that looks like the old expression, −1 to 1.

    The correlation of the residual with `source − target`, as `ghosting`
    defines them. It says what kind of error there is, not how much: a faint
    ghost without other errors has 1. 0 where either is less than
    `GRAY_LEVEL`.

    Args: as `ghosting`.

    Returns:
      float64 `[n]`.
    """
    *energies, shared = _moments(edited, source, target)
    norm = np.sqrt(np.prod(np.maximum(energies, GRAY_LEVEL), axis=0))
    return np.where(np.min(energies, axis=0) > GRAY_LEVEL, shared / norm, 0.0)


def _moments(edited, source, target) -> np.ndarray:
    """Mean r², d² and r·d of each picture, `[3, n]`; r, d as in `ghosting`."""
    check_images(edited, source, target)
    moments = []
    for after, before, reference in zip(edited, source, target, strict=True):
        r, d = (np.float64(x) - reference for x in (after, before))
        r, d = (x - x.mean(axis=(0, 1)) for x in (r, d))
        moments.append([np.mean(r * r), np.mean(d * d), np.mean(r * d)])
    return np.transpose(moments)
