"""What an edit gives: the photo, and what was done to each of its faces."""

import dataclasses
import os
from typing import Any

import numpy as np

from efgan_tf import geometry
from efgan_tf.editing.subjects import AlignedFace, Subject, to_network
from efgan_tf.faces import documents
from efgan_tf.faces.compositing import paste
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
class Edited:
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


def edited_face(
    face: AlignedFace, target: np.ndarray, edits: Edits
) -> EditedFace:
    """A face with its target `[17]` and what the cascade made of it."""
    return EditedFace(
        box=face.face.box,
        landmarks=face.face.landmarks,
        confidence=face.face.confidence,
        source_action_units=face.source,
        target_action_units=target,
        aligned=face.aligned,
        edits=edits,
    )


def put_back(
    subject: Subject, faces: list[EditedFace], carry_detail: bool = True
) -> Edited:
    """The photo with its edited faces, one after the other.

    `carry_detail` is that of `compositing.paste`.
    """
    image = subject.photo if faces else subject.photo.copy()
    for face in faces:
        image = paste(
            image,
            geometry.alignment(face.landmarks, len(face.aligned)),
            to_network(face.aligned),
            face.edits.images[0, -1],
            face.edits.attention[0, -1],
            carry_detail,
        )
    return Edited(image, tuple(faces), subject.notes)
