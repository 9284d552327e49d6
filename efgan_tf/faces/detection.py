"""Finding faces and their five landmarks with MTCNN.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded
Convolutional Networks", 2016, with the weights of `mtcnn`.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from efgan_tf.faces.mtcnn import Mtcnn

LONGEST_SIDE = 640
"""Larger photos are shrunk to this for detection; results are scaled back."""

# Photos are padded at the right and the bottom to multiples of this, so that
# photos of about the same size share a batch.
_PADDING = 64
_BATCH = 16


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """One face in a photo; coordinates in the photo's pixels.

    Attributes:
      box: float64 `[4]`: left, top, width, height.
      landmarks: float64 `[5, 2]` (x, y) in the order of `geometry.LANDMARKS`;
        pixel centers at whole numbers plus one half.
      confidence: 0–1.
      doubt: why the landmarks may be wrong, where `efgan_tf.faces.search` has
        looked and is not sure.
    """

    box: np.ndarray
    landmarks: np.ndarray
    confidence: float
    doubt: str = ""

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        return float(self.box[2] * self.box[3])

    def contains(self, point: tuple[float, float]) -> bool:
        """Whether a point (x, y) lies in the box."""
        offset = np.asarray(point) - self.box[:2]
        return bool(((offset >= 0) & (offset <= self.box[2:])).all())


def largest(faces: Sequence[Face]) -> Face:
    """The face with the largest box."""
    return max(faces, key=lambda face: face.area)


class Detector:
    """MTCNN on the CPU, over any number of photos of any sizes.

    It finds faces from 20 pixels on, as measured in the shrunk photo.
    """

    def __init__(self):
        self._mtcnn = Mtcnn()

    def detect(self, photos: Sequence[np.ndarray]) -> list[list[Face]]:
        """Finds the faces of every photo.

        Args:
          photos: uint8 `[height, width, 3]` each, RGB.

        Returns:
          For each photo its faces, the most certain first; none where there is
          none.

        Raises:
          UserError: this process was forked after networks were loaded.
        """
        searched = [_shrunk(photo) for photo in photos]
        batches: dict[tuple[int, int], list[list[int]]] = {}
        for index, (photo, _) in enumerate(searched):
            rows = batches.setdefault(_padded_shape(photo), [[]])
            if len(rows[-1]) == _BATCH:
                rows.append([])
            rows[-1].append(index)
        found: list[list[Face]] = [[] for _ in photos]
        for shape, rows in batches.items():
            for indices in rows:
                padded = [_padded(searched[i][0], shape) for i in indices]
                for row in self._mtcnn(np.stack(padded)):
                    index = indices[int(row[0])]
                    face = _face(row, searched[index][1])
                    found[index].append(face)
        for faces in found:
            faces.sort(key=lambda face: -face.confidence)
        return found


def _shrunk(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photo as it is searched, and its (x, y) scale."""
    import cv2  # OpenCV takes a tenth of a second to import

    height, width = photo.shape[:2]
    if max(height, width) <= LONGEST_SIDE:
        return photo, np.ones(2)
    factor = LONGEST_SIDE / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    shrunk = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    return shrunk, np.array(size) / (width, height)


def _padded_shape(photo: np.ndarray) -> tuple[int, int]:
    height, width = photo.shape[:2]
    return -(-height // _PADDING) * _PADDING, -(-width // _PADDING) * _PADDING


def _padded(photo: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    canvas = np.zeros((*shape, 3), np.uint8)
    canvas[: photo.shape[0], : photo.shape[1]] = photo
    return canvas


def _face(row: np.ndarray, scale: np.ndarray) -> Face:
    left_top, right_bottom = row[1:3] / scale, row[3:5] / scale
    landmarks = (row[6:16].reshape(2, 5).T + 0.5) / scale
    return Face(
        box=np.concatenate([left_top, right_bottom - left_top]),
        landmarks=landmarks,
        confidence=float(row[5]),
    )
