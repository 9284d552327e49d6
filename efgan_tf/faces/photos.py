"""Photo files of all kinds, read into RGB arrays."""

import contextlib
import io
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from efgan_tf.common.errors import UserError

MAX_PIXELS = 100_000_000
"""Larger pictures are refused: a small file can unfold into gigabytes."""

SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp"),
        *(".tif", ".tiff", ".jp2", ".j2k", ".jpx", ".avif"),
        *(".heic", ".heif", ".hif"),  # by pillow-heif
    )
)
"""Suffixes of photos when a folder is listed, in lower case."""

VIDEO_SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"))
"""Suffixes of videos, in lower case."""

UNREAD_SUFFIXES = VIDEO_SUFFIXES | frozenset(
    (
        *(".3fr", ".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf"),
        *(".pef", ".raf", ".raw", ".rw2", ".srw", ".x3f"),  # of cameras
        *(".exr", ".hdr", ".heics", ".jxl", ".pcx", ".pgm", ".pnm", ".ppm"),
        *(".psb", ".psd", ".svg", ".tga"),
    )
)
"""Suffixes of pictures and videos that are not read, in lower case."""

WITHOUT_TEXTS = "without texts"
"""In the `info` of a PNG that is read for its pixels alone."""

_LONGEST_TEXT = 64 << 20  # of a PNG, unpacked; generators write megabytes
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")

PNG_START = b"\x89PNG\r\n\x1a\n"

# Chunks that pixels need, and what their numbers mean.
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_COLORS = (b"gAMA", b"cHRM", b"sRGB", b"cICP")

ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""

SUB_FOLDERS = frozenset((0x8769, 0x8825))
"""Tags of EXIF's own folder and of GPS's."""

BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError,
    AttributeError, ArithmeticError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's readers and writers raise for broken files and tags, depending
on the format."""

# Pillow's limits are globals, put aside while one or more files are read.
_limit_lock = threading.Lock()
_limits = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
_readers = 0


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
    white, 16-bit grays are scaled to 8 bits, and of an animation the first
    frame is taken. Color profiles are ignored.

    Args:
      source: a path, or a binary file opened for reading.

    Returns:
      uint8 `[height, width, 3]`, RGB.

    Raises:
      PhotoError: missing, unreadable, cut off, or over 100 megapixels.
    """
    with opened(source, MAX_PIXELS) as image:
        return to_rgb(image, _name(source))


@contextlib.contextmanager
def opened(
    source: str | os.PathLike | BinaryIO,
    max_pixels: int,
    hint: str = "shrink it first",
) -> Iterator[Image.Image]:
    """A picture to be decoded; what fails inside becomes a `PhotoError`.

    Args:
      source: a path, or a binary file opened for reading.
      max_pixels: larger pictures are refused before they are decoded.
      hint: what is said to do about those.

    Raises:
      PhotoError: missing, unreadable, cut off, over the limit, or HEIC without
        the package that reads it.
    """
    name = _name(source)
    with as_photo_errors(name), _unlimited(), _open(source, name) as image:
        if image.width * image.height > max_pixels:
            limit = f"over {max_pixels / 1e6:g} megapixels"
            raise PhotoError(name, f"{limit}; {hint}")
        yield image


@contextlib.contextmanager
def as_photo_errors(name: str) -> Iterator[None]:
    """What fails while a picture is read becomes a `PhotoError`."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
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
    except MemoryError as error:
        raise PhotoError(name, "takes more memory than there is") from error
    except BROKEN as error:
        reason = str(error) or type(error).__name__
        raise PhotoError(name, f"cut off or damaged ({reason})") from error


def _name(source) -> str:
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    return getattr(source, "name", "the photo")


def _open(source, name: str) -> Image.Image:
    """Opens a picture, by way of the package that its format needs.

    A PNG with damage outside of its pixels is opened without texts, profile
    and the like, as `info[WITHOUT_TEXTS]` says.
    """
    try:
        return Image.open(source)
    except (UnidentifiedImageError, ValueError):
        head = _read(source, len(PNG_START))
        if head == PNG_START:
            pixels = _without_texts(_read(source))
            image = Image.open(io.BytesIO(pixels))
            image.info[WITHOUT_TEXTS] = True
            return image
        head = _read(source, 12)
        if not (head[4:8] == b"ftyp" and head[8:] in _HEIF_BRANDS):
            raise
    try:
        import pillow_heif
    except ImportError as error:
        raise PhotoError(
            name,
            'is HEIC, which needs pillow-heif: pip install "efgan_tf[heic]"',
        ) from error
    pillow_heif.register_heif_opener()
    try:
        return Image.open(source)
    except UnidentifiedImageError as error:
        raise PhotoError(name, "cut off or damaged (HEIC)") from error


def _read(source, size: int = -1) -> bytes:
    """The first `size` bytes of a file, or all of it."""
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            return file.read(size)
    source.seek(0)
    data = source.read(size)
    source.seek(0)
    return data


def _without_texts(data: bytes) -> bytes:
    """A PNG file with its pixels and the meaning of their numbers alone."""
    kept = (
        chunk for kind, chunk in png_chunks(data) if kind in _PIXELS + _COLORS
    )
    return b"".join([PNG_START, *kept])


def png_chunks(
    data: bytes | memoryview,
) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and bytes of every chunk, without a copy."""
    view = memoryview(data).cast("B")
    position = 8
    while position < len(view):
        (length,) = struct.unpack_from(">I", view, position)
        end = position + 12 + length
        yield bytes(view[position + 4 : position + 8]), view[position:end]
        position = end


@contextlib.contextmanager
def _unlimited() -> Iterator[None]:
    """Replaces Pillow's own limits on pixels and texts by ours.

    Texts may stand behind a PNG's pixels, so until these are decoded.
    """
    global _readers, _limits
    with _limit_lock:
        if not _readers:
            _limits = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
            Image.MAX_IMAGE_PIXELS = None
            PngImagePlugin.MAX_TEXT_CHUNK = _LONGEST_TEXT
        _readers += 1
    try:
        yield
    finally:
        with _limit_lock:
            _readers -= 1
            if not _readers:
                Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = _limits


def further_pictures(image: Image.Image) -> tuple[str, ...]:
    """A note if an opened file, not yet loaded, holds more than one picture."""
    try:
        count = getattr(image, "n_frames", 1)
    except BROKEN:
        return ("the first picture of the file was taken; others are damaged",)
    if count < 2:
        return ()
    what = "pages" if image.format == "TIFF" else "frames"
    what = "pictures" if image.format in ("MPO", "HEIF") else what
    which = "main" if image.format == "HEIF" else "first"
    return (f"of {count} {what} in the file the {which} one was taken",)


def to_rgb(image: Image.Image, name: str) -> np.ndarray:
    """An opened picture as `read_photo` gives it; `name` is for errors."""
    turn = orientation(image)
    if image.mode == "F":
        raise PhotoError(name, "has floating-point pixels; save it as 8 bits")
    if image.mode.startswith("I"):
        # 16-bit grays, whose conversion by Pillow clips at 255.
        gray = np.asarray(image, np.float64) / 257
        gray = np.clip(np.rint(gray), 0, 255).astype(np.uint8)
        return upright(np.repeat(gray[:, :, None], 3, axis=2), turn)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return upright(np.array(image.convert("RGB")), turn)


def orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1–8, of the pixels that Pillow gives.

    (Pillow's own `exif_transpose` fails where another tag is broken.)
    """
    image.load()  # which turns a TIFF upright, and finds a PNG's EXIF
    found = exif_of(image).get(ORIENTATION)
    return found if isinstance(found, int) and found in range(1, 9) else 1


def exif_of(image: Image.Image) -> Image.Exif:
    """EXIF of a picture; empty if it is damaged.

    A PNG is decoded for it, since it may stand behind the pixels.
    """
    if image.format == "PNG":
        image.load()  # what fails here is no fault of EXIF's
    try:
        return image.getexif()
    except BROKEN:
        return Image.Exif()


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """`[height, width, …]` turned and mirrored as EXIF's orientation asks."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
