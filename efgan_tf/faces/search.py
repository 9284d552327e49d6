"""All faces of a photo, whatever their size and whichever side of it is up.

The detector looks at photos shrunk to 640 pixels and expects faces upright.

Small faces (`find_faces`): where all faces of a large photo are small, or none
is found, it is searched again in tiles, at up to three times the resolution.

Rotated photos (`resolve_rotation`): in these the detector finds nothing, or
wrong landmarks: brows are taken for a mouth, with a confidence that an upright
face may have too. So faces of low confidence or with improbable landmarks are
doubtful. If all faces of a photo are, or it has none, faces are detected in all
four quarter turns of it; else in those of the part around each doubtful one. A
face is taken from the turn where it scores best, or from the photo as it was
given where that is hardly worse. Its score is the mean confidence over two
sizes of the picture: one size alone is misled by 1 photo in 40, the mean by 3
of 1,825. `Face.doubt` says what is uncertain even so.

All coordinates are (x, y) in pixels of the photo as it was given.
docs/editing.md has what this finds and costs.
"""

import dataclasses
import functools
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
"""The side that large photos are shrunk to before they are cut into tiles."""

# The detector finds faces from 0.0125 of the photo's longer side on. Where the
# largest is no more than three times that, there may be smaller ones.
_SMALL_SHARE = 0.04
_TILE_STEP = 480  # tiles overlap by 160: more than the faces missed before

AMBIGUOUS = "face orientation is ambiguous"
"""Said of a face whose landmarks may be wrong; the reason follows."""

# A face that is less sure, tilted by more degrees, or whose eyes stand closer
# (as a share of the box) is doubtful. Of 150 upright photographs 16 % are; of
# 155 wrong detections in turned ones, all but one.
_SURE = 0.995
_LEVEL = 25.0
_EYES_APART = 0.3

# In one of the quarter turns, each face is tilted by no more than 45°.
_LARGEST_TILT = 50.0

# Of the two sizes, the larger makes doubtful faces no larger than this, which
# would only take time; the smaller is this share of it.
_FACE_SIDE = 180
_SMALLER = 0.6

# Below this score, or this lead of the best turn, a face is in doubt.
_LEAST_SCORE = 0.95
_LEAST_LEAD = 0.005
# A face in the photo as it is given scores so much more, since few photos are
# turned. Without this, 3 of 1,825 upright photographs were turned upside down.
_AS_GIVEN = 0.01
# Where no face was found in the photo as it is.
_SURE_TURNED = 0.97

# Share of the smaller box that two detections of one face have in common.
_SAME = 0.3
# What is looked at around a face, as a multiple of its box.
_AROUND = 3


@dataclasses.dataclass(frozen=True, eq=False)
class _TurnedFace:
    """A face as it is detected in one quarter turn of the photo.

    Attributes:
      turns: how many quarter turns (`np.rot90`).
      face: in pixels of the photo as it was given.
      score: the mean confidence over the two sizes.
    """

    turns: int
    face: Face
    score: float

    @property
    def preference(self) -> float:
        """The score, and `_AS_GIVEN` more where the photo is not turned."""
        return self.score + (0 if self.turns else _AS_GIVEN)


def find_faces(
    detector: Detector, photos: Sequence[np.ndarray]
) -> list[list[Face]]:
    """The faces of each photo, small ones too, left to right.

    Args:
      detector: of upright faces.
      photos: uint8 `[height, width, 3]` each, RGB.
    """
    result = []
    for photo, faces in zip(photos, detector.detect(photos), strict=True):
        large = max(photo.shape[:2]) > LONGEST_SIDE
        if large and all_small(faces, photo.shape):
            faces = _distinct(faces + _detect_in_tiles(detector, photo))
        faces = resolve_rotation(detector, photo, faces)
        result.append(left_to_right(faces))
    return result


def find_upright(
    detector: Detector, photos: Sequence[np.ndarray]
) -> list[list[Face]]:
    """As `find_faces`, but without tiles and in the detector's order."""
    return [
        resolve_rotation(detector, photo, faces)
        for photo, faces in zip(photos, detector.detect(photos), strict=True)
    ]


def all_small(faces: Iterable[Face], shape: tuple[int, ...]) -> bool:
    """Whether the detector may have missed faces: all, or smaller ones.

    Args:
      faces: that it found.
      shape: of the photo: height, width, ….
    """
    side = max((max(face.box[2:]) for face in faces), default=0)
    return side < _SMALL_SHARE * max(shape[:2])


def _detect_in_tiles(detector: Detector, photo: np.ndarray) -> list[Face]:
    """The faces of a large photo, at up to three times the usual resolution."""
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
        moved(face, np.column_stack([np.diag(scale), scale * corner]))
        for corner, faces in zip(corners, detector.detect(tiles), strict=True)
        for face in faces
    ]


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Without those that a surer one covers by half or more."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(_overlap(face, other) < 0.5 for other in kept):
            kept.append(face)
    return kept


def resolve_rotation(
    detector: Detector, photo: np.ndarray, faces: Sequence[Face]
) -> list[Face]:
    """The faces of a photo, each as the best of the quarter turns shows it.

    Args:
      detector: of upright faces.
      photo: uint8 `[height, width, 3]`, RGB.
      faces: that were detected in the photo as it is.

    Returns:
      The faces; none only if none was given and no turn surely shows one.
      `doubt` says of a face why its landmarks may be wrong all the same.
    """
    best_view = functools.partial(_best_view, detector, photo, faces)
    sure = [face for face in faces if not _is_doubtful(face)]
    if sure:  # they say which side of the photo is up
        return [f if f in sure else best_view(f, []) for f in faces]
    views = _detect_turned(detector, photo, faces)
    return [best_view(face, views) for face in _in_best_turn(faces, views)]


def _is_doubtful(face: Face) -> bool:
    left, right = face.landmarks[:2]
    apart = np.hypot(*(right - left)) / face.box[2:].max()
    return (
        face.confidence < _SURE
        or apart < _EYES_APART
        or not _is_upright(face.landmarks, _LEVEL)
    )


def _is_upright(landmarks: np.ndarray, tilt: float) -> bool:
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


def _detect_turned(
    detector: Detector, photo: np.ndarray, known: Sequence[Face]
) -> list[_TurnedFace]:
    """Upright faces in each quarter turn; `known` ones say at which size."""
    side = min(LONGEST_SIDE, max(photo.shape[:2]))
    if known:
        smallest = min(face.box[2:].max() for face in known)
        side = min(side, round(max(photo.shape[:2]) * _FACE_SIDE / smallest))
    sizes = [shrunk(photo, s) for s in (side, max(1, round(_SMALLER * side)))]
    views = [(turns, *size) for size in sizes for turns in range(4)]
    pictures = [np.ascontiguousarray(np.rot90(p, k)) for k, p, _ in views]
    # For each picture: (face in the photo, its width in the picture).
    detected = [
        [
            (moved(face, _turned_back(*view)), min(face.box[2:]))
            for face in faces
            if _is_upright(face.landmarks, _LARGEST_TILT)
        ]
        for view, faces in zip(views, detector.detect(pictures), strict=True)
    ]
    result = []
    for turns in range(4):
        smaller = [face for face, _ in detected[turns + 4]]
        for face, width in detected[turns]:
            again = [other.confidence for other in _same(face, smaller)]
            second = max(again, default=0.0)
            if width * _SMALLER < SMALLEST_FACE:  # too small to be seen twice
                second = face.confidence
            score = (face.confidence + second) / 2
            result.append(_TurnedFace(turns, face, score))
    return result


def _detect_around(
    detector: Detector, photo: np.ndarray, face: Face
) -> list[_TurnedFace]:
    """Upright faces in each quarter turn of the part around a face."""
    reach = _AROUND * face.box[2:].max() / 2
    start = np.maximum(face.center - reach, 0).astype(int)
    end = np.ceil(face.center + reach).astype(int)
    part = photo[start[1] : end[1], start[0] : end[0]]
    shift = np.column_stack([np.eye(2), start])
    return [
        dataclasses.replace(view, face=moved(view.face, shift))
        for view in _detect_turned(detector, part, [face])
    ]


def _in_best_turn(
    faces: Sequence[Face], views: Sequence[_TurnedFace]
) -> list[Face]:
    """The faces of the turn with the highest sum of scores, and those it lacks.

    If the photo as given has no face, a turn counts only if it surely shows
    one.
    """
    sums = [sum(v.preference for v in views if v.turns == k) for k in range(4)]
    best = int(np.argmax(sums))
    shown = [view for view in views if view.turns == best]
    sure = any(
        view.face.confidence >= _SURE_TURNED and view.score >= _LEAST_SCORE
        for view in shown
    )
    if best == 0 or not (faces or sure):
        return list(faces)
    others = [face for face in faces if not _views_of(face, shown)]
    return [view.face for view in shown] + others


def _best_view(
    detector: Detector,
    photo: np.ndarray,
    as_given: Sequence[Face],
    face: Face,
    views: Sequence[_TurnedFace],
) -> Face:
    """A face as the best turn shows it, with the doubt that is left.

    `as_given` are the faces of the photo without a turn, `views` those of all
    turns. If these lack the face, it is detected again in the part around it.
    """
    views = _views_of(face, views) or _views_of(
        face, _detect_around(detector, photo, face)
    )
    scores = np.zeros(4)
    for view in views:
        scores[view.turns] = max(scores[view.turns], view.score)
    *_, second, first = np.sort(scores)
    doubt = ""
    if first < _LEAST_SCORE:
        doubt = "the detector is unsure of it in every rotation"
    elif first - second < _LEAST_LEAD:
        doubt = "two rotations score alike"
    if views:
        best = max(views, key=lambda view: view.preference)
        if best.score < first:
            doubt = doubt or "another rotation scores a little better"
        face = best.face
        if best.turns == 0:  # without a turn, it was detected in full size
            same = _same(face, as_given)
            face = max(same, key=lambda f: _overlap(f, best.face), default=face)
    return dataclasses.replace(face, doubt=doubt)


def _views_of(face: Face, views: Sequence[_TurnedFace]) -> list[_TurnedFace]:
    return [view for view in views if _same(face, [view.face])]


def _same(face: Face, others: Sequence[Face]) -> list[Face]:
    """Those of the others that are of the same face."""
    return [other for other in others if _overlap(face, other) >= _SAME]


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
    return dataclasses.replace(
        face,
        box=np.concatenate([start, end - start]),
        landmarks=geometry.apply(matrix, face.landmarks),
    )


def _turned_back(
    turns: int, small: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """The affine `[2, 3]` from `np.rot90(small, turns)` to the photo."""
    height, width = small.shape[:2]
    to_small = [
        [[1, 0, 0], [0, 1, 0]],
        [[0, -1, width], [1, 0, 0]],
        [[-1, 0, width], [0, -1, height]],
        [[0, 1, 0], [-1, 0, height]],
    ][turns]
    return np.diag(scale) @ to_small
