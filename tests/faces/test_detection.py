"""Detection: alone or in batches, on any photo, in our coordinates."""

import cv2
import mtcnn
import numpy as np
import pytest

from efgan_tf import geometry
from efgan_tf.faces import detection, quality
from efgan_tf.faces.detection import Mtcnn
from efgan_tf.faces.photos import read_photo
from efgan_tf.interface import sample_photos

BLANK = np.full((192, 192, 3), 200, np.uint8)


@pytest.fixture(scope="module")
def portraits(rendered):
    return [
        read_photo(path) for path in sorted((rendered / "photos").iterdir())
    ]


@pytest.fixture(scope="module")
def found(detector, portraits):
    return detector.detect(portraits)


def test_pixel_centers_lie_at_halves(detector, found, portraits):
    mirrored = detector.detect([photo[:, ::-1] for photo in portraits])
    sides_swapped = [1, 0, 2, 4, 3]
    shifts = [
        192 - other[0].landmarks[sides_swapped, 0] - faces[0].landmarks[:, 0]
        for faces, other in zip(found, mirrored, strict=True)
    ]
    # With a convention off by d, mirroring would move points by 2·d.
    assert np.abs(np.mean(shifts)) < 0.5


def test_photos_of_different_sizes_some_without_a_face(detector, portraits):
    photos = [portraits[0], portraits[9][:180], portraits[17]]
    larger = cv2.resize(photos[0], (300, 280))
    mixed = [BLANK, photos[0], BLANK[:50], photos[1], larger, photos[2], BLANK]
    found = detector.detect(mixed)
    assert [len(faces) for faces in found] == [0, 1, 0, 1, 1, 1, 0]
    for photo, faces in zip(mixed, found, strict=True):
        for one, other in zip(detector.detect([photo])[0], faces, strict=True):
            for name in ("landmarks", "box"):
                alone, among = getattr(one, name), getattr(other, name)
                np.testing.assert_allclose(alone, among, atol=0.01)


def test_tiny_and_narrow_photos_have_no_face(detector):
    shapes = [(1, 1), (12, 12), (19, 300), (40, 40), (63, 65), (700, 30)]
    blank = [np.full((*shape, 3), 128, np.uint8) for shape in shapes]
    assert [detector.detect([photo]) for photo in blank] == [[[]]] * 6


def test_several_faces_and_the_largest(detector, portraits):
    small = cv2.resize(portraits[9], (128, 128))
    photo = np.full((192, 340, 3), 128, np.uint8)
    photo[:, :192] = portraits[0]
    photo[20:148, 200:328] = small
    faces = detector.detect([photo])[0]
    assert len(faces) == 2
    largest = detection.largest(faces)
    assert largest.area == max(face.area for face in faces)
    assert largest.landmarks[:, 0].max() < 192


def test_large_photos_are_shrunk_and_scaled_back(detector, found, portraits):
    factor = 1300 / 192
    large = cv2.resize(
        portraits[0], (1300, 1300), interpolation=cv2.INTER_CUBIC
    )
    face = detector.detect([large])[0][0]
    np.testing.assert_allclose(
        face.landmarks / factor, found[0][0].landmarks, atol=3
    )


def test_the_face_of_a_photograph(detector):
    """NASA's portrait of an astronaut."""
    data = pytest.importorskip("skimage.data", reason="needs scikit-image")
    photo = data.astronaut()
    # Read off the picture by eye: pupils, tip of the nose, corners of the
    # mouth.
    expected = [
        [203, 101], [247.5, 103], [224.5, 125.5], [205.5, 141], [242.5, 142.5],
    ]  # fmt: skip
    (face,) = detector.detect([photo])[0]
    assert face.confidence > 0.99
    np.testing.assert_allclose(face.landmarks, expected, atol=4)
    aligned = geometry.align(photo, face.landmarks, 64)
    assert not quality.flaws(photo.shape[:2], face.landmarks, aligned, 64)


def test_the_package_finds_the_same_faces(portraits):
    ours, theirs = Mtcnn(), mtcnn.MTCNN()
    several = read_photo(sample_photos.sample_path("All three"))[:, :640]
    for batch in (np.stack(portraits[::3]), several[None]):
        found = ours(batch)
        expected = theirs.detect_faces(
            list(batch), output_type="numpy", box_format="xyxy",
            postprocess=False,
        )  # fmt: skip
        assert len(expected) > 1
        np.testing.assert_array_equal(found[:, 0], expected[:, 0])
        # Measured over 154 photographs: 0.0025 pixels and 1e-5.
        np.testing.assert_allclose(found[:, 1:5], expected[:, 1:5], atol=0.02)
        np.testing.assert_allclose(found[:, 5], expected[:, 5], atol=1e-4)
        np.testing.assert_allclose(found[:, 6:], expected[:, 6:], atol=0.02)
