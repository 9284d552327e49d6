"""The aligned frame: similarity transform, boxes, warping."""

import cv2
import numpy as np
import pytest

from efgan_tf import geometry


def _similarity(angle, scale, shift):
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def test_fit_by_hand():
    # (0,0),(2,0) → (1,1),(1,5): turned by 90°, twice as large, moved by (1,1).
    fitted = geometry.fit_similarity([[0, 0], [2, 0]], [[1, 1], [1, 5]])
    np.testing.assert_allclose(fitted, [[0, -2, 1], [2, 0, 1]], atol=1e-12)


def test_fit_is_least_squares():
    generator = np.random.default_rng(0)
    points, targets = generator.normal(size=(2, 5, 2))
    fitted = geometry.fit_similarity(points, targets)

    def error(matrix):
        return np.sum((geometry.apply(matrix, points) - targets) ** 2)

    for direction in ([1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, -1]):
        a, b, c = 1e-4 * np.array(direction)
        nearby = fitted + [[a, -b, c], [b, a, c]]
        assert error(fitted) < error(nearby)


@pytest.mark.parametrize(
    "points", [[[3, 3]] * 3, [[0, np.nan], [1, 1], [2, 0]]]
)
def test_fit_refuses_points_that_say_nothing(points):
    with pytest.raises(ValueError):
        geometry.fit_similarity(points, [[0, 0], [1, 0], [0, 1]])


def test_alignment_ignores_the_mouth():
    landmarks = np.array([[30, 40], [60, 40], [45, 58], [34, 75], [56, 75.0]])
    open_mouth = landmarks + [[0, 0], [0, 0], [0, 0], [3, 20], [-3, 20]]
    np.testing.assert_array_equal(
        geometry.alignment(landmarks, 128), geometry.alignment(open_mouth, 128)
    )


def test_aligned_eyes_and_nose_lie_on_the_template():
    turned = _similarity(-0.3, 2.1, (40, 90))
    photo = geometry.apply(turned, geometry.TEMPLATE * 50)
    matrix = geometry.alignment(photo, 64)
    np.testing.assert_allclose(
        geometry.apply(matrix, photo), geometry.TEMPLATE * 64, atol=1e-9
    )


def test_inverse():
    matrix = _similarity(0.7, 0.6, (3, 4))
    points = np.random.default_rng(1).normal(size=(7, 2))
    back = geometry.apply(
        geometry.invert(matrix), geometry.apply(matrix, points)
    )
    np.testing.assert_allclose(back, points, atol=1e-12)


@pytest.mark.parametrize("size", range(64, 257, 32))
def test_boxes_lie_inside_and_divide_by_four(size):
    for box in geometry.pixel_boxes(size).values():
        assert box.height % 4 == 0 and box.width % 4 == 0
        assert box.top + box.height <= size and box.left + box.width <= size


def test_boxes_by_hand():
    assert geometry.pixel_boxes(64)["mouth"] == (32, 16, 32, 32)
    with pytest.raises(ValueError):
        geometry.pixel_boxes(100)


def test_crop_and_coverage():
    image = np.arange(64 * 64).reshape(1, 64, 64, 1)
    box = geometry.Box(2, 3, 4, 5)
    cropped = geometry.crop(image, box)
    assert cropped.shape == (1, 4, 5, 1)
    assert cropped[0, 0, 0, 0] == 2 * 64 + 3
    count = geometry.coverage(64, {"a": box, "b": geometry.Box(4, 3, 4, 5)})
    assert count.sum() == 40 and count.max() == 2


def test_warp_by_the_identity_changes_nothing():
    image = np.random.default_rng(2).integers(0, 256, (32, 32, 3), np.uint8)
    identity = np.array([[1.0, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(geometry.warp(image, identity, 32), image)


def test_warp_halves_by_pixel_areas():
    # A pixel of the half-size image covers 2×2: centers at halves, so that
    # a left half of black stays exactly the left half.
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 255
    half = geometry.warp(image, np.array([[0.5, 0, 0], [0, 0.5, 0]]), 32)
    assert half[:, :14].max() == 0 and half[:, 18:].min() == 255
    assert abs(int(half[5, 15, 0]) + int(half[5, 16, 0]) - 255) <= 2


def _warp_of_all(image, matrix, size):
    """`geometry.warp` as it is said: everything is blurred, then sampled."""
    shrink = 1 / np.sqrt(np.linalg.det(matrix[:, :2]))
    if shrink > 1:
        sigma = np.sqrt((shrink**2 - 1) / 12)
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(
        image, matrix, (size, size), borderMode=cv2.BORDER_REFLECT_101
    )


def test_what_warp_does_not_look_at_makes_no_difference(monkeypatch):
    # What is not blurred is anything at all.
    monkeypatch.setattr(np, "empty_like", lambda a: np.full_like(a, 99))
    generator = np.random.default_rng(3)
    image = generator.integers(0, 256, (300, 420, 3), np.uint8)
    for _ in range(150):
        side = np.exp(generator.uniform(np.log(20), np.log(600)))
        linear = _similarity(generator.normal(0, 0.6), 64 / side, (0, 0))
        center = generator.uniform((-60, -60), (480, 360))
        linear[:, 2] = 32 - linear[:, :2] @ center
        np.testing.assert_array_equal(
            geometry.warp(image, linear, 64), _warp_of_all(image, linear, 64)
        )


def test_warp_reaches_the_end_of_a_very_wide_photo():
    image = np.random.default_rng(4).integers(0, 256, (80, 40_000, 3), np.uint8)
    part, start = image[:, 38_000:], np.array([38_000, 0])
    matrix = _similarity(0.1, 0.5, (0, 0))
    far = matrix.copy()
    matrix[:, 2] = 32 - matrix[:, :2] @ [1900, 40]
    far[:, 2] = matrix[:, 2] - matrix[:, :2] @ start
    difference = geometry.warp(image, far, 64).astype(int) - geometry.warp(
        part, matrix, 64
    )
    assert np.abs(difference).max() <= 1


def test_warp_moves_a_point_where_apply_says():
    image = np.zeros((80, 80, 3), np.uint8)
    image[50:53, 20:23] = 255  # a dot around (21.5, 51.5)
    matrix = _similarity(0.2, 1.0, (6, -3))
    warped = geometry.warp(image, matrix, 64)[..., 0].astype(float)
    rows, columns = np.mgrid[:64, :64] + 0.5
    center = [np.sum(columns * warped), np.sum(rows * warped)] / warped.sum()
    np.testing.assert_allclose(
        center, geometry.apply(matrix, [21.5, 51.5]), atol=0.05
    )
