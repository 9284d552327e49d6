"""Outputs that appear whole or not at all.

Everything is written next to its final place under a temporary name and moved
there by one rename, so that a crash, a full disk or Ctrl-C leaves what existed
before untouched.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from efgan_tf.errors import UserError


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary path with `path`'s suffix, renamed to it on success.

    Raises:
      UserError: the folder of `path` cannot be made or written.
    """
    path = Path(path)
    _make_folder(path.parent)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(
    path: str | os.PathLike, overwrite: bool = False
) -> Iterator[Path]:
    """Yields a temporary sibling folder, renamed to `path` on success.

    Args:
      path: the folder to make; it may exist if it is empty.
      overwrite: replace a folder that is not empty. It is kept until the new
        one is complete.

    Raises:
      UserError: `path` is a file, is not empty (without `overwrite`), or its
        parent cannot be written.
    """
    path = Path(path)
    check_free(path, overwrite)
    _make_folder(path.absolute().parent)
    temporary = Path(
        tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    )
    temporary.chmod(0o777 & ~_umask())  # mkdtemp makes it private
    try:
        yield temporary
        _replace_folder(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_free(path: str | os.PathLike, overwrite: bool = False) -> None:
    """Raises a `UserError` if writing a folder at `path` would lose anything.

    Callers use it to refuse before the work instead of after it.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file; name a folder")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise UserError(
            f"{path} is not empty; name another folder or pass --overwrite"
        )


def check_writable(folder: str | os.PathLike) -> None:
    """Makes `folder` if it is absent.

    Raises:
      UserError: it cannot be made or written.
    """
    _make_folder(Path(folder))


def _replace_folder(source: Path, destination: Path) -> None:
    """Renames `source` to `destination`, whose old content goes last."""
    if not destination.exists():
        os.rename(source, destination)
        return
    old = Path(f"{source}.old")
    os.rename(destination, old)
    try:
        os.rename(source, destination)
    except OSError:
        os.rename(old, destination)
        raise
    shutil.rmtree(old)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(
            f"{error.filename or folder} is a file; name a folder"
        ) from error
    except PermissionError as error:
        raise UserError(
            f"cannot make {folder}; choose another folder"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"cannot write to {folder}; choose another folder")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
