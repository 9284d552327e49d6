"""Our norms and Keras's compute what TensorFlow Addons' did.

`tests/golden/make_tfa_golden.py` took the numbers, with TensorFlow 2.15.1 and
tensorflow-addons 0.23.0. Tolerances are a few times the largest difference
that was seen, which is float32's own.
"""

import pathlib

import keras
import numpy as np
import pytest

from efgan_tf.models.layers import InstanceNormalization

PATH = pathlib.Path(__file__).parents[1] / "golden" / "tfa.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(PATH, allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("epsilon", [1e-3, 1e-5])
def test_instance_normalization(golden, epsilon):
    layer = InstanceNormalization(epsilon=epsilon)
    layer.build(golden["norm/x"].shape)
    # The order and shapes of the weights are the same too.
    layer.set_weights([golden["norm/gamma"], golden["norm/beta"]])
    np.testing.assert_allclose(
        layer(golden["norm/x"]), golden[f"norm/y_{epsilon:g}"], atol=2e-6
    )


@pytest.mark.parametrize("iterations", [1, 3])
def test_spectral_normalization(golden, iterations):
    """The same power iteration, and the same state after each call."""
    x = golden["spectral/x"]
    conv = keras.layers.Conv2D(4, 3, strides=2, padding="same")
    layer = keras.layers.SpectralNormalization(
        conv, power_iterations=iterations
    )
    layer.build(x.shape)
    conv.kernel.assign(golden["spectral/kernel"])
    conv.bias.assign(golden["spectral/bias"])
    layer.vector_u.assign(golden["spectral/u"])
    for call in range(1, 5):
        name = f"spectral/{iterations}_{call}"
        for ours, theirs in (
            (layer(x, training=True), f"{name}/y"),
            (conv.kernel, f"{name}/kernel"),
            (layer.vector_u, f"{name}/u"),
        ):
            np.testing.assert_allclose(ours, golden[theirs], atol=2e-6)
    np.testing.assert_allclose(
        layer(x), golden[f"spectral/{iterations}/inference"], atol=2e-6
    )
    # The weights did change on the way, so the agreement says something.
    change = golden[f"{name}/kernel"] - golden["spectral/kernel"]
    assert np.abs(change).max() > 0.1
