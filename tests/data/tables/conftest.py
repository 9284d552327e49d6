"""What the tests of tables share."""

import pytest


@pytest.fixture
def write(tmp_path):
    """Writes a text file below the test's folder."""

    def write(text, name="aus.csv", encoding="utf-8"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    return write
