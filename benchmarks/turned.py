"""What becomes of photos that lie on a side or upside down.

    python -m benchmarks.turned --photos=FOLDER --count=60

Takes photos of one upright face, turns each by 0, 90, 180 and 270 degrees, and
reports how many of the faces are found where the upright one is (no landmark is
off by 0.15 eye distances or more), how many elsewhere, with a warning and
without, and what the looks at other turns add to the first one's time.
"""

import dataclasses
import random
import sys
import time
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks import harness
from efgan_tf import commands, config
from efgan_tf.common.files import files_below
from efgan_tf.common.options import check_at_least, option, require

OFF = 0.15


@dataclasses.dataclass(frozen=True)
class TurnedConfig:
    """What is measured."""

    photos: str = option("", "folder of photos of one upright face each")
    count: int = option(60, "how many of them")
    seed: int = option(1, "which of them")
    out: str = option("", harness.OUT)

    def __post_init__(self):
        require(bool(self.photos), "give --photos=FOLDER")
        check_at_least(self, 1, "count")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, TurnedConfig)
    report = harness.Report(settings.out)
    commands.import_tensorflow()
    from efgan_tf.faces import detection, photos, search

    folder = Path(settings.photos)
    names = files_below(folder, photos.SUFFIXES)
    random.Random(settings.seed).shuffle(names)
    detector = detection.Detector()
    found: dict[int, list] = {turn: [] for turn in range(4)}
    for name in names[: settings.count]:
        photo = photos.read_photo(folder / name)
        expected = None
        for turn in range(4):
            lying = np.ascontiguousarray(np.rot90(photo, turn))
            start = time.process_time()
            (first,) = detector.detect([lying])
            middle = time.process_time()
            faces = search.resolve_rotation(detector, lying, first)
            end = time.process_time()
            face = detection.largest(faces) if faces else None
            points = back(face, turn, photo.shape[:2]) if face else None
            if turn == 0:
                if not first:
                    print(f"{name}: no face upright", file=sys.stderr)
                    break
                expected = detection.largest(first).landmarks
            off = None
            if face:
                eyes = np.hypot(*(expected[0] - expected[1]))
                off = np.abs(points - expected).max() / eyes
            doubted = bool(face and face.doubt)
            found[turn].append((off, doubted, middle - start, end - middle))
    report.add(
        "Faces of turned photos, means of processor seconds",
        [row_of(turn, seen) for turn, seen in found.items()],
    )
    report.write()


def back(face, turn: int, shape: tuple[int, int]) -> np.ndarray:
    """Landmarks of `np.rot90(photo, turn)` in the photo of `shape`."""
    x, y = face.landmarks.T
    height, width = shape
    points = {
        0: (x, y),
        1: (width - y, x),
        2: (width - x, height - y),
        3: (y, height - x),
    }[turn]
    return np.stack(points, axis=1)


def row_of(turn: int, seen: list) -> dict:
    """A row of the table."""
    right = [each for each in seen if each[0] is not None and each[0] < OFF]
    wrong = [each for each in seen if each[0] is not None and each[0] >= OFF]
    first, more = (float(np.mean([each[k] for each in seen])) for k in (2, 3))
    return {
        "turned by": f"{90 * turn}°",
        "photos": len(seen),
        "right": len(right),
        "right, warned": sum(each[1] for each in right),
        "wrong": len(wrong),
        "wrong, warned": sum(each[1] for each in wrong),
        "no face": len(seen) - len(right) - len(wrong),
        "first detection, s": first,
        "further looks, s": more,
    }


if __name__ == "__main__":
    sys.exit(commands.run(main, TurnedConfig))
