"""How a judge is trained: many pictures, shaken and smeared.

Edits are softer than photos and differ in light. A judge that has seen soft,
noisy, shifted and recoloured pictures looks at the face and not at those.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from efgan_tf.common.images import to_float
from efgan_tf.common.progress import Progress

BATCH_SIZE = 32
_RATE = 2e-3
_SHIFT = 0.04  # of the side
_ZOOM = 0.06


def fit(
    model: keras.Model,
    loss: keras.losses.Loss,
    images: np.ndarray,
    labels: np.ndarray,
    pictures: int,
    seed: int,
    label: str,
) -> None:
    """Trains `model` in place; Adam, its rate falling to 0 along a cosine.

    Args:
      model: `[b, S, S, 3]` in [-1, 1] → what `loss` takes.
      loss: of labels and the model's output.
      images: uint8 `[n, S, S, 3]`.
      labels: `[n, …]`.
      pictures: how many are seen in all, each counted whenever it is seen.
      seed: of the order and of what is done to the pictures.
      label: for the progress line.
    """
    steps = max(1, math.ceil(pictures / BATCH_SIZE))
    model.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(_RATE, steps)
        ),
        loss,
    )
    model.fit(
        _batches(images, labels, seed),
        steps_per_epoch=steps,
        shuffle=False,  # the batches are already
        verbose=0,
        callbacks=[_Shown(Progress(label, steps * BATCH_SIZE))],
    )


class _Shown(keras.callbacks.Callback):
    def __init__(self, progress: Progress):
        super().__init__()
        self._progress = progress

    def on_train_batch_end(self, batch, logs=None):
        self._progress.advance(BATCH_SIZE)

    def on_train_end(self, logs=None):
        self._progress.finish()


def _batches(images, labels, seed) -> tf.data.Dataset:
    """An endless stream: a permutation for each epoch, then `shaken`."""
    pictures, answers = tf.constant(images), tf.constant(labels)

    def drawn(index):
        batch = to_float(tf.gather(pictures, index))
        seeds = tf.stack([tf.constant(seed, tf.int64), index[0]])
        return shaken(batch, seeds), tf.gather(answers, index)

    return (
        tf.data.Dataset.range(len(images))
        .shuffle(len(images), seed=seed)
        .repeat()
        .batch(BATCH_SIZE)
        .map(drawn, tf.data.AUTOTUNE)
        .prefetch(2)
    )


def shaken(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirrors, shifts, zooms, recolours, smears and grains `[b, S, S, 3]`.

    Args:
      images: float32 in [-1, 1].
      seed: int64 `[2]`.
    """
    seeds = tf.unstack(tf.random.split(tf.cast(seed, tf.int32), 6))
    count = tf.shape(images)[0]

    def uniform(index, shape, low, high):
        return tf.random.stateless_uniform(
            [count, *shape], seeds[index], low, high
        )

    images = _moved(images, uniform)
    gain = uniform(1, [1, 1, 3], 0.8, 1.2) * uniform(2, [1, 1, 1], 0.85, 1.15)
    images = images * gain + uniform(3, [1, 1, 3], -0.15, 0.15)
    soft = tf.nn.avg_pool2d(images, 3, 1, "SAME")
    images = images + uniform(4, [1, 1, 1], 0.0, 1.0) * (soft - images)
    grain = tf.random.stateless_normal(tf.shape(images), seeds[5])
    return tf.clip_by_value(images + 0.02 * grain, -1, 1)


def _moved(images, uniform):
    """Mirrored, shifted and zoomed, sampled bilinearly."""
    side = tf.cast(tf.shape(images)[1], tf.float32)
    drawn = uniform(0, [4], -1.0, 1.0)
    zoom = 1 + _ZOOM * drawn[:, 0]
    mirror = tf.sign(drawn[:, 3])
    middle = (side - 1) / 2
    shift_x = middle - mirror * zoom * middle + _SHIFT * side * drawn[:, 1]
    shift_y = middle - zoom * middle + _SHIFT * side * drawn[:, 2]
    zero = tf.zeros_like(zoom)
    transforms = tf.stack(
        [mirror * zoom, zero, shift_x, zero, zoom, shift_y, zero, zero], 1
    )
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )
