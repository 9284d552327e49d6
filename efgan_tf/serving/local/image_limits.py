"""A limit on the pixels of a request's images, checked before they are decoded.

The exported graph bounds the sides of each, not how many there are: half a
million black pictures of 128 pixels fit 64 MiB, and unfold into 98 GiB.
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
