"""Finds a listed face in its original and cuts the crop that the list means.

The listed crops were cut around the aligned frame that the detector saw in the
original, and that moves by a few percent with the size at which a face is
searched. So the list has a thumbnail of each crop: the square is moved from
where the detector puts it to where its own thumbnail is most alike.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import optimize

from efgan_tf import geometry
from efgan_tf.faces.detection import Detector
from tools.photographs.listing import CELLS, Picture

LARGEST = 384
"""Crops are shrunk to this side, and never enlarged."""

MOST_UNLIKE = 4.0
"""By which the thumbnails of one crop may differ: RMS in gray levels.

Crops found again in enlarged, compressed or drawn copies of themselves differ
by 1.2 at most; those of two people of the list by 8.6 at least.
"""

_MARGIN = 0.1  # of the side, not in the thumbnail: there may be no photo there
_SAMPLES = 8  # across a cell
_WINDOW = 1280  # of a sheet, searched at once; the detector halves it
_STARTS = 3  # faces that are compared closely
_DARK = 32  # gray level; what lies between the tiles of a sheet is darker


class Square(NamedTuple):
    """An upright square in a photo's pixels; it may reach beyond the photo."""

    left: float
    top: float
    side: float


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """What the list has of a crop.

    Args:
      pixels: uint8 `[side, side, 3]`, RGB.

    Returns:
      float32 `[CELLS, CELLS]`, 0–255: mean luminance in the cells of its
      middle, a tenth of the side left out all around.
    """
    side = len(pixels)
    return _Shrunk(pixels, side).thumbnail(Square(0, 0, side))


def matches(pixels: np.ndarray, picture: Picture) -> bool:
    """Whether a crop is the listed one."""
    return _unlike(thumbnail(pixels), picture) <= MOST_UNLIKE


def search(
    photo: np.ndarray, on_sheet: bool, detector: Detector
) -> list[np.ndarray]:
    """Five landmarks, float64 `[5, 2]`, of each face of an original.

    A sheet of pictures is searched in overlapping windows, since its faces are
    too small to be found in the whole; a face may then be found several times.
    """
    height, width = photo.shape[:2] if on_sheet else (1, 1)
    half = _WINDOW // 2
    corners = [
        (x, y)
        for y in range(0, max(height - half, 1), half)
        for x in range(0, max(width - half, 1), half)
    ]
    parts = [photo[y : y + _WINDOW, x : x + _WINDOW] for x, y in corners]
    found = detector.detect(parts if on_sheet else [photo])
    return [
        face.landmarks + corner
        for corner, faces in zip(corners, found, strict=True)
        for face in faces
    ]


def find(
    photo: np.ndarray, faces: Iterable[np.ndarray], picture: Picture
) -> np.ndarray | None:
    """The listed crop of an original, uint8 `[size, size, 3]`.

    Args:
      photo: the original, uint8 `[height, width, 3]`.
      faces: what `search` found in it.
      picture: what is looked for.

    Returns:
      The crop; None if no face looks like the listed one.
    """
    starts = [_start(landmarks, picture) for landmarks in faces]
    if not starts:
        return None
    shrunk = _Shrunk(photo, float(np.median([s.side for s in starts])))

    def unlike(square: Square) -> float:
        return _unlike(shrunk.thumbnail(square), picture)

    starts = sorted(starts, key=unlike)[:_STARTS]
    square = min((_moved(shrunk, s, picture) for s in starts), key=unlike)
    square = Square(*(int(np.rint(value)) for value in square))
    crop = _cut(photo, square, picture)
    return crop if matches(crop, picture) else None


class _Shrunk:
    """A photo's luminance at the resolution of thumbnails."""

    def __init__(self, photo: np.ndarray, side: float):
        """`side`: about that of the squares, in the photo's pixels."""
        import cv2  # OpenCV takes a tenth of a second to import

        gray = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
        height, width = gray.shape
        scale = min(1, CELLS * _SAMPLES / ((1 - 2 * _MARGIN) * side))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        self._gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
        self._scale = np.array(size, np.float32) / (width, height)

    def thumbnail(self, square: Square) -> np.ndarray:
        """float32 `[CELLS, CELLS]` of a square in the photo's pixels."""
        import cv2

        count = CELLS * _SAMPLES
        part = _MARGIN + (1 - 2 * _MARGIN) * (np.arange(count) + 0.5) / count
        x, y = (
            np.float32((start + square.side * part) * scale - 0.5)
            for start, scale in zip(square[:2], self._scale, strict=True)
        )
        samples = cv2.remap(
            self._gray,
            *np.meshgrid(x, y),
            interpolation=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        shape = CELLS, _SAMPLES, CELLS, _SAMPLES
        return samples.reshape(shape).mean(axis=(1, 3))


def _unlike(found: np.ndarray, picture: Picture) -> float:
    return float(np.sqrt(np.square(found - picture.thumbnail).mean()))


def _start(landmarks: np.ndarray, picture: Picture) -> Square:
    """The square around a face's aligned frame, as large as the listed one."""
    frame = geometry.invert(geometry.alignment(landmarks, 1))
    side = float(picture.size)  # the original's pixels, if it was not shrunk
    if picture.size == LARGEST:
        aligned = np.sqrt(np.linalg.det(frame[:, :2]))
        side *= max(1.0, aligned / picture.aligned_side)
    left, top = geometry.apply(frame, np.full(2, 0.5)) - side / 2
    return Square(float(left), float(top), side)


def _moved(shrunk: _Shrunk, start: Square, picture: Picture) -> Square:
    """The square near `start` whose thumbnail is most like the listed one."""

    def square(change: np.ndarray) -> Square:
        growth = np.exp(change[2]) if len(change) > 2 else 1.0
        side = max(start.side * growth, picture.size)
        middle = np.array(start[:2]) + (0.5 + change[:2]) * start.side
        left, top = middle - side / 2
        return Square(float(left), float(top), float(side))

    def residuals(change: np.ndarray) -> np.ndarray:
        off = shrunk.thumbnail(square(change)) - picture.thumbnail
        return off.ravel().astype(np.float64)

    free = np.zeros(3 if picture.size == LARGEST else 2)
    step = 1 / (CELLS * _SAMPLES)  # scipy takes it relative to 1 at zero
    solved = optimize.least_squares(
        lambda change: residuals(change - 1), free + 1, diff_step=step
    )
    return square(solved.x - 1)


def _cut(photo: np.ndarray, square: Square, picture: Picture) -> np.ndarray:
    """The content of a square, edge pixels repeated beyond the photo."""
    rows, columns = (
        np.arange(start, start + square.side)
        for start in (square.top, square.left)
    )
    top, bottom, left, right = 0, photo.shape[0], 0, photo.shape[1]
    if picture.on_sheet:
        top, bottom, left, right = _tile(photo, square)
    rows, columns = rows.clip(top, bottom - 1), columns.clip(left, right - 1)
    content = Image.fromarray(photo[rows[:, None], columns])
    if square.side != picture.size:
        size = picture.size, picture.size
        content = content.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(content)


def _tile(sheet: np.ndarray, square: Square) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of the tile that a square's center lies in.

    Tiles are squares on black, their titles above them.
    """
    light = sheet.max(axis=2) > _DARK
    left, right = _run(light.mean(axis=0) > 0.05, square.left + square.side / 2)
    top, bottom = _run(light.mean(axis=1) > 0.4, square.top + square.side / 2)
    if abs((bottom - top) / (right - left) - 1) > 0.05:  # no tile was found
        return 0, sheet.shape[0], 0, sheet.shape[1]
    return top, bottom, left, right


def _run(inside: np.ndarray, position: float) -> tuple[int, int]:
    """Where the run of true values around a position starts and ends."""
    outside = np.flatnonzero(~inside)
    index = int(np.searchsorted(outside, position))
    edges = [-1, *outside, len(inside)]
    return int(edges[index]) + 1, int(edges[index + 1])
