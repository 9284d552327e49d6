"""What the tests of serving share: an exported model on a local server."""

import pytest

from tests.serving.servers import serving
from tests.trained.conftest import make_exported


@pytest.fixture(scope="session")
def served():
    """A server with the tiny model, as version 1."""
    with serving(make_exported().out / "efgan") as (server, _):
        yield server
