"""Whose mouth a photo gets: people who look alike."""

import cv2
import numpy as np

from tools.photo_pairs import mesh
from tools.photo_pairs.face import Face

_AROUND_MOUTH = ([164, 167, 393], [199, 200, 175])  # above and below


def colors(face: Face) -> np.ndarray:
    """float64 `[9]`: the cheeks' color, and how others differ from it.

    In tens of CIELAB's units; lightness of the cheeks counts half. A beard
    shows as the difference above and below the mouth.
    """
    blurred = cv2.GaussianBlur(face.picture, (0, 0), 2)
    lab = np.float64(cv2.cvtColor(blurred, cv2.COLOR_RGB2LAB))

    def mean(points: list[int]) -> np.ndarray:
        return mesh.at(lab, face.points[points]).mean(axis=0)

    cheeks = mean(mesh.CHEEKS)
    around = [mean(points) - cheeks for points in _AROUND_MOUTH]
    return np.concatenate([cheeks * [0.5, 1, 1], *around]) / 10


class Donors:
    """Ranks people by how little a part of theirs would stand out.

    Args:
      subjects: str `[n]`, who is on each photo.
      identities: float64 `[n, 128]`, dlib's.
      looks: float64 `[n, 9]`, from `colors`.
      yaws: float64 `[n]`, degrees.
      scales: float64 `[n]`, how much each photo was enlarged.
    """

    def __init__(self, subjects, identities, looks, yaws, scales):
        self._subjects = np.asarray(subjects)
        self._identities, self._looks = identities, looks
        self._yaws, self._scales = yaws, scales

    def nearest(self, photo: int, among: np.ndarray, count: int) -> np.ndarray:
        """Indices of the photos `among` some that suit a photo best."""
        among = among[self._subjects[among] != self._subjects[photo]]
        softer = self._scales[among] / self._scales[photo] - 1.1
        cost = (
            10 * self._apart(self._identities, photo, among)
            + 0.5 * self._apart(self._looks, photo, among)
            + np.abs(self._yaws[among] - self._yaws[photo]) / 8
            + 2 * np.maximum(0, softer)
        )
        return among[np.argsort(cost, kind="stable")[:count]]

    def beards_apart(self, photo: int, among: np.ndarray) -> np.ndarray:
        """How differently others look above and below the mouth: `[among]`.

        In tens of CIELAB's units.
        """
        return self._apart(self._looks[:, 3:], photo, among)

    def _apart(self, values, photo, among) -> np.ndarray:
        return np.linalg.norm(values[among] - values[photo], axis=1)
