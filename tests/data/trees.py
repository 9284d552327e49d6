"""Small copies of RaFD and CFEE: rendered faces under official names.

There are regular photos, and what goes wrong in people's folders. Tables in
OpenFace's dialects hold the very units that were rendered.
"""

import csv
import dataclasses
import io
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from efgan_tf import action_units
from efgan_tf.data import cfee
from efgan_tf.data.photo_names import NameLabel
from efgan_tf.data.tables import read_table

TWO_FACES = "Rafd090_73_Moroccan_male_happy_frontal.jpg"
"""A larger face stands beside the one whom this photo is of."""

_MODELS = {
    "s00000": (1, "Caucasian_female"),
    "s00001": (41, "Kid_female"),
    "s00002": (73, "Moroccan_male"),
}
_POINT_COLUMNS = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
_OPENFACE_UNITS = [f"{name}_r" for name in action_units.NAMES] + sorted(
    f"{name}_c" for name in (*action_units.NAMES, "AU28")
)


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A rendered face.

    Attributes:
      image: uint8 `[192, 192, 3]`, the photo.
      action_units: float32 `[17]`, 0–5, two decimals.
      landmarks: float32 `[5, 2]`, pixels, in MTCNN's order.
      subject: whose it is.
      expression: a preset's name.
    """

    image: np.ndarray
    action_units: np.ndarray
    landmarks: np.ndarray
    subject: str
    expression: str


@dataclasses.dataclass(eq=False)
class Tree:
    """A folder of photos and what is true of it.

    Attributes:
      folder: where it is.
      labels: of the photos that are chosen by default.
      passed_over: how many photos of the set are not, by reason.
      unknown_names: pictures that are none of the set's photos, with the
        beginning of the reason.
      broken: chosen photos of which no face can be had.
      faces: of every picture that can be read, whom it is of; None for a bare
        wall.
    """

    folder: Path
    labels: dict[str, NameLabel] = dataclasses.field(default_factory=dict)
    passed_over: dict[str, int] = dataclasses.field(default_factory=dict)
    unknown_names: dict[str, str] = dataclasses.field(default_factory=dict)
    broken: set[str] = dataclasses.field(default_factory=set)
    faces: dict[str, Face | None] = dataclasses.field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """Whatever looks like a photo by its name, sorted."""
        return sorted(self.faces.keys() | self.broken)

    @property
    def usable(self) -> list[str]:
        """The chosen photos of which a face can be had, sorted."""
        return sorted(self.labels.keys() - self.broken)

    def add(self, file: str, face: Face, image: np.ndarray | None = None):
        self._write(file, _jpeg(face.image if image is None else image))
        self.faces[file] = face

    def add_broken(self, files: Sequence[str], face: Face):
        """A photo that is cut off, an empty one, and a bare wall."""
        cut, empty, wall = files
        self._write(cut, _jpeg(face.image)[:2000])
        self._write(empty, b"")
        self._write(wall, _jpeg(np.full_like(face.image, 150)))
        self.faces[wall] = None
        self.broken |= set(files)

    def add_unknown_names(self, reasons: dict[str, str], face: Face):
        """A picture under names that are none of the set's."""
        for file in reasons:
            self.add(file, face)
        self.unknown_names |= reasons

    def _write(self, file: str, content: bytes):
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_faces(rendered: Path) -> list[Face]:
    """The faces of the fixture `rendered`: three people, eight expressions."""
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


def make_rafd(folder: Path, faces: Sequence[Face]) -> Tree:
    """RaFD of three models from the front, and one whose photos are broken."""
    tree = Tree(folder)

    def add(face, angle, image=None):
        model, person = _MODELS[face.subject]
        name = f"Rafd{angle}_{model:02}_{person}_{face.expression}_frontal.jpg"
        tree.add(name, face, image)
        return name, NameLabel(
            f"{model:02}", face.expression, f"{angle}-frontal"
        )

    for face in faces:
        image = None
        if (face.subject, face.expression) == ("s00002", "happy"):
            other = Image.fromarray(faces[0].image).resize((288, 288))
            image = np.full((288, 480, 3), 120, np.uint8)
            image[:192, :192], image[:, 192:] = face.image, other
        file, label = add(face, "090", image)
        tree.labels[file] = label
        if face.expression == "neutral":
            add(face, "180")
    assert TWO_FACES in tree.labels
    tree.passed_over["angle 180"] = len(_MODELS)
    broken = {
        f"Rafd090_28_Caucasian_male_{name}_frontal.jpg":
            NameLabel("28", name, "090-frontal")
        for name in ("sad", "angry", "fearful")
    }  # fmt: skip
    tree.labels |= broken
    tree.add_broken(list(broken), face)
    tree.add_unknown_names(
        {
            f"z/{file}": "the same as another photo",
            file.replace("_73_", "_17_"): "RaFD has no such model",
            "holiday.jpg": "not named as RaFD",
        },
        face,
    )
    return tree


def make_cfee(folder: Path, faces: Sequence[Face]) -> Tree:
    """CFEE of three subjects, every second photo with its suffix in capitals,
    and one whose photos are broken."""
    tree = Tree(folder)
    codes = {name: code for code, name in sorted(cfee.EMOTIONS.items())[::-1]}

    def label(expression, subject):
        alias = f"{codes[expression]:02}_{subject}"
        return NameLabel(subject, expression, "frontal", alias)

    for number, face in enumerate(faces):
        if face.expression in codes:  # CFEE has no contempt
            subject = str(110 + int(face.subject[1:]))
            code, suffix = codes[face.expression], ("jpg", "JPG")[number % 2]
            file = f"01-04/Images1/{code:02}_{subject}_{1000 + number}.{suffix}"
            tree.add(file, face)
            tree.labels[file] = label(face.expression, subject)
    broken = {
        f"21-26/Images6/{codes[name]:02}_222_9.jpg": label(name, "222")
        for name in ("happy", "sad", "angry")
    }
    tree.labels |= broken
    tree.add_broken(list(broken), face)
    names = ("21-26/Images6/04_19.jpg", "holiday.jpg")
    tree.add_unknown_names(dict.fromkeys(names, "not named as CFEE"), face)
    return tree


def write_openface_folder(folder: Path, tree: Tree) -> Path:
    """What OpenFace's FaceLandmarkImg writes: a CSV file for each picture.

    A picture without a face has a header only.
    """
    header = ["face", "confidence", *_POINT_COLUMNS, *_OPENFACE_UNITS]
    folder.mkdir(parents=True, exist_ok=True)
    for file, face in tree.faces.items():
        rows = [
            {"face": 0, "confidence": 0.98, **_points(each), **_units(each)}
            for each in ([face] if face else [])
        ]
        _save(folder / f"{PurePosixPath(file).stem}.csv", header, rows)
    return folder


def write_feature_extraction(path: Path, tree: Tree) -> Path:
    """What OpenFace's FeatureExtraction writes of a folder: one CSV file.

    Frame n is the nth of `tree.files`, counted from 1. Where no face was found
    `success` is 0, and so are the units. The columns come in another order.
    """
    header = ["frame", "face_id", "timestamp", "confidence", "success"]
    rows = []
    for frame, file in enumerate(tree.files, 1):
        face = tree.faces.get(file)
        row = {"frame": frame, "face_id": 0, "timestamp": (frame - 1) / 30}
        row |= {"confidence": 0.98 if face else 0, "success": int(bool(face))}
        rows.append(row | _units(face))
    header = sorted([*header, *_OPENFACE_UNITS], key=lambda name: name[::-1])
    return _save(path, header, rows)


def _save(path: Path, header: Sequence[str], rows: Iterable[dict]) -> Path:
    lines = [header, *([row[name] for name in header] for row in rows)]
    text = "".join(", ".join(map(str, line)) + "\r\n" for line in lines)
    path.write_text(text, "utf-8", newline="")
    return path


def _units(face: Face | None) -> dict[str, float]:
    values = {"AU28_c": 0}
    found = face.action_units.tolist() if face else [0] * action_units.COUNT
    for name, value in zip(action_units.NAMES, found, strict=True):
        values[f"{name}_r"] = round(value, 2)
        values[f"{name}_c"] = int(value >= 1)
    return values


def _points(face: Face) -> dict[str, float]:
    """The usual 68 points, all of them on the five landmarks."""
    values = np.resize(face.landmarks, (68, 2)).T.ravel().round(4).tolist()
    return dict(zip(_POINT_COLUMNS, values, strict=True))


def _jpeg(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
