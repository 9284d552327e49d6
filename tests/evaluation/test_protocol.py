"""Every held-out source is edited to every expression, once."""

import collections
import dataclasses

import numpy as np
import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.data.pictures import decode
from efgan_tf.evaluation.protocol import expressions_of, make_pairs
from tests.data.fakes import make_faces


@pytest.fixture(scope="module")
def train():
    return make_faces(subjects=5, views=1, per_view=3, size=32)


@pytest.fixture(scope="module")
def held_out():
    return make_faces(subjects=3, views=2, per_view=3, size=32, seed=1)


def test_every_source_is_edited_to_every_other_expression(train, held_out):
    pairs = make_pairs(held_out, train, 10**6)
    assert len(pairs) == 3 * 2 * 3 * 2  # people, views, sources, others
    assert pairs.has_ground_truth.all()
    pictures = decode(held_out.encoded, 32) / 127.5 - 1
    for index in range(len(pairs)):
        (source,) = _where(pictures, pairs.images[index])
        (true,) = _where(pictures, pairs.ground_truth[index])
        assert source != true
        assert held_out.subjects[source] == held_out.subjects[true]
        assert held_out.views[source] == held_out.views[true]
        assert held_out.expressions[true] == pairs.expressions[index]
        assert (pairs.source[index] == held_out.action_units[source]).all()
        assert (pairs.target[index] == held_out.action_units[true]).all()


def _where(pictures, picture):
    return np.flatnonzero(
        np.isclose(pictures, picture, atol=1e-6).all((1, 2, 3))
    )


def test_without_a_true_picture_the_expressions_mean_is_the_target(train):
    # One picture of each view: e0.
    few = make_faces(subjects=3, views=2, per_view=1, size=32, seed=1)
    pairs = make_pairs(few, train, 10**6)
    assert len(pairs) == 6 * 2 and not pairs.has_ground_truth.any()
    assert not pairs.ground_truth.any()
    mean = train.action_units[train.expressions == "e2"].mean(0)
    wanted = pairs.target[pairs.expressions == "e2"]
    np.testing.assert_allclose(wanted, np.tile(mean, (6, 1)))


def test_people_take_turns_where_there_are_too_many(train, held_out):
    pairs = make_pairs(held_out, train, 9)
    assert collections.Counter(pairs.subjects.tolist()) == {
        "s0": 3, "s1": 3, "s2": 3,
    }  # fmt: skip
    again = make_pairs(held_out, train, 9)
    np.testing.assert_array_equal(pairs.images, again.images)


def test_expressions_without_a_name_or_with_few_pictures_do_not_count(train):
    names = train.expressions.astype("<U9")
    names[:4] = "random"
    names[4:8] = "rare"
    names[8:] = "common"
    faces = dataclasses.replace(train, expressions=names)
    assert expressions_of(faces) == ("common",)


def test_without_names_sources_go_to_the_persons_other_pictures(train):
    nameless = np.full(len(train), "")
    faces = dataclasses.replace(train, expressions=nameless)
    pairs = make_pairs(faces, faces, 10**6)
    assert len(pairs) == 5 * 3 * 2 and pairs.has_ground_truth.all()
    assert set(pairs.expressions) == {""}


def test_without_views_and_names_sources_go_to_units_of_training_pictures(
    train, held_out
):
    nothing = [
        dataclasses.replace(
            faces, expressions=np.full(len(faces), ""),
            views=np.full(len(faces), ""),
        )
        for faces in (held_out, train)
    ]  # fmt: skip
    pairs = make_pairs(*nothing, 10**6)
    assert not pairs.has_ground_truth.any()
    assert set(pairs.source_index) == set(range(len(held_out)))
    assert (np.bincount(pairs.source_index) == 4).all()
    for target in pairs.target:
        assert (train.action_units == target).all(1).any()
    again = make_pairs(*nothing, 10**6)
    np.testing.assert_array_equal(pairs.target, again.target)


def test_large_gaps_are_the_top_third_of_the_units_that_count(train, held_out):
    pairs = make_pairs(held_out, train, 10**6)
    au_mask = np.zeros(17, np.float32)
    au_mask[8] = 1
    large = pairs.large_gaps(au_mask)
    gap = np.abs(pairs.target - pairs.source)[:, 8]
    assert len(pairs) / 3 <= large.sum() <= len(pairs) / 3 + 2
    assert gap[large].min() >= gap[~large].max()
    assert len(pairs.chosen(large)) == large.sum()


def test_nobody_held_out_is_told(train):
    nobody = make_faces(subjects=0, size=32)
    with pytest.raises(UserError, match="nobody is held out"):
        make_pairs(nobody, train, 10)
