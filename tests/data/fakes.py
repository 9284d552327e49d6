"""Small random faces for tests that need no real ones, and their batches."""

import itertools

import cv2
import numpy as np

from efgan_tf.data import pipeline
from efgan_tf.data.prepared_faces import Faces


def make_faces(subjects=4, views=2, per_view=3, size=16, seed=0) -> Faces:
    """`subjects × views × per_view` faces, all pictures and units different."""
    generator = np.random.default_rng(seed)
    count = subjects * views * per_view
    index = np.arange(count)
    images = generator.integers(0, 256, (count, size, size, 3), np.uint8)
    return Faces(
        encoded=[cv2.imencode(".png", image)[1].tobytes() for image in images],
        action_units=generator.uniform(0, 5, (count, 17)).astype(np.float32),
        subjects=np.array([f"s{i // (views * per_view)}" for i in index]),
        expressions=np.array([f"e{i % per_view}" for i in index]),
        views=np.array([f"v{i // per_view % views}" for i in index]),
        filenames=np.array([f"{i:03}.png" for i in index]),
        au_mask=np.ones(17, np.float32),
        size=size,
    )


def stream(data, count, **settings):
    """The first `count` elements of the pipeline as dicts of arrays."""
    dataset = pipeline.training_batches(data, **settings)
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def joined(elements):
    """All rows of some elements of one replica, `[rows, …]`."""
    return {
        key: np.concatenate(
            [e[key].reshape(-1, *e[key].shape[2:]) for e in elements]
        )
        for key in elements[0]
    }


def together(elements, axis):
    """Elements that make one: shares of a batch (1), batches of a group (0)."""
    return {
        key: np.concatenate([e[key] for e in elements], axis)
        for key in elements[0]
    }


def assert_same(first, second):
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key], key)


def sources(faces, rows):
    """Which sample each row shows, recognized by its action units."""
    units = faces.action_units / 5
    distances = np.abs(rows["action_units"][:, None] - units).max(-1)
    assert distances.min(1).max() < 1e-6
    return distances.argmin(1)
