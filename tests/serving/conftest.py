"""What the tests of serving share: an exported model on a local server."""

import pytest

from tests.editing.conftest import make_exported
from tests.serving.servers import serving


@pytest.fixture(scope="session")
def served():
    """A server with the tiny model, as version 1, labelled stable."""
    folder = make_exported().out / "efgan"
    with serving(folder, version_labels=("stable=1",)) as (server, _):
        yield server
