"""How alike two sets of pictures are as sets, by a network's features.

The numbers mean something only beside others of the same network, resize and
counts.
"""

import numpy as np


def fid(features: np.ndarray, reference: np.ndarray) -> float:
    """Fréchet distance of two sets of features as Gaussians, at least 0.

    Heusel et al., "GANs trained by a two time-scale update rule converge to a
    local Nash equilibrium", NIPS 2017, equation 6:
    `|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2·(Σ₁Σ₂)^½)`, covariances over n − 1. With
    Σ = FᵀF the last trace is the sum of the singular values of F₁F₂ᵀ, so no
    covariance is formed and none needs to be regular. With no more pictures
    than features it is too high by an unknown amount.

    Args:
      features: `[n, d]` of the edits, n ≥ 2.
      reference: `[m, d]` of ground truth, m ≥ 2.

    Raises:
      ValueError: fewer than two rows, other widths, or not finite.
    """
    features, reference = _checked(features, reference)
    shift = features.mean(axis=0) - reference.mean(axis=0)
    first, second = _factor(features), _factor(reference)
    overlap = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    value = shift @ shift + np.sum(first**2) + np.sum(second**2) - 2 * overlap
    return max(float(value), 0.0)


def kid(
    features: np.ndarray,
    reference: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> float:
    """Kernel distance: about 0, of either sign, for equal sets of any size.

    Bińkowski et al., "Demystifying MMD GANs", ICLR 2018: the unbiased squared
    maximum mean discrepancy under `k(x, y) = (x·y / d + 1)³`, averaged over
    random subsets of both sets (one, if it holds all).

    Args:
      features: `[n, d]` of the edits, n ≥ 2; no picture twice.
      reference: `[m, d]` of ground truth, m ≥ 2; likewise.
      subsets: how many to draw, without replacement within each.
      subset_size: pictures in each subset, 2 at least; at most n and m.
      seed: of the draws.

    Raises:
      ValueError: fewer than two rows, other widths, or not finite.
    """
    sets = _checked(features, reference)
    size = min(subset_size, *map(len, sets))
    if size == max(map(len, sets)):
        subsets = 1
    generator = np.random.default_rng(seed)
    return float(
        np.mean(
            [
                _squared_discrepancy(
                    *(x[generator.permutation(len(x))[:size]] for x in sets)
                )
                for _ in range(subsets)
            ]
        )
    )


def _checked(features, reference) -> tuple[np.ndarray, np.ndarray]:
    first, second = (
        np.asarray_chkfinite(x, np.float64) for x in (features, reference)
    )
    if first.shape[1:] != second.shape[1:] or min(len(first), len(second)) < 2:
        raise ValueError(
            f"features {first.shape} and reference {second.shape}: expected "
            "[n, d] and [m, d] of two rows at least"
        )
    return first, second


def _factor(features: np.ndarray) -> np.ndarray:
    """F `[min(n, d), d]` with FᵀF = the covariance."""
    centered = features - features.mean(axis=0)
    if len(centered) > centered.shape[1]:
        centered = np.linalg.qr(centered, mode="r")
    return centered / np.sqrt(len(features) - 1)


def _squared_discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased MMD² of two sets of equal size."""
    size, dimension = x.shape
    within = sum(
        np.sum(kernel) - np.trace(kernel)
        for kernel in ((z @ z.T / dimension + 1) ** 3 for z in (x, y))
    )
    between = np.sum((x @ y.T / dimension + 1) ** 3)
    return within / (size * (size - 1)) - 2 * between / size**2
