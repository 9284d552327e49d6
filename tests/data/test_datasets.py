"""RaFD and CFEE, from the folder as it is handed out to prepared faces.

The copies are small: rendered faces under official names, and what goes wrong
in people's folders. Tables in OpenFace's dialects hold the units rendered.
"""

import csv
import dataclasses
import io
import json
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
from PIL import Image

from efgan_tf import action_units, data, geometry
from efgan_tf.config import DataConfig
from efgan_tf.data import cfee
from efgan_tf.data.photo_names import NameLabel
from efgan_tf.data.tables import read_table

TWO_FACES = "Rafd090_73_Moroccan_male_happy_frontal.jpg"
"""A larger face stands beside the one whom this photo is of."""

MODELS = {
    "s00000": "01_Caucasian_female",
    "s00001": "41_Kid_female",
    "s00002": "73_Moroccan_male",
}
POINTS = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
UNITS = [f"{name}_r" for name in action_units.NAMES]
UNMEASURED = (
    "has no row in the table",
    "its table has a header but no rows",
    "no face found by OpenFace (success = 0)",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A rendered face: `[192, 192, 3]`, units `[17]`, landmarks `[5, 2]`."""

    image: np.ndarray
    units: np.ndarray
    landmarks: np.ndarray
    subject: str
    expression: str


@dataclasses.dataclass(eq=False)
class Copy:
    """A folder of photos and what is true of it.

    Attributes:
      folder: where it is.
      labels: of the photos that are chosen by default.
      unknown_names: pictures that are none of the set's photos, with the
        beginning of the reason.
      broken: chosen photos of which no face can be had.
      faces: of every picture that can be read, whom it is of; None for a bare
        wall.
    """

    folder: Path
    labels: dict[str, NameLabel] = dataclasses.field(default_factory=dict)
    unknown_names: dict[str, str] = dataclasses.field(default_factory=dict)
    broken: set[str] = dataclasses.field(default_factory=set)
    faces: dict[str, Face | None] = dataclasses.field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """Whatever looks like a photo by its name, sorted."""
        return sorted(self.faces.keys() | self.broken)

    def add(self, file: str, face: Face, image: np.ndarray | None = None):
        self._write(file, jpeg(face.image if image is None else image))
        self.faces[file] = face

    def add_broken(self, labels: dict[str, NameLabel], face: Face):
        """A photo that is cut off, an empty one, and a bare wall."""
        cut, empty, wall = labels
        self._write(cut, jpeg(face.image)[:2000])
        self._write(empty, b"")
        self._write(wall, jpeg(np.full_like(face.image, 150)))
        self.faces[wall] = None
        self.labels |= labels
        self.broken |= labels.keys()

    def add_unknown_names(self, reasons: dict[str, str], face: Face):
        """A picture under names that are none of the set's."""
        for file in reasons:
            self.add(file, face)
        self.unknown_names |= reasons

    def _write(self, file: str, content: bytes):
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def jpeg(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


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


def make_rafd(folder, people):
    """RaFD of three models from the front, and one whose photos are broken."""
    copy = Copy(folder)
    for face in people:
        rest = f"{MODELS[face.subject]}_{face.expression}_frontal.jpg"
        file, image = f"Rafd090_{rest}", None
        if file == TWO_FACES:
            other = Image.fromarray(people[0].image).resize((288, 288))
            image = np.full((288, 480, 3), 120, np.uint8)
            image[:192, :192], image[:, 192:] = face.image, other
        copy.add(file, face, image)
        model = MODELS[face.subject][:2]
        copy.labels[file] = NameLabel(model, face.expression, "090-frontal")
        if face.expression == "neutral":
            copy.add(f"Rafd180_{rest}", face)
    broken = {
        f"Rafd090_28_Caucasian_male_{name}_frontal.jpg":
            NameLabel("28", name, "090-frontal")
        for name in ("sad", "angry", "fearful")
    }  # fmt: skip
    copy.add_broken(broken, face)
    copy.add_unknown_names(
        {
            f"z/{file}": "the same as another photo",
            file.replace("_73_", "_17_"): "RaFD has no such model",
            "holiday.jpg": "not named as RaFD",
        },
        face,
    )
    return copy


def make_cfee(folder, people):
    """CFEE of three subjects, every second photo with its suffix in capitals,
    and one whose photos are broken."""
    copy = Copy(folder)
    codes = {name: code for code, name in sorted(cfee.EMOTIONS.items())[::-1]}

    def label(expression, subject):
        alias = f"{codes[expression]:02}_{subject}"
        return NameLabel(subject, expression, "frontal", alias)

    for number, face in enumerate(people):
        if face.expression in codes:  # CFEE has no contempt
            subject = str(110 + int(face.subject[1:]))
            code, suffix = codes[face.expression], ("jpg", "JPG")[number % 2]
            file = f"01-04/Images1/{code:02}_{subject}_{1000 + number}.{suffix}"
            copy.add(file, face)
            copy.labels[file] = label(face.expression, subject)
    broken = {
        f"21-26/Images6/{codes[name]:02}_222_9.jpg": label(name, "222")
        for name in ("happy", "sad", "angry")
    }
    copy.add_broken(broken, face)
    names = ("21-26/Images6/04_19.jpg", "holiday.jpg")
    copy.add_unknown_names(dict.fromkeys(names, "not named as CFEE"), face)
    return copy


def write_table(path, header, rows):
    path.parent.mkdir(exist_ok=True)
    lines = [", ".join(map(str, line)) for line in (header, *rows)]
    path.write_text("\r\n".join([*lines, ""]), newline="")


def write_face_landmark_img(folder, copy):
    """A CSV file for each picture; without a face it has a header only."""
    header = ["face", "confidence", *POINTS, *UNITS]
    for file, face in copy.faces.items():
        rows = []
        if face:
            # The usual 68 points, all of them on the five landmarks.
            points = np.resize(face.landmarks, (68, 2)).T.ravel()
            rows.append([0, 0.98, *points, *face.units.round(2)])
        write_table(folder / f"{PurePosixPath(file).stem}.csv", header, rows)
    return folder


def write_feature_extraction(path, copy):
    """One CSV file: frame n is the nth picture, all 0 if there is no face."""
    rows = []
    for frame, file in enumerate(copy.files, 1):
        face = copy.faces.get(file)
        units = face.units.round(2) if face else [0] * action_units.COUNT
        rows.append([frame, int(bool(face)), *units])
    write_table(path, ["frame", "success", *UNITS], rows)
    return path


@pytest.fixture
def prepare(tmp_path, shared_detector):
    """Prepares a copy with a table; returns splits by name and the report."""

    def run(dataset, copy, table):
        config = DataConfig(
            dataset=dataset, source_dir=str(copy.folder), aus=str(table),
            data_dir=str(tmp_path / "data"), beam_runner="none", held_out=0.3,
        )  # fmt: skip
        faces = {
            split: data.load_faces(config, 64, split)
            for split in ("train", "test")
        }
        folder = data.prepare(config, 64).folder
        return faces, json.loads((folder / "report.json").read_text("utf-8"))

    return run


def check(faces, report, copy):
    """Exactly the usable photos are there, and know what they show; all others
    are accounted for."""
    kept = []
    for part in faces.values():
        for index, file in enumerate(part.filenames.tolist()):
            kept.append(file)
            label = copy.labels[file]
            found = part.subjects[index], part.expressions[index]
            assert found == (label.subject, label.expression)
            assert part.views[index] == label.view
            units = part.action_units[index]
            np.testing.assert_allclose(units, copy.faces[file].units, atol=0.01)
    assert sorted(kept) == sorted(copy.labels.keys() - copy.broken)
    assert report["kept"] == len(kept)
    assert report["photos"] == len(copy.files)
    assert not set(faces["train"].subjects) & set(faces["test"].subjects)
    dropped = {d["file"]: d["reason"] for d in report["dropped"]}
    assert dropped.keys() == copy.unknown_names.keys() | copy.broken
    for file, reason in dropped.items():
        # No tool can measure a broken photo, so the reason is its missing row.
        assert reason.startswith(copy.unknown_names.get(file, UNMEASURED)), file


def test_rafd_with_a_table_for_each_photo(people, prepare, tmp_path):
    copy = make_rafd(tmp_path / "RaFD", people)
    table = write_face_landmark_img(tmp_path / "aus", copy)
    faces, report = prepare("rafd", copy, table)
    check(faces, report, copy)
    assert report["passed_over"] == {"angle 180": 3}
    assert report["table"] == "OpenFace FaceLandmarkImg intensities"
    assert any("of 8,040 photos" in line for line in report["counts"])
    # The landmarks lead to the smaller of two faces, whom the photo is of.
    assert report["several_faces"] == [TWO_FACES]
    ((part, index),) = [
        (part, index)
        for part in faces.values()
        for index in np.flatnonzero(part.filenames == TWO_FACES)
    ]
    picture = np.frombuffer(part.encoded[index], np.uint8)
    found = cv2.imdecode(picture, cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    own, other = (
        np.abs(found - geometry.align(f.image, f.landmarks, 64)).mean()
        for f in (copy.faces[TWO_FACES], people[0])
    )
    assert own < other / 2


def test_cfee_with_one_table(people, prepare, tmp_path):
    copy = make_cfee(tmp_path / "CFEE", people)
    table = write_feature_extraction(tmp_path / "aus.csv", copy)
    faces, report = prepare("cfee", copy, table)
    check(faces, report, copy)
    assert report["passed_over"] == {}
    assert any("230" in line for line in report["counts"])
