"""Identity similarity and its yardstick."""

import numpy as np
import pytest

from efgan_tf.evaluation.metrics import identity


def test_cosines_by_hand():
    first = [[1, 0], [3, 4], [1, 1]]
    second = [[0, 2], [6, 8], [-2, 0]]
    np.testing.assert_allclose(
        identity.cosine_similarity(first, second),
        [0, 1, -(0.5**0.5)],
        atol=1e-15,
    )


def test_area_counts_wins_and_half_the_ties():
    # Of six pairs 0.9 wins two and ties one, 0.5 wins one and ties none.
    area = identity.area_under_curve([0.9, 0.5], [0.9, 0.1, 0.6])
    assert area == pytest.approx((2.5 + 1) / 6)
    assert identity.area_under_curve([2.0], [1.0]) == 1
    assert identity.area_under_curve([1.0, 1.0], [1.0]) == 0.5


def test_verification_compares_all_pairs():
    # Angles 0° and 60° are one person, 90° and 90° another.
    angles = np.deg2rad([0, 60, 90, 90])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1) * [
        [5],
        [1],
        [2],
        [3],
    ]
    found = identity.verification(rows, ["ann", "ann", "bob", "bob"])
    assert found.same == pytest.approx((0.5 + 1) / 2)
    assert found.different == pytest.approx((0 + 0 + 2 * 0.75**0.5) / 4)
    # 1 beats all four strangers; 0.5 beats the two at 90° and not those at 30°.
    assert found.area == pytest.approx((4 + 2) / 8)


def test_bad_input_is_named():
    rows = np.eye(2)
    with pytest.raises(ValueError):
        identity.cosine_similarity(rows, [[1, 0], [0, 0]])
    with pytest.raises(ValueError):
        identity.cosine_similarity(rows * np.nan, rows)
    with pytest.raises(ValueError):
        identity.verification(rows, ["ann", "bob"])
