"""How sharp edits are at full size, and what carrying detail over brings.

    python -m benchmarks.detail --photos=DIR

edits photographs at two sizes, shrunk to a face of the model's own size and as
they are, and rendered people, whose faces are four times the model's size (no
photograph is enlarged). It prints, for each edit, the energy of the Laplacian
in the boxes of eyes and mouth as a share of that of the unedited photo, at the
photo's own scale: without and with the photo's detail carried over. Then what
compositing takes without and with it, and how near an edit that changes nothing
stays.
"""

import csv
import dataclasses
import math
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from absl import flags

from efgan_tf import commands, config
from efgan_tf.common import flag_files
from efgan_tf.common.options import check_at_least, option, require
from efgan_tf.trained.presets import DEFAULT

EDITS = {
    **{name: {"expression": name} for name in ("happy", "angry", "surprised")},
    **{unit: {"expression": {unit: 4}} for unit in ("AU12", "AU04", "AU45")},
}
"""Made of every face."""

CLOSING = {"expression": "neutral"}
"""Made of smiles: faces that show so much of AU12."""
SMILE = 1.5

TIMES = 4
"""The rendered faces' side, in that of the model."""


@dataclasses.dataclass(frozen=True)
class DetailConfig:
    """What is edited."""

    model: str = option(DEFAULT, "trained model to edit with")
    photos: str = option("", "folder of the photographs")
    people: str = option(
        str(flag_files.packaged() / "photos_held_out.csv"),
        "CSV file of the photographs: file, shown; those shown are edited",
    )
    count: int = option(8, "how many of them, spread over it")
    rendered: int = option(1, "how many rendered people")

    def __post_init__(self):
        check_at_least(self, 1, "count", "rendered")
        require(bool(self.photos), "give --photos=DIR")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, DetailConfig)
    import efgan_tf
    from efgan_tf.faces.photos import read_photo

    with open(settings.people, newline="", encoding="utf-8") as file:
        names = [r["file"] for r in csv.DictReader(file) if r["shown"] == "1"]
    spread = np.linspace(0, len(names) - 1, min(settings.count, len(names)))
    bench = Bench(efgan_tf.load(settings.model))
    size = bench.editor.model.size
    for index in np.rint(spread).astype(int):
        photo = read_photo(Path(settings.photos, names[index]))
        bench.measure("photographs", photo)
        bench.measure(f"shrunk to {size} px", _shrunk(bench.editor, photo))
    for subject in range(settings.rendered):
        bench.measure("rendered", _rendered(subject, TIMES * size))
    bench.print()


class Bench:
    """Edits photos without and with their detail carried over.

    Args:
      editor: edits.
    """

    def __init__(self, editor):
        self.editor = editor
        self._shares: dict[tuple[str, str, str], list] = {}
        self._sides: dict[str, list[float]] = {}
        self._seconds: list[tuple[float, float]] = []
        self._zero: list[tuple[float, float]] = []

    def measure(self, kind: str, photo: np.ndarray) -> None:
        """All edits of the largest face of a photo `[height, width, 3]`."""
        from efgan_tf import action_units, geometry
        from efgan_tf.editing.editor import put_back, unwrap
        from efgan_tf.editing.expression import make_target
        from efgan_tf.editing.face_selection import parse_choice

        detected = self.editor.detect_and_align(
            [photo], parse_choice("largest")
        )
        aligned_photo = unwrap(detected[0], kind)
        (face,) = aligned_photo.faces
        matrix = geometry.alignment(face.face.landmarks, 1)
        side = 1 / math.sqrt(np.linalg.det(matrix[:, :2]))
        self._sides.setdefault(kind, []).append(side)
        smiles = face.source[action_units.NAMES.index("AU12")] >= SMILE
        targets = EDITS | ({"neutral": CLOSING} if smiles else {})
        for name, target in (targets | {"": {"expression": {}}}).items():
            (edited,) = self.editor.apply(
                [aligned_photo], make_target(**target)
            )
            images, seconds = [], []
            for carry in (False, True):
                start = time.process_time()
                images.append(
                    put_back(aligned_photo, list(edited.faces), carry).image
                )
                seconds.append(time.process_time() - start)
            if name:
                self._seconds.append(tuple(seconds))
                for part in ("eyes", "mouth"):
                    before = _sharpness(photo, matrix, part)
                    key = kind, part, name
                    self._shares.setdefault(key, []).append(
                        [_sharpness(i, matrix, part) / before for i in images]
                    )
            elif kind == "photographs":
                self._zero.append([_psnr(i, photo, side) for i in images])

    def print(self) -> None:
        """The tables."""
        columns = list(dict.fromkeys(key[:2] for key in self._shares))
        names = dict.fromkeys(key[2] for key in self._shares)
        for kind, sides in self._sides.items():
            low, high = min(sides), max(sides)
            print(f"{kind}: {len(sides)} faces of {low:.0f} to {high:.0f} px")
        print(
            f"\n| | {' | '.join(f'{kind}, {part}' for kind, part in columns)} |"
        )
        print("|---" * (1 + len(columns)) + "|")
        for name in names:
            cells = [self._cell(*column, name) for column in columns]
            print(f"| {name} | {' | '.join(cells)} |")
        for what, rows, unit, factor in (
            ("compositing", self._seconds, "ms", 1000),
            ("zero edit of photographs", self._zero, "dB", 1),
        ):
            found = [
                statistics.median(row) * factor
                for row in zip(*rows, strict=True)
            ]
            print(f"{what}: {found[0]:.1f} → {found[1]:.1f} {unit}")

    def _cell(self, kind: str, part: str, name: str) -> str:
        rows = self._shares.get((kind, part, name))
        if not rows:
            return "–"
        before, after = np.exp(np.log(rows).mean(0))
        return f"{before:.2f} → {after:.2f}"


def _sharpness(photo: np.ndarray, matrix: np.ndarray, part: str) -> float:
    """Energy of the Laplacian inside a region's box, in the photo's pixels.

    Args:
      photo: uint8 `[height, width, 3]`.
      matrix: `[2, 3]`, photo pixels → the face's square as 0–1.
      part: one of `geometry.REGIONS`.
    """
    import cv2

    from efgan_tf import geometry

    box = geometry.REGIONS[part]
    corners = np.array(
        [[x, y] for x in (box.left, box.left + box.width)
         for y in (box.top, box.top + box.height)]
    ) / geometry.GRID  # fmt: skip
    there = geometry.apply(geometry.invert(matrix), corners)
    (left, top), (right, bottom) = there.min(0), there.max(0)
    inside = photo[max(0, round(top)) : round(bottom)]
    inside = inside[:, max(0, round(left)) : round(right)]
    gray = cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY)
    return float(np.mean(cv2.Laplacian(gray, cv2.CV_32F) ** 2))


def _psnr(image: np.ndarray, photo: np.ndarray, side: float) -> float:
    """Of the face's square; outside of it nothing changes."""
    error = ((image - photo.astype(float)) ** 2).sum() / (3 * side**2)
    return 10 * math.log10(255**2 / error) if error else math.inf


def _shrunk(editor, photo: np.ndarray) -> np.ndarray:
    """The photo with its face at the model's size."""
    import cv2

    from efgan_tf import geometry
    from efgan_tf.faces.detection import largest

    landmarks = largest(editor.faces(photo)).landmarks
    matrix = geometry.alignment(landmarks, editor.model.size)
    scale = math.sqrt(np.linalg.det(matrix[:, :2]))
    return cv2.resize(
        photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )


def _rendered(subject: int, side: int) -> np.ndarray:
    """A neutral rendered face whose square has about this side."""
    from efgan_tf import action_units, geometry
    from efgan_tf.synthetic.identity import sample_identity, sample_view
    from efgan_tf.synthetic.render import Renderer

    renderer = Renderer(sample_identity(5, subject))
    view, units = (
        sample_view(5, subject, 0),
        action_units.preset("neutral"),
    )
    share = np.linalg.det(
        geometry.alignment(renderer.landmarks(units, view, 1), 1)[:, :2]
    )
    return renderer.render(units, view, round(side * math.sqrt(share)))


if __name__ == "__main__":
    sys.exit(commands.run(main, DetailConfig))
