"""What the tests of serving share: a model, exported and on a local server."""

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.servers import NAME, serving, write_version
from tests.trained.conftest import encoded


@pytest.fixture(scope="session")
def model(forms):
    """The run that was exported."""
    return forms["run"]


@pytest.fixture(scope="session")
def signatures(exported):
    """Of the exported model, called in Python."""
    return tf.saved_model.load(str(exported.saved_model)).signatures


@pytest.fixture(scope="package")
def folder(tmp_path_factory):
    """Holds version 1 of a model that adds 1 to `x`."""
    folder = tmp_path_factory.mktemp("adder") / NAME
    write_version(folder, 1)
    return folder


@pytest.fixture(scope="session")
def face(tmp_path_factory):
    """A PNG of noise, large enough for several lines of base64."""
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    path = tmp_path_factory.mktemp("face") / "face.png"
    path.write_bytes(encoded(pixels))
    return path


@pytest.fixture(scope="session")
def served(exported):
    """A server with the tiny model, as version 1."""
    with serving(exported.out / "efgan") as (server, _):
        yield server
