"""What the tests of serving share: an exported model on a local server."""

import pytest

from efgan_tf.serving.local.server import LocalServer
from efgan_tf.serving.local.settings import ServeConfig
from tests.editing.conftest import make_exported


@pytest.fixture(scope="session")
def served():
    """A server with the tiny model, as version 1, labelled stable."""
    config = ServeConfig(
        model_dir=str(make_exported().out / "efgan"),
        port=0,
        version_labels=("stable=1",),
    )
    with LocalServer(config) as server:
        yield server
