"""From photos and their rows to aligned faces: one way for every data set.

Each photo is read, its face detected and warped into the aligned frame. What
cannot be used comes out with the reason instead of a picture. Rows come in
jobs that are worked on by themselves, here or on another machine: what becomes
of a photo depends on its job alone.
"""

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from efgan_tf import geometry
from efgan_tf.common.errors import UserError
from efgan_tf.data.preparation_report import Record
from efgan_tf.data.registration import shared_landmarks
from efgan_tf.data.tables import Row
from efgan_tf.faces import detection, photos, quality, search


class PhotoSource(Protocol):
    """Reads the photos of rows; small enough to be sent to other machines.

    Attributes:
      fixed_pose: whether the head is known to be still within one subject's
        view; then its pictures share one transform.
    """

    @property
    def fixed_pose(self) -> bool: ...

    def read(self, row: Row) -> np.ndarray:
        """uint8 `[height, width, 3]`, RGB.

        Raises:
          photos.PhotoError: it cannot be used.
        """

    def flaws(self, row: Row) -> tuple[str, ...]:
        """What is worth knowing of a file that could be read."""


@dataclasses.dataclass(frozen=True)
class FolderPhotos:
    """Photos in a folder, under the rows' file names."""

    folder: Path
    fixed_pose: bool = False

    def read(self, row: Row) -> np.ndarray:
        """The photo of a row, as `photos.read_photo` reads it."""
        return photos.read_photo(self.folder / row.file)

    def flaws(self, row: Row) -> tuple[str, ...]:
        """Whether there are more pictures in the file, which are left out."""
        path = self.folder / row.file
        try:
            with photos.opened(path, photos.MAX_PIXELS) as image:
                several = bool(photos.further_pictures(image))
        except UserError:
            # It has changed since it was read, which preparation notices.
            return ()
        return ("the first of several pictures in its file",) * several


# Large enough for the detector's batches, small enough for the memory.
_JOB_PHOTOS = 64
_BATCH_PIXELS = 64_000_000


@dataclasses.dataclass(frozen=True, eq=False)
class AlignmentOutcome:
    """What became of a row.

    Attributes:
      row: the row.
      png: the aligned face; None if the photo was dropped.
      reason: why it was dropped.
      faces: how many the photo has.
      flaws: what may be wrong with a face that was kept (`faces.quality`).
      digest: a hash of the photo's pixels, of a face that was kept.
      landmarks: `[5, 2]`, where they were detected in the photo, of a face
        that was kept.
    """

    row: Row
    png: bytes | None = None
    reason: str = ""
    faces: int = 0
    flaws: tuple[str, ...] = ()
    digest: str = ""
    landmarks: np.ndarray | None = None

    def record(self, split: str) -> Record:
        """Without the picture, for the report."""
        return Record(
            file=self.row.file,
            subject=self.row.subject,
            split=split,
            action_units=tuple(self.row.action_units.tolist()),
            kept=self.png is not None,
            reason=self.reason,
            faces=self.faces,
            flaws=self.flaws,
            digest=self.digest,
            view=self.row.view,
            landmarks=()
            if self.landmarks is None
            else tuple(self.landmarks.ravel().tolist()),
        )


def example(outcome: AlignmentOutcome) -> tuple[str, dict[str, Any]]:
    """A face that was kept, as key and features for TFDS."""
    row = outcome.row
    return (
        row.file,
        {
            "image": outcome.png,
            "action_units": row.action_units,
            "subject": row.subject,
            "expression": row.expression,
            "view": row.view,
            "filename": row.file,
        },
    )


def jobs(rows: Sequence[Row], fixed_pose: bool) -> list[list[Row]]:
    """Cuts rows, ordered by subject and view, into jobs.

    With a fixed pose the rows of one subject and view stay together.
    """
    cut: list[list[Row]] = []
    for row in rows:
        full = not cut or len(cut[-1]) >= _JOB_PHOTOS
        if full and not (fixed_pose and cut and pose(cut[-1][-1]) == pose(row)):
            cut.append([])
        cut[-1].append(row)
    return cut


def pose(row: Row) -> tuple[str, str]:
    """Subject and view: pictures that differ in their expression alone."""
    return row.subject, row.view


def align_job(
    rows: Sequence[Row],
    source: PhotoSource,
    size: int,
    detector: detection.Detector,
) -> Iterator[AlignmentOutcome]:
    """What becomes of each row, in any order.

    Args:
      rows: one of `jobs`.
      source: of their photos.
      size: side of the aligned pictures.
      detector: finds the faces.
    """
    dropped: list[AlignmentOutcome] = []
    for batch in _batches(rows, source, dropped):
        found = list(_found(batch, source, detector, dropped))
        landmarks = [face.landmarks for _, _, face, _ in found]
        if source.fixed_pose:
            landmarks = _shared([row for row, *_ in found], landmarks)
        for (row, photo, face, count), points in zip(
            found, landmarks, strict=True
        ):
            known = source.flaws(row)
            outcome = _aligned(row, photo, points, count, size, known)
            if outcome.png is not None:
                outcome = dataclasses.replace(outcome, landmarks=face.landmarks)
            yield outcome
    yield from dropped


def _batches(
    rows: Sequence[Row], source: PhotoSource, dropped: list[AlignmentOutcome]
) -> Iterator[list[tuple[Row, np.ndarray]]]:
    """Reads the photos, in batches of bounded memory."""
    batch: list[tuple[Row, np.ndarray]] = []
    pixels = 0
    previous = None
    for row in rows:
        together = source.fixed_pose and pose(row) == previous
        if pixels >= _BATCH_PIXELS and not together:
            yield batch
            batch, pixels = [], 0
        previous = pose(row)
        try:
            photo = source.read(row)
        except photos.PhotoError as error:
            dropped.append(AlignmentOutcome(row, reason=error.reason))
            continue
        batch.append((row, photo))
        pixels += photo.shape[0] * photo.shape[1]
    yield batch


def _found(
    batch: Sequence[tuple[Row, np.ndarray]],
    source: PhotoSource,
    detector: detection.Detector,
    dropped: list[AlignmentOutcome],
) -> Iterator[tuple[Row, np.ndarray, detection.Face, int]]:
    """Each photo of the batch with its row's face and the number of faces."""
    pictures = [photo for _, photo in batch]
    detected = (
        detector.detect(pictures)
        if source.fixed_pose  # rendered or made of photos, so upright
        else search.find_upright(detector, pictures)
    )
    for (row, photo), faces in zip(batch, detected, strict=True):
        face = _face_of_row(faces, row.face_at)
        if face is None:
            reason = "no face found"
            if faces:
                reason = "no face found where the table has one"
        elif face.doubt:
            reason = f"{search.AMBIGUOUS} ({face.doubt})"
        else:
            yield row, photo, face, len(faces)
            continue
        dropped.append(AlignmentOutcome(row, reason=reason, faces=len(faces)))


def _face_of_row(
    faces: Sequence[detection.Face], at: tuple[float, float] | None
) -> detection.Face | None:
    """The face around a point; the largest where the table names none."""
    if at is not None:
        faces = [face for face in faces if face.contains(at)]
    return detection.largest(faces) if faces else None


def _shared(
    rows: Sequence[Row], landmarks: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """One set of landmarks for each view of a subject; without a view, its own.

    The rows of a view follow each other.
    """
    shared: list[np.ndarray] = []
    pairs = zip(rows, landmarks, strict=True)
    for (_, view), group in itertools.groupby(
        pairs, lambda pair: pose(pair[0])
    ):
        points = [landmarks for _, landmarks in group]
        if not view:
            shared += points
            continue
        shared += [shared_landmarks(np.stack(points))] * len(points)
    return shared


def _aligned(
    row: Row,
    photo: np.ndarray,
    landmarks: np.ndarray,
    faces: int,
    size: int,
    known: tuple[str, ...],
) -> AlignmentOutcome:
    import cv2  # OpenCV takes a tenth of a second to import

    try:
        image = geometry.align(photo, landmarks, size)
    except ValueError:
        reason = "landmarks are degenerate"
        return AlignmentOutcome(row, reason=reason, faces=faces)
    flaws = quality.flaws(photo.shape[:2], landmarks, image, size)
    flaws = [*flaws, *known]
    png = cv2.imencode(".png", image[:, :, ::-1])[1].tobytes()
    digest = hashlib.blake2b(photo.data, digest_size=16).hexdigest()
    return AlignmentOutcome(
        row, png, faces=faces, flaws=tuple(flaws), digest=digest
    )
