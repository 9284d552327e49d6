"""Many photos: a bad one stops nothing, and the report tells of each."""

import json
import os
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from efgan_tf import geometry
from efgan_tf.common.errors import UserError
from efgan_tf.editing import batch
from efgan_tf.editing.expression import make_target
from efgan_tf.editing.inputs import list_jobs, list_others
from efgan_tf.editing.request import Request
from efgan_tf.faces import documents
from tests.editing.scenes import portraits, tiny_editor


@pytest.fixture
def album(rendered, tmp_path):
    """A folder with the photos of three people."""
    folder = tmp_path / "album"
    folder.mkdir()
    for name, portrait in zip("abc", portraits(rendered), strict=True):
        Image.fromarray(portrait).save(folder / f"{name}.png")
    return folder


def edited(album):
    request = Request(make_target("happy"))
    jobs, out = list_jobs(str(album)), album.parent / "out"
    entries = batch.edit_photos(
        tiny_editor(), request, jobs, out, 10**8, list_others(str(album))
    )
    return {entry.file: entry for entry in entries}


def report(album):
    return json.loads((album.parent / "out" / "report.json").read_text())


def failing(original, kind, number):
    """The function, which fails the `number`-th time that it is called."""
    calls = []

    def function(*arguments, **options):
        calls.append(1)
        if len(calls) == number:
            raise kind("told so")
        return original(*arguments, **options)

    return function


@pytest.mark.parametrize(
    "module, name, kind",
    [
        (documents, "_document", MemoryError),
        (geometry, "align", cv2.error),
        (documents, "_encode", KeyError),
    ],
)
def test_a_bad_file_stops_nothing(module, name, kind, album, monkeypatch):
    monkeypatch.setattr(module, name, failing(getattr(module, name), kind, 2))
    entries = edited(album)
    assert [entries[f"{n}.png"].status for n in "abc"] == [
        "edited", "failed", "edited",
    ]  # fmt: skip
    assert entries["b.png"].reason
    found = report(album)
    assert found["failed"] == 1
    files = [entry["file"] for entry in found["files"]]
    assert files == ["a.png", "b.png", "c.png"]


def test_an_interruption_keeps_the_report(album, monkeypatch):
    writing = failing(documents.write_document, KeyboardInterrupt, 3)
    monkeypatch.setattr(documents, "write_document", writing)
    with pytest.raises(KeyboardInterrupt):
        edited(album)
    assert [entry["file"] for entry in report(album)["files"]] == [
        "a.png", "b.png",
    ]  # fmt: skip


def test_two_photos_for_one_file_are_refused_before_the_work(album):
    pixels = np.zeros((4, 4, 3), np.uint8)
    for name in ("d.gif", "d.gif.png"):
        Image.fromarray(pixels).save(album / name)
    with pytest.raises(UserError, match="d.gif and d.gif.png would both be"):
        edited(album)
    assert not (album.parent / "out").exists()


def test_a_name_that_is_no_text_stops_nothing(album):
    name = b"caf\xe9.png"
    try:
        shutil.copy(album / "a.png", os.fsencode(album) + b"/" + name)
    except OSError:
        pytest.skip("the file system takes no such name")
    entries = edited(album)
    assert {entry.status for entry in entries.values()} == {"edited"}
    assert len(entries) == len(report(album)["files"]) == 4
    assert (album.parent / "out" / os.fsdecode(name)).exists()


def test_every_file_of_a_folder_is_in_the_report(album):
    skipped = ("clip.MOV", "raw.CR2", "notes.txt", "bare")
    for name in skipped:
        (album / name).write_bytes(b"not read")
    with Image.open(album / "a.png") as photo:
        photo.save(album / "d.avif")
        photo.save(album / "e.jpe", "JPEG")
        photo.save(
            album / "f.tif", save_all=True, append_images=[photo.copy()] * 2
        )
    (album / "g.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(400))
    photos = ("a.png", "b.png", "c.png", "d.avif", "e.jpe", "f.tif")
    entries = edited(album)
    assert {n: e.status for n, e in entries.items()} == {
        **dict.fromkeys(skipped, "skipped"),
        **dict.fromkeys(photos, "edited"),
        "g.HEIC": "failed",
    }
    assert "video" in entries["clip.MOV"].reason
    assert "(.cr2)" in entries["raw.CR2"].reason
    assert "of 3 pages" in entries["f.tif"].reason
    assert report(album)["skipped"] == 4
