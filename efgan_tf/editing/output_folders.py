"""Folders for results, which are gone again where there are none."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from efgan_tf.common import outputs


@contextlib.contextmanager
def prepared(folders: Iterable[str | os.PathLike]) -> Iterator[None]:
    """Makes folders before the work; takes away those that stay empty.

    Args:
      folders: to be written to; those that are there already stay.

    Raises:
      UserError: one cannot be made or written.
    """
    new: list[Path] = []
    try:
        for folder in folders:
            new += _absent(folder)
            outputs.check_writable(folder)
        yield
    finally:
        for folder in sorted(new, reverse=True):  # the inner ones first
            with contextlib.suppress(OSError):
                folder.rmdir()


def _absent(folder: str | os.PathLike) -> list[Path]:
    """The folder and those around it, as far as they are not there."""
    path = Path(os.path.realpath(folder))
    return [each for each in (path, *path.parents) if not each.exists()]
