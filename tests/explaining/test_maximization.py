"""Pictures that drive a unit up."""

import numpy as np

from efgan_tf.explaining.maximization import maximize


def test_each_unit_rises_in_its_own_picture(estimator, faces):
    units = ["AU02", "AU12", "AU26"]
    before = estimator.read(faces[0])
    pictures = maximize(estimator, faces[0], units, steps=6)
    assert pictures.shape == (3, 128, 128, 3)
    assert np.abs(pictures).max() <= 1
    for name, picture in zip(units, pictures, strict=True):
        assert estimator.read(picture)[name] > before[name] + 1
    # It is still that face, in its place.
    shift = np.abs(pictures - faces[0]).mean(axis=(1, 2, 3))
    assert (shift < 0.2).all(), shift


def test_a_local_critic_climbs_in_its_view(readers, small_face):
    (critic,) = (r for r in readers if r.region == "eyes")
    pictures = maximize(critic, small_face, ["AU04"], steps=2)
    assert pictures.shape == (1, 24, 40, 3)
    again = maximize(critic, small_face, ["AU04"], steps=2)
    np.testing.assert_allclose(pictures, again, atol=1e-5)
