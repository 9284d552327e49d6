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


GREY_LEVEL = (2 / 255) ** 2
"""Energy of an error of one of 256 grey levels everywhere."""

ROUNDING = GREY_LEVEL / 12
"""Energy of rounding to such levels."""

_LUMA = (0.299, 0.587, 0.114)  # Rec. 601


def sharpness(
    edited: np.ndarray, reference: np.ndarray, sigma: float = 1.0
) -> np.ndarray:
    """High-frequency energy of each picture, as a share of a reference's.

    With h = luma − Gaussian(luma), mirrored at the picture's edge:
    `(mean h²(edited) + ε) / (mean h²(reference) + ε)`, ε = `ROUNDING`, which
    keeps the ratio of two plain areas at 1.

    Args:
      edited: `[n, height, width, 3]` in [-1, 1].
      reference: the true target, or the source where there is none.
      sigma: of the Gaussian in pixels; size / 64 means the same detail of a
        face at every size.

    Returns:
      float64 `[n]`, above 0: 1 is as sharp, less is blurred, more is noisy.
      Ratios average by their logarithms.

    Raises:
      ValueError: see `checks.pictures`; or the shapes differ.
    """
    edited = checks.pictures(edited, "edited")
    reference = checks.pictures(reference, "reference")
    checks.same_shape(edited=edited, reference=reference)
    energies = [_detail(images, sigma) for images in (edited, reference)]
    return (energies[0] + ROUNDING) / (energies[1] + ROUNDING)


def kept_detail(
    edited: np.ndarray, reference: np.ndarray, sigma: float = 1.0
) -> np.ndarray:
    """How much of the true picture's detail is in each edit, at its place.

    `sharpness` also rises where edges are doubled. With h as there this is
    `(⟨h(edited), h(reference)⟩ + ε) / (⟨h(reference), h(reference)⟩ + ε)`.

    Args and raises: as `sharpness`.

    Returns:
      float64 `[n]`: 1 for a perfect edit, 0 where no detail is where it should
      be.
    """
    edited = checks.pictures(edited, "edited")
    reference = checks.pictures(reference, "reference")
    checks.same_shape(edited=edited, reference=reference)
    found, known = (_high_frequencies(x, sigma) for x in (edited, reference))
    shared = np.mean(found * known, axis=(1, 2))
    return (shared + ROUNDING) / (np.mean(known**2, axis=(1, 2)) + ROUNDING)


def differs(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Bool `[n]`: whether source and target differ enough to leave a ghost."""
    _, energy, _ = _moments(target, source, target)
    return energy > GREY_LEVEL


def ghosting(
    edited: np.ndarray, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """How much of the old expression is left in each picture.

    The least-squares coefficient of the residual on what should have gone:
    with r = edited − target and d = source − target, each less its mean per
    channel (a change of tone is no ghost), it is `⟨r, d⟩ / ⟨d, d⟩`. A blend
    `α·source + (1 − α)·target` has α. Only pixels that differ between the
    expressions count, and they count by how much they differ. Where source and
    target differ by less than `GREY_LEVEL` there is no ghost to leave: 0.

    Args:
      edited: `[n, height, width, 3]` in [-1, 1].
      source: the pictures before the edit.
      target: the true pictures of the wanted expression.

    Returns:
      float64 `[n]`: 0 for a perfect edit and, on average, for errors that have
      nothing to do with the source; 1 for no edit; below 0 for overdoing it.

    Raises:
      ValueError: see `checks.pictures`; or the shapes differ.
    """
    _, energy, shared = _moments(edited, source, target)
    return np.where(
        energy > GREY_LEVEL, shared / np.maximum(energy, GREY_LEVEL), 0.0
    )


def ghost_correlation(
    edited: np.ndarray, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Share of the error that looks like the old expression, −1 to 1.

    The correlation of the residual with `source − target`, as `ghosting`
    defines them. It says what kind of error there is, not how much: a faint
    ghost without other errors has 1. 0 where either is less than
    `GREY_LEVEL`.

    Args and raises: as `ghosting`.

    Returns:
      float64 `[n]`.
    """
    *energies, shared = _moments(edited, source, target)
    norm = np.sqrt(np.prod(np.maximum(energies, GREY_LEVEL), axis=0))
    return np.where(np.min(energies, axis=0) > GREY_LEVEL, shared / norm, 0.0)


def _detail(images: np.ndarray, sigma: float) -> np.ndarray:
    """Mean squared high frequencies of each picture, `[n]`."""
    return np.mean(_high_frequencies(images, sigma) ** 2, axis=(1, 2))


def _high_frequencies(images: np.ndarray, sigma: float) -> np.ndarray:
    """Luma less its Gaussian, `[n, height, width]`."""
    luma = images.astype(np.float64) @ _LUMA
    return luma - gaussian_filter(luma, (0, sigma, sigma), truncate=3.5)


def _moments(edited, source, target) -> np.ndarray:
    """Mean r², d² and r·d of each picture, `[3, n]`; r, d as in `ghosting`."""
    named = {"edited": edited, "source": source, "target": target}
    named = {name: checks.pictures(x, name) for name, x in named.items()}
    checks.same_shape(**named)
    moments = []
    for after, before, truth in zip(*named.values(), strict=True):
        r, d = (np.float64(x) - truth for x in (after, before))
        r, d = (x - x.mean(axis=(0, 1)) for x in (r, d))
        moments.append([np.mean(r * r), np.mean(d * d), np.mean(r * d)])
    return np.transpose(moments)
