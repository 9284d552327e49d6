"""Videos, written as H.264 by PyAV, with the sound of their source."""

import contextlib
import enum
import errno
import heapq
import itertools
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.common.outputs import (
    atomic_file,
    check_free_file,
    temporary_folder,
)
from efgan_tf.faces.video import (
    Frame,
    Video,
    decoded,
    opened,
    packets,
    pyav,
    sound_tracks,
    start_of,
)
from efgan_tf.faces.video_pictures import FINE, Colors

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov")
"""What can be written, in lower case."""

_TICK = Fraction(1, 90_000)  # the finest that is written
_QUALITY = {"crf": "18"}

# What players expect to find in these files; the rest becomes AAC.
_COPIED = {"aac", "ac3", "alac", "eac3", "mp3"}
_COPIED_INTO_MP4 = {"flac", "opus"}

# Of the container itself, not of what it holds.
_BRANDS = {"major_brand", "minor_version", "compatible_brands", "encoder"}


class Audio(enum.Enum):
    """What became of the source's audio, as a sentence for the user."""

    COPIED = "audio copied"
    CONVERTED = "audio converted to AAC"
    NONE = "the source has no audio"
    FAILED = "without audio: the source's cannot be copied or converted"


def check_video_suffix(path: str | os.PathLike) -> None:
    """Raises a `UserError` unless a video can be written to `path`."""
    if Path(path).suffix.lower() not in VIDEO_SUFFIXES:
        raise UserError(
            f"{path}: videos are written as {', '.join(VIDEO_SUFFIXES)}; "
            "choose one of these suffixes"
        )
    pyav()


def at_rate(frames: Iterable[np.ndarray], rate: float) -> Iterator[Frame]:
    """Pictures that follow each other `rate` times a second."""
    exact = Fraction(rate).limit_denominator(1001)
    for number, pixels in enumerate(frames):
        yield Frame(pixels, number / exact, 1 / exact)


def write_video(
    path: str | os.PathLike,
    frames: Iterable[Frame],
    source: Video | None = None,
    overwrite: bool = True,
) -> Audio:
    """Writes a video.

    Args:
      path: `.mp4`, `.m4v` or `.mov`.
      frames: at least one, all of one size. Odd sides grow by one pixel, which
        repeats the edge.
      source: the video whose audio, metadata, chapters and kind of colors to
        take.
      overwrite: replace a file that exists.

    Returns:
      What became of the audio.

    Raises:
      UserError: the suffix is another one, the file cannot be written, or PyAV
        is not installed.
      ValueError: there are no frames, or one is of another size.
    """
    check_video_suffix(path)
    check_free_file(path, overwrite)
    kind = "mov" if Path(path).suffix.lower() == ".mov" else "mp4"
    with temporary_folder(path) as folder:
        output, audio = folder / f"silent.{kind}", Audio.NONE
        _encode(output, frames, source)
        if source is not None:
            output, audio = _joined(output, source)
        with atomic_file(path, overwrite) as temporary:
            os.replace(output, temporary)
    return audio


def _encode(
    output: Path, frames: Iterable[Frame], source: Video | None
) -> None:
    """Writes a silent video."""
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError("a video needs at least one frame")
    tick = max(source.tick, _TICK) if source else _TICK
    colors = source.colors.as_written() if source else Colors()
    with _failures_reported(), _created(output) as container:
        stream = container.add_stream(
            "libx264", rate=source.rate if source else None, options=_QUALITY
        )
        stream.time_base = stream.codec_context.time_base = tick
        stream.height, stream.width = _even(first.pixels).shape[:2]
        stream.pix_fmt = "yuv420p"
        for name, value in (
            ("colorspace", colors.matrix),
            ("color_primaries", colors.primaries),
            ("color_trc", colors.transfer),
            ("color_range", colors.range),
        ):
            setattr(stream.codec_context, name, value)
        last, start = -1, None
        for frame in itertools.chain([first], frames):
            if frame.pixels.shape != first.pixels.shape:
                raise ValueError(f"a frame is {frame.pixels.shape}")
            coded = _coded(_even(frame.pixels), colors)
            last = max(round(frame.time / tick), last + 1)
            coded.pts, coded.time_base = last, tick
            encoded = stream.encode(coded)
            start = encoded[0].dts if encoded and start is None else start
            container.mux(encoded)
        *others, final = stream.encode(None)
        # An MP4 is as long as its packets, in the order of decoding.
        start = (others or [final])[0].dts if start is None else start
        end = last + round(frame.duration / tick)
        final.duration = max(end - (final.dts - start), 1)
        container.mux([*others, final])


def _coded(pixels: np.ndarray, colors: Colors) -> Any:
    frame = pyav().VideoFrame.from_ndarray(pixels, format="rgb24")
    return frame.reformat(
        format="yuv420p",
        dst_colorspace=colors.matrix_for(len(pixels)),
        dst_color_range=colors.range or 1,
        interpolation=FINE,
    )


def _even(pixels: np.ndarray) -> np.ndarray:
    """With even sides, as subsampled colors need them."""
    if pixels.dtype != np.uint8:
        raise ValueError(f"a frame is {pixels.dtype}")
    odd = [(0, side % 2) for side in pixels.shape[:2]]
    return np.pad(pixels, [*odd, (0, 0)], mode="edge")


def _joined(silent: Path, source: Video) -> tuple[Path, Audio]:
    """Puts the source's audio, metadata and chapters to the frames.

    Returns:
      A file beside `silent`, and what became of the audio.
    """
    av = pyav()
    for attempt in (Audio.COPIED, Audio.CONVERTED, Audio.FAILED):
        output = silent.with_stem(attempt.name)
        try:
            return output, _join(output, silent, source, attempt)
        except (av.error.FFmpegError, ValueError) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise UserError(f"the video cannot be written: {error}") from (
                    error
                )
    # Not even metadata and chapters could be added: the frames alone.
    return silent, Audio.FAILED


def _join(output: Path, silent: Path, source: Video, attempt: Audio) -> Audio:
    """Writes a file; audio is copied at best, as the attempt says."""
    with (
        opened(silent) as pictures,
        opened(source.path) as other,
        _created(output) as container,
    ):
        (stream,) = pictures.streams.video
        start = start_of(other)
        kind = output.suffix.removeprefix(".")
        tracks = sound_tracks(other) if attempt is not Audio.FAILED else []
        audio = attempt if tracks else Audio.FAILED
        audio = audio if other.streams.audio else Audio.NONE
        copied, converted = {}, {}
        for track in tracks:
            if attempt is Audio.COPIED and _is_copied(track, kind):
                new = container.add_stream_from_template(track, opaque=True)
                copied[track.index] = new
            else:
                audio = Audio.CONVERTED
                new = container.add_stream("aac", rate=track.rate)
                new.codec_context.layout = track.layout
                converted[track.index] = new
            new.metadata.update(track.metadata)
        template = container.add_stream_from_template(stream, opaque=True)
        container.metadata.update(
            {k: v for k, v in other.metadata.items() if k not in _BRANDS}
        )
        container.set_chapters(other.chapters())
        sound = packets(other, *tracks) if tracks else iter(())
        for packet in heapq.merge(
            _moved(pictures, stream, template),
            _audio(sound, copied, converted, start),
            key=lambda packet: packet.dts * packet.time_base,
        ):
            container.mux(packet)
    return audio


def _is_copied(track: Any, kind: str) -> bool:
    name = track.codec_context.name
    if kind == "mp4":
        return name in _COPIED | _COPIED_INTO_MP4
    return name in _COPIED or name.startswith("pcm_")


def _moved(container: Any, stream: Any, template: Any) -> Iterator[Any]:
    for packet in packets(container, stream):
        if packet.size:  # the last one only says that there are no more
            packet.stream = template
            yield packet


def _audio(
    source: Iterator[Any],
    copied: dict[int, Any],
    converted: dict[int, Any],
    start: Fraction,
) -> Iterator[Any]:
    """The packets of the new tracks.

    Args:
      source: the packets of the old ones.
      copied: new tracks by the index of the old one.
      converted: likewise.
      start: what is taken off all times, in seconds.
    """
    for packet in source:
        shift = round(start / packet.time_base)
        if packet.stream.index in converted:
            for frame in decoded(packet):
                frame.pts = None if frame.pts is None else frame.pts - shift
                yield from converted[packet.stream.index].encode(frame)
        elif packet.dts is not None:
            packet.pts = packet.dts if packet.pts is None else packet.pts
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = copied[packet.stream.index]
            yield packet
    for new in converted.values():
        yield from new.encode(None)


@contextlib.contextmanager
def _created(path: Path) -> Iterator[Any]:
    """A file to be written, with its index in front for players on the web."""
    options = {"movflags": "+faststart"}
    with pyav().open(str(path), "w", container_options=options) as container:
        yield container


@contextlib.contextmanager
def _failures_reported() -> Iterator[None]:
    try:
        yield
    except pyav().error.FFmpegError as error:
        raise UserError(f"cannot encode the video: {error.strerror}") from error
