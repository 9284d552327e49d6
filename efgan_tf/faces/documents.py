"""Photos as documents: what is edited, and what must survive the edit.

Alpha, 16 bits, EXIF, colour profile, XMP, resolution and texts travel along,
and pixels that were not edited come back bit for bit in lossless formats.
"""

import contextlib
import dataclasses
import os
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin
from PIL.PngImagePlugin import PngInfo

from efgan_tf.errors import UserError
from efgan_tf.faces import lossless, photos
from efgan_tf.outputs import atomic_file

_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
SUFFIXES = frozenset(_FORMATS)
"""What can be written, in lower case. (GIF would lose colours everywhere.)"""

_GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
_ROWS = 256  # worked on at a time, to bound the memory
_LUMA = np.array([[0.299], [0.587], [0.114]], np.float32)  # as Pillow's "L"

_FINE_JPEG = {"quality": 95, "subsampling": 0}

# What Pillow raises where a tag is not of its type.
_BROKEN_EXIF = (TypeError, ValueError, AttributeError, KeyError, struct.error)

_XMP = 0x02BC
# Tags of a TIFF about its own pixels, tables and blocks of other metadata.
_STRUCTURE = {
    *(0xFE, 0xFF, 0x100, 0x101, 0x102, 0x103, 0x106, 0x10A, 0x111, 0x115),
    *(0x116, 0x117, 0x11C, 0x122, 0x123, 0x12D, 0x13D, 0x140, 0x142, 0x143),
    *(0x144, 0x145, 0x14A, 0x14C, 0x152, 0x153, 0x15B, 0x200, 0x201, 0x202),
    *(0x211, 0x212, 0x213, 0x214, _XMP, 0x83BB, 0x8649, 0x8773, 0x935C),
}


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What a file says beside its pixels; None or empty where it says nothing.

    Attributes:
      exif: block with the orientation reset, since it is applied to the
        pixels, and without thumbnail, which would show the old face. Of a
        broken one there is none.
      icc_profile: the space that the colours are in, and are edited in.
      xmp: packet of XML.
      dpi: resolution (x, y).
      texts: of a PNG; written to PNGs only.
      jpeg: settings of Pillow's writer that repeat how a JPEG was compressed.
    """

    exif: bytes | None = None
    icc_profile: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    texts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    jpeg: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Document:
    """A photo that can be edited and written back.

    Attributes:
      pixels: uint8 `[height, width, 3]`, what a viewer shows, as
        `photos.read_photo` gives it; this is what is edited.
      color: uint8 or uint16 `[height, width, 1 or 3]` (one channel: grey), the
        colours in full and without a white ground behind transparent parts.
      alpha: `[height, width, 1]` of the same type, or None.
      metadata: what else is in the file.
    """

    pixels: np.ndarray
    color: np.ndarray
    alpha: np.ndarray | None
    metadata: Metadata

    @property
    def is_grey(self) -> bool:
        return self.color.shape[2] == 1


def read_document(
    path: str | os.PathLike, max_pixels: int = photos.MAX_PIXELS
) -> Document:
    """Reads a photo for editing.

    Of an animation it is the first frame. CMYK becomes RGB, for which its
    profile does not hold and is left out.

    Raises:
      PhotoError: missing, unreadable, cut off, or over `max_pixels`.
    """
    way_out = "shrink it or raise --max_megapixels (in Python max_megapixels)"
    name = os.fspath(path)
    with photos.opened(name, max_pixels, way_out) as image:
        deep = None
        if lossless.is_deep(image):
            deep = lossless.decode(Path(name).read_bytes())
            if deep is None:
                raise photos.PhotoError(
                    name,
                    "has 16-bit colours that cannot be read; save it as "
                    "an ordinary 16-bit PNG",
                )
        return _document(image, name, deep)


def from_image(image: Image.Image) -> Document:
    """A document of a Pillow image, with what it has of metadata.

    Raises:
      PhotoError: its pixels are floating-point numbers, or the file behind it
        is cut off or damaged.
    """
    name = "the picture"
    with photos.problems_told(name):
        return _document(image, name, None)


def from_array(pixels: np.ndarray) -> Document:
    """A document of pixels alone.

    Args:
      pixels: `[height, width, 3]`, uint8, uint16 (which is kept), or floats in
        0–1, which become 8 bits.

    Raises:
      ValueError: another shape or type.
    """
    shown = photos.eight_bits(pixels)
    color = pixels if pixels.dtype == np.uint16 else shown
    return Document(shown, color, None, Metadata())


def edited(document: Document, pixels: np.ndarray) -> Document:
    """The document with its `pixels` edited, and its own colours likewise."""
    color = _edited_color(document, pixels)
    return dataclasses.replace(document, pixels=pixels, color=color)


def to_image(document: Document) -> Image.Image:
    """A Pillow image: what `from_image` was given, upright.

    It is grey, has 16 bits or alpha if that one was or had; palettes and CMYK
    have become RGB.
    """
    full = _full(document.color, document.alpha)
    image = Image.fromarray(full[..., 0] if full.shape[2] == 1 else full)
    for name in ("exif", "icc_profile", "xmp", "dpi"):
        value = getattr(document.metadata, name)
        if value is not None:
            image.info[name] = value
    return image


def write_document(
    path: str | os.PathLike,
    document: Document,
    pixels: np.ndarray,
    overwrite: bool = True,
) -> None:
    """Writes a photo after an edit, in the format of the path's suffix.

    PNG and TIFF keep 16 bits and alpha, WebP (which is written lossless) keeps
    alpha; JPEG and BMP have neither: transparent parts come to lie over white.
    A JPEG that was a JPEG is compressed as it was; another one at quality 95
    without subsampling. All but BMP keep the metadata. A grey photo stays
    grey.

    Args:
      path: file to write.
      document: the photo before.
      pixels: uint8 `[height, width, 3]`: `document.pixels` edited. Where they
        are the same, the document's own colours are written; elsewhere the
        difference is added to them.
      overwrite: replace a file that exists.

    Raises:
      UserError: the suffix is of no format that can be written, the format
        cannot hold the picture, or the file cannot be written.
      ValueError: `pixels` is of another shape or type.
    """
    with writing(path, document, pixels, overwrite):
        pass


@contextlib.contextmanager
def writing(
    path: str | os.PathLike,
    document: Document,
    pixels: np.ndarray,
    overwrite: bool = True,
) -> Iterator[None]:
    """As `write_document`; the file appears when the block has succeeded."""
    check_suffix(path)
    if pixels.shape != document.pixels.shape or pixels.dtype != np.uint8:
        raise ValueError(f"not the document's: {pixels.dtype} {pixels.shape}")
    kind = _FORMATS[Path(path).suffix.lower()]
    options = _options(document.metadata, kind)
    with atomic_file(path, overwrite) as temporary:
        try:
            _encode(temporary, kind, document, pixels, options)
        except (MemoryError, *photos.BROKEN) as error:
            reason = str(error) or type(error).__name__
            raise UserError(f"cannot write {path}: {reason}") from error
        yield


def check_suffix(path: str | os.PathLike) -> None:
    """Raises a `UserError` unless a picture can be written to `path`."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UserError(
            f"{path}: pictures are written as {', '.join(_FORMATS)}; choose "
            "one of these suffixes"
        )


def _document(image, name, deep) -> Document:
    exif = image.getexif()
    for folder in lossless.SUB_FOLDERS.intersection(exif):
        exif.get_ifd(folder)  # while the file is open
    pixels = photos.to_rgb(image, name)
    turn = photos.orientation(image)
    if deep is None and image.mode.startswith("I"):
        deep = np.asarray(image).clip(0, 65535).astype(np.uint16)[..., None]
    if deep is not None:
        full = photos.upright(deep, turn)
    elif image.has_transparency_data:
        full = photos.upright(np.asarray(image.convert("RGBA")), turn)
    else:
        full = pixels
    grey = image.mode in _GREY_MODES
    return Document(
        pixels=pixels,
        color=full[..., :1] if grey else full[..., :3],
        alpha=full[..., 3:] if full.shape[2] == 4 else None,
        metadata=_metadata(image),
    )


def _metadata(image: Image.Image) -> Metadata:
    info = image.info
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    dpi = info.get("dpi")
    rgb_or_grey = image.mode not in ("CMYK", "LAB", "YCbCr", "HSV")
    return Metadata(
        exif=_exif(image),
        icc_profile=info.get("icc_profile") if rgb_or_grey else None,
        xmp=_upright_xmp(xmp) if xmp else None,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi else None,
        texts={
            key: text
            for key, text in getattr(image, "text", {}).items()
            if not key.startswith(("XML:", "Raw profile"))
        },
        jpeg=_jpeg_settings(image),
    )


def _exif(image: Image.Image) -> bytes | None:
    exif = Image.Exif()  # a copy: the image may be the caller's
    try:
        exif.load(image.getexif().tobytes())
    except _BROKEN_EXIF:
        return None
    for tag in _STRUCTURE.intersection(exif):
        del exif[tag]
    if not exif:
        return None
    exif[photos.ORIENTATION] = 1
    return exif.tobytes()


def _upright_xmp(xmp: bytes | str) -> bytes:
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    return re.sub(rb'(tiff:Orientation(?:="|>))[0-9]', rb"\g<1>1", xmp)


def _jpeg_settings(image: Image.Image) -> dict[str, Any]:
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return {}
    settings: dict[str, Any] = {
        "progressive": bool(image.info.get("progressive")),
        "comment": image.info.get("comment", b""),
    }
    if image.mode in ("L", "RGB"):
        settings["qtables"] = image.quantization
        settings["subsampling"] = JpegImagePlugin.get_sampling(image)
    else:
        settings |= _FINE_JPEG
    return settings


def _options(metadata: Metadata, kind: str) -> dict[str, Any]:
    """For Pillow's writer of the format."""
    if kind == "BMP":
        return {"dpi": metadata.dpi} if metadata.dpi else {}
    options = {
        "exif": metadata.exif,
        "icc_profile": metadata.icc_profile,
        "xmp": metadata.xmp,
        "dpi": metadata.dpi,
    }
    if kind == "JPEG":
        options |= metadata.jpeg or _FINE_JPEG
    elif kind == "WEBP":
        # More effort takes a minute for a camera's photo and saves 1 %.
        options |= {"lossless": True, "exact": True, "method": 1, "quality": 20}
    elif kind == "PNG":
        texts = PngInfo()
        for key, text in metadata.texts.items():
            texts.add_text(key, text)
        if metadata.xmp:
            texts.add_itxt(
                "XML:com.adobe.xmp", metadata.xmp.decode(errors="replace")
            )
        options["pnginfo"] = texts
        options["compress_level"] = 3  # four times as fast as 6, 12 % larger
    elif kind == "TIFF" and metadata.xmp:
        exif = Image.Exif()
        exif.load(metadata.exif or b"")
        exif[_XMP] = metadata.xmp
        options["exif"] = exif
    return {key: value for key, value in options.items() if value is not None}


def _encode(path: Path, kind: str, document, pixels, options) -> None:
    if kind in ("JPEG", "BMP"):
        flat = Image.fromarray(pixels)
        flat = flat.convert("L") if document.is_grey else flat
        flat.save(path, kind, **options)
        return
    full = _full(_edited_color(document, pixels), document.alpha)
    if kind == "TIFF":
        path.write_bytes(lossless.encode_tiff(full, **options))
    elif kind == "PNG" and full.dtype == np.uint16 and full.shape[2] > 1:
        full = full[..., [0, 0, 0, 1]] if full.shape[2] == 2 else full
        path.write_bytes(lossless.encode_png(full, **options))
    else:
        if kind == "WEBP" and full.dtype == np.uint16:
            full = np.rint(full / np.float32(257)).astype(np.uint8)
        full = full[..., 0] if full.shape[2] == 1 else full
        Image.fromarray(full).save(path, kind, **options)


def _full(color: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Colours with their alpha, if any."""
    return color if alpha is None else np.concatenate([color, alpha], axis=2)


def _edited_color(document: Document, pixels: np.ndarray) -> np.ndarray:
    """The document's colours with the edit, in their type and channels."""
    color = document.color
    if (
        color.dtype == np.uint8
        and color.shape[2] == 3
        and document.alpha is None
    ):
        return pixels
    peak = np.iinfo(color.dtype).max
    edited = color.copy()
    for start in range(0, len(pixels), _ROWS):
        rows = slice(start, start + _ROWS)
        change = np.float32(pixels[rows]) - document.pixels[rows]
        if not change.any():
            continue
        change = change @ _LUMA if document.is_grey else change
        value = np.clip(color[rows] + change * (peak / 255), 0, peak)
        edited[rows] = np.rint(value).astype(color.dtype)
    return edited
