"""The linear reader."""

import numpy as np
import pytest

from efgan_tf.labeling import mapping
from efgan_tf.labeling.landmarker import BLENDSHAPES, POINTS, Reading
from efgan_tf.labeling.regression import Regression, features
from tools.fit_labels import fit


def test_finds_a_line_and_shrinks_it():
    generator = np.random.default_rng(0)
    inputs = generator.normal(3, 2, (500, 4))
    slopes = np.array([[0.1, 0], [0, 0.2], [0, 0], [0.05, -0.1]])
    targets = np.clip(inputs @ slopes + 2, 0, 5)
    exact = fit(inputs, inputs @ slopes + 2, 0)
    np.testing.assert_allclose(exact.predict(inputs), targets, atol=1e-9)
    # With one feature of variance 1 a penalty of 1 halves the slope.
    alone = (inputs[:, :1] - inputs[:, :1].mean()) / inputs[:, :1].std()
    half = fit(alone, alone + 2.5, 1)
    np.testing.assert_allclose(half.weights, [[0.5]])
    far = half.predict(np.array([[100.0], [-100.0]]))
    assert far.ravel().tolist() == [5, 0]


def test_the_one_in_the_package_fits_its_features():
    shipped = Regression.load()
    shapes = np.full(len(BLENDSHAPES), 0.1, np.float32)
    mesh = np.random.default_rng(2).normal(size=(POINTS, 3))
    values = features([Reading(shapes, mesh)])
    assert shipped.mean.shape == values.shape
    assert shipped.weights.shape == (*values.shape, len(mapping.UNITS))
    # An average rendered face shows the average units.
    np.testing.assert_allclose(
        shipped.predict(shipped.mean), shipped.bias, atol=1e-6
    )
    assert shipped.bias.min() > 0 and shipped.bias.max() < 3


@pytest.mark.parametrize("count", [1, 2])
def test_features_are_means_over_readings(count):
    generator = np.random.default_rng(3)
    readings = [
        Reading(
            generator.uniform(size=len(BLENDSHAPES)).astype(np.float32),
            generator.normal(size=(POINTS, 3)),
        )
        for _ in range(count)
    ]
    each = [features([one]) for one in readings]
    np.testing.assert_allclose(features(readings), np.mean(each, axis=0))
