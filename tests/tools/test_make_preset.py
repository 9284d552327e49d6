"""Weights of presets: units made stronger, and rounding to 8 bits."""

import keras
import numpy as np

from efgan_tf import action_units
from efgan_tf.models import build_cascade
from tests.training.conftest import tiny_config
from tools.make_preset import amplify, rounded


def test_an_amplified_unit_shows_as_if_more_of_it_was_wanted():
    keras.utils.set_random_seed(0)
    cascade = build_cascade(tiny_config(au_injection="film").model)
    rng = np.random.default_rng(0)
    source, target = np.float32(rng.uniform(0.2, 0.4, (2, 1, 17)))
    image = np.float32(rng.uniform(-1, 1, (1, 64, 64, 3)))

    def edit(target):
        inputs = {"image": image, "source_action_units": source}
        out = cascade({**inputs, "target_action_units": target})
        return np.array(out["image"])

    further = target.copy()
    unit = action_units.NAMES.index("AU04")
    further[0, unit] = source[0, unit] + 2 * (target - source)[0, unit]
    wanted = edit(further)
    assert np.abs(wanted - edit(target)).max() > 1e-3
    amplify(cascade, {"AU04": 2.0})
    np.testing.assert_allclose(edit(target), wanted, atol=1e-5)


def test_large_tensors_become_multiples_of_a_power_of_two():
    weights = np.random.default_rng(0).normal(0, 0.1, (40, 40))
    weights[0, 0] = 0.5  # 0.5 / 127 lies between 2^-8 and 2^-7
    found = rounded(np.float32(weights))
    whole = found * 2**7
    np.testing.assert_array_equal(whole, np.round(whole))
    assert np.abs(whole).max() == 64
    np.testing.assert_allclose(found, weights, atol=2**-8)
    np.testing.assert_array_equal(np.float16(found), found)


def test_small_tensors_stay():
    weights = np.float32([0.1, 0.2, 0.3])
    np.testing.assert_array_equal(rounded(weights), weights)
