"""Photos whose faces have been found, chosen, aligned and read."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from efgan_tf import action_units, geometry
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import to_float
from efgan_tf.editing.face_selection import (
    FaceChoice,
    NoFaceError,
    check_box,
    choose,
    find_faces,
    framed_by_center,
)
from efgan_tf.faces.detection import Detector, Face
from efgan_tf.faces.photos import eight_bits
from efgan_tf.faces.search import TURNED, moved, shrunk
from efgan_tf.geometry import align
from efgan_tf.trained.model import EditingModel

ON_NO_FACE = ("error", "skip", "centre")
"""What to do with a photo without a face: refuse it, leave it as it is, or
take its middle square for the frame of a face."""

LARGEST_SCALE = 3
"""A face's square may be so many times larger than what the model sees without
a note that what is new there is coarse."""

WAY_OUT = (
    "frame one with --face=x,y,w,h, or pass --on_no_face=skip or centre (in "
    "Python face and on_no_face)"
)
"""What to do about a photo in which no face was found."""


@dataclasses.dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face aligned out of a photo.

    Attributes:
      face: where it is.
      aligned: uint8 `[size, size, 3]`, as the model sees it.
      source: float32 `[17]`, 0–5, what it shows.
    """

    face: Face
    aligned: np.ndarray
    source: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class AlignedPhoto:
    """A photo and those of its faces that are to be edited.

    Attributes:
      photo: `[height, width, 3]`, uint8, uint16, or floats in 0–1.
      faces: none if the photo has none and is to be left as it is.
      notes: what the user should know.
    """

    photo: np.ndarray
    faces: tuple[AlignedFace, ...]
    notes: tuple[str, ...]


def detect_and_align(
    model: EditingModel,
    detector: Detector,
    photos: Sequence[np.ndarray],
    choice: FaceChoice,
    on_no_face: str = "error",
    source: np.ndarray | None = None,
) -> list[AlignedPhoto | UserError]:
    """Finds, chooses and aligns faces, and estimates what they show.

    Args:
      model: its size and its estimator are used.
      detector: finds the faces.
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
    check_source(model, source)
    seen = [eight_bits(photo) for photo in photos]
    found = find_faces(detector, seen)
    chosen = [
        _choose_and_align(photo, faces, choice, on_no_face, model.size)
        for photo, faces in zip(seen, found, strict=True)
    ]
    aligned_photos = [each for each in chosen if isinstance(each, AlignedPhoto)]
    aligned = [face.aligned for each in aligned_photos for face in each.faces]
    units = iter(_units(model, aligned, source))
    return [
        _complete(each, photo, [next(units) for _ in each.faces])
        if isinstance(each, AlignedPhoto)
        else each
        for each, photo in zip(chosen, photos, strict=True)
    ]


def check_source(model: EditingModel, source: np.ndarray | None) -> None:
    """Raises a `UserError` if nothing says what the faces show."""
    if source is None and not model.has_estimator:
        raise UserError(
            f"{model.name} has no estimator: it cannot tell what a face "
            "shows; say so with --source_au=AU12=1,AU25=2 (in Python "
            "source_action_units)"
        )


def unwrap(
    result: AlignedPhoto | UserError, name: str = "", way_out: str = ""
) -> AlignedPhoto:
    """The aligned photo; an error in its place is raised.

    Args:
      result: of `detect_and_align`.
      name: the photo's, which the error begins with.
      way_out: what it ends with if no face was found.
    """
    if not isinstance(result, UserError):
        return result
    start = f"{name}: " if name else ""
    end = f"; {way_out}" if way_out and isinstance(result, NoFaceError) else ""
    raise UserError(f"{start}{result}{end}") from result


def _choose_and_align(
    photo: np.ndarray,
    faces: list[Face],
    choice: FaceChoice,
    on_no_face: str,
    size: int,
) -> AlignedPhoto | UserError:
    """An aligned photo whose units are still zeros."""
    import cv2  # OpenCV takes a tenth of a second to import

    try:
        chosen, notes = _chosen(photo.shape, faces, choice, on_no_face)
        zeros = np.zeros(action_units.COUNT, np.float32)
        aligned = [
            AlignedFace(face, align(photo, face.landmarks, size), zeros)
            for face in chosen
        ]
    except UserError as error:
        return error
    except (ValueError, cv2.error) as error:
        return UserError(f"a face cannot be aligned: {error}")
    notes += _doubts(chosen) + _coarse(chosen, size)
    return AlignedPhoto(photo, tuple(aligned), tuple(notes))


def _chosen(
    shape: tuple[int, ...],
    faces: list[Face],
    choice: FaceChoice,
    on_no_face: str,
) -> tuple[list[Face], list[str]]:
    """The faces to edit, perhaps none, and what the user should know."""
    check_box(choice, shape)
    try:
        return choose(faces, choice)
    except NoFaceError:
        if on_no_face == "error":
            raise
    if on_no_face == "skip":
        return [], ["no face was found; the photo is left alone"]
    middle = framed_by_center(shape)
    return [middle], ["no face was found; the middle is taken for one"]


def _doubts(faces: list[Face]) -> list[str]:
    """A note for each reason to look at what a face has become."""
    reasons = dict.fromkeys(face.doubt for face in faces if face.doubt)
    return [
        f"of a face, {TURNED} ({reason}): look at the result, or turn the "
        "photo upright and edit it again"
        for reason in reasons
    ]


def _coarse(faces: list[Face], size: int) -> list[str]:
    """A note if a face has far more pixels than the model sees of it."""
    matrices = [geometry.alignment(face.landmarks, size) for face in faces]
    sides = [size / np.sqrt(np.linalg.det(m[:, :2])) for m in matrices]
    side = max(sides, default=0)
    if side <= LARGEST_SCALE * size:
        return []
    return [
        f"a face's square has {side:.0f} pixels a side, the model {size}: "
        "what is new in it is coarser than the photo"
    ]


def _units(
    model: EditingModel, aligned: list[np.ndarray], source: np.ndarray | None
) -> np.ndarray:
    if source is not None:
        known = action_units.validate(source)
        return np.broadcast_to(known, (len(aligned), *known.shape))
    if not aligned:
        return np.empty((0, action_units.COUNT), np.float32)
    return model.estimate(to_float(np.stack(aligned)))


def _complete(
    aligned_photo: AlignedPhoto, photo: np.ndarray, units: list[np.ndarray]
) -> AlignedPhoto:
    """With the photo as it came, and the units that its faces show."""
    faces = tuple(
        dataclasses.replace(face, source=source)
        for face, source in zip(aligned_photo.faces, units, strict=True)
    )
    return dataclasses.replace(aligned_photo, photo=photo, faces=faces)


def close_up(
    aligned_photo: AlignedPhoto, index: int, side: int
) -> AlignedPhoto:
    """One face's part of a photo, upright as the photo is.

    Args:
      aligned_photo: the photo.
      index: which of its faces.
      side: of the square picture that its photo becomes.

    Returns:
      An aligned photo with that face alone and 8 bits; what the model sees
      of it is the same.
    """
    face = aligned_photo.faces[index].face
    to_photo = geometry.invert(geometry.alignment(face.landmarks, 1))
    square = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    corners = geometry.apply(to_photo, square)
    start, end = corners.min(axis=0), corners.max(axis=0)
    scale = side / (end - start).max()
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    matrix[:, 2] = side / 2 - scale * (start + end) / 2
    return AlignedPhoto(
        geometry.warp(eight_bits(aligned_photo.photo), matrix, side),
        (_moved(aligned_photo.faces[index], matrix),),
        aligned_photo.notes,
    )


def reduced(aligned_photo: AlignedPhoto, side: int) -> AlignedPhoto:
    """An aligned photo, in 8 bits, shrunk to at most `side` pixels a side."""
    photo, scale = shrunk(eight_bits(aligned_photo.photo), side)
    matrix = np.column_stack([np.diag(1 / scale), np.zeros(2)])
    return AlignedPhoto(
        photo,
        tuple(_moved(face, matrix) for face in aligned_photo.faces),
        aligned_photo.notes,
    )


def _moved(face: AlignedFace, matrix: np.ndarray) -> AlignedFace:
    return dataclasses.replace(face, face=moved(face.face, matrix))
