"""Short animations: GIF and WebP by Pillow, MP4 as videos are written."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from efgan_tf.common.errors import UserError
from efgan_tf.common.outputs import atomic_file, check_free_file
from efgan_tf.faces.video import pyav
from efgan_tf.faces.video_writing import at_rate, write_video

_SUFFIXES = (".gif", ".webp", ".mp4")

_FASTEST_GIF = 50  # viewers slow down what claims to be faster

# Ordered dither of 8 × 8: where nothing moves, nothing flickers, as it would
# with error diffusion.
_DITHER_LEVELS = 12

# Pixels that a palette is made of. All of them would take many seconds and
# bring the colors nearer by 0.1 levels.
_PALETTE_SAMPLE = 1 << 16


def check_animation(path: str | os.PathLike, fps: float) -> None:
    """Raises a `UserError` if `path` cannot hold an animation of that rate."""
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise UserError(
            f"{path}: animations are written as {', '.join(_SUFFIXES)}; choose "
            "one of these suffixes"
        )
    if suffix == ".gif" and fps > _FASTEST_GIF:
        raise UserError(
            f"{path}: a GIF has at most {_FASTEST_GIF} frames a second, not "
            f"{fps:g}; ask for fewer with --fps or write .webp"
        )
    if suffix == ".mp4":
        pyav()


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
        write_video(path, at_rate(frames, fps), overwrite=overwrite)
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
    """256 colors for all frames: palettes of their own would flicker."""
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
    pattern: np.ndarray = np.zeros((1, 1))
    for _ in range(3):
        quarter = 4 * pattern
        pattern = np.block([[quarter, quarter + 2], [quarter + 3, quarter + 1]])
    offset = (pattern / 63 - 0.5) * _DITHER_LEVELS
    tiles = -(-frame.shape[0] // 8), -(-frame.shape[1] // 8)
    offset = np.tile(offset, tiles)[: frame.shape[0], : frame.shape[1], None]
    return np.clip(np.rint(frame + offset), 0, 255).astype(np.uint8)
