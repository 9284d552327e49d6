"""Photos into the aligned frame (`efgan_tf.geometry`)."""

import numpy as np

from efgan_tf import geometry


def align(photo: np.ndarray, landmarks: np.ndarray, size: int) -> np.ndarray:
    """The aligned picture of one face.

    Args:
      photo: uint8 `[height, width, 3]`.
      landmarks: `[5, 2]` in photo pixels, order of `geometry.LANDMARKS`.
      size: side of the aligned picture.

    Returns:
      uint8 `[size, size, 3]`.

    Raises:
      ValueError: the landmarks coincide or are not finite.
    """
    return geometry.warp(photo, geometry.alignment(landmarks, size), size)


def shared_landmarks(detections: np.ndarray) -> np.ndarray:
    """One set of landmarks for pictures of one head in one fixed pose.

    The detector sees eyes and nose move a little with the expression. Where
    it is known that the head did not move, the median over its detections
    aligns all of its pictures alike, so that they register.

    Args:
      detections: `[pictures, 5, 2]`.

    Returns:
      float64 `[5, 2]`, the median of each coordinate.
    """
    return np.median(np.asarray(detections, np.float64), axis=0)
