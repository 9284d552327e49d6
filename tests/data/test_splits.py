"""Splits: disjoint, stable, of the wanted size."""

import pytest

from efgan_tf.data.splits import split_subjects

NAMES = [f"s{i:05}" for i in range(40)]


def test_splits_are_disjoint_and_complete():
    shares = split_subjects(NAMES, 0.1)
    assert not set(shares["train"]) & set(shares["test"])
    assert sorted(shares["train"] + shares["test"]) == NAMES
    assert len(shares["test"]) == 4


def test_order_and_number_of_pictures_do_not_matter():
    again = split_subjects(NAMES[::-1] + NAMES[:7] * 3, 0.1)
    assert again == split_subjects(NAMES, 0.1)


def test_the_split_is_the_same_tomorrow():
    assert split_subjects(NAMES[:5], 0.3)["test"] == ["s00000", "s00001"]


@pytest.mark.parametrize(
    "count, held_out, tested",
    [(1, 0.9, 0), (2, 0.01, 1), (2, 0.99, 1), (0, 0.5, 0), (3, 0, 0)],
)
def test_both_sides_get_someone(count, held_out, tested):
    shares = split_subjects(NAMES[:count], held_out)
    assert len(shares["test"]) == tested
    assert len(shares["train"]) == count - tested
