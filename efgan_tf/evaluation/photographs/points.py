"""Action units off dlib's 68 points, without the labeler of training data.

Each of six units is read off the distances that it changes most, in shares of
the distance of the outer eye corners. What one unit (of 5) changes is the slope
of a least-squares fit, as benchmarks/photo_points.py makes it, to photographs
of people who were not held out, with the units of their training table: the
scale is the table's, the readings are not. People differ, so that the
difference of two pictures of one person says far more than a reading by itself.
"""

import importlib.util
from pathlib import Path

import numpy as np

from efgan_tf import action_units, geometry
from efgan_tf.common.errors import UserError

UNITS = ("AU01", "AU02", "AU12", "AU25", "AU26", "AU45")
"""What is read, in this order."""

# How a reading answers to the units, 1 for its own: lowered brows (AU04) take
# AU01 and AU02 back, raised lids (AU05) AU45.
_ANSWERS = {
    "AU01": {"AU01": 1.0, "AU04": -0.8},
    "AU02": {"AU02": 1.0, "AU04": -1.1},
    "AU12": {"AU12": 1.0},
    "AU25": {"AU25": 1.0},
    "AU26": {"AU26": 1.0},
    "AU45": {"AU45": 1.0, "AU05": -0.7},
}

# Distance of a neutral face, and its change with one unit.
_SCALES = {
    "inner brow": (0.234, 0.018),
    "outer brow": (0.212, 0.016),
    "mouth width": (0.589, 0.037),
    "corner lift": (0.010, 0.024),
    "lip gap": (0.007, 0.037),
    "jaw": (0.725, 0.048),
    "lids": (-0.096, 0.0145),
}
_READ_FROM = {
    "AU01": ("inner brow",),
    "AU02": ("outer brow",),
    "AU12": ("mouth width", "corner lift"),
    "AU25": ("lip gap",),
    "AU26": ("jaw",),
    "AU45": ("lids",),
}

_LEFT_EYE, _RIGHT_EYE = slice(36, 42), slice(42, 48)


def distances(points: np.ndarray) -> dict[str, np.ndarray]:
    """The distances that units change.

    Args:
      points: `[..., 68, 2]` (x, y) in pixels, dlib's order.

    Returns:
      Name → float64 `[...]`, in distances of the outer eye corners, upright
      along the line of the eyes.
    """
    points = np.asarray(points, np.float64)
    across = (points[..., _RIGHT_EYE, :] - points[..., _LEFT_EYE, :]).mean(-2)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    eyes = np.linalg.norm(points[..., 45, :] - points[..., 36, :], axis=-1)
    scaled = points / eyes[..., None, None]
    x = (scaled * across[..., None, :]).sum(-1)
    y = (scaled * (across[..., ::-1] * (-1, 1))[..., None, :]).sum(-1)

    def height(*numbers: int) -> np.ndarray:
        return y[..., list(numbers)].mean(-1)

    corners = height(36, 39, 42, 45)
    return {
        "inner brow": corners - height(20, 21, 22, 23),
        "outer brow": corners - height(17, 18, 25, 26),
        "mouth width": x[..., 54] - x[..., 48],
        "corner lift": height(51, 62, 66, 57) - height(48, 54),
        "lip gap": height(65, 66, 67) - height(61, 62, 63),
        "jaw": height(7, 8, 9) - height(33),
        "lids": height(37, 38, 43, 44) - height(40, 41, 46, 47),
    }


def intensities(points: np.ndarray) -> np.ndarray:
    """`[..., 68, 2]` → readings of `UNITS`, `[..., 6]`; 0 is neutral, 5 full.

    They are not clipped: a thin mouth may have less than 0.
    """
    found = distances(points)
    in_units = {
        name: (found[name] - zero) / slope
        for name, (zero, slope) in _SCALES.items()
    }
    return np.stack(
        [
            np.mean([in_units[name] for name in _READ_FROM[unit]], axis=0)
            for unit in UNITS
        ],
        axis=-1,
    )


def expected(units: np.ndarray) -> np.ndarray:
    """What the readings of a face with units `[17]`, 0–5, are: `[6]`."""
    named = dict(zip(action_units.NAMES, units, strict=True))
    return np.array(
        [
            sum(weight * named[name] for name, weight in answer.items())
            for answer in _ANSWERS.values()
        ]
    )


# Where dlib's face detector puts its square, in the aligned frame: the mean
# over photographs; the points' predictor learned from such squares.
_SQUARE = (0.16, 0.21, 0.81, 0.87)


class FaceReader:
    """dlib's 68 points and identity.

    Raises:
      UserError: the packages are not installed.
    """

    def __init__(self):
        found = importlib.util.find_spec("face_recognition_models")
        locations = found and found.submodule_search_locations
        if not locations or not importlib.util.find_spec("dlib"):
            raise UserError(
                "measuring photographs needs dlib and its models: pip install "
                '"efgan_tf[photos]"'
            )
        import dlib

        # The package itself imports pkg_resources, which may be gone.
        folder = Path(locations[0], "models")
        self._dlib = dlib
        self._points = dlib.shape_predictor(
            str(folder / "shape_predictor_68_face_landmarks.dat")
        )
        self._identity = dlib.face_recognition_model_v1(
            str(folder / "dlib_face_recognition_resnet_model_v1.dat")
        )

    def points(self, photo: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """68 points of a face, float64 `[68, 2]`, (x, y) as in `geometry`.

        Args:
          photo: uint8 `[height, width, 3]`.
          frame: `[2, 3]`, photo pixels → the aligned frame of side 1.
        """
        shape = self._shape(photo, frame)
        return np.array([(p.x, p.y) for p in shape.parts()]) + 0.5

    def _shape(self, photo: np.ndarray, frame: np.ndarray):
        square = np.reshape(_SQUARE, (2, 2))
        (left, top), (right, bottom) = geometry.apply(
            geometry.invert(frame), square
        )
        rectangle = self._dlib.rectangle(
            *(int(round(edge)) for edge in (left, top, right, bottom))
        )
        return self._points(photo, rectangle)

    def identity(self, photo: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """An embedding, float64 `[128]`; distances of persons are Euclidean."""
        shape = self._shape(photo, frame)
        return np.array(self._identity.compute_face_descriptor(photo, shape))
