"""Videos, frame by frame, and animations.

OpenCV reads videos and turns those of phones upright. ffmpeg, where it is on
PATH, writes them as H.264 and keeps the source's audio; without it OpenCV
writes MPEG-4, silent.
"""

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from efgan_tf.errors import UserError
from efgan_tf.faces import ffmpeg
from efgan_tf.faces.ffmpeg import Audio
from efgan_tf.outputs import atomic_file, check_free_file, temporary_folder

_VIDEOS = (".mp4", ".m4v", ".mov")
_ANIMATIONS = (".gif", ".webp", ".mp4")

_FASTEST_GIF = 50  # viewers slow down what claims to be faster

# Ordered dither of 8 × 8: where nothing moves, nothing flickers, as it would
# with error diffusion.
_DITHER_LEVELS = 12

# Pixels that a palette is made of. All of them would take many seconds and
# bring the colours nearer by 0.1 levels.
_PALETTE_SAMPLE = 1 << 16


@dataclasses.dataclass(frozen=True)
class Video:
    """A video that is read anew each time it is iterated over.

    Iterating gives uint8 `[height, width, 3]`, RGB, upright.

    Attributes:
      path: the file.
      height: of its frames, upright.
      width: likewise.
      rate: frames a second; the mean where it varies.
      frames: how many it says it has; there may be other numbers. None if it
        does not say.
    """

    path: str
    height: int
    width: int
    rate: Fraction
    frames: int | None

    def __iter__(self) -> Iterator[np.ndarray]:
        import cv2  # OpenCV takes a tenth of a second to import

        with _captured(self.path) as capture:
            while True:
                more, frame = capture.read()
                if not more:
                    return
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def open_video(path: str | os.PathLike) -> Video:
    """Opens a video for reading.

    Raises:
      UserError: missing, or no video with at least one frame.
    """
    import cv2

    path = os.fspath(path)
    if not os.path.exists(path):
        raise UserError(f"{path}: no such file")
    with _captured(path) as capture:
        more, frame = capture.read()
        if not more:
            raise UserError(f"{path}: not a video that can be read")
        rate = capture.get(cv2.CAP_PROP_FPS)
        frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    if not (np.isfinite(rate) and rate > 0):
        raise UserError(f"{path}: has no frame rate; convert it to MP4")
    return Video(
        path=path,
        height=frame.shape[0],
        width=frame.shape[1],
        rate=Fraction(rate).limit_denominator(1001),
        frames=int(frames) if frames > 0 else None,
    )


def write_video(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    rate: float | Fraction,
    source: str | os.PathLike | None = None,
    overwrite: bool = True,
) -> Audio:
    """Writes a video with the audio of another.

    Args:
      path: `.mp4`, `.m4v` or `.mov`.
      frames: uint8 `[height, width, 3]`, RGB, at least one. Odd sides grow by
        one pixel, which repeats the edge.
      rate: frames a second.
      source: the video whose audio, metadata and kind of colours to take.
      overwrite: replace a file that exists.

    Returns:
      What became of the audio.

    Raises:
      UserError: the suffix is another one, or the file cannot be written.
      ValueError: there are no frames, or one is of another size.
    """
    check_video_suffix(path)
    check_free_file(path, overwrite)
    rate = Fraction(rate).limit_denominator(1001)
    with temporary_folder(path) as folder:
        silent = folder / f"silent{Path(path).suffix}"
        even = _even(frames)
        made, audio = silent, Audio.NO_FFMPEG if source else Audio.NONE
        if ffmpeg.is_there():
            ffmpeg.encode(silent, even, rate, source)
            if source:
                made, audio = ffmpeg.join(silent, source)
        else:
            _encode(silent, even, rate)
        with atomic_file(path, overwrite) as temporary:
            os.replace(made, temporary)
    return audio


def check_video_suffix(path: str | os.PathLike) -> None:
    """Raises a `UserError` unless a video can be written to `path`."""
    _check_suffix(path, "videos", _VIDEOS)


def check_animation(path: str | os.PathLike, fps: float) -> None:
    """Raises a `UserError` unless `path` can hold an animation of that rate."""
    _check_suffix(path, "animations", _ANIMATIONS)
    if Path(path).suffix.lower() == ".gif" and fps > _FASTEST_GIF:
        raise UserError(
            f"{path}: a GIF has at most {_FASTEST_GIF} frames a second, not "
            f"{fps:g}; ask for fewer with --fps or write .webp"
        )


def _check_suffix(path, what: str, suffixes: tuple[str, ...]) -> None:
    if Path(path).suffix.lower() not in suffixes:
        raise UserError(
            f"{path}: {what} are written as {', '.join(suffixes)}; choose one "
            "of these suffixes"
        )


def write_animation(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    fps: float,
    overwrite: bool = True,
) -> None:
    """Writes a short animation that goes on for ever (an MP4: once).

    All frames are in memory together, except for an MP4.

    Args:
      path: `.gif`, `.webp` or `.mp4`.
      frames: uint8 `[height, width, 3]`, RGB, at least one.
      fps: frames a second; a GIF cannot have more than 50.
      overwrite: replace a file that exists.

    Raises:
      UserError: the suffix is another one, a GIF is to be too fast, or the
        file cannot be written.
      ValueError: there are no frames, or one is of another size.
    """
    check_animation(path, fps)
    check_free_file(path, overwrite)
    kind = Path(path).suffix.lower()
    if kind == ".mp4":
        write_video(path, frames, fps, overwrite=overwrite)
        return
    pictures = [Image.fromarray(frame) for frame in frames]
    if len({picture.size for picture in pictures}) != 1:
        raise ValueError("an animation needs frames, all of one size")
    # Times are whole hundredths of a second in a GIF, thousandths in a WebP.
    tick = 10 if kind == ".gif" else 1
    times = np.rint(np.arange(len(pictures) + 1) * 1000 / fps / tick) * tick
    options = {"duration": np.diff(times).astype(int).tolist(), "loop": 0}
    if kind == ".gif":
        pictures = _with_one_palette(pictures)
        options |= {"optimize": False, "disposal": 1}
    else:
        options |= {"quality": 90, "method": 3}
    first, *rest = pictures
    with atomic_file(path, overwrite) as temporary:
        first.save(temporary, save_all=True, append_images=rest, **options)


def _with_one_palette(pictures: list[Image.Image]) -> list[Image.Image]:
    """256 colours for all frames: palettes of their own would flicker."""
    some = pictures[:: -(-len(pictures) // 8)]
    pixels = np.concatenate([np.asarray(p).reshape(-1, 3) for p in some])
    sample = pixels[None, :: -(-len(pixels) // _PALETTE_SAMPLE)]
    palette = Image.fromarray(sample).quantize(
        256, Image.Quantize.MEDIANCUT, kmeans=1
    )
    none = Image.Dither.NONE
    return [
        Image.fromarray(_dithered(np.asarray(picture))).quantize(
            palette=palette, dither=none
        )
        for picture in pictures
    ]


def _dithered(frame: np.ndarray) -> np.ndarray:
    pattern = np.zeros((1, 1))
    for _ in range(3):
        quarter = 4 * pattern
        pattern = np.block([[quarter, quarter + 2], [quarter + 3, quarter + 1]])
    offset = (pattern / 63 - 0.5) * _DITHER_LEVELS
    tiles = -(-frame.shape[0] // 8), -(-frame.shape[1] // 8)
    offset = np.tile(offset, tiles)[: frame.shape[0], : frame.shape[1], None]
    return np.clip(np.rint(frame + offset), 0, 255).astype(np.uint8)


def _quiet_opencv():
    """OpenCV, whose libraries say less clearly what we say in errors."""
    # Read once, when the first video is opened or written.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    return cv2


@contextlib.contextmanager
def _captured(path: str):
    cv2 = _quiet_opencv()
    logging = cv2.utils.logging
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        # Other backends take a file's name for a pattern of pictures' names.
        capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    finally:
        logging.setLogLevel(level)
    try:
        yield capture
    finally:
        capture.release()


def _even(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Frames with even sides, as subsampled colours need them."""
    shape = None
    for frame in frames:
        shape = shape or frame.shape
        if frame.shape != shape or frame.dtype != np.uint8:
            raise ValueError(f"a frame is {frame.dtype} {frame.shape}")
        odd = [(0, side % 2) for side in shape[:2]]
        yield np.pad(frame, [*odd, (0, 0)], mode="edge")
    if shape is None:
        raise ValueError("a video needs at least one frame")


def _encode(made: Path, frames: Iterator[np.ndarray], rate: Fraction) -> None:
    """A silent MPEG-4 by OpenCV."""
    cv2 = _quiet_opencv()
    first = next(frames)
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    size = first.shape[1::-1]
    writer = cv2.VideoWriter(str(made), codec, float(rate), size)
    try:
        if not writer.isOpened():
            raise UserError("OpenCV cannot write videos; install ffmpeg")
        writer.write(cv2.cvtColor(first, cv2.COLOR_RGB2BGR))
        for frame in frames:
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()
