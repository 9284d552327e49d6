"""Scores by hand: partial truths, means, differences, no picture twice."""

import numpy as np
import pytest

from efgan_tf.evaluation import scoring
from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.evaluation.scoring import PictureScores
from efgan_tf.geometry import pixel_boxes

SIZE = 32
NOBODY = Judges({}, (), {})


class Reader(Judges):
    """Reads AU01 off the first pixel's red, and always sees "happy"."""

    def __init__(self):
        super().__init__({}, ("happy", "sad"), {})

    def estimate(self, images):
        units = np.zeros((len(images), 17))
        units[:, 0] = (images[:, 0, 0, 0] + 1) * 2.5
        return units

    def classify(self, images):
        return np.tile([0.9, 0.1], (len(images), 1))

    def embed(self, images):
        return np.tile([1.0, 0.0], (len(images), 1))


@pytest.fixture
def pairs():
    """Four pairs of two people; the last one's truth is unknown."""
    generator = np.random.default_rng(0)
    sources = generator.uniform(-1, 1, (2, SIZE, SIZE, 3))
    truths = generator.uniform(-1, 1, (2, SIZE, SIZE, 3))
    target = np.zeros((4, 17))
    target[:, 0] = [1, 2, 3, 4]
    return Pairs(
        images=sources[[0, 0, 1, 1]].astype(np.float32),
        source=np.zeros((4, 17)),
        target=target,
        true_images=np.concatenate(
            [truths[[0, 1, 0]], np.zeros((1, SIZE, SIZE, 3))]
        ).astype(np.float32),
        has_true=np.array([True, True, True, False]),
        expressions=np.array(["happy", "sad", "", "happy"]),
        subjects=np.array(["a", "a", "b", "b"]),
        source_index=np.array([0, 0, 1, 1]),
        true_index=np.array([2, 3, 2, -1]),
    )


def scores_of(edited, pairs, judges=NOBODY):
    return scoring.picture_scores(
        edited, pairs, judges, pixel_boxes(SIZE), np.eye(17)[0]
    )


def test_columns_that_need_the_truth_leave_out_who_has_none(pairs):
    scores = scores_of(pairs.images, pairs)
    assert "au_error" not in scores and "identity" not in scores
    for name in ("psnr", "ssim", "psnr_mouth", "detail_eyes", "ghosting"):
        assert scores[name].rows.tolist() == [0, 1, 2]
    assert scores["sharpness_nose"].rows.tolist() == [0, 1, 2, 3]
    # No edit is all ghost and nothing else.
    np.testing.assert_allclose(scores["ghosting"].values, 1)
    np.testing.assert_allclose(scores["ghost_correlation"].values, 1)


def test_judges_are_asked_about_what_was_wanted(pairs):
    edited = pairs.images.copy()
    edited[:, 0, 0, 0] = 0.0  # AU01 at 2.5
    scores = scores_of(edited, pairs, Reader())
    np.testing.assert_allclose(scores["au_error"].values, [1.5, 0.5, 0.5, 1.5])
    assert scores["expression_accuracy"].rows.tolist() == [0, 1, 3]
    assert scores["expression_accuracy"].values.tolist() == [1, 0, 1]
    np.testing.assert_allclose(scores["identity"].values, 1)


def test_ratios_average_by_their_logarithms_and_people_are_counted():
    people = np.array(["a", "a", "b", "b"])
    scores = {
        "sharpness_mouth": PictureScores(
            np.array([0.5, 2.0, 1.0, 1.0]), np.arange(4)
        ),
        "psnr": PictureScores(np.array([30.0, 40.0]), np.array([1, 3])),
    }
    rows = np.array([True, True, False, True])
    found = scoring.summarize(scores, people, rows, seed=0)
    assert found["sharpness_mouth"]["mean"] == pytest.approx(1)
    assert found["sharpness_mouth"]["pictures"] == 3
    assert found["psnr"]["mean"] == 35 and found["psnr"]["subjects"] == 2


def test_no_picture_counts_twice_for_the_distances(pairs):
    asked = []

    def features(images):
        asked.append(len(images))
        return images.reshape(len(images), -1)[:, :2].astype(np.float64)

    found, note = scoring.set_scores(pairs.images, pairs, features, edited=True)
    # Three edits have a truth; two pictures are these truths.
    assert asked == [3, 2]
    assert found["fid"]["pictures"] == 3 and found["fid"]["true_pictures"] == 2
    assert "2 pictures are too few for 2 features" in note
    asked.clear()
    scoring.set_scores(pairs.images, pairs, features, edited=False)
    assert asked == [2, 2]  # each source once


def test_without_truths_edits_are_held_against_the_sources(pairs):
    unknown = pairs.chosen(np.array([3, 3]))

    def features(images):
        return images.reshape(len(images), -1)[:, :2].astype(np.float64)

    found, _ = scoring.set_scores(unknown.images, unknown, features, False)
    assert found == {}  # the sources beside themselves say nothing
    found, note = scoring.set_scores(unknown.images, unknown, features, True)
    assert found == {} and "fewer than two" in note  # one source


def test_only_the_same_pairs_have_a_difference():
    people, rows = np.array(["a", "b"]), np.ones(2, bool)
    one = {"psnr": PictureScores(np.array([1.0, 2.0]), np.array([0, 1]))}
    other = {"psnr": PictureScores(np.array([0.0, 0.5]), np.array([0, 1]))}
    found = scoring.difference(one, other, people, rows, seed=0)
    assert found["psnr"]["mean"] == 1.25
    fewer = {"psnr": PictureScores(np.array([0.0]), np.array([0]))}
    assert scoring.difference(one, fewer, people, rows, seed=0) == {}
