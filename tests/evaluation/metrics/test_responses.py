"""What sliders do."""

import numpy as np
import pytest
import scipy.stats

from efgan_tf.evaluation import control

SLIDERS = np.array([0.0, 1, 2, 4])


def test_slopes_by_hand():
    # Offsets from 1.75: −1.75 −0.75 0.25 2.25, squares sum to 8.75.
    two_faces = np.zeros((4, 2, 2))
    two_faces[:, 0, 0] = SLIDERS + 1  # slope 1 on one face,
    two_faces[:, 1, 0] = 2 - SLIDERS / 2  # −1/2 on the other: 1/4 on average
    two_faces[:, :, 1] = np.array([1.0, 0, 0, 0])[:, None]
    np.testing.assert_allclose(
        control.slopes(SLIDERS, two_faces), [0.25, -1.75 / 8.75]
    )


def test_cross_talk_has_the_moved_slider_in_the_rows():
    gains = np.array([[0.9, 0.2, 0], [0, 0.5, -0.1]])
    readings = 1 + SLIDERS[None, :, None, None] * gains[:, None, None]
    readings = np.repeat(readings, 3, axis=2)
    np.testing.assert_allclose(
        control.cross_talk(SLIDERS, readings), gains, atol=1e-12
    )


def test_rising_share_counts_steps_of_the_mean():
    mean = np.array([[0, 1, 1], [1, 0, 2], [2, 0, 1], [3, 0, 2]])
    wobble = np.array([1, -1])[None, :, None] * [[[0.0]], [[9]], [[0]], [[9]]]
    readings = mean[:, None] + wobble
    np.testing.assert_allclose(
        control.rising_share(SLIDERS, readings), [1, 0, 2 / 3]
    )
    np.testing.assert_allclose(
        control.rising_share(SLIDERS, readings, least=0.9), [1, 0, 2 / 3]
    )
    np.testing.assert_allclose(
        control.rising_share(SLIDERS, readings, least=1.1), 0
    )
    with pytest.raises(ValueError):
        control.rising_share(SLIDERS[::-1], readings)


def test_rank_correlation_is_spearmans_face_by_face():
    generator = np.random.default_rng(0)
    readings = generator.random((4, 3, 2))
    readings[1, :, 0] = readings[3, :, 0]  # a tie
    readings[:, :, 1] = SLIDERS[:, None] ** 3
    readings[:, 2, 1] = 2.5  # one face does not move: 0
    ranks = [
        scipy.stats.spearmanr(SLIDERS, readings[:, face, 0]).statistic
        for face in range(3)
    ]
    np.testing.assert_allclose(
        control.rank_correlation(SLIDERS, readings),
        [np.mean(ranks), 2 / 3],
        rtol=1e-12,
    )


@pytest.mark.parametrize(
    "measure",
    [control.slopes, control.rising_share, control.rank_correlation],
)
def test_bad_input_is_named(measure):
    readings = np.zeros((4, 1, 17))
    with pytest.raises(ValueError):
        measure(SLIDERS, readings * np.nan)
    with pytest.raises(ValueError):
        measure(np.ones(4), readings)
