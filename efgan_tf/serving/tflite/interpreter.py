"""Runs a TFLite file here as a phone would: LiteRT's interpreter, XNNPACK."""

import importlib.metadata
import os
from pathlib import Path

from efgan_tf.errors import UserError
from efgan_tf.graphs import Functions
from efgan_tf.serving.tflite import flatbuffer
from efgan_tf.serving.tflite.card import info_of


def package() -> str:
    """Package and version of the interpreter: `"ai-edge-litert 2.3.0"`."""
    return f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}"


class TfliteFile(Functions):
    """A TFLite file of `efgan_tf.export`, ready to be called.

    `file("edit", image=…, action_units=…)` calls a signature; inputs and
    outputs are those of `efgan_tf.serving.tflite.functions`.

    Args:
      path: of the file.
      threads: that XNNPACK computes with.
      delegates: False computes without XNNPACK, operation by operation.

    Attributes:
      path: of the file.
      size: of the file in bytes.
      info: what it says about itself.
      operations: what it computes with.

    Raises:
      UserError: the file is damaged, not ours, or needs a newer interpreter.
    """

    def __init__(
        self, path: str | os.PathLike, threads: int = 2, delegates: bool = True
    ):
        self.path = Path(path)
        content = flatbuffer.read_file(self.path)
        model = flatbuffer.read(content, path)
        self.size = len(content)
        self.info = info_of(model, path)
        self.operations = flatbuffer.operations(model)
        try:
            super().__init__(content, threads, delegates)
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{path} needs a newer interpreter than {package()}, or is "
                f"damaged: pip install -U ai-edge-litert ({reason})"
            ) from error
