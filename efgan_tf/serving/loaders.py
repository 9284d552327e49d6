"""The two loaders of a SavedModel: Python's, and the C++ one of TF Serving."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from efgan_tf.errors import UserError

Call = tuple[str, dict[str, np.ndarray]]
"""Key of a signature; its inputs by name: float32, or bytes `S`."""

_INITIALIZER = "__saved_model_init_op"


def read_signatures(
    folder: Path,
) -> dict[str, meta_graph_pb2.SignatureDef]:
    """What a SavedModel can be asked, by key."""
    content = (folder / "saved_model.pb").read_bytes()
    model = saved_model_pb2.SavedModel.FromString(content)
    return {
        key: signature
        for key, signature in model.meta_graphs[0].signature_def.items()
        if key != _INITIALIZER
    }


def run_in_python(
    folder: Path, calls: Sequence[Call]
) -> list[dict[str, np.ndarray]]:
    """What the signatures answer that `tf.saved_model.load` gives.

    Args:
      folder: of the SavedModel.
      calls: what to ask.

    Returns:
      For each call its outputs by name: float32, or bytes `S`.

    Raises:
      UserError: it cannot be loaded, or refuses a call.
    """
    try:
        loaded = tf.saved_model.load(str(folder))
        return [
            {
                name: _array(value)
                for name, value in loaded.signatures[key](
                    **{name: tf.constant(a) for name, a in inputs.items()}
                ).items()
            }
            for key, inputs in calls
        ]
    except (
        OSError, ValueError, LookupError, tf.errors.OpError,
    ) as error:  # fmt: skip
        raise UserError(f"Python's loader refuses {folder}: {error}") from error


def run_in_cpp(
    folder: Path, calls: Sequence[Call]
) -> list[dict[str, np.ndarray]]:
    """What the signatures answer in a C++ session, in another process.

    Args, returns and raises as `run_in_python`.
    """
    signatures = read_signatures(folder)
    names = [
        {
            "feeds": [signatures[key].inputs[name].name for name in inputs],
            "fetches": [
                signatures[key].outputs[name].name
                for name in sorted(signatures[key].outputs)
            ],
        }
        for key, inputs in calls
    ]
    arrays = {
        f"{call}/{index}": array
        for call, (_, inputs) in enumerate(calls)
        for index, array in enumerate(inputs.values())
    }
    with tempfile.TemporaryDirectory() as temporary:
        requests, results = (
            Path(temporary, "in.npz"),
            Path(temporary, "out.npz"),
        )
        np.savez(requests, calls=json.dumps(names), **arrays)
        _run(_library(), str(folder), str(requests), str(results))
        with np.load(results, allow_pickle=False) as answers:
            return [
                {
                    name: answers[f"{call}/{index}"]
                    for index, name in enumerate(
                        sorted(signatures[key].outputs)
                    )
                }
                for call, (key, _) in enumerate(calls)
            ]


def _run(*arguments: str) -> None:
    command = [sys.executable, "-m", "efgan_tf.serving.cpp_session", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [
            f"it ended with status {done.returncode}"
        ]
        raise UserError(f"the C++ loader refuses {arguments[1]}: {lines[-1]}")


def _library() -> str:
    """Path of the C++ library in the installed TensorFlow."""
    found = sorted(Path(tf.sysconfig.get_lib()).glob("libtensorflow_cc.*"))
    if not found:
        raise UserError(
            "this TensorFlow has no libtensorflow_cc, without which "
            "--signature_check cannot run; leave it out, or export on Linux"
        )
    return str(found[0])


def _array(tensor: tf.Tensor) -> np.ndarray:
    array = tensor.numpy()
    return array.astype("S") if tensor.dtype == tf.string else array
