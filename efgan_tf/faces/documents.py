"""Photos as documents: what is edited, and what must stay after the edit.

Alpha, 16 bits, EXIF, color profile, XMP, resolution and texts travel along,
and pixels that were not edited come back bit for bit in lossless formats.
"""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from efgan_tf.common.errors import UserError
from efgan_tf.common.images import eight_bits
from efgan_tf.common.outputs import atomic_file
from efgan_tf.faces import photos, writers
from efgan_tf.faces.metadata import Metadata, read_metadata

_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
SUFFIXES = frozenset(_FORMATS)
"""What can be written, in lower case. (GIF would lose colors everywhere.)"""

_GRAY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
_ROWS = 256  # worked on at a time, to bound the memory
_LUMA = np.array([[0.299], [0.587], [0.114]], np.float32)  # as Pillow's "L"

_HEAD_BYTES = 1 << 20  # in which files say what their colors mean


@dataclasses.dataclass(frozen=True, eq=False)
class Document:
    """A photo that can be edited and written back.

    Attributes:
      pixels: uint8 `[height, width, 3]`, what a viewer shows, as
        `photos.read_photo` gives it; this is what is edited.
      color: uint8 or uint16 `[height, width, 1 or 3]` (one channel: gray), the
        colors in full and without a white ground behind transparent parts.
      alpha: `[height, width, 1]` of the same type, or None.
      metadata: what else is in the file.
      notes: what of the file is not in here, in sentences.
    """

    pixels: np.ndarray
    color: np.ndarray
    alpha: np.ndarray | None
    metadata: Metadata
    notes: tuple[str, ...] = ()

    @property
    def is_gray(self) -> bool:
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
    hint = "shrink it or raise --max_megapixels (in Python max_megapixels)"
    name = os.fspath(path)
    with photos.opened(name, max_pixels, hint) as image:
        notes, deep = photos.further_pictures(image), None
        if _is_deep(image):
            deep = _decode(Path(name).read_bytes())
            if deep is None:
                raise photos.PhotoError(
                    name,
                    "has 16-bit colors that cannot be read; save it as "
                    "an ordinary 16-bit PNG",
                )
        with open(name, "rb") as file:
            head = file.read(_HEAD_BYTES)
        return _document(image, name, deep, head, notes)


def from_image(image: Image.Image) -> Document:
    """A document of a Pillow image, with what it has of metadata.

    Raises:
      PhotoError: its pixels are floating-point numbers, or the file behind it
        is cut off or damaged.
    """
    name = "the picture"
    with photos.as_photo_errors(name):
        return _document(image, name, None)


def from_array(pixels: np.ndarray) -> Document:
    """A document of pixels alone.

    Args:
      pixels: `[height, width, 3]`, uint8, uint16 (which is kept), or floats in
        0–1, which become 8 bits.

    Raises:
      ValueError: another shape or type.
    """
    shown = eight_bits(pixels)
    color = pixels if pixels.dtype == np.uint16 else shown
    return Document(shown, color, None, Metadata())


def edited(document: Document, pixels: np.ndarray) -> Document:
    """The document with its `pixels` edited, and its own colors likewise."""
    color = _edited_color(document, pixels)
    return dataclasses.replace(document, pixels=pixels, color=color)


def to_image(document: Document) -> Image.Image:
    """A Pillow image: what `from_image` was given, upright.

    It is gray, has 16 bits or alpha if that one was or had; palettes and CMYK
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
) -> tuple[str, ...]:
    """Writes a photo after an edit, in the format of the path's suffix.

    PNG and TIFF keep 16 bits and alpha, WebP (which is written lossless) keeps
    alpha; JPEG and BMP have neither: transparent parts come to lie over white.
    A JPEG that was a JPEG is compressed as it was; another one at quality 95
    without subsampling. Of the metadata all is kept that the format has a
    place for. A gray photo stays gray.

    Args:
      path: file to write.
      document: the photo before.
      pixels: uint8 `[height, width, 3]`: `document.pixels` edited. Where they
        are the same, the document's own colors are written; elsewhere the
        difference is added to them.
      overwrite: replace a file that exists.

    Returns:
      What was left out because the format cannot hold it, in sentences.

    Raises:
      UserError: the suffix is of no format that can be written, the format
        cannot hold the picture, or the file cannot be written.
      ValueError: `pixels` is of another shape or type.
    """
    with writing(path, document, pixels, overwrite) as left_out:
        return left_out


@contextlib.contextmanager
def writing(
    path: str | os.PathLike,
    document: Document,
    pixels: np.ndarray,
    overwrite: bool = True,
) -> Iterator[tuple[str, ...]]:
    """As `write_document`; the file appears when the block has succeeded."""
    check_suffix(path)
    if pixels.shape != document.pixels.shape or pixels.dtype != np.uint8:
        raise ValueError(f"not the document's: {pixels.dtype} {pixels.shape}")
    kind = _FORMATS[Path(path).suffix.lower()]
    options, left_out = writers.options_for(document.metadata, kind)
    with atomic_file(path, overwrite) as temporary:
        try:
            _encode(temporary, kind, document, pixels, options)
        except (MemoryError, *photos.BROKEN) as error:
            reason = str(error) or type(error).__name__
            raise UserError(f"cannot write {path}: {reason}") from error
        yield left_out


def check_suffix(path: str | os.PathLike) -> None:
    """Raises a `UserError` unless a picture can be written to `path`."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UserError(
            f"{path}: pictures are written as {', '.join(_FORMATS)}; choose "
            "one of these suffixes"
        )


def _is_deep(image: Image.Image) -> bool:
    """Whether an opened picture, not yet loaded, has 16-bit colors."""
    return (
        isinstance(image, ImageFile.ImageFile)
        and image.format in ("PNG", "TIFF")
        and image.mode in ("RGB", "RGBA", "LA")
        and ";16" in repr(image.tile)
    )


def _decode(data: bytes) -> np.ndarray | None:
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


def _document(image, name, deep, head=b"", notes=()) -> Document:
    exif = photos.exif_of(image)
    for folder in photos.SUB_FOLDERS.intersection(exif):
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
    gray = image.mode in _GRAY_MODES
    metadata, left_out = read_metadata(image, head)
    return Document(
        pixels=pixels,
        color=full[..., :1] if gray else full[..., :3],
        alpha=full[..., 3:] if full.shape[2] == 4 else None,
        metadata=metadata,
        notes=(*notes, *left_out),
    )


def _encode(path: Path, kind: str, document, pixels, options) -> None:
    options = writers.for_pillow(kind, options)
    if kind in ("JPEG", "BMP"):
        flat = Image.fromarray(pixels)
        flat = flat.convert("L") if document.is_gray else flat
        with writers.progressive_buffer(flat.width * flat.height, options):
            flat.save(path, kind, **options)
        return
    full = _full(_edited_color(document, pixels), document.alpha)
    if kind == "TIFF":
        path.write_bytes(writers.encode_tiff(full, **options))
    elif kind == "PNG" and full.dtype == np.uint16 and full.shape[2] > 1:
        full = full[..., [0, 0, 0, 1]] if full.shape[2] == 2 else full
        path.write_bytes(writers.encode_png(full, **options))
    else:
        if kind == "WEBP" and full.dtype == np.uint16:
            full = np.rint(full / np.float32(257)).astype(np.uint8)
        full = full[..., 0] if full.shape[2] == 1 else full
        Image.fromarray(full).save(path, kind, **options)


def _full(color: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Colors with their alpha, if any."""
    return color if alpha is None else np.concatenate([color, alpha], axis=2)


def _edited_color(document: Document, pixels: np.ndarray) -> np.ndarray:
    """The document's colors with the edit, in their type and channels."""
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
        change = change @ _LUMA if document.is_gray else change
        value = np.clip(color[rows] + change * (peak / 255), 0, peak)
        edited[rows] = np.rint(value).astype(color.dtype)
    return edited
