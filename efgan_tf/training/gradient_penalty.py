"""Penalties on the critics' slope: WGAN-GP's and R1.

Keras has no gradient API, hence `tf.GradientTape`.
"""

from collections.abc import Callable

from keras import ops

from efgan_tf.training import losses
from efgan_tf.training.losses import Tensor


def gradient_penalty(
    critic_patch_fn: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    alpha: Tensor,
) -> Tensor:
    """How far the critic's slope is from 1 between real and fake.

    Of WGAN-GP (Gulrajani et al., NeurIPS 2017).

    The slope is that of a sample's mean patch, the value that the Wasserstein
    loss is made of (GANimation takes the sum of its 2×2 patches).

    Args:
      critic_patch_fn: `[b, h, w, 3]` → patch `[b, h', w', 1]`.
      real: `[b, h, w, 3]` in [-1, 1].
      fake: the same shape; no gradient flows back into what made it.
      alpha: `[b, 1, 1, 1]` in [0, 1], 1 being real.

    Returns:
      Float32 scalar; differentiable by the critic's variables.
    """
    real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
    between = ops.stop_gradient(fake + alpha * (real - fake))
    return losses.penalty(_slopes(critic_patch_fn, between))


def r1_penalty(
    critic_patch_fn: Callable[[Tensor], Tensor], real: Tensor
) -> Tensor:
    """How steep the critic is at real images: R1 (Mescheder et al., ICML 2018).

    The slope is that of a sample's mean patch, as in `gradient_penalty`.

    Args:
      critic_patch_fn: `[b, h, w, 3]` → patch `[b, h', w', 1]`.
      real: `[b, h, w, 3]` in [-1, 1].

    Returns:
      Float32 scalar; differentiable by the critic's variables.
    """
    real = ops.stop_gradient(ops.cast(real, "float32"))
    return losses.r1(_slopes(critic_patch_fn, real))


def _slopes(critic_patch_fn, images):
    """Gradient of each sample's mean patch at it, `[b, h, w, 3]`."""

    def value(images):
        patch = ops.cast(critic_patch_fn(images), "float32")
        # Samples do not see each other, so the sum's gradient holds each
        # sample's own.
        return ops.sum(ops.mean(patch, axis=[1, 2, 3]))

    return _gradient(value, images)


def _gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Gradient of a scalar function at `x`, which may be differentiated."""
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x)
