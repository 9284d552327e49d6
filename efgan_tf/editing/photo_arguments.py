"""Photos as callers give them, and edits in the same form."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from efgan_tf.editing.results import Edited
from efgan_tf.editing.settings import PhotoConfig
from efgan_tf.faces import documents

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


def as_given(edited: Edited, opened: Opened, given: Photo) -> Edited:
    """An edit whose image is of the type that was given."""
    if isinstance(opened, np.ndarray):
        return edited
    document = documents.edited(opened, edited.image)
    image = edited.image
    if isinstance(given, Image.Image):
        image = documents.to_image(document)
    notes = (*document.notes, *edited.notes)
    return dataclasses.replace(
        edited, image=image, document=document, notes=notes
    )
