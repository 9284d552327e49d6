"""Finding the faces of any photo: small ones, and photos that lie on a side.

The detector looks at photos shrunk to 640 pixels first. That misses the faces
of a large group photo, and faces that are turned by more than 60°. So where all
faces are small, or none is found, the photo is looked at from nearer; and where
there is still none, turned. docs/editing.md has what that costs and finds.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from efgan_tf import geometry
from efgan_tf.editing.choice import left_to_right
from efgan_tf.faces.detection import LONGEST_SIDE, Detector, Face

NEAR_SIDE = 3 * LONGEST_SIDE
"""The side that large photos are shrunk to for the look from nearer."""

# Three more looks are three more chances of a false face: only a sure one
# counts. (An upright face that is hard to see may be less sure than its own
# reflection upside down, so what was found upright is kept.)
_SURE_TURNED = 0.97

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
    return faces or _turned(detector, photo)


def _confidence(faces: Sequence[Face]) -> float:
    return max((face.confidence for face in faces), default=0.0)


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
        moved(face, _scaling(scale, scale * corner))
        for corner, faces in zip(corners, detector.detect(tiles), strict=True)
        for face in faces
    ]


def _turned(detector: Detector, photo: np.ndarray) -> list[Face]:
    """The faces of whichever quarter turn shows the surest one, if it is."""
    small, scale = shrunk(photo, LONGEST_SIDE)
    found = []
    for turns in (1, 2, 3):
        turned = np.ascontiguousarray(np.rot90(small, turns))
        back = _scaling(scale) @ _as_square(_quarter_turns(turns, small.shape))
        (faces,) = detector.detect([turned])
        found.append([moved(face, back) for face in faces])
    surest = max(found, key=_confidence)
    return surest if _confidence(surest) >= _SURE_TURNED else []


def shrunk(photo: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo with at most `side` a side, and the (x, y) scale back."""
    import cv2  # OpenCV takes a tenth of a second to import

    height, width = photo.shape[:2]
    factor = min(1, side / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    return small, np.array([width, height]) / size


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Without those that a surer one covers by half or more."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(_overlap(face, other) < 0.5 for other in kept):
            kept.append(face)
    return kept


def _overlap(one: Face, other: Face) -> float:
    """The shared area as a share of the smaller box."""
    start = np.maximum(one.box[:2], other.box[:2])
    end = np.minimum(one.box[:2] + one.box[2:], other.box[:2] + other.box[2:])
    return np.maximum(end - start, 0).prod() / min(one.area, other.area)


def moved(face: Face, matrix: np.ndarray) -> Face:
    """A face whose points are mapped by an affine `[2, 3]`."""
    left_top, right_bottom = face.box[:2], face.box[:2] + face.box[2:]
    corners = geometry.apply(matrix, np.stack([left_top, right_bottom]))
    start, end = corners.min(axis=0), corners.max(axis=0)
    return Face(
        box=np.concatenate([start, end - start]),
        landmarks=geometry.apply(matrix, face.landmarks),
        confidence=face.confidence,
    )


def _scaling(scale: np.ndarray, shift: np.ndarray | float = 0) -> np.ndarray:
    return np.column_stack([np.diag(scale), np.zeros(2) + shift])


def _as_square(matrix: np.ndarray) -> np.ndarray:
    """An affine `[2, 3]` as `[3, 3]`, to be put before another."""
    return np.vstack([matrix, [0, 0, 1]])


def _quarter_turns(turns: int, shape: tuple[int, ...]) -> np.ndarray:
    """From `np.rot90(photo, turns)` back to the photo of `shape`."""
    height, width = shape[:2]
    return {
        1: np.array([[0.0, -1, width], [1, 0, 0]]),
        2: np.array([[-1.0, 0, width], [0, -1, height]]),
        3: np.array([[0.0, 1, 0], [-1, 0, height]]),
    }[turns]
