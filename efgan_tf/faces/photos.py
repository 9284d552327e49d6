"""Photos as people have them, read into plain RGB arrays."""

import os
import struct
import warnings
import zlib
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from efgan_tf.errors import UserError

MAX_PIXELS = 100_000_000
"""Larger pictures are refused: a small file can unfold into gigabytes."""

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
)
"""What is taken for a photo when a folder is listed, in lower case."""

# What Pillow's decoders raise for broken files, depending on the format.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


class PhotoError(UserError):
    """A photo that cannot be used.

    Attributes:
      reason: why, without the file's name.
    """

    def __init__(self, name: str, reason: str):
        super().__init__(f"{name}: {reason}")
        self.reason = reason


def read_photo(source: str | os.PathLike | BinaryIO) -> np.ndarray:
    """Reads a photo the way a viewer shows it.

    The camera's orientation (EXIF) is applied, transparent parts are laid over
    white, 16-bit greys are scaled to 8 bits, and of an animation the first
    frame is taken. Colour profiles are ignored.

    Args:
      source: a path, or a binary file opened for reading.

    Returns:
      uint8 `[height, width, 3]`, RGB.

    Raises:
      PhotoError: missing, unreadable, cut off, or over 100 megapixels.
    """
    if isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
    else:
        name = getattr(source, "name", "the photo")
    try:
        with warnings.catch_warnings():
            # Our own limit, checked below, is about where Pillow warns.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise PhotoError(name, _too_large())
                return _to_rgb(image, name)
    except FileNotFoundError as error:
        raise PhotoError(name, "no such file") from error
    except IsADirectoryError as error:
        raise PhotoError(name, "is a folder, not a photo") from error
    except PermissionError as error:
        raise PhotoError(name, "may not be read (permissions)") from error
    except UnidentifiedImageError as error:
        empty = os.path.isfile(name) and not os.path.getsize(name)
        reason = "not a picture of a known format"
        raise PhotoError(
            name, "is an empty file" if empty else reason
        ) from error
    except Image.DecompressionBombError as error:
        raise PhotoError(name, _too_large()) from error
    except _BROKEN as error:
        raise PhotoError(name, f"cut off or damaged ({error})") from error


def _too_large() -> str:
    return f"over {MAX_PIXELS // 10**6} megapixels; shrink it first"


def _to_rgb(image: Image.Image, name: str) -> np.ndarray:
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise PhotoError(name, "has floating-point pixels; save it as 8 bits")
    if image.mode.startswith("I"):
        # 16-bit greys, whose conversion by Pillow clips at 255.
        grey = np.asarray(image, np.float64) / 257
        grey = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("RGB"))
