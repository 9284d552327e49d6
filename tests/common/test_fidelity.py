"""How near pictures come to the truth."""

import numpy as np

from efgan_tf.common import fidelity


def test_psnr_by_hand():
    truth = np.zeros((2, 4, 4, 3))
    images = truth + np.array([0.2, 0.02])[:, None, None, None]
    # 10·log10(2² / 0.2²) = 20, a tenth of the error is 20 dB more.
    np.testing.assert_allclose(fidelity.psnr(images, truth), [20, 40])
    np.testing.assert_allclose(fidelity.psnr(truth, truth), 106, atol=0.1)
