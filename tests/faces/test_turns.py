"""Faces are found whichever side of a photo is up, or are doubted."""

import numpy as np
import pytest

from efgan_tf.data.aligning import align_job
from efgan_tf.data.tables import Row
from efgan_tf.faces import search
from efgan_tf.faces.photos import read_photo


@pytest.fixture(scope="module")
def portraits(rendered):
    """One photo of each of three people, 192 pixels a side."""
    paths = sorted((rendered / "photos").iterdir())[::8]
    return [read_photo(path) for path in paths]


@pytest.fixture(scope="module")
def landmarks(detector, portraits):
    return [faces[0].landmarks for faces in detector.detect(portraits)]


def turned(points, times, side=192):
    """Where points lie once a square photo is turned by `np.rot90`."""
    for _ in range(times):
        points = np.stack([points[:, 1], side - points[:, 0]], axis=1)
    return points


def found_at(faces, expected):
    """The largest distance of each expected face's landmarks to a found one."""
    return [
        min(np.abs(face.landmarks - points).max() for face in faces)
        for points in expected
    ]


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_all_of_a_turned_group(times, detector, portraits, landmarks):
    row = np.concatenate(portraits, axis=1)
    photo = np.pad(row, ((192, 192), (0, 0), (0, 0)), constant_values=90)
    photo = np.ascontiguousarray(np.rot90(photo, times))
    expected = [
        turned(points + (192 * place, 192), times, 576)
        for place, points in enumerate(landmarks)
    ]
    (faces,) = search.find_upright(detector, [photo])
    assert len(faces) == 3
    # Eyes are 45 pixels apart; a wrong find is off by 14 and more.
    assert max(found_at(faces, expected)) < 6
    assert not any(face.doubt for face in faces)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_group_with_one_turned_face(times, detector, portraits, landmarks):
    upright, lying, _ = portraits
    photo = np.concatenate([upright, np.rot90(lying, times)], axis=1)
    (faces,) = search.find_upright(detector, [photo])
    sure = [face for face in faces if not face.doubt]
    assert found_at(sure, [landmarks[0]])[0] < 6
    second = turned(landmarks[1], times) + (192, 0)
    near = [face for face in sure if face.box[0] > 150]
    # What the detector does not see at all beside a sure face is not looked
    # for; what it does see is right.
    assert all(np.abs(face.landmarks - second).max() < 6 for face in near)


def two_ways_up(portrait):
    """A picture that shows as much of a face upside down as upright."""
    both = portrait.astype(np.uint16) + portrait[::-1, ::-1]
    return (both // 2).astype(np.uint8)


class Source:
    fixed_pose = False

    def __init__(self, photos):
        self.photos = photos

    def read(self, row):
        return self.photos[row.file]

    def flaws(self, row):
        return ()


def test_ambiguous_faces_are_doubted_and_not_learned_from(detector, portraits):
    photos = {str(k): two_ways_up(each) for k, each in enumerate(portraits)}
    photos["good"] = portraits[0]
    found = search.find_upright(detector, list(photos.values()))
    assert all(face.doubt for faces in found[:-1] for face in faces)
    assert not found[-1][0].doubt
    doubted = {name for name, faces in zip(photos, found, strict=True)
               if faces and faces[0].doubt}  # fmt: skip
    assert doubted
    rows = [Row(name, np.zeros(17, np.float32), name) for name in photos]
    outcomes = {
        out.row.file: out
        for out in align_job(rows, Source(photos), 64, detector)
    }
    assert outcomes["good"].png is not None
    for name in doubted:
        assert outcomes[name].png is None
        assert outcomes[name].reason.startswith(search.AMBIGUOUS)


def test_a_sure_face_costs_no_further_look(detector, portraits, monkeypatch):
    (faces,) = detector.detect(portraits[:1])
    sure = [type(face)(face.box, face.landmarks, 1.0) for face in faces]
    looks = []
    monkeypatch.setattr(detector, "detect", looks.append)
    assert search.resolve(detector, portraits[0], sure) == sure
    assert not looks
