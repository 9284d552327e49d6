"""The photographs that are edited, and what readers see in their faces.

A list names them: people whom no model has seen.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from efgan_tf import geometry
from efgan_tf.common.csv_files import read_rows
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import to_float
from efgan_tf.editing.aligned_photos import AlignedPhoto
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.face_selection import FaceChoice, parse_choice
from efgan_tf.evaluation.photographs import points
from efgan_tf.evaluation.photographs.readers import EXPRESSIONS, Readers
from efgan_tf.faces.photos import read_photo

NEUTRAL, SMILE, SLIGHT_SMILE = "neutral", "smile", "slight smile"
"""What photographs show; from the first two edits begin."""

LARGEST: FaceChoice = parse_choice("largest")
"""Which face of a photograph is read."""

SIDE = 256
"""Side of the aligned pictures in which edits are compared."""

# A face that reads as neutral with less of both is neutral; one that reads as
# happy with more of both smiles broadly.
_CALM = {"AU12": 2.0, "AU25": 1.0}
_BROAD = {"AU12": 1.5, "AU25": 1.5}


@dataclasses.dataclass(frozen=True, eq=False)
class ListedPhoto:
    """A photograph of somebody who was held out.

    Attributes:
      file: its name below the folder of photographs.
      subject: who it shows.
      group: the set that it comes from; empty if the list does not say.
      expression: what it is known to show; empty if the list does not say.
      shown: whether its edits may be published.
      pixels: uint8 `[height, width, 3]`.
    """

    file: str
    subject: str
    group: str
    expression: str
    shown: bool
    pixels: np.ndarray


def read_photos(folder: str | Path, listed: str | Path) -> list[ListedPhoto]:
    """The photographs that a list names.

    Args:
      folder: where they lie.
      listed: CSV file with the columns `file` and `subject`, and as far as
        known `set`, `expression`, `shown` (1: edits may be published) and
        `sha256`.

    Raises:
      UserError: the list or a photograph cannot be read, or a photograph is
        not the listed one.
    """
    rows = read_rows(Path(listed))
    if not rows or not all(
        row.get("file") and row.get("subject") for row in rows
    ):
        raise UserError(
            f"{listed} needs the columns file and subject, filled in each line"
        )
    return [_photo(Path(folder), row) for row in rows]


def _photo(folder: Path, row: dict[str, str]) -> ListedPhoto:
    path = folder / row["file"]
    pixels = read_photo(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if row.get("sha256") and row["sha256"] != digest:
        raise UserError(f"{path} is not the listed photograph: SHA-256 differs")
    return ListedPhoto(
        row["file"],
        row["subject"],
        row.get("set", ""),
        row.get("expression", ""),
        row.get("shown") == "1",
        pixels,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class FaceReading:
    """What the readers see in one picture of a face.

    Attributes:
      aligned: float32 `[256, 256, 3]` in [-1, 1].
      points: float64 `[68, 2]`, in the photo.
      units: float64 `[6]`, intensities of `points.UNITS`.
      probabilities: float32 `[7]` of `readers.EXPRESSIONS`.
      identity: float64 `[128]`.
    """

    aligned: np.ndarray
    points: np.ndarray
    units: np.ndarray
    probabilities: np.ndarray
    identity: np.ndarray

    @property
    def expression(self) -> str:
        """The most probable one."""
        return EXPRESSIONS[int(self.probabilities.argmax())]


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A photograph that is edited.

    Attributes:
      photo: the photograph.
      aligned_photo: its face, as the model sees it.
      reading: what the readers see in it.
      kind: `NEUTRAL`, `SMILE`, `SLIGHT_SMILE`, or "" for none of them.
    """

    photo: ListedPhoto
    aligned_photo: AlignedPhoto
    reading: FaceReading
    kind: str


def read_sources(
    editor: Editor, readers: Readers, photos: Sequence[ListedPhoto]
) -> tuple[list[Source], list[str]]:
    """Finds and reads the faces.

    Returns:
      At most one source of each kind for each person, the first by name; and
      the files in which no face was found.
    """
    found = editor.detect_and_align([p.pixels for p in photos], LARGEST)
    sources, missed = [], []
    for photo, aligned_photo in zip(photos, found, strict=True):
        if not isinstance(aligned_photo, AlignedPhoto):
            missed.append(photo.file)
            continue
        (reading,) = read_face(readers, aligned_photo, [photo.pixels])
        sources.append(Source(photo, aligned_photo, reading, _kind(reading)))
    firsts: dict[tuple[str, str], Source] = {}
    for source in sorted(sources, key=lambda each: each.photo.file):
        if source.kind:
            firsts.setdefault((source.photo.subject, source.kind), source)
    return list(firsts.values()), missed


def _kind(reading: FaceReading) -> str:
    read = dict(zip(points.UNITS, reading.units, strict=True))
    if reading.expression == "neutral" and all(
        read[unit] < most for unit, most in _CALM.items()
    ):
        return NEUTRAL
    if reading.expression != "happy":
        return ""
    broad = all(read[unit] > least for unit, least in _BROAD.items())
    return SMILE if broad else SLIGHT_SMILE


def read_face(
    readers: Readers, aligned_photo: AlignedPhoto, photos: Sequence[np.ndarray]
) -> list[FaceReading]:
    """What readers see in a photo's first face, in several versions of it."""
    place = frame(aligned_photo)
    found = np.stack([readers.faces.points(each, place) for each in photos])
    probabilities = readers.expressions(photos, found)
    units = points.intensities(found)
    return [
        FaceReading(
            aligned(photo, place),
            found[n],
            units[n],
            probabilities[n],
            readers.faces.identity(photo, place),
        )
        for n, photo in enumerate(photos)
    ]


def frame(aligned_photo: AlignedPhoto) -> np.ndarray:
    """`[2, 3]`: photo pixels → the aligned frame, of side 1, of a face."""
    return geometry.alignment(aligned_photo.faces[0].face.landmarks, 1)


def aligned(photo: np.ndarray, place: np.ndarray) -> np.ndarray:
    """A photo in the frame that `[2, 3]` maps it to: `FaceReading.aligned`."""
    return to_float(geometry.warp(photo, place * SIDE, SIDE))
