"""Files that visitors upload."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from efgan_tf.common.errors import UserError
from efgan_tf.faces import documents, photos


def read_upload(path: str | os.PathLike, max_pixels: int) -> documents.Document:
    """A photo, as `documents.read_document` reads it.

    Raises:
      UserError: missing, unreadable, cut off, or over `max_pixels`.
    """
    with named_as_by_its_owner(path):
        with photos.opened(path, max_pixels):
            pass  # within the limit: said without the flags of commands
        return documents.read_document(path, max_pixels)


@contextlib.contextmanager
def named_as_by_its_owner(path: str | os.PathLike) -> Iterator[None]:
    """Errors name an uploaded file without the folder that it came to."""
    try:
        yield
    except UserError as error:
        name, said = Path(path).name, str(error)
        said = said.replace(os.fspath(path), name)
        raise UserError(said if name in said else f"{name}: {said}") from error
