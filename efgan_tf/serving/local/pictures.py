"""How many pixels encoded images have, told before they are decoded.

A small file can unfold into gigabytes, and TensorFlow decodes what it gets.
"""

import io
import struct
from collections.abc import Iterable

from efgan_tf.faces.photos import PhotoError, opened
from efgan_tf.serving.local.status import invalid

# How TensorFlow tells formats apart; it refuses what begins otherwise.
_READABLE = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF")
_GIF = b"GIF8"
_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")


def check_pixels(images: Iterable[bytes], max_pixels: int, alias: str) -> None:
    """Refuses images that have more than `max_pixels` together.

    What has no known format passes: TensorFlow refuses it in its own words.
    JPEG XL is refused, since nothing here reads its header.

    Args:
      images: the encoded images of one request.
      max_pixels: the limit.
      alias: the input's name in the signature.

    Raises:
      Refused: too many, or a header that cannot be read.
    """
    left = max_pixels
    for content in images:
        try:
            left -= _count(content, max_pixels)
        except PhotoError as error:
            raise invalid(f"{alias}: {error.reason}") from error
        if left < 0:
            raise invalid(
                f"{alias}: the images of a request may have {max_pixels} "
                "pixels together; these have more"
            )


def _count(content, max_pixels):
    if content.startswith(_JPEG_XL):
        raise PhotoError("", "JPEG XL is not taken here; send JPEG or PNG")
    if content.startswith(_GIF):
        return _gif_pixels(content)
    if not content.startswith(_READABLE):
        return 0
    with opened(io.BytesIO(content), max_pixels) as image:
        return image.width * image.height


def _gif_pixels(content):
    """Of all frames: TensorFlow's decoder unfolds each, to return the first."""
    total = 0
    try:
        width, height, flags = struct.unpack_from("<HHB", content, 6)
        at = 13 + _color_table(flags)
        while content[at] in b"\x21\x2c":
            if content[at] == 0x2C:  # an image; else an extension
                right, bottom, flags = struct.unpack_from(
                    "<HHB", content, at + 5
                )
                total += max(width * height, right * bottom)
                at += 9 + _color_table(flags)
            at = _after_blocks(content, at + 2)
    except (struct.error, IndexError):
        pass  # cut off: TensorFlow tells
    return total


def _color_table(flags):
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(content, at):
    while content[at]:
        at += content[at] + 1
    return at + 1
