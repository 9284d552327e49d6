"""Videos, read frame by frame by PyAV (FFmpeg's libraries).

Frames come with their times, upright, with square pixels, and in 8 bits. HDR
becomes sRGB. What cannot be decoded is left out and counted.
"""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.faces.video_pictures import (
    Colors,
    ToRgb,
    orientation_of,
    square_size,
)

_CUT_OFF_SECONDS = 0.5  # missing at the end, and more than the last frame


@dataclasses.dataclass(frozen=True, eq=False)
class Frame:
    """A picture and when it is shown.

    Attributes:
      pixels: uint8 `[height, width, 3]`, RGB, upright.
      time: seconds after the start of the file; later than the one before.
      duration: seconds; what counts is the last one's.
    """

    pixels: np.ndarray
    time: Fraction
    duration: Fraction


@dataclasses.dataclass(frozen=True)
class Video:
    """A video that is read anew each time it is iterated over.

    Attributes:
      path: the file.
      height: of its frames, upright.
      width: likewise.
      rate: frames a second; the mean where it varies.
      tick: unit of its times, in seconds.
      frames: how many it should have; fewer come where it is damaged.
      colors: of the file.
      notes: what the frames do not have as the file does, in sentences.
    """

    path: str
    height: int
    width: int
    rate: Fraction
    tick: Fraction
    frames: int
    colors: Colors
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Frame]:
        with opened(self.path) as container:
            stream = container.streams.best("video")
            start, time = start_of(container), None
            to_rgb = None
            for frame in _frames(container, stream):
                orientation = orientation_of(frame)
                if to_rgb is None:
                    turned = -1 if orientation.transposed else 1
                    to_rgb = ToRgb(*(self.width, self.height)[::turned])
                time = _later(time, frame, start, self)
                duration = frame.duration * frame.time_base or 1 / self.rate
                pixels = orientation.applied(to_rgb(frame))
                yield Frame(pixels, time, duration)


def pyav() -> Any:
    """The module `av`.

    Raises:
      UserError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UserError(
            'videos need PyAV: pip install "efgan_tf[video]"'
        ) from error
    return av


def open_video(path: str | os.PathLike) -> Video:
    """Opens a video for reading; the file is gone through once.

    Raises:
      UserError: missing, no video with at least one frame, or PyAV is not
        installed.
    """
    path = os.fspath(path)
    if not os.path.exists(path):
        raise UserError(f"{path}: no such file")
    with opened(path) as container:
        stream = container.streams.best("video")
        first = next(_frames(container, stream), None) if stream else None
        if first is None:
            raise UserError(f"{path}: not a video that can be read")
        rate = stream.average_rate or stream.guessed_rate
        if not rate:
            raise UserError(f"{path}: has no frame rate; convert it to MP4")
        rate, tick = Fraction(rate), Fraction(stream.time_base)
        ratio = stream.sample_aspect_ratio or Fraction(1)
        others = sum(
            s not in container.streams.audio for s in container.streams
        )
        unknown = len(container.streams.audio) - len(sound_tracks(container))
    colors = Colors(
        first.colorspace,
        first.color_primaries,
        first.color_trc,
        first.color_range,
    )
    width, height = square_size(first.width, first.height, ratio)
    frames, problems = _counted(path, rate)
    notes = [*problems]
    if (width, height) != (first.width, first.height):
        notes.append(
            f"pixels of {ratio.numerator}:{ratio.denominator} became square "
            f"ones: {first.width}×{first.height} are {width}×{height} now"
        )
    if colors.is_hdr:
        notes.append("HDR colors became sRGB")
    if first.interlaced_frame:
        notes.append("interlaced frames were written as whole ones")
    if others > 1:
        notes.append(
            f"tracks that are neither the picture nor sound were left out "
            f"({others - 1})"
        )
    if unknown:
        notes.append(f"sound of an unknown kind was left out ({unknown})")
    if orientation_of(first).transposed:
        width, height = height, width
    return Video(
        path=path,
        height=height,
        width=width,
        rate=rate,
        tick=tick,
        frames=frames,
        colors=colors,
        notes=tuple(notes),
    )


@contextlib.contextmanager
def opened(path: str | os.PathLike) -> Iterator[Any]:
    """A file's container as PyAV has it; its name is never read as a URL.

    Raises:
      UserError: it cannot be read.
    """
    av = pyav()
    try:
        container = av.open(os.path.abspath(path), metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise UserError(
            f"{os.fspath(path)}: not a video that can be read "
            f"({error.strerror or error})"
        ) from error
    with container:
        yield container


def start_of(container: Any) -> Fraction:
    """When a file starts by its own clock, in seconds."""
    return Fraction(container.start_time or 0, 1_000_000)


def sound_tracks(container: Any) -> list[Any]:
    """The audio of a file, but for kinds that PyAV does not know."""
    return [track for track in container.streams.audio if track.codec_context]


def packets(container: Any, *streams: Any) -> Iterator[Any]:
    """The packets of streams, by default of all, as far as they can be read."""
    read = container.demux(*streams)
    with contextlib.suppress(pyav().error.FFmpegError):
        yield from read


def decoded(packet: Any) -> list[Any]:
    """The frames of a packet; none if it is damaged, as FFmpeg itself does."""
    try:
        return packet.decode()
    except pyav().error.FFmpegError:
        return []


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    for packet in packets(container, stream):
        yield from decoded(packet)


def _later(
    last: Fraction | None, frame: Any, start: Fraction, video: Video
) -> Fraction:
    """A frame's time, after `last` even if the file's is absent or wrong."""
    least = Fraction(0) if last is None else last + video.tick
    if frame.pts is None:
        return Fraction(0) if last is None else last + 1 / video.rate
    return max(frame.pts * frame.time_base - start, least)


def _counted(path: str, rate: Fraction) -> tuple[int, list[str]]:
    """How many frames a video should have, and what is wrong with its file."""
    logging = pyav().logging
    logging.set_level(logging.ERROR)
    try:
        with logging.Capture() as messages, opened(path) as container:
            stream = container.streams.best("video")
            found, hidden, end = 0, 0, Fraction(0)
            # Of all tracks: subtitles may go on when the picture has ended.
            for packet in packets(container):
                if packet.pts is not None:
                    last = packet.pts + (packet.duration or 0)
                    end = max(end, last * packet.time_base)
                if packet.stream is stream and packet.size:
                    found += 1
                    hidden += packet.is_discard or _is_hidden(packet)
            length = Fraction(container.duration or 0, 1_000_000)
            end -= start_of(container)
            known = stream.frames
            if "mp4" in container.format.name.split(","):
                # Edit lists cut off frames that its header still counts.
                known = len(stream.index_entries)
    finally:
        logging.set_level(None)
    missing = float(length - end)
    if missing > max(_CUT_OFF_SECONDS, float(1 / rate)):
        estimated = found + round(missing * float(rate))
        problem = (
            f"the file is cut off or damaged: it ends after {float(end):.1f} "
            f"of {float(length):.1f} seconds"
        )
        return max(known or estimated, found) - hidden, [problem]
    problems = (
        [f"the file is damaged ({messages[0][2].strip()})"] if messages else []
    )
    return max(known, found) - hidden, problems


def _is_hidden(packet: Any) -> bool:
    """Whether it holds a picture of VP8 that is only there to predict from."""
    return (
        packet.stream.codec_context.name == "vp8"
        and not memoryview(packet)[0] & 0x10
    )
