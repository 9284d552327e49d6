"""A folder of photos → the table that `--dataset=folder` reads."""

import csv
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from efgan_tf.common import outputs
from efgan_tf.common.csv_files import normalize_name
from efgan_tf.labeling import label_report, labeler, mapping, regression
from efgan_tf.labeling import manifest as manifests
from efgan_tf.labeling.labeler import Labels
from efgan_tf.labeling.landmarker import FILE_HASH
from efgan_tf.labeling.manifest import Manifest

NO_MANIFEST = "none"


@dataclasses.dataclass(frozen=True, eq=False)
class LabeledFolder:
    """Photos with their labels.

    Attributes:
      source_dir: the photos' folder.
      labels: what they show.
      manifest: who is on them.
    """

    source_dir: Path
    labels: Labels
    manifest: Manifest

    @property
    def unlabeled(self) -> list[tuple[str, str]]:
        """(name, reason) of photos without labels, spelled as in tables."""
        return [
            (normalize_name(file), why) for file, why in self.labels.unlabeled
        ]

    @property
    def report(self) -> str:
        """What the labels look like, for reading."""
        return label_report.text(self.labels, self.manifest)

    def write_table(self, path: Path) -> None:
        """Writes the table of action units, a CSV file."""
        columns = self.manifest.columns
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["file", *columns, *mapping.UNITS])
            for label in self.labels.labels:
                units = (f"{value:.2f}" for value in label.action_units)
                cells = self.manifest.cells(label.file)
                writer.writerow([label.file, *cells, *units])

    def write_report(self, folder: Path) -> None:
        """Writes `labels.txt` and `labels.jpg`, the sheet of faces."""
        (folder / "labels.txt").write_text(self.report, "utf-8")
        faces = label_report.sheet(self.source_dir, self.labels)
        Image.fromarray(faces).save(folder / "labels.jpg", quality=92)


def label_folder(
    source_dir: str | os.PathLike,
    files: Sequence[str],
    manifest: str = "",
    keep_view: bool = False,
    face_landmarker: str | os.PathLike = "",
    dropped: Sequence[tuple[str, str]] = (),
) -> LabeledFolder:
    """Labels the photos of a folder.

    Args:
      source_dir: the folder.
      files: the photos, paths below it.
      manifest: CSV file that says who is on them; empty for the folder's own
        `manifest.csv` where it has one, `"none"` for none.
      keep_view: whether the manifest's view is copied.
      face_landmarker: path of `face_landmarker.task`; empty for the installed
        package's.
      dropped: (name, reason) of photos that are not among `files`, to list.

    Raises:
      UserError: the networks are missing, the manifest is wrong, or no photo
        has a face.
    """
    source_dir = Path(source_dir)
    path = Path(manifest) if manifest else source_dir / manifests.NAME
    known = Manifest()
    if manifest != NO_MANIFEST and (manifest or path.is_file()):
        known = manifests.read_manifest(path, files, keep_view)
    labels = labeler.label_photos(source_dir, files, face_landmarker)
    unlabeled = sorted([*labels.unlabeled, *dropped])
    labels = dataclasses.replace(labels, unlabeled=unlabeled)
    return LabeledFolder(source_dir, labels, known)


def write(
    folder: LabeledFolder, out: str | os.PathLike, overwrite: bool = False
) -> Path:
    """Writes the table, and its report into a folder beside it.

    Returns:
      The report's folder: `aus_report` beside `aus.csv`.

    Raises:
      UserError: something is there that would be lost, or cannot be written.
    """
    beside = report_folder(out)
    with outputs.atomic_folder(beside, overwrite) as report_dir:
        folder.write_report(report_dir)
        with outputs.atomic_file(out, overwrite) as path:
            folder.write_table(path)
    return beside


def check_out(out: str | os.PathLike, overwrite: bool) -> None:
    """Checks, before the work, whether `write` could write.

    Raises:
      UserError: as `write`.
    """
    outputs.check_free_file(out, overwrite)
    outputs.check_free(report_folder(out), overwrite)
    outputs.check_writable(Path(out).parent)


def report_folder(out: str | os.PathLike) -> Path:
    """Where the report of a table goes."""
    path = Path(out)
    return path.with_name(f"{path.stem}_report")


def fingerprint(source_dir: Path) -> bytes:
    """Differs where labels of the same photos may differ."""
    manifest = source_dir / manifests.NAME
    known = manifest.read_bytes() if manifest.is_file() else b""
    return FILE_HASH.encode() + regression.FILE.read_bytes() + known
