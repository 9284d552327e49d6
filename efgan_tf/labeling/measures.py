"""Lengths on the mesh of a face, in distances between the outer eye corners.

Points are numbered as in MediaPipe's canonical face model. Each measure is the
mean over both sides, so that a mirrored face has the same, and distances are
taken in space, so that a turned head has nearly the same.
"""

from collections.abc import Sequence

import numpy as np

_OUTER_EYES = (33, 263)  # the picture's left and right
_LIP_CORNERS = [61, 291]
_BETWEEN_LIPS = [13, 14]

# Pairs of points whose mean distance is measured.
_DISTANCES = {
    "lip_gap": ((13, 14), (82, 87), (312, 317)),
    "mouth_width": ((61, 291),),
    "mouth_opening_width": ((78, 308),),
    "upper_lip": ((0, 13), (37, 82), (267, 312)),
    "lower_lip": ((14, 17), (87, 84), (317, 314)),
    "nose_width": ((129, 358),),
    "nose_to_lip": ((2, 0),),
    "lip_to_chin": ((17, 152),),
    "nose_to_chin": ((2, 152),),
    "eye_opening": ((159, 145), (386, 374), (158, 153), (385, 380)),
    "between_brows": ((55, 285),),
    "inner_brow": ((55, 133), (285, 362)),
    "middle_brow": ((52, 159), (282, 386)),
    "outer_brow": ((46, 33), (276, 263)),
    "nostril_to_eye": ((129, 133), (358, 362)),
    "lip_corner_to_eye": ((61, 33), (291, 263)),
    "lip_corner_to_nose": ((61, 2), (291, 2)),
    "cheek_to_eye": ((50, 145), (280, 374)),
}


def measure(points: np.ndarray) -> dict[str, float]:
    """The measures of `[478, 3]` points by name.

    `lip_corner_drop` is how far the corners lie below the middle of the lips,
    along the picture; all others are distances in space.
    """
    points = np.asarray(points, np.float64)
    unit = _distance(points, [_OUTER_EYES])
    corners = points[_LIP_CORNERS, 1].mean()
    drop = corners - points[_BETWEEN_LIPS, 1].mean()
    return {
        **{n: _distance(points, p) / unit for n, p in _DISTANCES.items()},
        "lip_corner_drop": float(drop / unit),
    }


def yaw(points: np.ndarray) -> float:
    """How far the head is turned, in degrees, by the outer eye corners."""
    x, _, z = np.subtract(*(points[i] for i in reversed(_OUTER_EYES)))
    return float(np.degrees(np.arctan2(z, x)))


def _distance(points: np.ndarray, pairs: Sequence[tuple[int, int]]) -> float:
    first, second = np.transpose(pairs)
    lines = points[first] - points[second]
    return float(np.linalg.norm(lines, axis=1).mean())
