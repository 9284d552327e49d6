"""Which files lie below a folder."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from efgan_tf.common.errors import UserError

CHANGED = (
    "photos or table changed while they were read; try again when they are "
    "left alone"
)


@contextlib.contextmanager
def changes_as_user_errors() -> Iterator[None]:
    """Turns the loss of a listed file into a user's mistake."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(CHANGED) from error


def files_below(
    folder: Path, suffixes: frozenset[str] | None = None
) -> list[str]:
    """Files with one of the suffixes, as sorted paths with forward slashes.

    Links to folders are followed, each folder being entered once: links in a
    circle come to an end. Hidden files and folders are left out: systems keep
    thumbnails and the like there.

    Args:
      folder: where to search, subfolders included.
      suffixes: in lower case, with their dot; files may have them in any.
        None: all files.

    Returns:
      The paths. What is no Unicode in a name stands there as Python has it
      (`is_text`).

    Raises:
      UserError: a folder may not be read or goes while it is.
    """
    return sorted(
        (path / name).relative_to(folder).as_posix()
        for path, names in _walk(folder)
        for name in names
        if (suffixes is None or os.path.splitext(name)[1].lower() in suffixes)
        and (path / name).is_file()
    )


def is_text(name: str) -> bool:
    """Whether a file's name is Unicode, as tables and reports need it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders and the names in them, each folder once, in a fixed order."""

    def refused(error: OSError) -> None:
        raise UserError(
            f"{error.filename} cannot be read: {error.strerror}"
        ) from error

    entered = set()
    for path, folders, names in os.walk(
        folder, onerror=refused, followlinks=True
    ):
        with changes_as_user_errors():
            status = os.stat(path)
        identity = status.st_dev, status.st_ino
        if identity in entered:
            folders.clear()
            continue
        entered.add(identity)
        folders[:] = sorted(n for n in folders if not n.startswith("."))
        yield Path(path), [name for name in names if not name.startswith(".")]
