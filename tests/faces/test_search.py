"""Second looks find small faces and photos that lie on a side."""

import cv2
import numpy as np
import pytest

from efgan_tf.faces.photos import read_photo
from efgan_tf.faces.search import find_faces


@pytest.fixture(scope="module")
def portrait(rendered):
    return read_photo(sorted((rendered / "photos").iterdir())[0])


def test_a_group_photo_is_looked_at_from_nearer(detector, portrait):
    photo = np.full((1200, 4000, 3), 120, np.uint8)
    small = cv2.resize(portrait, (96, 96), interpolation=cv2.INTER_AREA)
    places = [(x, y) for y in (100, 435, 900) for x in (60, 980, 2000, 3850)]
    for left, top in places:
        photo[top : top + 96, left : left + 96] = small
    # Faces of 30 pixels, which are 5 where the first look is taken.
    assert not detector.detect([photo])[0]
    (faces,) = find_faces(detector, [photo])
    assert len(faces) == len(places)
    middles = [face.box[0] + face.box[2] / 2 for face in faces]
    assert middles == sorted(middles)
    # Where faces lie in two tiles or more, they are found once.
    alone = find_faces(detector, [portrait])[0][0].landmarks / 2
    corners = np.array(sorted(places))
    for face, corner in zip(
        sorted(faces, key=lambda f: (round(f.box[0], -2), f.box[1])),
        corners,
        strict=True,
    ):
        assert np.abs(face.landmarks - alone - corner).max() < 6


def test_photos_without_a_face(detector):
    blank = np.full((1, 1, 3), 128, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (700, 90, 3), np.uint8)
    assert find_faces(detector, [blank, noise]) == [[], []]
    assert find_faces(detector, []) == []
