"""Evaluation pairs: true targets, evenly of all subjects, always the same."""

import numpy as np
import pytest

from efgan_tf.data import pictures
from efgan_tf.data.evaluation_pairs import evaluation_pairs
from tests.data.fakes import assert_same, make_faces, sources


@pytest.fixture(scope="module")
def faces():
    return make_faces()


def test_pairs_are_true_targets(faces):
    pairs = evaluation_pairs(faces, 20, seed=1)
    own = sources(faces, pairs)
    partner = sources(faces, {"action_units": pairs["target_action_units"]})
    assert (own != partner).all()
    assert (faces.subjects[own] == faces.subjects[partner]).all()
    assert (faces.views[own] == faces.views[partner]).all()
    assert len(set(zip(own, partner, strict=True))) == 20
    np.testing.assert_array_equal(pairs["subject"], faces.subjects[own])
    np.testing.assert_array_equal(pairs["expression"], faces.expressions[own])
    np.testing.assert_array_equal(
        pairs["target_expression"], faces.expressions[partner]
    )
    images = pictures.decode(faces.encoded, 16) / 127.5 - 1
    for key, index in (("image", own), ("ground_truth", partner)):
        assert pairs[key].dtype == np.float32
        np.testing.assert_allclose(pairs[key], images[index], atol=1e-6)


def test_subjects_take_turns_and_pairs_repeat_exactly(faces):
    pairs = evaluation_pairs(faces, 10, seed=1)
    counts = np.unique(pairs["subject"], return_counts=True)[1]
    assert len(counts) == 4 and np.ptp(counts) <= 1
    assert_same(pairs, evaluation_pairs(faces, 10, seed=1))
    other = evaluation_pairs(faces, 10, seed=2)
    assert not np.array_equal(pairs["action_units"], other["action_units"])


def test_pairs_end_where_the_data_does(faces):
    # 8 groups of 3 pictures: 6 ordered pairs each.
    assert len(evaluation_pairs(faces, 1000, seed=1)["image"]) == 48
    lonely = make_faces(subjects=3, views=1, per_view=1)
    pairs = evaluation_pairs(lonely, 10, seed=1)
    assert pairs["image"].shape == (0, 16, 16, 3)
    assert pairs["action_units"].shape == (0, 17)
    none = evaluation_pairs(make_faces(subjects=0), 10, seed=1)
    assert none["ground_truth"].shape == (0, 16, 16, 3)
