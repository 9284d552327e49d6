"""Networks that were trained on photographs, none of them the labeler's.

face-api's expression network (MIT), dlib's 68 points and identity (CC0) and
the Inception-v3 of nsfwjs (MIT).
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from efgan_tf import geometry
from efgan_tf.common.errors import UserError
from efgan_tf.evaluation.features import lpips, run_network
from efgan_tf.evaluation.photographs.points import FaceReader

EXPRESSIONS = (
    "neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised",
)  # fmt: skip
"""What the expression network tells apart, in its order."""

FACE_API = "@vladmandic/face-api"
NSFWJS = "nsfwjs"
VERSIONS = {FACE_API: "1.7.15", NSFWJS: "4.3.0"}
"""The packages and the versions whose numbers compare."""

INSTALL = (
    "npm install --prefix=readers --ignore-scripts --omit=peer "
    + " ".join(f"{name}@{version}" for name, version in VERSIONS.items())
)
"""The command that puts them into a folder `readers`."""

_EXPRESSION_SIDE = 112
_PADDING = 0.2  # of the points' box, both sides together
_MEAN = (122.782, 117.001, 104.298)
_INCEPTION_SIDE = 299
_MAPS = ("mixed0", "mixed4", "mixed8")


def package(readers: str, name: str) -> Path:
    """The folder of an npm package below `readers`.

    Raises:
      UserError: it is not there, or of another version.
    """
    folder = Path(readers, "node_modules", name)
    try:
        text = (folder / "package.json").read_text("utf-8")
        version = json.loads(text)["version"]
    except (OSError, ValueError, KeyError):
        raise UserError(
            f"--readers={readers} holds no {name}; install it by: {INSTALL}"
        ) from None
    if version != VERSIONS[name]:
        raise UserError(
            f"{folder} is version {version}, the measure needs "
            f"{VERSIONS[name]}: {INSTALL}"
        )
    return folder


def expression_weights(readers: str) -> dict[str, np.ndarray]:
    """Those of face-api's expression network, by name.

    Raises:
      UserError: see `package`.
    """
    model = package(readers, FACE_API) / "model" / "face_expression_model"
    manifest = json.loads(
        Path(f"{model}-weights_manifest.json").read_text("utf-8")
    )
    return _unpacked(manifest[0]["weights"], Path(f"{model}.bin").read_bytes())


def inception_weights(readers: str) -> dict[str, np.ndarray]:
    """Those of nsfwjs's Inception-v3, by Keras's names.

    Raises:
      UserError: see `package`.
    """
    folder = package(readers, NSFWJS) / "dist/models/inception_v3"
    model = _module(folder / "model.min.js")
    (group,) = _json(model)["weightsManifest"]
    shards = [_module(folder / f"{name}.min.js") for name in group["paths"]]
    data = b"".join(base64.b64decode(json.loads(shard)) for shard in shards)
    return _unpacked(group["weights"], data)


def _module(path: Path) -> str:
    """What a bundled CommonJS module exports, as JavaScript."""
    text = path.read_text("utf-8")
    exported, *_ = re.findall(r'\.exports=([{"].*?)\},\{\}\]', text)
    return exported


def _json(script: str) -> Any:
    """Reads an object of minified JavaScript that holds only constants."""
    script = re.sub(r"([{,])([A-Za-z_]\w*):", r'\1"\2":', script)
    script = script.replace("!0", "true").replace("!1", "false")
    return json.loads(re.sub(r"(?<!\w)\.(\d)", r"0.\1", script))


def _unpacked(
    entries: Sequence[Mapping[str, Any]], data: bytes
) -> dict[str, np.ndarray]:
    """Arrays one behind the other; uint8 is `value · scale + min`."""
    arrays, start = {}, 0
    for entry in entries:
        packing = entry.get("quantization")
        kind = np.dtype(packing["dtype"] if packing else entry["dtype"])
        count = int(np.prod(entry["shape"]))
        values = np.frombuffer(data, kind, count, start).astype(np.float32)
        start += count * kind.itemsize
        if packing:
            values = values * packing["scale"] + packing["min"]
        arrays[entry["name"]] = values.reshape(entry["shape"])
    return arrays


class ExpressionReader:
    """face-api's expression network.

    Args:
      readers: folder of the npm packages.

    Raises:
      UserError: the package is not there.
    """

    def __init__(self, readers: str):
        self._model = _expression_network(expression_weights(readers))

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

    name = f"Inception-v3 of nsfwjs {VERSIONS[NSFWJS]}"

    def __init__(self, readers: str):
        inner = _inception(inception_weights(readers))
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

    def distance(self, images: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """LPIPS's formula over three layers, all channels alike: `[n]`."""
        maps = run_network(self._maps, images)
        weights = [np.ones(each.shape[-1]) for each in maps]
        return lpips(maps, run_network(self._maps, reference), weights)


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


class Readers:
    """All of them.

    Args:
      folder: where npm installed `VERSIONS`.

    Attributes:
      faces: points and identity.
      expressions: the expression network.
      features: for KID and a perceptual distance.

    Raises:
      UserError: a package is missing.
    """

    def __init__(self, folder: str):
        self.expressions = ExpressionReader(folder)
        self.features = FeatureReader(folder)
        self.faces = FaceReader()
