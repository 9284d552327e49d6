"""Dynamic loss scaling for `mixed_float16`, right on several replicas.

Keras 3's own `LossScaleOptimizer` takes the verdict "finite" from the first
replica, before the gradients are reduced: under MirroredStrategy an overflow
on a later replica alone is applied to the weights. Here the verdict is taken
over all replicas, and an update is skipped as a whole. `mixed_bfloat16` has
float32's range and needs none of this.
"""

import tensorflow as tf


class LossScale(tf.Module):
    """The scale, halved at an overflow and doubled after `growth_steps`.

    Args:
      initial: the first scale.
      growth_steps: updates without an overflow before the scale doubles.
    """

    MINIMUM = 1.0

    def __init__(self, initial: float = 2.0**15, growth_steps: int = 2000):
        super().__init__(name="loss_scale")
        self.growth_steps = growth_steps
        self.scale = tf.Variable(initial, trainable=False, name="scale")
        self.good_steps = tf.Variable(
            0, dtype=tf.int64, trainable=False, name="good_steps"
        )

    def update(self, finite: tf.Tensor) -> None:
        """Adapts the scale; `finite` is the verdict over all replicas."""
        count = self.good_steps + 1
        grows = count >= self.growth_steps
        grown = tf.where(grows, self.scale * 2.0, self.scale)
        halved = tf.maximum(self.scale / 2.0, self.MINIMUM)
        keeps_counting = tf.logical_and(finite, tf.logical_not(grows))
        self.good_steps.assign(
            tf.where(keeps_counting, count, tf.zeros_like(count))
        )
        self.scale.assign(tf.where(finite, grown, halved))


def all_finite(tensors: list[tf.Tensor]) -> tf.Tensor:
    """Whether every element of every tensor is finite: bool scalar."""
    verdicts = [tf.reduce_all(tf.math.is_finite(t)) for t in tensors]
    return tf.reduce_all(tf.stack(verdicts))
