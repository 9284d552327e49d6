"""Readers against stored outputs, of one AI-generated face."""

import numpy as np
import pytest

from efgan_tf import geometry
from efgan_tf.evaluation.photographs import readers, scores, sources
from efgan_tf.faces.photos import read_photo

# Eyes and nose of faker/male_69.jpg, as the project's detector finds them.
LANDMARKS = [[160.9, 161.3], [224.6, 160.1], [190.0, 204.5]]


@pytest.fixture(scope="module")
def face(photos, readers_folder):
    loaded = readers.Readers(readers_folder)
    photo = read_photo(photos / "faker/male_69.jpg")
    frame = geometry.alignment(np.array(LANDMARKS), 1)
    return loaded, photo, frame, loaded.faces.points(photo, frame)


def test_points(face):
    *_, points = face
    stored = [[192.5, 291.5], [188.5, 201.5], [149.5, 164.5], [236.5, 161.5],
              [164.5, 238.5], [227.5, 235.5]]  # fmt: skip
    assert points[[8, 30, 36, 45, 48, 54]] == pytest.approx(
        np.array(stored), abs=1.5
    )


def test_expression(face):
    """Stored: what face-api 1.7.15 itself says of the same crop, in Node."""
    loaded, photo, _, points = face
    (found,) = loaded.expressions([photo], points[None])
    stored = [0.00002, 0.98581, 0.01355, 0.0, 0.00008, 0.00001, 0.00053]
    assert found == pytest.approx(stored, abs=0.005)


def test_identity(face):
    loaded, photo, frame, _ = face
    found = loaded.faces.identity(photo, frame)
    assert found[:4] == pytest.approx(
        [-0.0755, 0.1009, 0.0323, -0.004], abs=0.01
    )
    assert np.linalg.norm(found) == pytest.approx(1.3567, abs=0.01)


def test_features(face):
    loaded, photo, frame, _ = face
    mouth = scores.mouths(sources.aligned(photo, frame)[None])
    vector = loaded.features.vectors(mouth)
    assert vector.mean() == pytest.approx(0.1946, abs=0.002)
    assert vector.std() == pytest.approx(0.2597, abs=0.002)
    assert loaded.features.distance(mouth, mouth)[0] == 0
    mirrored = loaded.features.distance(mouth, mouth[:, :, ::-1])[0]
    assert mirrored == pytest.approx(1.494, abs=0.02)
