"""LPIPS: a perceptual distance of pictures, from a network's feature maps.

`efgan_tf.evaluation.perceptual.Lpips` supplies the network.
"""

from collections.abc import Sequence

import numpy as np

from efgan_tf.evaluation.metrics import checks

_EPSILON = 1e-10


def lpips(
    features: Sequence[np.ndarray],
    reference: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
) -> np.ndarray:
    """The distance of each picture to its reference.

    Zhang et al., "The unreasonable effectiveness of deep features as a
    perceptual metric", CVPR 2018, equation 1: at every place of every layer
    the channels are scaled to length 1; squared differences, weighted by
    channel, are averaged over the places and summed over the layers. The
    weights are those that multiply squares, as the authors' files hold them.

    Args:
      features: one `[n, h, w, c]` for each layer.
      reference: the same of the other pictures.
      weights: one `[c]` for each layer, at least 0.

    Returns:
      float64 `[n]`, at least 0; 0 for equal features.

    Raises:
      ValueError: layers, shapes or widths differ, empty, not finite, or a
        weight is negative.
    """
    checks.same_length(features=features, reference=reference, weights=weights)
    if not len(features):
        raise ValueError("features have no layer")
    layers = map(_layer, features, reference, weights)
    return np.sum(list(layers), axis=0)


def _layer(features, reference, weights) -> np.ndarray:
    features = checks.finite(features, "features", 4)
    reference = checks.finite(reference, "reference", 4)
    weights = checks.finite(weights, "weights", 1)
    checks.same_shape(features=features, reference=reference)
    if weights.shape != features.shape[-1:] or weights.min() < 0:
        raise ValueError(
            f"weights {weights.shape} must be one for each of the "
            f"{features.shape[-1]} channels, and not negative"
        )
    squares = (_to_length_one(features) - _to_length_one(reference)) ** 2
    return np.mean(squares @ weights, axis=(1, 2))


def _to_length_one(features: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(features, axis=-1, keepdims=True)
    return features / (length + _EPSILON)
