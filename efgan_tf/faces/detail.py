"""Where an edit moved something, the photo's own detail moves along.

The network sees and makes 128 pixels of a face that may have 600. What it
replaces would be soft, though most of it is not new: a raised brow is the old
one, elsewhere. Optical flow from the edit back to the aligned face finds where
each part was, and how far that can be trusted. New matter, such as the inside
of an opened mouth, has no match, hence no confidence, and gets no detail.
"""

import dataclasses

import numpy as np

from efgan_tf.common.images import to_uint8

# Confidence falls from 1 at the first to 0 at the second. Measured on true
# pictures (people of the London set from neutral to smile and back, and
# rendered ones), where the moved detail can be compared with the true one: it
# correlates by 0.4 to 0.67 below the first and by less than 0.2 beyond the
# second. The optical flow's way there and back ends so many 128ths of the side
# off;
_RETURN = (0.25, 0.75)
# the moved face differs so much from the edit, of 2, color and shade included;
_DIFFERENCE = (0.1, 0.2)
# and its structure differs by this share of the contrast that both have.
_STRUCTURE = (0.25, 0.45)

# No part of a face moves by more of the square's side.
_FARTHEST = 1 / 6

# Contrast below which structure is noise, of 2.
_NOISE = 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class Motion:
    """Where the parts of an edited face were before.

    Attributes:
      shift: float32 `[size, size, 2]` (x, y) in pixels: what the edit shows at
        p was at p + shift.
      confidence: float32 `[size, size, 1]` in [0, 1]; 0 where it is new.
    """

    shift: np.ndarray
    confidence: np.ndarray


def find_motion(aligned: np.ndarray, edited: np.ndarray) -> Motion:
    """How the parts of a face moved in an edit.

    Args:
      aligned: float32 `[size, size, 3]` in [-1, 1], the face before.
      edited: likewise, after.
    """
    import cv2  # OpenCV takes a tenth of a second to import

    pixel = len(aligned) / 128

    def local(values, width):
        return cv2.GaussianBlur(values, (0, 0), width * pixel)

    def structure(face):
        return face - local(face, 4)

    before, after = _gray(aligned), _gray(edited)
    shift = _flow(after, before)
    back = _flow(before, after)
    returned = shift + sample(back, shift)
    moved = sample(aligned, shift)
    difference = local(np.abs(moved - edited).max(-1), 1.5)
    old, new = structure(moved), structure(edited)
    contrast = local((old**2).max(-1) + (new**2).max(-1), 1.5) + _NOISE**2
    mismatch = local(np.abs(old - new).max(-1), 1.5) / np.sqrt(contrast)
    confidence = (
        _trust(local(np.linalg.norm(returned, axis=-1), 1.5) / pixel, _RETURN)
        * _trust(difference, _DIFFERENCE)
        * _trust(mismatch, _STRUCTURE)
        * _within(shift)
    )
    # What borders on something new is in doubt. Smooth, but never more than it
    # was, so that 0 stays 0.
    confidence = cv2.erode(confidence, np.ones((3, 3), np.uint8))
    confidence = np.minimum(confidence, local(confidence, 1.5))
    return Motion(shift, confidence[..., None])


def sample(picture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """`picture[p + shift]` for every pixel p, cubic; edges are repeated.

    Args:
      picture: float32 `[height, width, channels]`, at most 32767 a side.
      shift: float32 `[height, width, 2]` (x, y) in its pixels.
    """
    import cv2

    rows, columns = np.indices(shift.shape[:2], np.float32)
    return cv2.remap(
        picture,
        columns + shift[..., 0],
        rows + shift[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _gray(face: np.ndarray) -> np.ndarray:
    return to_uint8(face @ np.array([0.299, 0.587, 0.114], np.float32))


def _flow(of: np.ndarray, into: np.ndarray) -> np.ndarray:
    """DIS optical flow (Kroeger et al., ECCV 2016)."""
    import cv2

    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    dis.setFinestScale(0)  # a quarter of these few pixels is not enough
    # Patches would learn from neighbors in the same thread, and results depend
    # on the number of threads.
    dis.setUseSpatialPropagation(False)
    # OpenCV's type hints lack None, which starts from no motion.
    return dis.calc(of, into, None)  # type: ignore[call-overload]


def _trust(error: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    full, none = limits
    steps = np.clip((none - error) / (none - full), 0, 1)
    return steps * steps * (3 - 2 * steps)


def _within(shift: np.ndarray) -> np.ndarray:
    """Whether each part comes from inside of the square, and not from afar."""
    size = len(shift)
    rows, columns = np.indices(shift.shape[:2])
    source = shift + np.stack([columns, rows], axis=-1)
    inside = np.all((source >= 0) & (source <= size - 1), axis=-1)
    return inside & (np.linalg.norm(shift, axis=-1) < size * _FARTHEST)
