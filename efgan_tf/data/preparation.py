"""From photos and a table to aligned faces: one way for every data set.

Each photo is read, its face detected and warped into the aligned frame, and
joined with its row of the table. What cannot be used is dropped and reported,
file by file.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from efgan_tf.data.report import Report
from efgan_tf.data.tables import Row, Table
from efgan_tf.errors import UserError
from efgan_tf.faces import alignment, detection, photos
from efgan_tf.progress import Progress

# Photos are worked on in chunks of about these sizes: large enough for the
# detector's batches, small enough for the memory.
_CHUNK_PHOTOS = 64
_CHUNK_PIXELS = 64_000_000


@dataclasses.dataclass(frozen=True)
class Aligned:
    """A face that was kept: its row, and where its PNG file lies."""

    row: Row
    path: Path


Outcome = tuple[list[Aligned], Report]


def prepare_faces(
    source_dir: Path,
    table: Table,
    size: int,
    work_dir: Path,
    *,
    fixed_pose: bool = False,
    detector: detection.Detector | None = None,
) -> Outcome:
    """Aligns every photo of a folder that the table has a row for.

    Args:
      source_dir: the folder of photos; subfolders are searched.
      table: what they show.
      size: side of the aligned pictures.
      work_dir: an empty folder for the aligned pictures.
      fixed_pose: whether the head is known to be still within one subject's
        view; then its pictures share one transform.
      detector: to use; a new one by default.

    Returns:
      The kept faces, ordered by subject, view and file, and the report, whose
      `splits` are still to be filled in.

    Raises:
      UserError: the folder is missing or has no photos, or no face was kept.
    """
    report = Report(
        rows=len(table.rows),
        repeated_rows=table.repeated,
        warnings=list(table.warnings),
    )
    rows = _joined(_listed(source_dir), table, report)
    detector = detector or detection.Detector()
    progress = Progress("preparing faces", len(rows))
    kept: list[Aligned] = []
    for chunk in _chunks(source_dir, rows, fixed_pose, report, progress):
        found = _detected(chunk, detector, report)
        landmarks = [face.landmarks for _, _, face in found]
        if fixed_pose:
            landmarks = _shared([row for row, _, _ in found], landmarks)
        for (row, photo, _), points in zip(found, landmarks, strict=True):
            path = work_dir / f"{len(kept):08}.png"
            if _write_aligned(path, photo, points, size, row, report):
                kept.append(Aligned(row, path))
    progress.finish()
    if not kept:
        raise UserError(_nothing_kept(source_dir, report))
    report.kept = len(kept)
    report.describe_units(
        np.stack([face.row.action_units for face in kept]), table.given
    )
    report.warnings += _column_warnings(table)
    return kept, report


def _column_warnings(table: Table) -> list[str]:
    if not table.has_subjects:
        return [
            "the table has no column 'subject': every photo counts as a "
            "person of its own, and pictures of one person may end up on both "
            "sides of the split"
        ]
    if not table.has_views:
        return [
            "the table has no column 'view': all pictures of a subject count "
            "as one view; --pairing=paired suits them only if pose and light "
            "are the same"
        ]
    return []


def _listed(source_dir: Path) -> list[str]:
    """The photos below a folder, as sorted paths with forward slashes."""
    if not source_dir.is_dir():
        raise UserError(
            f"there is no folder {source_dir}; name the photos' folder with "
            "--source_dir"
        )
    files = sorted(
        path.relative_to(source_dir).as_posix()
        for path in source_dir.rglob("*")
        if path.suffix.lower() in photos.SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )
    if not files:
        raise UserError(
            f"{source_dir} has no photos ({', '.join(sorted(photos.SUFFIXES))})"
        )
    return files


def _joined(files: Sequence[str], table: Table, report: Report) -> list[Row]:
    """The rows that have a photo, ordered by subject, view and file."""
    report.photos = len(files)
    present = set(files)
    for file in files:
        if file not in table.rows:
            report.drop(file, "has no row in the table")
    for file in table.rows:
        if file not in present:
            report.drop(file, "in the table, but there is no such photo")
    rows = [row for file, row in table.rows.items() if file in present]
    if not rows:
        raise UserError(
            f"no row of the table names one of the {len(files)} photos: the "
            f"first row is {next(iter(table.rows))!r}, the first photo "
            f"{files[0]!r}"
        )
    return sorted(rows, key=lambda row: (*_pose(row), row.file))


def _pose(row: Row) -> tuple[str, str]:
    return row.subject, row.view


def _chunks(
    source_dir: Path,
    rows: Sequence[Row],
    fixed_pose: bool,
    report: Report,
    progress: Progress,
) -> Iterator[list[tuple[Row, np.ndarray]]]:
    """Photos read and ready, some at a time.

    Pictures that share a transform stay together, so that each photo is read
    only once.
    """
    chunk: list[tuple[Row, np.ndarray]] = []
    pixels = 0
    previous = None
    for row in rows:
        full = len(chunk) >= _CHUNK_PHOTOS or pixels >= _CHUNK_PIXELS
        if full and not (fixed_pose and _pose(row) == previous):
            yield chunk
            chunk, pixels = [], 0
        previous = _pose(row)
        progress.advance()
        try:
            photo = photos.read_photo(source_dir / row.file)
        except photos.PhotoError as error:
            report.drop(row.file, error.reason)
            continue
        chunk.append((row, photo))
        pixels += photo.shape[0] * photo.shape[1]
    yield chunk


def _detected(
    chunk: Sequence[tuple[Row, np.ndarray]],
    detector: detection.Detector,
    report: Report,
) -> list[tuple[Row, np.ndarray, detection.Face]]:
    """The chunk's photos with their largest face."""
    found = []
    faces = detector.detect([photo for _, photo in chunk])
    for (row, photo), candidates in zip(chunk, faces, strict=True):
        if not candidates:
            report.drop(row.file, "no face found")
            continue
        if len(candidates) > 1:
            report.several_faces.append(row.file)
        found.append((row, photo, detection.largest(candidates)))
    return found


def _shared(
    rows: Sequence[Row], landmarks: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Landmarks of which each subject's view has one set."""
    shared: list[np.ndarray] = []
    pairs = zip(rows, landmarks, strict=True)
    for _, group in itertools.groupby(pairs, lambda pair: _pose(pair[0])):
        points = [landmarks for _, landmarks in group]
        shared += [alignment.shared_landmarks(np.stack(points))] * len(points)
    return shared


def _write_aligned(
    path: Path,
    photo: np.ndarray,
    landmarks: np.ndarray,
    size: int,
    row: Row,
    report: Report,
) -> bool:
    import cv2  # OpenCV takes a tenth of a second to import

    try:
        image = alignment.align(photo, landmarks, size)
    except ValueError:
        report.drop(row.file, "its landmarks make no face")
        return False
    content = cv2.imencode(".png", image[:, :, ::-1])[1]
    path.write_bytes(content.tobytes())
    return True


def _nothing_kept(source_dir: Path, report: Report) -> str:
    reasons = "; ".join(f"{n} × {r}" for r, n in report.reasons().items())
    return f"no face was kept of the photos in {source_dir}: {reasons}"
