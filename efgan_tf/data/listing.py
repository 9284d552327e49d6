"""Which photos and tables lie below a folder, and which folder it is."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from efgan_tf.common.errors import UserError
from efgan_tf.config import DataConfig
from efgan_tf.data import cfee, rafd
from efgan_tf.faces.photos import SUFFIXES

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


_READ_NAME = {"rafd": rafd.read_name, "cfee": cfee.read_name}


def located(config: DataConfig) -> DataConfig:
    """Adds the folder of the photos, where the flags do not name it.

    TFDS's convention is to unpack such a data set below `downloads/manual` of
    the data's folder, or of TFDS's own. There, the folder of the data set's
    name counts, or else whatever holds its photos.
    """
    if config.dataset not in _READ_NAME:
        return config
    source = config.source_dir or _unpacked(config)
    return dataclasses.replace(config, source_dir=source)


def _unpacked(config: DataConfig) -> str:
    """The folder that a data set was unpacked to by hand; empty if none."""
    # Without a home folder `~` stays, below which there is nothing.
    home = os.path.expanduser("~/tensorflow_datasets")
    for root in (config.data_dir, os.environ.get("TFDS_DATA_DIR", home)):
        manual = Path(root, "downloads", "manual")
        if (manual / config.dataset).is_dir():
            return str(manual / config.dataset)
        if manual.is_dir() and (found := _with_photos(manual, config.dataset)):
            return str(found)
    return ""


def _with_photos(folder: Path, dataset: str) -> Path | None:
    """The folder with all of a data set's photos, or its one subfolder."""
    tops = {
        PurePosixPath(file).parts[:-1][:1]
        for file in files_below(folder, SUFFIXES)
        if _READ_NAME[dataset](file)
    }
    if not tops:
        return None
    return folder.joinpath(*tops.pop()) if len(tops) == 1 else folder
