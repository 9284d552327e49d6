"""Edits photos: finds faces, changes their expression, puts them back."""

import functools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from efgan_tf import action_units, geometry
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import eight_bits, to_float
from efgan_tf.editing.aligned_photos import AlignedFace, AlignedPhoto
from efgan_tf.editing.expression import ExpressionTarget, make_target
from efgan_tf.editing.face_selection import (
    NO_FACE_HINT,
    ON_NO_FACE,
    FaceChoice,
    NoFaceError,
    choose_or_fall_back,
    notes_on_size,
    parse_choice,
)
from efgan_tf.editing.inputs import (
    MAX_MEGAPIXELS,
    Photo,
    is_several,
    name_of,
    open_photo,
    pixels_of,
)
from efgan_tf.editing.results import EditedFace, EditedPhoto, as_given
from efgan_tf.faces.compositing import paste
from efgan_tf.faces.detection import Detector, Face
from efgan_tf.faces.search import find_faces
from efgan_tf.trained.model import EditingModel


class Editor:
    """A model and a face detector; `efgan_tf.load` makes it.

    Args:
      model: of `efgan_tf.trained.loading.load_model`.
      detector: by default one is loaded when it is first needed.

    Attributes:
      carry_detail: move a photo's fine detail along with what an edit moves,
        and sharpen what is new; may be set at any time.
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
    ) -> EditedPhoto | list[EditedPhoto]:
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
          on_no_face: "error", "skip" or "center"; see `ON_NO_FACE`.
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
            unwrap(result, name_of(each, place), NO_FACE_HINT)
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
        """Finds, chooses and aligns faces, and estimates what they show.

        Args:
          photos: `[height, width, 3]` each, uint8, uint16, or floats in 0–1.
          choice: which faces.
          on_no_face: one of `ON_NO_FACE`.
          source: `[17]`, 0–5, what every face shows, if it is known.

        Returns:
          For each photo itself with its faces, or the error.

        Raises:
          UserError: `source` is not given and the model has no estimator.
          ValueError: an array is no photo.
        """
        if on_no_face not in ON_NO_FACE:
            raise UserError(
                f"on_no_face={on_no_face!r} is none of {', '.join(ON_NO_FACE)}"
            )
        if source is None:
            self.model.check_estimator()
        seen = [eight_bits(photo) for photo in photos]
        found = find_faces(self.detector, seen)
        chosen = [
            self._choose_and_align(photo, faces, choice, on_no_face)
            for photo, faces in zip(seen, found, strict=True)
        ]
        good = [each for each in chosen if not isinstance(each, UserError)]
        units = iter(
            self._units([pair[1] for each in good for pair in each[0]], source)
        )
        return [
            each
            if isinstance(each, UserError)
            else AlignedPhoto(
                photo,
                tuple(AlignedFace(*pair, next(units)) for pair in each[0]),
                each[1],
            )
            for photo, each in zip(photos, chosen, strict=True)
        ]

    def _choose_and_align(
        self,
        photo: np.ndarray,
        faces: list[Face],
        choice: FaceChoice,
        on_no_face: str,
    ) -> tuple[list[tuple[Face, np.ndarray]], tuple[str, ...]] | UserError:
        """The chosen faces, each aligned, and notes; or the error."""
        import cv2  # OpenCV takes a tenth of a second to import

        size = self.model.size
        try:
            chosen, notes = choose_or_fall_back(
                photo.shape, faces, choice, on_no_face
            )
            pairs = [
                (face, geometry.align(photo, face.landmarks, size))
                for face in chosen
            ]
        except UserError as error:
            return error
        except (ValueError, cv2.error) as error:
            return UserError(f"a face cannot be aligned: {error}")
        return pairs, (*notes, *notes_on_size(chosen, size))

    def _units(
        self, aligned: list[np.ndarray], source: np.ndarray | None
    ) -> Iterable[np.ndarray]:
        """What aligned faces show, `[17]` each; `source` if that is known."""
        if source is not None:
            return [action_units.validate(source)] * len(aligned)
        return (
            self.model.estimate(to_float(np.stack(aligned))) if aligned else []
        )

    def apply(
        self,
        aligned_photos: Sequence[AlignedPhoto],
        target: ExpressionTarget,
        stages: int | None = None,
    ) -> list[EditedPhoto]:
        """Edits the faces of photos to a target; `image` is the whole photo.

        Raises:
          UserError: the model has not learned a unit or has fewer stages.
        """
        target.check_learned(self.model.au_mask, self.model.name)
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
        return np.where(self.model.au_mask > 0, target.resolve(source), source)

    def render(
        self,
        aligned_photos: Sequence[AlignedPhoto],
        targets: Sequence[Sequence[np.ndarray]],
        stages: int | None = None,
    ) -> list[EditedPhoto]:
        """Edits the faces of photos to target units, all in one batch.

        Args:
          aligned_photos: of `detect_and_align`.
          targets: for each photo, `[17]` in 0–5 for each of its faces.
          stages: of the cascade.
        """
        edited = iter(
            self._edited(
                [face for photo in aligned_photos for face in photo.faces],
                [target for each in targets for target in each],
                stages,
            )
        )
        return [
            put_back(
                photo,
                [next(edited) for _ in photo.faces],
                self.carry_detail,
            )
            for photo in aligned_photos
        ]

    def _edited(
        self,
        faces: list[AlignedFace],
        targets: list[np.ndarray],
        stages: int | None,
    ) -> list[EditedFace]:
        """What the cascade makes of each face."""
        if not faces:
            return []
        edits = self.model.edit(
            to_float(np.stack([face.aligned for face in faces])),
            np.stack([face.source for face in faces]),
            np.stack(targets),
            stages,
        )
        return [
            EditedFace(
                box=face.face.box,
                landmarks=face.face.landmarks,
                confidence=face.face.confidence,
                source_action_units=face.source,
                target_action_units=target,
                aligned=face.aligned,
                edits=each,
            )
            for face, target, each in zip(
                faces, targets, edits.each(), strict=True
            )
        ]


def unwrap(
    result: AlignedPhoto | UserError, name: str = "", hint: str = ""
) -> AlignedPhoto:
    """The aligned photo; an error in its place is raised.

    Args:
      result: of `Editor.detect_and_align`.
      name: the photo's, which the error begins with.
      hint: what it ends with if no face was found.
    """
    if not isinstance(result, UserError):
        return result
    start = f"{name}: " if name else ""
    end = f"; {hint}" if hint and isinstance(result, NoFaceError) else ""
    raise UserError(f"{start}{result}{end}") from result


def put_back(
    aligned_photo: AlignedPhoto,
    faces: list[EditedFace],
    carry_detail: bool = True,
) -> EditedPhoto:
    """The photo with its edited faces, one after the other.

    `carry_detail` is that of `compositing.paste`.
    """
    image = aligned_photo.photo if faces else aligned_photo.photo.copy()
    for face in faces:
        image = paste(
            image,
            geometry.alignment(face.landmarks, len(face.aligned)),
            to_float(face.aligned),
            face.edits.images[0, -1],
            face.edits.attention[0, -1],
            carry_detail,
        )
    return EditedPhoto(image, tuple(faces), aligned_photo.notes)
