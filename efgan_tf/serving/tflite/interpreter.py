"""Runs a TFLite file here as a phone would: LiteRT's interpreter, XNNPACK."""

import contextlib
import functools
import importlib
import importlib.metadata
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from efgan_tf.errors import UserError
from efgan_tf.serving.tflite import flatbuffer
from efgan_tf.serving.tflite.card import info_of

_PACKAGES = {
    "ai_edge_litert.interpreter": "ai-edge-litert",
    # Deprecated there, but whoever has TensorFlow has it.
    "tensorflow.lite.python.interpreter": "tensorflow",
}


@functools.cache
def _module() -> tuple[ModuleType, str]:
    """The interpreter that is installed, and its package and version."""
    for name, package in _PACKAGES.items():
        with contextlib.suppress(ImportError):
            module = importlib.import_module(name)
            version = importlib.metadata.version(package)
            return module, f"{package} {version}"
    raise UserError(
        "no interpreter of TFLite files is installed: pip install "
        "ai-edge-litert"
    )


def package() -> str:
    """Package and version of the interpreter: `"ai-edge-litert 2.3.0"`."""
    return _module()[1]


def load(content: bytes, threads: int = 2):
    """An interpreter of any TFLite file, its tensors allocated."""
    loaded = _module()[0].Interpreter(
        model_content=content, num_threads=threads
    )
    loaded.allocate_tensors()
    return loaded


class TfliteFile:
    """A TFLite file of `efgan_tf.export`, ready to be called.

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
        module, name = _module()
        resolver = module.OpResolverType
        try:
            self._interpreter = module.Interpreter(
                model_content=content,
                num_threads=threads,
                experimental_op_resolver_type=resolver.AUTO
                if delegates
                else resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{path} needs a newer interpreter than {name}, or is damaged: "
                f"pip install -U ai-edge-litert ({reason})"
            ) from error
        self._runners = {
            key: self._interpreter.get_signature_runner(key)
            for key in self._interpreter.get_signature_list()
        }

    @property
    def signatures(self) -> tuple[str, ...]:
        """The keys that can be called."""
        return tuple(self._runners)

    def __call__(self, key: str, **inputs: np.ndarray) -> Mapping:
        """One call of a signature: `file("edit", image=…, action_units=…)`.

        Args:
          key: of the signature.
          **inputs: float32 arrays as `efgan_tf.serving.tflite.functions`
            says.

        Returns:
          The outputs by their names.
        """
        return self._runners[key](**inputs)
