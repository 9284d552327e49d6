"""What the frames of a video mean: colors, shape of the pixels, orientation."""

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np

# FFmpeg's numbers (and those of ISO/IEC 23091-2).
_BT709, _UNSPECIFIED, _BT601, _SRGB = 1, 2, 5, 13
_HDR_TRANSFERS = (16, 18)  # PQ and HLG
_MATRICES = (1, 4, 5, 6, 7, 9)  # that swscale knows both ways

_SMALLEST_HD = 577  # lines; FFmpeg's rule for files that name no matrix
_MOST_STRETCHED = 4  # pixels that are longer are a mistake of the file


@dataclasses.dataclass(frozen=True)
class Colors:
    """What YCbCr codes mean, in FFmpeg's numbers; 2: the file does not say.

    Attributes:
      matrix: of the conversion from and to RGB.
      primaries: what red, green and blue are.
      transfer: the curve from codes to light.
      range: 2 where all codes are used, else 0 or 1.
    """

    matrix: int = _UNSPECIFIED
    primaries: int = _UNSPECIFIED
    transfer: int = _UNSPECIFIED
    range: int = 0

    @property
    def is_hdr(self) -> bool:
        return self.transfer in _HDR_TRANSFERS

    def as_written(self) -> "Colors":
        """The colors of frames that were read from such a file."""
        if self.is_hdr:
            return Colors(_BT709, _BT709, _SRGB, self.range)
        known = self.matrix in (*_MATRICES, _UNSPECIFIED)
        matrix = self.matrix if known else _BT709
        return dataclasses.replace(self, matrix=matrix)

    def matrix_for(self, height: int) -> int:
        """The matrix, also where the file does not say."""
        if self.matrix in _MATRICES:
            return self.matrix
        return _BT709 if height >= _SMALLEST_HD else _BT601


def square_size(width: int, height: int, ratio: Fraction) -> tuple[int, int]:
    """The size in square pixels that shows the same; no side shrinks."""
    if not 1 / _MOST_STRETCHED <= ratio <= _MOST_STRETCHED:
        return width, height
    if ratio > 1:
        return round(width * ratio), height
    return width, round(height / ratio)


def to_rgb(frame: Any, width: int, height: int) -> np.ndarray:
    from av.video.reformatter import Interpolation

    colors = Colors(frame.colorspace, transfer=frame.color_trc)
    options = {}
    if colors.is_hdr:
        options = {"dst_color_trc": _SRGB, "dst_color_primaries": _BT709}
    return frame.reformat(
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=colors.matrix_for(frame.height),
        interpolation=Interpolation.BICUBIC
        | Interpolation.ACCURATE_RND
        | Interpolation.FULL_CHR_H_INT,
        **options,
    ).to_ndarray()


@dataclasses.dataclass(frozen=True)
class Orientation:
    """How stored frames are turned to be shown: transposed, then mirrored."""

    transposed: bool = False
    left_right: bool = False
    upside_down: bool = False

    def applied(self, pixels: np.ndarray) -> np.ndarray:
        pixels = pixels.swapaxes(0, 1) if self.transposed else pixels
        pixels = pixels[:, ::-1] if self.left_right else pixels
        pixels = pixels[::-1] if self.upside_down else pixels
        return np.ascontiguousarray(pixels)


def orientation_of(frame: Any) -> Orientation:
    """By the matrix that takes stored to shown coordinates (x, y)."""
    if "DISPLAYMATRIX" not in {data.type.name for data in frame.side_data}:
        return Orientation()
    data = bytes(frame.side_data["DISPLAYMATRIX"])
    (a, b), (c, d) = np.frombuffer(data, np.int32).reshape(3, 3)[:2, :2]
    if abs(a) >= abs(b):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)
