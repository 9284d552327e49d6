"""How pictures are written: compression, 16 bits, and the metadata that fit.

Pillow writes them, except for colors of 16 bits a channel, which come out at 8,
and for TIFFs, which have no EXIF if it compresses them.
Whether a format can hold something is tried on a picture of one pixel, so that
no metadata can keep the real one from being written.
"""

import contextlib
import io
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from efgan_tf.faces import photos
from efgan_tf.faces.metadata import FINE_JPEG, Metadata

_XMP = 0x02BC  # a TIFF's tag

# What each format has a place for, in the order in which it is given up.
_PLACES = {
    "JPEG": ("color profile", "resolution", "EXIF", "XMP", "comment"),
    "PNG": (
        *("color profile", "color chunks", "resolution", "EXIF", "XMP"),
        "texts",
    ),
    "WEBP": ("color profile", "EXIF", "XMP"),
    "TIFF": ("color profile", "resolution", "EXIF", "XMP"),
    "BMP": ("resolution",),
}

# Of a progressive JPEG that Pillow's buffer must hold: four bytes a pixel, more
# than the finest one of noise has.
_PROGRESSIVE_BYTES = 4
_BUFFER_LOCK = threading.Lock()


# TIFF tags that say how the pixels are laid out.
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 284, 338, 339
_ADOBE_DEFLATE, _BLACK_IS_ZERO, _RGB, _UNASSOCIATED_ALPHA = 8, 1, 2, 2


def _sample() -> Image.Image:
    """What Pillow saves to make the metadata of the real picture.

    A new one each time: Pillow keeps the settings of a save on the image.
    """
    return Image.new("RGB", (1, 1))


def options_for(
    metadata: Metadata, kind: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """How to write a picture with all that the format can hold.

    Args:
      metadata: what there is.
      kind: Pillow's name of the format.

    Returns:
      What `for_pillow` makes settings of, and what had to be left out, in
      sentences.
    """
    options, left_out = _compression(metadata, kind), []
    for name, values in _available(metadata, kind).items():
        trial = _with(options, values)
        if name in _PLACES[kind] and _can_write(kind, trial):
            options = trial
        else:
            left_out.append(name)
    if not left_out:
        return options, ()
    notes = [f"left out, since {kind} cannot hold it: {', '.join(left_out)}"]
    if "color chunks" in left_out:
        notes.append("colors may look different: the PNG's gAMA, cHRM or cICP")
    return options, tuple(notes)


def _compression(metadata: Metadata, kind: str) -> dict[str, Any]:
    if kind == "JPEG":
        settings = {**(metadata.jpeg or FINE_JPEG)}
        settings.pop("comment", None)
        return settings
    if kind == "WEBP":
        # More effort takes a minute for a camera's photo and saves 1 %.
        return {"lossless": True, "exact": True, "method": 1, "quality": 20}
    # Four times as fast as 6, 12 % larger.
    return {"compress_level": 3} if kind == "PNG" else {}


def _available(metadata: Metadata, kind: str) -> dict[str, dict[str, Any]]:
    """What there is, by its name, as settings of Pillow's writer."""
    chunks = metadata.colors.chunks()
    xmp: dict[str, Any] = {"xmp": metadata.xmp}
    if kind != "PNG" and metadata.colors.is_srgb:
        chunks = []  # what every viewer assumes
    if kind == "PNG" and metadata.xmp:
        xmp = {"texts": {"XML:com.adobe.xmp": metadata.xmp}}
    available: dict[str, dict[str, Any]] = {
        "color profile": {"icc_profile": metadata.icc_profile},
        "color chunks": {"chunks": chunks},
        "resolution": {"dpi": metadata.dpi},
        "EXIF": {"exif": metadata.exif},
        "XMP": xmp,
        "comment": {"comment": metadata.jpeg.get("comment")},
        "texts": {"texts": dict(metadata.texts)},
    }
    return {
        name: values
        for name, values in available.items()
        if any(values.values())
    }


def _with(options: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    texts = {**options.get("texts", {}), **values.get("texts", {})}
    return {**options, **values, "texts": texts}


def _can_write(kind: str, options: dict[str, Any]) -> bool:
    """Whether a picture of one pixel can be written with these."""
    try:
        _sample().save(io.BytesIO(), kind, **for_pillow(kind, options))
    except photos.BROKEN:
        return False
    return True


def for_pillow(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Settings as Pillow's writer of the format takes them."""
    options = dict(options)
    texts, chunks = options.pop("texts", {}), options.pop("chunks", ())
    if kind == "PNG":
        info = options["pnginfo"] = PngInfo()
        for chunk, content in chunks:
            info.add(chunk, content)
        for key, text in texts.items():
            if isinstance(text, bytes):  # XMP
                info.add_itxt(key, text.decode(errors="replace"))
            else:
                info.add_text(key, text)
    elif kind == "TIFF" and "xmp" in options:
        exif = Image.Exif()
        exif.load(options.get("exif", b""))
        exif[_XMP] = options.pop("xmp")
        options["exif"] = exif
    return options


@contextlib.contextmanager
def progressive_buffer(count: int, options: dict[str, Any]) -> Iterator[None]:
    """Lets Pillow hold a whole progressive JPEG, as libjpeg wants it.

    It guesses two bytes a pixel, which noise of fine quality exceeds. `count`
    is that of the pixels.
    """
    if not options.get("progressive"):
        yield
        return
    with _BUFFER_LOCK:
        before = ImageFile.MAXBLOCK
        ImageFile.MAXBLOCK = max(before, _PROGRESSIVE_BYTES * count)
        try:
            yield
        finally:
            ImageFile.MAXBLOCK = before


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
    _sample().save(file, "PNG", **options)
    metadata = [
        chunk
        for kind, chunk in photos.png_chunks(file.getvalue())
        if kind not in (b"IHDR", b"PLTE", b"IDAT", b"IEND")
    ]
    (_, header), *rest = photos.png_chunks(encoded.data)
    parts = [header, *metadata, *(chunk for _, chunk in rest)]
    return b"".join([photos.PNG_START, *parts])


def encode_tiff(pixels: np.ndarray, **options) -> bytes:
    """A TIFF file with all metadata (Pillow's, if compressed, has no EXIF).

    Args:
      pixels: uint8 or uint16 `[height, width, channels]`: gray or RGB, with or
        without alpha.
      **options: of Pillow's TIFF writer, such as `exif` and `icc_profile`.
    """
    file = io.BytesIO()
    _sample().save(file, "TIFF", **options)
    folder = TiffImagePlugin.ImageFileDirectory_v2()
    file.seek(0)
    described = TiffImagePlugin.TiffImageFile(file)
    for tag, value in described.tag_v2.items():
        folder[tag] = value
        folder.tagtype[tag] = described.tag_v2.tagtype[tag]
    for tag in photos.SUB_FOLDERS.intersection(folder):
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
