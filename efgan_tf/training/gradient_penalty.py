"""The gradient penalty of WGAN-GP (Gulrajani et al., NeurIPS 2017).

Part of the training loop and therefore TensorFlow: Keras has no gradients of
its own.
"""

from collections.abc import Callable

import tensorflow as tf

from efgan_tf.training import losses


def gradient_penalty(
    critic_patch_fn: Callable[[tf.Tensor], tf.Tensor],
    real: tf.Tensor,
    fake: tf.Tensor,
    alpha: tf.Tensor,
    epsilon: float = 1e-8,
) -> tf.Tensor:
    """How far the critic's slope is from 1 between real and fake.

    The slope is that of a sample's mean patch, the value that the Wasserstein
    loss is made of (GANimation takes the sum of its 2×2 patches).

    Args:
      critic_patch_fn: `[b, h, w, 3]` → patch `[b, h', w', 1]`.
      real: `[b, h, w, 3]` in [-1, 1].
      fake: the same shape; no gradient flows back into what made it.
      alpha: `[b, 1, 1, 1]` in [0, 1], 1 being real.
      epsilon: see `losses.penalty`.

    Returns:
      Float32 scalar; differentiable by the critic's variables.
    """
    real, fake = tf.cast(real, tf.float32), tf.cast(fake, tf.float32)
    between = tf.stop_gradient(fake + alpha * (real - fake))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(between)
        patch = tf.cast(critic_patch_fn(between), tf.float32)
        # Samples do not see each other, so the sum's gradient holds each
        # sample's own.
        value = tf.reduce_sum(tf.reduce_mean(patch, axis=[1, 2, 3]))
    return losses.penalty(tape.gradient(value, between), epsilon)
