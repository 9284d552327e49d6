"""LPIPS by a network and weights of the user's: nothing is shipped."""

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
from efgan_tf.evaluation.metrics.lpips import lpips


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
