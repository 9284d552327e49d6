"""H.264 videos by way of ffmpeg, with the audio of another file."""

import contextlib
import enum
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from efgan_tf.errors import UserError


class Audio(enum.Enum):
    """What became of the source's audio, as a sentence for the user."""

    COPIED = "audio copied"
    CONVERTED = "audio converted to AAC"
    NONE = "the source has no audio"
    FAILED = "without audio: ffmpeg cannot copy the source's"
    NO_FFMPEG = "without audio: ffmpeg is not on PATH"


def is_there() -> bool:
    """Whether ffmpeg is on PATH."""
    return shutil.which("ffmpeg") is not None


def encode(
    made: Path,
    frames: Iterator[np.ndarray],
    rate: Fraction,
    source: str | os.PathLike | None,
) -> None:
    """Writes a silent video.

    Args:
      made: the file to make.
      frames: uint8 `[height, width, 3]`, RGB, with even sides, at least one.
      rate: frames a second.
      source: the video whose kind of colours to take, if any.

    Raises:
      UserError: ffmpeg fails.
    """
    first = next(frames)
    size = f"{first.shape[1]}x{first.shape[0]}"
    command = _ffmpeg("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size)
    command += ["-r", str(rate), "-i", "pipe:0", *_encoder(), *_colors(source)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, str(made)], stdin=subprocess.PIPE, stderr=errors
        )
        try:
            with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
                pipe.write(first.tobytes())
                for frame in frames:
                    pipe.write(frame.tobytes())
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
        if process.returncode:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"exit {process.returncode}"
            raise UserError(f"ffmpeg cannot encode the video: {reason}")


def join(silent: Path, source: str | os.PathLike) -> tuple[Path, Audio]:
    """Puts the source's audio and metadata to the frames.

    Returns:
      A file beside `silent`, or `silent` itself, and what became of the audio.
    """
    source = os.path.abspath(source)
    audible = _succeeds(
        "-i", source, "-map", "0:a", "-t", "0", "-f", "null", "-"
    )
    for codec, audio in (("copy", Audio.COPIED), ("aac", Audio.CONVERTED)):
        joined = silent.with_stem(codec)
        maps = ["-map", "0:v", "-map", "1:a?", "-map_metadata", "1"]
        codecs = ["-c:v", "copy", "-c:a", codec, "-movflags", "+faststart"]
        if _succeeds(
            "-i", str(silent), "-i", source, *maps, *codecs, str(joined)
        ):
            return joined, audio if audible else Audio.NONE
    return silent, Audio.FAILED


def _encoder() -> list[str]:
    known = subprocess.run(_ffmpeg("-encoders"), capture_output=True, text=True)
    if " libx264 " in known.stdout:
        return ["-c:v", "libx264", "-crf", "18"]
    return ["-c:v", "mpeg4", "-q:v", "2"]


def _colors(source: str | os.PathLike | None) -> list[str]:
    """Makes ffmpeg take the way back by which OpenCV took the colours.

    OpenCV heeds what the source says of its matrix; where it says nothing, it
    takes BT.601's, and so does ffmpeg.
    """
    chosen = ["-pix_fmt", "yuv420p"]
    probe = shutil.which("ffprobe")
    if not (probe and source):
        return chosen
    options = "-v error -select_streams v:0 -of default=nw=1:nk=1".split()
    entries = ["-show_entries", "stream=color_space"]
    found = subprocess.run(
        [probe, *options, *entries, os.path.abspath(source)],
        capture_output=True,
        text=True,
    )
    if found.stdout.strip() != "bt709":
        return chosen
    names = ("-colorspace", "-color_primaries", "-color_trc")
    tags = [word for name in names for word in (name, "bt709")]
    return [*chosen, "-vf", "scale=out_color_matrix=bt709", *tags]


def _ffmpeg(*arguments: str) -> list[str]:
    return ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments]


def _succeeds(*arguments: str) -> bool:
    command = _ffmpeg(*arguments)
    return not subprocess.run(command, stderr=subprocess.DEVNULL).returncode
