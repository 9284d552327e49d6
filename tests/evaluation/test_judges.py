"""Judges learn what can be seen, are kept, and say when they are no good."""

import dataclasses

import cv2
import numpy as np
import pytest
import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.data.pictures import decode
from efgan_tf.data.prepared_faces import Faces
from efgan_tf.evaluation import augmentation_benefit, judge_training, judges
from efgan_tf.evaluation.evaluation_settings import JudgesConfig

QUICK = JudgesConfig(judge_kimg=6, judge_width=8)
LIP = 8  # AU12


def striped_faces(subjects: int, seed: int) -> Faces:
    """Pictures in which all can be read off: the lip's unit is how light the
    mouth is, its expression likewise, and each person's cheeks have a color.
    """
    generator = np.random.default_rng(seed)
    encoded, units, names, people = [], [], [], []
    for subject in range(subjects):
        color = generator.uniform(40, 215, 3)
        for value in np.linspace(0, 5, 8):
            image = np.full((32, 32, 3), 128.0)
            image[6:18, 6:26] = color
            image[20:28, 8:24] = 20 + 43 * value
            image += generator.normal(0, 4, image.shape)
            pixels = np.clip(image, 0, 255).astype(np.uint8)
            encoded.append(cv2.imencode(".png", pixels)[1].tobytes())
            units.append(np.eye(17)[LIP] * value)
            names.append("calm" if value < 2.5 else "happy")
            people.append(f"s{seed}_{subject}")
    return Faces(
        encoded=encoded,
        action_units=np.array(units, np.float32),
        subjects=np.array(people),
        expressions=np.array(names),
        views=np.full(len(encoded), "0"),
        filenames=np.array([f"{i}.png" for i in range(len(encoded))]),
        au_mask=np.eye(17, dtype=np.float32)[LIP],
        size=32,
    )


@pytest.fixture(scope="module")
def train():
    return striped_faces(30, seed=0)


@pytest.fixture(scope="module")
def held_out():
    return striped_faces(6, seed=1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("judges")


@pytest.fixture(scope="module")
def found(train, held_out, cache):
    return judges.train_judges(train, held_out, QUICK, cache)


def test_judges_read_people_whom_they_never_saw(found, held_out):
    scores = found.scores
    assert scores["unit error"] < 0.5 and scores["unit agreement"] > 0.9
    assert scores["expression accuracy"] > 0.85
    confusion = scores["expression confusion"]
    rows = np.array(confusion["rows"])  # rows are what is, columns what is read
    there = [
        np.sum(held_out.expressions == name) for name in confusion["names"]
    ]
    np.testing.assert_array_equal(rows.sum(axis=1), there)
    assert scores["expression accuracy"] == np.trace(rows) / np.sum(rows)
    assert scores["identity verification"] > 0.9
    assert set(scores["unit agreement by unit"]) == {"AU12"}
    assert found.warnings == ()
    assert 0.5 < scores["unit slope by unit"]["AU12"] < 1.5
    images = decode(held_out.encoded, 32) / np.float32(127.5) - 1
    read = found.estimate(images)
    assert read.shape == (len(held_out), 17)
    error = np.abs(read - held_out.action_units)[:, LIP].mean()
    assert error == pytest.approx(scores["unit error"], abs=1e-5)
    np.testing.assert_allclose(found.classify(images).sum(1), 1, atol=1e-5)
    assert found.features(images).shape[0] == len(held_out)


def test_they_are_taught_once_and_kept_by_what_they_learned_from(
    found, train, held_out, cache, monkeypatch
):
    monkeypatch.setattr(judge_training, "fit", None)  # nothing may be trained
    again = judges.train_judges(train, held_out, QUICK, cache)
    assert again.digest == found.digest and again.scores == found.scores
    other = dataclasses.replace(train, action_units=train.action_units * 0.5)
    for faces, config in (
        (other, QUICK),
        (train, dataclasses.replace(QUICK, judge_width=9)),
    ):
        with pytest.raises(TypeError):
            judges.train_judges(faces, held_out, config, cache)


def test_a_judge_that_is_not_good_enough_is_told(train, held_out, cache, found):
    strict = dataclasses.replace(QUICK, judge_unit_agreement=1.01)
    first, second = judges.train_judges(train, held_out, strict, cache).warnings
    assert first.startswith("unit agreement") and "below 1.01" in first
    assert second.startswith("agreement is below 1.01 on AU12")


def test_a_judge_that_could_not_be_tested_is_told(train, found, cache):
    others = striped_faces(3, seed=7)
    alone = dataclasses.replace(
        others,
        subjects=np.array([f"p{i}" for i in range(len(others))]),
        expressions=np.full(len(others), ""),
    )
    again = judges.train_judges(train, alone, QUICK, cache)
    assert again.digest == found.digest  # the same judges, of other scores
    assert again.scores["unit error"] != found.scores["unit error"]
    told = [line.split(" could not")[0] for line in again.warnings]
    assert told == ["expression accuracy", "identity verification"]


def test_what_the_data_cannot_teach_has_no_judge(train, held_out, tmp_path):
    blind = dataclasses.replace(
        train,
        au_mask=np.zeros(17, np.float32),
        expressions=np.full(len(train), ""),
        subjects=np.array([f"p{i}" for i in range(len(train))]),
    )
    found = judges.train_judges(blind, held_out, QUICK, tmp_path)
    images = np.zeros((2, 32, 32, 3), np.float32)
    assert found.estimate(images) is None
    assert found.classify(images) is None and found.embed(images) is None
    assert found.scores == {} and found.warnings == ()


def test_damaged_judges_are_told(found, train, held_out, cache, tmp_path):
    del found
    (kept,) = cache.iterdir()
    target = tmp_path / kept.name
    target.mkdir()
    for file in kept.iterdir():
        (target / file.name).write_bytes(file.read_bytes()[:-1000])
    (target / "judges.json").write_bytes((kept / "judges.json").read_bytes())
    with pytest.raises(UserError, match="is damaged .*delete it"):
        judges.train_judges(train, held_out, QUICK, tmp_path)


def test_only_learned_units_count():
    mask = np.zeros(17, np.float32)
    mask[[0, 3]] = 1
    truth, read = np.zeros((1, 17)), np.zeros((1, 17))
    read[0, 0], read[0, 3], read[0, 5] = 0.01, 0.4, 1.0
    expected = (0.01**2 + 0.4**2) / 2
    loss = judge_training.UnitLoss(mask)(truth, read)
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_shaking_keeps_range_and_repeats_by_its_seed():
    images = tf.random.stateless_uniform((4, 32, 32, 3), (0, 0), -1, 1)
    first = judge_training.augment(images, tf.constant([1, 2], tf.int64))
    again = judge_training.augment(images, tf.constant([1, 2], tf.int64))
    other = judge_training.augment(images, tf.constant([1, 3], tf.int64))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    assert np.abs(first).max() <= 1 and first.shape == images.shape


def test_mirroring_turns_the_picture_about_its_middle():
    """With no shift and no zoom a mirrored picture is the reversed one."""
    image = tf.random.stateless_uniform((1, 8, 8, 3), (0, 0))

    def drawn(index, shape, low, high):
        del index, shape, low, high
        return tf.constant([[0.0, 0.0, 0.0, -1.0]])

    found = judge_training._moved(image, drawn)
    np.testing.assert_allclose(found, image[:, :, ::-1], atol=1e-6)


def test_edits_that_show_the_wrong_expression_do_harm(train, held_out):
    """Thrice as many edits as pictures, each called what it is not."""
    edited = decode(train.encoded, 32) / np.float32(127.5) - 1
    wrong = np.where(train.expressions == "calm", "happy", "calm")
    found = augmentation_benefit.compare_augmentation(
        train, held_out, np.tile(edited, (3, 1, 1, 1)), np.tile(wrong, 3),
        QUICK,
    )  # fmt: skip
    assert found["real"] > 0.85 and found["real and edited"] < 0.5
    assert found["real pictures"] == len(train)
    assert found["edited pictures"] == 3 * len(train)
    assert found["asked about"] == len(held_out)
