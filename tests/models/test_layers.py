"""Normalization, action units and heads, layer by layer."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from efgan_tf.models import layers, regions

CONSTRUCTIONS = {
    layers.InstanceNormalization: {"epsilon": 1e-4},
    layers.FilmInstanceNormalization: {"epsilon": 1e-4},
    layers.ActionUnitConv2D: {"filters": 5, "kernel_size": 7},
    layers.InterpolateUnits: {"stages": 3},
    layers.SplitHeads: {},
    layers.Blend: {},
    layers.CombineAttention: {},
    regions.Crop: {"box": (1, 2, 3, 4)},
    regions.Stitch: {"size": 32, "boxes": {"nose": (1, 2, 3, 4)}},
    regions.MeanInBoxes: {"size": 32, "boxes": {"nose": (1, 2, 3, 4)}},
}


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_every_layer_has_a_construction():
    ours = {
        value
        for module in (layers, regions)
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }
    assert ours == set(CONSTRUCTIONS)


@pytest.mark.parametrize("cls", CONSTRUCTIONS, ids=lambda cls: cls.__name__)
def test_config_is_what_the_constructor_accepts(cls):
    layer = cls(**CONSTRUCTIONS[cls], name="it")
    config = layer.get_config()
    theirs = set(inspect.signature(keras.layers.Layer.__init__).parameters)
    ours = set(inspect.signature(cls.__init__).parameters) - theirs
    assert set(config) - theirs == ours == set(CONSTRUCTIONS[cls])
    assert {"name", "trainable", "dtype"} <= set(config)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(again) is cls and again.get_config() == config


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_rounds_the_result_once(policy):
    # 300² is beyond float16, and a deviation of 8 around 300 is lost in
    # bfloat16's sums and products.
    x = 300 + 8 * random(1, 32, 32, 2)
    layer = layers.InstanceNormalization(dtype=policy)
    half = tf.cast(x, layer.compute_dtype)
    y = layer(half)
    assert y.dtype == layer.compute_dtype
    assert layer.gamma.dtype == "float32"
    expected = layers.InstanceNormalization()(tf.cast(half, "float32"))
    half_a_unit = {"mixed_float16": 2**-11, "mixed_bfloat16": 2**-8}[policy]
    # Float32 itself: x·f and its offset are near 40 before they cancel.
    float32 = 4 * 40 * 2**-24
    np.testing.assert_allclose(
        tf.cast(y, "float32"), expected, rtol=half_a_unit, atol=float32
    )


def test_film_scales_and_shifts_by_the_units():
    layer = layers.FilmInstanceNormalization()
    x, units = random(1, 8, 8, 2), np.zeros((1, 17), "float32")
    units[0, 3] = 0.5
    layer.build(x.shape, units.shape)
    kernel = np.zeros((17, 4), "float32")
    kernel[3] = [2, 0, 0, 6]  # scale 1 + 0.5·2 = 2 and 1; shift 0 and 3
    layer.set_weights([kernel, np.zeros(4)])
    plain = np.array(layers.InstanceNormalization()(x))
    expected = plain * [2, 1] + [0, 3]
    np.testing.assert_allclose(layer(x, units), expected, atol=1e-5)


@pytest.mark.parametrize("height,width", [(24, 40), (7, 8), (64, 64)])
def test_action_unit_conv_is_the_conv_of_tiled_units(height, width):
    image, units = random(2, height, width, 3), random(2, 17, seed=1)
    layer = layers.ActionUnitConv2D(5, 7)
    ours = layer(image, units)
    tiled = np.broadcast_to(units[:, None, None], (2, height, width, 17))
    theirs = keras.layers.Conv2D(5, 7, padding="same", use_bias=False)
    joined = np.concatenate([image, tiled], -1)
    theirs.build(joined.shape)
    assert theirs.kernel.shape == layer.kernel.shape
    theirs.set_weights(layer.get_weights())
    np.testing.assert_allclose(ours, theirs(joined), atol=1e-4)


def test_action_unit_conv_starts_as_the_conv_of_tiled_units():
    layer = layers.ActionUnitConv2D(64, 7)
    layer.build((1, 64, 64, 3), (1, 17))
    limit = np.sqrt(6 / (49 * (20 + 64)))
    kernel = layer.get_weights()[0]
    assert 0.99 * limit < np.abs(kernel).max() <= limit


def test_split_heads_have_their_ranges():
    x = np.array([0.5, -0.5, 9, 0], "float32").reshape(1, 1, 1, 4)
    color, attention = layers.SplitHeads()(x)
    np.testing.assert_allclose(
        color[0, 0, 0], [0.46211717, -0.46211717, 1], atol=1e-6
    )
    assert attention[0, 0, 0, 0] == 0.5


def test_split_heads_without_a_change_keep_the_picture():
    row = np.array([-1, -0.98, -0.5, 0, 0.7, 0.98, 0.99, 1], "float32")
    image = tf.constant(np.broadcast_to(row[:, None, None], (1, 8, 8, 3)))
    heads = tf.zeros((1, 8, 8, 4))
    with tf.GradientTape() as tape:
        tape.watch([heads, image])
        color, _ = layers.SplitHeads()(heads, image)
    np.testing.assert_allclose(color, np.clip(image, -0.98, 0.98), atol=1e-6)
    by_heads, by_image = tape.gradient(color, [heads, image])
    # d tanh(x + artanh(p)) is 1 - p² by x and 1 by p, or 0 where p is clipped.
    slope = 1 - np.clip(image, -0.98, 0.98) ** 2
    np.testing.assert_allclose(by_heads[..., :3], slope, atol=1e-5)
    inside = np.abs(image) < 0.98
    np.testing.assert_allclose(by_image[inside], 1, atol=1e-3)
    np.testing.assert_array_equal(by_image[np.abs(image) > 0.98], 0)
