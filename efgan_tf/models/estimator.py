"""The AU estimator: which action units does an aligned face show?

It is trained beside the editor, on real images. No loss of the editor uses it,
so the generator has not learned to please it as it has the critics. It ships
with the model, so that nobody needs another program to edit a photo.
"""

import keras
from keras import layers

from efgan_tf.action_units import COUNT
from efgan_tf.config import ModelConfig
from efgan_tf.models.layers import InstanceNormalization

WIDENING = (1, 2, 3, 4)
"""Channels of the layers, in widths; the last goes for all that follow."""


def build_estimator(config: ModelConfig) -> keras.Model:
    """Image → action units; at most 0.3 M parameters at the default width.

    Convolutions of stride 2 down to 4 or fewer pixels a side, then one linear
    layer on all of them: faces are aligned, so a place is worth knowing.

    Args:
      config: shape of the networks.

    Returns:
      `[b, size, size, 3]` → float32 `[b, 17]` in 0-1.
    """
    size = config.image_size
    image = keras.Input((size, size, 3), name="image")
    x, step = image, 0
    while x.shape[1] > 4:
        widths = WIDENING[min(step, len(WIDENING) - 1)]
        step += 1
        x = layers.Conv2D(
            widths * config.estimator_width,
            3,
            strides=2,
            padding="same",
            data_format="channels_last",
            use_bias=False,
            name=f"down_{step}_conv",
        )(x)
        x = InstanceNormalization(name=f"down_{step}_norm")(x)
        x = layers.LeakyReLU(negative_slope=0.1, name=f"down_{step}_relu")(x)
    x = layers.Flatten("channels_last", name="flat")(x)
    units = layers.Dense(
        COUNT,
        activation="sigmoid",
        # Most units are absent in most faces.
        bias_initializer=keras.initializers.Constant(-2.0),
        dtype="float32",
        name="action_units",
    )(x)
    return keras.Model(image, units, name="estimator")
