"""What a judge looks like, and how it is trained.

A judge is a small residual network with one head. Edits are softer than photos
and differ in light: a judge that has seen soft, noisy, shifted and recolored
pictures looks at the face and not at those.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from efgan_tf.action_units import COUNT
from efgan_tf.common.images import to_float
from efgan_tf.common.progress import Progress

SEED = 0
"""Of weights, order and augmentation."""

BATCH_SIZE = 32
_RATE = 2e-3
_SHIFT = 0.04  # of the side
_ZOOM = 0.06

_WIDENING = (1, 2, 4, 5)
_EMBEDDING = 64
_FACE = 5 / 32
"""Share of the side that is cut off on each side where only the person counts:
hair, clothes and background would give people away."""


def unit_judge(size: int, width: int) -> keras.Model:
    """Reads action units: `[b, S, S, 3]` in [-1, 1] → `[b, 17]` in 0–1.

    Every place of the last maps counts by itself, since faces are aligned.
    """
    image = keras.Input((size, size, 3))
    features = _features(image, width)
    units = layers.Dense(
        COUNT,
        activation="sigmoid",
        # Most units are absent in most faces.
        bias_initializer=keras.initializers.Constant(-2.0),
        name="units",
    )(layers.Dropout(0.2)(features))
    return keras.Model(image, units, name="unit_judge")


def expression_judge(size: int, width: int, count: int) -> keras.Model:
    """Tells `count` expressions apart: `[b, S, S, 3]` → logits `[b, count]`."""
    image = keras.Input((size, size, 3))
    features = _features(image, width)
    logits = layers.Dense(count, name="logits")(layers.Dropout(0.2)(features))
    return keras.Model(image, logits, name="expression_judge")


def identity_judge(size: int, width: int) -> keras.Model:
    """Embeds people: `[b, S, S, 3]` → `[b, 64]` of length 1.

    Sees the middle of the face alone.
    """
    image = keras.Input((size, size, 3))
    face = layers.Cropping2D(int(size * _FACE), "channels_last")(image)
    features = _features(face, width)
    embedding = layers.Dense(_EMBEDDING, use_bias=False)(
        layers.Dropout(0.2)(features)
    )
    normalized = layers.UnitNormalization(name="embedding")(embedding)
    return keras.Model(image, normalized, name="identity_judge")


def person_classifier(embedder: keras.Model, count: int) -> keras.Model:
    """What `embedder` is trained in: tells `count` people apart by the angle.

    A softmax over scaled cosines (Wang et al., "NormFace", 2017), whose
    classes are thrown away afterwards.
    """
    cosines = layers.Dense(
        count,
        use_bias=False,
        kernel_constraint=keras.constraints.UnitNorm(axis=0),
    )(embedder.output)
    logits = layers.Rescaling(16.0)(cosines)
    return keras.Model(embedder.inputs, logits)


def pooled_features(judge: keras.Model) -> keras.Model:
    """What a judge of units sees before its head, averaged over places."""
    maps = judge.get_layer("features").output
    pooled = layers.GlobalAveragePooling2D("channels_last")(maps)
    return keras.Model(judge.inputs, pooled)


def _features(image, width: int):
    """A vector of all places of maps of 4 to 7 pixels a side."""
    x = _convolution(image, width)
    step = 1
    while min(x.shape[1:3]) > 7 or step < 2:
        x = _block(x, width * _WIDENING[min(step, len(_WIDENING) - 1)])
        step += 1
    maps = layers.Activation("linear", name="features")(x)
    return layers.Flatten("channels_last")(maps)


def _block(x, width: int):
    """A residual block that halves the side."""
    pooled = layers.AveragePooling2D(
        2, padding="same", data_format="channels_last"
    )(x)
    shortcut = _conv2d(width, 1)(pooled)
    x = _convolution(x, width)
    x = _conv2d(width, 3)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(layers.Add()([x, shortcut]))


def _convolution(x, width: int):
    x = _conv2d(width, 3, strides=2)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x)


def _conv2d(width: int, kernel_size: int, strides: int = 1):
    return layers.Conv2D(
        width,
        kernel_size,
        strides=strides,
        padding="same",
        data_format="channels_last",
        use_bias=False,
    )


class UnitLoss(keras.losses.Loss):
    """Mean squared error over the learned units.

    Not the absolute error: most units are 0 in most pictures, and the median,
    which that aims at, would be 0 for every picture.
    """

    def __init__(self, au_mask: np.ndarray):
        super().__init__()
        self._au_mask = au_mask

    def call(self, y_true, y_pred):
        error = keras.ops.square(y_true - y_pred)
        total = keras.ops.sum(error * self._au_mask, axis=-1)
        return total / float(self._au_mask.sum())


def classification_loss() -> keras.losses.Loss:
    """Of class numbers and logits."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def fit(
    model: keras.Model,
    loss: keras.losses.Loss,
    images: np.ndarray,
    labels: np.ndarray,
    pictures: int,
    label: str,
) -> None:
    """Trains `model` in place; Adam, its rate falling to 0 along a cosine.

    Args:
      model: `[b, S, S, 3]` in [-1, 1] → what `loss` takes.
      loss: of labels and the model's output.
      images: uint8 `[n, S, S, 3]`.
      labels: `[n, …]`.
      pictures: how many are seen in all, each counted whenever it is seen.
      label: for the progress line.
    """
    steps = max(1, math.ceil(pictures / BATCH_SIZE))
    progress = Progress(label, steps * BATCH_SIZE)
    model.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(_RATE, steps)
        ),
        loss,
    )
    model.fit(
        _batches(images, labels),
        steps_per_epoch=steps,
        shuffle=False,  # the batches are already
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: progress.advance(
                    BATCH_SIZE
                ),
                on_train_end=lambda logs: progress.finish(),
            )
        ],
    )


def _batches(images, labels) -> tf.data.Dataset:
    """An endless stream: a permutation for each epoch, then `augment`."""
    pictures, answers = tf.constant(images), tf.constant(labels)

    def drawn(index):
        batch = to_float(tf.gather(pictures, index))
        seeds = tf.stack([tf.constant(SEED, tf.int64), index[0]])
        return augment(batch, seeds), tf.gather(answers, index)

    return (
        tf.data.Dataset.range(len(images))
        .shuffle(len(images), seed=SEED)
        .repeat()
        .batch(BATCH_SIZE)
        .map(drawn, tf.data.AUTOTUNE)
        .prefetch(2)
    )


def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirrors, shifts, zooms, recolors, blurs and grains `[b, S, S, 3]`.

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
