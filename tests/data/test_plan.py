"""Files that people take for photos and that are not read are named."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from efgan_tf.common.errors import UserError
from efgan_tf.config import DataConfig
from efgan_tf.data import plan, tables
from efgan_tf.data.aligning import FolderPhotos
from efgan_tf.data.photo_names import photo_set
from efgan_tf.data.preparation_report import Report
from efgan_tf.data.tables import Row


def test_a_file_that_is_there_is_not_said_to_be_missing(tmp_path):
    folder, table, report = tmp_path / "photos", tmp_path / "aus.csv", Report()
    (folder / "day").mkdir(parents=True)
    for file in ("a.jpg", "day/b.CR2", "c.mp4", "d.psd", "e.HEIC", "notes.txt"):
        (folder / file).touch()
    rows = ["a.jpg,1", "b.CR2,1", "c,1", "d.psd,1", "e.HEIC,1", "gone.jpg,1"]
    table.write_text("\n".join(["file,AU12", *rows]))
    rows = plan.joined(
        plan.listed(folder, report),
        tables.read_table(table),
        report,
        unread=plan.unread(folder),
    )
    assert [row.file for row in rows] == ["a.jpg", "e.HEIC"]
    reason = "not a kind of photo that is read ({})"
    assert dict(report.dropped) == {
        "c.mp4": reason.format(".mp4"),
        "d.psd": reason.format(".psd"),
        "day/b.CR2": reason.format(".CR2"),
        "gone.jpg": "in the table, but there is no such photo",
    }


def test_the_rows_of_a_known_set_find_its_photos(tmp_path):
    files = ["02_110_1.jpg", "03_110_2.JPG", "04_19.jpg"]
    files += ["a/05_110_3.jpg", "b/05_110_3.jpg"]  # one is a copy
    selection = photo_set("cfee").select(files, DataConfig())
    path = tmp_path / "aus.csv"

    def found(text):
        path.write_text(text)
        report, table = Report(), tables.read_table(path)
        rows = plan.joined(files, table, report, selection)
        return {row.file: row for row in rows}, dict(report.dropped)

    # Frames count all pictures, also those that are none of the set's.
    frames = ["1,1,1", "2,1,2", "3,1,3", "4,0,0", "5,1,5"]
    rows, dropped = found("\n".join(["frame,success,AU01", *frames]))
    values = {file: row.action_units[0] for file, row in rows.items()}
    assert values == {"02_110_1.jpg": 1, "03_110_2.JPG": 2}
    assert {row.subject for row in rows.values()} == {"110"}
    assert [row.expression for row in rows.values()] == ["happy", "sad"]
    assert dropped["04_19.jpg"].startswith("not named as CFEE")
    assert dropped["a/05_110_3.jpg"].startswith("no face found by OpenFace")
    assert dropped["b/05_110_3.jpg"].startswith("the same as another photo")
    # A name may be code and subject, and never means a copy.
    rows, _ = found("file,AU01\n03_110,1\n05_110_3.jpg,2\n")
    assert list(rows) == ["03_110_2.JPG", "a/05_110_3.jpg"]


def test_names_that_are_no_text_are_dropped_or_refused(tmp_path):
    for name in (b"\xff.png", b"caf\xe9.jpg"):
        try:
            (tmp_path / os.fsdecode(name)).touch()
        except OSError:
            pytest.skip("the file system takes no such name")
    with pytest.raises(UserError, match="Unicode"):
        plan.listed(tmp_path, Report())
    (tmp_path / "a.png").touch()
    (tmp_path / os.fsdecode(b"film\xe9.mov")).touch()
    tables_of = tmp_path / "aus"
    tables_of.mkdir()
    for name in ("a", os.fsdecode(b"caf\xe9")):
        (tables_of / f"{name}.csv").write_text("AU12,AU25\n1,2\n")
    report, table = Report(), tables.read_table(str(tables_of))
    files = plan.listed(tmp_path, report)
    assert files == ["a.png"]
    plan.joined(files, table, report, unread=plan.unread(tmp_path))
    assert len(report.dropped) == 4
    report.write(tmp_path)
    kept = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert kept["dropped"][2]["file"] == os.fsdecode(b"film\xe9.mov")
    assert r"film\udce9.mov" in (tmp_path / "report.txt").read_text("utf-8")


def test_the_first_of_several_pictures_is_warned_of(tmp_path):
    first, second = (Image.new("RGB", (40, 30), c) for c in ("red", "blue"))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    first.save(tmp_path / "b.tif", save_all=True, append_images=[second])
    first.save(tmp_path / "c.png")
    flaws = {
        name: FolderPhotos(tmp_path).flaws(Row(name, np.zeros(17), "a"))
        for name in ("a.gif", "b.tif", "c.png")
    }
    several = ("the first of several pictures in its file",)
    assert flaws == {"a.gif": several, "b.tif": several, "c.png": ()}
