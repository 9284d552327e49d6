"""Contact sheets: whom they show, and what is drawn over the faces."""

import dataclasses

import cv2
import numpy as np
import pytest

from efgan_tf.data.contact_sheet import contact_sheet
from tests.data.fakes import make_faces

HEAD, GAP, WIDTH, HEIGHT = 14, 2, 128 + 2, 128 + 2 * 14 + 2
BLUE, GREEN, RED = (0, 191, 255), (50, 205, 50), (255, 69, 0)
MAGENTA = (255, 0, 255)


def plain_faces(subjects, each, size=64):
    """The n-th face is all of the color (n, n // 2, 30)."""
    faces = make_faces(subjects, views=1, per_view=each, size=size)
    colors = [(30, n // 2, n) for n in range(len(faces))]
    pictures = [np.full((size, size, 3), color, np.uint8) for color in colors]
    encoded = [cv2.imencode(".png", image)[1].tobytes() for image in pictures]
    return dataclasses.replace(faces, encoded=encoded)


def face(sheet, place, across=8):
    """The picture at a place of the sheet, `[128, 128, 3]`."""
    row, column = divmod(place, across)
    top, left = HEAD + GAP + row * HEIGHT, GAP + column * WIDTH
    return sheet[top : top + 128, left : left + 128]


def shown(sheet, count):
    """Which faces are on the sheet, read from a corner that nothing covers."""
    return [int(face(sheet, place)[0, 0, 0]) for place in range(count)]


def test_every_subject_comes_once_before_one_comes_twice():
    faces = plain_faces(subjects=1, each=15)
    faces = dataclasses.replace(faces, subjects=np.array([*"aaaaaaaaaabbbcd"]))
    sheet = contact_sheet(faces, count=4)
    assert sheet.shape[0] == HEAD + HEIGHT + GAP
    assert sorted(faces.subjects[shown(sheet, 4)]) == [*"abcd"]
    indices = shown(contact_sheet(faces, count=7), 7)
    assert indices == sorted(set(indices))
    assert sorted(faces.subjects[indices]) == [*"aaabbcd"]


def test_boxes_and_crosses_lie_in_the_aligned_frame():
    # 32nds of the side are 4 pixels here, whatever the faces' own size.
    sheet = contact_sheet(plain_faces(subjects=8, each=1, size=64))
    picture = face(sheet, 5)
    corners = {
        BLUE: (20, 24, 20 + 48 - 1, 24 + 80 - 1),
        GREEN: (36, 40, 36 + 48 - 1, 40 + 48 - 1),
        RED: (64, 32, 64 + 64 - 1, 32 + 64 - 1),
    }
    for color, (top, left, bottom, right) in corners.items():
        for place in ((top, left), (bottom, left + 1), (bottom, right)):
            assert tuple(picture[place]) == color
        for place in ((top - 1, left), (bottom - 1, left + 1)):
            assert tuple(picture[place]) != color
        assert tuple(picture[bottom, right + 1]) != color
    for x, y in ((46, 48), (81, 48), (64, 69)):
        assert (picture[y, x - 3 : x + 4] == MAGENTA).all()
        assert (picture[y - 3 : y + 4, x] == MAGENTA).all()
        assert tuple(picture[y - 1, x - 1]) == (5, 2, 30)


def test_no_faces_are_refused():
    with pytest.raises(ValueError):
        contact_sheet(make_faces(subjects=0))
