"""Converts a trained model into TFLite files, each whole or not at all."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from efgan_tf.common.errors import UserError, as_user_error
from efgan_tf.common.outputs import atomic_file
from efgan_tf.serving.tflite.faces import AlignedFaces
from efgan_tf.serving.tflite.functions import EDITS, MobileFunctions
from efgan_tf.serving.tflite.quantization import check_operations
from efgan_tf.trained.info import FILE_NAME
from efgan_tf.trained.network import TrainedNetwork
from efgan_tf.trained.tflite import flatbuffer
from efgan_tf.trained.tflite.card import TfliteInfo


def write_tflite(
    trained: TrainedNetwork,
    paths: dict[str, Path],
    faces: AlignedFaces | None,
    overwrite: bool = False,
) -> None:
    """Writes a file for each quantization.

    Args:
      trained: the model.
      paths: quantization → the file to write.
      faces: that int8 is calibrated with; None without int8.
      overwrite: replace files that exist.

    Raises:
      UserError: a file exists (without `overwrite`) or cannot be written, or
        the model needs operations that TFLite does not have.
    """
    functions = MobileFunctions(trained)
    with _converted(functions, list(paths), faces) as folder:
        for name, path in paths.items():
            calibrated_on = faces.source if faces and name == "int8" else ""
            info = TfliteInfo(trained.info, name, calibrated_on)
            content = (folder / f"{name}.tflite").read_bytes()
            with (
                atomic_file(path, overwrite) as temporary,
                as_user_error(f"cannot write {path}"),
            ):
                temporary.write_bytes(finished(content, info))


def finished(content: bytes, info: TfliteInfo) -> bytes:
    """The converter's file, made smaller and with `efgan.json`.

    Raises:
      UserError: it has operations that mobile GPUs do not.
    """
    model = flatbuffer.read(content, "the converted model")
    check_operations(flatbuffer.operations(model))
    flatbuffer.drop_names(model)
    flatbuffer.put_first(model, "stages")
    last = f"stage_{info.model.model.stages}"
    for key, whole in EDITS.items():
        flatbuffer.add_signature(model, key, whole, {last: "image"})
    flatbuffer.put_metadata(model, FILE_NAME, info.to_json().encode())
    return flatbuffer.write(model)


@contextlib.contextmanager
def _converted(
    functions: MobileFunctions,
    quantizations: Sequence[str],
    faces: AlignedFaces | None,
) -> Iterator[Path]:
    """A temporary folder with QUANTIZATION.tflite as the converter wrote it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tf.saved_model.save(
            functions,
            str(folder / "saved_model"),
            signatures=functions.functions(),
        )
        if faces is not None:
            np.savez(
                folder / "faces.npz",
                image=faces.images,
                source_action_units=faces.units,
                action_units=faces.targets(),
            )
        _run_worker(folder, quantizations)
        yield folder


def _run_worker(folder: Path, quantizations: Sequence[str]) -> None:
    worker = "efgan_tf.serving.tflite.worker"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    process = subprocess.run(
        [sys.executable, "-m", worker, str(folder), *quantizations],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if process.returncode:
        raise UserError(f"cannot convert to TFLite: {_reason(process.stdout)}")


def _reason(output: str) -> str:
    """The converter's error in one line; it prints many."""
    kinds = re.findall(r"(?:TF Select|Custom) ops: (.+)", output)
    if kinds:
        return f"it has no builtin operation for {'; '.join(kinds)}"
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "the converter gave no reason"
