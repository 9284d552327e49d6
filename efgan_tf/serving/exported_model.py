"""An exported SavedModel, loaded by TensorFlow's Python loader."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from efgan_tf.common.errors import UserError

MODEL_FILE = "saved_model.pb"
"""Every SavedModel has it."""


class ExportedModel:
    """A SavedModel whose signatures can be called, from several threads.

    Args:
      folder: the version's folder.

    Attributes:
      signatures: name → `SignatureDef`, as the file has it.

    Raises:
      UserError: the folder holds no SavedModel that can be loaded.
    """

    def __init__(self, folder: Path):
        try:
            content = (folder / MODEL_FILE).read_bytes()
            model = saved_model_pb2.SavedModel.FromString(content)
            self._loaded = tf.saved_model.load(str(folder))
        except (
            OSError, ValueError, LookupError, DecodeError, tf.errors.OpError,
        ) as error:  # fmt: skip
            reason = " ".join(str(error).split())
            raise UserError(f"{folder} cannot be loaded: {reason}") from error
        self.signatures = {
            name: signature
            for name, signature in model.meta_graphs[0].signature_def.items()
            if not name.startswith("__")  # TensorFlow's own
        }

    def run(
        self,
        signature: str,
        inputs: Mapping[str, np.ndarray | Sequence[bytes]],
    ) -> dict[str, np.ndarray]:
        """Calls a signature.

        Args:
          signature: its name.
          inputs: name → array, or byte strings `[b]`.

        Returns:
          Name → array; of byte strings, an array of objects.

        Raises:
          KeyError: the model has no such signature.
          ValueError: the inputs do not fit the signature.
          tf.errors.OpError: the graph refuses their values.
        """
        function = self._loaded.signatures[signature]
        expected = function.structured_input_signature[1]
        if set(inputs) != set(expected):
            raise ValueError(
                f"the inputs are {_list(inputs)}; {signature} needs "
                f"{_list(expected)}"
            )
        tensors = {
            name: _tensor(inputs[name], spec) for name, spec in expected.items()
        }
        return {
            name: output.numpy() for name, output in function(**tensors).items()
        }


def _tensor(value: np.ndarray | Sequence[bytes], spec: tf.TensorSpec):
    dtype = (
        tf.as_dtype(value.dtype) if isinstance(value, np.ndarray) else tf.string
    )
    if dtype != spec.dtype:
        raise ValueError(
            f"{spec.name} must be {spec.dtype.name}, not {dtype.name}"
        )
    tensor = tf.constant(value, dtype)
    if not spec.shape.is_compatible_with(tensor.shape):
        raise ValueError(
            f"{spec.name} has the shape {tensor.shape}, which is not "
            f"compatible with {spec.shape}"
        )
    return tensor


def _list(names) -> str:
    return ", ".join(sorted(names)) or "none"
