"""What one action unit moves among 68 points, on labeled photographs.

    python -m benchmarks.photo_points --photos=DIR --aus=DIR/action_units.csv

fits the distances of `efgan_tf.evaluation.photographs.points` to the table's
units by least squares, and reports the slopes, from which that file's scales
are. It takes the photographs that show most of each unit and some others; those
of people who were held out do not count.
"""

import csv
import hashlib
import sys
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks import harness
from benchmarks.labeled_photos import LabeledPhotosConfig
from efgan_tf import commands, config

UNITS = ("AU01", "AU02", "AU04", "AU05", "AU12", "AU25", "AU26", "AU45")
STRONGEST, OTHERS = 45, 150
"""Photographs for each unit, and of those left."""


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, LabeledPhotosConfig)
    report = harness.Report(settings.out)
    commands.import_tensorflow()
    from efgan_tf import geometry
    from efgan_tf.data.splits import read_subjects
    from efgan_tf.evaluation.photographs import points
    from efgan_tf.faces import detection, photos

    held_out = read_subjects(settings.held_out)
    with open(settings.aus, newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["subject"] not in held_out]
    reader, detector = points.FaceReader(), detection.Detector()
    units, found = [], []
    for row in _chosen(rows):
        photo = photos.read_photo(Path(settings.photos, row["file"]))
        (faces,) = detector.detect([photo])
        if faces:
            face = detection.largest(faces)
            frame = geometry.alignment(face.landmarks, 1)
            found.append(reader.points(photo, frame))
            units.append([1.0, *(float(row[unit]) for unit in UNITS)])
    distances = points.distances(np.array(found))
    slopes, *_ = np.linalg.lstsq(
        np.array(units), np.stack([*distances.values()], axis=1), rcond=None
    )
    report.add(
        f"Slopes over {len(found)} photographs",
        [
            {"": unit, **dict(zip(distances, row.tolist(), strict=True))}
            for unit, row in zip(("none", *UNITS), slopes, strict=True)
        ],
        4,
    )
    report.write()


def _chosen(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The strongest of each unit, and others by a hash of their names."""
    rows = sorted(
        rows, key=lambda row: hashlib.sha256(row["file"].encode()).digest()
    )
    chosen = {}
    for unit in UNITS:
        strongest = sorted(rows, key=lambda row: -float(row[unit]))
        chosen |= {row["file"]: row for row in strongest[:STRONGEST]}
    others = [row for row in rows if row["file"] not in chosen]
    return [*chosen.values(), *others[:OTHERS]]


if __name__ == "__main__":
    sys.exit(commands.run(main, LabeledPhotosConfig))
