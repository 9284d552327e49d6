"""An edited face goes back into its photo, and nothing else is touched."""

import tracemalloc

import cv2
import numpy as np
import pytest

from efgan_tf import geometry
from efgan_tf.faces import compositing
from efgan_tf.faces.compositing import FEATHER, paste
from efgan_tf.geometry import square

SIZE = 64
RNG = np.random.default_rng


def photo_of(height=240, width=320, dtype=np.uint8):
    """A photo with detail at every scale."""
    noise = RNG(0).random((height, width, 3), np.float32)
    layers = [cv2.GaussianBlur(noise, (0, 0), s) * s for s in (0.6, 3, 12)]
    picture = sum(layers) - sum(layers).min()
    picture /= picture.max()
    if np.issubdtype(dtype, np.floating):
        return picture.astype(dtype)
    return np.rint(picture * np.iinfo(dtype).max).astype(dtype)


def placed(center, side, turn=0.0):
    """A matrix whose square has this center and side in the photo."""
    scale = SIZE / side
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[a, b], [-b, a]])
    shift = np.full(2, SIZE / 2) - linear @ center
    return np.column_stack([linear, shift])


# Upright, turned, smaller than what the network sees, at the photo's edge,
# reaching beyond it, and larger than it.
PLACES = {
    "upright": placed((160, 120), 150),
    "turned": placed((150, 110), 130, 0.5),
    "small": placed((200, 90), 30, -0.2),
    "at the edge": placed((75, 120), 150),
    "cut off": placed((20, 220), 160, 0.3),
    "larger": placed((160, 120), 500, 0.1),
}


@pytest.fixture(params=PLACES, scope="module")
def matrix(request):
    return PLACES[request.param]


def aligned_face(photo, matrix):
    eight_bits = photo if photo.dtype == np.uint8 else photo / 257
    face = geometry.warp(eight_bits.astype(np.uint8), matrix, SIZE)
    return face.astype(np.float32) / 127.5 - 1


def random_edit(aligned, strength=0.5):
    """Another face of large and small parts, and some attention."""
    rng = RNG(1)
    noise = rng.normal(size=aligned.shape).astype(np.float32)
    change = cv2.GaussianBlur(noise, (0, 0), 4) * 8 * strength
    attention = cv2.GaussianBlur(noise[..., 0], (0, 0), 4) * 4 + 0.3
    edited = np.clip(aligned + change, -1, 1)
    return edited, np.clip(attention, 0, 1)[..., None]


def positions(shape, matrix):
    """Distance inwards from the square's edge, as a fraction of its side."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    points = geometry.apply(matrix, np.stack([columns, rows], -1)) / SIZE
    return np.minimum(points, 1 - points).min(-1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_no_edit_leaves_every_bit_whatever_the_attention(matrix, dtype):
    photo = photo_of(dtype=dtype)
    aligned = RNG(0).uniform(-1, 1, (SIZE, SIZE, 3))
    attention = RNG(1).uniform(0, 1, (SIZE, SIZE, 1))
    found = paste(photo, matrix, aligned, aligned.copy(), attention)
    assert found.dtype == dtype and found is not photo
    np.testing.assert_array_equal(found, photo)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_outside_the_square_keep_every_bit(matrix, dtype):
    photo = photo_of(dtype=dtype)
    before = photo.copy()
    aligned = aligned_face(photo, matrix)
    found = paste(photo, matrix, aligned, *random_edit(aligned))
    np.testing.assert_array_equal(photo, before)
    inwards = positions(photo.shape, matrix)
    assert (found[inwards <= 0] == photo[inwards <= 0]).all()
    inside = inwards > FEATHER
    assert (found[inside] != photo[inside]).mean() > 0.5


def steepness(photo):
    """Magnitude of the gradient, in levels a pixel: `[height, width]`."""
    levels = photo.astype(np.float64)
    down, right = np.gradient(levels, axis=(0, 1))
    return np.hypot(down, right).max(-1)


@pytest.mark.parametrize("place", sorted(PLACES.keys() - {"larger"}))
def test_no_seam_shows_around_an_edit(place):
    photo, matrix = photo_of(), PLACES[place]
    aligned = aligned_face(photo, matrix)
    edited, attention = random_edit(aligned)
    pasted = paste(photo, matrix, aligned, edited, attention)
    side = SIZE / np.sqrt(np.linalg.det(matrix[:, :2]))
    edge = np.abs(positions(photo.shape, matrix) * side) < 1
    before, after = (steepness(p)[edge].mean() for p in (photo, pasted))
    # Measured: at most 1.003 times as steep; 1.13 where the rim has no more
    # than 2.4 pixels to fade in.
    assert after < before * (1.2 if place == "small" else 1.01)


def test_the_edit_fades_as_it_should():
    photo = np.full((SIZE, SIZE, 3), 100, np.uint8)
    aligned = np.full((SIZE, SIZE, 3), -0.2, np.float32)
    attention = np.zeros((SIZE, SIZE, 1))
    pasted = paste(photo, np.eye(2, 3), aligned, aligned + 0.8, attention)
    # The rim is 5.12 pixels wide and pixel centers lie at halves: from the
    # edge t = 0.5 / 5.12 = 0.0977, t²(3 − 2t) = 0.0268, times 102 is 2.7; the
    # next ones are 21.1, 49.2, 77.8 and 97.8.
    expected = [103, 121, 149, 178, 198, 202, 202]
    np.testing.assert_array_equal(pasted[32, :7, 0], expected)
    np.testing.assert_array_equal(pasted[32, :-8:-1, 0], expected)
    np.testing.assert_array_equal(pasted[:7, 32, 0], expected)


def test_fine_detail_stays_unless_something_is_replaced():
    photo = photo_of()
    matrix = PLACES["upright"]
    aligned = aligned_face(photo, matrix)
    core = positions(photo.shape, matrix) > FEATHER
    ones, zeros = np.ones((SIZE, SIZE, 1)), np.zeros((SIZE, SIZE, 1))
    # Some shade, where the network attended little.
    shaded = paste(photo, matrix, aligned, aligned + 0.1, zeros)
    difference = shaded[core].astype(int) - photo[core]
    assert np.abs(difference - 12.75).max() < 1
    # Something new: the old detail is gone.
    flat = np.full_like(aligned, 0.5)
    change = np.abs(flat - aligned).max(-1).min()
    assert change > 0.15
    replaced = paste(photo, matrix, aligned, flat, ones)
    assert np.abs(replaced[core].astype(int) - 191.25).max() < 1


def test_new_matter_loses_its_specks_and_gets_sharper():
    size = 128
    photo = np.full((size, size, 3), 180, np.uint8)
    aligned = np.full((size, size, 3), 180 / 127.5 - 1, np.float32)
    edited = aligned.copy()
    edited[32:96, 32:96] = -0.2  # far from the old: all of it is new
    edited[60:62, 32:96] = -0.404  # a line between lips
    edited[80, 70] = 0.2  # what is left of a tooth
    attention = np.ones((size, size, 1), np.float32)
    identity = np.eye(2, 3)
    plain, clear = (
        paste(photo, identity, aligned, edited, attention, carry)[..., 0]
        for carry in (False, True)
    )
    assert plain[80, 70] == 153 and plain[60, 64] == 76 and plain[70, 50] == 102
    assert abs(int(clear[80, 70]) - 102) <= 2
    assert abs(int(clear[70, 50]) - 102) <= 1
    assert clear[60, 64] < plain[60, 64] - 5
    np.testing.assert_array_equal(clear[:16], photo[:16, :, 0])


def test_a_pasted_face_is_the_edited_one_when_it_is_aligned_again():
    photo = photo_of()
    matrix = PLACES["turned"]
    aligned = aligned_face(photo, matrix)
    edited, _ = random_edit(aligned, 0.2)
    pasted = paste(photo, matrix, aligned, edited, np.zeros((SIZE, SIZE, 1)))
    again = aligned_face(pasted, matrix)
    inner = np.s_[6:-6, 6:-6]
    error = again[inner] - edited[inner]
    # Shifted by half a pixel it would be 0.04.
    assert np.abs(error).mean() < 0.015


def test_the_square_is_where_the_aligned_picture_comes_from():
    corners = square(placed((100, 50), 20), SIZE)
    expected = [[90, 40], [110, 40], [110, 60], [90, 60]]
    np.testing.assert_allclose(corners, expected)


def test_a_square_outside_the_photo_changes_nothing():
    photo, aligned = photo_of(), np.zeros((SIZE, SIZE, 3), np.float32)
    attention = np.ones((SIZE, SIZE, 1))
    for center in ((-200, 50), (50, 900), (900, 900)):
        matrix = placed(center, 100)
        found = paste(photo, matrix, aligned, aligned + 1, attention)
        np.testing.assert_array_equal(found, photo)


def test_the_end_of_a_very_wide_photo():
    photo = np.tile(photo_of(80, 400), (1, 100, 1))
    start = 38_000
    aligned = np.zeros((SIZE, SIZE, 3), np.float32)
    edit = random_edit(aligned)
    far = paste(photo, placed((38_300, 40), 60, 0.2), aligned, *edit)
    near = paste(photo[:, start:], placed((300, 40), 60, 0.2), aligned, *edit)
    difference = far[:, start:].astype(int) - near
    assert np.abs(difference).max() <= 1 and (far != photo).any()


def test_strips_make_no_difference(matrix, monkeypatch):
    photo = photo_of()
    aligned = aligned_face(photo, matrix)
    edit = random_edit(aligned)
    whole = paste(photo, matrix, aligned, *edit)
    monkeypatch.setattr(compositing, "_STRIP_PIXELS", 700)
    parts = paste(photo, matrix, aligned, *edit)
    assert np.abs(whole.astype(int) - parts).max() <= 1
    assert (whole == parts).mean() > 0.999


@pytest.mark.parametrize("side, limit", [(300, 25e6), (2900, 140e6)])
def test_memory_is_bounded_beside_the_result(side, limit):
    photo = np.full((3000, 4000, 3), 90, np.uint8)
    matrix = placed((2000, 1500), side, 0.2)
    aligned = RNG(0).uniform(-1, 1, (SIZE, SIZE, 3))
    edit = random_edit(np.float32(aligned))
    tracemalloc.start()
    try:
        result = paste(photo, matrix, aligned, *edit)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - result.nbytes < limit


def test_floating_point_photos_stay_in_range_where_they_are_edited():
    photo = photo_of(dtype=np.float32) * 3 - 1  # what lies outside 0–1 stays
    matrix = PLACES["upright"]
    aligned = np.zeros((SIZE, SIZE, 3))
    zeros = np.zeros((SIZE, SIZE, 1))
    found = paste(photo, matrix, aligned, aligned + 0.2, zeros)
    inwards = positions(photo.shape, matrix)
    np.testing.assert_array_equal(found[inwards <= 0], photo[inwards <= 0])
    inside = found[inwards > FEATHER]
    assert inside.min() == 0 and inside.max() == 1
