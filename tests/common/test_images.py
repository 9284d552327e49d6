"""Images to and from 8 bits, and how near they come to the truth."""

import numpy as np

from efgan_tf.common import images as scales


def test_to_uint8_by_hand():
    values = np.array([-1.2, -1, -0.998, 0.2, 1, 1.2])
    expected = [0, 0, 0, 153, 255, 255]
    np.testing.assert_array_equal(scales.to_uint8(values), expected)


def test_every_level_comes_back():
    levels = np.arange(256, dtype=np.uint8)
    images = scales.to_float(levels)
    assert images.dtype == np.float32
    assert (images[0], images[-1]) == (-1, 1)
    np.testing.assert_array_equal(scales.to_uint8(images), levels)


def test_psnr_by_hand():
    truth = np.zeros((2, 4, 4, 3))
    images = truth + np.array([0.2, 0.02])[:, None, None, None]
    # 10·log10(2² / 0.2²) = 20, a tenth of the error is 20 dB more.
    np.testing.assert_allclose(scales.psnr(images, truth), [20, 40])
    np.testing.assert_allclose(scales.psnr(truth, truth), 106, atol=0.1)
