"""Detection: alone or in batches, on any photo, in our coordinates."""

import csv

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
    """Photos and their true landmarks, `[5, 2]` each."""
    with open(rendered / "landmarks.csv") as file:
        rows = list(csv.reader(file))[1:]
    return [
        (
            read_photo(rendered / "photos" / row[0]),
            np.array(row[1:], float).reshape(5, 2),
        )
        for row in rows
    ]


@pytest.fixture(scope="module")
def found(detector, portraits):
    return detector.detect([photo for photo, _ in portraits])


def assert_same_faces(first, second, tolerance=0.01):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(
            one.landmarks, other.landmarks, atol=tolerance
        )
        np.testing.assert_allclose(one.box, other.box, atol=tolerance)


def test_landmarks_are_where_they_were_rendered(found, portraits):
    errors = np.stack(
        [
            faces[0].landmarks - landmarks
            for faces, (_, landmarks) in zip(found, portraits, strict=True)
        ]
    )
    # In pixels of 192: off by a few for each, and hardly on average. A swap
    # of sides or of eyes and mouth would be off by 20 and more.
    assert np.linalg.norm(errors, axis=-1).mean() < 4
    assert np.abs(errors.mean(0)).max() < 5


def test_pixel_centers_lie_at_halves(detector, found, portraits):
    mirrored = detector.detect([photo[:, ::-1] for photo, _ in portraits])
    sides_swapped = [1, 0, 2, 4, 3]
    shifts = [
        192 - other[0].landmarks[sides_swapped, 0] - faces[0].landmarks[:, 0]
        for faces, other in zip(found, mirrored, strict=True)
    ]
    # With a convention off by d, mirroring would move points by 2·d.
    assert np.abs(np.mean(shifts)) < 0.5


def test_photos_of_different_sizes_some_without_a_face(detector, portraits):
    photos = [portraits[0][0], portraits[9][0][:180], portraits[17][0]]
    larger = cv2.resize(photos[0], (300, 280))
    mixed = [BLANK, photos[0], BLANK[:50], photos[1], larger, photos[2], BLANK]
    found = detector.detect(mixed)
    assert [len(faces) for faces in found] == [0, 1, 0, 1, 1, 1, 0]
    for photo, faces in zip(mixed, found, strict=True):
        assert_same_faces(detector.detect([photo])[0], faces)


@pytest.mark.parametrize(
    "shape", [(1, 1), (12, 12), (19, 300), (40, 40), (63, 65), (700, 30)]
)
def test_tiny_and_narrow_photos_have_no_face(detector, shape):
    assert detector.detect([np.full((*shape, 3), 128, np.uint8)]) == [[]]


def test_several_faces_and_the_largest(detector, portraits):
    small = cv2.resize(portraits[9][0], (128, 128))
    photo = np.full((192, 340, 3), 128, np.uint8)
    photo[:, :192] = portraits[0][0]
    photo[20:148, 200:328] = small
    faces = detector.detect([photo])[0]
    assert len(faces) == 2
    largest = detection.largest(faces)
    assert largest.area == max(face.area for face in faces)
    assert largest.landmarks[:, 0].max() < 192


def test_large_photos_are_shrunk_and_scaled_back(detector, found, portraits):
    factor = 1300 / 192
    large = cv2.resize(
        portraits[0][0], (1300, 1300), interpolation=cv2.INTER_CUBIC
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


@pytest.fixture(scope="module")
def batches(rendered):
    """A batch of rendered faces, and a photo with several."""
    files = sorted((rendered / "photos").iterdir())[::3]
    return [
        np.stack([read_photo(file) for file in files]),
        read_photo(sample_photos.sample_path("All three"))[None, :, :640],
    ]


def test_the_package_finds_the_same_faces(batches):
    ours, theirs = Mtcnn(), mtcnn.MTCNN()
    for batch in batches:
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
