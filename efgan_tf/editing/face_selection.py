"""Which of a photo's faces are meant."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from efgan_tf import geometry
from efgan_tf.common.errors import UserError
from efgan_tf.faces.detection import Face, largest
from efgan_tf.faces.search import AMBIGUOUS

SMALLEST = 32
"""Faces whose box is narrower, in pixels, are not edited."""

NAMES = ("largest", "all", "left")

ON_NO_FACE = ("error", "skip", "center")
"""What to do with a photo without a face: refuse it, leave it as it is, or
take its middle square for the frame of a face."""

NO_FACE_HINT = (
    "frame one with --face=x,y,w,h, or pass --on_no_face=skip or center (in "
    "Python face and on_no_face)"
)
"""What to do about a photo in which no face was found."""

LARGEST_SCALE = 3
"""A face's square may be so many times larger than what the model sees without
a note that what is new there is coarse."""

_LEAST_INSIDE = 0.1
"""Share of a given box that must lie in the photo."""

# Where MTCNN's landmarks lie in its own boxes, as shares of width and height:
# the mean over twelve rendered people (they differ by 0.06 across, 0.02 down).
_LAYOUT = np.array(
    [[0.28, 0.39], [0.73, 0.39], [0.50, 0.61], [0.32, 0.77], [0.68, 0.77]]
)
# The mouth's corners in the aligned frame (`geometry` fits eyes and nose).
_MOUTH = np.array([[0.384, 0.703], [0.616, 0.703]])


class NoFaceError(UserError):
    """A photo in which no face was found."""


@dataclasses.dataclass(frozen=True)
class FaceChoice:
    """Which faces to take.

    Attributes:
      name: "largest", "all", "left" (left-most), "index" or "box".
      index: counted from 0, left to right.
      box: left, top, width, height in the photo's pixels.
    """

    name: str = "largest"
    index: int = 0
    box: tuple[float, ...] = ()


def parse_choice(text: str | int | Sequence[float]) -> FaceChoice:
    """`"largest"`, `"all"`, `"left"`, an index, or `"x,y,w,h"`.

    Raises:
      UserError: it is none of these.
    """
    words: Any = [text] if np.ndim(text) == 0 else text
    parts = ",".join(map(str, words)).split(",")
    if len(parts) == 1 and parts[0] in NAMES:
        return FaceChoice(parts[0])
    try:
        if len(parts) == 1 and int(parts[0]) >= 0:
            return FaceChoice("index", index=int(parts[0]))
        box = tuple(map(float, parts))
        if len(box) == 4 and np.isfinite(box).all() and min(box[2:]) > 0:
            return FaceChoice("box", box=box)
    except ValueError:
        pass
    raise UserError(
        f"face {text!r} is none of largest, all, left, an index from 0 (left "
        "to right), or a box x,y,width,height in pixels"
    )


def check_box(choice: FaceChoice, shape: tuple[int, ...]) -> None:
    """Raises a `UserError` if a given box is not one of the photo.

    Args:
      choice: which faces; its box is looked at, if it is one.
      shape: the photo's: height, width, ….
    """
    if choice.name != "box":
        return
    size = np.array([shape[1], shape[0]])
    corner, extent = np.array(choice.box[:2]), np.array(choice.box[2:])
    shared = np.minimum(corner + extent, size) - np.maximum(corner, 0)
    if (np.maximum(shared, 0) / extent).prod() < _LEAST_INSIDE:
        box = ",".join(f"{value:g}" for value in choice.box)
        raise UserError(
            f"less than a tenth of the box {box} lies in the photo of "
            f"{size[0]}×{size[1]} pixels; give x,y,width,height in its pixels"
        )


def choose(
    faces: Sequence[Face], choice: FaceChoice, fill: bool = True
) -> tuple[list[Face], list[str]]:
    """The faces that are meant.

    Args:
      faces: all of a photo, left to right.
      choice: which of them.
      fill: a box without a face counts as a face.

    Returns:
      One face or more, and what the user should know of the choice.

    Raises:
      NoFaceError: there is none.
      UserError: there is no such one, or it is too small.
    """
    if choice.name == "box":
        return _in_box(faces, choice.box, fill)
    if not faces:
        raise NoFaceError("no face was found")
    if choice.name == "all":
        return _large_enough(faces)
    notes = []
    if choice.name == "index":
        if choice.index >= len(faces):
            found = (
                "the one face is 0"
                if len(faces) == 1
                else f"there are {len(faces)} faces, 0 to {len(faces) - 1}"
            )
            raise UserError(f"no face {choice.index}: {found}, left to right")
        face = faces[choice.index]
    elif choice.name == "left":
        face = faces[0]
    else:
        face = largest(faces)
        if len(faces) > 1:
            notes = [f"{len(faces)} faces were found, the largest is edited"]
    _check_size(face)
    return [face], notes


def choose_or_fall_back(
    shape: tuple[int, ...],
    faces: Sequence[Face],
    choice: FaceChoice,
    on_no_face: str,
) -> tuple[list[Face], list[str]]:
    """The faces to edit, perhaps none, and what the user should know.

    Args:
      shape: the photo's: height, width, ….
      faces: all of the photo, left to right.
      choice: which of them.
      on_no_face: one of `ON_NO_FACE`.

    Raises:
      UserError: as `check_box` and `choose`.
    """
    check_box(choice, shape)
    try:
        chosen, notes = choose(faces, choice)
    except NoFaceError:
        if on_no_face == "error":
            raise
        if on_no_face == "skip":
            return [], ["no face was found; the photo is left alone"]
        middle = framed_by_center(shape)
        return [middle], [
            "no face was found; the middle square is used as the face"
        ]
    for reason in dict.fromkeys(face.doubt for face in chosen if face.doubt):
        notes.append(
            f"{AMBIGUOUS} ({reason}): check the result, or rotate the photo "
            "upright and edit it again"
        )
    return chosen, notes


def notes_on_size(faces: Sequence[Face], size: int) -> list[str]:
    """A note if a face has far more pixels than a model of `size` sees."""
    matrices = [geometry.alignment(face.landmarks, size) for face in faces]
    sides = [size / np.sqrt(np.linalg.det(m[:, :2])) for m in matrices]
    side = max(sides, default=0)
    if side <= LARGEST_SCALE * size:
        return []
    return [
        f"a face's square has {side:.0f} pixels a side, the model {size}: "
        "what is new in it is coarser than the photo"
    ]


def framed_by_center(shape: tuple[int, ...]) -> Face:
    """A face that fills the middle square of a photo as it fills the frame.

    Raises:
      UserError: the square is too small.
    """
    height, width = shape[:2]
    side = min(height, width)
    corner = np.array([width - side, height - side]) / 2
    points = np.concatenate([geometry.TEMPLATE, _MOUTH]) * side + corner
    face = Face(np.array([*corner, side, side]), points, confidence=0.0)
    _check_size(face)
    return face


def _in_box(
    faces: Sequence[Face], box: tuple[float, ...], fill: bool
) -> tuple[list[Face], list[str]]:
    """The face nearest to a box's middle, or one that fills the box."""
    corner, size = np.array(box[:2]), np.array(box[2:])
    inside = [
        face
        for face in faces
        if ((face.center >= corner) & (face.center <= corner + size)).all()
    ]
    if inside:
        middle = corner + size / 2
        face = min(inside, key=lambda f: np.hypot(*(f.center - middle)))
        _check_size(face)
        return [face], []
    if not fill:
        raise NoFaceError("no face was found in the box")
    face = Face(np.array(box), _LAYOUT * size + corner, confidence=0.0)
    _check_size(face, "box")
    return [face], ["no face was found in the box; the box is used as the face"]


def _large_enough(faces: Sequence[Face]) -> tuple[list[Face], list[str]]:
    large = [face for face in faces if min(face.box[2:]) >= SMALLEST]
    if not large:
        _check_size(largest(faces))
    small = len(faces) - len(large)
    notes = [f"{small} of {len(faces)} faces are under {SMALLEST} pixels"]
    return large, notes if small else []


def _check_size(face: Face, what: str = "face") -> None:
    width, height = face.box[2:]
    if min(width, height) < SMALLEST:
        raise UserError(
            f"the {what} is {width:.0f}×{height:.0f} pixels; it must have at "
            f"least {SMALLEST} a side to be edited: enlarge the picture or "
            "name another face"
        )
