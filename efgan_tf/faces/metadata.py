"""The metadata of a picture that stays after an edit.

Old previews go everywhere, and so do values that are broken.
"""

import dataclasses
import math
import struct
from collections.abc import Mapping
from typing import Any

from PIL import Image, JpegImagePlugin

from efgan_tf.faces import photos, xmp

FINE_JPEG = {"quality": 95, "subsampling": 0}

# Tags of a TIFF about its own pixels, tables and blocks of other metadata.
_STRUCTURE = {
    *(0xFE, 0xFF, 0x100, 0x101, 0x102, 0x103, 0x106, 0x10A, 0x111, 0x115),
    *(0x116, 0x117, 0x11C, 0x122, 0x123, 0x12D, 0x13D, 0x140, 0x142, 0x143),
    *(0x144, 0x145, 0x14A, 0x14C, 0x152, 0x153, 0x15B, 0x200, 0x201, 0x202),
    *(0x211, 0x212, 0x213, 0x214, 0x2BC, 0x83BB, 0x8649, 0x8773, 0x935C),
}
_INTEROPERABILITY = 0xA005  # a folder about the file's layout
_WIDTH, _HEIGHT = 0xA002, 0xA003  # of the picture, in EXIF's folder
_IPTC_TAG, _IPTC_RESOURCE = 0x83BB, 0x0404

_JPEG_START = b"\xff\xd8\xff"

# What a PNG says of its colors if they are sRGB's.
_SRGB_GAMMA = 45455
_SRGB_CHROMATICITIES = (
    *(31270, 32900, 64000, 33000),
    *(30000, 60000, 15000, 6000),
)
_SRGB_CODES = ((1, 13), (1, 1), (2, 2))


@dataclasses.dataclass(frozen=True)
class ColorChunks:
    """What a PNG's numbers mean where it has no profile; None: not said.

    Attributes:
      gamma: exponent of the encoding, times 100,000 (gAMA).
      chromaticities: x and y of white, red, green and blue, times 100,000
        (cHRM).
      intent: rendering intent; says that it is sRGB (sRGB).
      codes: primaries and transfer function by ISO/IEC 23091-2 (cICP); also of
        HEIC and AVIF.
    """

    gamma: int | None = None
    chromaticities: tuple[int, ...] | None = None
    intent: int | None = None
    codes: tuple[int, int] | None = None

    @property
    def is_srgb(self) -> bool:
        """Whether a file that says nothing of it looks the same."""
        if self.codes:
            return self.codes in _SRGB_CODES
        return self.intent is not None or (
            abs((self.gamma or _SRGB_GAMMA) - _SRGB_GAMMA) < 500
            and all(
                abs(one - other) < 500
                for one, other in zip(
                    self.chromaticities or _SRGB_CHROMATICITIES,
                    _SRGB_CHROMATICITIES,
                    strict=True,
                )
            )
        )

    def chunks(self) -> list[tuple[bytes, bytes]]:
        """Kind and content of a PNG's chunks."""
        found = []
        if self.gamma is not None:
            found.append((b"gAMA", struct.pack(">I", self.gamma)))
        if self.chromaticities is not None:
            found.append((b"cHRM", struct.pack(">8I", *self.chromaticities)))
        if self.intent is not None:
            found.append((b"sRGB", bytes([self.intent])))
        if self.codes is not None:
            found.append((b"cICP", bytes([*self.codes, 0, 1])))
        return found


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What a file says beside its pixels; None or empty where it says nothing.

    Attributes:
      exif: block with the orientation reset, since it is applied to the
        pixels, and without pictures, which would show the old face.
      icc_profile: the space that the colors are in, and are edited in.
      xmp: packet of XML, likewise.
      dpi: resolution (x, y).
      texts: of a PNG; written to PNGs only.
      colors: likewise, where there is no profile.
      jpeg: settings of Pillow's writer that repeat how a JPEG was compressed.
    """

    exif: bytes | None = None
    icc_profile: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    texts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    colors: ColorChunks = ColorChunks()
    jpeg: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def read_metadata(
    image: Image.Image, head: bytes = b""
) -> tuple[Metadata, tuple[str, ...]]:
    """What a picture, which is loaded, says beside its pixels.

    Args:
      image: the picture.
      head: how its file begins.

    Returns:
      The metadata, and what was left out, in sentences.
    """
    info, notes = image.info, []
    if photos.WITHOUT_TEXTS in info:
        notes.append("all but the pixels was left out: the file is damaged")
    exif = _exif(image, notes)
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp")
    if packet:
        packet = packet.encode() if isinstance(packet, str) else packet
        packet = xmp.cleaned(packet, photos.orientation(image) != 1)
        if packet is None:
            notes.append("XMP was left out: it is damaged")
    if _has_iptc(image):
        notes.append("IPTC's captions were left out")
    rgb_or_gray = image.mode not in ("CMYK", "LAB", "YCbCr", "HSV")
    profile = info.get("icc_profile") or None
    if profile and not rgb_or_gray:
        notes.append(f"the color profile was left out: {image.mode} became RGB")
        profile = None
    metadata = Metadata(
        exif=exif,
        icc_profile=profile,
        xmp=packet or None,
        dpi=_dpi(info.get("dpi")),
        texts={
            key: text
            for key, text in getattr(image, "text", {}).items()
            if not key.startswith(("XML:", "Raw profile"))
        },
        colors=_color_chunks(image, head),
        jpeg=_jpeg_settings(image),
    )
    return metadata, tuple(notes)


def _exif(image: Image.Image, notes: list[str]) -> bytes | None:
    source, result = photos.exif_of(image), Image.Exif()
    kept, broken, pictures = 0, 0, 0
    if image.info.get("exif") and not source:
        notes.append("EXIF was left out: it is empty or damaged")
    for folder in (None, *photos.SUB_FOLDERS):
        tags = source if folder is None else source.get_ifd(folder)
        into = result if folder is None else result.get_ifd(folder)
        for tag, value in dict(tags).items():
            if tag in (*_STRUCTURE, *photos.SUB_FOLDERS, _INTEROPERABILITY):
                continue
            if isinstance(value, bytes) and _JPEG_START in value:
                pictures += 1
            elif not _is_writable(tag, value):
                broken += 1
            else:
                into[tag] = value
                kept += 1
    if broken:
        notes.append(f"broken values of EXIF were left out ({broken})")
    if pictures:
        notes.append(f"old previews in EXIF were left out ({pictures})")
    if not kept:
        return None
    if photos.orientation(image) > 4:
        details = result.get_ifd(0x8769)
        for tag, side in ((_WIDTH, image.height), (_HEIGHT, image.width)):
            if tag in details:
                details[tag] = side
    result[photos.ORIENTATION] = 1
    return result.tobytes()


def _is_writable(tag: int, value: Any) -> bool:
    """Whether Pillow can write a tag of EXIF, and a number of it is one."""
    values = value if isinstance(value, tuple) else (value,)
    probe = Image.Exif()
    try:
        if any(isinstance(v, float) and not math.isfinite(v) for v in values):
            return False
        if any(getattr(v, "denominator", 1) == 0 for v in values):
            return False
        probe[tag] = value
        probe.tobytes()
    except photos.BROKEN:
        return False
    return True


def _has_iptc(image: Image.Image) -> bool:
    resources = image.info.get("photoshop") or {}
    return _IPTC_RESOURCE in resources or _IPTC_TAG in getattr(
        image, "tag_v2", {}
    )


def _dpi(value: Any) -> tuple[float, float] | None:
    try:
        x, y = (float(each) for each in value)
    except photos.BROKEN:
        return None
    return (x, y) if 0 < x < math.inf and 0 < y < math.inf else None


def _color_chunks(image: Image.Image, head: bytes) -> ColorChunks:
    if image.info.get("icc_profile"):
        return ColorChunks()  # which has the last word
    info = image.info if image.format == "PNG" else {}
    gamma = round(info.get("gamma", 0) * 100_000)
    xy = tuple(round(v * 100_000) for v in info.get("chromaticity", ()))
    return ColorChunks(
        gamma=gamma or None,
        chromaticities=xy if len(xy) == 8 and all(xy) else None,
        intent=info.get("srgb"),
        codes=_codes(image.format, head),
    )


def _codes(kind: str | None, head: bytes) -> tuple[int, int] | None:
    """Of cICP in a PNG, or of the box `colr` in HEIC and AVIF."""
    if kind == "PNG":
        at = head.find(b"cICP", 0, max(head.find(b"IDAT"), 0))
        found = struct.unpack_from("BB", head, at + 4) if at > 0 else None
    elif kind in ("HEIF", "AVIF"):
        at = head.find(b"colrnclx")
        found = struct.unpack_from(">HH", head, at + 8) if at > 0 else None
    else:
        found = None
    return found if found and max(found) < 256 else None


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
        settings |= FINE_JPEG
    return settings
