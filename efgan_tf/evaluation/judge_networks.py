"""What a judge looks like: a small residual network with one head."""

import keras
from keras import layers

from efgan_tf.action_units import COUNT

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
    features = _trunk(image, width)
    units = layers.Dense(
        COUNT,
        activation="sigmoid",
        # Most units are absent in most faces.
        bias_initializer=keras.initializers.Constant(-2.0),
        name="units",
    )(layers.Dropout(0.2)(layers.Flatten("channels_last")(features)))
    return keras.Model(image, units, name="unit_judge")


def expression_judge(size: int, width: int, count: int) -> keras.Model:
    """Tells `count` expressions apart: `[b, S, S, 3]` → logits `[b, count]`."""
    image = keras.Input((size, size, 3))
    features = layers.Flatten("channels_last")(_trunk(image, width))
    logits = layers.Dense(count, name="logits")(layers.Dropout(0.2)(features))
    return keras.Model(image, logits, name="expression_judge")


def identity_judge(size: int, width: int) -> keras.Model:
    """Embeds people: `[b, S, S, 3]` → `[b, 64]` of length 1.

    Sees the middle of the face alone.
    """
    image = keras.Input((size, size, 3))
    face = layers.Cropping2D(int(size * _FACE), "channels_last")(image)
    features = layers.Flatten("channels_last")(_trunk(face, width))
    embedding = layers.Dense(_EMBEDDING, use_bias=False)(
        layers.Dropout(0.2)(features)
    )
    normalized = layers.UnitNormalization(name="embedding")(embedding)
    return keras.Model(image, normalized, name="identity_judge")


def pooled_features(judge: keras.Model) -> keras.Model:
    """What a judge of units sees before its head, averaged over places."""
    maps = judge.get_layer("features").output
    pooled = layers.GlobalAveragePooling2D("channels_last")(maps)
    return keras.Model(judge.inputs, pooled)


def _trunk(image, width: int):
    """Maps of 4 to 7 pixels a side, by blocks of stride 2."""
    x = _convolution(image, width, strides=2)
    step = 1
    while min(x.shape[1:3]) > 7 or step < 2:
        x = _block(x, width * _WIDENING[min(step, len(_WIDENING) - 1)])
        step += 1
    return layers.Activation("linear", name="features")(x)


def _block(x, width: int):
    """A residual block that halves the side."""
    shortcut = layers.Conv2D(
        width, 1, data_format="channels_last", use_bias=False
    )(
        layers.AveragePooling2D(2, padding="same", data_format="channels_last")(
            x
        )
    )
    x = _convolution(x, width, strides=2)
    x = layers.Conv2D(
        width, 3, padding="same", data_format="channels_last", use_bias=False
    )(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(layers.Add()([x, shortcut]))


def _convolution(x, width: int, strides: int):
    x = layers.Conv2D(
        width,
        3,
        strides=strides,
        padding="same",
        data_format="channels_last",
        use_bias=False,
    )(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x)
