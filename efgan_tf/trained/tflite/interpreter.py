"""Runs a TFLite file as a phone does: LiteRT's interpreter with XNNPACK."""

import importlib.metadata
import os
from pathlib import Path

from efgan_tf.common.errors import UserError
from efgan_tf.common.graphs import Functions
from efgan_tf.trained.tflite import flatbuffer
from efgan_tf.trained.tflite.card import info_of


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
      info: its metadata.

    Raises:
      UserError: the file is damaged, not ours, or needs a newer interpreter.
    """

    def __init__(
        self, path: str | os.PathLike, threads: int = 2, delegates: bool = True
    ):
        self.path = Path(path)
        content = flatbuffer.read_file(self.path)
        self.info = info_of(flatbuffer.read(content, path), path)
        try:
            super().__init__(content, threads, delegates)
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            version = importlib.metadata.version("ai-edge-litert")
            raise UserError(
                f"{path} needs a newer interpreter than ai-edge-litert "
                f"{version}, or is damaged: pip install -U ai-edge-litert "
                f"({reason})"
            ) from error
