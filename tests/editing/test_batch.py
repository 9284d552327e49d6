"""Many photos: a bad one stops nothing, and the report tells of each."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from efgan_tf.editing import batch, subjects
from efgan_tf.editing.inputs import list_jobs, list_others
from efgan_tf.editing.request import Request
from efgan_tf.editing.wanted import make_wish
from efgan_tf.errors import UserError
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
    request = Request(make_wish("happy"))
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
        (documents, "_document", TypeError),
        (documents, "_document", MemoryError),
        (subjects, "align", cv2.error),
        (subjects, "align", ValueError),
        (documents, "_encode", KeyError),
        (documents, "_encode", OSError),
    ],
)
def test_a_bad_file_stops_nothing(module, name, kind, album, monkeypatch):
    monkeypatch.setattr(module, name, failing(getattr(module, name), kind, 2))
    entries = edited(album)
    assert [entries[f"{n}.png"].status for n in "abc"] == [
        "edited", "failed", "edited",
    ]  # fmt: skip
    assert entries["b.png"].reason
    assert report(album)["failed"] == 1


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
        batch.output_paths(list_jobs(str(album)), album.parent / "out")
    with pytest.raises(UserError, match="rename one"):
        edited(album)
    assert not (album.parent / "out").exists()


def test_every_photo_keeps_its_name_and_the_rest_becomes_png(album):
    Image.new("RGB", (4, 4)).save(album / "d.gif")
    paths = batch.output_paths(list_jobs(str(album)), album)
    assert [path.name for path in paths] == [
        "a.png", "b.png", "c.png", "d.gif.png",
    ]  # fmt: skip
