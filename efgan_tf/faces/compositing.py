"""Puts an edited face back into its photo.

What the network changed is added to the photo, so that the photo's own detail,
far finer than what the network sees, stays. Only where something was replaced
(an opened mouth, a moved brow) is the old detail taken away, or it would shine
through:

    detail = photo − up(aligned)
    photo + w · [up(edited − aligned) − r · detail + r · c · moved(detail)]

`w` fades from 1 to 0 towards the edge of the face's square, and `r`, how much
was replaced, is high where the network both attended and changed much. Its
attention alone is no measure: it is up to 0.3 where nothing is to be edited.

The network sees and makes 128 pixels of a face that may have 600, so what it
replaces would be soft, though most of it is not new: a raised brow is the old
one, elsewhere. Optical flow from the edit back to the aligned face finds where
each part was, and how far that can be trusted (`c`, the confidence); the old
detail moves along. New matter, such as the inside of an opened mouth, has no
match, hence no confidence, and gets no detail.
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

# Pixels worked on at a time; about 120 bytes each.
_STRIP_PIXELS = 1 << 20

# Confidence falls from 1 at the first to 0 at the second. Measured on ground
# truth (people of the London set from neutral to smile and back, and
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
      carry_detail: move the photo's detail along with what the edit moved.

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
    layers = _layers(matrix, aligned, edited, attention, carry_detail)
    reach = layers.reach(matrix)
    result = photo.copy()
    for rows, columns in _strips(photo.shape, matrix, size):
        # The part of the photo that the strip's detail comes from.
        top, left = max(rows.start - reach, 0), max(columns.start - reach, 0)
        part = photo[top : rows.stop + reach, left : columns.stop + reach]
        detail = part.astype(np.float32) / peak
        detail -= layers.warp_aligned(_starting(matrix, left, top), part.shape)
        inner = (
            slice(rows.start - top, rows.stop - top),
            slice(columns.start - left, columns.stop - left),
        )
        strip = result[rows, columns]
        here = _starting(matrix, columns.start, rows.start)
        new = layers.warp(here, strip.shape)
        change = new.change - new.replaced * detail[inner]
        if reach:
            start = np.array([inner[1].start, inner[0].start], np.float32)
            shift = new.shift + start
            change += new.carried * sample(detail, shift)
        change *= _weight(here, size, strip.shape[:2])
        value = np.clip(strip + change * peak, 0, peak)
        if peak > 1:
            value = np.rint(value)
        np.copyto(strip, value.astype(photo.dtype), where=change != 0)
    return result


@dataclasses.dataclass(frozen=True)
class _Layers:
    """What is warped into the photo, values 0–1 (`change`: −1–1).

    `shift` says in pixels of its own frame where `carried` detail was.
    """

    change: np.ndarray
    aligned: np.ndarray
    replaced: np.ndarray
    carried: np.ndarray
    shift: np.ndarray

    def reach(self, matrix: np.ndarray) -> int:
        """Pixels of the photo that detail comes from afar; 0: none is moved."""
        lengths = np.linalg.norm(self.shift, axis=-1)[self.carried > 0]
        scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        # Cubic sampling needs two pixels around.
        return int(lengths.max() / scale) + 3 if lengths.size else 0

    def warp_aligned(self, matrix: np.ndarray, shape) -> np.ndarray:
        """`aligned` as a part of the photo has it."""
        return _to_photo(self.aligned, matrix, shape, cubic=True)

    def warp(self, matrix: np.ndarray, shape) -> "_Layers":
        """The others as a part of the photo has them."""
        return dataclasses.replace(
            self,
            change=_to_photo(self.change, matrix, shape, cubic=True),
            # Linear, since they must not leave 0–1.
            replaced=_to_photo(self.replaced, matrix, shape)[..., None],
            carried=_to_photo(self.carried, matrix, shape)[..., None],
            shift=_to_photo(
                self.shift @ np.float32(np.linalg.inv(matrix[:, :2]).T),
                matrix,
                shape,
            ),
        )


def _to_photo(layer, matrix, shape, cubic: bool = False) -> np.ndarray:
    import cv2  # OpenCV takes a tenth of a second to import

    return cv2.warpAffine(
        layer,
        geometry.for_opencv(matrix),
        (shape[1], shape[0]),
        flags=(cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR)
        | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _starting(matrix: np.ndarray, left: int, top: int) -> np.ndarray:
    """The matrix of the part of the photo that begins there."""
    moved = geometry.apply(matrix, np.array([left, top]))
    return np.column_stack([matrix[:, :2], moved])


def _layers(matrix, aligned, edited, attention, carry_detail) -> _Layers:
    import cv2

    aligned, edited = np.float32(aligned), np.float32(edited)
    change = edited - aligned
    # Where a change goes from darker to lighter it passes through 0, and yet
    # something is replaced there: hence the blur.
    amount = cv2.GaussianBlur(np.abs(change).max(-1), (0, 0), len(aligned) / 64)
    steps = np.clip(amount / _REPLACING_CHANGE, 0, 1)
    attended = np.clip(attention[..., 0] / _REPLACING_ATTENTION, 0, 1)
    layers = _Layers(
        change=change / 2,
        aligned=to_unit(aligned),
        replaced=(_smooth(steps) * attended).astype(np.float32),
        carried=np.zeros(change.shape[:2], np.float32),
        shift=np.zeros((*change.shape[:2], 2), np.float32),
    )
    shrink = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if shrink <= 1:
        if not (carry_detail and layers.replaced.any()):
            return layers
        motion = find_motion(aligned, edited)
        return dataclasses.replace(
            layers,
            carried=layers.replaced * motion.confidence[..., 0],
            shift=motion.shift,
        )
    # The face is smaller than what the network sees (see `geometry.warp`): the
    # photo has no detail beyond it.
    sigma = np.sqrt((shrink**2 - 1) / 12)
    return dataclasses.replace(
        layers,
        **{
            name: cv2.GaussianBlur(getattr(layers, name), (0, 0), sigma)
            for name in ("change", "aligned", "replaced")
        },
    )


def _strips(shape, matrix, size) -> Iterator[tuple[slice, slice]]:
    """The smallest window that holds the square, in parts of bounded size."""
    corners = geometry.square(matrix, size)
    limit = np.array([shape[1], shape[0]])
    left, top = np.clip(np.floor(corners.min(0)), 0, limit).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(0)), 0, limit).astype(int)
    if left == right:
        return
    height = max(1, _STRIP_PIXELS // (right - left))
    for start in range(top, bottom, height):
        yield slice(start, min(start + height, bottom)), slice(left, right)


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
    return _smooth(np.clip((none - error) / (none - full), 0, 1))


def _within(shift: np.ndarray) -> np.ndarray:
    """Whether each part comes from inside of the square, and not from afar."""
    size = len(shift)
    rows, columns = np.indices(shift.shape[:2])
    source = shift + np.stack([columns, rows], axis=-1)
    inside = np.all((source >= 0) & (source <= size - 1), axis=-1)
    return inside & (np.linalg.norm(shift, axis=-1) < size * _FARTHEST)
