"""Photos with those of their faces that are to be edited."""

import dataclasses

import numpy as np

from efgan_tf import geometry
from efgan_tf.common.images import eight_bits
from efgan_tf.faces.detection import Face, shrunk
from efgan_tf.faces.search import moved


@dataclasses.dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face aligned out of a photo.

    Attributes:
      face: where it is.
      aligned: uint8 `[size, size, 3]`, as the model sees it.
      source: float32 `[17]`, 0–5, what it shows.
    """

    face: Face
    aligned: np.ndarray
    source: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class AlignedPhoto:
    """A photo and those of its faces that are to be edited.

    Attributes:
      photo: `[height, width, 3]`, uint8, uint16, or floats in 0–1.
      faces: none if the photo has none and is to be left as it is.
      notes: what the user should know.
    """

    photo: np.ndarray
    faces: tuple[AlignedFace, ...]
    notes: tuple[str, ...]


def close_up(
    aligned_photo: AlignedPhoto, index: int, side: int
) -> AlignedPhoto:
    """One face's part of a photo, upright as the photo is.

    Args:
      aligned_photo: the photo.
      index: which of its faces.
      side: of the square picture that its photo becomes.

    Returns:
      An aligned photo with that face alone and 8 bits; what the model sees
      of it is the same.
    """
    face = aligned_photo.faces[index].face
    to_photo = geometry.invert(geometry.alignment(face.landmarks, 1))
    square = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    corners = geometry.apply(to_photo, square)
    start, end = corners.min(axis=0), corners.max(axis=0)
    scale = side / (end - start).max()
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    matrix[:, 2] = side / 2 - scale * (start + end) / 2
    return AlignedPhoto(
        geometry.warp(eight_bits(aligned_photo.photo), matrix, side),
        (_moved(aligned_photo.faces[index], matrix),),
        aligned_photo.notes,
    )


def reduced(aligned_photo: AlignedPhoto, side: int) -> AlignedPhoto:
    """An aligned photo, in 8 bits, shrunk to at most `side` pixels a side."""
    photo, scale = shrunk(eight_bits(aligned_photo.photo), side)
    matrix = np.column_stack([np.diag(1 / scale), np.zeros(2)])
    return AlignedPhoto(
        photo,
        tuple(_moved(face, matrix) for face in aligned_photo.faces),
        aligned_photo.notes,
    )


def _moved(face: AlignedFace, matrix: np.ndarray) -> AlignedFace:
    return dataclasses.replace(face, face=moved(face.face, matrix))
