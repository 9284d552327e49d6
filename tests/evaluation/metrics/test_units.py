"""Scores of action units."""

import numpy as np
import pytest
import scipy.stats

from efgan_tf.action_units import NAMES
from efgan_tf.evaluation.metrics import units

# Shrout and Fleiss 1979, table 2: six targets, four judges.
SHROUT_FLEISS = np.array(
    [
        [9, 2, 5, 8],
        [6, 1, 3, 2],
        [8, 4, 6, 8],
        [7, 1, 2, 6],
        [10, 5, 6, 9],
        [6, 2, 4, 7],
    ]
)


def test_errors_count_learned_units_alone():
    wanted = np.zeros((2, 17))
    readings = np.zeros((2, 17))
    readings[0, 0], readings[1, 0] = 2, -1  # AU01: 2 and 1
    readings[1, 8] = 4  # AU12: 0 and 4
    readings[:, 3] = np.nan  # AU05: nobody taught it
    learned = np.ones(17)
    learned[3] = 0
    errors = units.by_unit(units.mean_absolute_error, readings, wanted, learned)
    assert list(errors) == [name for name in NAMES if name != "AU05"]
    assert {k: v for k, v in errors.items() if v} == {"AU01": 1.5, "AU12": 2}
    np.testing.assert_allclose(
        units.picture_errors(readings, wanted, learned), [2 / 16, 5 / 16]
    )


def test_nan_in_a_learned_unit_never_passes():
    good, bad = np.zeros((2, 17)), np.zeros((2, 17))
    bad[1, 5] = np.nan
    with pytest.raises(ValueError):
        units.picture_errors(bad, good, np.ones(17))
    with pytest.raises(ValueError):
        units.by_unit(units.slope, good, bad, np.ones(17))
    with pytest.raises(ValueError):
        units.slope(bad[:, 5], good[:, 5])


def test_bad_shapes_are_told():
    table = np.zeros((2, 17))
    with pytest.raises(ValueError):
        units.picture_errors(table, table[:1], np.ones(17))
    with pytest.raises(ValueError):
        units.picture_errors(table[:, :3], table[:, :3], np.ones(3))
    with pytest.raises(ValueError):
        units.picture_errors(table[:0], table[:0], np.ones(17))
    with pytest.raises(ValueError):
        units.picture_errors(table, table, np.zeros(17))


def test_slope_is_scipys_and_none_for_constants():
    generator = np.random.default_rng(0)
    wanted = generator.random(20)
    readings = wanted / 2 + generator.random(20)
    expected = scipy.stats.linregress(wanted, readings).slope
    assert units.slope(readings, wanted) == pytest.approx(expected, rel=1e-12)
    assert units.slope(wanted, np.full(20, 0.5)) is None


def test_intraclass_correlation_is_the_published_one():
    # They print ICC(3,1) = .71; BMS 11.24 and EMS 1.02 are theirs as well.
    found = units.intraclass_correlation(*SHROUT_FLEISS.T)
    assert found == pytest.approx((11.24 - 1.02) / (11.24 + 3 * 1.02), abs=2e-3)
    assert round(found, 2) == 0.71


def test_intraclass_correlation_minds_scale_but_not_offset():
    truth = np.arange(5.0)
    assert units.intraclass_correlation(truth + 2, truth) == pytest.approx(1)
    assert units.intraclass_correlation(-truth, truth) == pytest.approx(-1)
    # Slope 1/2: 2·cov / (var + var) = 2·½ / (1 + ¼).
    assert units.intraclass_correlation(truth / 2, truth) == pytest.approx(0.8)
    assert units.intraclass_correlation(truth * 0, truth * 0 + 1) is None
    with pytest.raises(ValueError):
        units.intraclass_correlation(truth)
