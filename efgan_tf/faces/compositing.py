"""Puts an edited face back into its photo.

What the network changed is added to the photo, so that the photo's own detail,
far finer than what the network sees, stays. Only where something was replaced
(an opened mouth, a moved brow) is the old detail taken away, or it would shine
through:

    detail = photo − up(aligned)
    photo + w · [up(edited − aligned) − r · detail + r · c · moved(detail)]

`up` warps from the aligned frame, the square of `size` pixels that the network
sees, into the photo. `matrix` maps the other way. A large face is done in
horizontal strips, which have pixel coordinates and a matrix of their own.

`w` fades from 1 to 0 towards the edge of the face's square, and `r`, how much
was replaced, is high where the network both attended and changed much. Its
attention alone is no measure: it is up to 0.3 where nothing is to be edited.

The network sees and makes 128 pixels of a face that may have 600, so what it
replaces would be soft, though most of it is not new: a raised brow is the old
one, elsewhere. Optical flow from the edit back to the aligned face finds where
each part was, and how far that can be trusted (`c`, the confidence); the old
detail moves along. New matter, such as the inside of an opened mouth, has no
match, hence no confidence, and gets no old detail: it is cleared of specks and
sharpened instead.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from efgan_tf import geometry
from efgan_tf.common.images import to_uint8, to_unit

FEATHER = 0.08
"""Width of the fading rim, as a fraction of the square's side."""

# Full replacement begins at this change of the picture (of 2) and this
# attention. Of what was tried on held-out rendered faces, they come nearest to
# the ground truth and let least of the old mouth shine through, while an edit
# that changes nothing keeps all detail.
_REPLACING_CHANGE = 0.15
_REPLACING_ATTENTION = 0.2

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# Pixels worked on at a time; about 120 bytes each.
_STRIP_PIXELS = 1 << 20

# Confidence falls from 1 at the first to 0 at the second. Measured on ground
# truth (people of the London set from neutral to smile and back, and
# rendered ones), where the moved detail can be compared with the true one: it
# correlates by 0.4 to 0.67 below the first and by less than 0.2 beyond the
# second.
# How far from its start the flow there and back ends, in 128ths of the side.
_RETURN = (0.25, 0.75)
# How much the moved face differs from the edit, of 2, color and shade included.
_DIFFERENCE = (0.1, 0.2)
# How much its structure differs, as a share of the contrast that both have.
_STRUCTURE = (0.25, 0.45)

# No part of a face moves by more of the square's side.
_FARTHEST = 1 / 6

# Contrast below which structure is noise, of 2.
_NOISE = 0.05

# How much brighter than its surroundings, of 2, a speck begins to show and is
# smoothed in full, and how much of the luma's detail sharpening adds. Chosen by
# eye and by KID to people's own pictures (docs/photo_results.md).
_SPECK = (0.05, 0.12)
_SHARPENING = 1.3


def paste(
    photo: np.ndarray,
    matrix: np.ndarray,
    aligned: np.ndarray,
    edited: np.ndarray,
    attention: np.ndarray,
    carry_detail: bool = True,
) -> np.ndarray:
    """The photo with its face edited.

    Pixels outside the face's square stay bit for bit as they are, and so do
    all where `edited` equals `aligned`.

    Args:
      photo: `[height, width, 3]`, uint8, uint16, or float32/float64 in 0–1.
      matrix: `[2, 3]`, photo pixels → aligned pixels.
      aligned: float `[size, size, 3]` in [-1, 1], the face as the network
        saw it.
      edited: likewise, what it made of it.
      attention: `[size, size, 1]` in [0, 1], combined over everything; 1 is
        new, 0 keeps the input.
      carry_detail: move the photo's detail along with what the edit moved;
        smooth specks in what is new, and sharpen it.

    Returns:
      A new array of the photo's shape and type.

    Raises:
      ValueError: a shape or the photo's type is another one.
    """
    size = len(aligned)
    peak = _peak(photo)
    for name, array, channels in (
        ("aligned", aligned, 3),
        ("edited", edited, 3),
        ("attention", attention, 1),
    ):
        if array.shape != (size, size, channels):
            raise ValueError(f"{name} has the shape {array.shape}")
    edit = _edit(matrix, aligned, edited, attention, carry_detail)
    result = photo.copy()
    for top, bottom, left, right in _strips(photo.shape, matrix, size):
        # The strip and what its detail may come from: a part from (x, y) on.
        x, y = max(left - edit.reach, 0), max(top - edit.reach, 0)
        part = photo[y : bottom + edit.reach, x : right + edit.reach]
        detail = part.astype(np.float32) / peak
        of_part = _shifted(matrix, x, y)
        detail -= _to_photo(edit.aligned, of_part, part.shape, cubic=True)

        strip = result[top:bottom, left:right]
        here, shape = _shifted(matrix, left, top), strip.shape
        old = detail[top - y : bottom - y, left - x : right - x]
        change = _to_photo(edit.change, here, shape, cubic=True)
        change -= _to_photo(edit.replaced, here, shape)[..., None] * old
        if edit.reach:
            shift = _to_photo(edit.shift, here, shape)
            shift += np.array([left - x, top - y], np.float32)
            moved = sample(detail, shift)
            change += _to_photo(edit.carried, here, shape)[..., None] * moved
        change *= _weight(here, size, shape[:2])
        value = np.clip(strip + change * peak, 0, peak)
        if peak > 1:
            value = np.rint(value)
        np.copyto(strip, value.astype(photo.dtype), where=change != 0)
    return result


@dataclasses.dataclass(frozen=True, eq=False)
class _Edit:
    """What an edit does to the photo, float32 `[size, size, …]`, aligned.

    Attributes:
      change: (edited − aligned) / 2, 3 channels of −1 to 1.
      aligned: 3 channels of 0–1.
      replaced: r, 0–1.
      carried: r · c, 0–1.
      shift: (x, y) to where carried detail was, in pixels of the photo.
      reach: from how many pixels away it comes at most, with two that cubic
        sampling needs around and one for rounding; 0 if no detail is carried.
    """

    change: np.ndarray
    aligned: np.ndarray
    replaced: np.ndarray
    carried: np.ndarray | None = None
    shift: np.ndarray | None = None
    reach: int = 0


def _edit(matrix, aligned, edited, attention, carry_detail) -> _Edit:
    aligned, edited = np.float32(aligned), np.float32(edited)
    replaced = _replaced(edited - aligned, attention)
    carries = carry_detail and replaced.any()
    if carries:
        motion = find_motion(aligned, edited)
        carried = replaced * motion.confidence[..., 0]
        edited = _clear(edited, replaced - carried)
    change, original = (edited - aligned) / 2, to_unit(aligned)
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if scale > 1:
        # The face is smaller than what the network sees (see `geometry.warp`):
        # the photo has no detail beyond it.
        sigma = np.sqrt((scale**2 - 1) / 12)
        change, original, replaced = (
            _blur(layer, sigma) for layer in (change, original, replaced)
        )
    if scale > 1 or not carries:
        return _Edit(change, original, replaced)
    to_photo = np.linalg.inv(matrix[:, :2])
    lengths = np.linalg.norm(motion.shift, axis=-1)[carried > 0]
    return _Edit(
        change,
        original,
        replaced,
        carried=carried,
        shift=motion.shift @ np.float32(to_photo.T),
        reach=int(lengths.max() / scale) + 3 if lengths.size else 0,
    )


def _clear(edited: np.ndarray, new: np.ndarray) -> np.ndarray:
    """An edited face whose new matter has no specks and is sharper.

    Args:
      edited: float32 `[size, size, 3]` in [-1, 1].
      new: `[size, size]` in [0, 1].
    """
    import cv2

    pixel = len(edited) / 128
    around = cv2.getStructuringElement(
        cv2.MORPH_ELLIPSE, (2 * round(2 * pixel) + 1,) * 2
    )
    # What an opening removes: bright details smaller than the element.
    specks = cv2.morphologyEx(edited, cv2.MORPH_TOPHAT, around).mean(-1)
    low, high = _SPECK
    specks = np.clip((specks - low) / (high - low), 0, 1)
    smoothed = new * np.maximum(specks, _blur(specks, pixel))
    # Of floats OpenCV takes no larger median than of 5 pixels.
    edited = edited + smoothed[..., None] * (cv2.medianBlur(edited, 5) - edited)
    luma = edited @ _LUMA
    sharper = _SHARPENING * new * (luma - _blur(luma, pixel))
    return np.clip(edited + sharper[..., None], -1, 1)


def _replaced(change: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """How much of the old is replaced: r, float32 `[size, size]` in 0–1."""
    # Where a change goes from darker to lighter it passes through 0, and yet
    # something is replaced there: hence the blur.
    amount = _blur(np.abs(change).max(-1), len(change) / 64)
    changed = np.clip(amount / _REPLACING_CHANGE, 0, 1)
    attended = np.clip(attention[..., 0] / _REPLACING_ATTENTION, 0, 1)
    return (_smooth(changed) * attended).astype(np.float32)


def _shifted(matrix: np.ndarray, left: int, top: int) -> np.ndarray:
    """The matrix of the part of the photo that begins there."""
    shift = geometry.apply(matrix, np.array([left, top]))
    return np.column_stack([matrix[:, :2], shift])


def _to_photo(layer, matrix, shape, cubic: bool = False) -> np.ndarray:
    """A layer of the aligned frame, warped into a part of the photo.

    Args:
      layer: float32 `[size, size, …]`; its edges are repeated.
      matrix: `[2, 3]`, pixels of the part → aligned pixels.
      shape: of the part: height, width, ….
      cubic: sharper than linear, but values may leave their range.
    """
    import cv2  # OpenCV takes a tenth of a second to import

    return cv2.warpAffine(
        layer,
        geometry.for_opencv(matrix),
        (shape[1], shape[0]),
        flags=(cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR)
        | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _strips(shape, matrix, size) -> Iterator[tuple[int, int, int, int]]:
    """The part of a photo with the square in it, in strips of bounded size.

    Yields top, bottom, left and right of each.
    """
    corners = geometry.square(matrix, size)
    limit = np.array([shape[1], shape[0]])
    left, top = np.clip(np.floor(corners.min(0)), 0, limit).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(0)), 0, limit).astype(int)
    if left == right:
        return
    height = max(1, _STRIP_PIXELS // (right - left))
    for start in range(top, bottom, height):
        yield start, min(start + height, bottom), left, right


def _weight(matrix, size, shape) -> np.ndarray:
    """float32 `[height, width, 1]`: 1 inside the square, fading to 0."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    edges = np.inf
    for x, y, shift in matrix:
        position = x * (columns + 0.5) + y * (rows + 0.5) + shift
        edges = np.minimum(edges, np.minimum(position, size - position))
    inside = np.clip(edges / (FEATHER * size), 0, 1)
    return _smooth(inside).astype(np.float32)[..., None]


def _smooth(steps: np.ndarray) -> np.ndarray:
    """0–1 → 0–1, level at both ends."""
    return steps * steps * (3 - 2 * steps)


def _peak(photo: np.ndarray) -> int:
    """The value of white in the photo."""
    peaks = {"uint8": 255, "uint16": 65535, "float32": 1, "float64": 1}
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype.name not in peaks:
        raise ValueError(f"no photo: {photo.dtype} {photo.shape}")
    return peaks[photo.dtype.name]


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
    import cv2

    pixel = len(aligned) / 128
    near = 1.5 * pixel
    before, after = _gray(aligned), _gray(edited)
    shift = _flow(after, before)
    returned = shift + sample(_flow(before, after), shift)
    moved = sample(aligned, shift)
    difference = _blur(np.abs(moved - edited).max(-1), near)
    old, new = (face - _blur(face, 4 * pixel) for face in (moved, edited))
    contrast = _blur((old**2).max(-1) + (new**2).max(-1), near) + _NOISE**2
    mismatch = _blur(np.abs(old - new).max(-1), near) / np.sqrt(contrast)
    confidence = (
        _trust(_blur(np.linalg.norm(returned, axis=-1), near) / pixel, _RETURN)
        * _trust(difference, _DIFFERENCE)
        * _trust(mismatch, _STRUCTURE)
        * _within(shift)
    )
    # What borders on something new is in doubt. Smooth, but never more than it
    # was, so that 0 stays 0.
    confidence = cv2.erode(confidence, np.ones((3, 3), np.uint8))
    confidence = np.minimum(confidence, _blur(confidence, near))
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


def _blur(picture: np.ndarray, sigma: float) -> np.ndarray:
    import cv2

    return cv2.GaussianBlur(picture, (0, 0), sigma)


def _gray(face: np.ndarray) -> np.ndarray:
    return to_uint8(face @ _LUMA)


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
    return _smooth(np.clip((none - error) / (none - full), 0, 1))


def _within(shift: np.ndarray) -> np.ndarray:
    """Whether each part comes from inside of the square, and not from afar."""
    size = len(shift)
    rows, columns = np.indices(shift.shape[:2])
    source = shift + np.stack([columns, rows], axis=-1)
    inside = np.all((source >= 0) & (source <= size - 1), axis=-1)
    return inside & (np.linalg.norm(shift, axis=-1) < size * _FARTHEST)
