"""Scores by hand: partial truths, means, differences, no picture twice."""

import numpy as np
import pytest

from efgan_tf.evaluation import scoring, summaries
from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.evaluation.scoring import ScoringContext
from efgan_tf.geometry import pixel_boxes

SIZE = 32
NOBODY = Judges({}, ())
NAN = np.nan


class Reader(Judges):
    """Reads AU01 off the first pixel's red, and always sees "happy"."""

    def __init__(self):
        super().__init__({}, ("happy", "sad"))

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
        ground_truth=np.concatenate(
            [truths[[0, 1, 0]], np.zeros((1, SIZE, SIZE, 3))]
        ).astype(np.float32),
        has_ground_truth=np.array([True, True, True, False]),
        expressions=np.array(["happy", "sad", "", "happy"]),
        subjects=np.array(["a", "a", "b", "b"]),
        source_index=np.array([0, 0, 1, 1]),
        ground_truth_index=np.array([2, 3, 2, -1]),
    )


def scores_of(edited, pairs, judges=NOBODY):
    au_mask = np.eye(17)[0]
    context = ScoringContext(judges, pixel_boxes(SIZE), au_mask)
    return scoring.picture_scores(edited, pairs, context)


def known(values):
    return np.flatnonzero(~np.isnan(values)).tolist()


def test_columns_that_need_the_truth_leave_out_who_has_none(pairs):
    scores = scores_of(pairs.images, pairs)
    assert "au_error" not in scores and "identity" not in scores
    for name in ("psnr", "ssim", "psnr_mouth", "detail_eyes", "ghosting"):
        assert known(scores[name]) == [0, 1, 2]
    assert known(scores["sharpness_nose"]) == [0, 1, 2, 3]
    # No edit is all ghost and nothing else.
    np.testing.assert_allclose(scores["ghosting"], [1, 1, 1, NAN])
    np.testing.assert_allclose(scores["ghost_correlation"], [1, 1, 1, NAN])


def test_judges_are_asked_about_the_target(pairs):
    edited = pairs.images.copy()
    edited[:, 0, 0, 0] = 0.0  # AU01 at 2.5
    scores = scores_of(edited, pairs, Reader())
    np.testing.assert_allclose(scores["au_error"], [1.5, 0.5, 0.5, 1.5])
    np.testing.assert_array_equal(scores["expression_accuracy"], [1, 0, NAN, 1])
    np.testing.assert_allclose(scores["identity"], 1)


def test_a_score_that_is_not_finite_is_no_missing_one(pairs):
    class Broken(Reader):
        def embed(self, images):
            return np.full((len(images), 2), np.nan)

    with pytest.raises(ValueError):
        scores_of(pairs.images, pairs, Broken())


def test_ratios_average_by_their_logarithms_and_people_are_counted():
    people = np.array(["a", "a", "b", "b"])
    scores = {
        "sharpness_mouth": np.array([0.5, 2.0, 1.0, 1.0]),
        "psnr": np.array([NAN, 30.0, NAN, 40.0]),
    }
    rows = np.array([True, True, False, True])
    found = summaries.summarize(scores, people, rows)
    assert found["sharpness_mouth"]["mean"] == pytest.approx(1)
    assert found["sharpness_mouth"]["pictures"] == 3
    assert found["psnr"]["mean"] == 35 and found["psnr"]["subjects"] == 2
    assert "psnr" not in summaries.summarize(scores, people, ~rows)


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
    # Without truths the sources stand in, which beside themselves say nothing.
    unknown = pairs.chosen(np.array([3, 3]))
    for edited in (False, True):
        found, _ = scoring.set_scores(unknown.images, unknown, features, edited)
        assert found == {}  # there is one source


def test_only_the_same_pairs_have_a_difference():
    one = {"psnr": np.array([1.0, 2.0, NAN]), "sharpness_eyes": np.ones(3)}
    other = {"psnr": np.array([0.0, 0.5, NAN]), "sharpness_eyes": np.ones(3)}
    found = summaries.difference(one, other)
    assert list(found) == ["psnr"]  # ratios have none
    np.testing.assert_array_equal(found["psnr"], [1, 1.5, NAN])
    fewer = {"psnr": np.array([0.0, NAN, NAN])}
    assert summaries.difference(one, fewer) == {}
