"""A detector trained on photos finds rendered faces, where they are."""

import io

import numpy as np
import pytest
from PIL import Image

from efgan_tf.faces.detection import Detector, largest
from efgan_tf.synthetic.synthesis import SynthesizeConfig, make_subject


@pytest.fixture(scope="module")
def detected():
    """Photos of 13 people with the faces that were found in each."""
    config = SynthesizeConfig(images_per_subject=8, size=224, seed=11)
    photos = [p for n in range(13) for p in make_subject(config, n)][:100]
    images = [np.asarray(Image.open(io.BytesIO(p.jpeg))) for p in photos]
    return list(zip(photos, Detector().detect(images), strict=True))


def test_one_face_is_found_in_nearly_every_photo(detected):
    assert sum(len(faces) == 1 for _, faces in detected) >= 98


def test_landmarks_are_found_where_they_are(detected):
    errors = []
    for photo, faces in detected:
        if faces:
            eyes = photo.landmarks[:2]
            distance = np.linalg.norm(eyes[1] - eyes[0])
            found = np.asarray(largest(faces).landmarks)
            error = np.linalg.norm(found - photo.landmarks, axis=1)
            errors.append(error / distance)
    assert np.mean(errors) < 0.08
    assert np.percentile(errors, 95) < 0.2
