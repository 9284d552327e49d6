"""Draws coarse maps at the middles of their receptive fields in the picture.

Stretching a map of 4×4 until its corners meet the picture's, as is often done,
shifts it: the middle of what a unit of the estimator's last layer sees lies up
to 31 of 128 pixels from where that would draw it.
"""

import keras
import numpy as np
from keras import layers, ops


def interpolation_matrices(
    model: keras.Model, layer: str
) -> tuple[np.ndarray, np.ndarray]:
    """Bilinear interpolation between the middles of receptive fields.

    Args:
      model: a chain of layers; its convolutions have padding "same".
      layer: name of one whose output is `[b, h, w, c]`.

    Returns:
      float32 `[height, h]` and `[width, w]`: with them,
      `down @ map @ across.T` is the map in the picture's pixels.
    """
    middles = [np.arange(n, dtype=float) for n in model.input_shape[1:3]]
    for each in model.layers:
        if isinstance(each, layers.Conv2D):
            middles = [
                _middles_after(each, axis, before)
                for axis, before in enumerate(middles)
            ]
        if each.name == layer:
            break
    down, across = (
        _interpolation(places, length)
        for places, length in zip(middles, model.input_shape[1:3], strict=True)
    )
    return down, across


def place(maps: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Maps `[n, h, w]` in the picture's pixels: `[n, height, width]`."""
    return np.einsum("yh,nhw,xw->nyx", down, maps, across)


class Place(layers.Layer):
    """`place` as a layer, for maps `[b, h, w, c]`.

    Args:
      down, across: of `interpolation_matrices`.
    """

    def __init__(self, down: np.ndarray, across: np.ndarray, **kwargs):
        super().__init__(**kwargs)
        self._down, self._across = down, across

    def call(self, maps):
        return ops.einsum("yh,bhwc,xw->byxc", self._down, maps, self._across)


def _middles_after(
    layer: layers.Conv2D, axis: int, before: np.ndarray
) -> np.ndarray:
    """Where the middles of a convolution's outputs lie in the picture."""
    kernel, stride = layer.kernel_size[axis], layer.strides[axis]
    count = -(-len(before) // stride)
    padded = max((count - 1) * stride + kernel - len(before), 0)
    at = np.arange(count) * stride + (kernel - 1) / 2 - padded // 2
    # Beyond the last one, where padding is seen, they go on at the same pace.
    pace = before[1] - before[0] if len(before) > 1 else 1.0
    return before[0] + at * pace


def _interpolation(places: np.ndarray, length: int) -> np.ndarray:
    """`[length, n]`: linear between places, constant beyond the outer ones."""
    pixels = np.arange(length)
    columns = [np.interp(pixels, places, unit) for unit in np.eye(len(places))]
    return np.stack(columns, axis=1).astype(np.float32)
