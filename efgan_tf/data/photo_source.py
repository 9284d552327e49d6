"""Where a data set's photos come from while it is prepared."""

import dataclasses
from pathlib import Path
from typing import Protocol

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.data.tables import Row
from efgan_tf.faces import photos


class PhotoSource(Protocol):
    """Gives the photo of a row; small enough to be sent to other machines.

    Attributes:
      fixed_pose: whether the head is known to be still within one subject's
        view; then its pictures share one transform.
    """

    @property
    def fixed_pose(self) -> bool: ...

    def read(self, row: Row) -> np.ndarray:
        """uint8 `[height, width, 3]`, RGB.

        Raises:
          photos.PhotoError: it cannot be used.
        """

    def flaws(self, row: Row) -> tuple[str, ...]:
        """What is worth knowing of a file that could be read."""


@dataclasses.dataclass(frozen=True)
class FolderPhotos:
    """Photos in a folder, under the rows' file names."""

    folder: Path
    fixed_pose: bool = False

    def read(self, row: Row) -> np.ndarray:
        """The photo of a row, as `photos.read_photo` reads it."""
        return photos.read_photo(self.folder / row.file)

    def flaws(self, row: Row) -> tuple[str, ...]:
        """Whether there are more pictures in the file, which are left out."""
        path = self.folder / row.file
        try:
            with photos.opened(path, photos.MAX_PIXELS) as image:
                several = bool(photos.further_pictures(image))
        except UserError:
            # It has changed since it was read, which preparation notices.
            return ()
        return ("the first of several pictures in its file",) * several
