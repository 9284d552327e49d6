"""Files are found by name, whatever lies beside them."""

import os

import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.common.files import files_below

SUFFIXES = frozenset((".jpg", ".png"))


@pytest.fixture
def folder(tmp_path):
    for name in ("b.JPG", "a/z.png", "a/.hidden.jpg", ".cache/x.jpg", "n.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_names_are_sorted_and_hidden_ones_left_out(folder):
    assert files_below(folder, SUFFIXES) == ["a/z.png", "b.JPG"]


def test_links_are_followed_once(folder):
    (folder / "a" / "up").symlink_to(folder)
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "c.png").touch()
    (folder / "a" / "link").symlink_to(folder / "elsewhere")
    # Neither a broken link nor a folder is a file.
    (folder / "gone.png").symlink_to(folder / "nothing")
    (folder / "folder.jpg").mkdir()
    found = files_below(folder, SUFFIXES)
    assert found == ["a/link/c.png", "a/z.png", "b.JPG"]


def test_a_folder_that_vanishes_is_an_error(folder, monkeypatch):
    stat = os.stat

    def gone(path, *arguments, **values):
        if os.fspath(path) == str(folder / "a"):
            raise FileNotFoundError(2, "No such file or directory", path)
        return stat(path, *arguments, **values)

    monkeypatch.setattr(os, "stat", gone)
    with pytest.raises(UserError, match="changed while they were read"):
        files_below(folder, SUFFIXES)


def test_a_folder_without_permission_is_an_error(folder):
    if os.geteuid() == 0:
        pytest.skip("nothing is forbidden to root")
    (folder / "a").chmod(0)
    with pytest.raises(UserError, match="cannot be read"):
        files_below(folder, SUFFIXES)
    (folder / "a").chmod(0o700)
