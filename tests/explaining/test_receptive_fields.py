"""Coarse maps lie where their units look."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from efgan_tf.explaining.receptive_fields import (
    Place,
    interpolation_matrices,
    place,
)
from tests.explaining.conftest import tiny_readers


def seen_middle(model, layer, place):
    """Middle (row, column) of the pixels that one unit of a layer sees.

    Kernels of ones make every pixel in sight count as often as on the other
    side of the middle.
    """
    convolutions = [
        each
        for each in model.layers[: model.layers.index(model.get_layer(layer))]
        if isinstance(each, keras.layers.Conv2D)
    ]
    x = inputs = keras.Input((*model.input_shape[1:3], 1))
    for each in convolutions:
        x = keras.layers.Conv2D(
            1, each.kernel_size, strides=each.strides, padding="same",
            kernel_initializer="ones", use_bias=False,
        )(x)  # fmt: skip
    chain = keras.Model(inputs, x)
    picture = tf.zeros((1, *model.input_shape[1:3], 1))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        unit = chain(picture)[0, place[0], place[1], 0]
    weights = tape.gradient(unit, picture)[0, ..., 0].numpy()
    rows, columns = np.indices(weights.shape)
    return [(rows * weights).sum() / weights.sum(),
            (columns * weights).sum() / weights.sum()]  # fmt: skip


@pytest.mark.parametrize("reader", tiny_readers()[:3], ids=lambda r: r.stem)
def test_a_unit_is_drawn_in_the_middle_of_what_it_sees(reader):
    layer = reader.model.layers[
        1 + [each.name for each in reader.model.layers].index("down_2_conv")
    ].name
    down, across = interpolation_matrices(reader.model, layer)
    row, column = down.shape[1] // 2 - 1, across.shape[1] // 2 - 1
    expected = seen_middle(reader.model, layer, (row, column))
    for matrix, index, middle in zip(
        (down, across), (row, column), expected, strict=True
    ):
        # The tent over it is highest there: half on each side of a half.
        reach = matrix[:, index]
        at = (np.arange(len(reach)) * reach).sum() / reach.sum()
        assert at == pytest.approx(middle, abs=0.05)


def test_maps_are_interpolated_not_scaled(estimator):
    down, across = interpolation_matrices(estimator.model, estimator.last_layer)
    assert down.shape == across.shape == (128, 4)
    np.testing.assert_allclose(down.sum(axis=1), 1, atol=1e-6)
    flat = np.full((2, 4, 4), 3.0, np.float32)
    np.testing.assert_allclose(place(flat, down, across), 3, rtol=1e-6)
    layer = Place(down, across)
    maps = np.random.default_rng(0).random((2, 4, 4, 5)).astype("float32")
    np.testing.assert_allclose(
        layer(maps)[..., 3], place(maps[..., 3], down, across), rtol=1e-5
    )
    # The last unit but one sees 63 pixels around the 96th.
    assert np.argmax(down[:, 2]) == 95
