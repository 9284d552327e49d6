"""Expression files: written, read, and checked."""

import json

import numpy as np
import pytest

from efgan_tf.action_units import to_vector
from efgan_tf.common.errors import UserError
from efgan_tf.editing.expression import (
    Expression,
    load_expression,
    save_expression,
)

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
