"""Models that come with the package, by their names: `preset:faces128`.

A preset is one `.npz` of weights in half precision, in the networks' own order,
with `efgan.json` beside them; `efgan_tf/presets/manifest.json` says which there
are. Critics never ship. `NAME.graph.npz` is the networks' graph, with which
LiteRT edits without TensorFlow.
"""

import functools
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.common.graphs import read_graph
from efgan_tf.common.outputs import atomic_file
from efgan_tf.trained.info import FILE_NAME, ModelInfo
from efgan_tf.trained.model import EditingModel

PREFIX = "preset:"
"""What the name of a preset begins with where a path might be."""

DEFAULT = "preset:photos128"
"""The model that edits where none is named."""

_PARTS = ("cascade", "estimator")


@functools.cache
def manifest() -> Mapping[str, Mapping[str, Any]]:
    """Name → what the preset is: see `efgan_tf/presets/manifest.json`."""
    text = (_folder() / "manifest.json").read_text("utf-8")
    return json.loads(text)


def read_preset(name: str):
    """The `TrainedNetwork` of a preset, computing in float32.

    Args:
      name: with or without `PREFIX`.

    Raises:
      UserError: there is no such preset, or its file is damaged.
    """
    name = name.removeprefix(PREFIX)
    return read_weights(_open(name), f"{PREFIX}{name}")


def preset_model(name: str) -> EditingModel:
    """A preset to edit with, which starts at once; on the CPU.

    Args:
      name: with or without `PREFIX`.

    Raises:
      UserError: there is no such preset, or a file of it is damaged.
    """
    name = name.removeprefix(PREFIX)
    info, weights = _read_arrays(_open(name), f"{PREFIX}{name}")
    path = _folder() / f"{name}.graph.npz"
    try:
        graph = read_graph(
            path, [array for part in _PARTS for array in weights[part]]
        )
    except (
        OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise UserError(
            f"{path} is damaged: {error}; install the package again"
        ) from error
    return EditingModel(
        f"{PREFIX}{name}",
        info,
        functools.partial(graph, "cascade"),
        functools.partial(graph, "estimate"),
        batch_size=1,  # which the graph was made for
    )


def _open(name: str) -> io.BytesIO:
    """A preset's file of weights."""
    check_name(name)
    file = _folder() / f"{name}.npz"
    content = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(content).hexdigest() != manifest()[name]["sha256"]:
        raise UserError(f"{PREFIX}{name} is damaged; install efgan_tf anew")
    return io.BytesIO(content)


def check_name(name: str) -> None:
    """Raises a `UserError` unless there is a preset of that name."""
    name = name.removeprefix(PREFIX)
    if name not in manifest():
        raise UserError(
            f"there is no {PREFIX}{name}; there are "
            f"{', '.join(PREFIX + known for known in manifest())}"
        )


def read_card(name: str) -> str:
    """What a preset is for, and what it learned from, as Markdown.

    Args:
      name: with or without `PREFIX`.

    Raises:
      UserError: there is no such preset.
    """
    name = name.removeprefix(PREFIX)
    check_name(name)
    return (_folder() / f"{name}.md").read_text("utf-8")


def read_weights(file, source: str):
    """The `TrainedNetwork` in a file of `write_weights`.

    Args:
      file: its path, or the file opened for reading.
      source: what errors name.

    Raises:
      UserError: it is damaged, or was made for another template or other
        units.
    """
    from efgan_tf.models import build_cascade, build_estimator, dtype_policy
    from efgan_tf.trained.network import TrainedNetwork, join

    info, weights = _read_arrays(file, source)
    with dtype_policy("float32"):
        cascade = build_cascade(info.model)
        estimator = build_estimator(info.model)
        try:
            cascade.set_weights(weights["cascade"])
            estimator.set_weights(weights["estimator"])
        except ValueError as error:
            raise UserError(f"{source} cannot be loaded: {error}") from error
        return TrainedNetwork(join(cascade, estimator, info.model), info)


def _read_arrays(file, source: str) -> tuple[ModelInfo, dict[str, list]]:
    """What a file of `write_weights` says and, part by part, holds."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            info = ModelInfo.from_json(arrays[FILE_NAME].tobytes(), source)
            weights = {
                part: [arrays[name] for name in sorted(arrays.files)
                       if name.startswith(f"{part}/")]
                for part in _PARTS
            }  # fmt: skip
    except (
        OSError, EOFError, ValueError, KeyError, zlib.error, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise UserError(f"{source} cannot be loaded: {error}") from error
    return info, weights


def write_weights(trained, path: Path) -> None:
    """Writes a network's weights in half precision, whole or not at all.

    Args:
      trained: a `TrainedNetwork`.
      path: ends in `.npz`; a file that exists is replaced.

    Raises:
      UserError: a weight is not finite in half precision.
    """
    arrays = {FILE_NAME: np.frombuffer(trained.info.to_json().encode(), "u1")}
    for part in _PARTS:
        for index, array in enumerate(getattr(trained, part).get_weights()):
            half = array.astype(np.float16)
            if not np.isfinite(half).all():
                raise UserError(f"a weight of the {part} does not fit float16")
            arrays[f"{part}/{index:04}"] = half
    with atomic_file(path) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]


def _folder():
    return resources.files("efgan_tf.presets")
