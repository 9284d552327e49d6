"""Do maps of action units lie where the units show, and for a reason?

    python -m benchmarks.explain [--model=preset:photos128] [--faces=12]

For each unit and each method: how much denser a map is in the mouth's box than
in the eyes' box, the median over rendered faces of people whom the model has
not seen. Above 1 the network reads the unit from the mouth. Then the check of
Adebayo et al. (2018): rank correlation of SmoothGrad maps between two draws of
noise, and between the trained weights and the same numbers in random order.
docs/explain.md has the result.
"""

import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np
from absl import flags
from scipy.stats import spearmanr

from benchmarks import harness
from efgan_tf import action_units, commands, config
from efgan_tf.common.options import check_at_least, option
from efgan_tf.trained.presets import DEFAULT

SEED, SAMPLES, BLOCK = 11, 16, 4
METHODS = ("layercam", "gradcam", "gradcam++", "scorecam")
_TRIED = 4  # faces for ScoreCAM, which is slow, and for random weights


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured."""

    model: str = option(DEFAULT, "a run, a .keras file or preset:NAME")
    faces: int = option(12, "how many people, with a picture of each")
    out: str = option("", harness.OUT)

    def __post_init__(self):
        check_at_least(self, 1, "faces")


def main(values: flags.FlagValues) -> None:
    """Reports both tables."""
    settings = config.from_flags(values, BenchmarkConfig)
    report = harness.Report(settings.out)
    commands.import_tensorflow()
    from efgan_tf.explaining.unit_readers import estimator_of
    from efgan_tf.trained.loading import load_network

    trained = load_network(settings.model)
    faces = rendered_faces(settings.model, trained, settings.faces)
    reader = estimator_of(trained)
    report.add(
        "Density in the mouth's box over that in the eyes', medians of "
        f"{len(faces)} faces",
        places(reader, faces),
    )
    tried = faces[:_TRIED]
    report.add(
        f"Rank correlation with other maps of {len(tried)} faces",
        randomized(reader, tried),
    )
    report.write()


def rendered_faces(name, trained, count):
    """Aligned faces in [-1, 1], each of another person."""
    from efgan_tf.common.images import to_float
    from efgan_tf.editing.editor import Editor, unwrap
    from efgan_tf.editing.face_selection import parse_choice
    from efgan_tf.faces.photos import read_photo
    from efgan_tf.synthetic.synthesis import SynthesizeConfig, write_photos
    from efgan_tf.trained.loading import editing_model

    people = SynthesizeConfig(
        subjects=count, images_per_subject=8, size=256, seed=SEED, workers=1
    )
    with tempfile.TemporaryDirectory() as folder:
        made = write_photos(Path(folder) / "set", people, show_progress=False)
        paths = sorted((made / "photos").iterdir())
        # Another expression from person to person.
        chosen = [paths[8 * i + i % 8] for i in range(count)]
        photos = [read_photo(path) for path in chosen]
    editor = Editor(editing_model(name, trained))
    detected = editor.detect_and_align(photos, parse_choice("largest"))
    return to_float(np.stack([unwrap(t).faces[0].aligned for t in detected]))


def places(reader, faces) -> list[dict]:
    """The table of places."""
    from efgan_tf.explaining import maps
    from efgan_tf.explaining.localization import densities

    def ratios(make, chosen):
        inside = [densities(make(face), reader.boxes) for face in chosen]
        # An empty map says neither; it counts as 1.
        return np.median(
            [(i["mouth"] + 1e-9) / (i["eyes"] + 1e-9) for i in inside], axis=0
        )

    names = action_units.NAMES
    columns = {
        "smoothgrad": ratios(
            lambda face: maps.smoothgrad(reader, face, names, SAMPLES), faces
        )
    }
    for method in METHODS:
        columns[method] = ratios(
            lambda face, cam=maps.CAMS[method]: cam(reader, face, names),
            faces[:_TRIED] if method == "scorecam" else faces,
        )
    return [
        {"unit": name, "": action_units.DESCRIPTIONS[name]}
        | {method: float(column[row]) for method, column in columns.items()}
        for row, name in enumerate(names)
    ]


def randomized(reader, faces) -> list[dict]:
    """The table of the check with random weights."""
    import keras

    from efgan_tf.explaining.maps import smoothgrad

    model = keras.models.clone_model(reader.model)
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            rng.permuted(weight.ravel()).reshape(weight.shape)
            for weight in reader.model.get_weights()
        ]
    )
    broken = dataclasses.replace(reader, model=model)
    whole, own = [], []
    for face in faces:
        first, again, random = (
            smoothgrad(each, face, action_units.NAMES, SAMPLES, seed)
            for each, seed in ((reader, 0), (reader, 1), (broken, 0))
        )
        for found, prepare in (
            (whole, lambda maps: maps),
            (own, lambda maps: specific(maps, BLOCK)),
        ):
            found.append(
                [
                    [rank_correlation(one, other) for one, other in
                     zip(prepare(first), prepare(each), strict=True)]
                    for each in (again, random)
                ]
            )  # fmt: skip
    rows = []
    for title, found in (
        ("whole maps", whole),
        ("what is the unit's own", own),
    ):
        same, other = np.mean(found, axis=(0, 2)).tolist()
        rows.append({"": title, "other noise": same, "random weights": other})
    return rows


def specific(maps: np.ndarray, block: int) -> np.ndarray:
    """What sets each unit's map apart from those of the other units.

    Maps of one face share much that says nothing about a unit: where the
    picture is flat, how often a pixel is looked at. Networks with random
    weights have that in common with trained ones.

    Args:
      maps: `[n, height, width]`, none of them empty.
      block: side of the squares of pixels that are averaged; divides both
        sides of the maps.

    Returns:
      `[n, height / block, width / block]`: each map, its mean being 1, as a
      multiple of the mean of all.
    """
    count, height, width = maps.shape
    squares = np.asarray(maps, np.float64).reshape(
        count, height // block, block, width // block, block
    )
    coarse = squares.mean(axis=(2, 4))
    coarse /= coarse.mean(axis=(1, 2), keepdims=True)
    return coarse / coarse.mean(axis=0)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's ρ of two maps' pixels; 0 if one of them is flat."""
    if not np.ptp(one) or not np.ptp(other):
        return 0.0
    return float(spearmanr(np.ravel(one), np.ravel(other)).statistic)


if __name__ == "__main__":
    sys.exit(commands.run(main, BenchmarkConfig))
