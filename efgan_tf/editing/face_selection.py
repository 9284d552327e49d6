"""Which faces a photo has, and which of them are meant.

The detector looks at photos shrunk to 640 pixels first. That misses the faces
of a large group photo, and faces that are turned by more than 60°. So where all
faces are small, or none is found, the photo is looked at from nearer; and where
there is still none, or one is doubtful, turned (`efgan_tf.faces.search`).
docs/editing.md has what that costs and finds.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from efgan_tf import geometry
from efgan_tf.common.errors import UserError
from efgan_tf.faces.detection import LONGEST_SIDE, Detector, Face, largest
from efgan_tf.faces.search import moved, overlap, resolve, scaling, shrunk

SMALLEST = 32
"""Faces whose box is narrower, in pixels, are not edited."""

NEAR_SIDE = 3 * LONGEST_SIDE
"""The side that large photos are shrunk to for the look from nearer."""

NAMES = ("largest", "all", "left")

# The first look finds faces from 0.0125 of the photo's longer side on. Where
# the largest is no more than three times that, there may be smaller ones.
_SMALL_SHARE = 0.04
_TILE_STEP = 480  # tiles overlap by 160: more than the faces missed before

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


def left_to_right(faces: Sequence[Face]) -> list[Face]:
    """The faces in the order that an index counts in."""
    return sorted(faces, key=lambda face: _center(face)[0])


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
        if ((_center(face) >= corner) & (_center(face) <= corner + size)).all()
    ]
    if inside:
        middle = corner + size / 2
        face = min(inside, key=lambda f: np.hypot(*(_center(f) - middle)))
        _check_size(face)
        return [face], []
    if not fill:
        raise NoFaceError("no face was found in the box")
    face = Face(np.array(box), _LAYOUT * size + corner, confidence=0.0)
    _check_size(face, "box")
    return [face], ["no face was found in the box; it is taken to fill the box"]


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


def _center(face: Face) -> np.ndarray:
    return face.box[:2] + face.box[2:] / 2


def find_faces(
    detector: Detector, photos: Sequence[np.ndarray]
) -> list[list[Face]]:
    """The faces of each photo, left to right.

    Args:
      detector: to look with.
      photos: uint8 `[height, width, 3]` each, RGB.
    """
    found = detector.detect(photos)
    return [
        left_to_right(_looked_again(detector, photo, faces))
        for photo, faces in zip(photos, found, strict=True)
    ]


def all_small(faces: Iterable[Face], shape: tuple[int, ...]) -> bool:
    """Whether the first look may have missed faces: all, or smaller ones.

    Args:
      faces: that it found.
      shape: of the photo: height, width, ….
    """
    largest = max((max(face.box[2:]) for face in faces), default=0)
    return largest < _SMALL_SHARE * max(shape[:2])


def _looked_again(
    detector: Detector, photo: np.ndarray, faces: list[Face]
) -> list[Face]:
    """What a photo's second looks find, if its first one needs them."""
    if max(photo.shape[:2]) > LONGEST_SIDE and all_small(faces, photo.shape):
        faces = _distinct(faces + _from_nearer(detector, photo))
    return resolve(detector, photo, faces)


def _from_nearer(detector: Detector, photo: np.ndarray) -> list[Face]:
    """The faces of a large photo, looked at tile by tile."""
    small, scale = shrunk(photo, NEAR_SIDE)
    overlap = LONGEST_SIDE - _TILE_STEP
    tops, lefts = (
        range(0, max(1, length - overlap), _TILE_STEP)
        for length in small.shape[:2]
    )
    corners = [(left, top) for top in tops for left in lefts]
    tiles = [
        small[top : top + LONGEST_SIDE, left : left + LONGEST_SIDE]
        for left, top in corners
    ]
    return [
        moved(face, scaling(scale, scale * corner))
        for corner, faces in zip(corners, detector.detect(tiles), strict=True)
        for face in faces
    ]


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Without those that a surer one covers by half or more."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(overlap(face, other) < 0.5 for other in kept):
            kept.append(face)
    return kept
