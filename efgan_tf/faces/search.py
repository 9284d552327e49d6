"""All faces of a photo, whatever their size and whichever side of it is up.

The detector looks at photos shrunk to 640 pixels and expects faces upright.
That misses the faces of a large group photo, so where all faces are small, or
none is found, the photo is looked at from nearer. Of a photo that is turned it
finds none, or one whose landmarks are wrong: brows are taken for a mouth, with
a confidence that an upright face may have too. So a face that is doubtful is
looked at in all four quarter turns of the photo, each at two sizes: one look
alone is misled by 1 photo in 40, the mean of two by none of 150.
docs/editing.md has what that finds and costs.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from efgan_tf import geometry
from efgan_tf.faces.detection import (
    LONGEST_SIDE,
    SMALLEST_FACE,
    Detector,
    Face,
    left_to_right,
    shrunk,
)

NEAR_SIDE = 3 * LONGEST_SIDE
"""The side that large photos are shrunk to for the look from nearer."""

# The first look finds faces from 0.0125 of the photo's longer side on. Where
# the largest is no more than three times that, there may be smaller ones.
_SMALL_SHARE = 0.04
_TILE_STEP = 480  # tiles overlap by 160: more than the faces missed before

AMBIGUOUS = "face orientation is ambiguous"
"""Said of a face whose landmarks may be wrong; the reason follows."""

# A face that is less sure, tilted by more degrees, or whose eyes stand closer
# (as a share of the box) is doubtful. Of 150 upright photographs 16 % are; of
# 155 wrong finds in turned ones, all but one.
_SURE = 0.995
_LEVEL = 25.0
_EYES_APART = 0.3

# In one of the quarter turns, each face is tilted by no more than 45°.
_LARGEST_TILT = 50.0

# The second look is at so much of the first one's size.
_SMALLER = 0.6
# Doubtful faces are shrunk to this for the looks: larger ones only take time.
_FACE_SIDE = 180

# What the surest turn must have, and how far it must be ahead of the others.
_LEAST_SCORE = 0.95
_LEAST_LEAD = 0.005
# Where no face was found in the photo as it is.
_SURE_TURNED = 0.97

# Share of the smaller box that two finds of one face have in common.
_SAME = 0.3
# What is looked at around a face, as a multiple of its box.
_AROUND = 3


@dataclasses.dataclass(frozen=True, eq=False)
class _Find:
    """A face that one of the turns shows.

    Attributes:
      turns: quarter turns of `np.rot90`.
      face: in the photo's coordinates.
      score: the mean confidence over the two sizes.
    """

    turns: int
    face: Face
    score: float


def find_faces(
    detector: Detector, photos: Sequence[np.ndarray]
) -> list[list[Face]]:
    """The faces of each photo, left to right.

    Args:
      detector: to look with.
      photos: uint8 `[height, width, 3]` each, RGB.
    """
    result = []
    for photo, faces in zip(photos, detector.detect(photos), strict=True):
        large = max(photo.shape[:2]) > LONGEST_SIDE
        if large and all_small(faces, photo.shape):
            faces = _distinct(faces + _from_nearer(detector, photo))
        result.append(left_to_right(resolve(detector, photo, faces)))
    return result


def all_small(faces: Iterable[Face], shape: tuple[int, ...]) -> bool:
    """Whether the first look may have missed faces: all, or smaller ones.

    Args:
      faces: that it found.
      shape: of the photo: height, width, ….
    """
    side = max((max(face.box[2:]) for face in faces), default=0)
    return side < _SMALL_SHARE * max(shape[:2])


def _from_nearer(detector: Detector, photo: np.ndarray) -> list[Face]:
    """The faces of a large photo, looked at tile by tile."""
    small, scale = shrunk(photo, NEAR_SIDE)
    shared = LONGEST_SIDE - _TILE_STEP
    tops, lefts = (
        range(0, max(1, length - shared), _TILE_STEP)
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


def find_upright(
    detector: Detector, photos: Sequence[np.ndarray]
) -> list[list[Face]]:
    """The faces of each photo, whichever side of it is up.

    Args:
      detector: to look with.
      photos: uint8 `[height, width, 3]` each, RGB.

    Returns:
      For each photo its faces, none where no turn shows one. `doubt` says of a
      face why its landmarks may be wrong all the same.
    """
    return [
        resolve(detector, photo, faces)
        for photo, faces in zip(photos, detector.detect(photos), strict=True)
    ]


def resolve(
    detector: Detector, photo: np.ndarray, faces: Sequence[Face]
) -> list[Face]:
    """Faces of a photo as the surest of its quarter turns shows them.

    Args:
      detector: to look with.
      photo: uint8 `[height, width, 3]`, RGB.
      faces: that were found in the photo as it is.
    """
    doubtful = [face for face in faces if _is_doubtful(face)]
    if faces and not doubtful:
        return list(faces)
    finds: list[_Find] = []
    as_it_is = faces
    if len(doubtful) == len(faces):  # the whole photo may lie
        finds = _look_around(detector, photo, doubtful)
        turns, shown = _shown_best(finds)
        if turns and (faces or _is_sure(shown)):
            others = [face for face in faces if not _finds_of(face, shown)]
            faces = doubtful = [find.face for find in shown] + others
    return [
        _surest(detector, photo, face, finds, as_it_is)
        if face in doubtful
        else face
        for face in faces
    ]


def _shown_best(finds: Sequence[_Find]) -> tuple[int, list[_Find]]:
    """The turn with the largest sum of scores, and what it shows."""
    shown = [[find for find in finds if find.turns == k] for k in range(4)]
    turns = max(range(4), key=lambda k: sum(find.score for find in shown[k]))
    return turns, shown[turns]


def _is_sure(finds: Sequence[_Find]) -> bool:
    """Whether a photo has a face, if it shows none as it is."""
    return any(
        find.face.confidence >= _SURE_TURNED and find.score >= _LEAST_SCORE
        for find in finds
    )


def _finds_of(face: Face, finds: Sequence[_Find]) -> list[_Find]:
    """Those of the finds that are of one face."""
    return [find for find in finds if overlap(find.face, face) >= _SAME]


def _is_doubtful(face: Face) -> bool:
    left, right = face.landmarks[:2]
    apart = np.hypot(*(right - left)) / face.box[2:].max()
    return (
        face.confidence < _SURE
        or apart < _EYES_APART
        or not _makes_a_face(face.landmarks, _LEVEL)
    )


def _makes_a_face(landmarks: np.ndarray, tilt: float) -> bool:
    """Whether eyes are level, up to `tilt` degrees, and above the mouth."""
    left, right, _, mouth_left, mouth_right = landmarks
    across = right - left
    down = np.array([-across[1], across[0]])
    eyes_to_mouth = (mouth_left + mouth_right - left - right) / 2
    return bool(
        abs(np.degrees(np.arctan2(across[1], across[0]))) <= tilt
        and eyes_to_mouth @ down > 0
        and (mouth_right - mouth_left) @ across > 0
    )


def _look_around(
    detector: Detector, photo: np.ndarray, doubtful: Sequence[Face]
) -> list[_Find]:
    """The faces in each quarter turn of a photo that may be ones there."""
    side = min(LONGEST_SIDE, max(photo.shape[:2]))
    if doubtful:
        smallest = min(face.box[2:].max() for face in doubtful)
        side = min(side, round(max(photo.shape[:2]) * _FACE_SIDE / smallest))
    looks, ways_back = [], []
    for longest in (side, max(1, round(_SMALLER * side))):
        small, scale = shrunk(photo, longest)
        for turns in range(4):
            looks.append(np.ascontiguousarray(np.rot90(small, turns)))
            back = np.vstack([_quarter_turns(turns, small.shape), [0, 0, 1]])
            ways_back.append(scaling(scale) @ back)
    found = [
        [
            (moved(face, back), min(face.box[2:]))
            for face in faces
            if _makes_a_face(face.landmarks, _LARGEST_TILT)
        ]
        for faces, back in zip(detector.detect(looks), ways_back, strict=True)
    ]
    finds = []
    for turns in range(4):
        smaller = [face for face, _ in found[turns + 4]]
        for face, width in found[turns]:
            again = [f.confidence for f in smaller if overlap(f, face) >= _SAME]
            second = max(again, default=0.0)
            if width * _SMALLER < SMALLEST_FACE:  # too small to be seen twice
                second = face.confidence
            finds.append(_Find(turns, face, (face.confidence + second) / 2))
    return finds


def _surest(
    detector: Detector,
    photo: np.ndarray,
    face: Face,
    finds: Sequence[_Find],
    as_it_is: Sequence[Face],
) -> Face:
    """A face as the surest turn shows it, with the doubt that is left.

    It is looked at by itself where `finds`, of the whole photo, lack it.
    `as_it_is` are the faces of the photo as it is.
    """
    found = _finds_of(face, finds) or _finds_of(
        face, _look_closer(detector, photo, face)
    )
    scores = np.zeros(4)
    for find in found:
        scores[find.turns] = max(scores[find.turns], find.score)
    *_, second, first = np.sort(scores)
    doubt = ""
    if first < _LEAST_SCORE:
        doubt = "the detector is unsure of it in every rotation"
    elif first - second < _LEAST_LEAD:
        doubt = "two rotations score alike"
    best = max(found, key=lambda find: find.score, default=None)
    chosen = best.face if best else face
    if best and best.turns == 0:
        # As the photo was given, it was looked at in its full size.
        same = [each for each in as_it_is if overlap(each, chosen) >= _SAME]
        chosen = max(
            same, key=lambda each: overlap(each, chosen), default=chosen
        )
    return dataclasses.replace(chosen, doubt=doubt)


def _look_closer(
    detector: Detector, photo: np.ndarray, face: Face
) -> list[_Find]:
    """The same of the part of a photo around a face."""
    reach = _AROUND * face.box[2:].max() / 2
    start = np.maximum(face.center - reach, 0).astype(int)
    end = np.ceil(face.center + reach).astype(int)
    part = photo[start[1] : end[1], start[0] : end[0]]
    shift = scaling(np.ones(2), start)
    return [
        dataclasses.replace(find, face=moved(find.face, shift))
        for find in _look_around(detector, part, [face])
    ]


def overlap(one: Face, other: Face) -> float:
    """The shared area as a share of the smaller box."""
    start = np.maximum(one.box[:2], other.box[:2])
    end = np.minimum(one.box[:2] + one.box[2:], other.box[:2] + other.box[2:])
    return np.maximum(end - start, 0).prod() / min(one.area, other.area)


def moved(face: Face, matrix: np.ndarray) -> Face:
    """A face whose points are mapped by an affine `[2, 3]`."""
    left_top, right_bottom = face.box[:2], face.box[:2] + face.box[2:]
    corners = geometry.apply(matrix, np.stack([left_top, right_bottom]))
    start, end = corners.min(axis=0), corners.max(axis=0)
    return dataclasses.replace(
        face,
        box=np.concatenate([start, end - start]),
        landmarks=geometry.apply(matrix, face.landmarks),
    )


def scaling(scale: np.ndarray, shift: np.ndarray | float = 0) -> np.ndarray:
    """The affine `[2, 3]` that scales and shifts."""
    return np.column_stack([np.diag(scale), np.zeros(2) + shift])


def _quarter_turns(turns: int, shape: tuple[int, ...]) -> np.ndarray:
    """From `np.rot90(photo, turns)` back to the photo of `shape`."""
    height, width = shape[:2]
    return {
        0: np.array([[1.0, 0, 0], [0, 1, 0]]),
        1: np.array([[0.0, -1, width], [1, 0, 0]]),
        2: np.array([[-1.0, 0, width], [0, -1, height]]),
        3: np.array([[0.0, 1, 0], [-1, 0, height]]),
    }[turns]
