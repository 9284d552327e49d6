"""Finding the faces of any photo: small ones, and photos that lie on a side.

The detector looks at photos shrunk to 640 pixels first. That misses the faces
of a large group photo, and faces that are turned by more than 60°. So where all
faces are small, or none is found, the photo is looked at from nearer; and where
there is still none, or one is doubtful, turned (`efgan_tf.faces.turns`).
docs/editing.md has what that costs and finds.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from efgan_tf.editing.face_selection import left_to_right
from efgan_tf.faces.detection import LONGEST_SIDE, Detector, Face
from efgan_tf.faces.turns import moved, overlap, resolve, scaling, shrunk

NEAR_SIDE = 3 * LONGEST_SIDE
"""The side that large photos are shrunk to for the look from nearer."""

# The first look finds faces from 0.0125 of the photo's longer side on. Where
# the largest is no more than three times that, there may be smaller ones.
_SMALL_SHARE = 0.04
_TILE_STEP = 480  # tiles overlap by 160: more than the faces missed before


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
