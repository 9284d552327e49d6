"""A linear reader of action units, fitted on rendered faces.

Ridge regression from the blendshapes, their square roots and the mesh's
measures to the units that the faces were rendered with:
`python -m tools.fit_labels` makes `regression.npz`, which also holds what the
fit came to.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from efgan_tf.labeling import mapping, measures
from efgan_tf.labeling.landmarker import Reading

FILE = Path(__file__).parent / "regression.npz"


def features(readings: Sequence[Reading]) -> np.ndarray:
    """What is regressed on, float64 `[n]`: the mean over the readings."""
    return np.mean([_features(reading) for reading in readings], axis=0)


def _features(reading: Reading) -> np.ndarray:
    shapes = mapping.both_sides(reading.blendshapes)
    values = np.array([v for name, v in shapes.items() if name != "_neutral"])
    lengths = list(measures.measure(reading.points).values())
    return np.concatenate([values, np.sqrt(values), lengths])


@dataclasses.dataclass(frozen=True, eq=False)
class Regression:
    """The fit: units = weightsᵀ·(features − mean) / scale + bias.

    Attributes:
      mean, scale: float64 `[n]`, of the features it was fitted on.
      weights: float64 `[n, 15]`.
      bias: float64 `[15]`.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def load(cls, path: Path = FILE) -> "Regression":
        """The fit that comes with the package."""
        with np.load(path) as content:
            names = [field.name for field in dataclasses.fields(cls)]
            return cls(*(content[name].astype(np.float64) for name in names))

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Features `[…, n]` → units `[…, 15]`, 0–5."""
        scaled = (features - self.mean) / self.scale
        return np.clip(scaled @ self.weights + self.bias, 0, 5)

    def units(self, readings: Sequence[Reading]) -> np.ndarray:
        """The units of a face, float64 `[15]`, 0–5."""
        return self.predict(features(readings))
