"""A detector trained on photos finds rendered faces, where they are."""

import io

import numpy as np
import pytest
from PIL import Image

from efgan_tf import geometry
from efgan_tf.faces.detection import Detector, largest
from efgan_tf.synthetic.photos import SynthesizeConfig, make_subject

SIZE = 128  # of the aligned faces that registration is measured in


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


def test_faces_of_one_view_register(detected):
    """Aligned one by one, they wander by less than 2 pixels of 128."""
    corners = np.array([(0, 0), (1, 0), (0, 1), (1, 1)]) * SIZE
    spreads = []
    for subject in sorted({photo.subject for photo, _ in detected}):
        own = [pair for pair in detected if pair[0].subject == subject]
        # One frame for all: the head does not move.
        frame = geometry.alignment(own[0][0].landmarks, SIZE)
        places = []
        for _, faces in own:
            if faces:
                found = geometry.alignment(largest(faces).landmarks, SIZE)
                photo_corners = geometry.apply(geometry.invert(found), corners)
                places.append(geometry.apply(frame, photo_corners))
        spreads.append(np.std(places, axis=0).mean())
    print(f"spread {np.mean(spreads):.2f} pixels of {SIZE}")
    assert np.mean(spreads) < 2
