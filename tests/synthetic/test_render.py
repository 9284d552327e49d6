"""Rendered pictures: as stored, repeatable, with true landmarks."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from efgan_tf import action_units
from efgan_tf.synthetic import identity as identity_lib
from efgan_tf.synthetic.render import Renderer
from tests.synthetic.make_thumbnails import STORED, make_thumbnails


@pytest.fixture(scope="module")
def renderer():
    return Renderer(identity_lib.sample_identity(0, 1))


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    error = np.mean((first.astype(float) - second.astype(float)) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-9))


def test_thumbnails_are_as_stored():
    sheet = make_thumbnails()
    stored = np.asarray(Image.open(STORED))
    assert stored.shape == sheet.shape == (192, 512, 3)
    assert psnr(sheet, stored) >= 40


def test_pictures_repeat_exactly(renderer):
    view = identity_lib.sample_view(0, 1, 0)
    happy = action_units.preset("happy")
    first = renderer.render(happy, view, 64)
    renderer.render(action_units.preset("sad"), view, 96)
    np.testing.assert_array_equal(first, renderer.render(happy, view, 64))
    assert first.shape == (64, 64, 3) and first.dtype == np.uint8


def test_only_the_expression_differs_within_a_view(renderer):
    view = dataclasses.replace(identity_lib.sample_view(0, 1, 0), noise=0.0)
    neutral = renderer.render(action_units.preset("neutral"), view, 128)
    happy = renderer.render(action_units.preset("happy"), view, 128)
    difference = np.abs(neutral.astype(int) - happy).max(2)
    x, y = np.array(view.center) * 128
    reach = view.eye_share * 128 * 2.4
    rows, columns = np.mgrid[:128, :128]
    face = np.hypot(columns - x, rows - y) < reach
    assert difference[face].max() > 40
    assert difference[~face].max() <= 6  # the chin shades the neck


@pytest.mark.parametrize("yaw", [0.0, 15.0, 45.0])
def test_landmarks_lie_on_the_face_in_mtcnns_order(renderer, yaw):
    view = dataclasses.replace(
        identity_lib.sample_view(0, 1, 0), yaw=yaw, roll=0.0
    )
    points = renderer.landmarks(action_units.preset("happy"), view, 256)
    assert points.shape == (5, 2)
    assert points.min() > 0 and points.max() < 255
    left, right, nose, mouth_left, mouth_right = points
    assert left[0] < right[0] and mouth_left[0] < mouth_right[0]
    assert left[1] < nose[1] < mouth_left[1]
    assert right[1] < nose[1] < mouth_right[1]
    if yaw == 0:
        distance = np.linalg.norm(right - left)
        assert distance == pytest.approx(256 * view.eye_share, rel=0.08)


def test_the_head_turns_to_the_images_right(renderer):
    view = identity_lib.sample_view(0, 1, 0)
    noses = []
    for yaw in (-15.0, 0.0, 15.0):
        turned = dataclasses.replace(view, yaw=yaw, roll=0.0)
        points = renderer.landmarks(np.zeros(17), turned, 256)
        noses.append(points[2, 0] - points[:2, 0].mean())
    assert noses[0] < noses[1] < noses[2]
