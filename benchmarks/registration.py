"""Where faces land: what aligns them, and what the regions' boxes hold.

    python -m benchmarks.registration --subjects=30

Renders people and detects their landmarks, then reports
- where the mouth corners of neutral faces land when eyes and nose are aligned;
- how far the aligned picture's corners wander over the eight expressions in
  one fixed pose (root mean square, pixels of 128) when the fit uses eyes and
  nose, the eyes alone, or all five points; 0 is ideal, the head is still;
- which share of the brows, lips and chin that the camera sees lies inside the
  boxes of eyes and mouth, at several turns of the head and with the jaw
  dropped and the brows raised as far as they go.
"""

import dataclasses
import sys
from collections.abc import Iterator

import numpy as np
from absl import flags

from benchmarks import harness
from efgan_tf import action_units, commands, config, geometry
from efgan_tf.common.options import option
from efgan_tf.synthetic.expressions import EXPRESSIONS as RENDERED

SIZE = 128
FITS = {
    "eyes and nose": slice(0, 3),
    "eyes alone": slice(0, 2),
    "all five points": slice(0, 5),
}
YAWS = (0.0, 15.0, 45.0)
EXPRESSIONS = {
    **RENDERED,
    "jaw dropped": action_units.to_vector({"AU25": 5, "AU26": 5}),
    "brows raised": action_units.to_vector({"AU01": 5, "AU02": 5}),
}
# Which box should hold what.
PARTS = {"brows": "eyes", "lips": "mouth", "chin": "mouth"}


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured."""

    subjects: int = option(30, "how many people are rendered")
    turned_subjects: int = option(8, "how many of them for the boxes")
    photo_size: int = option(256, "side of the rendered photos")
    seed: int = option(0, "which people")
    out: str = option("", harness.OUT)


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, BenchmarkConfig)
    report = harness.Report(settings.out)
    commands.import_tensorflow()
    from efgan_tf.faces.detection import Detector

    bench = Bench(settings, Detector())
    people = [
        bench.landmarks(subject, RENDERED)
        for subject in range(settings.subjects)
    ]
    mouth = np.mean([_aligned_mouth(person[0]) for person in people], axis=0)
    report.add(
        f"Mouth corners of {len(people)} neutral faces, shares of the side",
        [
            {"": name, "x": float(x), "y": float(y)}
            for name, (x, y) in zip(("left", "right"), mouth, strict=True)
        ],
        3,
    )
    template = np.concatenate([geometry.TEMPLATE, mouth]) * SIZE
    spreads = {
        name: [_spread(person, points, template) for person in people]
        for name, points in FITS.items()
    }
    report.add(
        f"Spread over 8 expressions of {len(people)} people, pixels of 128",
        [
            {"fit": name, "": float(np.sqrt(np.mean(np.square(spread))))}
            for name, spread in spreads.items()
        ],
    )
    count = settings.turned_subjects
    rows = []
    for yaw in YAWS:
        rows += _shares(yaw, [bench.shares(n, yaw) for n in range(count)])
    report.add(f"Share inside the boxes, {count} people, %", rows, 1)
    report.write()


class Bench:
    """Renders people and finds their faces.

    Args:
      settings: which people.
      detector: finds their landmarks.
    """

    def __init__(self, settings: BenchmarkConfig, detector):
        self._settings = settings
        self._detector = detector

    def _person(self, subject: int):
        from efgan_tf.synthetic import identity
        from efgan_tf.synthetic.render import Renderer

        seed = self._settings.seed
        renderer = Renderer(identity.sample_identity(seed, subject))
        return renderer, identity.sample_view(seed, subject, 0)

    def _detected(
        self, renderer, view, expressions
    ) -> Iterator[np.ndarray | None]:
        """Landmarks `[5, 2]` in each expression; None if no face is found."""
        from efgan_tf.faces.detection import largest

        photos = [
            renderer.render(units, view, self._settings.photo_size)
            for units in expressions.values()
        ]
        for faces in self._detector.detect(photos):
            yield largest(faces).landmarks if faces else None

    def landmarks(self, subject: int, expressions) -> np.ndarray:
        """Detected landmarks `[n, 5, 2]` of a person in one pose."""
        found = self._detected(*self._person(subject), expressions)
        return np.stack([one for one in found if one is not None])

    def shares(self, subject: int, yaw: float) -> np.ndarray:
        """Share of each part inside its box, `[expressions, parts]`.

        NaN where no face is found.
        """
        renderer, view = self._person(subject)
        view = dataclasses.replace(view, yaw=yaw)
        boxes = geometry.pixel_boxes(SIZE)
        rows = []
        found = self._detected(renderer, view, EXPRESSIONS)
        for units, landmarks in zip(EXPRESSIONS.values(), found, strict=True):
            if landmarks is None:
                rows.append([np.nan] * len(PARTS))
                continue
            places, seen = _projected(
                renderer, units, view, self._settings.photo_size
            )
            frame = geometry.alignment(landmarks, SIZE)
            aligned = geometry.apply(frame, places)
            rows.append(
                [
                    _inside(aligned[part & seen], boxes[PARTS[name]])
                    for name, part in _parts().items()
                ]
            )
        return np.array(rows)


def _parts() -> dict[str, np.ndarray]:
    """Which vertices make each part, bool `[V]`."""
    from efgan_tf.synthetic import head as head_lib

    head = head_lib.load_head()
    skin = np.zeros(len(head.vertices), bool)
    skin[head.triangles[head.part == head_lib.SKIN]] = True
    x, y, z = np.abs(head.rest[:, 0]), head.rest[:, 1], head.rest[:, 2]
    front = skin & (z > 0)
    return {
        # Where `synthetic/skin.py` paints them on an average face.
        "brows": front & (x > 0.14) & (x < 0.82) & (y > 0.17) & (y < 0.4),
        "lips": (head.lips > 0.5) & (head.inside < 0.5),
        # From the fold below the lip to where the jaw turns back.
        "chin": front & (x < 0.3) & (y < -1.4) & (y > -1.8),
    }


def _projected(renderer, units, view, size) -> tuple[np.ndarray, np.ndarray]:
    """Photo pixels `[V, 2]` of the vertices, and which face the camera."""
    from efgan_tf.synthetic.camera import Pose
    from efgan_tf.synthetic.head import load_head
    from efgan_tf.synthetic.raster import vertex_normals

    pose = Pose.of(renderer.vertices, view)
    turned = pose.turn(renderer.deform(units))
    normals = vertex_normals(turned, load_head().triangles)
    return pose.project(turned, size)[:, :2] + 0.5, normals[:, 2] > 0


def _inside(points: np.ndarray, box: geometry.Box) -> float:
    low = np.array([box.left, box.top])
    high = low + (box.width, box.height)
    return float(np.all((points >= low) & (points < high), axis=1).mean())


def _shares(yaw: float, shares: list[np.ndarray]) -> list[dict]:
    by_expression = np.swapaxes(shares, 0, 1)  # [expressions, people, parts]
    count = len(RENDERED)
    rows = {"presets": by_expression[:count].reshape(-1, len(PARTS))}
    extremes = list(EXPRESSIONS)[count:]
    rows |= dict(zip(extremes, by_expression[count:], strict=True))
    return [
        {
            "yaw": f"{yaw:.0f}°",
            "expression": name,
            **dict(zip(PARTS, 100 * np.nanmean(row, 0), strict=True)),
            "found": f"{np.isfinite(row[:, 0]).sum()} of {len(row)}",
        }
        for name, row in rows.items()
    ]


def _aligned_mouth(landmarks: np.ndarray) -> np.ndarray:
    """Mouth corners `[2, 2]` in the aligned frame, shares of the side."""
    return geometry.apply(geometry.alignment(landmarks, 1), landmarks[3:])


def _spread(
    landmarks: np.ndarray, points: slice, template: np.ndarray
) -> np.ndarray:
    """Standard deviation of each corner's coordinates, `[4, 2]`."""

    def fit(one):
        return geometry.fit_similarity(one[points], template[points])

    corners = np.array([[0, 0], [0, SIZE], [SIZE, 0], [SIZE, SIZE]])
    shared = geometry.invert(fit(np.median(landmarks, axis=0)))
    in_photo = geometry.apply(shared, corners)
    moved = [geometry.apply(fit(one), in_photo) for one in landmarks]
    return np.std(moved, axis=0)


if __name__ == "__main__":
    sys.exit(commands.run(main, BenchmarkConfig))
