"""What the frames of a video mean: colors, shape of the pixels, orientation."""

import dataclasses
import itertools
from fractions import Fraction
from typing import Any

import numpy as np

# FFmpeg's numbers (and those of ISO/IEC 23091-2).
_BT709, _UNSPECIFIED, _BT601, _SRGB = 1, 2, 5, 13
_HDR_TRANSFERS = (16, 18)  # PQ and HLG
_MATRICES = (1, 4, 5, 6, 7)  # that PyAV 17 can write
_BT2020 = 9

# swscale's flags: bicubic, accurate rounding, all of the chroma.
FINE = 0x4 | 0x40000 | 0x2000

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
        if self.matrix in (*_MATRICES, _BT2020):
            return self.matrix
        return _BT709 if height >= _SMALLEST_HD else _BT601


def square_size(width: int, height: int, ratio: Fraction) -> tuple[int, int]:
    """The size in square pixels that shows the same; no side shrinks."""
    if not 1 / _MOST_STRETCHED <= ratio <= _MOST_STRETCHED:
        return width, height
    if ratio > 1:
        return round(width * ratio), height
    return width, round(height / ratio)


class ToRgb:
    """Makes RGB of a video's frames, uint8 `[height, width, 3]`, in one size.

    It is kept for the whole video: the tables of HDR take seconds to make.

    Args:
      width: of the pictures.
      height: likewise.
    """

    def __init__(self, width: int, height: int):
        from av.video.reformatter import VideoReformatter

        self._width, self._height = width, height
        self._reformatter = VideoReformatter()
        self._graph: Any = None
        self._graph_of: tuple[int, int, str] | None = None

    def __call__(self, frame: Any) -> np.ndarray:
        colors = Colors(frame.colorspace, transfer=frame.color_trc)
        if colors.is_hdr:
            return self._from_hdr(frame).to_ndarray()
        return self._reformatter.reformat(
            frame,
            width=self._width,
            height=self._height,
            format="rgb24",
            src_colorspace=colors.matrix_for(frame.height),
            interpolation=FINE,
        ).to_ndarray()

    def _from_hdr(self, frame: Any) -> Any:
        kind = frame.width, frame.height, frame.format.name
        if kind != self._graph_of:
            self._graph, self._graph_of = self._make_graph(frame), kind
        self._graph.push(frame)
        return self._graph.pull()

    def _make_graph(self, frame: Any) -> Any:
        """FFmpeg's filters that take HDR to sRGB."""
        from av.filter import Graph

        graph = Graph()
        steps = [
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format.name,
                time_base=frame.time_base,
            ),
            graph.add(
                "scale",
                f"w={self._width}:h={self._height}:flags={FINE}:"
                "out_transfer=iec61966-2-1:out_primaries=bt709",
            ),
            graph.add("format", "rgb24"),
            graph.add("buffersink"),
        ]
        for step, following in itertools.pairwise(steps):
            step.link_to(following)
        graph.configure()
        return graph


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
