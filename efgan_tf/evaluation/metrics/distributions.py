"""How alike two sets of pictures are as sets, by a network's features.

The numbers mean something only beside others of the same network, resize and
counts.
"""

import dataclasses

import numpy as np

from efgan_tf.evaluation.metrics import checks


@dataclasses.dataclass(frozen=True)
class FrechetDistance:
    """FID.

    Attributes:
      value: at least 0.
      note: what speaks against trusting it; empty if nothing does.
    """

    value: float
    note: str


@dataclasses.dataclass(frozen=True)
class KernelDistance:
    """KID.

    Attributes:
      value: mean over the subsets; about 0, of either sign, for equal sets.
      spread: standard deviation over the subsets; 0 for one subset.
      subsets: how many.
      subset_size: pictures in each.
    """

    value: float
    spread: float
    subsets: int
    subset_size: int


def fid(features: np.ndarray, reference: np.ndarray) -> FrechetDistance:
    """Fréchet distance of two sets of features as Gaussians.

    Heusel et al., "GANs trained by a two time-scale update rule converge to a
    local Nash equilibrium", NIPS 2017, equation 6:
    `|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2·(Σ₁Σ₂)^½)`, covariances over n − 1. With
    Σ = FᵀF the last trace is the sum of the singular values of F₁F₂ᵀ, so no
    covariance is formed and none needs to be regular.

    Args:
      features: `[n, d]` of the edits, n ≥ 2.
      reference: `[m, d]` of true pictures, m ≥ 2.

    Raises:
      ValueError: fewer than two rows, other widths, or not finite.
    """
    features, reference = _two_sets(features, reference)
    shift = features.mean(axis=0) - reference.mean(axis=0)
    first, second = _factor(features), _factor(reference)
    overlap = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    value = shift @ shift + np.sum(first**2) + np.sum(second**2) - 2 * overlap
    fewest, dimension = min(len(features), len(reference)), features.shape[1]
    note = ""
    if fewest <= dimension:
        note = (
            f"{fewest} pictures are too few for {dimension} features: FID is "
            "too high by an unknown amount; trust KID"
        )
    return FrechetDistance(max(float(value), 0.0), note)


def kid(
    features: np.ndarray,
    reference: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> KernelDistance:
    """Kernel distance: unbiased at every number of different pictures.

    Bińkowski et al., "Demystifying MMD GANs", ICLR 2018: the unbiased squared
    maximum mean discrepancy under `k(x, y) = (x·y / d + 1)³`, averaged over
    random subsets of both sets (one, if it holds all).

    Args:
      features: `[n, d]` of the edits, n ≥ 2; no picture twice.
      reference: `[m, d]` of true pictures, m ≥ 2; likewise.
      subsets: how many to draw, without replacement within each.
      subset_size: pictures in each subset; at most n and m.
      seed: of the draws.

    Raises:
      ValueError: fewer than two rows, other widths, not finite, fewer than one
        subset, or of fewer than two.
    """
    features, reference = _two_sets(features, reference)
    if subsets < 1 or subset_size < 2:
        raise ValueError(f"{subsets} subsets of {subset_size}: 1 of 2 at least")
    size = min(subset_size, len(features), len(reference))
    if size == len(features) == len(reference):
        subsets = 1
    generator = np.random.default_rng(seed)
    values = [
        _squared_discrepancy(
            *(x[generator.permutation(len(x))[:size]] for x in sets)
        )
        for sets in [(features, reference)] * subsets
    ]
    return KernelDistance(
        float(np.mean(values)), float(np.std(values)), subsets, size
    )


def _two_sets(features, reference) -> tuple[np.ndarray, np.ndarray]:
    features = checks.finite(features, "features", 2)
    reference = checks.finite(reference, "reference", 2)
    if features.shape[1] != reference.shape[1]:
        raise ValueError(
            f"features are {features.shape[1]} wide, reference "
            f"{reference.shape[1]}"
        )
    for name, rows in (("features", features), ("reference", reference)):
        if len(rows) < 2:
            raise ValueError(f"{name} has one row; a spread needs two")
    return features, reference


def _factor(features: np.ndarray) -> np.ndarray:
    """F `[min(n, d), d]` with FᵀF = the covariance."""
    centred = features - features.mean(axis=0)
    if len(centred) > centred.shape[1]:
        centred = np.linalg.qr(centred, mode="r")
    return centred / np.sqrt(len(features) - 1)


def _squared_discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased MMD² of two sets of equal size."""
    size, dimension = x.shape
    within = sum(
        np.sum(kernel) - np.trace(kernel)
        for kernel in ((z @ z.T / dimension + 1) ** 3 for z in (x, y))
    )
    between = np.sum((x @ y.T / dimension + 1) ** 3)
    return within / (size * (size - 1)) - 2 * between / size**2
