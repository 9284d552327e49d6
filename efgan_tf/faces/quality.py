"""What may be wrong with a face that was found and aligned.

Sharpness is the share of a strong edge's rise over three pixels that falls on
the middle one: all of it at a hard step, a third on a slope. Noise, contrast
and skin hardly count, as they would in a variance of the Laplacian. The more
blurred of the two directions is taken, for a camera that moved blurs one.
"""

import numpy as np

from efgan_tf import geometry

LARGEST_CUT = 0.15
"""Share of the aligned square that may lie beyond the photo's edge."""

LEAST_SHARPNESS = 0.0
"""Less is called blurred."""

# From the brows to the lips, in 32nds of the side: hair and background may be
# as blurred as they like.
_FACE = geometry.Box(5, 6, 23, 20)
# Of all differences, the share that counts as strong edges.
_STRONG = 0.1
_GRID = 32


def flaws(
    photo_shape: tuple[int, int],
    landmarks: np.ndarray,
    aligned: np.ndarray,
    size: int,
) -> list[str]:
    """What a person should look at before training on a face.

    Args:
      photo_shape: height and width of the photo.
      landmarks: `[5, 2]` in photo pixels, order of `geometry.LANDMARKS`.
      aligned: uint8 `[size, size, 3]`, RGB.
      size: side of the aligned picture, a multiple of 32.

    Returns:
      Reasons, none for a good face. What differs from face to face stands in
      brackets at the end.
    """
    matrix = geometry.alignment(landmarks, size)
    found = []
    side = size / np.sqrt(np.linalg.det(matrix[:, :2]))
    if side < size:
        found.append(f"smaller than the output ({int(side)} pixels a side)")
    clarity = sharpness(aligned)
    if clarity < LEAST_SHARPNESS:
        found.append(f"blurred (sharpness {clarity:.1f})")
    if _outside(landmarks[:2], photo_shape).any():
        found.append("an eye lies outside the photo")
    cut = _share_outside(photo_shape, matrix, size)
    if cut > LARGEST_CUT:
        found.append(f"cut off by the photo's edge ({cut:.0%})")
    return found


def sharpness(aligned: np.ndarray) -> float:
    """How hard the edges of an aligned face are, at its own resolution.

    Args:
      aligned: uint8 `[size, size, 3]`, size a multiple of 32.

    Returns:
      0 where there is nothing but slopes to 100 for steps from one pixel to
      the next.
    """
    box = geometry.pixel_boxes(len(aligned), {"face": _FACE})["face"]
    # Green carries most of the brightness.
    green = geometry.crop(aligned[None, :, :, 1], box)[0].astype(np.float32)
    share = min(_middle_share(green), _middle_share(green.T))
    return 100 * max(0.0, (9 * share - 1) / 8)


def _middle_share(brightness: np.ndarray) -> float:
    """Of strong changes over three rows, squared, the middle step's share."""
    rise = ((brightness[3:] - brightness[:-3]) ** 2).ravel()
    middle = ((brightness[2:-1] - brightness[1:-2]) ** 2).ravel()
    weakest = round(rise.size * (1 - _STRONG))
    strong = np.argpartition(rise, weakest)[weakest:]
    total = rise[strong].sum()
    # A picture of one color has no edges at all.
    return float(middle[strong].sum() / total) if total else 0.0


def _outside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which points (x, y) `[…, 2]` lie beyond the edges: bool `[…]`."""
    height, width = shape
    return ((points < 0) | (points > (width, height))).any(axis=-1)


def _share_outside(
    shape: tuple[int, int], matrix: np.ndarray, size: int
) -> float:
    """How much of the aligned square the photo does not show, 0–1."""
    ticks = (np.arange(_GRID) + 0.5) * size / _GRID
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    found = geometry.apply(geometry.invert(matrix), points)
    return float(_outside(found, shape).mean())
