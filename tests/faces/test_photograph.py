"""A photograph, not a rendering: NASA's portrait of an astronaut."""

import numpy as np
import pytest

from efgan_tf import geometry
from efgan_tf.faces import quality

data = pytest.importorskip("skimage.data", reason="needs scikit-image")

# Read off the picture by eye: pupils, tip of the nose, corners of the mouth.
LANDMARKS = np.array(
    [[203, 101], [247.5, 103], [224.5, 125.5], [205.5, 141], [242.5, 142.5]]
)


@pytest.fixture(scope="module")
def photo():
    return data.astronaut()


def test_the_face_is_found_where_one_sees_it(detector, photo):
    (face,) = detector.detect([photo])[0]
    assert face.confidence > 0.99
    np.testing.assert_allclose(face.landmarks, LANDMARKS, atol=4)


def test_it_is_aligned_like_any_other(detector, photo):
    (face,) = detector.detect([photo])[0]
    size = 64
    aligned = geometry.align(photo, face.landmarks, size)
    matrix = geometry.alignment(face.landmarks, size)
    eyes, mouth = (
        geometry.pixel_boxes(size)[region] for region in ("eyes", "mouth")
    )
    for box, points in ((eyes, LANDMARKS[:2]), (mouth, LANDMARKS[3:])):
        x, y = geometry.apply(matrix, points).T
        assert (x > box.left).all() and (x < box.left + box.width).all()
        assert (y > box.top).all() and (y < box.top + box.height).all()
    assert not quality.flaws(photo.shape[:2], face.landmarks, aligned, size)
