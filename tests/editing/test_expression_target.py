"""Targets: which units an edit aims at, and what is refused."""

import numpy as np
import pytest

from efgan_tf import action_units
from efgan_tf.action_units import NAMES, preset, to_vector
from efgan_tf.common.errors import UserError
from efgan_tf.editing.expression import (
    ExpressionTarget,
    make_target,
    parse_units,
)

SOURCE = to_vector({"AU12": 2, "AU25": 1, "AU04": 0.5})


def units_of(vector):
    """The units that are not 0."""
    pairs = zip(NAMES, vector.tolist(), strict=True)
    return {name: value for name, value in pairs if value}


def test_intensity_goes_from_the_source_to_the_expression():
    # Of happy's AU12=4.5, AU06=4, AU25=3, AU10=0.5.
    half = make_target("happy", intensity=0.5).resolve(SOURCE)
    assert units_of(half) == {
        "AU04": 0.25, "AU06": 2, "AU10": 0.25, "AU12": 3.25, "AU25": 2,
    }  # fmt: skip
    np.testing.assert_array_equal(
        make_target("happy", intensity=0).resolve(SOURCE), SOURCE
    )
    np.testing.assert_array_equal(
        make_target("happy").resolve(SOURCE), preset("happy")
    )


def test_more_than_the_expression_is_clipped():
    assert units_of(make_target("happy", intensity=2).resolve(SOURCE)) == {
        "AU06": 5, "AU10": 1, "AU12": 5, "AU25": 5,
    }  # fmt: skip


def test_single_units_leave_the_others_at_the_source():
    target = make_target({"au12": 3})
    assert units_of(target.resolve(SOURCE)) == {
        "AU04": 0.5, "AU12": 3, "AU25": 1,
    }  # fmt: skip
    np.testing.assert_array_equal(make_target({}).resolve(SOURCE), SOURCE)


def test_single_units_are_as_said_whatever_the_expression_and_intensity():
    target = make_target("happy", intensity=0.5, units={"AU12": 1})
    assert units_of(target.resolve(SOURCE))["AU12"] == 1
    assert units_of(target.resolve(SOURCE))["AU06"] == 2


def test_relative_adds_to_the_source():
    target = make_target({"AU12": 4, "AU25": -3, "AU06": 1}, relative=True)
    assert units_of(target.resolve(SOURCE)) == {
        "AU04": 0.5, "AU06": 1, "AU12": 5,
    }  # fmt: skip
    half = make_target("happy", intensity=0.5, relative=True)
    assert units_of(half.resolve(SOURCE)) == {
        "AU04": 0.5, "AU06": 2, "AU10": 0.25, "AU12": 4.25, "AU25": 2.5,
    }  # fmt: skip


def test_another_faces_units_with_one_of_its_own():
    other = to_vector({"AU01": 4})
    target = make_target({"AU45": 5}, whole=other)
    assert units_of(target.resolve(SOURCE)) == {"AU01": 4, "AU45": 5}


@pytest.mark.parametrize(
    "target, message",
    [
        (dict(expression="hapy"), "hapy.*known are neutral, happy"),
        (dict(expression={"AU12": 6}), "AU12=6 is out of range"),
        (dict(expression={"AU12": -1}), "AU12=-1 is out of range"),
        (dict(expression={"AU12": -6}, relative=True), "out of range"),
        (dict(expression={"AU99": 1}), "AU99"),
        (dict(expression={"AU12": 1}, intensity=0.5), "needs a whole"),
        (dict(expression="happy", intensity=float("nan")), "not within 0"),
        (dict(expression="happy", intensity=-0.1), "-0.1 is not within 0"),
        (dict(expression="happy", intensity=10.1), "10.1 is not within 0 and"),
        (dict(expression="happy", whole=SOURCE), "give one expression"),
    ],
)
def test_what_cannot_be_wished(target, message):
    with pytest.raises(UserError, match=message):
        make_target(**target)


def test_changes_may_be_written_with_a_minus():
    assert parse_units("AU12=-2, au6 = -1,AU01=3", relative=True) == {
        "AU12": -2, "AU06": -1, "AU01": 3,
    }  # fmt: skip
    with pytest.raises(UserError, match="AU12=-2"):
        parse_units("AU12=-2")


def test_a_unit_that_nobody_learned_is_refused_by_name():
    learned = action_units.to_vector({"AU12": 1})
    make_target({"AU12": 3}).check_learned(learned, "runs/x")
    make_target("happy").check_learned(learned, "runs/x")
    with pytest.raises(UserError, match="runs/x has not learned AU45"):
        make_target({"AU45": 3}).check_learned(learned, "runs/x")


def test_the_source_is_left_alone():
    before = SOURCE.copy()
    ExpressionTarget(units={"AU12": 5}).resolve(SOURCE)
    np.testing.assert_array_equal(SOURCE, before)
