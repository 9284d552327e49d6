"""What an edit gives: the photo, and what was done to each of its faces.

The same as lines for people and as JSON for programs.
"""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from efgan_tf import action_units
from efgan_tf.editing.expression import to_json_units
from efgan_tf.editing.inputs import Opened, Photo
from efgan_tf.faces import documents
from efgan_tf.faces.detection import Face
from efgan_tf.trained.model import Edits


@dataclasses.dataclass(frozen=True, eq=False)
class EditedFace:
    """What was done to one face.

    Attributes:
      box: float64 `[4]`: left, top, width, height in the photo.
      landmarks: float64 `[5, 2]`, in the order of `geometry.LANDMARKS`.
      confidence: the detector's; 0 where the place was given instead.
      source_action_units: float32 `[17]`, 0–5, what it showed.
      target_action_units: float32 `[17]`, 0–5, what the edit aimed at.
      aligned: uint8 `[size, size, 3]`, as the model saw it.
      edits: what the cascade made of it, a batch of one.
    """

    box: np.ndarray
    landmarks: np.ndarray
    confidence: float
    source_action_units: np.ndarray
    target_action_units: np.ndarray
    aligned: np.ndarray
    edits: Edits


@dataclasses.dataclass(frozen=True, eq=False)
class EditedPhoto:
    """A photo after its edit.

    Attributes:
      image: of the type, size and dtype that was given (a Pillow image is
        upright, and in RGB if it had a palette or was CMYK); uint8
        `[height, width, 3]` for a path.
      faces: those that were edited, left to right.
      notes: what the user should know, in sentences.
      document: the edited photo with all that its file, or the Pillow image,
        said beside the pixels; None for an array.
    """

    image: Any  # np.ndarray or PIL.Image.Image, which the caller knows
    faces: tuple[EditedFace, ...]
    notes: tuple[str, ...]
    document: documents.Document | None = None

    def save(
        self, path: str | os.PathLike, overwrite: bool = False
    ) -> tuple[str, ...]:
        """Writes the photo in the format of the path's suffix.

        What the document holds beside the pixels comes along
        (`documents.write_document`); of an array, 16 bits are kept where the
        format has them, and floats become 8 bits.

        Returns:
          What was left out because the format cannot hold it, in sentences.

        Raises:
          UserError: the file exists (without `overwrite`) or cannot be
            written.
        """
        document = self.document or documents.from_array(self.image)
        return documents.write_document(
            path, document, document.pixels, overwrite
        )


def as_given(edited: EditedPhoto, opened: Opened, given: Photo) -> EditedPhoto:
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


def faces_to_json(faces: Sequence[Face]) -> list[dict]:
    """Every face of a photo, left to right, in its pixels."""
    return [
        {
            "index": index,
            "box": face.box.round(1).tolist(),
            "landmarks": face.landmarks.round(1).tolist(),
            "confidence": round(face.confidence, 4),
        }
        for index, face in enumerate(faces)
    ]


def edited_to_json(edited: EditedPhoto) -> list[dict]:
    """The faces of an edit with their units before and after."""
    return [
        {
            "box": face.box.round(1).tolist(),
            "confidence": round(face.confidence, 4),
            "source_action_units": to_json_units(face.source_action_units),
            "target_action_units": to_json_units(face.target_action_units),
        }
        for face in edited.faces
    ]


def face_lines(box: np.ndarray, side: int, **columns: np.ndarray) -> list[str]:
    """Where a face is and what it shows, for the screen.

    Args:
      box: left, top, width, height in the photo.
      side: of the aligned face.
      **columns: title of six letters → units `[17]`; those that no column has
        are left out.
    """
    left, top, width, height = box
    rows = [
        f"  {name}"
        + "".join(f"  {value:6.2f}" for value in values)
        + f"  {action_units.DESCRIPTIONS[name]}"
        for name, *values in zip(
            action_units.NAMES, *columns.values(), strict=True
        )
        if max(values) >= 0.05
    ]
    return [
        f"face of {width:.0f}×{height:.0f} pixels at {left:.0f},{top:.0f}, "
        f"edited at {side}×{side}",
        "        " + "  ".join(columns),
        *rows,
    ]
