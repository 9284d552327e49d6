"""Scores of action units and identity."""

import numpy as np
import pytest
import scipy.stats

from efgan_tf.action_units import NAMES
from efgan_tf.evaluation.metrics import face_readings

# Shrout and Fleiss 1979, table 2: six targets, four judges.
SHROUT_FLEISS = np.array(
    [
        [9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8],
        [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7],
    ]
)  # fmt: skip


def test_errors_count_learned_units_alone():
    target, readings = np.zeros((2, 17)), np.zeros((2, 17))
    readings[0, 0], readings[1, 0] = 2, -1  # AU01: 2 and 1
    readings[1, 8] = 4  # AU12: 0 and 4
    readings[:, 3] = np.nan  # AU05: nobody taught it
    au_mask = np.ones(17)
    au_mask[3] = 0
    errors = face_readings.by_unit(
        face_readings.mean_absolute_error, readings, target, au_mask
    )
    assert list(errors) == [name for name in NAMES if name != "AU05"]
    assert {k: v for k, v in errors.items() if v} == {"AU01": 1.5, "AU12": 2}
    np.testing.assert_allclose(
        face_readings.picture_errors(readings, target, au_mask),
        [2 / 16, 5 / 16],
    )


def test_bad_readings_never_pass():
    table, nan = np.zeros((2, 17)), np.zeros((2, 17))
    nan[1, 5] = np.nan
    for readings, target, au_mask in (
        (nan, table, np.ones(17)),
        (table, nan, np.ones(17)),
        (table, table[:1], np.ones(17)),
        (table[:, :3], table[:, :3], np.ones(3)),
        (table[:0], table[:0], np.ones(17)),
        (table, table, np.zeros(17)),
    ):
        with pytest.raises(ValueError):
            face_readings.picture_errors(readings, target, au_mask)


def test_slope_is_scipys_and_none_for_constants():
    generator = np.random.default_rng(0)
    target = generator.random(20)
    readings = target / 2 + generator.random(20)
    expected = scipy.stats.linregress(target, readings).slope
    found = face_readings.slope(readings, target)
    assert found == pytest.approx(expected, rel=1e-12)
    assert face_readings.slope(target, np.full(20, 0.5)) is None


def test_intraclass_correlation_is_the_published_one():
    # They print ICC(3,1) = .71; BMS 11.24 and EMS 1.02 are theirs as well.
    found = face_readings.intraclass_correlation(*SHROUT_FLEISS.T)
    assert found == pytest.approx((11.24 - 1.02) / (11.24 + 3 * 1.02), abs=2e-3)
    assert round(found, 2) == 0.71


def test_intraclass_correlation_minds_scale_but_not_offset():
    truth, icc = np.arange(5.0), face_readings.intraclass_correlation
    assert icc(truth + 2, truth) == pytest.approx(1)
    assert icc(-truth, truth) == pytest.approx(-1)
    # Slope 1/2: 2·cov / (var + var) = 2·½ / (1 + ¼).
    assert icc(truth / 2, truth) == pytest.approx(0.8)
    assert icc(truth * 0, truth * 0 + 1) is None
    with pytest.raises(ValueError):
        icc(truth)


def test_cosines_by_hand():
    first, second = [[1, 0], [3, 4], [1, 1]], [[0, 2], [6, 8], [-2, 0]]
    np.testing.assert_allclose(
        face_readings.cosine_similarity(first, second),
        [0, 1, -(0.5**0.5)],
        atol=1e-15,
    )
    for bad in ([[0, 0]], [[np.nan, 1]]):
        with pytest.raises(ValueError):
            face_readings.cosine_similarity([[1, 0]], bad)


def test_area_counts_wins_and_half_the_ties():
    # Of six pairs 0.9 wins two and ties one, 0.5 wins one and ties none.
    area = face_readings.area_under_curve([0.9, 0.5], [0.9, 0.1, 0.6])
    assert area == pytest.approx((2.5 + 1) / 6)
    assert face_readings.area_under_curve([2.0], [1.0]) == 1
    assert face_readings.area_under_curve([1.0, 1.0], [1.0]) == 0.5


def test_verification_compares_all_pairs():
    # Angles 0° and 60° are one person, 90° and 90° another.
    angles = np.deg2rad([0, 60, 90, 90])
    lengths = np.array([[5], [1], [2], [3]])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths
    found = face_readings.verification(rows, ["ann", "ann", "bob", "bob"])
    assert found.same == pytest.approx((0.5 + 1) / 2)
    assert found.different == pytest.approx((0 + 0 + 2 * 0.75**0.5) / 4)
    # 1 beats all four others; 0.5 beats the two at 90° and not those at 30°.
    assert found.area == pytest.approx((4 + 2) / 8)
    with pytest.raises(ValueError):
        face_readings.verification(np.eye(2), ["ann", "bob"])
