"""Photos → action units, for a folder of any size."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import Progress
from efgan_tf.faces import detection, photos, search
from efgan_tf.labeling import mapping, measures
from efgan_tf.labeling.landmarker import FaceLandmarker
from efgan_tf.labeling.regression import Regression

# As many photos at a time as the memory should hold.
_BATCH_PHOTOS = 64
_BATCH_PIXELS = 64_000_000

MOST_TURNED = 35.0
"""Degrees; of faces turned further away the labels are wrong."""


@dataclasses.dataclass(frozen=True, eq=False)
class Label:
    """What one photo shows.

    Attributes:
      file: path below the folder.
      action_units: float64 `[15]`, 0–5, in the order of `mapping.UNITS`.
      faces: how many the photo has; the largest counts.
      landmarks: float64 `[5, 2]`, the face's, in photo pixels.
    """

    file: str
    action_units: np.ndarray
    faces: int
    landmarks: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """What the photos of a folder show.

    Attributes:
      labels: in the order of the files.
      unlabeled: (file, reason) of photos that have none.
    """

    labels: list[Label]
    unlabeled: list[tuple[str, str]]


class Labeler:
    """Reads action units from faces.

    A unit is the mean of two readers, the map of blendshapes and the
    regression, over the face as it is and mirrored.

    Args:
      path: of `face_landmarker.task`; empty for the installed package's.

    Raises:
      UserError: the file is missing or another one.
    """

    def __init__(self, path: str | os.PathLike = ""):
        self._landmarker = FaceLandmarker(path)
        self._regression = Regression.load()

    def units(self, photo: np.ndarray, face: detection.Face) -> np.ndarray:
        """The units of a face: float64 `[15]`, 0–5, as `mapping.UNITS`.

        Args:
          photo: uint8 `[height, width, 3]`, RGB.
          face: the one that is meant.

        Raises:
          photos.PhotoError: the network rejects the face, or it is turned away.
        """
        return self.readers(photo, face).mean(axis=0)

    def readers(self, photo: np.ndarray, face: detection.Face) -> np.ndarray:
        """As `units`, of map and regression apart: float64 `[2, 15]`."""
        readings = self._landmarker.read(photo, face)
        if readings is None:
            raise photos.PhotoError(
                "the face", "landmark network rejected the face"
            )
        yaw = np.mean([abs(measures.yaw(each.points)) for each in readings])
        if yaw > MOST_TURNED:
            raise photos.PhotoError("the face", f"turned away ({yaw:.0f}°)")
        mapped = np.mean([mapping.map_units(each) for each in readings], axis=0)
        return np.stack([mapped, self._regression.units(readings)])


def label_photos(
    source_dir: str | os.PathLike,
    files: Sequence[str],
    path: str | os.PathLike = "",
) -> Labels:
    """Labels photos and shows the progress.

    Args:
      source_dir: the photos' folder.
      files: paths below it; at least one.
      path: of `face_landmarker.task`; empty for the installed package's.

    Raises:
      UserError: the networks are missing, or no photo has a face.
    """
    labeler, detector = Labeler(path), detection.Detector()
    progress = Progress("labeling", len(files), "photos")
    labels: list[Label] = []
    unlabeled: list[tuple[str, str]] = []
    for batch in _batches(Path(source_dir), files, unlabeled):
        # As preparation finds them, which then crops the same face.
        found = search.find_upright(detector, [photo for _, photo in batch])
        for (file, photo), faces in zip(batch, found, strict=True):
            try:
                labels.append(_label(labeler, file, photo, faces))
            except photos.PhotoError as error:
                unlabeled.append((file, error.reason))
        progress.advance(len(labels) + len(unlabeled) - progress.done)
    progress.finish()
    if not labels:
        file, reason = unlabeled[0]
        raise UserError(
            f"{source_dir}: none of the {len(files)} photos could be labeled; "
            f"the first is {file}: {reason}"
        )
    return Labels(labels, sorted(unlabeled))


def _label(
    labeler: Labeler,
    file: str,
    photo: np.ndarray,
    faces: Sequence[detection.Face],
) -> Label:
    if not faces:
        raise photos.PhotoError(file, "no face found")
    face = detection.largest(faces)
    if face.doubt:
        raise photos.PhotoError(file, f"{search.AMBIGUOUS} ({face.doubt})")
    units = labeler.units(photo, face)
    return Label(file, units, len(faces), face.landmarks)


def _batches(
    folder: Path, files: Sequence[str], unlabeled: list[tuple[str, str]]
) -> Iterator[list[tuple[str, np.ndarray]]]:
    """Photos by file; what cannot be read goes to `unlabeled`."""
    batch: list[tuple[str, np.ndarray]] = []
    for file in files:
        try:
            batch.append((file, photos.read_photo(folder / file)))
        except photos.PhotoError as error:
            unlabeled.append((file, error.reason))
        pixels = sum(photo.size // 3 for _, photo in batch)
        if len(batch) == _BATCH_PHOTOS or pixels >= _BATCH_PIXELS:
            yield batch
            batch = []
    if batch:
        yield batch
