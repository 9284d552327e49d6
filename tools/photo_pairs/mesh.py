"""Face meshes: 468 points of a photo, and pictures that follow them."""

import functools

import cv2
import numpy as np
from scipy.spatial import Delaunay

from efgan_tf import geometry

FACE_POINTS = 468
"""MediaPipe's face mesh without the irises."""

POINTS = FACE_POINTS + 36
"""With a ring of points around it, which stays where it is when a jaw drops."""

# Points of the mesh (https://github.com/google-ai-edge/mediapipe,
# mediapipe/python/solutions/face_mesh_connections.py).
OVAL = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379,
    378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127,
    162, 21, 54, 103, 67, 109,
]  # fmt: skip
LIPS = [
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0,
    37, 39, 40, 185,
]  # fmt: skip
BELOW_OPENING = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
ABOVE_OPENING = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
MOUTH_OPENING = BELOW_OPENING + ABOVE_OPENING[-2:0:-1]
UPPER_LIP = [
    40, 39, 37, 0, 267, 269, 270, 80, 81, 82, 13, 312, 311, 310, 191, 415,
]  # fmt: skip
LOWER_LIP = [
    91, 181, 84, 17, 314, 405, 321, 88, 178, 87, 14, 317, 402, 318, 95, 324,
]  # fmt: skip
MOUTH_CORNERS = [61, 291, 76, 306, 62, 292, 78, 308, 57, 287, 43, 273]
# Of each eye, from the left of the picture to the right.
UPPER_LIDS = (
    [33, 246, 161, 160, 159, 158, 157, 173, 133],
    [362, 398, 384, 385, 386, 387, 388, 466, 263],
)
LOWER_LIDS = (
    [33, 7, 163, 144, 145, 153, 154, 155, 133],
    [362, 382, 381, 380, 374, 373, 390, 249, 263],
)
LEFT_EYE, RIGHT_EYE = (
    [*lower, *upper[-2:0:-1]]
    for lower, upper in zip(LOWER_LIDS, UPPER_LIDS, strict=True)
)
LEFT_BROW = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46]
RIGHT_BROW = [300, 293, 334, 296, 336, 285, 295, 282, 283, 276]
BELOW_BROWS = ([46, 53, 52, 65, 55], [285, 295, 282, 283, 276])
"""Their lower edges, from the left of the picture to the right."""
BROWS = LEFT_BROW + RIGHT_BROW
INNER_BROWS = [107, 55, 66, 65, 336, 285, 296, 295, 9, 8]
INNER_ENDS = [55, 285]
OUTER_BROWS = [70, 46, 300, 276, 63, 53, 293, 283]
NOSE = [
    2, 97, 98, 326, 327, 94, 19, 1, 4, 5, 64, 294, 48, 278, 49, 279, 129, 358,
]  # fmt: skip
NOSE_WINGS = [129, 98, 64, 48, 49, 358, 327, 294, 278, 279]
BETWEEN_BROWS = [9, 8]
NOSE_BRIDGE = [168, 6, 197, 195, 5]
# Lines along which skin folds or lies in the shade.
NASOLABIAL_FOLDS = ([129, 203, 206, 216, 212], [358, 423, 426, 436, 432])
SMILE_FOLDS = [
    *NASOLABIAL_FOLDS[0], *NASOLABIAL_FOLDS[1], 205, 425, 207, 427, 187, 411,
    92, 322, 165, 391, 57, 287, 43, 273, 202, 422, 204, 424, 210, 430, 214, 434,
]  # fmt: skip
"""Around which a smile folds the cheeks."""
NOSE_ROOT = ([193, 122, 6, 351, 417], [188, 196, 197, 419, 412])
UNDER_BROWS = ([189, 221, 222, 223], [413, 441, 442, 443])
FROWN_FOLDS = (
    ([108, 107, 55, 193], [151, 9, 8, 168]),
    ([337, 336, 285, 417], [151, 9, 8, 168]),
)
"""Two lines each, between which a frown folds the skin."""
CHIN = 152
FOREHEAD = 9
"""Between the brows, in the middle of the face."""
CHEEKS = [50, 280, 205, 425]
STABLE = [33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 98, 327, 234, 454]
"""What expressions hardly move: corners of eyes, nose, ears."""

LEFT_CORNER, RIGHT_CORNER = 33, 263
"""The outer corners of the eyes; their distance is the unit of lengths."""


def fit(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The similarity `[2, 3]` from one mesh's stable points to another's."""
    return geometry.fit_similarity(points[STABLE], targets[STABLE])


def at(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """What lies under points `[n, 2]`: `[n, ...]`; outside, the border."""
    height, width = picture.shape[:2]
    x, y = np.int64(points).T
    return picture[y.clip(0, height - 1), x.clip(0, width - 1)]


def eye_distance(points: np.ndarray) -> float:
    """Between the eyes' outer corners."""
    return float(np.linalg.norm(points[RIGHT_CORNER] - points[LEFT_CORNER]))


def with_ring(points: np.ndarray) -> np.ndarray:
    """MediaPipe's points `[468, 2]` → `[504, 2]`, with the ring around them."""
    oval = points[OVAL]
    middle = oval.mean(axis=0)
    return np.concatenate([points, middle + 1.45 * (oval - middle)])


def opening_edges(
    points: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where a mouth's opening begins and ends: y of lips above and below `x`.

    Args:
      points: `[504, 2]`, (x, y) in pixels.
      x: in pixels, any shape.
    """
    above, below = points[ABOVE_OPENING], points[BELOW_OPENING]
    return np.interp(x, *above.T), np.interp(x, *below.T)


def opening(points: np.ndarray) -> np.ndarray:
    """Height of mouths' openings by width: `[..., 504, 2]` → `[...]`."""
    height = np.linalg.norm(points[..., 13, :] - points[..., 14, :], axis=-1)
    width = np.linalg.norm(points[..., 78, :] - points[..., 308, :], axis=-1)
    return height / width


def mean_shape(meshes: np.ndarray) -> np.ndarray:
    """float64 `[504, 2]`: the mean of meshes `[n, 504, 2]`, as the first."""
    aligned = [geometry.apply(fit(mesh, meshes[0]), mesh) for mesh in meshes]
    return np.mean(aligned, axis=0)


@functools.lru_cache(maxsize=1)
def _triangles(shape: bytes) -> np.ndarray:
    return Delaunay(np.frombuffer(shape).reshape(POINTS, 2)).simplices


class Raster:
    """Where the triangles of a mesh lie in a picture.

    Args:
      shape: the mean shape, whose triangulation is used.
      points: float64 `[504, 2]`, (x, y), the mesh in the picture.
      size: (height, width) of the picture.

    Attributes:
      inside: bool `[height, width]`, what the mesh covers.
    """

    def __init__(
        self, shape: np.ndarray, points: np.ndarray, size: tuple[int, int]
    ):
        self._corners = _triangles(np.float64(shape).tobytes())
        index = np.zeros(size, np.int32)
        fixed = np.int32(np.round((points - 0.5) * 64))  # 6 bits of fraction
        # Thin triangles and such that are folded over come first: what is drawn
        # covers the borders of pixels, too, which belong to larger ones.
        first, second, third = np.moveaxis(points[self._corners], 1, 0)
        sides = np.stack([second - first, third - first], axis=1)
        for number in np.argsort(np.linalg.det(sides), kind="stable"):
            corners = fixed[self._corners[number]]
            cv2.fillConvexPoly(index, corners, int(number) + 1, shift=6)
        self.inside = index > 0
        self._index = np.maximum(index - 1, 0)
        matrices = np.insert(points[self._corners], 2, 1, axis=2)
        # Triangles without area cover borders of pixels only.
        matrices[np.abs(np.linalg.det(matrices)) < 1e-6] = np.eye(3)
        y, x = np.mgrid[: size[0], : size[1]] + 0.5
        pixels = np.stack([x, y, np.ones(size)], axis=-1)
        inverse = np.linalg.inv(matrices)[self._index]
        # Borders of a triangle lie up to a pixel outside of it; of a thin one
        # that is far.
        shares = np.einsum("hwi,hwij->hwj", pixels, inverse).clip(-0.3, 1.3)
        self._shares = shares / shares.sum(axis=-1, keepdims=True)

    def interpolate(self, values: np.ndarray) -> np.ndarray:
        """Values of the points `[504, ...]` → of the pixels; 0 outside."""
        corners = values[self._corners[self._index]]
        shares = self._shares.reshape(
            *self._shares.shape, *[1] * (values.ndim - 1)
        )
        inside = self.inside.reshape(
            *self.inside.shape, *[1] * (values.ndim - 1)
        )
        return (corners * shares).sum(axis=2) * inside

    def sample(self, picture: np.ndarray, points: np.ndarray) -> np.ndarray:
        """A picture with a mesh of its own, moved to this mesh.

        Args:
          picture: uint8 `[height, width, 3]`.
          points: its mesh, `[504, 2]`.

        Returns:
          uint8 of the raster's size; what lies outside means nothing.
        """
        x, y = np.moveaxis(np.float32(self.interpolate(points) - 0.5), -1, 0)
        return cv2.remap(
            picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
