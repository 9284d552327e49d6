"""A SavedModel as a model to edit with.

Beside its signatures, which speak the public scales and estimate the source
where TF Serving is not given it, an exported SavedModel carries the functions
that they are made of, and those are used here.
"""

from pathlib import Path

import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.trained.info import FILE_NAME, ModelInfo
from efgan_tf.trained.model import EditingModel


def newest_version(path: Path) -> Path | None:
    """The SavedModel in `path`, or in its highest numbered folder, if any."""
    if (path / "saved_model.pb").is_file():
        return path
    versions = [
        folder
        for folder in path.iterdir()
        if folder.name.isdecimal() and (folder / "saved_model.pb").is_file()
    ]
    return max(versions, key=lambda folder: int(folder.name), default=None)


def read_saved_model(path: Path) -> EditingModel:
    """The model in a folder that has a `saved_model.pb`.

    Raises:
      UserError: it is damaged, not ours, or holds other networks than its
        `efgan.json` describes.
    """
    card = path / "assets" / FILE_NAME
    if not card.is_file():
        raise UserError(
            f"{path} has no assets/{FILE_NAME}: it was not written by "
            "python -m efgan_tf.export"
        )
    info = ModelInfo.from_json(card.read_bytes(), path)
    try:
        loaded = tf.saved_model.load(str(path))
    # A variables' file that is cut short is an IndexError to TensorFlow.
    except (OSError, ValueError, IndexError, tf.errors.OpError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(f"{path} cannot be loaded: {first}") from error

    info.check_fits(_stages_of(loaded), path)

    # A restored function does not keep its variables alive; `loaded` does.
    def run_cascade(image, source, target):
        return loaded.cascade(image, source, target)

    def run_estimator(image):
        return {"action_units": loaded.estimator(image)}

    return EditingModel(str(path), info, run_cascade, run_estimator)


def _stages_of(loaded) -> tuple[int | None, ...]:
    """The shape of what the cascade makes; () if there is no cascade."""
    if not hasattr(loaded, "cascade"):
        return ()
    (cascade,) = loaded.cascade.concrete_functions
    return tuple(cascade.structured_outputs["stages"].shape)
