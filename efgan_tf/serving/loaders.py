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
from efgan_tf.serving.cpp_session import REFUSED

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
    outputs = [sorted(signatures[key].outputs) for key, _ in calls]
    tensors = [
        {
            "feeds": [signatures[key].inputs[name].name for name in inputs],
            "fetches": [signatures[key].outputs[name].name for name in names],
        }
        for (key, inputs), names in zip(calls, outputs, strict=True)
    ]
    arrays = {
        f"{call}/{index}": array
        for call, (_, inputs) in enumerate(calls)
        for index, array in enumerate(inputs.values())
    }
    with tempfile.TemporaryDirectory() as temporary:
        requests = Path(temporary, "requests.npz")
        results = Path(temporary, "results.npz")
        np.savez(requests, calls=json.dumps(tensors), **arrays)
        _run(_library(), folder, requests, results)
        with np.load(results, allow_pickle=False) as found:
            return [
                {name: found[f"{call}/{i}"] for i, name in enumerate(names)}
                for call, names in enumerate(outputs)
            ]


def _run(library: Path, folder: Path, requests: Path, results: Path) -> None:
    module = "efgan_tf.serving.cpp_session"
    done = subprocess.run(
        [sys.executable, "-m", module, library, folder, requests, results],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = done.stderr.splitlines() if done.returncode == REFUSED else []
        reason = lines[-1] if lines else f"status {done.returncode}"
        raise UserError(f"the C++ loader refuses {folder}: {reason}")


def _library() -> Path:
    """Path of the C++ library in the installed TensorFlow."""
    found = sorted(Path(tf.sysconfig.get_lib()).glob("libtensorflow_cc.*"))
    if not found:
        raise UserError(
            "this TensorFlow has no libtensorflow_cc, without which "
            "--signature_check cannot run; leave it out, or export on Linux"
        )
    return found[0]


def _array(tensor: tf.Tensor) -> np.ndarray:
    array = tensor.numpy()
    return array.astype("S") if tensor.dtype == tf.string else array
