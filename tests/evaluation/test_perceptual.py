"""The formula of LPIPS."""

import numpy as np
import pytest

from efgan_tf.evaluation.features import lpips


def test_by_hand():
    # Two places of a layer: (3, 4) → (0.6, 0.8) against (1, 0), then equal.
    features = np.array([[[[3.0, 4], [2, 0]]]])
    reference = np.array([[[[5.0, 0], [1, 0]]]])
    weights = np.array([1.0, 0.5])
    # ((0.6 − 1)²·1 + 0.8²·0.5 + 0) / 2 places = (0.16 + 0.32) / 2
    one = lpips([features], [reference], [weights])
    np.testing.assert_allclose(one, [0.24])
    # A second layer, of one place: (0, 1) against (1, 0): 1·2 + 1·3.
    second = [np.array([[[x]]]) for x in ([0.0, 7], [7.0, 0])]
    both = lpips(
        [features, second[0]], [reference, second[1]], [weights, [2.0, 3.0]]
    )
    np.testing.assert_allclose(both, [5.24])
    np.testing.assert_array_equal(lpips([features], [features], [weights]), 0)


def test_a_place_without_features_does_no_harm():
    nothing = np.zeros((2, 1, 1, 2))
    np.testing.assert_array_equal(lpips([nothing], [nothing], [[1, 1]]), [0, 0])


def test_bad_input_is_named():
    good = np.ones((1, 2, 2, 3))
    with pytest.raises(ValueError):
        lpips([good], [good * np.nan], [np.ones(3)])
    with pytest.raises(ValueError):
        lpips([good], [good], [-np.ones(3)])
