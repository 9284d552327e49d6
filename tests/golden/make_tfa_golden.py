"""Writes `tfa.npz`: what two layers of TensorFlow Addons compute.

TensorFlow Addons was retired and does not import beside TensorFlow 2.16 or
later, so its numbers were computed once, with the last releases that go
together (Python 3.11):

    pip install tensorflow==2.15.1 tensorflow-addons==0.23.0 "numpy<2"
    python tests/golden/make_tfa_golden.py

`tests/models/test_golden.py` holds our layers against them.
"""

import pathlib

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

EPSILONS = (1e-3, 1e-5)
POWER_ITERATIONS = (1, 3)
TRAINING_CALLS = 4


def instance_norm(golden: dict[str, np.ndarray]) -> None:
    """Inputs far from mean 0 and deviation 1, weights far from 1 and 0."""
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (2, 8, 6, 5)).astype("float32")
    gamma = rng.normal(1, 0.5, 5).astype("float32")
    beta = rng.normal(0, 0.5, 5).astype("float32")
    golden.update({"norm/x": x, "norm/gamma": gamma, "norm/beta": beta})
    for epsilon in EPSILONS:
        layer = tfa.layers.InstanceNormalization(epsilon=epsilon)
        layer.build(x.shape)
        layer.gamma.assign(gamma)
        layer.beta.assign(beta)
        golden[f"norm/y_{epsilon:g}"] = layer(x).numpy()


def spectral_norm(golden: dict[str, np.ndarray]) -> None:
    """A convolution's kernel, u and output after each training call."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 8, 6, 3)).astype("float32")
    kernel = rng.normal(0, 0.3, (3, 3, 3, 4)).astype("float32")
    bias = rng.normal(size=4).astype("float32")
    u = rng.normal(0, 0.02, (1, 4)).astype("float32")
    golden.update(
        {
            "spectral/x": x,
            "spectral/kernel": kernel,
            "spectral/bias": bias,
            "spectral/u": u,
        }
    )
    for iterations in POWER_ITERATIONS:
        conv = tf.keras.layers.Conv2D(4, 3, strides=2, padding="same")
        layer = tfa.layers.SpectralNormalization(
            conv, power_iterations=iterations
        )
        layer.build(x.shape)
        conv.kernel.assign(kernel)
        conv.bias.assign(bias)
        layer.u.assign(u)
        for call in range(1, TRAINING_CALLS + 1):
            name = f"spectral/{iterations}_{call}"
            golden[f"{name}/y"] = layer(x, training=True).numpy()
            golden[f"{name}/kernel"] = conv.kernel.numpy()
            golden[f"{name}/u"] = layer.u.numpy()
        golden[f"spectral/{iterations}/inference"] = layer(x).numpy()


def main() -> None:
    golden = {}
    instance_norm(golden)
    spectral_norm(golden)
    path = pathlib.Path(__file__).parent / "tfa.npz"
    np.savez_compressed(path, **golden)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
