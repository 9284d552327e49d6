"""The two faults that the paper is about: blur and ghosts.

Cascade EF-GAN claims that local branches keep the eyes, nose and mouth sharp,
and that small steps leave no ghost of the old expression. These are measures
of our own. Take those of detail of the regions, by `image_quality.by_region`:
hair and background say nothing of an edit. (Ghosts need no region: what does
not differ between the expressions does not count.)
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from efgan_tf.evaluation.metrics import checks

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
