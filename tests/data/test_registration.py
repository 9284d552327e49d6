"""Expressions of one head register under one transform."""

import numpy as np

from efgan_tf import geometry
from efgan_tf.data import registration
from efgan_tf.faces.photos import read_photo


def test_expressions_of_a_person_register(rendered, detector):
    """Where the corners of the aligned picture come from hardly moves.

    As `benchmarks/registration.py` measures it, over more people: 1.32 pixels
    of 128 (root mean square), with the mouth in the fit 2.40.
    """
    paths = sorted((rendered / "photos").iterdir())
    faces = detector.detect([read_photo(path) for path in paths])
    people: dict[str, list[np.ndarray]] = {}
    for path, found in zip(paths, faces, strict=True):
        person = path.name.split("_")[0]
        people.setdefault(person, []).append(found[0].landmarks)
    assert len(people) == 3
    corners = np.array([[0, 0], [0, 128], [128, 0], [128, 128]])
    spreads = []
    for landmarks in people.values():
        shared = registration.shared_landmarks(np.stack(landmarks))
        in_photo = geometry.apply(
            geometry.invert(geometry.alignment(shared, 128)), corners
        )
        moved = [
            geometry.apply(geometry.alignment(points, 128), in_photo)
            for points in landmarks
        ]
        spreads.append(np.std(moved, axis=0))
    assert np.sqrt(np.mean(np.square(spreads))) < 2
