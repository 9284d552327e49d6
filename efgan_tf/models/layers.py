"""The layers that Keras lacks: norms, action units, heads and blending.

All of them are made of `keras.ops` on static shapes of rank 4 at most, so that
they build under every Keras backend and convert to TFLite's own operations.
Nothing here gathers, and nothing broadcasts beyond what an elementwise
operation does by itself.
"""

import contextlib
from collections.abc import Iterator

import keras
from keras import ops

from efgan_tf import action_units

register = keras.saving.register_keras_serializable(package="efgan_tf")

EPSILON = 1e-5
"""Added to variances; the default of PyTorch, where GANimation trained."""


def _standardize(x, scale, shift, epsilon):
    """`(x - mean) / std * scale + shift` per sample and channel.

    All of it is float32 whatever `x` is, and rounded once at the end: in
    bfloat16 the product and the offset, which nearly cancel where the mean is
    large, would each be rounded (`python -m benchmarks.normalization`). Scale
    and shift are folded into one multiplication and one addition over the
    whole map.

    Args:
      x: `[b, h, w, c]`.
      scale: float32, broadcasts with `[b, 1, 1, c]`.
      shift: likewise.
      epsilon: added to the variance.

    Returns:
      As `x`, in its dtype.
    """
    wide = ops.cast(x, "float32")
    mean, variance = ops.moments(wide, axes=[1, 2], keepdims=True)
    factor = ops.rsqrt(variance + epsilon) * scale
    offset = shift - mean * factor
    return ops.cast(wide * factor + offset, x.dtype)


@register
class InstanceNormalization(keras.layers.Layer):
    """Normalizes each channel of each image, then scales and shifts it.

    The numeric twin of `tfa.layers.InstanceNormalization` (see
    `tests/golden/`) and of `keras.layers.GroupNormalization(groups=-1)`, which
    makes rank-5 tensors that mobile GPUs refuse.

    Args:
      epsilon: added to the variance.
    """

    def __init__(self, epsilon: float = EPSILON, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(
            shape=shape, initializer="ones", name="gamma", autocast=False
        )
        self.beta = self.add_weight(
            shape=shape, initializer="zeros", name="beta", autocast=False
        )

    def call(self, x):
        return _standardize(x, self.gamma, self.beta, self.epsilon)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@register
class FilmInstanceNormalization(keras.layers.Layer):
    """Instance normalization whose scale and shift come from action units.

    "FiLM" (Perez et al., AAAI 2018): `scale = 1 + y·W_s + b_s` and
    `shift = y·W_t + b_t`. The kernel starts small but random, so that the
    units move the image, and are learned about, from the first step on.

    Args:
      epsilon: added to the variance.
    """

    def __init__(self, epsilon: float = EPSILON, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, x_shape, units_shape):
        channels = 2 * x_shape[-1]
        self.kernel = self.add_weight(
            shape=(units_shape[-1], channels),
            # Deviation √(0.1 / 17) = 0.08.
            initializer=keras.initializers.VarianceScaling(0.1),
            name="kernel",
            autocast=False,
        )
        self.bias = self.add_weight(
            shape=(channels,), initializer="zeros", name="bias", autocast=False
        )

    def call(self, x, units):
        film = ops.matmul(ops.cast(units, "float32"), self.kernel) + self.bias
        film = ops.reshape(film, (-1, 1, 1, film.shape[-1]))
        channels = film.shape[-1] // 2
        return _standardize(
            x,
            1.0 + film[..., :channels],
            film[..., channels:],
            self.epsilon,
        )

    def compute_output_shape(self, x_shape, units_shape):
        return x_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@register
class ActionUnitConv2D(keras.layers.Layer):
    """Convolves an image that has action units tiled onto it as channels.

    The same numbers as `Conv2D(filters, kernel_size, padding="same",
    use_bias=False)` on the image joined with 17 constant maps (GANimation's
    and StarGAN's injection), and the same kernel, but the constant maps are
    never made. Away from the border each of them adds one number per channel,
    and near it only the taps inside the image count; so a map of
    `kernel_size` by `kernel_size` has every kind of pixel, and its middle row
    and column are repeated as often as needed. That saves a fifth of the
    multiplications of a small branch (64×64, 24 channels, 5 blocks), and 8 %
    of the reference's.

    The zero padding matters: a constant alone would be removed by the instance
    normalization that follows (StarGAN, `model.py`, says so too).

    Args:
      filters: output channels.
      kernel_size: odd side of the kernel, at most that of the image.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size

    def build(self, image_shape, units_shape):
        self.image_channels = image_shape[-1]
        channels = image_shape[-1] + units_shape[-1]
        self.kernel = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, channels, self.filters),
            initializer="glorot_uniform",
            name="kernel",
        )

    def call(self, image, units):
        kernel = ops.convert_to_tensor(self.kernel)
        side, (height, width) = self.kernel_size, image.shape[1:3]
        tile = units[:, None, None, :] * ops.ones(
            (1, side, side, 1), dtype=units.dtype
        )
        tile = _convolved(tile, kernel[:, :, self.image_channels :])
        # Columns first, while there are few rows.
        tile = _repeat_middle(tile, axis=2, length=width)
        tile = _repeat_middle(tile, axis=1, length=height)
        image = _convolved(image, kernel[:, :, : self.image_channels])
        return image + tile

    def compute_output_shape(self, image_shape, units_shape):
        return (*image_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
        }


def _convolved(image, kernel):
    # Whatever `keras.json` says.
    return ops.conv(image, kernel, padding="same", data_format="channels_last")


def _repeat_middle(x, axis: int, length: int):
    """Repeats the middle of an odd axis until it is `length` long."""
    half = x.shape[axis] // 2
    skip = (slice(None),) * axis
    # Slices, not `ops.split`: TensorFlow 2.21's constant folding takes the
    # multiplication by ones for a repetition of the split's first output.
    before = x[(*skip, slice(None, half))]
    middle = x[(*skip, slice(half, half + 1))]
    after = x[(*skip, slice(half + 1, None))]
    repeats = [1] * 4
    repeats[axis] = length - 2 * half
    # Multiplied, since TFLite's broadcasting operation is not everywhere.
    middle = middle * ops.ones(repeats, dtype=x.dtype)
    return ops.concatenate([before, middle, after], axis=axis)


@register
class InterpolateUnits(keras.layers.Layer):
    """Source and target action units → those of each stage of a cascade.

    Args:
      stages: K; the k-th output is `source + k/K · (target - source)`.
    """

    def __init__(self, stages: int, **kwargs):
        super().__init__(**kwargs)
        self.stages = stages

    def call(self, source, target):
        return action_units.interpolate(source, target, self.stages)

    def get_config(self):
        return {**super().get_config(), "stages": self.stages}


@register
class SplitHeads(keras.layers.Layer):
    """`[b, h, w, 4]` → color `[b, h, w, 3]` (tanh), attention (sigmoid).

    Called with an image too, the color is a change of the image's first three
    channels p: `tanh(x + artanh(p))`, so that a body that puts out nothing
    keeps the picture instead of having to learn to paint it first. As artanh
    is infinite at ±1, p is clipped to ±`LIMIT` before.
    """

    LIMIT = 0.98

    def call(self, x, image=None):
        color, attention = x[..., :3], ops.sigmoid(x[..., 3:])
        if image is not None:
            start = ops.clip(image[..., :3], -self.LIMIT, self.LIMIT)
            color = color + 0.5 * ops.log((1 + start) / (1 - start))  # artanh
        return ops.tanh(color), attention


@register
class Blend(keras.layers.Layer):
    """`attention · color + (1 - attention) · base`: where 1, all is new."""

    def call(self, attention, color, base):
        return base + attention * (color - base)


@register
class CombineAttention(keras.layers.Layer):
    """Attentions of edits made one upon the other → that of all together.

    An edit with attention A leaves the share 1 - A of what it is given, so a
    row of them leaves the product, and the combined attention is
    `1 - Π(1 - A)`.
    """

    def call(self, attentions):
        kept = 1.0 - attentions[0]
        for attention in attentions[1:]:
            kept = kept * (1.0 - attention)
        return 1.0 - kept


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Builds layers under a Keras dtype policy, then restores the old one."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
