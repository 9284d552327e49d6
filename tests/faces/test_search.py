"""Small and turned faces are found; doubtful ones are marked as such."""

import dataclasses

import cv2
import numpy as np
import pytest
from PIL import Image

from efgan_tf.data.aligning import FolderPhotos, align_job
from efgan_tf.data.tables import Row
from efgan_tf.faces import search
from efgan_tf.faces.photos import read_photo
from efgan_tf.faces.search import find_faces


@pytest.fixture(scope="module")
def portraits(rendered):
    """One photo of each of three people, 192 pixels a side."""
    paths = sorted((rendered / "photos").iterdir())[::8]
    return [read_photo(path) for path in paths]


def test_a_group_photo_is_looked_at_from_nearer(detector, portraits):
    photo = np.full((1200, 4000, 3), 120, np.uint8)
    small = cv2.resize(portraits[0], (96, 96), interpolation=cv2.INTER_AREA)
    places = [(x, y) for y in (100, 435, 900) for x in (60, 980, 2000, 3850)]
    for left, top in places:
        photo[top : top + 96, left : left + 96] = small
    # Faces of 30 pixels, which are 5 where faces are detected first.
    assert not detector.detect([photo])[0]
    (faces,) = find_faces(detector, [photo])
    assert len(faces) == len(places)
    middles = [face.box[0] + face.box[2] / 2 for face in faces]
    assert middles == sorted(middles)
    # Where faces lie in two tiles or more, they are found once.
    alone = find_faces(detector, portraits[:1])[0][0].landmarks / 2
    assert farthest(faces, [alone + place for place in places]) < 6


def test_photos_without_a_face(detector):
    blank = np.full((1, 1, 3), 128, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (700, 90, 3), np.uint8)
    assert find_faces(detector, [blank, noise]) == [[], []]
    assert find_faces(detector, []) == []


def turned(points, times, side):
    """Where points lie once a square photo is turned by `np.rot90`."""
    for _ in range(times):
        points = np.stack([points[:, 1], side - points[:, 0]], axis=1)
    return points


def farthest(faces, expected):
    """The largest distance of expected landmarks to the nearest found ones."""
    return max(
        min(np.abs(face.landmarks - points).max() for face in faces)
        for points in expected
    )


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_all_of_a_turned_group(times, detector, portraits):
    row = np.concatenate(portraits, axis=1)
    photo = np.pad(row, ((192, 192), (0, 0), (0, 0)), constant_values=90)
    photo = np.ascontiguousarray(np.rot90(photo, times))
    expected = [
        turned(found[0].landmarks + (192 * place, 192), times, 576)
        for place, found in enumerate(detector.detect(portraits))
    ]
    (faces,) = search.find_upright(detector, [photo])
    assert len(faces) == 3
    # Eyes are 45 pixels apart; a wrong find is off by 14 and more.
    assert farthest(faces, expected) < 6
    assert not any(face.doubt for face in faces)


def test_ambiguous_faces_are_doubted_and_not_learned_from(
    detector, portraits, tmp_path
):
    # As much of a face upside down as upright.
    both = [(p.astype(np.uint16) + p[::-1, ::-1]) // 2 for p in portraits]
    photos = {f"{k}.png": p.astype(np.uint8) for k, p in enumerate(both)}
    photos["good.png"] = portraits[0]
    found = search.find_upright(detector, list(photos.values()))
    found = dict(zip(photos, found, strict=True))
    doubted = [name for name in photos if name != "good.png" and found[name]]
    assert doubted and not found["good.png"][0].doubt
    for name, photo in photos.items():
        Image.fromarray(photo).save(tmp_path / name)
    rows = [Row(name, np.zeros(17, np.float32), name) for name in photos]
    outcomes = {
        outcome.row.file: outcome
        for outcome in align_job(rows, FolderPhotos(tmp_path), 64, detector)
    }
    assert outcomes["good.png"].png is not None
    for name in doubted:
        assert all(face.doubt for face in found[name])
        assert outcomes[name].png is None
        assert outcomes[name].reason.startswith(search.AMBIGUOUS)


@pytest.mark.parametrize("lead, turns", [(0.006, 0), (0.02, 2)])
def test_a_photo_is_turned_only_for_a_clear_lead(
    lead, turns, detector, portraits
):
    ((face,),) = detector.detect(portraits[:1])
    points = turned(face.landmarks, 2, len(portraits[0]))
    upside_down = dataclasses.replace(face, landmarks=points)
    views = [
        search._TurnedFace(0, face, 0.965),
        search._TurnedFace(2, upside_down, 0.965 + lead),
    ]
    (found,) = search._in_best_turn([face], views)
    assert found is views[turns // 2].face
    best = search._best_view(detector, portraits[0], [face], face, views)
    np.testing.assert_array_equal(best.landmarks, found.landmarks)
    assert bool(best.doubt) == (turns == 0)  # the other scores better


def test_a_sure_face_costs_no_further_look(detector, portraits, monkeypatch):
    (faces,) = detector.detect(portraits[:1])
    sure = [type(face)(face.box, face.landmarks, 1.0) for face in faces]
    looks = []
    monkeypatch.setattr(detector, "detect", looks.append)
    assert search.resolve_rotation(detector, portraits[0], sure) == sure
    assert not looks
