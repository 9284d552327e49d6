"""What may be wrong with a face that was found and aligned.

Sharpness takes the strongest changes over three pixels and asks how much of
their energy is in the middle step: a third at hard edges, a ninth on slopes.
Contrast, skin and noise hardly count, as they would in the variance of the
Laplacian. Of the two directions the more blurred one is taken: a camera that
moved blurs only one.
"""

import numpy as np

from efgan_tf import geometry

LARGEST_CUT = 0.15
"""Share of the aligned square that may lie beyond the photo's edge."""

LEAST_SHARPNESS = 12.0
"""Less is called blurred.

Measured on 320 rendered photos of 512 pixels and 8 real faces, aligned at 64
to 256, as they are, with noise (4 / 255) and saved as JPEG of quality 60 and
80. Of the sharp ones 0.02 % are called blurred up to 192 pixels (the medians
are 32 to 45), 3 % at 256, where the photos' own pixels show, and none of 120
real ones. Of the blurred ones, at 64 to 128 pixels: 99 % at a Gaussian blur of
1.5 aligned pixels and all from 2 on, with noise too; all where the camera
moved 7 pixels sideways, 46 % aslant; 62 % of those enlarged threefold, 99.9 %
fourfold. 85 % of those blurred by one pixel pass.
"""

# From the brows to the lips, in 32nds of the side: hair and background may be
# as blurred as they like.
_FACE = geometry.Box(5, 6, 23, 20)
# Of all differences, the share that counts as strong edges.
_STRONG = 0.1
_GRID = 100


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
        found.append(f"blurred (sharpness {clarity:.0f} of 100)")
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
      0 where there are but slopes, 100 at steps from one pixel to the next;
      a little more where these stand close together.
    """
    box = geometry.pixel_boxes(len(aligned), {"face": _FACE})["face"]
    # Green carries most of the brightness.
    green = geometry.crop(aligned[None, :, :, 1], box)[0].astype(np.float32)
    share = min(_middle_share(green), _middle_share(green.T))
    return max(0.0, 50 * (9 * share - 1))


def _middle_share(brightness: np.ndarray) -> float:
    """Of strong changes over three rows, squared, the middle step's share."""
    rise = (brightness[3:] - brightness[:-3]) ** 2
    middle = (brightness[2:-1] - brightness[1:-2]) ** 2
    weaker = round(rise.size * (1 - _STRONG))
    strong = rise >= np.partition(rise, weaker, axis=None)[weaker]
    total = rise[strong].sum()
    # A picture of one color has no edges at all.
    return float(middle[strong].sum() / total) if total else 0.0


def _outside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which points (x, y) `[…, 2]` lie beyond the edges: bool `[…]`."""
    height, width = shape
    outside = (points < 0) | (points > (width, height))
    return np.any(outside, axis=-1)


def _share_outside(
    shape: tuple[int, int], matrix: np.ndarray, size: int
) -> float:
    """How much of the aligned square the photo does not show, 0–1."""
    ticks = (np.arange(_GRID) + 0.5) * size / _GRID
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    found = geometry.apply(geometry.invert(matrix), points)
    return float(_outside(found, shape).mean())
