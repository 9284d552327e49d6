"""Splits: disjoint, stable, of the wanted size."""

import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.data.splits import read_subjects, split_subjects

NAMES = [f"s{i:05}" for i in range(40)]


def test_splits_are_disjoint_and_complete():
    shares = split_subjects(NAMES, 0.1)
    assert not set(shares["train"]) & set(shares["test"])
    assert sorted(shares["train"] + shares["test"]) == NAMES
    assert len(shares["test"]) == 4
    # Neither order nor number of pictures matters.
    assert split_subjects(NAMES[::-1] + NAMES[:7] * 3, 0.1) == shares


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


def test_exactly_those_who_are_named_are_held_out(tmp_path):
    listed = tmp_path / "held_out.csv"
    listed.write_text("file,subject\na.jpg,s00007\nb.jpg,s00007\nc.jpg,away\n")
    held_out = read_subjects(listed)
    shares = split_subjects(NAMES, held_out)
    assert shares["test"] == ["s00007"]
    assert shares["train"] == [name for name in NAMES if name != "s00007"]


def test_a_list_that_splits_nothing_is_refused(tmp_path):
    for names in (["away"], NAMES):
        with pytest.raises(UserError, match="both sides"):
            split_subjects(NAMES, names)
    (tmp_path / "list.csv").write_text("file\na.jpg\n")
    with pytest.raises(UserError, match="column subject"):
        read_subjects(tmp_path / "list.csv")
