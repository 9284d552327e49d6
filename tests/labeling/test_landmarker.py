"""The networks' file: another one, or whole."""

import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.labeling import landmarker


def test_another_file_is_refused(tmp_path, networks):
    whole = landmarker.installed().read_bytes()
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(UserError, match="face_landmarker.task"):
        landmarker.read_networks(path)
    path.write_bytes(whole)
    files = landmarker.read_networks(path)
    assert all(content[4:8] == b"TFL3" for content in files.values())
