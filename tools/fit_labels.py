"""Fits the linear reader of action units on rendered faces.

    python -m tools.fit_labels

Renders people with exact units, reads their faces with MediaPipe's networks and
writes efgan_tf/labeling/regression.npz. The penalty is the largest whose error
on held-out people (five folds) is within 5 % of the smallest: photographs are
further from the rendered people than these are from each other. Prints, and
keeps in the file, what the fit came to on the held-out people.
"""

import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np
from absl import flags

from efgan_tf import commands, config
from efgan_tf.common.options import option
from efgan_tf.labeling import mapping
from efgan_tf.labeling.regression import FILE, Regression, features

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
FOLDS = 5
_SLACK = 1.05


@dataclasses.dataclass(frozen=True)
class FitConfig:
    """Which people it is fitted on."""

    people: int = option(40, "how many are rendered")
    images: int = option(18, "pictures of each")
    size: int = option(256, "side of the rendered photos")
    seed: int = option(91, "which people")
    out: str = option(str(FILE), "file to write")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, FitConfig)
    commands.import_tensorflow()
    inputs, units, people = _faces(settings)
    penalty, held_out = _choose_penalty(inputs, units, people)
    r = correlations(held_out, units)
    regression = fit(inputs, units, penalty)
    values = {
        field.name: np.float32(getattr(regression, field.name))
        for field in dataclasses.fields(regression)
    }
    np.savez_compressed(
        Path(settings.out),
        **values,
        penalty=np.float32(penalty),
        faces=np.int32(len(inputs)),
        people=np.int32(len(set(people))),
        held_out_r=np.float32(r),
    )
    print(f"{len(inputs)} faces of {len(set(people))} people")
    print(f"penalty {penalty:g}; r on held-out people, mean {r.mean():.3f}:")
    for name, value in zip(mapping.UNITS, r, strict=True):
        print(f"{name} {value:.2f}")


def _faces(settings: FitConfig) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Features `[n, k]`, units `[n, 15]` and people of rendered faces."""
    from efgan_tf import action_units
    from efgan_tf.common.progress import Progress
    from efgan_tf.data import tables
    from efgan_tf.faces import detection, photos
    from efgan_tf.labeling.landmarker import FaceLandmarker
    from efgan_tf.synthetic.synthesis import SynthesizeConfig, write_photos

    landmarker, detector = FaceLandmarker(), detection.Detector()
    columns = [action_units.NAMES.index(name) for name in mapping.UNITS]
    rendered = SynthesizeConfig(
        subjects=settings.people,
        images_per_subject=settings.images,
        size=settings.size,
        seed=settings.seed,
    )
    inputs, units, people = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        folder = write_photos(folder, rendered)
        rows = list(tables.read_table(folder / "aus.csv").rows.values())
        progress = Progress("reading faces", len(rows))
        for row in rows:
            photo = photos.read_photo(folder / "photos" / row.file)
            (faces,) = detector.detect([photo])
            read = faces and landmarker.read(photo, detection.largest(faces))
            progress.advance()
            if not read:
                continue
            inputs.append(features(read))
            units.append(row.action_units[columns])
            people.append(row.subject)
        progress.finish()
    return np.stack(inputs), np.stack(units).astype(np.float64), people


def _choose_penalty(
    inputs: np.ndarray, units: np.ndarray, people: list[str]
) -> tuple[float, np.ndarray]:
    """The penalty, and what it predicts of people whom it was not fitted on."""
    numbers = {name: number for number, name in enumerate(sorted(set(people)))}
    folds = np.array([numbers[name] % FOLDS for name in people])
    predictions = {}
    for penalty in PENALTIES:
        predictions[penalty] = np.empty_like(units)
        for fold in range(FOLDS):
            learned = folds != fold
            regression = fit(inputs[learned], units[learned], penalty)
            held_out = regression.predict(inputs[~learned])
            predictions[penalty][folds == fold] = held_out
    errors = {
        penalty: float(np.square(predicted - units).mean())
        for penalty, predicted in predictions.items()
    }
    best = min(errors.values())
    penalty = max(p for p, error in errors.items() if error <= _SLACK * best)
    return penalty, predictions[penalty]


def fit(features: np.ndarray, units: np.ndarray, penalty: float) -> Regression:
    """Ridge regression of features `[m, n]` to units `[m, k]`.

    Args:
      features: of m faces.
      units: theirs, 0–5.
      penalty: on squared weights, features being scaled to variance 1 and the
        squared error being a mean over faces.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scaled = (features - mean) / scale
    bias = units.mean(axis=0)
    gram = scaled.T @ scaled / len(scaled) + penalty * np.eye(len(mean))
    weights = np.linalg.solve(gram, scaled.T @ (units - bias) / len(scaled))
    return Regression(mean, scale, weights, bias)


def correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's r of each column of two `[n, k]` arrays: `[k]`."""
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    norms = np.linalg.norm(first, axis=0) * np.linalg.norm(second, axis=0)
    return (first * second).sum(axis=0) / norms


if __name__ == "__main__":
    sys.exit(commands.run(main, FitConfig))
