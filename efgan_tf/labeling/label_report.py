"""What the labels of a folder look like: a text and a sheet of faces."""

import collections
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from efgan_tf import action_units, geometry
from efgan_tf.common import sheets
from efgan_tf.faces import photos
from efgan_tf.labeling import mapping
from efgan_tf.labeling.labeler import Label, Labels
from efgan_tf.labeling.manifest import Manifest

_EACH = 5  # faces at each of low, middle and high
_SIDE = 96


def text(labels: Labels, manifest: Manifest) -> str:
    """The report: what happened to the photos, and how each unit is spread."""
    found, lost = labels.labels, labels.unlabeled
    several = [label.file for label in found if label.faces > 1]
    lines = [f"{len(found) + len(lost)} photos: {len(found)} labeled"]
    # What stands in brackets differs from photo to photo.
    reasons = collections.Counter(reason.split(" (")[0] for _, reason in lost)
    lines += [f"  {n} × {reason}" for reason, n in reasons.most_common()]
    lines += _counted(len(several), "with several faces: the largest counts")
    lines += _counted(len(manifest.missing), "in the manifest are not there")
    if manifest.rows:
        lines += _counted(len(manifest.silent), "are not in the manifest")
    lines += ["", "unit  trust   mean  median    95%  maximum  above 1"]
    values = np.stack([label.action_units for label in found])
    for name, column in zip(mapping.UNITS, values.T, strict=True):
        middle, high = np.quantile(column, (0.5, 0.95))
        lines.append(
            f"{name}  {mapping.TRUST[name]:<5} {column.mean():6.2f}  "
            f"{middle:6.2f} {high:6.2f}  {column.max():7.2f}  "
            f"{(column > 1).mean():7.0%}"
        )
    absent = [n for n in action_units.NAMES if n not in mapping.UNITS]
    lines += ["", f"not seen, so left out: {', '.join(absent)}"]
    lines += _listing("not labeled", (f"{f}  {reason}" for f, reason in lost))
    lines += _listing("several faces", several)
    lines += _listing("in the manifest alone", manifest.missing)
    return "\n".join(lines) + "\n"


def summary(report: str) -> str:
    """The report without the lists of files."""
    return "\n\n".join(report.split("\n\n")[:3]).rstrip()


def sheet(source_dir: Path, labels: Labels) -> np.ndarray:
    """A row of faces for each unit: its low, its middle and its high end.

    Args:
      source_dir: the photos' folder.
      labels: of its photos.

    Returns:
      uint8 `[height, width, 3]`.
    """
    values = np.stack([label.action_units for label in labels.labels])
    faces: dict[int, np.ndarray] = {}
    tiles, captions = [], []
    for row, name in enumerate(mapping.UNITS):
        column = values[:, row]
        for index in _chosen(column, np.random.default_rng(row)):
            if index not in faces:
                faces[index] = _face(source_dir, labels.labels[index])
            tiles.append(faces[index])
            captions.append(f"{name} {column[index]:.1f}")
    across = len(tiles) // len(mapping.UNITS)
    return sheets.gallery(np.stack(tiles), captions, across)


def _chosen(column: np.ndarray, generator: np.random.Generator) -> list[int]:
    """Faces at the low end, halfway to the highest, and at the high end."""
    each = min(_EACH, -(-len(column) // 3))
    # Ties are shuffled: the first of the folder may be one person.
    order = generator.permutation(len(column))
    order = order[np.argsort(column[order], kind="stable")]
    halfway = (column.min() + column.max()) / 2
    near = order[np.argsort(abs(column[order] - halfway), kind="stable")][:each]
    middle = near[np.argsort(column[near], kind="stable")]
    return [*order[:each], *middle, *order[-each:]]


def _face(source_dir: Path, label: Label) -> np.ndarray:
    photo = photos.read_photo(source_dir / label.file)
    return geometry.align(photo, label.landmarks, _SIDE)


def _counted(count: int, what: str) -> list[str]:
    return [f"{count} × {what}"] if count else []


def _listing(title: str, lines: Iterable[str]) -> list[str]:
    lines = [f"  {line}" for line in lines]
    return ["", f"{title}:", *lines] if lines else []
