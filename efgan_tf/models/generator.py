"""The EF-GAN: four branches that edit, and a refiner that joins them.

Images are `[b, size, size, 3]` in [-1, 1], action units `[b, 17]` in 0-1 (or,
with difference input, in [-1, 1]). Attention is `[b, size, size, 1]` in [0, 1]:
**1 is new, 0 keeps the input**. docs/method.md has the equations.
"""

import keras
from keras import layers

from efgan_tf.action_units import COUNT
from efgan_tf.config import ModelConfig
from efgan_tf.models.layers import (
    ActionUnitConv2D,
    Blend,
    CombineAttention,
    FilmInstanceNormalization,
    InstanceNormalization,
    SplitHeads,
)
from efgan_tf.models.regions import Crop, MeanInBoxes, Stitch

SMALLEST_SIDE = 8
"""Of what a branch sees; its 7×7 kernels need 7, its strides multiples of 4."""


def build_branch(
    height: int,
    width: int,
    channels: int,
    blocks: int,
    *,
    injection: str,
    attention_bias: float,
    color_head: str = "image",
    input_channels: int = 3,
    name: str,
) -> keras.Model:
    """The body that every branch and the refiner has: GANimation's generator.

    Args:
      height: of the image, a multiple of 4 and at least 8.
      width: likewise.
      channels: of the first layer; twice and four times that further in.
      blocks: residual blocks at a quarter of the resolution.
      injection: `"concat"` (units tiled onto the input) or `"film"` (units
        scale and shift every normalized map).
      attention_bias: start of the attention before its sigmoid.
      color_head: `"image"` (color is a picture made from nothing but the
        body's output) or `"change"` (it starts as the first three channels
        of the input, which the body changes).
      input_channels: 3, or more for images joined by their channels.
      name: of the model.

    Returns:
      `{"image": [b, height, width, input_channels], "action_units": [b, 17]}`
      → `{"color": [b, height, width, 3] in [-1, 1], "attention":
      [b, height, width, 1] in [0, 1]}`.

    Raises:
      ValueError: a side is no multiple of 4 or below 8, or the injection or
        the color head is unknown.
    """
    if height % 4 or width % 4 or min(height, width) < SMALLEST_SIDE:
        raise ValueError(
            f"sides must be multiples of 4 and at least {SMALLEST_SIDE}: "
            f"{height}×{width}"
        )
    if injection not in ("concat", "film"):
        raise ValueError(f"unknown injection of action units: {injection!r}")
    if color_head not in ("image", "change"):
        raise ValueError(f"unknown color head: {color_head!r}")
    image = keras.Input((height, width, input_channels), name="image")
    units = keras.Input((COUNT,), name="action_units")
    film = units if injection == "film" else None
    if injection == "concat":
        x = ActionUnitConv2D(channels, 7, name="in_conv")(image, units)
    else:
        x = _conv(channels, 7, name="in_conv")(image)
    x = _norm_relu(x, film, "in")
    for step, factor in enumerate((2, 4), start=1):
        x = _conv(factor * channels, 4, strides=2, name=f"down_{step}_conv")(x)
        x = _norm_relu(x, film, f"down_{step}")
    for block in range(1, blocks + 1):
        x = _residual_block(x, film, f"block_{block}")
    for step, factor in enumerate((2, 1), start=1):
        x = layers.Conv2DTranspose(
            factor * channels,
            4,
            strides=2,
            padding="same",
            data_format="channels_last",
            use_bias=False,
            name=f"up_{step}_conv",
        )(x)
        x = _norm_relu(x, film, f"up_{step}")
    # One convolution for both heads reads the maps once. Float32 under every
    # precision: 8 bits of bfloat16 would show as bands.
    x = layers.Conv2D(
        4,
        7,
        padding="same",
        data_format="channels_last",
        kernel_initializer=_head_initializer(color_head),
        bias_initializer=keras.initializers.Constant(
            [0.0, 0.0, 0.0, attention_bias]
        ),
        dtype="float32",
        name="heads",
    )(x)
    split = SplitHeads(dtype="float32", name="split_heads")
    start = image if color_head == "change" else None
    color, attention = split(x, start)
    outputs = {"color": color, "attention": attention}
    return keras.Model(
        {"image": image, "action_units": units}, outputs, name=name
    )


def _head_initializer(color_head):
    # A change of the picture starts near none: a hundredth of the variance.
    return keras.initializers.VarianceScaling(
        0.01 if color_head == "change" else 1.0,
        mode="fan_avg",
        distribution="uniform",
    )


def _conv(filters, kernel_size, strides=1, *, name):
    # No bias: the normalization that follows would remove it.
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        data_format="channels_last",
        use_bias=False,
        name=name,
    )


def _norm(x, units, name):
    if units is None:
        return InstanceNormalization(name=name)(x)
    return FilmInstanceNormalization(name=name)(x, units)


def _norm_relu(x, units, name):
    return layers.ReLU(name=f"{name}_relu")(_norm(x, units, f"{name}_norm"))


def _residual_block(x, units, name):
    channels = x.shape[-1]
    y = _conv(channels, 3, name=f"{name}_conv_1")(x)
    y = _norm_relu(y, units, f"{name}_1")
    y = _conv(channels, 3, name=f"{name}_conv_2")(y)
    y = _norm(y, units, f"{name}_2_norm")
    return layers.Add(name=f"{name}_add")([x, y])


def build_efgan(config: ModelConfig, name: str = "efgan") -> keras.Model:
    """One EF-GAN: expression transformer and refiner.

    Without local branches it is the global branch alone, GANimation's design;
    without refiner its result is the base that a refiner would have refined.

    Args:
      config: shape of the networks.
      name: of the model.

    Returns:
      `{"image", "action_units"}` → a dict of
      `"image"`: the edited image;
      `"attention"`: of branches and refiner together: `1 - attention` is the
        weight of the input in the edited image;
      `"stitched"`: the local results in their places, the input elsewhere
        (only with local branches);
      `"branches"`: region → `{"color", "attention", "image"}` for `"face"` (the
        global branch), `"eyes"`, `"nose"`, `"mouth"`, each of its own size,
        and `"refiner"` → `{"color", "attention"}`.
      `"action_units"` is what the branches see: target or difference.
    """
    size = config.image_size
    image = keras.Input((size, size, 3), name="image")
    units = keras.Input((COUNT,), name="action_units")
    branches = {"face": _edit(config, "face", image, units)}
    outputs = {
        "image": branches["face"]["image"],
        "attention": branches["face"]["attention"],
        "branches": branches,
    }
    if config.local_branches:
        for region, box in config.boxes.items():
            crop = _float32(Crop, f"{region}_crop", box=box)(image)
            branches[region] = _edit(config, region, crop, units)
        outputs.update(_join(config, image, branches))
    if config.refiner:
        outputs.update(_refine(config, image, units, outputs))
    return keras.Model(
        {"image": image, "action_units": units}, outputs, name=name
    )


def _float32(layer, name, **arguments):
    # What makes pictures of the branches' outputs stays exact under every
    # precision; it costs little.
    return layer(**arguments, dtype="float32", name=name)


def _edit(config, region, crop, units):
    """A branch's `{"color", "attention", "image"}` for its crop."""
    whole = region == "face"
    height, width = crop.shape[1:3]
    branch = build_branch(
        height,
        width,
        config.base_width if whole else config.local_width,
        config.global_blocks if whole else config.local_blocks,
        injection=config.au_injection,
        attention_bias=config.attention_bias,
        color_head=config.color_head,
        name=region,
    )
    result = branch({"image": crop, "action_units": units})
    blend = _float32(Blend, f"{region}_blend")
    edited = blend(result["attention"], result["color"], crop)
    return {**result, "image": edited}


def _join(config, image, branches):
    """The local results stitched, and the base that they and the global make.

    Attention takes the image's way through stitching and mean, with 0 in place
    of the input: both say how much of the input is left, one being linear in
    the other.
    """
    boxes = {"size": config.image_size, "boxes": config.boxes}

    def locals_of(key):
        return {region: branches[region][key] for region in config.boxes}

    stitch = _float32(Stitch, "stitch", **boxes)
    stitch_attention = _float32(Stitch, "stitch_attention", **boxes)
    stitched = stitch(locals_of("image"), image)
    base = _float32(MeanInBoxes, "base", **boxes)
    base_attention = _float32(MeanInBoxes, "base_attention", **boxes)
    return {
        "stitched": stitched,
        "image": base(branches["face"]["image"], stitched),
        "attention": base_attention(
            branches["face"]["attention"],
            stitch_attention(locals_of("attention")),
        ),
    }


def _refine(config, image, units, joined):
    """The refiner's blend over the base, and the attention of everything."""
    branches = joined["branches"]
    size = config.image_size
    refiner = build_branch(
        size,
        size,
        config.base_width,
        config.refiner_blocks,
        injection=config.au_injection,
        attention_bias=config.attention_bias,
        color_head=config.color_head,
        input_channels=9,
        name="refiner",
    )
    # The global result first: a color that is a change starts from there.
    inputs = [branches["face"]["image"], joined["stitched"], image]
    inputs = _float32(layers.Concatenate, "refiner_input")(inputs)
    result = refiner({"image": inputs, "action_units": units})
    blend = _float32(Blend, "refiner_blend")
    combine = _float32(CombineAttention, "combined_attention")
    return {
        "image": blend(result["attention"], result["color"], joined["image"]),
        "attention": combine([joined["attention"], result["attention"]]),
        "branches": {**branches, "refiner": result},
    }
