"""Coarse maps lie where their units look."""

import numpy as np
import pytest

from efgan_tf.explaining.receptive_fields import (
    Place,
    interpolation_matrices,
    place,
)
from tests.explaining.conftest import tiny_readers


@pytest.mark.parametrize("reader", tiny_readers()[:3], ids=lambda r: r.stem)
def test_a_unit_is_drawn_in_the_middle_of_what_it_sees(reader):
    # A stride of 2 with a kernel of 3 reaches from pixel 2i to 2i + 2, with
    # one of 4 from 2i - 1 to 2i + 2; twice that is around 4i + 3 or 4i + 1.5.
    middle = {3: 3, 4: 1.5}[
        reader.model.get_layer("down_1_conv").kernel_size[0]
    ]
    for matrix in interpolation_matrices(reader.model, "down_2_relu"):
        index = matrix.shape[1] // 2 - 1
        # The tent over it is highest there: half on each side of a half.
        reach = matrix[:, index]
        at = (np.arange(len(reach)) * reach).sum() / reach.sum()
        assert at == pytest.approx(4 * index + middle, abs=0.05)


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
