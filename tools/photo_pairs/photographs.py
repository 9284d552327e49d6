"""The photos that pairs are made of, and what must be known of them."""

import dataclasses
from pathlib import Path

import numpy as np

from efgan_tf import geometry
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import Progress
from efgan_tf.data import tables
from efgan_tf.data.splits import read_subjects
from efgan_tf.evaluation.photographs.points import FaceReader
from efgan_tf.faces import detection, photos, search
from efgan_tf.labeling import measures
from efgan_tf.labeling.landmarker import FaceLandmarker
from tools.photo_pairs import donors, mesh
from tools.photo_pairs.face import Face

SIDE = 160
"""Of the aligned face, in pixels."""

PICTURE = 272
"""Of the crop around it: 1.7 aligned sides."""


MOST_YAW = 30.0
"""Degrees; of heads turned farther one side of the mesh folds over."""


@dataclasses.dataclass(frozen=True, eq=False)
class Photographs:
    """Photos, cropped around their largest faces.

    Attributes:
      files: their names.
      subjects: who it is.
      expressions: what is known of it; may be empty.
      units: float32 `[n, 17]`, 0–5.
      pictures: uint8 `[n, PICTURE, PICTURE, 3]`.
      points: float64 `[n, 504, 2]`, the mesh in the picture.
      scales: float64 `[n]`, how much the photo was enlarged.
      yaws: float64 `[n]`, degrees.
      identities: float64 `[n, 128]`, dlib's.
    """

    files: list[str]
    subjects: list[str]
    expressions: list[str]
    units: np.ndarray
    pictures: np.ndarray
    points: np.ndarray
    scales: np.ndarray
    yaws: np.ndarray
    identities: np.ndarray

    def __len__(self) -> int:
        return len(self.files)

    def face(self, index: int) -> Face:
        """One of them."""
        return Face(self.pictures[index], self.points[index])

    def smiles(self) -> list[tuple[int, int]]:
        """Of each person on such photos: a neutral and a smiling one."""
        shown: dict[tuple[str, bool], int] = {}
        for index, expression in enumerate(self.expressions):
            if expression in ("neutral", "smiling", "happy"):
                person = self.subjects[index], expression == "neutral"
                shown.setdefault(person, index)
        return [
            (index, shown[subject, False])
            for (subject, is_neutral), index in shown.items()
            if is_neutral and (subject, False) in shown
        ]

    def donors(self) -> donors.Donors:
        """Ranks them for each other."""
        looks = [donors.colors(self.face(i)) for i in range(len(self))]
        return donors.Donors(
            self.subjects, self.identities, np.array(looks), self.yaws,
            self.scales,
        )  # fmt: skip


def read(source_dir: str, aus: str, held_out_list: str = "") -> Photographs:
    """Reads, crops and measures photos.

    Those without a face that can be read are passed over; of several faces the
    largest counts.

    Args:
      source_dir: their folder.
      aus: their table of action units.
      held_out_list: a CSV file of subjects to leave out; may be empty.

    Raises:
      UserError: the table or a package is missing, or no photo can be used.
    """
    table = tables.read_table(aus)
    held_out = read_subjects(held_out_list) if held_out_list else ()
    subjects = {row.subject for row in table.rows.values()}
    if held_out_list and subjects.isdisjoint(held_out):
        raise UserError(
            f"{held_out_list} names none of the subjects in {aus}; photos are "
            "labeled with their subjects where a manifest.csv says who they are"
        )
    rows = [
        row
        for _, row in sorted(table.rows.items())
        if row.subject not in held_out
    ]
    if not rows:
        raise UserError(f"{held_out_list} names all subjects in {aus}")
    reader = _Reader()
    progress = Progress("photos", len(rows), "photos")
    kept, read_ones = [], []
    for row in rows:
        try:
            read_ones.append(reader(Path(source_dir, row.file)))
            kept.append(row)
        except photos.PhotoError as error:
            progress.say(f"passed over: {error}")
        progress.advance()
    progress.finish()
    if not kept:
        raise UserError(f"{source_dir}: no photo that {aus} names can be used")
    columns = zip(*read_ones, strict=True)
    return Photographs(
        [row.file for row in kept],
        [row.subject for row in kept],
        [row.expression for row in kept],
        np.stack([row.action_units for row in kept]),
        *(np.array(column) for column in columns),
    )


class _Reader:
    """A photo's file → (picture, points, scale, yaw, identity)."""

    def __init__(self):
        self._detector = detection.Detector()
        self._landmarker = FaceLandmarker()
        self._identity = FaceReader()

    def __call__(self, path: Path) -> tuple:
        photo = photos.read_photo(path)
        (faces,) = search.find_upright(self._detector, [photo])
        if not faces:
            raise photos.PhotoError(path.name, "no face found")
        face = detection.largest(faces)
        if face.doubt:
            reason = f"{search.AMBIGUOUS} ({face.doubt})"
            raise photos.PhotoError(path.name, reason)
        points = self._landmarker.points(photo, face)
        if points is None:
            raise photos.PhotoError(
                path.name, "landmark network rejected the face"
            )
        if abs(measures.yaw(points)) > MOST_YAW:
            raise photos.PhotoError(path.name, "a face that looks aside")
        frame = geometry.alignment(face.landmarks, SIDE)
        frame[:, 2] += (PICTURE - SIDE) / 2
        return (
            geometry.warp(photo, frame, PICTURE),
            mesh.with_ring(
                geometry.apply(frame, points[: mesh.FACE_POINTS, :2])
            ),
            np.sqrt(np.linalg.det(frame[:, :2])),
            measures.yaw(points),
            self._identity.identity(
                photo, geometry.alignment(face.landmarks, 1)
            ),
        )
