"""The AU estimator: size, range, and that it can learn."""

import keras
import numpy as np
import pytest

from efgan_tf.config import ModelConfig
from efgan_tf.models import build_efgan, build_estimator
from efgan_tf.training.dry_run import parameter_counts


@pytest.mark.parametrize("size", [64, 128, 256])
def test_stays_small(size):
    estimator = build_estimator(ModelConfig(image_size=size))
    assert estimator.count_params() <= 300_000
    assert estimator.output_shape == (None, 17)


def test_range(tiny, faces):
    units = np.array(build_estimator(tiny())(10 * faces["image"]))
    assert units.dtype == np.float32
    assert 0 <= units.min() and units.max() <= 1


def test_learns_where_something_is(tiny):
    """A bright square's place and strength, given by two of 17 units."""
    rng = np.random.default_rng(0)
    wanted = np.zeros((64, 17), "float32")
    wanted[:, [3, 8]] = rng.random((64, 2))
    images = rng.normal(0, 0.1, (64, 64, 64, 3)).astype("float32")
    images[:, 8:20, 8:20] += wanted[:, 3, None, None, None]
    images[:, 40:52, 30:42] += wanted[:, 8, None, None, None]
    keras.utils.set_random_seed(0)
    estimator = build_estimator(tiny(estimator_width=8))
    estimator.compile(keras.optimizers.Adam(3e-3), "mse")
    estimator.fit(images, wanted, epochs=25, batch_size=16, verbose=0)
    error = np.mean((estimator.predict(images, verbose=0) - wanted) ** 2)
    # Guessing the mean leaves 2/17 of a variance of 1/12.
    assert error < 0.2 * 2 / 17 / 12


def test_parameter_counts(tiny):
    config = tiny(stages=3)
    counts = parameter_counts(config)
    efgan = build_efgan(config)
    assert counts["efgan"] == efgan.count_params()
    assert counts["cascade"] == 3 * counts["efgan"]
    branches = [n for key, n in counts.items() if key.startswith("branch/")]
    assert len(branches) == 5 and sum(branches) == counts["efgan"]
    assert {"critic/face", "critic/eyes", "estimator"} <= set(counts)
    bare = parameter_counts(tiny(local_branches=False, refiner=False))
    assert set(bare) == {
        "branch/face", "efgan", "cascade", "critic/face", "estimator",
    }  # fmt: skip


def test_branches_have_ganimations_size():
    """Its generator at 64 channels and six blocks, from the shapes known."""
    counts = parameter_counts(ModelConfig(au_injection="concat"))
    convolutions = (
        7 * 7 * 20 * 64
        + 4 * 4 * 64 * 128
        + 4 * 4 * 128 * 256
        + 6 * 2 * 3 * 3 * 256 * 256
        + 4 * 4 * 256 * 128
        + 4 * 4 * 128 * 64
        + 7 * 7 * 64 * (3 + 1)
    )
    norms = 2 * (64 + 128 + 256 + 12 * 256 + 128 + 64)
    assert counts["branch/face"] == convolutions + norms + 4
