"""Changes of a face: another mouth, an opened one, closed eyes, moved brows."""

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

_PARTS = (
    mesh.LEFT_EYE, mesh.RIGHT_EYE, mesh.LIPS, mesh.LEFT_BROW, mesh.RIGHT_BROW,
)  # fmt: skip


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
        blend = self._blend(face, points, donor, shows, (mesh.LIPS,))
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
          together: how far the inner ends go towards each other.
        """
        side = np.sign(self._shape[:, 0] - self._shape[mesh.FOREHEAD, 0])
        down = (
            inner * self._weights.inner_brows
            + outer * self._weights.outer_brows
        )
        return self._move(
            face, -side * together * self._weights.inner_brows, down
        )

    def wrinkles(self, face: Face, donor: Face, strength: float) -> Blend:
        """The donor's skin between the brows, where a frown shows.

        Args:
          face: whose place between the brows is changed.
          donor: somebody who frowns.
          strength: 0 to 1.
        """
        return self._blend(
            face,
            face.points,
            donor,
            strength * self._weights.wrinkles,
            _PARTS,
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
        return darken(moved, root, 0.018, deep, 0.5)

    def frown_folds(self, face: Face, deep: float) -> Face:
        """Folds between the brows and the shade of lowered brows.

        Args:
          face: with its brows lowered.
          deep: share of the light that the folds lose.
        """
        between = [
            (face.points[first] + face.points[second]) / 2
            for first, second in mesh.BESIDE_FROWN
        ]
        under = [face.points[line] for line in mesh.UNDER_BROWS]
        # Broader lines would join the brows.
        face = darken(face, between, 0.009, deep, 1.2)
        return darken(face, under, 0.05, 0.8 * deep, 0.0)

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

    def close_eyes(self, face: Face, upper: float, lower: float) -> Face:
        """Brings the lids together; skin from above the eye covers it.

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
        parts: Sequence[list[int]],
    ) -> Blend:
        """Joins a face and a donor, both moved to `points`.

        The donor is multiplied by the ratio of blurred skin colors: so it has
        the face's tone and light, and teeth stay bright.
        """
        moved, raster = self._warp(face, points)
        other = raster.sample(donor.picture, donor.points)
        share = raster.interpolate(shows)
        skin = raster.inside & ~_covered(
            parts, points, face.points, face.picture.shape[:2]
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


def _covered(
    parts: Sequence[list[int]],
    points: np.ndarray,
    before: np.ndarray,
    size: tuple[int, int],
) -> np.ndarray:
    """Where eyes, brows or lips are, or were."""
    mask = np.zeros(size, np.uint8)
    for each in (points, before):
        for part in parts:
            hull = cv2.convexHull(np.float32(each[part]))
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
