"""How far each point of the mesh follows a change of a part of the face.

All weights are 0 to 1 and fall off smoothly from what is changed to what must
stay.
"""

import cv2
import numpy as np

from tools.photo_pairs import mesh

_CORNERS = [61, 291, 78, 308]
_FOREHEAD = [
    10, 338, 297, 332, 284, 251, 389, 356, 109, 67, 103, 54, 21, 162, 127,
]  # fmt: skip
_BELOW_NOSE = [2, 97, 98, 326, 327]
_EYES = mesh.LEFT_EYE + mesh.RIGHT_EYE


def smooth(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, and smooth between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


class Weights:
    """The weights of a mean shape's points, float64 `[504]` each.

    Args:
      shape: float64 `[504, 2]`, `mesh.mean_shape`.

    Attributes:
      mouth_moves: where a face takes the shape of another mouth.
      mouth_shows: where it takes its colors.
      inner_brows: where skin follows the brows' inner ends.
      outer_brows: where it follows the outer ends.
      corners: of the mouth.
      lips: both lips.
      upper_lip: with the wings of the nose.
      lower_lip: it alone.
      jaw: with the lower lip and the chin.
    """

    def __init__(self, shape: np.ndarray):
        self._shape = shape
        self._unit = mesh.eye_distance(shape)
        self.mouth_moves, self.mouth_shows = self._mouth()
        self.inner_brows, self.outer_brows = self._brows()
        corners = self._distance(mesh.MOUTH_CORNERS)
        self.corners = smooth(1.3 - corners / 0.22) * np.minimum(
            1, 1.2 * self.mouth_moves
        )
        to_mouth = self._distance(mesh.LIPS + mesh.MOUTH_OPENING)
        self.lips = smooth(1.6 - to_mouth / 0.25) * np.minimum(
            1, 1.5 * self.mouth_moves
        )
        sides = self._distance(_CORNERS)
        # The corners of the mouth follow the upper lip half way.
        self.upper_lip = self._lip(
            mesh.UPPER_LIP,
            mesh.UPPER_LIP + mesh.NOSE_WINGS,
            mesh.LOWER_LIP,
            [6, 197, 195],
        ) * (0.4 + 0.6 * smooth(sides / 0.14))
        self.lower_lip = self._lip(
            mesh.LOWER_LIP, mesh.LOWER_LIP, mesh.UPPER_LIP, mesh.NOSE
        ) * (0.15 + 0.85 * smooth(sides / 0.16))
        self.jaw = self._jaw(sides)
        for weights in (
            self.mouth_moves, self.mouth_shows, self.inner_brows,
            self.outer_brows, self.corners, self.lips, self.upper_lip,
            self.lower_lip, self.jaw,
        ):  # fmt: skip
            weights[mesh.FACE_POINTS :] = 0  # the ring stays

    def _mouth(self) -> tuple[np.ndarray, np.ndarray]:
        to_mouth = self._distance(mesh.LIPS + mesh.MOUTH_OPENING)
        fixed = mesh.OVAL + _EYES + mesh.NOSE_BRIDGE + [4, 1] + _BELOW_NOSE
        moves = smooth(1.6 * self._share(fixed, to_mouth))
        fixed = mesh.OVAL + _EYES + mesh.NOSE
        shows = smooth(1.9 * self._share(fixed, to_mouth) - 0.15)
        lips = np.float32(self._shape[mesh.LIPS])
        within = [
            cv2.pointPolygonTest(lips, (float(x), float(y)), False) >= 0
            for x, y in self._shape
        ]
        moves[within] = shows[within] = 1
        return moves, shows

    def _brows(self) -> tuple[np.ndarray, np.ndarray]:
        to_brows = self._distance(mesh.BROWS + mesh.BETWEEN_BROWS)
        fixed = _EYES + _FOREHEAD + [197, 195, 5] + mesh.LIPS + [205, 425]
        # Straight: what is steeper would squeeze the lids to nothing.
        moves = self._share(fixed, to_brows)
        moves[mesh.BROWS + mesh.BETWEEN_BROWS] = 1
        moves *= smooth(1.7 - to_brows / 0.33)
        inner = self._distance(mesh.INNER_BROWS)
        outer = self._distance(mesh.OUTER_BROWS)
        share = outer / (inner + outer + 1e-6)
        return (
            moves * smooth(1.5 * share - 0.1),
            moves * smooth(1.5 * (1 - share) - 0.1),
        )

    def _lip(self, lip, moved, other_lip, others) -> np.ndarray:
        distance = self._distance(moved)
        fixed = mesh.OVAL + _EYES + other_lip + others
        weights = smooth(1.9 * self._share(fixed, distance) - 0.1)
        weights *= smooth(1.5 - distance / 0.25)
        weights[other_lip], weights[lip] = 0, 1
        return weights

    def _jaw(self, sides: np.ndarray) -> np.ndarray:
        """What lies lower and in front goes farther, as the jaw turns."""
        x, y = self._shape.T
        lips, chin = y[[13, 14]].mean(), mesh.CHIN
        low = (y - lips) / (y[chin] - lips)
        weights = np.where(low > 0, smooth(0.35 + 1.2 * low), 0.0)
        weights[mesh.UPPER_LIP], weights[mesh.LOWER_LIP] = 0, 1
        beside = np.abs(x - x[chin]) / self._unit
        weights *= 0.3 + 0.7 * smooth(1.4 - beside / 0.55)
        near_lips = 0.25 + 0.75 * smooth(sides / 0.16)
        return weights * np.where(low > 0.35, 1, near_lips)

    def _distance(self, points: list[int]) -> np.ndarray:
        """Of each point to the nearest of some, in distances of the eyes."""
        offsets = self._shape[:, None] - self._shape[points]
        return np.linalg.norm(offsets, axis=-1).min(axis=1) / self._unit

    def _share(self, fixed: list[int], distance: np.ndarray) -> np.ndarray:
        """0 at fixed points, 1 where `distance` is 0."""
        to_fixed = self._distance(fixed)
        return to_fixed / (to_fixed + distance + 1e-6)
