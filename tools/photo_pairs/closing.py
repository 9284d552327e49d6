"""Closes mouths as those people do who are on a neutral and a smiling photo."""

from collections.abc import Sequence

import cv2
import numpy as np

from efgan_tf import geometry
from tools.photo_pairs import mesh
from tools.photo_pairs.face import Face
from tools.photo_pairs.shading import GRAY, darken, inpaint
from tools.photo_pairs.weights import Weights, smooth

_COMPONENTS = 8
"""Of the shape of smiles, from which the way of all points is predicted."""

_RIDGE = 1e-3
_MORE = 1.05
"""Predictions of few people are too small for wider smiles than theirs."""
_BRIGHTER = 1.5
"""Likewise of how the light on the cheeks changes."""
_FOLD_WIDTHS = 0.015, 0.12
"""Blurs that show a fold, and the skin without it, in distances of the eyes."""
_CLEAR_FOLD = 0.06
"""From which loss of light, in logarithms, a fold is removed whole."""
_SEAM = 0.25, 0.03
"""What is painted anew where lips meet: share of each lip's height, at most so
many distances of the eyes. Points there lie on teeth as often as on lips."""

_SHAPE = sorted(
    {
        *mesh.LIPS, *mesh.MOUTH_OPENING, *mesh.NASOLABIAL_FOLDS[0],
        *mesh.NASOLABIAL_FOLDS[1], *mesh.CHEEKS, mesh.CHIN, 2,
    }
)  # fmt: skip
_ABOVE, _BELOW = mesh.ABOVE_OPENING[1:-1], mesh.BELOW_OPENING[1:-1]
_UPPER_EDGE = [185, 40, 39, 37, 0, 267, 269, 270, 409]
_LOWER_EDGE = [146, 91, 181, 84, 17, 314, 405, 321, 375]
_LIT_ALIKE = [4, 5, 195, 10, 151, 9]
"""Nose and forehead, whose light a smile does not change."""


class Closing:
    """Closes mouths by moving a person's own skin.

    The way of each point and the change of light are what ridge regression on
    the shape of mouth and cheeks finds in pairs of photos.

    Args:
      shape: float64 `[504, 2]`, `mesh.mean_shape`.
      neutral: people with closed mouths.
      smiling: the same people.
    """

    def __init__(
        self,
        shape: np.ndarray,
        neutral: Sequence[Face],
        smiling: Sequence[Face],
    ):
        self._shape = shape
        self._unit = mesh.eye_distance(shape)
        self._moves = np.minimum(1, 1.5 * Weights(shape).mouth_moves)[:, None]
        before = np.array([self._normalized(face) for face in smiling])
        after = np.array([self._normalized(face) for face in neutral])
        self._mean_way = (after - before).mean(axis=0)
        self._fit(
            # Closed mouths stay as they are.
            np.concatenate([before, after])[:, _SHAPE].reshape(
                2 * len(before), -1
            ),
            np.concatenate([after - before, np.zeros_like(after)]).reshape(
                2 * len(before), -1
            ),
        )
        self._light = self._change_of_light(neutral, smiling)
        self._folds = self._fold_weights()

    def __call__(self, face: Face) -> Face:
        """The face with its mouth closed."""
        here = self._normalized(face)
        way = self._way(here)
        share = (way * self._mean_way)[_SHAPE].sum()
        smile = np.clip(share / np.square(self._mean_way[_SHAPE]).sum(), 0, 1.4)
        there = _lips_meet(here + _MORE * way * self._moves, self._moves)
        turn = mesh.fit(self._shape, face.points)[:, :2]
        points = face.points + (there - here) @ turn.T * self._unit
        raster = mesh.Raster(self._shape, points, face.picture.shape[:2])
        moved = np.float32(raster.sample(face.picture, face.points))
        moved = np.where(raster.inside[..., None], moved, face.picture)
        light = np.float32(raster.interpolate(self._light * _BRIGHTER * smile))
        light = cv2.GaussianBlur(light, (0, 0), 1.5)
        moved *= np.exp(light)[..., None]
        unit = mesh.eye_distance(face.points)
        fine, broad = (
            cv2.GaussianBlur(moved, (0, 0), width * unit)
            for width in _FOLD_WIDTHS
        )
        depth = np.log((broad.mean(axis=-1) + 8) / (fine.mean(axis=-1) + 8))
        depth = np.clip(depth / _CLEAR_FOLD, 0, 1)
        depth = cv2.GaussianBlur(depth, (0, 0), 0.01 * unit)
        depth *= min(1, smile) * raster.interpolate(self._folds)
        moved += depth[..., None] * (broad - fine)
        picture = np.uint8(np.clip(moved, 0, 255).round())
        return _paint_seam(Face(picture, points))

    def _normalized(self, face: Face) -> np.ndarray:
        """A face's points in distances of the eyes, as the mean shape lies."""
        turn = mesh.fit(face.points, self._shape)
        return geometry.apply(turn, face.points) / self._unit

    def _fit(self, shapes: np.ndarray, ways: np.ndarray) -> None:
        self._mean = shapes.mean(axis=0)
        _, _, axes = np.linalg.svd(shapes - self._mean, full_matrices=False)
        self._axes = axes[:_COMPONENTS]
        inputs = np.insert((shapes - self._mean) @ self._axes.T, 0, 1, axis=1)
        penalty = _RIDGE * np.eye(inputs.shape[1])
        penalty[0, 0] = 0
        self._slopes = np.linalg.solve(
            inputs.T @ inputs + penalty, inputs.T @ ways
        )

    def _way(self, points: np.ndarray) -> np.ndarray:
        """How far each point goes, in distances of the eyes: `[504, 2]`."""
        inputs = (points[_SHAPE].ravel() - self._mean) @ self._axes.T
        return (np.insert(inputs, 0, 1) @ self._slopes).reshape(-1, 2)

    def _change_of_light(
        self, neutral: Sequence[Face], smiling: Sequence[Face]
    ) -> np.ndarray:
        """`[504]`, in logarithms, what a mean smile's end does to the skin."""

        def light(face: Face) -> np.ndarray:
            width = 0.03 * mesh.eye_distance(face.points)
            blurred = cv2.GaussianBlur(
                np.float32(face.picture) + 8, (0, 0), width
            )
            return np.log(mesh.at(blurred, face.points)).mean(axis=-1)

        changes = np.array(
            [light(a) - light(b) for a, b in zip(neutral, smiling, strict=True)]
        )
        changes -= changes[:, _LIT_ALIKE].mean(axis=1, keepdims=True)
        change = np.median(changes, axis=0) * self._moves[:, 0]
        lips = mesh.LIPS + mesh.MOUTH_OPENING + mesh.UPPER_LIP + mesh.LOWER_LIP
        change[mesh.MOUTH_CORNERS] *= 0.5
        change[lips] = 0
        return change

    def _fold_weights(self) -> np.ndarray:
        """`[504]`, 0 to 1, where a smile folds the skin."""

        def distance(points: list[int]) -> np.ndarray:
            apart = self._shape[:, None] - self._shape[points]
            return np.linalg.norm(apart, axis=-1).min(axis=1) / self._unit

        weights = smooth(1.5 - distance(mesh.SMILE_FOLDS) / 0.1)
        weights *= smooth(distance(mesh.LIPS) / 0.06)
        weights[mesh.OVAL + mesh.NOSE] = 0
        weights[mesh.FACE_POINTS :] = 0
        return weights


def _lips_meet(points: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Points, normalized, with what is left of the mouth's opening closed."""
    x, y = points.T
    above = np.interp(x, *points[_ABOVE].T)
    below = np.interp(x, *points[_BELOW].T)
    meet = 0.6 * above + 0.4 * below
    upper = smooth(1 - np.maximum(0, above - y) / 0.25) * (y <= meet)
    lower = smooth(1 - np.maximum(0, y - below) / 0.35) * (y > meet)
    open_here = (x > points[78, 0]) & (x < points[308, 0]) & (below > above)
    down = upper * (meet - above) - lower * (below - meet)
    closed = points + np.outer(down * open_here, [0, 1]) * moves
    closed[_ABOVE] = closed[_BELOW] = (closed[_ABOVE] + closed[_BELOW]) / 2
    return closed


def _paint_seam(face: Face) -> Face:
    """Paints where lips meet anew from the lips, with a fine dark line."""
    points, unit = face.points, mesh.eye_distance(face.points)

    def edge(inner: list[int], outer: list[int]) -> np.ndarray:
        across = points[outer] - points[inner]
        length = np.linalg.norm(across, axis=1, keepdims=True)
        share, most = _SEAM
        return points[inner] + across * np.minimum(
            share, most * unit / np.maximum(length, 1e-6)
        )

    corners = points[[78]], points[[308]]
    seam = np.concatenate(
        [
            corners[0], edge(_ABOVE, _UPPER_EDGE),
            corners[1], edge(_BELOW, _LOWER_EDGE)[::-1],
        ]
    )  # fmt: skip
    line = np.concatenate([corners[0], points[_ABOVE], corners[1]])
    return darken(inpaint(face, seam), [line], 0.0145, 0.5, 0.0, GRAY)
