"""Small copies of RaFD and CFEE: rendered faces under official names.

There are regular photos, and what goes wrong in people's folders. Tables of
their action units are made by `tests.data.tree_tables`.

The renderer turns heads by 45 degrees at most, so RaFD's profiles (000 and
180) show what 045 and 135 show.
"""

import contextlib
import dataclasses
import functools
import io
import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from efgan_tf import action_units
from efgan_tf.data import cfee, rafd
from efgan_tf.data.photo_names import Label
from efgan_tf.synthetic import identity
from efgan_tf.synthetic.render import Renderer

PORTRAIT, LANDSCAPE = (160, 240), (240, 180)  # in shape like RaFD and CFEE
IRREGULAR_MODEL = 73

_SEED = 2010
_YAW = {"000": 45, "045": 45, "090": 0, "135": -45, "180": -45}
_PERSONS = {1: "Caucasian_female", 41: "Kid_female", 73: "Moroccan_male"}
_PRESETS = tuple(action_units.PRESETS)
# What the words of CFEE's emotions look like.
_LOOKS = {name: name for name in _PRESETS} | {
    "happily": "happy", "sadly": "sad", "angrily": "angry",
    "fearfully": "fearful", "disgustedly": "disgusted",
    "appalled": "disgusted", "hatred": "angry", "awed": "surprised",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture.

    Attributes:
      action_units: float32 `[17]`, 0–5, two decimals.
      landmarks: float32 `[5, 2]`, pixels, in MTCNN's order.
    """

    action_units: np.ndarray
    landmarks: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """Pixels, uint8 `[height, width, 3]` in RGB, and the faces in them."""

    image: np.ndarray
    faces: tuple[Face, ...]


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
      faces: of every picture that can be read, first the one whom the photo
        is of; none for a bare wall.
    """

    folder: Path
    labels: dict[str, Label] = dataclasses.field(default_factory=dict)
    passed_over: dict[str, int] = dataclasses.field(default_factory=dict)
    unknown_names: dict[str, str] = dataclasses.field(default_factory=dict)
    broken: set[str] = dataclasses.field(default_factory=set)
    faces: dict[str, tuple[Face, ...]] = dataclasses.field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """Whatever looks like a photo by its name, sorted."""
        return sorted(self.faces.keys() | self.broken)

    @property
    def usable(self) -> list[str]:
        """The chosen photos of which a face can be had, sorted."""
        return sorted(self.labels.keys() - self.broken)

    def add(self, file: str, picture: Picture, label: Label | None) -> None:
        """Writes a picture; with a label, it is a chosen photo."""
        self.write(file, _encoded(picture.image, file))
        self.faces[file] = picture.faces
        if label:
            self.labels[file] = label

    def add_broken(
        self, labels: Sequence[tuple[str, Label]], picture: Picture
    ) -> None:
        """Writes a photo that is cut off, an empty one, and a bare wall."""
        (cut, _), (empty, _), (wall, _) = labels
        self.labels.update(labels)
        content = _encoded(picture.image, cut)
        self.write(cut, content[: len(content) // 2])
        self.write(empty, b"")
        self.add(wall, Picture(np.full_like(picture.image, 150), ()), None)
        self.broken |= {cut, empty, wall}

    def add_unknown_names(
        self, reasons: dict[str, str], picture: Picture
    ) -> None:
        """Writes a picture under names that are none of the set's."""
        for file in reasons:
            self.add(file, picture, None)
        self.unknown_names.update(reasons)

    def add_clutter(self, folder: str, photo: str) -> None:
        """Writes what Windows and a Mac leave, and a link in a circle."""
        for file in (f"{folder}Thumbs.db", f"{folder}._{photo}"):
            self.write(file, b"\0\5\x16\7")
        with contextlib.suppress(OSError, NotImplementedError):
            loop = self.folder / "loop"
            loop.symlink_to(self.folder.resolve(), target_is_directory=True)

    def write(self, file: str, content: bytes) -> None:
        """Writes a file."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def make_rafd(folder: Path) -> Tree:
    """RaFD of a few models; what is chosen is what `rafd.select` does.

    There are three models at all angles with all expressions, a fourth all of
    whose photos are special, and files that are none of RaFD's photos.
    """
    tree = Tree(folder)
    for model, angle, expression in itertools.product(
        (1, 28, 41), rafd.ANGLES, _PRESETS
    ):
        file = _rafd_name(model, angle, expression)
        picture = _picture(model, (expression,), PORTRAIT, _YAW[angle])
        label = Label(f"{model:02}", expression, f"{angle}-frontal")
        if angle not in rafd.CENTRAL_ANGLES:
            reason = f"angle {angle}"
            tree.passed_over[reason] = tree.passed_over.get(reason, 0) + 1
            label = None
        tree.add(file, picture, label)
    _add_irregular_model(tree)
    return tree


def _rafd_name(model: int, angle: str, expression: str) -> str:
    person = _PERSONS.get(model, "Caucasian_male")
    return f"Rafd{angle}_{model:02}_{person}_{expression}_frontal.jpg"


def _add_irregular_model(tree: Tree) -> None:
    """Model 73, each of whose photos is special, and what is no photo."""
    pictures, files, labels = {}, {}, {}
    for name in _PRESETS:
        pictures[name] = _picture(IRREGULAR_MODEL, (name,), PORTRAIT)
        files[name] = _rafd_name(IRREGULAR_MODEL, "090", name)
        labels[name] = Label(str(IRREGULAR_MODEL), name, "090-frontal")
    files["neutral"] = files["neutral"].upper()
    files["happy"] = files["happy"].replace(".jpg", ".JPG")
    passer_by = _picture(IRREGULAR_MODEL + 1, ("happy",), PORTRAIT)
    for name, scale in (("disgusted", 0.6), ("surprised", 1.5)):
        pictures[name] = _together(pictures[name], passer_by, scale)
    for name in ("neutral", "happy", "disgusted", "surprised", "contemptuous"):
        tree.add(files[name], pictures[name], labels[name])
    broken = [
        (files[name], labels[name]) for name in ("sad", "angry", "fearful")
    ]
    tree.add_broken(broken, pictures["sad"])
    twice = files["contemptuous"]
    other_sex = twice.replace("090", "045").replace("male", "female")
    tree.add_unknown_names(
        {
            f"again/{twice}": "the same as another photo",
            twice.replace(".jpg", ".png"): "the same as another photo",
            twice.replace("_73_", "_17_"): "RaFD has no such model",
            other_sex: "at odds with the model's other photos",
            "holiday.jpg": "not named as RaFD",
        },
        pictures["contemptuous"],
    )
    tree.add_clutter("", twice)


def make_cfee(folder: Path) -> Tree:
    """CFEE of a few subjects, in the folders of its release.

    Every second photo has its suffix in upper case. There are what is special
    in the release's last folder, broken photos, and files that are none of
    CFEE's photos.
    """
    tree = Tree(folder)
    for number, (subject, code) in enumerate(
        itertools.product((110, 221, 339), (1, 2, 3, 6, 9, 12, 25))
    ):
        suffix = ("jpg", "JPG")[number % 2]
        file = f"{code:02}_{subject}_{1000 + number}.{suffix}"
        picture = _cfee_picture(code, subject)
        label = _cfee_label(code, subject)
        tree.add(f"{_cfee_folder(code)}/{file}", picture, label)
    last = _cfee_folder(26)
    for name, code, subject in (
        ("04_221.jpg", 4, 221),
        ("26_222.jpg", 26, 222),
        ("260_19.png.jpg", 19, 260),
    ):
        picture = _cfee_picture(code, subject)
        tree.add(f"{last}/{name}", picture, _cfee_label(code, subject))
    broken = [
        (f"{last}/{code}_222_9.jpg", _cfee_label(code, 222))
        for code in (21, 22, 23)
    ]
    tree.add_broken(broken, picture)
    names = ("04_19.jpg", "260_339.jpg", "27_260_9.jpg", "holiday.jpg")
    reasons = {f"{last}/{name}": "not named as CFEE" for name in names}
    tree.add_unknown_names(reasons, picture)
    tree.add_clutter(f"{last}/", "26_222.jpg")
    return tree


def _cfee_folder(code: int) -> str:
    part = min((code - 1) // 4, 5)  # four codes each, but six in the last
    end = 26 if part == 5 else 4 * part + 4
    return f"{4 * part + 1:02}-{end:02}/Images{part + 1}"


def _cfee_picture(code: int, subject: int) -> Picture:
    looks = tuple(_LOOKS[word] for word in cfee.EMOTIONS[code].split())
    return _picture(subject, looks, LANDSCAPE)


def _cfee_label(code: int, subject: int) -> Label:
    return Label(
        str(subject), cfee.EMOTIONS[code], "frontal", f"{code:02}_{subject}"
    )


@functools.cache
def _renderer(person: int) -> Renderer:
    return Renderer(identity.sample_identity(_SEED, person))


@functools.cache
def _picture(
    person: int, looks: tuple[str, ...], size: tuple[int, int], yaw: int = 0
) -> Picture:
    """A person with one expression or several at once.

    Args:
      person: number of the synthetic subject.
      looks: names of presets.
      size: width and height.
      yaw: of the head, in degrees.
    """
    width, height = size
    side = max(size)
    view = dataclasses.replace(
        identity.sample_view(_SEED, person, 0),
        yaw=float(yaw),
        pitch=0.0,
        roll=0.0,
        gaze=(0.0, 0.0),
        eye_share=0.13,
        center=(0.5, 0.42),
        background="studio",
    )
    index = _PRESETS.index(looks[-1])
    units = np.max(
        [
            identity.sample_action_units(_SEED, person, 0, _PRESETS.index(n))[1]
            for n in looks
        ],
        axis=0,
    )
    sides = np.stack(identity.sample_sides(view, index, looks[-1], units))
    image = _renderer(person).render(sides, view, side, index)
    landmarks = _renderer(person).landmarks(sides, view, side)
    left = (side - width) // 2  # of a square, the upper middle
    face = Face(units, landmarks - np.float32([left, 0]))
    return Picture(image[:height, left : left + width], (face,))


def _together(first: Picture, second: Picture, scale: float) -> Picture:
    """The first picture and, at its right, the second in another size."""
    scaled = cv2.resize(
        second.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )
    height, width = first.image.shape[:2]
    shape = max(height, len(scaled)), width + scaled.shape[1], 3
    image = np.full(shape, 120, np.uint8)
    image[:height, :width] = first.image
    image[: len(scaled), width:] = scaled
    moved = [
        Face(face.action_units, face.landmarks * scale + np.float32([width, 0]))
        for face in second.faces
    ]
    return Picture(image, (*first.faces, *moved))


def _encoded(image: np.ndarray, file: str) -> bytes:
    buffer = io.BytesIO()
    png = file.lower().endswith(".png")
    Image.fromarray(image).save(buffer, "PNG" if png else "JPEG", quality=92)
    return buffer.getvalue()
