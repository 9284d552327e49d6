"""RaFD, from the folder as it is handed out to prepared faces.

The copy is small: rendered faces under official names, and what goes wrong in
people's folders.
"""

import csv
import dataclasses
import json
import os
from pathlib import PurePosixPath

import cv2
import numpy as np
import pytest
from PIL import Image

from efgan_tf import action_units, data, geometry
from efgan_tf.config import DataConfig
from efgan_tf.data.photo_names import NameLabel
from efgan_tf.data.tables import read_table

TWO_FACES = "Rafd090_73_Moroccan_male_happy_frontal.jpg"
"""A larger face stands beside the one whom this photo is of."""

MODELS = {
    "s00000": "01_Caucasian_female",
    "s00001": "41_Kid_female",
    "s00002": "73_Moroccan_male",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A rendered face: `[192, 192, 3]`, units `[17]`, landmarks `[5, 2]`."""

    image: np.ndarray
    units: np.ndarray
    landmarks: np.ndarray
    subject: str
    expression: str


@pytest.fixture
def people(rendered):
    """Three people, eight expressions each."""
    with open(rendered / "landmarks.csv", newline="") as file:
        points = {row[0]: row[1:] for row in csv.reader(file)}
    return [
        Face(
            np.asarray(Image.open(rendered / "photos" / row.file)),
            row.action_units,
            np.array(points[row.file], np.float32).reshape(5, 2),
            row.subject,
            row.expression,
        )
        for row in read_table(rendered / "aus.csv").rows.values()
    ]


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, quality=92)


def write_rafd(folder, people):
    """RaFD of three models from the front, and what goes wrong in folders.

    Returns:
      Whom each picture that can be read is of, None for a bare wall; labels of
      the usable photos; the beginning of the reason why each other one is not.
    """
    faces, labels, reasons = {}, {}, {}
    for face in people:
        person = MODELS[face.subject]
        rest = f"{person}_{face.expression}_frontal.jpg"
        file = f"Rafd090_{rest}"
        faces[file] = face
        labels[file] = NameLabel(person[:2], face.expression, "090-frontal")
        if face.expression == "neutral":
            faces[f"Rafd180_{rest}"] = face  # not asked for
    for name, reason in (
        (f"z/{file}", "the same as another photo"),
        (file.replace("_73_", "_17_"), "RaFD has no such model"),
        ("holiday.jpg", "not named as RaFD"),
    ):
        faces[name], reasons[name] = face, reason
    for name, shown in faces.items():
        save(folder / name, shown.image)
    two = np.full((288, 480, 3), 120, np.uint8)
    two[:192, :192] = faces[TWO_FACES].image
    two[:, 192:] = Image.fromarray(people[0].image).resize((288, 288))
    save(folder / TWO_FACES, two)
    # No tool can measure these: one cut off, an empty one, and a bare wall.
    cut, empty, wall = (
        f"Rafd090_28_Caucasian_male_{name}_frontal.jpg"
        for name in ("sad", "angry", "fearful")
    )
    save(folder / cut, face.image)
    os.truncate(folder / cut, 2000)
    (folder / empty).touch()
    save(folder / wall, np.full_like(face.image, 150))
    faces[wall] = None
    reasons |= dict.fromkeys((cut, empty), "has no row in the table")
    reasons[wall] = "its table has a header but no rows"
    return faces, labels, reasons


def write_face_landmark_img(folder, faces):
    """OpenFace's table of each picture; without a face it has a header only."""
    points = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    units = [f"{name}_r" for name in action_units.NAMES]
    folder.mkdir()
    for file, face in faces.items():
        lines = [["face", "confidence", *points, *units]]
        if face:
            # The usual 68 points, all of them on the five landmarks.
            places = np.resize(face.landmarks, (68, 2)).T.ravel()
            lines.append([0, 0.98, *places, *face.units.round(2)])
        text = "".join(", ".join(map(str, line)) + "\r\n" for line in lines)
        path = folder / f"{PurePosixPath(file).stem}.csv"
        path.write_text(text, newline="")
    return folder


def test_rafd_with_a_table_for_each_photo(people, shared_detector, tmp_path):
    faces, labels, reasons = write_rafd(tmp_path / "RaFD", people)
    table = write_face_landmark_img(tmp_path / "aus", faces)
    config = DataConfig(
        dataset="rafd", source_dir=str(tmp_path / "RaFD"), aus=str(table),
        data_dir=str(tmp_path / "data"), beam_runner="none", held_out=0.3,
    )  # fmt: skip
    train, test = (data.load_faces(config, 64, s) for s in ("train", "test"))
    assert not set(train.subjects) & set(test.subjects)
    # Exactly the usable photos are there, and know what they show.
    pictures = {}
    for part in (train, test):
        for index, file in enumerate(part.filenames.tolist()):
            label = labels[file]
            assert part.subjects[index] == label.subject
            assert part.expressions[index] == label.expression
            assert part.views[index] == label.view
            units = part.action_units[index]
            np.testing.assert_allclose(units, faces[file].units, atol=0.006)
            pictures[file] = part.encoded[index]
    assert pictures.keys() == labels.keys()
    # All others are accounted for.
    folder = data.prepare(config, 64).folder
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert report["kept"] == len(labels)
    assert report["photos"] == len(faces) + 2  # that cannot be read
    assert report["passed_over"] == {"angle 180": 3}
    dropped = {each["file"]: each["reason"] for each in report["dropped"]}
    assert dropped.keys() == reasons.keys()
    for file, reason in dropped.items():
        assert reason.startswith(reasons[file]), file
    assert report["table"] == "OpenFace FaceLandmarkImg intensities"
    assert any("of 8,040 photos" in line for line in report["counts"])
    # The landmarks lead to the smaller of two faces, whom the photo is of.
    assert report["several_faces"] == [TWO_FACES]
    encoded = np.frombuffer(pictures[TWO_FACES], np.uint8)
    found = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    own, other = (
        np.abs(found - geometry.align(f.image, f.landmarks, 64)).mean()
        for f in (faces[TWO_FACES], people[0])
    )
    assert own < other / 2
