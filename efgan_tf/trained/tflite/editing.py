"""A TFLite file as a model to edit with: the result that a phone gives."""

from pathlib import Path

import numpy as np

from efgan_tf import action_units
from efgan_tf.trained.model import EditingModel
from efgan_tf.trained.tflite.interpreter import TfliteFile


def read_tflite(path: Path) -> EditingModel:
    """The model in a `.tflite` file.

    Raises:
      UserError: the file is damaged, not ours, or needs a newer interpreter.
    """
    file = TfliteFile(path)
    count = file.info.model.model.stages

    def run_cascade(images, source, target):
        results = [
            file(
                "stages_from",
                image=_to_public(image),
                source_action_units=_to_public_units(units),
                action_units=_to_public_units(goal),
            )
            for image, units, goal in zip(images, source, target, strict=True)
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
        return {"stages": 2 * stages - 1, "attention": attention}

    def run_estimator(images):
        units = [
            file("estimate", image=_to_public(image))["action_units"]
            for image in images
        ]
        return action_units.normalize(np.concatenate(units))

    return EditingModel(str(path), file.info.model, run_cascade, run_estimator)


def _to_public(image):
    return (np.asarray(image, np.float32)[None] + 1) / 2


def _to_public_units(units):
    return action_units.denormalize(np.asarray(units, np.float32))[None]
