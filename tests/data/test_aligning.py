"""Aligning: every row comes out as a face or with the reason why not."""

import io

import numpy as np
import pytest
from PIL import Image

from efgan_tf import geometry
from efgan_tf.data.aligning import FolderPhotos, align_job, jobs
from efgan_tf.data.tables import Row
from efgan_tf.faces.detection import Face


def landmarks(size, shift=0):
    points = np.array([[36, 38], [64, 38], [50, 54], [38, 70], [62, 70]])
    return points + shift + size


class FakeDetector:
    """Finds as many faces as a photo's first pixel says, big ones last.

    It must be gray, as it is not where the photo is turned. The second pixel
    shifts the landmarks. Faces lie side by side, the box of the first from 0 to
    1, of the second from 10 to 12, and so on.
    """

    def detect(self, photos):
        return [
            [
                self._face(size, int(photo[0, 1, 0]))
                for size in range(1, 1 + photo[0, 0, 0])
                if np.ptp(photo[0, 0]) == 0
            ]
            for photo in photos
        ]

    @staticmethod
    def _face(size, shift):
        box = np.array([10 * (size - 1), 0, size, size])
        return Face(box, landmarks(size, shift), 1.0)


def row(file, view="v", face_at=None):
    units = np.zeros(17, np.float32)
    return Row(file, units, "s", view=view, face_at=face_at)


@pytest.fixture
def write(tmp_path):
    """Writes a photo with the given number of faces."""

    def make(file, faces, shift=0):
        image = np.random.default_rng(0).integers(
            0, 256, (100, 100, 3), np.uint8
        )
        image[0, 0], image[0, 1] = faces, shift
        Image.fromarray(image).save(tmp_path / file)

    return make


def align(folder, rows, fixed_pose=False):
    source = FolderPhotos(folder, fixed_pose)
    outcomes = list(align_job(rows, source, 64, FakeDetector()))
    assert {out.row.file for out in outcomes} == {row.file for row in rows}
    assert len(outcomes) == len(rows)
    return {out.row.file: out for out in outcomes}


def assert_aligned(folder, outcome, points):
    """The picture is the photo, warped by these landmarks."""
    photo = np.array(Image.open(folder / outcome.row.file))
    expected = geometry.warp(photo, geometry.alignment(points, 64), 64)
    found = np.array(Image.open(io.BytesIO(outcome.png)))
    np.testing.assert_array_equal(found, expected)


def test_a_photo_becomes_an_aligned_face(write, tmp_path):
    write("a.png", faces=1, shift=3)
    outcome = align(tmp_path, [row("a.png")])["a.png"]
    assert (outcome.reason, outcome.faces) == ("", 1)
    assert_aligned(tmp_path, outcome, landmarks(1, 3))


def test_photos_that_cannot_be_used_have_a_reason(write, tmp_path):
    write("none.png", faces=0)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (tmp_path / "empty.png").touch()
    files = ["none.png", "broken.jpg", "empty.png", "missing.png"]
    outcomes = align(tmp_path, [row(file) for file in files])
    assert all(outcome.png is None for outcome in outcomes.values())
    reasons = [outcomes[file].reason for file in files]
    assert reasons[0] == "no face found"
    assert reasons[1].startswith(("cut off or damaged", "not a picture"))
    assert reasons[2:] == ["is an empty file", "no such file"]


def test_of_several_faces_the_largest_or_the_named_one_counts(write, tmp_path):
    write("a.png", faces=3, shift=1)
    found = align(tmp_path, [row("a.png")])["a.png"]
    assert found.faces == 3
    assert_aligned(tmp_path, found, landmarks(3, 1))
    named = align(tmp_path, [row("a.png", face_at=(0.5, 0.5))])["a.png"]
    assert_aligned(tmp_path, named, landmarks(1, 1))
    lost = align(tmp_path, [row("a.png", face_at=(5, 0.5))])["a.png"]
    assert lost.png is None
    assert lost.reason == "no face found where the table has one"


def test_a_fixed_pose_shares_one_transform(write, tmp_path):
    """In a view the median's; without a view each has its own."""
    views = {"a": "v", "b": "v", "c": "v", "d": "w", "e": "", "f": ""}
    shifts = {"a": 0, "b": 1, "c": 9, "d": 5, "e": 7, "f": 8}
    for file, shift in shifts.items():
        write(f"{file}.png", faces=1, shift=shift)
    rows = [row(f"{file}.png", view) for file, view in views.items()]
    outcomes = align(tmp_path, rows, fixed_pose=True).values()
    used = shifts | {"a": 1, "c": 1}
    for outcome, shift in zip(outcomes, used.values(), strict=True):
        assert_aligned(tmp_path, outcome, landmarks(1, shift))


def test_the_same_pixels_have_the_same_digest(write, tmp_path):
    write("a.png", faces=1)
    write("b.bmp", faces=1)
    write("c.png", faces=1, shift=1)
    found = align(tmp_path, [row(f) for f in ("a.png", "b.bmp", "c.png")])
    digests = [outcome.digest for outcome in found.values()]
    assert len(set(digests)) == 2
    assert found["a.png"].digest == found["b.bmp"].digest != ""
    assert found["a.png"].record("train").digest == found["a.png"].digest


def test_jobs_keep_every_row_once_and_fixed_poses_together():
    rows = [row(f"{n:03}.png", view=str(n // 50)) for n in range(200)]
    for fixed in (False, True):
        cut = jobs(rows, fixed)
        assert [r for job in cut for r in job] == rows
    assert [len(job) for job in jobs(rows, False)] == [64, 64, 64, 8]
    assert [len(job) for job in jobs(rows, True)] == [100, 100]
    assert jobs([], True) == []
