"""Skin tones of the photographs trained with, and how edits turn out by tone.

    python -m benchmarks.photo_skin --photos=DIR --aus=DIR/action_units.csv \
        --scores=report/scores.csv

`report/scores.csv` is what `efgan_tf.evaluate_photos` writes. A tone is the
individual typology angle of both cheeks, atan((L - 50) / b) of CIELAB (Chardon
and others, "Skin color typology and suntanning pathways", 1991), in three
groups: above 41 degrees light, above 10 medium, else dark. It is read off the
photograph, so its light and white balance are in it (under blue light, where b
is not positive, it is 90 or -90 degrees); it says nothing of where people come
from.
"""

import collections
import csv
import dataclasses
import sys
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from benchmarks import harness
from benchmarks.labeled_photos import LabeledPhotosConfig
from efgan_tf import commands, config
from efgan_tf.common.options import option, require
from efgan_tf.data.splits import read_subjects
from efgan_tf.evaluation.photographs.scores import EXPRESSION_EDITS
from efgan_tf.evaluation.photographs.sources import NEUTRAL, SMILE
from efgan_tf.faces import detection, photos

TONES = {"light": 41.0, "medium": 10.0, "dark": -90.0}
"""From which angle on, in degrees."""

NO_FACE = "no face found"

FIVE = ("happy", "sad", "angry", "surprised", "disgusted")


@dataclasses.dataclass(frozen=True)
class SkinConfig(LabeledPhotosConfig):
    """Which photographs, and the edits of some of them."""

    scores: str = option("", "scores.csv of efgan_tf.evaluate_photos")

    def __post_init__(self):
        super().__post_init__()
        require(bool(self.scores), "give --scores")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, SkinConfig)
    report = harness.Report(settings.out)
    held_out = read_subjects(settings.held_out)
    tones = _Tones(settings.photos)
    trained = collections.Counter(
        (row["file"].split("/")[0], tones(row["file"]))
        for row in _rows(settings.aus)
        if row["subject"] not in held_out
    )
    report.add(
        "Photographs trained with",
        [
            {"set": name}
            | {tone: trained[name, tone] for tone in (*TONES, NO_FACE)}
            for name in sorted({name for name, _ in trained})
        ],
    )
    by_tone: dict[str, list] = {tone: [] for tone in TONES}
    for row in _rows(settings.scores):
        if tones(row["file"]) in by_tone:
            by_tone[tones(row["file"])].append(row)
    report.add(
        "Edits of held-out people",
        [{"skin": tone} | _summary(rows) for tone, rows in by_tone.items()],
        2,
    )
    report.write()


def _rows(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class _Tones:
    """A photo's file → its group in `TONES`, or `NO_FACE`."""

    def __init__(self, folder: str):
        self._folder, self._detector = folder, detection.Detector()
        self._known: dict[str, str] = {}

    def __call__(self, file: str) -> str:
        if file not in self._known:
            photo = photos.read_photo(Path(self._folder, file))
            (faces,) = self._detector.detect([photo])
            self._known[file] = NO_FACE
            if faces:
                angle = _angle(photo, detection.largest(faces).landmarks)
                self._known[file] = next(
                    tone for tone, least in TONES.items() if angle >= least
                )
        return self._known[file]


def _angle(photo: np.ndarray, landmarks: np.ndarray) -> float:
    """The typology angle of both cheeks, in degrees.

    Args:
      photo: uint8 `[height, width, 3]`.
      landmarks: `[5, 2]`, eyes, nose, corners of the mouth.
    """
    lab = cv2.cvtColor(np.float32(photo) / 255, cv2.COLOR_RGB2LAB)
    radius = max(1, round(0.12 * np.linalg.norm(landmarks[1] - landmarks[0])))
    cheeks = []
    for x, y in np.int64((landmarks[:2] + landmarks[3:]) / 2):
        patch = lab[
            max(0, y - radius) : y + radius, max(0, x - radius) : x + radius
        ]
        cheeks.append(patch.reshape(-1, 3))
    lightness, _, yellow = np.median(np.concatenate(cheeks), axis=0)
    return float(np.degrees(np.arctan((lightness - 50) / max(yellow, 1e-3))))


def _summary(rows: list[dict[str, str]]) -> dict[str, float]:
    """Of edits of some people: how many, what is seen, how far they went."""

    def mean(name: str, kind: str, targets: tuple[str, ...]) -> float:
        values = [
            float(row[name])
            for row in rows
            if row["kind"] == kind and row["to"] in targets
        ]
        return float(np.mean(values)) if values else float("nan")

    def people(kind: str) -> int:
        return len({row["subject"] for row in rows if row["kind"] == kind})

    return {
        "neutral": people(NEUTRAL),
        "seen from neutral": mean("seen", NEUTRAL, FIVE),
        "identity distance": mean("identity", NEUTRAL, FIVE),
        "smiling": people(SMILE),
        "seen from a smile": mean("seen", SMILE, EXPRESSION_EDITS[SMILE]),
    }


if __name__ == "__main__":
    sys.exit(commands.run(main, SkinConfig))
