"""Batches: pure, shared out over replicas, resumable, and truly paired."""

import dataclasses
import itertools
import os

import numpy as np
import pytest
import tensorflow as tf

from efgan_tf.data import pictures, pipeline
from efgan_tf.data.evaluation_pairs import evaluation_pairs
from efgan_tf.data.pictures_on_disk import StoredPictures
from tests.data import fakes
from tests.data.fakes import assert_same, joined, make_faces, sources

DEFAULTS = dict(
    batch_size=8, seed=3, pairing="random", target_noise=0.1, flip=True
)


def stream(faces, count, **changes):
    return fakes.stream(faces, count, **(DEFAULTS | changes))


@pytest.fixture(scope="module")
def faces():
    return make_faces()


def test_shapes_ranges_and_types(faces):
    element = stream(faces, 1, group=3, replicas=2)[0]
    assert {key: value.shape for key, value in element.items()} == {
        "image": (3, 4, 16, 16, 3),
        "action_units": (3, 4, 17),
        "target_action_units": (3, 4, 17),
        "ground_truth": (3, 4, 16, 16, 3),
        "has_ground_truth": (3, 4),
        "au_mask": (3, 4, 17),
    }
    assert {value.dtype for value in element.values()} == {np.dtype("float32")}
    assert -1 <= element["image"].min() < -0.9
    assert 0.9 < element["image"].max() <= 1
    for key in ("action_units", "target_action_units"):
        assert element[key].min() >= 0 and 0.9 < element[key].max() <= 1


@pytest.mark.parametrize("pairing", pipeline.PAIRINGS)
def test_same_batches_for_any_number_of_replicas(faces, pairing):
    whole = stream(faces, 4, pairing=pairing)
    for replicas in (2, 4):
        parts = stream(faces, 4 * replicas, pairing=pairing, replicas=replicas)
        for index, batch in enumerate(whole):
            shares = parts[index * replicas : (index + 1) * replicas]
            assert_same(
                batch,
                {
                    key: np.concatenate([s[key] for s in shares], axis=1)
                    for key in batch
                },
            )


def test_groups_hold_consecutive_batches_of_a_replica(faces):
    single = stream(faces, 12, replicas=2)
    grouped = stream(faces, 4, replicas=2, group=3)
    for turn, replica in itertools.product(range(2), range(2)):
        members = [single[2 * (3 * turn + k) + replica] for k in range(3)]
        assert_same(
            grouped[2 * turn + replica],
            {
                key: np.concatenate([m[key] for m in members])
                for key in members[0]
            },
        )


@pytest.mark.parametrize("replicas", [1, 2])
def test_resuming_continues_the_stream_exactly(faces, replicas):
    shape = dict(replicas=replicas, group=2, pairing="paired")
    through = stream(faces, 6 * replicas, **shape)
    resumed = stream(faces, 2 * replicas, first_batch=8, **shape)
    for expected, found in zip(through[4 * replicas :], resumed, strict=True):
        assert_same(expected, found)


def test_seeds_make_different_streams(faces):
    first, second = stream(faces, 1)[0], stream(faces, 1, seed=4)[0]
    assert not np.array_equal(first["action_units"], second["action_units"])


def test_eager_draws_equal_the_stream(faces):
    arguments = DEFAULTS | {"pairing": "paired"}
    draw = pipeline.batch_function(faces, **arguments)
    for index, batch in enumerate(stream(faces, 3, pairing="paired")):
        eager = {k: v.numpy()[None] for k, v in draw(index, 0, 8).items()}
        assert_same(batch, eager)


def test_decoding_now_or_beforehand_is_the_same(faces, monkeypatch):
    beforehand = stream(faces, 3, pairing="paired")
    monkeypatch.setattr(pictures, "DECODED_LIMIT", 0)
    for expected, found in zip(
        beforehand, stream(faces, 3, pairing="paired"), strict=True
    ):
        assert_same(expected, found)


@pytest.fixture
def on_disk(faces, tmp_path):
    """The same faces, their pictures in two files, in another order."""
    paths, places = [tmp_path / "0", tmp_path / "1"], {}
    for number, path in enumerate(paths):
        content = b"before"
        for index in reversed(range(number, len(faces), 2)):
            picture = faces.encoded[index]
            places[index] = number, len(content), len(picture)
            content += picture + b"between"
        path.write_bytes(content)
    rows = np.array([places[index] for index in range(len(faces))], np.int64)
    return dataclasses.replace(faces, encoded=StoredPictures(paths, rows))


def test_pictures_on_disk_make_the_same_batches(faces, on_disk, tmp_path):
    assert list(on_disk.encoded) == list(faces.encoded)
    assert on_disk.encoded[-2:] == list(faces.encoded[-2:])
    for changes in ({}, {"replicas": 2, "group": 2}, {"pairing": "paired"}):
        wanted = stream(faces, 4, **changes)
        for path in tmp_path.iterdir():  # held open, they may be moved
            path.rename(path.with_name(path.name + "+"))
        found = stream(on_disk, 4, **changes)
        for one, other in zip(wanted, found, strict=True):
            assert_same(one, other)


def test_a_file_that_has_become_shorter_is_an_error(on_disk, tmp_path):
    os.truncate(tmp_path / "1", 100)
    with pytest.raises(tf.errors.UnknownError, match="has become shorter"):
        stream(on_disk, 4)


@pytest.mark.parametrize("machines", [2, 3])
def test_machines_share_a_batch_without_overlap(faces, machines):
    replicas = 2 * machines
    shape = {"batch_size": 12, "replicas": replicas, "group": 2}
    whole = stream(faces, 3 * replicas, **shape)
    for machine in range(machines):
        own = range(2 * machine, 2 * machine + 2)
        for index, part in enumerate(
            stream(faces, 6, replica_range=own, **shape)
        ):
            turn, local = divmod(index, 2)
            assert_same(whole[turn * replicas + own[local]], part)


def test_a_broken_picture_is_an_error(faces):
    with pytest.raises(tf.errors.InvalidArgumentError):
        pictures.decode([*faces.encoded, b"no picture"], 16)


def test_each_epoch_is_a_permutation_of_its_own(faces):
    drawn = sources(faces, joined(stream(faces, 9))).reshape(3, 24)
    for epoch in drawn:
        assert sorted(epoch) == list(range(24))
    assert not np.array_equal(drawn[0], drawn[1])


@pytest.mark.parametrize("count", [3, 12, 48])
def test_every_sample_is_as_likely_at_every_place_of_an_epoch(count):
    epochs = 3000
    drawn = tf.function(pipeline._permuted)(
        tf.range(count * epochs, dtype=tf.int64), count, stream=0, seed=0
    )
    drawn = drawn.numpy().reshape(epochs, count)
    found = [np.bincount(place, minlength=count) for place in drawn.T]
    expected = epochs / count
    # Chi-squared by its degrees of freedom is 1 on average; measured: 1.23,
    # 1.07 and 1.02 (RandomIndexShuffle: 4292 and 2621 for 3 and 12, of 4
    # rounds, and 5 and 10 of 8).
    square = np.sum((np.array(found) - expected) ** 2) / expected
    degrees = (count - 1) ** 2
    assert square / degrees < 1 + 4 * np.sqrt(2 / degrees)


def test_images_are_the_samples_pictures(faces):
    rows = joined(stream(faces, 3, flip=False))
    expected = pictures.decode(faces.encoded, 16)[sources(faces, rows)]
    np.testing.assert_allclose(rows["image"], expected / 127.5 - 1, atol=1e-6)


def test_random_targets_are_other_samples_units(faces):
    rows = joined(stream(faces, 30, target_noise=0.0))
    units = faces.action_units / 5
    distances = np.abs(rows["target_action_units"][:, None] - units).max(-1)
    assert distances.min(1).max() < 1e-6
    targets, own = distances.argmin(1), sources(faces, rows)
    assert (targets != own).all()
    assert set(targets) == set(range(24))
    assert not rows["has_ground_truth"].any()
    np.testing.assert_array_equal(rows["image"], rows["ground_truth"])


def test_noise_on_random_targets_is_bounded_and_clipped(faces):
    plain = joined(stream(faces, 20, target_noise=0.0))["target_action_units"]
    noisy = joined(stream(faces, 20))["target_action_units"]
    change = noisy - plain
    assert np.abs(change).max() <= 0.1 + 1e-6
    inside = change[(plain > 0.1) & (plain < 0.9)]
    assert abs(inside.mean()) < 0.01
    assert abs(inside.std() - 0.1 / np.sqrt(3)) < 0.005
    assert noisy.min() == 0 and noisy.max() == 1


def test_masked_units_stay_at_the_source(faces):
    mask = np.ones(17, np.float32)
    mask[[2, 5]] = 0
    rows = joined(stream(dataclasses.replace(faces, au_mask=mask), 3))
    same = rows["target_action_units"] == rows["action_units"]
    assert same[:, [2, 5]].all()
    assert not same[:, [0, 1]].all()


def test_pairs_show_one_subject_and_view(faces):
    rows = joined(stream(faces, 30, pairing="paired", flip=False))
    own = sources(faces, rows)
    partner = sources(faces, {"action_units": rows["target_action_units"]})
    assert rows["has_ground_truth"].all()
    assert (own != partner).all()
    assert (faces.subjects[own] == faces.subjects[partner]).all()
    assert (faces.views[own] == faces.views[partner]).all()
    images = pictures.decode(faces.encoded, 16) / 127.5 - 1
    np.testing.assert_allclose(rows["ground_truth"], images[partner], atol=1e-6)
    # Of three pictures, each has two partners; 240 draws show them all.
    assert len(set(zip(own, partner, strict=True))) == 48


def test_without_a_view_nothing_is_a_true_target(faces):
    nowhere = dataclasses.replace(faces, views=np.full(len(faces), ""))
    assert faces.has_ground_truth() and not nowhere.has_ground_truth()
    rows = joined(stream(nowhere, 5, pairing="paired", target_noise=0.0))
    assert not rows["has_ground_truth"].any()
    assert not len(evaluation_pairs(nowhere, 10, seed=1)["image"])


def test_samples_without_a_partner_get_random_targets():
    faces = make_faces(subjects=5, views=1, per_view=1)
    rows = joined(stream(faces, 5, pairing="paired", target_noise=0.0))
    assert not rows["has_ground_truth"].any()
    np.testing.assert_array_equal(rows["image"], rows["ground_truth"])
    targets = sources(faces, {"action_units": rows["target_action_units"]})
    assert (targets != sources(faces, rows)).all()


def test_flips_mirror_source_and_target_and_leave_the_units(faces):
    plain = joined(stream(faces, 20, pairing="paired", flip=False))
    flipped = joined(stream(faces, 20, pairing="paired", flip=True))
    for key in ("action_units", "target_action_units", "has_ground_truth"):
        np.testing.assert_array_equal(plain[key], flipped[key])
    mirrored = (plain["image"] != flipped["image"]).any((1, 2, 3))
    assert 0.4 < mirrored.mean() < 0.6
    for key in ("image", "ground_truth"):
        expected = np.where(
            mirrored[:, None, None, None], plain[key][:, :, ::-1], plain[key]
        )
        np.testing.assert_array_equal(flipped[key], expected)


@pytest.mark.parametrize(
    "changes", [{"batch_size": 9, "replicas": 2}, {"pairing": "none"}]
)
def test_impossible_batches_are_refused(faces, changes):
    with pytest.raises(ValueError):
        pipeline.training_batches(faces, **(DEFAULTS | changes))
