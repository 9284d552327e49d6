"""LPIPS, a perceptual distance, by a network and weights that the user has."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.evaluation.features import (
    BROKEN,
    check_input,
    first_line,
    load_network,
    run_network,
    weights_sha256,
)
from efgan_tf.evaluation.metrics import checks


class Lpips:
    """LPIPS by a network and its channel weights.

    The authors' numbers need their networks, as they are: for VGG16 a
    `keras.Model` from pictures through `Rescaling` to torchvision's means and
    deviations to the outputs of block1_conv2, block2_conv2, block3_conv3,
    block4_conv3 and block5_conv3, with torchvision's kernels transposed by
    (2, 3, 1, 0), saved as `.keras`; and of their `vgg.pth` an `.npz` whose
    `lin0` … `lin4` are `lin0.model.1.weight` … flattened.

    Args:
      network: path of a `.keras` model, `[n, S, S, 3]` in [-1, 1] → feature
        maps `[n, h, w, c]`, one or several.
      weights: path of an `.npz`: `lin0`, `lin1`, … of c numbers at least 0.

    Attributes:
      name: the network's file.
      sha256: digest of the network's weights and the channel weights.

    Raises:
      UserError: a file is missing, damaged, or does not fit the other.
    """

    def __init__(self, network: str | Path, weights: str | Path):
        self._model = load_network(network)
        check_input(network, self._model)
        shapes = [output.shape for output in self._model.outputs]
        if any(len(shape) != 4 for shape in shapes):
            raise UserError(f"{network} must give feature maps, not vectors")
        widths = [shape[-1] for shape in shapes]
        self._weights = _channel_weights(Path(weights), widths)
        self.name = Path(network).name
        self.sha256 = weights_sha256(self._model, self._weights)

    def __call__(
        self, images: np.ndarray, truth: np.ndarray, batch_size: int = 32
    ) -> np.ndarray:
        """Distance of `[n, height, width, 3]`, in [-1, 1], to `truth`: `[n]`.

        Raises:
          ValueError: see `checks.pictures`; or the shapes differ.
        """
        images = checks.pictures(images, "images")
        truth = checks.pictures(truth, "truth")
        checks.same_shape(images=images, truth=truth)
        distances = []
        for start in range(0, len(images), batch_size):  # maps are large
            part = slice(start, start + batch_size)
            maps, true_maps = (
                run_network(self._model, pictures[part], batch_size)
                for pictures in (images, truth)
            )
            distances.append(lpips(maps, true_maps, self._weights))
        return np.concatenate(distances)


def _channel_weights(path: Path, widths: Sequence[int]) -> list[np.ndarray]:
    """`lin0`, `lin1`, … of an `.npz`, checked against the feature maps."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = [np.ravel(file[f"lin{i}"]) for i in range(len(widths))]
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist; name LPIPS's weights"
        ) from None
    except (*BROKEN, AttributeError) as error:
        raise UserError(
            f"{path} cannot be loaded: {first_line(error)}"
        ) from error
    for i, (weights, width) in enumerate(zip(found, widths, strict=True)):
        if len(weights) != width or not np.all(
            (weights >= 0) & np.isfinite(weights)
        ):
            raise UserError(
                f"{path}: lin{i} must be {width} numbers, none below 0"
            )
    return found


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
