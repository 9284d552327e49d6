"""Runs a TFLite file as a phone does: LiteRT's interpreter with XNNPACK."""

import importlib.metadata
import os
from pathlib import Path

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.common.graphs import Functions
from efgan_tf.common.images import from_unit, to_unit
from efgan_tf.trained.model import EditingModel
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


def read_tflite(path: Path) -> EditingModel:
    """The model in a `.tflite` file.

    Raises:
      UserError: the file is damaged, not ours, or needs a newer interpreter.
    """
    file = TfliteFile(path)
    count = file.info.model.model.stages

    def run_cascade(image, source, target):
        results = [
            file(
                "stages_from",
                image=_to_public(face),
                source_action_units=_to_public_units(units),
                action_units=_to_public_units(goal),
            )
            for face, units, goal in zip(image, source, target, strict=True)
        ]
        stages, attention = (
            np.stack(
                [
                    np.concatenate(
                        [result[f"{name}_{k}"] for k in range(1, count + 1)]
                    )
                    for result in results
                ]
            )
            for name in ("stage", "attention")
        )
        return {"stages": from_unit(stages), "attention": attention}

    def run_estimator(image):
        units = [
            file("estimate", image=_to_public(face))["action_units"]
            for face in image
        ]
        return {"action_units": action_units.normalize(np.concatenate(units))}

    return EditingModel(str(path), file.info.model, run_cascade, run_estimator)


def _to_public(image):
    return to_unit(np.asarray(image, np.float32)[None])


def _to_public_units(units):
    return action_units.denormalize(np.asarray(units, np.float32))[None]
