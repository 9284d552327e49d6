"""Confusion and accuracy."""

import numpy as np
import pytest

from efgan_tf.evaluation.metrics import expressions

NAMES = ("happy", "sad", "neutral")


def test_rows_are_wanted_and_columns_seen():
    matrix = expressions.confusion_matrix(
        ["happy", "happy", "sad", "happy"],
        ["happy", "sad", "sad", "sad"],
        NAMES,
    )
    np.testing.assert_array_equal(matrix, [[1, 2, 0], [0, 1, 0], [0, 0, 0]])
    assert expressions.accuracy(matrix) == 0.5


def test_bad_input_is_named():
    with pytest.raises(ValueError):
        expressions.confusion_matrix(["happy"], ["angry"], NAMES)
    with pytest.raises(ValueError):
        expressions.accuracy(np.zeros((3, 3)))
