"""Targets: which units an edit aims at, and what is refused."""

import json

import numpy as np
import pytest

from efgan_tf import action_units
from efgan_tf.action_units import NAMES, preset, to_vector
from efgan_tf.common.errors import UserError
from efgan_tf.editing.expression import (
    Expression,
    ExpressionTarget,
    load_expression,
    make_target,
    parse_units,
    save_expression,
)

SOURCE = to_vector({"AU12": 2, "AU25": 1, "AU04": 0.5})


def units_of(vector):
    """The units that are not 0."""
    pairs = zip(NAMES, vector.tolist(), strict=True)
    return {name: value for name, value in pairs if value}


# Of happy's AU12=3.75, AU06=3, AU25=2.5, AU10=0.5.
HALF_HAPPY = {
    "AU04": 0.25, "AU06": 1.5, "AU10": 0.25, "AU12": 2.875, "AU25": 1.75,
}  # fmt: skip


@pytest.mark.parametrize(
    "target, expected",
    [
        (dict(expression="happy", intensity=0), units_of(SOURCE)),
        (dict(expression="happy", intensity=0.5), HALF_HAPPY),
        (dict(expression="happy"), units_of(preset("happy"))),
        (
            dict(expression="happy", intensity=2),
            {"AU06": 5, "AU10": 1, "AU12": 5, "AU25": 4},
        ),
        (dict(expression={}), units_of(SOURCE)),
        (dict(expression={"au12": 3}), {"AU04": 0.5, "AU12": 3, "AU25": 1}),
        (
            dict(expression="happy", intensity=0.5, units={"AU12": 1}),
            HALF_HAPPY | {"AU12": 1},
        ),
        (
            dict(expression={"AU12": 4, "AU25": -3, "AU06": 1}, relative=True),
            {"AU04": 0.5, "AU06": 1, "AU12": 5},
        ),
        (
            dict(expression="happy", intensity=0.5, relative=True),
            {
                "AU04": 0.5,
                "AU06": 1.5,
                "AU10": 0.25,
                "AU12": 3.875,
                "AU25": 2.25,
            },
        ),
        (
            dict(expression={"AU45": 5}, whole=to_vector({"AU01": 4})),
            {"AU01": 4, "AU45": 5},
        ),
    ],
)
def test_what_a_target_makes_of_a_source(target, expected):
    assert units_of(make_target(**target).resolve(SOURCE)) == expected


@pytest.mark.parametrize(
    "target, message",
    [
        (dict(expression="hapy"), "hapy.*known are neutral, happy"),
        (dict(expression={"AU12": 6}), "AU12=6 is out of range"),
        (dict(expression={"AU12": -6}, relative=True), "out of range"),
        (dict(expression={"AU12": 1}, intensity=0.5), "needs a whole"),
        (dict(expression="happy", intensity=float("nan")), "not within 0"),
        (dict(expression="happy", whole=SOURCE), "give one expression"),
    ],
)
def test_impossible_targets_are_refused(target, message):
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


SAVED = Expression(to_vector({"AU12": 3.5}), to_vector({"AU01": 1}))


def test_what_is_saved_is_loaded(tmp_path):
    save_expression(tmp_path / "f.json", SAVED)
    loaded = load_expression(tmp_path / "f.json")
    np.testing.assert_array_equal(loaded.target, SAVED.target)
    np.testing.assert_array_equal(loaded.source, SAVED.source)
    np.testing.assert_array_equal(
        loaded.change, to_vector({"AU12": 3.5}) - to_vector({"AU01": 1})
    )
    with pytest.raises(UserError, match="f.json exists"):
        save_expression(tmp_path / "f.json", SAVED)


def test_a_file_written_by_hand_names_what_it_wants(tmp_path):
    (tmp_path / "f.json").write_text('{"action_units": {"AU6": 2}}')
    loaded = load_expression(tmp_path / "f.json")
    np.testing.assert_array_equal(loaded.target, to_vector({"AU06": 2}))
    assert not loaded.source.any()


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "is not JSON"),
        ("[1]", "action_units"),
        ({"action_units": [1]}, "expected"),
        ({"action_units": {"AU12": 6}}, "AU12=6 is out of range"),
        ({"action_units": {"AU12": "3"}}, "AU12 should be a number"),
        ({"action_units": {"AU12": float("nan")}}, "AU12=nan"),
        ({"action_units": {"AU12": 10**400}}, "AU12 is out of range"),
        ("[" * 100_000, "is not JSON"),
        ({"version": 2, "action_units": {}}, "version 2"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(content, message, tmp_path):
    path = tmp_path / "f.json"
    if isinstance(content, dict):
        content = json.dumps(content)
    if isinstance(content, str):
        content = content.encode()
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        load_expression(path)
    assert "f.json" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="absent.json: No such file"):
        load_expression(tmp_path / "absent.json")
