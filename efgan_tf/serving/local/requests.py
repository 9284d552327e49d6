"""How a request is refused: its gRPC status, and a limit on its images."""

import io
from collections.abc import Iterable

import grpc

from efgan_tf.faces.photos import PhotoError, opened

_MAX_LENGTH = 1024

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RequestError(Exception):
    """A request that cannot be answered.

    Args:
      code: gRPC status, or its number.
      message: for the client; cut where it is too long for gRPC.
    """

    def __init__(self, code: grpc.StatusCode | int, message: str):
        super().__init__(message[:_MAX_LENGTH])
        self.code = _CODES[code] if isinstance(code, int) else code


def invalid(message: str) -> RequestError:
    """An INVALID_ARGUMENT."""
    return RequestError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> RequestError:
    """A NOT_FOUND."""
    return RequestError(grpc.StatusCode.NOT_FOUND, message)


def check_images(images: Iterable[bytes], max_pixels: int) -> None:
    """Checks a request's images for format and size before decoding.

    The exported graph bounds the sides of each, not how many there are: half a
    million black pictures of 128 pixels fit 64 MiB, and unfold into 98 GiB.

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
