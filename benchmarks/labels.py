"""How good the labels of `efgan_tf.label` are.

    python -m benchmarks.labels
    python -m benchmarks.labels --labels=aus.csv --table=OTHER.csv

On rendered people, whose units are exact: Pearson's r of the map, of the
regression and of their mean, which is the label; the label's slope (how many
units it reads where one was rendered) and ICC(2,1), the agreement of the
numbers themselves; then the mean r over the units at several turns of the head,
and of faces on which dark glasses or a patch of skin are drawn.

On a table that `efgan_tf.label` made of photographs, whose column 'expression'
says what some of them show: for each expression and each unit that makes it,
AUC, the share of pairs of such a photo and a neutral one in which the unit is
higher in the former (.5 is chance). --table compares with another labeler's
table: r and mean absolute difference on a sample of the photos.
"""

import dataclasses
import sys

import numpy as np
from absl import flags
from PIL import Image, ImageDraw

from benchmarks import harness
from efgan_tf import action_units, commands, config
from efgan_tf.common.options import option
from efgan_tf.evaluation.metrics.face_readings import area_under_curve
from efgan_tf.labeling import mapping
from efgan_tf.synthetic.expressions import EXPRESSIONS
from tools.fit_labels import correlations

YAWS = (0.0, 15.0, 30.0, 45.0)
COVERS = "nothing", "dark glasses", "a patch over the mouth"
UPPER = ("AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU45")
STRONG = 2.0  # a unit that makes an expression has at least this intensity

# What an expression is called in manifests.
WORDS = {
    "happy": ("happy", "smil"),
    "sad": ("sad",),
    "angry": ("angry",),
    "fearful": ("fear",),
    "disgusted": ("disgust",),
    "surprised": ("surpris",),
    "closed eyes": ("eyes closed",),
}
_CLOSED = {"closed eyes": ("AU45",)}

_COLUMNS = [action_units.NAMES.index(name) for name in mapping.UNITS]


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured."""

    people: int = option(20, "rendered people")
    images: int = option(18, "pictures of each")
    turned: int = option(6, "people for the turns of the head")
    size: int = option(256, "side of the rendered photos")
    seed: int = option(92, "which people")
    labels: str = option("", "table of photographs, of efgan_tf.label")
    table: str = option("", "another labeler's table of these photographs")
    sample: int = option(200, "photographs that are compared with the table")
    face_landmarker: str = option("", "face_landmarker.task")
    out: str = option("", harness.OUT)


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, BenchmarkConfig)
    report = harness.Report(settings.out)
    commands.import_tensorflow()
    if settings.labels:
        _measure_photos(settings, report)
    else:
        _measure_rendered(settings, report)
    report.write()


def _measure_rendered(
    settings: BenchmarkConfig, report: harness.Report
) -> None:
    bench = Bench(settings)
    read, exact = bench.read(settings.people, settings.images)
    label = read.mean(axis=1)
    by_map = correlations(read[:, 0], exact)
    by_fit = correlations(read[:, 1], exact)
    both = correlations(label, exact)
    rows = [
        {
            "unit": name,
            "r: map": float(by_map[i]),
            "regression": float(by_fit[i]),
            "label": float(both[i]),
            "slope": float(np.polyfit(exact[:, i], label[:, i], 1)[0]),
            "ICC": icc(label[:, i], exact[:, i]),
        }
        for i, name in enumerate(mapping.UNITS)
    ]
    means = {
        "r: map": float(by_map.mean()),
        "regression": float(by_fit.mean()),
        "label": float(both.mean()),
    }
    report.add(
        f"{len(exact)} rendered faces of {settings.people} people",
        [*rows, {"unit": "mean", **means, "slope": None, "ICC": None}],
    )
    rows = []
    for yaw in YAWS:
        read, exact = bench.read(settings.turned, settings.images, yaw)
        r = correlations(read.mean(axis=1), exact) if len(read) else None
        total = settings.turned * settings.images
        rows.append(
            {
                "turned by": f"{yaw:.0f}°",
                "labeled": f"{len(read)} of {total}",
                "mean r": None if r is None else float(r.mean()),
            }
        )
    report.add("Heads that are turned", rows)
    _measure_covered(settings, bench, report)


def _measure_covered(settings, bench: "Bench", report: harness.Report) -> None:
    upper = np.isin(mapping.UNITS, UPPER)
    total = settings.turned * settings.images
    rows = []
    for cover in COVERS:
        read, exact = bench.read(settings.turned, settings.images, cover=cover)
        label = read.mean(axis=1)
        row = {"covered by": cover, "labeled": f"{len(label)} of {total}"}
        for where, units in {"brows and eyes": upper, "others": ~upper}.items():
            r = correlations(label[:, units], exact[:, units])
            row[f"{where}: mean r"] = float(r.mean())
            row[f"{where}: mean label"] = float(label[:, units].mean())
            row[f"{where}: rendered"] = float(exact[:, units].mean())
        rows.append(row)
    report.add("Faces that are covered", rows)


class Bench:
    """Labels rendered people.

    Args:
      settings: which.
    """

    def __init__(self, settings: BenchmarkConfig):
        from efgan_tf.faces.detection import Detector
        from efgan_tf.labeling.labeler import Labeler

        self._settings = settings
        self._labeler = Labeler(settings.face_landmarker)
        self._detector = Detector()

    def read(
        self,
        people: int,
        images: int,
        yaw: float | None = None,
        cover: str = COVERS[0],
    ) -> tuple[np.ndarray, np.ndarray]:
        """What is read from people and what is true.

        Args:
          people: how many.
          images: of each.
          yaw: turn of the head in degrees; None for any up to 15.
          cover: one of `COVERS`, what is drawn on the face.

        Returns:
          `[n, 2, 15]` by map and regression, and `[n, 15]` exact units.
        """
        from efgan_tf.faces import detection, photos

        read, exact = [], []
        for picture, units in self._rendered(people, images, yaw):
            (faces,) = self._detector.detect([picture])
            if faces and cover != COVERS[0]:
                picture = draw_cover(picture, faces[0].landmarks, cover)
                (faces,) = self._detector.detect([picture])
            if not faces:
                continue
            try:
                face = detection.largest(faces)
                read.append(self._labeler.readers(picture, face))
            except photos.PhotoError:
                continue
            exact.append(units[_COLUMNS])
        shape = len(read), 2, len(mapping.UNITS)
        return np.reshape(read, shape), np.reshape(exact, shape[::2])

    def _rendered(self, people: int, images: int, yaw: float | None):
        from efgan_tf.synthetic import identity, synthesis
        from efgan_tf.synthetic.render import Renderer

        seed, size = self._settings.seed, self._settings.size
        for subject in range(people):
            renderer = Renderer(identity.sample_identity(seed, subject))
            view = identity.sample_view(seed, subject, 0)
            if yaw is not None:
                view = dataclasses.replace(view, yaw=yaw)
            for index in range(images):
                label = synthesis.make_label(seed, subject, 0, index)
                units = label.action_units
                sides = identity.sample_sides(
                    view, index, label.expression, units
                )
                picture = renderer.render(np.stack(sides), view, size, index)
                yield picture, units


def draw_cover(
    picture: np.ndarray, landmarks: np.ndarray, cover: str
) -> np.ndarray:
    """Draws on a face what hides a part of it.

    Args:
      picture: uint8 `[height, width, 3]`, RGB.
      landmarks: `[5, 2]`: eyes, nose, corners of the mouth, in pixels.
      cover: one of `COVERS`.
    """
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    eyes, nose, mouth = landmarks[:2], landmarks[2], landmarks[3:]
    unit = np.linalg.norm(eyes[1] - eyes[0])

    def disk(center, radius, color):
        draw.ellipse([*(center - radius), *(center + radius)], color)

    if cover == "dark glasses":
        draw.line(eyes.ravel().tolist(), (20, 20, 22), round(unit / 8))
        for eye in eyes:
            disk(eye, 0.4 * unit, (20, 20, 22))
    elif cover == "a patch over the mouth":
        skin = image.getpixel(tuple(map(round, nose.tolist())))
        disk(mouth.mean(axis=0), 0.6 * unit, skin)
    return np.asarray(image)


def _measure_photos(settings: BenchmarkConfig, report: harness.Report) -> None:
    from efgan_tf.data import tables

    rows = tables.read_table(settings.labels).rows
    _report_expressions(rows, report)
    if settings.table:
        other = tables.read_table(settings.table)
        shared = sorted(rows.keys() & other.rows.keys())
        chosen = np.random.default_rng(0).permutation(len(shared))
        names = [shared[i] for i in chosen[: settings.sample]]
        first, second = (_units(t, names) for t in (rows, other.rows))
        _report_agreement(first, second, report)


def _report_expressions(rows, report: harness.Report) -> None:
    expressions = {name: row.expression.lower() for name, row in rows.items()}
    neutral = [name for name, e in expressions.items() if e == "neutral"]
    if not neutral:
        report.note("No photograph is known to be neutral: no AUC.")
        return
    neutral_units = _units(rows, neutral)
    found = []
    for expression, words in WORDS.items():
        shown = [
            name
            for name, text in expressions.items()
            if any(word in text for word in words)
        ]
        if not shown:
            continue
        values = _units(rows, shown)
        made_of = _CLOSED.get(expression) or [
            name
            for name, value in zip(
                action_units.NAMES, EXPRESSIONS[expression], strict=True
            )
            if value >= STRONG and name in mapping.UNITS
        ]
        cells = [
            f"{name} {area_under_curve(values[:, i], neutral_units[:, i]):.2f}"
            for i, name in enumerate(mapping.UNITS)
            if name in made_of
        ]
        found.append(
            {
                "expression": expression,
                "photographs": len(shown),
                "units": ", ".join(cells),
            }
        )
    report.add(f"AUC against {len(neutral)} neutral photographs", found)


def _report_agreement(
    first: np.ndarray, second: np.ndarray, report: harness.Report
) -> None:
    r = correlations(first, second)
    difference = abs(first - second).mean(axis=0)
    names = (*mapping.UNITS, "mean")
    values = zip(
        names, (*r, r.mean()), (*difference, difference.mean()), strict=True
    )
    report.add(
        f"Against the other table, {len(first)} photographs",
        [
            {
                "unit": name,
                "r": float(one),
                "mean absolute difference": float(other),
            }
            for name, one, other in values
        ],
    )


def _units(rows, names: list[str]) -> np.ndarray:
    return np.stack([rows[name].action_units[_COLUMNS] for name in names])


def icc(first: np.ndarray, second: np.ndarray) -> float:
    """ICC(2,1), absolute agreement of two raters (Shrout and Fleiss, 1979)."""
    ratings = np.stack([first, second], axis=1)
    n, k = ratings.shape
    mean = ratings.mean()
    by_face, by_rater = ratings.mean(axis=1), ratings.mean(axis=0)
    faces = k * np.square(by_face - mean).sum() / (n - 1)
    raters = n * np.square(by_rater - mean).sum() / (k - 1)
    rest = ratings - by_face[:, None] - by_rater + mean
    error = np.square(rest).sum() / ((n - 1) * (k - 1))
    return float(
        (faces - error) / (faces + (k - 1) * error + k * (raters - error) / n)
    )


if __name__ == "__main__":
    sys.exit(commands.run(main, BenchmarkConfig))
