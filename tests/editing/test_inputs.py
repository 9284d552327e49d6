"""What `--image` names."""

import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.editing.inputs import (
    is_video,
    list_jobs,
    list_others,
    names_several,
)


@pytest.fixture
def album(tmp_path):
    for name in ("b.jpg", "a.PNG", "day/c.webp", "day/d.txt", "out/b.jpg"):
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "album"


def names(*arguments):
    return [job.name for job in list_jobs(*map(str, arguments))]


def test_a_folder_with_its_subfolders(album):
    assert names(album) == ["a.PNG", "b.jpg", "day/c.webp", "out/b.jpg"]
    assert list_jobs(str(album))[2].path == album / "day" / "c.webp"


def test_results_of_the_last_time_are_no_photos(album):
    assert names(album, album / "out") == ["a.PNG", "b.jpg", "day/c.webp"]
    assert len(names(album, album)) == 4  # edited in place


def test_globs_name_files_below_their_fixed_part(album, monkeypatch):
    assert names(f"{album}/*.jpg") == ["b.jpg"]
    assert names(f"{album}/**/*.[jw]*") == ["b.jpg", "day/c.webp", "out/b.jpg"]
    assert names(f"{album}/d*/c*") == ["day/c.webp"]
    monkeypatch.chdir(album)
    assert names("*.jpg") == ["b.jpg"]
    assert names("day/*") == ["c.webp"]


def test_nothing_there(album):
    with pytest.raises(UserError, match="has no photos"):
        list_jobs(f"{album}/day/*.txt")


@pytest.mark.parametrize("folder", ["trip [2]", "a[b"])
def test_brackets_of_a_folder_in_a_glob_are_told(folder, tmp_path):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.jpg").touch()
    if folder == "trip [2]":
        with pytest.raises(UserError, match=r"write \[\[\]"):
            list_jobs(f"{tmp_path}/{folder}/*.jpg")
    escaped = folder.replace("[", "[[]")
    (job,) = list_jobs(f"{tmp_path}/{escaped}/*.jpg")
    assert job.path == tmp_path / folder / "a.jpg"
    assert names(tmp_path / folder) == ["a.jpg"]


def test_one_or_several_or_a_video(album):
    (album / "odd[1].jpg").touch()
    assert names_several(str(album)) and names_several(f"{album}/*.jpg")
    assert not names_several(str(album / "odd[1].jpg"))
    assert not names_several(str(album / "absent.jpg"))
    assert is_video("Clip.MP4") and not is_video("clip.gif")
    with pytest.raises(UserError, match="one by one"):
        is_video("v/*.mp4")


def test_other_files_are_named_with_the_reason(album):
    (album / "clip.webm").touch()
    found = {job.name: why for job, why in list_others(str(album)).items()}
    assert set(found) == {"clip.webm", "day/d.txt"}
    assert "video" in found["clip.webm"] and "(.txt)" in found["day/d.txt"]
    assert not list_others(f"{album}/*.jpg")
    assert [j.name for j in list_others(f"{album}/day/*")] == ["d.txt"]
