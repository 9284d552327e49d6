"""Closes eyes: skin of the lid down to a line of lashes."""

import cv2
import numpy as np

from tools.photo_pairs import mesh
from tools.photo_pairs.face import Face
from tools.photo_pairs.shading import polygon

# Lengths in distances of the eyes.
_ABOVE, _BELOW, _BESIDE = 0.05, 0.035, 0.05
"""How far lashes and shadows of an open eye reach around it."""
_TO_BROW = 0.4
"""The skin above is left from this share of the way to the brow on."""
_BORDER = 0.02
"""Blur of the border of what is covered."""
_FOLDS = 0.07
"""Up to which width folds and lashes around an eye do not color its lid."""
_AROUND = 0.05
"""Blur by which the lid gets the color of the skin around it."""
_SHADE = 0.15
"""Share of the light that the lid loses towards the lashes."""
_HANGS = 0.07
"""Least height of the line where the lids meet, as a share of its length."""
_LASHES = (
    (0.0, 0.3, 0.7, 1.0),
    (0.003, 0.006, 0.007, 0.003),
    (0.004, 0.01, 0.014, 0.005),
)
"""From the line's inner end to its outer one: how far lashes reach above and
below it."""
_BEYOND = 0.03
"""How far they reach beyond the outer corner."""
_SHARP, _HAZE = 0.008, 0.03
"""Blurs of the lashes and of the shadow around them."""


def close_eyes(face: Face, rise: float) -> Face:
    """Covers the eyes by skin, down to a dark line where the lids meet.

    The lid gets the color of the skin around the eye; the line is as dark as
    the lashes and the lid's edge of the open eye are.

    Args:
      face: whose.
      rise: how far up the lids meet, as a share of the eye's opening.
    """
    unit = mesh.eye_distance(face.points)
    lids = list(zip(mesh.UPPER_LIDS, mesh.LOWER_LIDS, strict=True))
    outlines = [
        _outline(*(face.points[line] for line in (*eye, brow)), unit)
        for eye, brow in zip(lids, mesh.BELOW_BROWS, strict=True)
    ]
    skin = _skin(face, outlines, unit)
    picture, points = np.float32(face.picture), face.points.copy()
    y = np.arange(len(picture))[:, None, None] + 0.5
    for outline, (upper, lower) in zip(outlines, lids, strict=True):
        above, below = face.points[upper], face.points[lower]
        meet = _hanging(below + rise * (above - below))
        points[upper[1:-1]] = points[lower[1:-1]] = meet[1:-1]
        top, bottom = above[:, 1].min(), meet[:, 1].max()
        low = np.clip((y - top) / (bottom - top), 0, 1) * (y < bottom)
        share = _blurred(face, outline, _BORDER * unit)
        picture += share * (skin * (1 - _SHADE * np.square(low)) - picture)
        inner_first = 1 if mesh.RIGHT_CORNER in upper else -1
        lashes = _lashes(meet[::inner_first], unit)
        dark = sum(_blurred(face, lashes, x * unit) for x in (_SHARP, _HAZE))
        picture *= 1 - _darkness(face, above, unit) * np.minimum(1, dark)
    return Face(np.uint8(picture.clip(0, 255).round()), points)


def _outline(
    above: np.ndarray, below: np.ndarray, brow: np.ndarray, unit: float
) -> np.ndarray:
    """Of an eye and its lashes, `[18, 2]`, by its lids and the brow above."""
    to_brow = above[:, 1] - np.interp(above[:, 0], *brow.T)
    up = np.clip(_TO_BROW * to_brow, 0, _ABOVE * unit)
    down = np.full(len(below), _BELOW * unit)
    beside = _BESIDE * unit * np.linspace(-1, 1, len(above)) ** 3
    return np.concatenate(
        [
            above + np.stack([beside, -up], axis=1),
            (below + np.stack([beside, down], axis=1))[::-1],
        ]
    )


def _hanging(line: np.ndarray) -> np.ndarray:
    """Smooths a line `[n, 2]` whose middle must lie below its ends."""
    x, y = line.T
    along = (x - x[0]) / (x[-1] - x[0])
    basis = np.stack([1 - along, along, 4 * along * (1 - along)], axis=1)
    ends_and_height = np.linalg.lstsq(basis, y, rcond=None)[0]
    more = max(0, _HANGS * (x[-1] - x[0]) - ends_and_height[2])
    ends_and_height += [-more / 2, -more / 2, more]
    return np.stack([x, basis @ ends_and_height], axis=1)


def _lashes(line: np.ndarray, unit: float) -> np.ndarray:
    """Outline of the lashes along a line from the inner to the outer corner."""
    outwards = np.sign(line[-1, 0] - line[0, 0])
    line = line.copy()
    line[-1] += np.array([outwards, 0.3]) * _BEYOND * unit
    along = np.linspace(0, 1, len(line))
    up, down = (
        unit * np.outer(np.interp(along, _LASHES[0], reach), [0, 1])
        for reach in _LASHES[1:]
    )
    return np.concatenate([line - up, (line + down)[::-1]])


def _darkness(face: Face, above: np.ndarray, unit: float) -> float:
    """Which share of the skin's light an open eye's lashes lose."""
    gray = cv2.cvtColor(face.picture, cv2.COLOR_RGB2GRAY)
    rows = np.linspace(-0.02, 0.015, 6) * unit
    lashes = [mesh.at(gray, above + [0, row]) for row in rows]
    skin = mesh.at(gray, above - [0, 0.09 * unit])
    dark = np.quantile(lashes, 0.2) / max(np.median(skin), 1)
    return float(np.clip(1 - dark, 0.4, 0.8))


def _blurred(face: Face, outline: np.ndarray, width: float) -> np.ndarray:
    """float32 `[height, width, 1]`, 1 within an outline."""
    mask = np.float32(polygon(face, outline)) / 255
    return cv2.GaussianBlur(mask, (0, 0), width)[..., None]


def _skin(face: Face, eyes: list[np.ndarray], unit: float) -> np.ndarray:
    """float32 `[height, width, 3]`: color of the skin around eyes and brows."""
    brows = [
        cv2.convexHull(np.float32(face.points[brow]))[:, 0]
        for brow in (mesh.LEFT_BROW, mesh.RIGHT_BROW)
    ]
    hidden = np.max([polygon(face, each) for each in eyes + brows], axis=0)
    shown = np.float32(hidden < 128)
    size = int(_FOLDS * unit) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    plain = cv2.morphologyEx(face.picture, cv2.MORPH_CLOSE, kernel)
    color, weight = (
        cv2.GaussianBlur(image, (0, 0), _AROUND * unit)
        for image in (plain * shown[..., None], shown)
    )
    return color / np.maximum(weight, 1e-6)[..., None]
