"""What is painted: folds of skin, and the inside of an opened mouth."""

from collections.abc import Sequence

import cv2
import numpy as np

from tools.photo_pairs import mesh
from tools.photo_pairs.face import Face
from tools.photo_pairs.weights import smooth

SKIN, GRAY = (0.8, 1.1, 1.2), (1, 1, 1)
"""How fast red, green and blue fade in the shade of folds, and of all else."""


def darken(
    face: Face,
    lines: list[np.ndarray],
    width: float,
    deep: float,
    beside: float,
    fades: Sequence[float] = SKIN,
) -> Face:
    """Darkens skin along lines that fade at their ends.

    Args:
      face: whose.
      lines: `[n, 2]` each, (x, y).
      width: of the shade, in distances of the eyes.
      deep: share of the light that is lost.
      beside: how much brighter it is beside the line, as a share of that.
      fades: exponents of the light's red, green and blue.
    """
    mask = np.zeros(face.picture.shape[:2], np.uint8)
    for line in lines:
        length = np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum()
        along = np.linspace(0, 1, 13)
        x, y = (
            np.interp(along, np.insert(length, 0, 0) / length[-1], values)
            for values in np.transpose(line)
        )
        ends = np.int32(np.round(np.stack([x, y], axis=1) * 16 - 8))
        for start, end, place in zip(ends, ends[1:], along, strict=False):
            strength = int(255 * np.sin(np.pi * (place + 1 / 24)))
            cv2.polylines(
                mask, [np.stack([start, end])], False, strength, 1,
                cv2.LINE_AA, 4,
            )  # fmt: skip
    width *= mesh.eye_distance(face.points)
    fine, broad = (
        cv2.GaussianBlur(np.float32(mask), (0, 0), scale * width)
        for scale in (1, 2)
    )
    dark = fine / max(fine.max(), 1e-6)
    bright = broad / max(broad.max(), 1e-6) - dark
    light = 1 - deep * dark + deep * beside * np.maximum(bright, 0)
    picture = face.picture * np.power(light[..., None], fades)
    return Face(np.uint8(np.clip(picture, 0, 255).round()), face.points)


def inpaint(face: Face, outline: np.ndarray) -> Face:
    """Paints a place anew from what is around it.

    Args:
      face: whose.
      outline: `[n, 2]`, (x, y), of the place.
    """
    place = cv2.dilate(polygon(face, outline), np.ones((3, 3), np.uint8))
    around = cv2.inpaint(
        face.picture, np.uint8(place > 0), 4, cv2.INPAINT_TELEA
    )
    share = cv2.GaussianBlur(np.float32(place) / 255, (0, 0), 0.8)[..., None]
    joined = face.picture * (1 - share) + around * share
    return Face(np.uint8(joined.round()), face.points)


def color_lips(face: Face, like: Face) -> Face:
    """Gives lips the mean color of other ones.

    Args:
      face: whose lips are colored.
      like: whose color they get.
    """

    def lips(face: Face) -> np.ndarray:
        outside, inside = (
            polygon(face, face.points[line])
            for line in (mesh.LIPS, mesh.MOUTH_OPENING)
        )
        return np.float32(cv2.subtract(outside, inside)) / 255

    def color(face: Face, share: np.ndarray) -> np.ndarray:
        logs = np.log(np.float32(face.picture) + 8)
        return (logs * share[..., None]).sum(axis=(0, 1)) / (share.sum() + 1)

    here = lips(face)
    gain = np.clip(color(like, lips(like)) - color(face, here), -0.7, 0.7)
    share = cv2.GaussianBlur(here, (0, 0), 1.0)[..., None]
    picture = np.clip(face.picture * np.exp(gain * share), 0, 255)
    return Face(np.uint8(picture.round()), face.points)


def polygon(face: Face, outline: np.ndarray) -> np.ndarray:
    """uint8 `[height, width]`, 255 within an outline `[n, 2]`, (x, y)."""
    mask = np.zeros(face.picture.shape[:2], np.uint8)
    corners = np.int32(np.round(outline * 16 - 8))
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, 4)
    return mask


def fill_mouth(face: Face, donor: Face) -> Face:
    """Paints a donor's teeth and tongue into an opened mouth.

    Args:
      face: whose lips are apart.
      donor: whose mouth is open.
    """
    size = face.picture.shape[:2]
    opening = polygon(face, face.points[mesh.MOUTH_OPENING])
    share = cv2.GaussianBlur(np.float32(opening) / 255, (0, 0), 0.7)[..., None]
    inside = _opening_of(donor, face.points, size) * light_ratio(face, donor)
    joined = face.picture * (1 - share) + np.clip(inside, 0, 255) * share
    return Face(np.uint8(joined.round()), face.points)


def _opening_of(
    donor: Face, points: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """A donor's teeth and tongue, stretched to another opening of the mouth."""

    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    (left, right), (there_left, there_right) = (
        each[[78, 308], 0] for each in (points, donor.points)
    )
    across = np.clip((x - left) / (right - left), 0.04, 0.96)
    above, below = mesh.opening_edges(points, x)
    down = np.clip((y - above) / np.maximum(below - above, 1), 0.08, 0.92)
    # The lips cast a shadow, the upper one more; corners lie deep.
    shade = np.minimum(down / 0.35, (1 - down) / 0.15)
    shade = np.minimum(shade, np.minimum(across, 1 - across) / 0.2)
    shade = 0.35 + 0.65 * smooth(shade)
    from_x = there_left + across * (there_right - there_left)
    above, below = mesh.opening_edges(donor.points, from_x)
    from_y = above + down * (below - above)
    return shade[..., None] * cv2.remap(
        donor.picture,
        np.float32(from_x - 0.5),
        np.float32(from_y - 0.5),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )


def light_ratio(face: Face, donor: Face) -> float:
    """How much more light falls on a face's cheeks than on a donor's."""

    def cheeks(face: Face) -> float:
        gray = cv2.cvtColor(face.picture, cv2.COLOR_RGB2GRAY)
        blurred = cv2.GaussianBlur(gray, (0, 0), 3)
        return mesh.at(blurred, face.points[mesh.CHEEKS]).mean()

    return float(np.clip(cheeks(face) / cheeks(donor), 0.5, 1.5))
