"""Changes of a face: another mouth, closed eyes, moved brows and lips.

Everything is decided by weights of the mesh's points, 0 to 1, that fall off
smoothly from what is changed to what must stay.
"""

import dataclasses

import cv2
import numpy as np

from efgan_tf import geometry
from tools.photo_pairs import mesh
from tools.photo_pairs.mesh import Raster

_COLOR_SCALE = 0.22
"""Width of the blur that compares colors, in distances of the eyes."""

_EYES_AND_LIPS = (mesh.LEFT_EYE, mesh.RIGHT_EYE, mesh.LIPS)
_ALL_PARTS = (*_EYES_AND_LIPS, mesh.LEFT_BROW, mesh.RIGHT_BROW)


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A photo and its mesh.

    Attributes:
      picture: uint8 `[height, width, 3]`.
      points: float64 `[468, 2]`, (x, y).
    """

    picture: np.ndarray
    points: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Blend:
    """A face with something of another one.

    Attributes:
      face: what came out.
      mismatch: how different colors and light of the two are, in logarithms;
        above 0.5 the border shows.
    """

    face: Face
    mismatch: float


def _smooth(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


class Changes:
    """The changes, for faces of one mean shape.

    Args:
      shape: float64 `[468, 2]`, `mesh.mean_shape`.
    """

    def __init__(self, shape: np.ndarray):
        self._shape = shape
        self._unit = mesh.eye_distance(shape)
        eyes = mesh.LEFT_EYE + mesh.RIGHT_EYE
        mouth = mesh.LIPS + mesh.MOUTH_OPENING

        to_mouth = self._distance(mouth)
        below_nose = [2, 97, 98, 326, 327]
        fixed = mesh.OVAL + eyes + mesh.NOSE_BRIDGE + [4, 1] + below_nose
        self._mouth_moves = _smooth(1.6 * self._share(fixed, to_mouth))
        fixed = mesh.OVAL + eyes + mesh.NOSE
        self._mouth_shows = _smooth(1.9 * self._share(fixed, to_mouth) - 0.15)
        lips = np.float32(shape[mesh.LIPS])
        within = [
            cv2.pointPolygonTest(lips, (float(x), float(y)), False) >= 0
            for x, y in shape
        ]
        self._mouth_moves[within] = self._mouth_shows[within] = 1

        to_eyes = self._distance(eyes)
        fixed = mesh.BROWS + mesh.LIPS + mesh.OVAL + mesh.NOSE_BRIDGE[:4]
        share = self._share(fixed + mesh.CHEEKS, to_eyes)
        near = to_eyes / self._unit
        self._eyes_move = _smooth(1.7 * share) * _smooth(1.6 - near / 0.3)
        self._eyes_show = _smooth(1.45 - near / 0.13)

        to_brows = self._distance(mesh.BROWS + mesh.BETWEEN_BROWS)
        forehead = [10, 338, 297, 332, 284, 251, 389, 356]
        forehead += [109, 67, 103, 54, 21, 162, 127]
        fixed = eyes + forehead + [197, 195, 5] + mesh.LIPS + [205, 425]
        moves = _smooth(1.8 * self._share(fixed, to_brows) - 0.2)
        moves[mesh.BROWS + mesh.BETWEEN_BROWS] = 1
        moves *= _smooth(1.7 - to_brows / self._unit / 0.33)
        inner = self._distance(mesh.INNER_BROWS)
        outer = self._distance(mesh.OUTER_BROWS)
        share = outer / (inner + outer + 1e-6)
        self._inner_brows = moves * _smooth(1.5 * share - 0.1)
        self._outer_brows = moves * _smooth(1.5 * (1 - share) - 0.1)
        between = self._distance(mesh.BETWEEN_BROWS)
        hairs = [66, 296, 65, 295, 105, 334, 133, 362, 197, 10]
        self._wrinkles_show = _smooth(
            1.35 - between / self._unit / 0.2
        ) * _smooth(2.4 * self._share(hairs, between) - 0.2)

        corners = self._distance(mesh.MOUTH_CORNERS) / self._unit
        self._corners = _smooth(1.3 - corners / 0.22) * np.minimum(
            1, 1.2 * self._mouth_moves
        )
        self._lips = _smooth(1.6 - to_mouth / self._unit / 0.25) * np.minimum(
            1, 1.5 * self._mouth_moves
        )

    def _distance(self, points: list[int]) -> np.ndarray:
        """Of each point to the nearest of some, in the mean shape."""
        offsets = self._shape[:, None] - self._shape[points]
        return np.linalg.norm(offsets, axis=-1).min(axis=1)

    def _share(self, fixed: list[int], distance: np.ndarray) -> np.ndarray:
        """0 at fixed points, 1 where `distance` is 0."""
        to_fixed = self._distance(fixed)
        return to_fixed / (to_fixed + distance + 1e-6)

    def mouth(self, face: Face, donor: Face) -> Blend:
        """The donor's mouth, with the folds and the chin around it."""
        return self._transplant(
            face, donor, self._mouth_moves, self._mouth_shows, (mesh.LIPS,)
        )

    def eyes(self, face: Face, donor: Face) -> Blend:
        """The donor's eyes, between lids and brows."""
        return self._transplant(
            face, donor, self._eyes_move, self._eyes_show, _ALL_PARTS
        )

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
        side = np.sign(self._shape[:, 0] - self._shape[9, 0])
        down = inner * self._inner_brows + outer * self._outer_brows
        return self._move(face, -side * together * self._inner_brows, down)

    def wrinkles(self, face: Face, donor: Face, strength: float) -> Blend:
        """The donor's skin between the brows, where a frown shows.

        Args:
          face: whose place between the brows is changed.
          donor: somebody who frowns.
          strength: 0 to 1.
        """
        return self._blend(
            face, face.points, donor, strength * self._wrinkles_show, _ALL_PARTS
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
        down = down * self._corners - thin * height * self._lips
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

    def _transplant(self, face, donor, moves, shows, parts) -> Blend:
        there = geometry.apply(
            mesh.fit(donor.points, face.points), donor.points
        )
        points = face.points + moves[:, None] * (there - face.points)
        return self._blend(face, points, donor, shows, parts)

    def _blend(self, face, points, donor, shows, parts) -> Blend:
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
        return Blend(Face(np.uint8(joined.round()), points), float(mismatch))


def _covered(parts, points, before, size) -> np.ndarray:
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
