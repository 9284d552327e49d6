"""PNG and TIFF files that Pillow cannot read or write in full.

Colors of 16 bits a channel come and go at 8 with Pillow, and its compressed
TIFFs have no EXIF.
"""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

PNG_START = b"\x89PNG\r\n\x1a\n"

# Chunks that pixels need, and what their numbers mean.
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_COLORS = (b"gAMA", b"cHRM", b"sRGB", b"cICP")

SUB_FOLDERS = frozenset((0x8769, 0x8825))
"""Tags of EXIF's own folder and of GPS's."""

# TIFF tags that say how the pixels are laid out.
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 284, 338, 339
_ADOBE_DEFLATE, _BLACK_IS_ZERO, _RGB, _UNASSOCIATED_ALPHA = 8, 1, 2, 2

# Pillow saves it to make the metadata of the real picture.
_SAMPLE = Image.new("RGB", (1, 1))


def is_deep(image: Image.Image) -> bool:
    """Whether an opened picture, not yet loaded, has 16-bit colors."""
    return (
        isinstance(image, ImageFile.ImageFile)
        and image.format in ("PNG", "TIFF")
        and image.mode in ("RGB", "RGBA", "LA")
        and ";16" in repr(image.tile)
    )


def decode(data: bytes) -> np.ndarray | None:
    """The file's pixels as they are stored, not turned upright.

    Returns:
      uint16 `[height, width, 3 or 4]`, RGB or RGBA; None if OpenCV cannot read
      this kind of file.
    """
    import cv2  # OpenCV takes a tenth of a second to import

    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16 or stored.ndim != 3:
        return None
    alpha = stored.shape[2] == 4
    return cv2.cvtColor(
        stored, cv2.COLOR_BGRA2RGBA if alpha else cv2.COLOR_BGR2RGB
    )


def without_texts(data: bytes) -> bytes:
    """A PNG file with its pixels and the meaning of their numbers alone."""
    kept = (
        chunk for kind, chunk in _png_chunks(data) if kind in _PIXELS + _COLORS
    )
    return b"".join([PNG_START, *kept])


def encode_png(pixels: np.ndarray, **options) -> bytes:
    """A PNG file with 16 bits a channel.

    Args:
      pixels: uint16 `[height, width, 3 or 4]`, RGB or RGBA.
      **options: of Pillow's PNG writer, such as `exif` and `icc_profile`.
    """
    import cv2

    alpha = pixels.shape[2] == 4
    stored = cv2.cvtColor(
        pixels, cv2.COLOR_RGBA2BGRA if alpha else cv2.COLOR_RGB2BGR
    )
    _, encoded = cv2.imencode(".png", stored)
    del stored  # as large as the photo
    file = io.BytesIO()
    _SAMPLE.save(file, "PNG", **options)
    metadata = [
        chunk
        for kind, chunk in _png_chunks(file.getvalue())
        if kind not in (b"IHDR", b"PLTE", b"IDAT", b"IEND")
    ]
    (_, header), *rest = _png_chunks(encoded.data)
    parts = [header, *metadata, *(chunk for _, chunk in rest)]
    return b"".join([PNG_START, *parts])


def _png_chunks(
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


def encode_tiff(pixels: np.ndarray, **options) -> bytes:
    """A TIFF file with all metadata (Pillow's, if compressed, has no EXIF).

    Args:
      pixels: uint8 or uint16 `[height, width, channels]`: gray or RGB, with or
        without alpha.
      **options: of Pillow's TIFF writer, such as `exif` and `icc_profile`.
    """
    file = io.BytesIO()
    _SAMPLE.save(file, "TIFF", **options)
    folder = TiffImagePlugin.ImageFileDirectory_v2()
    file.seek(0)
    described = TiffImagePlugin.TiffImageFile(file)
    for tag, value in described.tag_v2.items():
        folder[tag] = value
        folder.tagtype[tag] = described.tag_v2.tagtype[tag]
    for tag in SUB_FOLDERS.intersection(folder):
        folder[tag] = described.getexif().get_ifd(tag)
    little_endian = pixels.dtype.newbyteorder("<")
    packed = zlib.compress(pixels.astype(little_endian).tobytes(), 3)
    height, width, channels = pixels.shape
    layout = {
        _WIDTH: width,
        _HEIGHT: height,
        _BITS: (8 * pixels.itemsize,) * channels,
        _COMPRESSION: _ADOBE_DEFLATE,
        _PHOTOMETRIC: _RGB if channels > 2 else _BLACK_IS_ZERO,
        _STRIP_OFFSETS: 0,  # counted from where the tags end
        _SAMPLES: channels,
        _ROWS_PER_STRIP: height,
        _STRIP_BYTES: len(packed),
        _PLANAR: 1,
        _SAMPLE_FORMAT: (1,) * channels,
    }
    if channels in (2, 4):
        layout[_EXTRA_SAMPLES] = _UNASSOCIATED_ALPHA
    for tag, value in layout.items():
        folder.tagtype.pop(tag, None)
        folder[tag] = value
    result = io.BytesIO()
    folder.save(result)
    return result.getvalue() + packed
