"""Aligned faces, the trained estimator, and a tiny run with its critics."""

import functools

import numpy as np
import pytest

from efgan_tf.common.images import to_float
from efgan_tf.editing.editor import Editor, unwrap
from efgan_tf.editing.face_selection import parse_choice
from efgan_tf.explaining.unit_readers import critics_of, estimator_of
from efgan_tf.faces.photos import read_photo
from efgan_tf.trained.loading import editing_model, load_network
from tests.editing.scenes import tiny_run


@functools.cache
def trained():
    """The network of the model that comes with the package."""
    return load_network("preset:faces128")


@pytest.fixture(scope="session")
def estimator():
    """The trained estimator of that model."""
    return estimator_of(trained())


@pytest.fixture(scope="session")
def faces(rendered, detector):
    """Four faces in [-1, 1], 128 pixels a side: two people, two each."""
    paths = [
        path
        for name in ("neutral", "happy")
        for path in sorted((rendered / "photos").glob(f"*{name}.jpg"))[:2]
    ]
    editor = Editor(editing_model("preset", trained()), detector)
    detected = editor.detect_and_align(
        [read_photo(path) for path in paths], parse_choice("largest")
    )
    aligned = [unwrap(each).faces[0].aligned for each in detected]
    return to_float(np.stack(aligned))


@functools.cache
def tiny_readers():
    """Estimator and critics of a run with random weights, 64×64 pixels."""
    return [
        estimator_of(load_network(tiny_run())),
        *critics_of(str(tiny_run())),
    ]


@pytest.fixture(scope="session")
def readers():
    return tiny_readers()


@pytest.fixture(scope="session")
def small_face():
    """A picture of 64×64 pixels in [-1, 1]."""
    rng = np.random.default_rng(5)
    return rng.uniform(-1, 1, (64, 64, 3)).astype("float32")
