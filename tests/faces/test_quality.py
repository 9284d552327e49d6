"""Warnings about faces: by hand, and on rendered faces sharp and blurred."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from efgan_tf import geometry
from efgan_tf.faces import quality
from efgan_tf.synthetic import synthesis

HARD = [0, 0, 0, 0, 60, 60, 60, 60]
STEEP = [0, 0, 0, 30, 60, 60, 60, 60]  # the edge takes two pixels
SLOPE = [0, 0, 0, 20, 40, 60, 60, 60]  # three


def stripes(across, down):
    """Edges eight pixels apart: uint8 `[128, 128, 3]`."""
    picture = edges(across)[None, :] + edges(down)[:, None]
    return np.repeat(picture[:, :, None], 3, axis=2).astype(np.uint8)


def edges(profile):
    """Up and down again along 128 pixels."""
    there_and_back = np.array([*profile, *(60 - np.array(profile))])
    return np.tile(there_and_back, 8)


def landmarks_of(side, left=50.0, top=50.0):
    """Of a face whose aligned square has this side and corner in the photo."""
    template = np.concatenate([geometry.TEMPLATE, [[0.38, 0.7], [0.62, 0.7]]])
    return template * side + (left, top)


def flaws(side=150, photo=(300, 300), **place):
    return quality.flaws(
        photo, landmarks_of(side, **place), stripes(HARD, HARD), 128
    )


@pytest.fixture(scope="module")
def faces():
    """Photos and landmarks: two people, four expressions each."""
    config = synthesis.SynthesizeConfig(images_per_subject=4, size=256)
    made = [
        photo for n in (0, 1) for photo in synthesis.make_subject(config, n)
    ]
    return [
        (np.asarray(Image.open(io.BytesIO(photo.jpeg))), photo.landmarks)
        for photo in made
    ]


@pytest.mark.parametrize(
    "across, down, expected",
    [
        # Of three windows over a hard edge one has it in the middle: 1/3.
        (HARD, HARD, 100),
        # Strong are the two windows with all of it, half in the middle: 1/4.
        (STEEP, STEEP, 62.5),
        (SLOPE, SLOPE, 0),
        (HARD, SLOPE, 0),
        (STEEP, HARD, 62.5),
    ],
)
def test_sharpness_by_hand(across, down, expected):
    sharpness = quality.sharpness(stripes(across, down))
    np.testing.assert_allclose(sharpness, expected, atol=1e-4)


@pytest.mark.parametrize("size", [64, 96, 128])
def test_blurred_and_sharp_faces(faces, size):
    for photo, landmarks in faces:
        sharp = geometry.align(photo, landmarks, size)
        assert quality.flaws(photo.shape[:2], landmarks, sharp, size) == []
        blurred = cv2.GaussianBlur(sharp, (0, 0), 2)
        [flaw] = quality.flaws(photo.shape[:2], landmarks, blurred, size)
        assert flaw.startswith("blurred (sharpness ")


def test_faces_smaller_than_the_output():
    assert flaws(side=41.4) == ["smaller than the output (41 pixels a side)"]
    assert flaws(side=127.9) == ["smaller than the output (127 pixels a side)"]
    assert flaws(side=128.1) == []


def test_faces_that_the_photos_edge_cuts_off():
    assert flaws(left=-0.14 * 150) == []
    cut = ["cut off by the photo's edge (23%)"]
    assert flaws(left=-0.23 * 150) == cut
    assert flaws(top=-0.23 * 150) == cut
    assert flaws(left=300 - 0.77 * 150) == cut
    assert flaws(top=300 - 0.77 * 150, photo=(300, 900)) == cut
    assert flaws(left=300 - 0.77 * 150, photo=(900, 300)) == cut


def test_eyes_outside_the_photo():
    # The left eye is at 0.36 of the side, the right one at 0.64.
    def eyes(**place):
        return "an eye lies outside the photo" in flaws(**place)

    assert not eyes(left=-0.35 * 150)
    assert eyes(left=-0.37 * 150)
    assert not eyes(left=300 - 0.65 * 150)
    assert eyes(left=300 - 0.63 * 150)
    assert eyes(top=-0.39 * 150)
