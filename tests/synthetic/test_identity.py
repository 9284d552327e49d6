"""What is drawn from a seed, and that it depends on nothing else."""

import numpy as np
import pytest

from efgan_tf import action_units
from efgan_tf.synthetic import identity as identity_lib
from efgan_tf.synthetic.expressions import EXPRESSIONS


def test_people_are_the_same_in_any_order():
    first = [identity_lib.sample_identity(3, n) for n in (0, 1, 2)]
    again = [identity_lib.sample_identity(3, n) for n in (2, 0, 1)]
    for a, b in zip(first, again[1:] + again[:1], strict=True):
        assert a.looks == b.looks
        np.testing.assert_array_equal(a.shape, b.shape)
    assert first[0].looks != first[1].looks
    other = identity_lib.sample_identity(4, 0)
    assert np.abs(other.shape - first[0].shape).max() > 0.01


def test_views_keep_their_bounds():
    for yaw in (0.0, 15.0, 45.0):
        views = [identity_lib.sample_view(0, n, 1, yaw) for n in range(60)]
        assert max(abs(v.yaw) for v in views) <= yaw
        for view in views:
            assert 0.12 <= view.eye_share <= 0.2
            assert 80 <= view.jpeg_quality <= 95
            assert view.noise < 2.1 / 255
            assert np.linalg.norm(view.light) == pytest.approx(1)


def test_the_first_eight_images_are_the_expressions():
    for index, (name, full) in enumerate(EXPRESSIONS.items()):
        drawn, units = identity_lib.sample_action_units(0, 5, 0, index)
        assert drawn == name
        assert np.all(units <= full * 1.1 + 0.01)
        assert np.all(units >= np.minimum(full * 0.62, 5))
    _, units = identity_lib.sample_action_units(0, 5, 0, 0)
    assert not units.any()


def test_random_images_cover_every_unit():
    drawn = [
        identity_lib.sample_action_units(0, n, 0, 8 + k)
        for n in range(40)
        for k in range(8)
    ]
    assert {name for name, _ in drawn} == {"random"}
    units = np.stack([vector for _, vector in drawn])
    assert units.min() >= 0 and units.max() <= 5
    assert np.all((units > 1).sum(0) >= 10)


def test_labels_are_the_mean_of_both_sides():
    for index in range(12):
        view = identity_lib.sample_view(0, 7, 0)
        name, units = identity_lib.sample_action_units(0, 7, 0, index)
        left, right = identity_lib.sample_sides(view, index, name, units)
        np.testing.assert_allclose((left + right) / 2, units, atol=1e-5)
        assert min(left.min(), right.min()) >= 0
        dimple = action_units.NAMES.index("AU14")
        if name == "contemptuous":
            weak, strong = sorted((left[dimple], right[dimple]))
            assert strong > 5 * weak
        else:
            assert max(left.max(), right.max()) <= 5.001
            assert np.all(np.abs(left - right) <= 0.2 * units + 1e-5)
