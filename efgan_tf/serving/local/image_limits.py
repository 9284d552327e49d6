"""A limit on the pixels of encoded images, checked before they are decoded.

A small file can unfold into gigabytes.
"""

import io
from collections.abc import Iterable

from efgan_tf.faces.photos import PhotoError, opened
from efgan_tf.serving.local.status import invalid

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


def check_images(images: Iterable[bytes], max_pixels: int) -> None:
    """Checks the formats and the pixels of a request's images.

    Args:
      images: JPEG or PNG files.
      max_pixels: of all of them together.

    Raises:
      RequestError: one is neither JPEG nor PNG or has a damaged header, or
        they have more pixels.
    """
    left = max_pixels
    for content in images:
        if not content.startswith(_SIGNATURES):
            raise invalid("image_bytes is neither a JPEG nor a PNG")
        try:
            with opened(io.BytesIO(content), max_pixels) as image:
                left -= image.width * image.height
        except PhotoError as error:
            raise invalid(f"image_bytes: {error.reason}") from error
        if left < 0:
            raise invalid(
                "image_bytes: the images of a request may have no more than "
                f"{max_pixels} pixels together"
            )
