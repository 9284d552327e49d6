"""Outputs that appear whole or not at all.

Everything is written next to its final place under a temporary name and moved
there by one rename, so that a crash, a full disk or Ctrl-C leaves what existed
before untouched. Links are followed: what they point to is written.

Temporary names are short, however long an output's is. They hold hashes of
that name and of the machine, and the process (`.efgan-NAME-MACHINE.PID.…`), so
that the next one to write the same output sweeps up what a killed process left.
"""

import contextlib
import errno
import functools
import hashlib
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from efgan_tf.common.errors import UserError

_OLD = ".old"
_LONGEST_SUFFIX = 16  # of files whose writers look at it
_BOOT = "/proc/sys/kernel/random/boot_id"
_HOSTS_PROCESSES = "pid:[4026531836]"  # Linux's name for those of no container

# A mount point, or a folder that a process works in, keeps its place.
_IMMOVABLE = {errno.EBUSY, errno.EXDEV}


@contextlib.contextmanager
def atomic_file(
    path: str | os.PathLike, overwrite: bool = True
) -> Iterator[Path]:
    """Yields a temporary path with `path`'s suffix, renamed to it on success.

    Args:
      path: the file to write; its folder is made.
      overwrite: replace a file that exists. It is kept until the new one is
        complete.

    Raises:
      UserError: `path` is a folder, exists (without `overwrite`), or cannot be
        written.
    """
    path = _resolved(path)
    check_free_file(path, overwrite)
    check_writable(path.parent)
    _sweep(path)
    suffix = path.suffix if len(path.suffix) <= _LONGEST_SUFFIX else ""
    temporary = path.with_name(
        f"{_temporary_prefix(path)}{os.getpid()}.tmp{suffix}"
    )
    try:
        with _os_errors_as_user_errors(path, "file"):
            temporary.touch()
        yield temporary
        with _os_errors_as_user_errors(path, "file"):
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


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
      UserError: `path` is a file, is not empty (without `overwrite`), or
        cannot be written.
    """
    path = _resolved(path)
    with temporary_folder(path) as temporary:
        check_free(path, overwrite)
        made = temporary / "made"  # not private, as the temporary folder is
        made.mkdir()
        yield made
        replace_folder(made, path)


@contextlib.contextmanager
def temporary_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Yields an empty folder beside `path` that is deleted in the end.

    Those that processes that are gone have left are swept up. The folder of
    `path` is made.

    Raises:
      UserError: the folder cannot be made or written.
    """
    path = _resolved(path)
    check_writable(path.parent)
    _sweep(path)
    with _os_errors_as_user_errors(path):
        temporary = tempfile.mkdtemp(
            prefix=f"{_temporary_prefix(path)}{os.getpid()}.", dir=path.parent
        )
    try:
        yield Path(temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_free(path: str | os.PathLike, overwrite: bool = False) -> None:
    """Raises a `UserError` if writing a folder at `path` would lose anything.

    Callers use it to refuse before the work instead of after it.
    """
    if os.path.exists(path) and not os.path.isdir(path):
        raise UserError(f"{path} is a file; name a folder")
    with _os_errors_as_user_errors(path):
        full = os.path.isdir(path) and bool(os.listdir(path))
    if full and not overwrite:
        raise UserError(
            f"{path} is not empty; name another folder or pass --overwrite"
        )


def check_free_file(path: str | os.PathLike, overwrite: bool = False) -> None:
    """Raises a `UserError` if writing a file at `path` would lose anything."""
    if os.path.exists(path) and not os.path.isfile(path):
        kind = "a folder" if os.path.isdir(path) else "no ordinary file"
        raise UserError(f"{path} is {kind}; name a file")
    if os.path.exists(path) and not overwrite:
        raise UserError(f"{path} exists; name another file or pass --overwrite")


def check_writable(folder: str | os.PathLike) -> None:
    """Makes `folder` if it is absent.

    Raises:
      UserError: it cannot be made or written.
    """
    folder = _resolved(folder)
    with _os_errors_as_user_errors(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise UserError(
                f"{error.filename or folder} is a file; name a folder"
            ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"cannot write to {folder}; choose another folder")


def replace_folder(source: Path, destination: Path) -> None:
    """Renames `source` to `destination`, whose old content goes last.

    An empty folder that cannot be replaced (it is a mount point or where we
    are) is filled instead. If anything fails, the old content is back.

    Raises:
      UserError: `destination` cannot be written.
    """
    check_writable(destination.parent)
    with _os_errors_as_user_errors(destination):
        if not destination.exists():
            os.rename(source, destination)
        elif any(destination.iterdir()):
            _swap(source, destination)
        else:
            _replace_empty(source, destination)


def _swap(source: Path, destination: Path) -> None:
    # Beside the destination, where `_sweep` finds it should we be killed now.
    old = destination.with_name(
        f"{_temporary_prefix(destination)}{os.getpid()}{_OLD}"
    )
    os.rename(destination, old)
    try:
        os.rename(source, destination)
    except BaseException:
        os.rename(old, destination)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _replace_empty(source: Path, destination: Path) -> None:
    try:
        # Where we are, the user's shell is too, and would lose its place.
        if not os.path.samefile(destination, os.curdir):
            os.rename(source, destination)
            return
    except OSError as error:
        if error.errno not in _IMMOVABLE:
            raise
    try:
        for child in sorted(source.iterdir()):
            shutil.move(child, destination / child.name)
    except BaseException:
        for child in destination.iterdir():
            _remove(child)
        raise


def _resolved(path: str | os.PathLike) -> Path:
    # `Path.resolve` raises where links form a circle.
    return Path(os.path.realpath(path))


@contextlib.contextmanager
def _os_errors_as_user_errors(path: str | os.PathLike, kind: str = "folder"):
    """Raises an `OSError` as a `UserError` that names the path."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; choose another "
            f"{kind}"
        ) from error


def _temporary_prefix(path: Path) -> str:
    """What our temporary names for an output begin with; the PID follows.

    On a file system that several machines or containers share, only those of
    this one are known to be gone.
    """
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    return f".efgan-{name}-{_machine()}."


@functools.cache
def _machine() -> str:
    """An ID of the host and its PID namespace: 8 hexadecimal digits.

    Processes with equal PIDs are told apart by it. Containers and their
    machines may share a host's name, so the PID namespace's number counts, too,
    which is unique until the machine restarts (boot ID). Outside of containers
    the machine's ID takes its place: it survives a restart, and so what was
    left before it is found.
    """
    known = [socket.gethostname()]
    with contextlib.suppress(OSError):  # Linux has them
        processes = os.readlink("/proc/self/ns/pid")
        outside = processes == _HOSTS_PROCESSES
        source = "/etc/machine-id" if outside else _BOOT
        known += [processes, Path(source).read_text()]
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:8]


def _sweep(path: Path) -> None:
    """Clears up what processes that are gone left beside an output.

    If one was killed between its two renames, the old folder is put back.
    """
    name = re.compile(re.escape(_temporary_prefix(path)) + r"(\d+)\.")
    with contextlib.suppress(OSError):
        for left in list(path.parent.iterdir()):
            found = name.match(left.name)
            if not found or _is_alive(int(found[1])):
                continue
            if left.name.endswith(_OLD) and not path.exists():
                os.rename(left, path)
            else:
                _remove(left)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
