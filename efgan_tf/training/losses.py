"""The losses: pure functions from tensors to float32 scalars.

All are means over the batch and over what a sample consists of, so that a
weight means the same at every batch and image size; docs/method.md converts
the sums of GANimation. Nothing here knows a weight.
"""

from typing import Any

from keras import ops

Tensor = Any
"""A tensor of the backend that Keras runs on."""


def _float32(x):
    return ops.cast(x, "float32")


def wasserstein_critic(real_patch, fake_patch):
    """`mean(D(fake)) - mean(D(real))`: the critic makes it small.

    Args:
      real_patch: `[b, h, w, 1]`, the patch head on real images.
      fake_patch: `[b', h, w, 1]`, on edited ones.
    """
    return ops.mean(_float32(fake_patch)) - ops.mean(_float32(real_patch))


def wasserstein_generator(fake_patch):
    """`-mean(D(fake))`: the generator makes it small."""
    return -ops.mean(_float32(fake_patch))


def penalty(gradients, epsilon: float = 1e-8):
    """`mean((|g| - 1)²)`, the norm over all of a sample's values.

    Args:
      gradients: `[b, ...]`, of the critic's mean patch by its input.
      epsilon: added under the root, whose slope is infinite at 0.
    """
    gradients = _float32(gradients)
    squares = ops.sum(
        ops.square(gradients), axis=list(range(1, gradients.ndim))
    )
    return ops.mean(ops.square(ops.sqrt(squares + epsilon) - 1.0))


def r1(gradients):
    """`mean(|g|²) / 2` (Mescheder et al., ICML 2018).

    Args:
      gradients: `[b, ...]`, of the critic's mean patch by a real image.
    """
    squares = ops.square(_float32(gradients))
    return ops.mean(ops.sum(squares, axis=list(range(1, squares.ndim)))) / 2


def action_unit_regression(predicted, target, mask=None):
    """Mean squared error of action units.

    Args:
      predicted: `[b, n]`.
      target: `[b, n]`.
      mask: `[n]`, or `[b, n]` where samples differ, 1 for the units that count
        and 0 for those that the data does not have. A sample's error is the
        mean over its units that count, and 0 if none does; the mean is over
        the whole batch all the same (see `l1`).
    """
    errors = ops.square(_float32(predicted) - _float32(target))
    if mask is None:
        return ops.mean(errors)
    mask = _float32(mask)
    count = ops.maximum(ops.sum(mask, axis=-1, keepdims=True), 1.0)
    return ops.mean(ops.sum(errors * (mask / count), axis=-1))


def l1(a, b, mask=None):
    """Mean absolute difference.

    Args:
      a: `[b, ...]`.
      b: the same shape.
      mask: `[b]`, 1 for samples that count and 0 for those that have nothing
        to be compared with. The mean is over the whole batch all the same, so
        that one sample's pull does not depend on the others, nor on how a
        batch is shared among replicas.
    """
    difference = ops.abs(_float32(a) - _float32(b))
    if mask is None:
        return ops.mean(difference)
    per_sample = ops.mean(difference, axis=list(range(1, difference.ndim)))
    return ops.mean(_float32(mask) * per_sample)


def edges_l1(a, b, mask=None):
    """Mean absolute difference of the steps between neighboring pixels.

    It sees patterns of single pixels, which `l1` hardly weighs: as the
    gradient difference loss of Mathieu and others ("Deep multi-scale video
    prediction beyond mean square error", 2016), but with the steps' signs.

    Args:
      a: `[b, h, w, c]`.
      b: the same shape.
      mask: as in `l1`.

    Returns:
      The sum of two scalars: for steps downwards and to the right.
    """
    difference = _float32(a) - _float32(b)
    down = difference[:, 1:] - difference[:, :-1]
    right = difference[:, :, 1:] - difference[:, :, :-1]
    return sum(
        l1(steps, ops.zeros_like(steps), mask) for steps in (down, right)
    )


def attention_mean(attention):
    """Mean of `[b, h, w, 1]`: how much is edited."""
    return ops.mean(_float32(attention))


def attention_tv(attention):
    """Total variation of `[b, h, w, 1]`: `mean(|dx|) + mean(|dy|)`."""
    attention = _float32(attention)
    dy = attention[:, 1:] - attention[:, :-1]
    dx = attention[:, :, 1:] - attention[:, :, :-1]
    return ops.mean(ops.abs(dx)) + ops.mean(ops.abs(dy))
