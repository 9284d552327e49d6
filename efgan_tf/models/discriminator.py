"""The critics: is it a photo, and which action units does it show?

PatchGANs with a second head, one for the whole face and one for each region.
They are needed for training only and never shipped.
"""

from collections.abc import Mapping
from typing import TypeVar

import keras
from keras import layers

from efgan_tf import action_units, geometry
from efgan_tf.config import ModelConfig

Array = TypeVar("Array")

MAX_CHANNELS = 2048
SMALLEST_SIDE = 4
"""Critics halve their crop until its shorter side is at most this."""


def region_units(region: str) -> tuple[int, ...]:
    """Which of the 17 units the critic of `region` regresses, in order.

    Args:
      region: `"face"`, `"eyes"`, `"nose"` or `"mouth"`.
    """
    mask = action_units.region_mask(region)
    return tuple(unit for unit, used in enumerate(mask) if used)


def critic_crop(
    images: Array, region: str, boxes: Mapping[str, geometry.Box]
) -> Array:
    """What the critic of `region` sees of `[b, size, size, c]`."""
    if region == "face":
        return images
    return geometry.crop(images, boxes[region])


def build_critic(config: ModelConfig, region: str, name: str) -> keras.Model:
    """The critic of one region, or of the whole face.

    Convolutions of 4×4 and stride 2, channels doubling, LeakyReLU; no
    normalization of activations, which would couple a batch's samples under
    the gradient penalty or hide contrast from the critic. No sigmoid on either
    head. `critic_norm="spectral"` has Keras divide each convolution's kernel
    by its largest singular value (Miyato et al., ICLR 2018), whenever the
    critic is called in training.

    Args:
      config: shape of the networks.
      region: `"face"`, `"eyes"`, `"nose"` or `"mouth"`.
      name: of the model.

    Returns:
      `[b, height, width, 3]` → `{"patch": [b, h, w, 1], "action_units":
      [b, n]}`, n as in `region_units`.
    """
    size = config.image_size
    height, width = size, size
    if region != "face":
        height, width = config.boxes[region][2:]

    def normalized(convolution: layers.Conv2D) -> layers.Layer:
        if config.critic_norm == "none":
            return convolution
        return layers.SpectralNormalization(convolution, name=convolution.name)

    image = keras.Input((height, width, 3), name="image")
    x, channels, step = image, config.critic_width, 1
    while min(x.shape[1:3]) > SMALLEST_SIDE:
        convolution = layers.Conv2D(
            min(channels, MAX_CHANNELS),
            4,
            strides=2,
            padding="same",
            data_format="channels_last",
            name=f"down_{step}_conv",
        )
        x = normalized(convolution)(x)
        x = layers.LeakyReLU(negative_slope=0.01, name=f"down_{step}_relu")(x)
        channels, step = 2 * channels, step + 1
    convolution = layers.Conv2D(
        1,
        3,
        padding="same",
        data_format="channels_last",
        use_bias=False,
        dtype="float32",
        name="patch",
    )
    patch = normalized(convolution)(x)
    units = layers.Dense(
        len(region_units(region)), dtype="float32", name="action_units"
    )(layers.Flatten("channels_last", name="flat")(x))
    return keras.Model(
        image, {"patch": patch, "action_units": units}, name=name
    )


def build_critics(config: ModelConfig) -> dict[str, keras.Model]:
    """Region → critic; without local branches the face's alone."""
    regions = ["face", *config.boxes] if config.local_branches else ["face"]
    return {
        region: build_critic(config, region, name=f"critic_{region}")
        for region in regions
    }
