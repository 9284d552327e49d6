"""How would a face have to change for a unit to be read as strong as can be?"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter1d
from tf_keras_vis.activation_maximization import ActivationMaximization
from tf_keras_vis.activation_maximization.regularizers import TotalVariation2D
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

from efgan_tf.explaining.unit_readers import UnitReader

_STEP = 0.02
"""Root of the mean square of a step, of a range of 2."""

_SMOOTH = 3 / 128
"""Width of what changes together, as a share of the side."""

_JITTER = 3 / 128
"""How far the picture is moved at most, likewise."""

_VARIATION = 5.0


def maximize(
    reader: UnitReader,
    face: np.ndarray,
    units: Sequence[str],
    steps: int,
    seed: int = 0,
) -> np.ndarray:
    """Climbs from a face to pictures in which units are read as large.

    Any network can be driven up by noise that means nothing to people. What
    changes is kept smooth, and the face is moved about by a few pixels, so
    that what is left is what the network takes for the unit.

    Args:
      reader: the network.
      face: float32 `[size, size, 3]` in [-1, 1], the start.
      units: names of those to maximize.
      steps: how many.
      seed: of the moves.

    Returns:
      float32 `[n, height, width, 3]` in [-1, 1].
    """
    crop = reader.crop(face)
    side = min(crop.shape[:2])
    jitter = _Jitter(round(_JITTER * side), seed)
    climb = ActivationMaximization(
        keras.Model([reader.model.inputs[0]], reader.model.outputs[0]),
        ReplaceToLinear(),
    )
    pictures = climb(
        CategoricalScore([reader.units.index(name) for name in units]),
        np.repeat(crop[None], len(units), axis=0),
        input_range=(-1.0, 1.0),
        input_modifiers=[jitter],
        regularizers=[TotalVariation2D(_VARIATION)],
        gradient_modifier=_Smooth(crop.shape[:2], _SMOOTH * side),
        optimizer=keras.optimizers.SGD(_STEP),
        steps=steps,
    )
    return jitter.undone(np.asarray(pictures, np.float32))


class _Jitter:
    """Moves pictures to a random place near their own.

    tf-keras-vis's own `Jitter` walks away step by step; of an aligned face the
    place matters.
    """

    def __init__(self, reach: int, seed: int):
        self._reach = reach
        self._at: np.ndarray = np.zeros(2, int)
        self._generator = np.random.default_rng(seed)

    def __call__(self, pictures: tf.Tensor) -> tf.Tensor:
        new = self._generator.integers(-self._reach, self._reach + 1, 2)
        moved = tf.roll(pictures, new - self._at, axis=(1, 2))
        self._at = new
        return moved

    def undone(self, pictures: np.ndarray) -> np.ndarray:
        return np.roll(pictures, -self._at, axis=(1, 2))


class _Smooth:
    """Gradients smoothed over neighbors, all pictures' of one length."""

    def __init__(self, shape: Sequence[int], sigma: float):
        self._down, self._across = (
            tf.constant(
                gaussian_filter1d(np.eye(length), sigma, axis=0, truncate=3.5),
                tf.float32,
            )
            for length in shape
        )

    def __call__(self, gradients: tf.Tensor) -> tf.Tensor:
        smooth = tf.einsum(
            "ih,bhwc,jw->bijc", self._down, gradients, self._across
        )
        square = tf.reduce_mean(smooth**2, axis=(1, 2, 3), keepdims=True)
        return smooth * tf.math.rsqrt(square + 1e-20)
