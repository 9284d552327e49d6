"""Photos as callers give them, and edits in the same form."""

import dataclasses
import os

import numpy as np
from PIL import Image, ImageOps

from efgan_tf.editing.results import Edited
from efgan_tf.faces import documents
from efgan_tf.faces.photos import to_rgb

Photo = np.ndarray | Image.Image | str | os.PathLike
Opened = np.ndarray | Image.Image | documents.Document


def open_photo(image: Photo) -> Opened:
    """A photo upright, as viewers show it; a path's file is read."""
    if isinstance(image, np.ndarray):
        return image
    if isinstance(image, Image.Image):
        return ImageOps.exif_transpose(image)
    return documents.read_document(image)


def pixels_of(opened: Opened) -> np.ndarray:
    """`[height, width, 3]` of an opened photo."""
    if isinstance(opened, documents.Document):
        return opened.pixels
    if not isinstance(opened, Image.Image):
        return opened
    if opened.has_transparency_data:
        return np.array(opened.convert("RGBA"))[..., :3]
    return to_rgb(opened, "the picture")


def as_given(edited: Edited, opened: Opened) -> Edited:
    """An edit whose image is of the type that was given."""
    if isinstance(opened, documents.Document):
        return dataclasses.replace(edited, document=opened)
    if not isinstance(opened, Image.Image):
        return edited
    image = Image.fromarray(edited.image)
    if opened.has_transparency_data:
        image.putalpha(opened.convert("RGBA").getchannel("A"))
    if "icc_profile" in opened.info:
        image.info["icc_profile"] = opened.info["icc_profile"]
    return dataclasses.replace(edited, image=image)
