"""Preparation: every photo is kept or accounted for."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from efgan_tf import geometry
from efgan_tf.data.preparation import prepare_faces
from efgan_tf.data.tables import read_table
from efgan_tf.errors import UserError
from efgan_tf.faces.detection import Face


class FakeDetector:
    """Finds as many faces as a photo's first pixel says, big ones last.

    A photo's second pixel shifts the landmarks.
    """

    def detect(self, photos):
        return [
            [
                self._face(size, int(photo[0, 1, 0]))
                for size in range(1, 1 + photo[0, 0, 0])
            ]
            for photo in photos
        ]

    @staticmethod
    def _face(size, shift):
        points = np.array([[36, 38], [64, 38], [50, 54], [38, 70], [62, 70]])
        return Face(np.array([0, 0, size, size]), points + shift + size, 0.9)


@pytest.fixture
def source(tmp_path):
    """A folder with photos a.png, b.png, …, of the given number of faces."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (tmp_path / "work").mkdir()

    def make(**faces):
        rows = ["file,subject,view,AU12,AU45"]
        for name, (count, shift) in faces.items():
            image = np.full((100, 100, 3), 90, np.uint8)
            image[0, 0], image[0, 1] = count, shift
            Image.fromarray(image).save(folder / f"{name}.png")
            rows.append(f"{name}.png,s,v,{len(rows)},0")
        (tmp_path / "aus.csv").write_text("\n".join(rows))
        return folder, tmp_path / "aus.csv", tmp_path / "work"

    return make


def prepare(folder, aus, work, **options):
    return prepare_faces(
        folder, read_table(aus), 64, work, detector=FakeDetector(), **options
    )


def test_photos_are_aligned_and_joined(source):
    kept, report = prepare(*source(a=(1, 0), b=(1, 3)))
    assert [face.row.file for face in kept] == ["a.png", "b.png"]
    assert [face.row.action_units[8] for face in kept] == [1, 2]
    for face in kept:
        assert Image.open(face.path).size == (64, 64)
    assert (report.photos, report.rows, report.kept) == (2, 2, 2)
    assert not report.dropped
    units = report.action_units["AU12"]
    assert units == {"mean": 1.5, "maximum": 2, "above_0": 1}


def test_photos_that_do_not_fit_are_dropped_with_a_reason(source):
    folder, aus, work = source(a=(1, 0), b=(0, 0), c=(3, 0), d=(1, 0))
    (folder / "broken.JPG").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("not a photo")
    (folder / ".hidden.png").touch()
    (folder / "sub").mkdir()
    shutil.move(folder / "d.png", folder / "sub" / "d.png")
    with open(aus, "a") as file:
        file.write("\nbroken.JPG,s,v,1,0\nempty.png,s,v,1,0\n")
    kept, report = prepare(folder, aus, work)
    assert [face.row.file for face in kept] == ["a.png", "c.png"]
    dropped = dict(report.dropped)
    assert dropped.keys() == {
        "b.png",
        "broken.JPG",
        "d.png",
        "empty.png",
        "sub/d.png",
    }
    assert dropped["b.png"] == "no face found"
    assert dropped["d.png"] == "in the table, but there is no such photo"
    assert dropped["sub/d.png"] == "has no row in the table"
    assert dropped["empty.png"] == "is an empty file"
    assert "cut off or damaged" in dropped["broken.JPG"]
    assert report.several_faces == ["c.png"]
    assert report.photos == 6 and report.rows == 6 and report.kept == 2


def test_of_several_faces_the_largest_is_taken(source):
    kept, _ = prepare(*source(a=(1, 3), b=(3, 1)))
    # The fake's landmarks shift with the face's size: 3 + 1 = 1 + 3.
    first, second = (np.array(Image.open(face.path)) for face in kept)
    np.testing.assert_array_equal(first[8:, 8:], second[8:, 8:])


def test_subfolders_are_searched(source):
    folder, aus, work = source(a=(1, 0))
    (folder / "sub").mkdir()
    shutil.move(folder / "a.png", folder / "sub" / "a.png")
    aus.write_text(aus.read_text().replace("a.png", "sub\\a.png"))
    kept, _ = prepare(folder, aus, work)
    assert [face.row.file for face in kept] == ["sub/a.png"]


def test_a_fixed_pose_shares_one_transform(source, monkeypatch):
    used = []
    monkeypatch.setattr(
        geometry,
        "alignment",
        lambda landmarks, size: used.append(landmarks) or np.eye(3)[:2],
    )
    folder, aus, work = source(a=(1, 0), b=(1, 1), c=(1, 9))
    prepare(folder, aus, work)
    assert len({points.tobytes() for points in used}) == 3
    used.clear()
    prepare(folder, aus, work, fixed_pose=True)
    assert len({points.tobytes() for points in used}) == 1
    assert used[0][0].tolist() == [36 + 1 + 1, 38 + 1 + 1]


def test_constant_and_missing_units_are_masked(source):
    _, report = prepare(*source(a=(1, 0), b=(1, 0)))
    assert report.mask().sum() == 1 and report.mask()[8] == 1
    assert any("AU45" in warning for warning in report.warnings)


@pytest.mark.parametrize("column", ["subject", "view"])
def test_missing_subjects_or_views_are_warned_about(source, column):
    folder, aus, work = source(a=(1, 0), b=(1, 0))
    _, report = prepare(folder, aus, work)
    assert not any("no column" in warning for warning in report.warnings)
    aus.write_text(aus.read_text().replace(column, "other"))
    _, report = prepare(folder, aus, work)
    assert any(f"no column '{column}'" in w for w in report.warnings)


def test_the_report_is_readable_and_complete(source, tmp_path):
    folder, aus, work = source(a=(1, 0), b=(0, 0), c=(2, 0))
    _, report = prepare(folder, aus, work)
    report.write(tmp_path)
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["dropped"] == [{"file": "b.png", "reason": "no face found"}]
    assert values["kept"] == 2
    text = (tmp_path / "report.txt").read_text()
    assert "3 photos, 3 rows in the table: 2 faces kept, 1 dropped" in text
    assert "1 × no face found" in text
    assert "c.png" in text and "b.png" in text


def test_reasons_are_counted_without_their_details(source):
    _, report = prepare(*source(a=(1, 0)))
    report.drop("x.jpg", "cut off or damaged (3 bytes)")
    report.drop("y.jpg", "cut off or damaged (4 bytes)")
    assert report.reasons() == {"cut off or damaged": 2}


def test_folders_that_cannot_be_used(source, tmp_path):
    folder, aus, work = source(a=(1, 0))
    with pytest.raises(UserError, match="no folder .*--source_dir"):
        prepare(tmp_path / "none", aus, work)
    with pytest.raises(UserError, match="has no photos"):
        prepare(work, aus, work)


def test_a_table_of_other_photos(source):
    folder, aus, work = source(a=(1, 0))
    aus.write_text(aus.read_text().replace("a.png", "x.png"))
    with pytest.raises(UserError, match="'x.png'.*'a.png'"):
        prepare(folder, aus, work)


def test_nothing_kept_says_why(source):
    with pytest.raises(UserError, match="2 × no face found"):
        prepare(*source(a=(0, 0), b=(0, 0)))


def test_rendered_photos_are_all_kept(rendered, detector, tmp_path):
    kept, report = prepare_faces(
        rendered / "photos",
        read_table(rendered / "aus.csv"),
        128,
        tmp_path,
        detector=detector,
    )
    with open(rendered / "aus.csv") as file:
        assert len(kept) == len(list(csv.DictReader(file))) == 24
    assert not report.dropped
