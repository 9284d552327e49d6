"""The aligned frame: where a face's parts lie in every image that we train on.

A least-squares similarity transform takes the eyes and the nose to a fixed
template. The mouth is left out of the fit because it moves with the
expression (docs/synthetic.md has the measured spread). In that frame the eyes,
the nose and the mouth lie in fixed boxes: static shapes, no landmarks at
inference. Coordinates are (x, y) in pixels with pixel centers at whole numbers
plus one half, so that a point scales with the image side.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

Array = TypeVar("Array", bound=Any)

LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
"""Order of five-point landmarks; left and right are the image's."""

TEMPLATE = np.array([[0.36, 0.38], [0.64, 0.38], [0.50, 0.54]], np.float64)
"""Eyes and nose as fractions (x, y) of the side."""

GRID = 32
"""Boxes are given in this many parts of the side."""


class Box(NamedTuple):
    """A region in pixels or in 32nds of the side."""

    top: int
    left: int
    height: int
    width: int


REGIONS: dict[str, Box] = {
    "eyes": Box(5, 6, 12, 20),
    "nose": Box(9, 10, 12, 12),
    "mouth": Box(16, 8, 16, 16),
}
"""The default boxes in 32nds of the side."""


def pixel_boxes(
    size: int, regions: Mapping[str, Box] = REGIONS
) -> dict[str, Box]:
    """The regions' boxes in pixels at an image side of `size`.

    Raises:
      ValueError: `size` is not a positive multiple of 32.
    """
    if size <= 0 or size % GRID:
        raise ValueError(f"the image side must be a multiple of 32, not {size}")
    scale = size // GRID
    return {
        name: Box(*(edge * scale for edge in box))
        for name, box in regions.items()
    }


def crop(images: Array, box: Box) -> Array:
    """`[batch, height, width, channels]` → the pixels inside `box`."""
    bottom, right = box.top + box.height, box.left + box.width
    return images[:, box.top : bottom, box.left : right]


def coverage(size: int, boxes: Mapping[str, Box]) -> np.ndarray:
    """How many boxes cover each pixel: float32 `[size, size, 1]`."""
    count = np.zeros((size, size, 1), np.float32)
    for box in boxes.values():
        crop(count[None], box)[:] += 1
    return count


def fit_similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Least-squares rotation, uniform scale and shift (no reflection).

    With points as complex numbers the transform is `a·z + b`, and the least
    squares have the closed form of a complex linear regression.

    Args:
      points: `[n, 2]` (x, y), n ≥ 2, not all the same.
      targets: `[n, 2]`, where they should go.

    Returns:
      float64 `[2, 3]` matrix M with `targets ≈ M @ (x, y, 1)`.

    Raises:
      ValueError: the points coincide or are not finite.
    """
    z = np.asarray(points, np.float64) @ (1, 1j)
    w = np.asarray(targets, np.float64) @ (1, 1j)
    z_centered, w_centered = z - z.mean(), w - w.mean()
    spread = np.vdot(z_centered, z_centered).real
    if not np.isfinite(spread) or spread < 1e-12:
        raise ValueError("landmarks coincide or are not finite")
    a = np.vdot(z_centered, w_centered) / spread
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def alignment(landmarks: np.ndarray, size: int) -> np.ndarray:
    """The transform from a photo into the aligned frame.

    Args:
      landmarks: `[5, 2]` in the order of `LANDMARKS`, or `[3, 2]` (eyes and
        nose), in photo pixels.
      size: side of the aligned image.

    Returns:
      float64 `[2, 3]`: photo pixels → aligned pixels.
    """
    return fit_similarity(np.asarray(landmarks)[:3], TEMPLATE * size)


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse `[2, 3]` of an affine `[2, 3]`."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.concatenate([linear, -linear @ matrix[:, 2:]], axis=1)


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Maps points `[..., 2]` by an affine `[2, 3]`."""
    return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]


def for_opencv(matrix: np.ndarray) -> np.ndarray:
    """An affine for OpenCV: its pixel centers lie at whole numbers."""
    shift = apply(matrix, np.full(2, 0.5)) - 0.5
    return np.column_stack([matrix[:, :2], shift])


def square(matrix: np.ndarray, size: int) -> np.ndarray:
    """The corners of the aligned square in the photo.

    Args:
      matrix: `[2, 3]`, photo pixels → aligned pixels.
      size: side of the aligned picture.

    Returns:
      float64 `[4, 2]` (x, y), clockwise from the top left.
    """
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], float)
    return apply(invert(matrix), corners)


def warp(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Resamples a photo into a square of `size` pixels.

    Shrinking is done by a Gaussian blur of matching width before bilinear
    sampling, so that fine texture does not turn into noise; beyond the photo's
    edge its last pixels are repeated by reflection.

    Args:
      image: uint8 `[height, width, 3]`.
      matrix: `[2, 3]`, photo pixels → output pixels.
      size: output side.

    Returns:
      uint8 `[size, size, 3]`.
    """
    import cv2  # OpenCV takes a tenth of a second to import

    shrink = 1 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if shrink > 1:
        # A pixel that covers `shrink` pixels: box variance (s² − 1) / 12.
        sigma = np.sqrt((shrink**2 - 1) / 12)
        image = _blurred_where_seen(image, matrix, size, sigma)
    return cv2.warpAffine(
        image,
        for_opencv(matrix),
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )


def align(photo: np.ndarray, landmarks: np.ndarray, size: int) -> np.ndarray:
    """One face of a photo in the aligned frame.

    Args:
      photo: uint8 `[height, width, 3]`.
      landmarks: `[5, 2]` in photo pixels, order of `LANDMARKS`.
      size: side of the aligned picture.

    Returns:
      uint8 `[size, size, 3]`.

    Raises:
      ValueError: the landmarks coincide or are not finite.
    """
    return warp(photo, alignment(landmarks, size), size)


def _blurred_where_seen(
    image: np.ndarray, matrix: np.ndarray, size: int, sigma: float
) -> np.ndarray:
    """A photo blurred where `warp` looks; its other pixels are anything.

    A face takes up little of a large photo, and blurring that takes a second.
    """
    import cv2

    seen = square(matrix, size)
    columns, rows = (
        _seen_part(seen[:, axis], length)
        for axis, length in ((0, image.shape[1]), (1, image.shape[0]))
    )
    reach = 4 * int(np.ceil(sigma))  # more than OpenCV's three
    top, left = max(0, rows.start - reach), max(0, columns.start - reach)
    part = image[top : rows.stop + reach, left : columns.stop + reach]
    blurred = cv2.GaussianBlur(part, (0, 0), sigma)
    result = np.empty_like(image)
    result[rows, columns] = blurred[
        rows.start - top : rows.stop - top,
        columns.start - left : columns.stop - left,
    ]
    return result


def _seen_part(positions: np.ndarray, length: int) -> slice:
    """The pixels along an axis that are seen, some of them by reflection."""
    first, last = np.floor(positions.min()) - 2, np.ceil(positions.max()) + 2
    if first < 0 and last > length:
        return slice(0, length)
    if first < 0:
        first, last = 0, max(last, -first)
    elif last > length:
        first, last = min(first, 2 * length - last), length
    return slice(int(max(first, 0)), int(min(last, length)))
