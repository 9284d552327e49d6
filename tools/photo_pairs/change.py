"""Changes of a face: another mouth, an opened one, moved lids and brows."""

from collections.abc import Sequence

import cv2
import numpy as np

from efgan_tf import geometry
from tools.photo_pairs import mesh
from tools.photo_pairs.face import Blend, Face
from tools.photo_pairs.mesh import Raster
from tools.photo_pairs.shading import color_lips, darken, fill_mouth
from tools.photo_pairs.weights import Weights, smooth

_COLOR_SCALE = 0.22
"""Width of the blur that compares colors, in distances of the eyes."""

_FOLD = 0.4
"""Where a frown folds the skin, from the middle to the inner ends of brows."""


class Changes:
    """The changes, for faces of one mean shape.

    Args:
      shape: float64 `[504, 2]`, `mesh.mean_shape`.
    """

    def __init__(self, shape: np.ndarray):
        self._shape = shape
        self._unit = mesh.eye_distance(shape)
        self._weights = Weights(shape)

    def mouth(self, face: Face, donor: Face) -> Blend:
        """The donor's mouth, with the folds and the chin around it."""
        there = geometry.apply(
            mesh.fit(donor.points, face.points), donor.points
        )
        moves = self._weights.mouth_moves[:, None]
        points = face.points + moves * (there - face.points)
        shows = self._weights.mouth_shows
        blend = self._blend(face, points, donor, shows)
        return Blend(color_lips(blend.face, face), blend.mismatch)

    def brows(
        self, face: Face, inner: float, outer: float, together: float = 0.0
    ) -> Face:
        """Moves the brows.

        Args:
          face: whose.
          inner: how far down their inner ends go, in distances of the eyes;
            negative: up.
          outer: the outer ends likewise.
          together: how far the inner ends go towards each other, each.
        """
        right = self._shape[:, 0] - self._shape[mesh.FOREHEAD, 0]
        # Skin between them is squeezed and keeps its share of the gap.
        side = np.clip(right / np.abs(right[mesh.INNER_ENDS]).mean(), -1, 1)
        down = (
            inner * self._weights.inner_brows
            + outer * self._weights.outer_brows
        )
        return self._move(
            face, -side * together * self._weights.inner_brows, down
        )

    def lips(self, face: Face, down: float, thin: float) -> Face:
        """Pulls the corners of the mouth down and tightens the lips.

        Args:
          face: whose.
          down: the corners' way, in distances of the eyes.
          thin: share of their height that the lips lose.
        """
        points = geometry.apply(mesh.fit(face.points, self._shape), face.points)
        middle = points[[13, 14], 1].mean()
        height = (points[:, 1] - middle) / self._unit
        down = down * self._weights.corners - thin * height * self._weights.lips
        return self._move(face, np.zeros(mesh.POINTS), down)

    def sneer(self, face: Face, up: float, deep: float) -> Face:
        """Raises the upper lip and the wings of the nose.

        Args:
          face: whose.
          up: their way, in distances of the eyes.
          deep: share of the light that the folds beside the nose lose.
        """
        moved = self._move(
            face, np.zeros(mesh.POINTS), -up * self._weights.upper_lip
        )
        folds = [moved.points[line] for line in mesh.NASOLABIAL_FOLDS]
        root = [moved.points[line] for line in mesh.NOSE_ROOT]
        moved = darken(moved, folds, 0.035, deep, 0.4)
        return darken(moved, root, 0.022, deep, 0.5)

    def frown(
        self,
        face: Face,
        inner: float,
        outer: float,
        closer: float,
        folds: Sequence[float],
    ) -> Face:
        """Draws the brows down and together.

        Args:
          face: whose.
          inner: how far down their inner ends go, in distances of the eyes.
          outer: the outer ends likewise.
          closer: share of the distance of the inner ends that is lost.
          folds: share of the light that each of two folds between them loses.
        """
        first, second = face.points[mesh.INNER_ENDS]
        gap = np.linalg.norm(second - first) / mesh.eye_distance(face.points)
        face = self.brows(face, inner, outer, closer * gap / 2)
        for (beside, middle), deep in zip(mesh.FROWN_FOLDS, folds, strict=True):
            line = _FOLD * face.points[beside]
            line += (1 - _FOLD) * face.points[middle]
            line[0] = (line[0] + line[1]) / 2
            face = darken(face, [line], 0.016, deep, 0.6)
        under = [face.points[line] for line in mesh.UNDER_BROWS]
        return darken(face, under, 0.05, max(folds), 0.0)

    def room_below_brows(self, face: Face) -> float:
        """Between the eyes and the inner brows, in distances of the eyes."""
        points = geometry.apply(mesh.fit(face.points, self._shape), face.points)
        rooms = [
            points[upper, 1] - np.interp(points[upper, 0], *points[brow].T)
            for upper, brow in zip(
                mesh.UPPER_LIDS, mesh.BELOW_BROWS, strict=True
            )
        ]
        return float(np.min(rooms) / self._unit)

    def open_mouth(
        self,
        face: Face,
        donor: Face,
        up: float,
        down: float,
        jaw: float,
        inward: float,
    ) -> Face:
        """Parts the lips of a closed mouth, drops the jaw.

        Args:
          face: whose.
          donor: whose teeth and tongue are seen.
          up: the upper lip's way, in distances of the eyes.
          down: the lower lip's, without the jaw.
          jaw: how far the jaw takes the chin and the lower lip down.
          inward: how far the corners of the mouth come together, each.
        """
        side = np.sign(self._shape[:, 0] - self._shape[mesh.CHIN, 0])
        right = -side * inward * self._weights.corners
        ways = (
            down * self._weights.lower_lip
            + jaw * self._weights.jaw
            - up * self._weights.upper_lip
        )
        opened = self._move(face, right, ways)
        return fill_mouth(opened, donor)

    def narrow_eyes(self, face: Face, upper: float, lower: float) -> Face:
        """Brings the lids nearer to each other.

        Args:
          face: whose.
          upper: the upper lid's way as a share of the eye's opening.
          lower: the lower lid's; both together at most 1.
        """
        points = geometry.apply(mesh.fit(face.points, self._shape), face.points)
        x, y = points.T
        down = np.zeros(mesh.POINTS)
        for lids in zip(mesh.UPPER_LIDS, mesh.LOWER_LIDS, strict=True):
            above, below = (np.interp(x, *points[lid].T) for lid in lids)
            opening = np.maximum(below - above, 0)
            is_upper = y < (above + below) / 2
            beyond = np.maximum(np.maximum(above - y, y - below), 0)
            near = smooth(1 - beyond / self._unit / 0.13)
            ways = np.where(is_upper, upper * near, -lower * near) * opening
            for lid, way in zip(lids, (upper, -lower), strict=True):
                ways[lid] = way * opening[lid]
            down += ways / self._unit
        return self._move(face, np.zeros(mesh.POINTS), down)

    def _move(self, face: Face, right: np.ndarray, down: np.ndarray) -> Face:
        """Moves points by distances of the eyes."""
        turn = mesh.fit(self._shape, face.points)[:, :2]
        offsets = np.stack([right, down], axis=1) * self._unit
        return self._warp(face, face.points + offsets @ turn.T)[0]

    def _warp(self, face: Face, points: np.ndarray) -> tuple[Face, Raster]:
        raster = Raster(self._shape, points, face.picture.shape[:2])
        moved = raster.sample(face.picture, face.points)
        picture = np.where(raster.inside[..., None], moved, face.picture)
        return Face(picture, points), raster

    def _blend(
        self,
        face: Face,
        points: np.ndarray,
        donor: Face,
        shows: np.ndarray,
    ) -> Blend:
        """Joins a face and a donor, both moved to `points`.

        The donor is multiplied by the ratio of blurred skin colors: so it has
        the face's tone and light, and teeth stay bright.
        """
        moved, raster = self._warp(face, points)
        other = raster.sample(donor.picture, donor.points)
        share = raster.interpolate(shows)
        skin = raster.inside & ~_lips(
            points, face.points, face.picture.shape[:2]
        )
        width = _COLOR_SCALE * mesh.eye_distance(face.points)
        gain = _color_gain(moved.picture, other, skin, width)
        joined = moved.picture * (1 - share[..., None])
        joined += np.clip(other * gain, 0, 255) * share[..., None]
        logs = np.log(gain[share > 0.5 * shows.max()])
        mismatch = np.inf
        if len(logs):
            mean = logs.mean(axis=0)
            mismatch = np.abs(mean).max() + logs.std(axis=0).max()
            mismatch += np.ptp(mean)
        return Blend(
            Face(np.uint8(np.clip(joined.round(), 0, 255)), points),
            float(mismatch),
        )


def _lips(
    points: np.ndarray, before: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Where lips are, or were."""
    mask = np.zeros(size, np.uint8)
    for each in (points, before):
        hull = cv2.convexHull(np.float32(each[mesh.LIPS]))
        cv2.fillPoly(mask, [np.int32(hull.round())], 1)
    return cv2.dilate(mask, np.ones((3, 3))) > 0


def _color_gain(
    picture: np.ndarray, other: np.ndarray, skin: np.ndarray, width: float
) -> np.ndarray:
    """float32 `[height, width, 3]`: what makes `other` look like `picture`."""
    weight = np.float32(skin)[..., None]
    blurred = [
        cv2.GaussianBlur(image * weight, (0, 0), width)
        for image in (np.float32(picture), np.float32(other))
    ]
    # A little gray keeps dark places from large ratios.
    base = 8 * cv2.GaussianBlur(weight, (0, 0), width)[..., None] + 1e-3
    return np.clip((blurred[0] + base) / (blurred[1] + base), 0.4, 2.5)
