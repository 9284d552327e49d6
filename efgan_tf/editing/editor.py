"""Edits photos: finds faces, changes their expression, puts them back."""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from efgan_tf.common.errors import UserError
from efgan_tf.common.images import to_float
from efgan_tf.editing.aligned_photos import (
    WAY_OUT,
    AlignedFace,
    AlignedPhoto,
    detect_and_align,
    unwrap,
)
from efgan_tf.editing.expression import ExpressionTarget, make_target
from efgan_tf.editing.face_selection import FaceChoice, find_faces, parse_choice
from efgan_tf.editing.results import Edited, edited_face, put_back
from efgan_tf.editing.settings import PhotoConfig
from efgan_tf.faces import documents
from efgan_tf.faces.detection import Detector, Face
from efgan_tf.faces.photos import eight_bits
from efgan_tf.trained.model import EditingModel, Edits

Photo = np.ndarray | Image.Image | str | os.PathLike
Opened = np.ndarray | documents.Document

MAX_MEGAPIXELS = PhotoConfig.max_megapixels
"""Larger files are refused."""


class Editor:
    """A model and a face detector; `efgan_tf.load` makes it.

    Args:
      model: of `efgan_tf.trained.loading.load_model`.
      detector: by default one is loaded when it is first needed.

    Attributes:
      carry_detail: move a photo's fine detail along with what an edit moves;
        may be set at any time.
    """

    carry_detail: bool = True

    def __init__(self, model: EditingModel, detector: Detector | None = None):
        self.model = model
        if detector is not None:
            self.detector = detector

    @functools.cached_property
    def detector(self) -> Detector:
        """The face detector."""
        return Detector()

    def faces(
        self, image: Photo, max_megapixels: float = MAX_MEGAPIXELS
    ) -> list[Face]:
        """The faces of a photo, left to right: `face=INDEX` counts so."""
        pixels = pixels_of(open_photo(image, max_megapixels))
        return find_faces(self.detector, [eight_bits(pixels)])[0]

    def estimate(
        self,
        image: Photo,
        face: str | int | Sequence[float] = "largest",
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> np.ndarray:
        """The action units of one face of a photo: float32 `[17]`, 0–5.

        Raises:
          UserError: there is no such face, or the model has no estimator.
        """
        pixels = pixels_of(open_photo(image, max_megapixels))
        (aligned_photo,) = self.detect_and_align([pixels], parse_choice(face))
        return unwrap(aligned_photo, name_of(image)).faces[0].source

    def edit(
        self,
        image: Photo | Sequence[Photo],
        expression: str | Mapping[str, float] | None = None,
        intensity: float = 1.0,
        relative: bool = False,
        face: str | int | Sequence[float] = "largest",
        source_action_units: np.ndarray | None = None,
        stages: int | None = None,
        on_no_face: str = "error",
        from_photo: Photo | None = None,
        units: Mapping[str, float] | None = None,
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> Edited | list[Edited]:
        """Changes the expression of a face, or of several.

        Pixels outside the square around the face stay as they are, bit for
        bit. With `expression={}` the face stays, too.

        Args:
          image: `[height, width, 3]` (RGB; uint8, uint16, or floats in 0–1),
            a PIL image, or a path, both of which are turned as their EXIF
            says; or a sequence of these, or an array `[n, height, width, 3]`,
            which share the networks' batches.
          expression: one of `action_units.PRESETS`, or single units,
            `{"AU12": 3}`; those not named stay as they are.
          intensity: how far to go from what the face shows (0) to the
            expression (1).
          relative: add the expression or units to what the face shows.
          face: "largest", "all", "left", an index from the left, or a box
            (left, top, width, height).
          source_action_units: `[17]`, 0–5, what the faces show, if it is
            known; estimated otherwise.
          stages: of the cascade, all by default; fewer make larger steps.
          on_no_face: "error", "skip" or "centre"; see `ON_NO_FACE`.
          from_photo: take the expression of this photo's largest face.
          units: single ones, on top of `expression` or `from_photo`.
          max_megapixels: larger files are refused.

        Returns:
          The edited photo, or a list of them for a sequence.

        Raises:
          UserError: a photo cannot be read, it has no such face, the target is
            out of range, or the model has not learned one of its units.
        """
        whole = None
        if from_photo is not None:
            whole = self.estimate(from_photo, max_megapixels=max_megapixels)
        target = make_target(expression, intensity, relative, units, whole)
        several = is_several(image)
        images: list[Photo] = list(image) if several else [image]  # type: ignore
        opened = [open_photo(each, max_megapixels) for each in images]
        found = self.detect_and_align(
            [pixels_of(each) for each in opened],
            parse_choice(face),
            on_no_face,
            source_action_units,
        )
        places = [
            f"photo {number} of {len(images)}" if several else ""
            for number, _ in enumerate(images, 1)
        ]
        aligned_photos = [
            unwrap(result, name_of(each, place), WAY_OUT)
            for result, each, place in zip(found, images, places, strict=True)
        ]
        edited = [
            as_given(*parts)
            for parts in zip(
                self.apply(aligned_photos, target, stages),
                opened,
                images,
                strict=True,
            )
        ]
        return edited if several else edited[0]

    def detect_and_align(
        self,
        photos: Sequence[np.ndarray],
        choice: FaceChoice,
        on_no_face: str = "error",
        source: np.ndarray | None = None,
    ) -> list[AlignedPhoto | UserError]:
        """The photos with their faces, or an error: `detect_and_align`."""
        return detect_and_align(
            self.model, self.detector, photos, choice, on_no_face, source
        )

    def apply(
        self,
        aligned_photos: Sequence[AlignedPhoto],
        target: ExpressionTarget,
        stages: int | None = None,
    ) -> list[Edited]:
        """Edits the faces of photos to a target; `image` is the whole photo.

        Raises:
          UserError: the model has not learned a unit or has fewer stages.
        """
        target.check_learned(self.model.learned, self.model.name)
        targets = [
            [
                self.reachable(face.source, target)
                for face in aligned_photo.faces
            ]
            for aligned_photo in aligned_photos
        ]
        return self.render(aligned_photos, targets, stages)

    def reachable(
        self, source: np.ndarray, target: ExpressionTarget
    ) -> np.ndarray:
        """`[17]`, what an edit aims at; unlearned units stay at the source."""
        return np.where(self.model.learned > 0, target.resolve(source), source)

    def render(
        self,
        aligned_photos: Sequence[AlignedPhoto],
        targets: Sequence[Sequence[np.ndarray]],
        stages: int | None = None,
    ) -> list[Edited]:
        """Edits the faces of photos to target units, all in one batch.

        Args:
          aligned_photos: of `detect_and_align`.
          targets: for each photo, `[17]` in 0–5 for each of its faces.
          stages: of the cascade.
        """
        faces = [
            face
            for aligned_photo in aligned_photos
            for face in aligned_photo.faces
        ]
        flat = [target for each in targets for target in each]
        edits = iter(self._edits(faces, flat, stages))
        return [
            put_back(
                aligned_photo,
                [
                    edited_face(face, target, next(edits))
                    for face, target in zip(
                        aligned_photo.faces, each, strict=True
                    )
                ],
                self.carry_detail,
            )
            for aligned_photo, each in zip(aligned_photos, targets, strict=True)
        ]

    def _edits(
        self,
        faces: list[AlignedFace],
        targets: list[np.ndarray],
        stages: int | None,
    ) -> list[Edits]:
        """The cascade's results, face by face."""
        if not faces:
            return []
        edits = self.model.edit(
            to_float(np.stack([face.aligned for face in faces])),
            np.stack([face.source for face in faces]),
            np.stack(targets),
            stages,
        )
        return [
            Edits(
                edits.images[[n]],
                edits.attention[[n]],
                {name: mask[[n]] for name, mask in edits.branches.items()},
            )
            for n in range(len(faces))
        ]


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
