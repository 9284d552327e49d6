"""What the tests of serving share: a model, exported and on a local server."""

import pytest
import tensorflow as tf

from tests.serving.servers import serving


@pytest.fixture(scope="session")
def model(forms):
    """The run that was exported."""
    return forms["run"]


@pytest.fixture(scope="session")
def signatures(exported):
    """Of the exported model, called in Python."""
    return tf.saved_model.load(str(exported.saved_model)).signatures


@pytest.fixture(scope="session")
def served(exported):
    """A server with the tiny model, as version 1."""
    with serving(exported.out / "efgan") as (server, _):
        yield server
