"""What is given to be edited: photos in memory, files, folders, videos."""

import contextlib
import dataclasses
import glob
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.files import files_below
from efgan_tf.editing.editing_settings import PhotoConfig
from efgan_tf.faces import documents
from efgan_tf.faces.photos import SUFFIXES, VIDEO_SUFFIXES

Photo = np.ndarray | Image.Image | str | os.PathLike
Opened = np.ndarray | documents.Document

MAX_MEGAPIXELS = PhotoConfig.max_megapixels
"""Larger files are refused."""


def is_several(image: Photo | Sequence[Photo]) -> bool:
    """Whether it is a sequence of photos, or an array `[n, …]` of them."""
    if isinstance(image, np.ndarray):
        return image.ndim == 4
    return isinstance(image, Sequence) and not isinstance(image, str)


def open_photo(image: Photo, max_megapixels: float = MAX_MEGAPIXELS) -> Opened:
    """A photo upright, as viewers show it; a path's file is read.

    Raises:
      UserError: the file or the picture cannot be read, or a file is larger
        than `max_megapixels`.
    """
    if isinstance(image, np.ndarray):
        return image
    if isinstance(image, Image.Image):
        return documents.from_image(image)
    max_pixels = PhotoConfig(max_megapixels=max_megapixels).max_pixels
    return documents.read_document(image, max_pixels)


def pixels_of(opened: Opened) -> np.ndarray:
    """`[height, width, 3]` of an opened photo."""
    return opened if isinstance(opened, np.ndarray) else opened.pixels


def name_of(image: Photo, place: str = "") -> str:
    """A photo's name in errors: its path, or where it stands among others."""
    if isinstance(image, (str, os.PathLike)):
        return os.fspath(image)
    return place


@dataclasses.dataclass(frozen=True)
class Job:
    """One photo of several.

    Attributes:
      path: of the photo.
      name: below the folder that was named, with forward slashes.
    """

    path: Path
    name: str


def is_video(image: str) -> bool:
    """Whether `--image` names a video.

    Raises:
      UserError: it is a glob of videos.
    """
    found = Path(image).suffix.lower() in VIDEO_SUFFIXES
    if found and names_several(image) and not os.path.isdir(image):
        raise UserError(
            f"--image={image} is a glob of videos, which are edited one by "
            "one; name one"
        )
    return found and not os.path.isdir(image)


def names_several(image: str) -> bool:
    """Whether `--image` is a folder or a glob."""
    return os.path.isdir(image) or (
        glob.has_magic(image) and not os.path.exists(image)
    )


def list_jobs(image: str, out: str = "") -> list[Job]:
    """The photos of a folder or a glob, in order.

    Args:
      image: a folder, whose subfolders are searched, or a glob, in which `**`
        goes through folders.
      out: where results go; what lies there is no photo to edit.

    Raises:
      UserError: there is none.
    """
    jobs = [job for job in _listed(image, out) if _is_photo(job)]
    if not jobs:
        hint = ""
        if "[" in image and not os.path.isdir(image):
            hint = "; in a glob, [ab] is a or b: for a bracket write [[]"
        raise UserError(
            f"--image={image} has no photos ({' '.join(sorted(SUFFIXES))})"
            + hint
        )
    return jobs


def list_others(image: str, out: str = "") -> dict[Job, str]:
    """The files beside those photos, and why they are passed over."""
    reasons = {}
    for job in _listed(image, out):
        suffix = job.path.suffix.lower()
        if suffix in VIDEO_SUFFIXES:
            reasons[job] = "a video: edit it by itself, with --image"
        elif suffix not in SUFFIXES:
            kind = suffix or "no suffix"
            reasons[job] = f"not a kind of photo that is read ({kind})"
    return reasons


def _is_photo(job: Job) -> bool:
    return job.path.suffix.lower() in SUFFIXES


def _listed(image: str, out: str) -> list[Job]:
    """All files of a folder or a glob, but for results."""
    if os.path.isdir(image):
        root = Path(image)
        names = files_below(root)
    else:
        root = Path(_fixed_part(image))
        names = [
            Path(path).relative_to(root).as_posix()
            for path in sorted(glob.glob(image, recursive=True))
            if os.path.isfile(path)
        ]
    jobs = [Job(root / name, name) for name in names]
    below = os.path.realpath(out) + os.sep if out else None
    same = below == os.path.realpath(root) + os.sep
    if below and not same:
        jobs = [
            job
            for job in jobs
            if not os.path.realpath(job.path).startswith(below)
        ]
    return jobs


def _fixed_part(pattern: str) -> str:
    """The folder of a glob that comes before its first wildcard."""
    folders = Path(pattern).parts[:-1]
    fixed = itertools.takewhile(lambda part: not glob.has_magic(part), folders)
    return os.path.join("", *fixed) or os.curdir


@contextlib.contextmanager
def output_folders(folders: Iterable[str | os.PathLike]) -> Iterator[None]:
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
