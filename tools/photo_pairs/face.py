"""A face in a photo, and a face with something of another one."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A photo and its mesh.

    Attributes:
      picture: uint8 `[height, width, 3]`.
      points: float64 `[504, 2]`, (x, y), `mesh.with_ring`.
    """

    picture: np.ndarray
    points: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Blend:
    """A face with something of another one.

    Attributes:
      face: what came out.
      mismatch: how different colors and light of the two are, in logarithms.
    """

    face: Face
    mismatch: float
