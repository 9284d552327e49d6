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
Where what replaces the old is the same matter in another place, the old detail
moves there: `c` is the confidence of `detail.find_motion`.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from efgan_tf import geometry
from efgan_tf.faces.detail import find_motion, sample

FEATHER = 0.08
"""Width of the fading rim, as a fraction of the square's side."""

# Full replacement begins at this change of the picture (of 2) and this
# attention. Of what was tried on held-out rendered faces, they come nearest to
# the true target and let least of the old mouth shine through, while an edit
# that changes nothing keeps all detail.
_REPLACING_CHANGE = 0.15
_REPLACING_ATTENTION = 0.2

# Pixels worked on at a time; about 120 bytes each.
_STRIP_PIXELS = 1 << 20


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


def square(matrix: np.ndarray, size: int) -> np.ndarray:
    """The corners of the face's square in the photo.

    Args:
      matrix: `[2, 3]`, photo pixels → aligned pixels.
      size: side of the aligned picture.

    Returns:
      float64 `[4, 2]` (x, y), clockwise from the top left.
    """
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], float)
    return geometry.apply(geometry.invert(matrix), corners)


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

    # OpenCV puts pixel centers at whole numbers, we at halves.
    half = np.full(2, 0.5)
    shift = matrix[:, 2] + matrix[:, :2] @ half - half
    return cv2.warpAffine(
        layer,
        np.column_stack([matrix[:, :2], shift]),
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
        aligned=(aligned + 1) / 2,
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
    corners = square(matrix, size)
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
