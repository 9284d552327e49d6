"""How well pictures that are ground truth for each other register."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from efgan_tf import geometry


@dataclasses.dataclass(frozen=True)
class Registration:
    """The pictures of views that have more than one.

    Attributes:
      photos: how many there are.
      views: of how many views: one person, one pose and light.
      own: how far eyes and nose lie from their mean place in the view, in
        pixels of the aligned frame, the mean over points and pictures, where
        each picture is aligned by its own landmarks.
      shared: the same where a view has one transform.
    """

    photos: int
    views: int
    own: float
    shared: float


def registration(views: Sequence[np.ndarray], size: int) -> Registration | None:
    """Measures how well the pictures of each view register.

    Args:
      views: for each view the landmarks that were detected in its pictures,
        `[pictures, 5, 2]`, in pixels of the photos.
      size: side of the aligned pictures.

    Returns:
      None where no view has two pictures.
    """
    several = [points for points in views if len(points) > 1]
    if not several:
        return None
    own, shared = [], []
    for points in several:
        one = geometry.alignment(shared_landmarks(points), size)
        shared.append(_distances([one] * len(points), points))
        each = [geometry.alignment(marks, size) for marks in points]
        own.append(_distances(each, points))
    return Registration(
        photos=sum(map(len, several)),
        views=len(several),
        own=round(float(np.concatenate(own).mean()), 3),
        shared=round(float(np.concatenate(shared).mean()), 3),
    )


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


def _distances(
    transforms: Sequence[np.ndarray], points: np.ndarray
) -> np.ndarray:
    """How far each aligned eye and nose is from its mean, flat."""
    aligned = np.stack(
        [
            geometry.apply(transform, marks[: len(geometry.TEMPLATE)])
            for transform, marks in zip(transforms, points, strict=True)
        ]
    )
    return np.linalg.norm(aligned - aligned.mean(0), axis=-1).ravel()
