"""Loads a model, whichever of its forms it is in.

Presets, TFLite files and served models do without TensorFlow; the others import
it when they are loaded.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from efgan_tf.common.errors import UserError
from efgan_tf.trained.model import EditingModel
from efgan_tf.trained.presets import PREFIX, preset_model, read_preset
from efgan_tf.trained.remote.connection_settings import is_address

if TYPE_CHECKING:
    from efgan_tf.trained.network import TrainedNetwork


def load_model(path: str | Path) -> EditingModel:
    """A model to edit with.

    Args:
      path: a run's folder, a `.keras` or `.tflite` file of `efgan_tf.export`,
        a SavedModel of it (its folder, or the one that holds its numbered
        versions, of which the highest is used), `preset:NAME`, or the address
        of a served model, `grpc://HOST:PORT/MODEL`.

    Raises:
      UserError: there is no such file or folder, it is none of these, it is
        damaged, it was made for another template or other units, or the
        server cannot be reached.
    """
    if is_address(path):
        from efgan_tf.trained.remote.connection import Connection

        return Connection(str(path)).model
    if str(path).startswith(PREFIX):
        return preset_model(str(path))
    if Path(path).suffix == ".tflite" and Path(path).is_file():
        from efgan_tf.trained.tflite.interpreter import read_tflite

        return read_tflite(Path(path))
    version = _saved_model(path)
    if version is not None:
        from efgan_tf.trained.saved_models import read_saved_model

        return read_saved_model(version)
    return editing_model(str(path), load_network(path))


def needs_tensorflow(path: str | Path) -> bool:
    """Whether `load_model` imports TensorFlow, or there is no such model."""
    return not (
        is_address(path)
        or str(path).startswith(PREFIX)
        or Path(path).suffix == ".tflite"
    )


def load_network(path: str | Path) -> "TrainedNetwork":
    """The Keras networks of a model, to export, measure or continue.

    Args:
      path: as for `load_model`, but no SavedModel, which holds none.

    Raises:
      UserError: as `load_model`, or it is a SavedModel or on a server.
    """
    if is_address(path):
        raise UserError(
            f"{path} is a served model, whose networks stay on the server; "
            "name the run, the .keras file or the preset that it was made from"
        )
    if str(path).startswith(PREFIX):
        return read_preset(str(path))
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path} does not exist; name a trained model")
    if path.is_file():
        if path.suffix != ".keras":
            raise UserError(f"{path} is no model: it does not end in .keras")
        from efgan_tf.trained.keras_file import read_keras

        return read_keras(path)
    if (path / "config.json").exists():
        from efgan_tf.trained.runs import read_run

        return read_run(path)
    if _saved_model(path) is not None:
        raise UserError(
            f"{path} is a SavedModel, which holds no Keras networks; name the "
            "run, the .keras file or the preset that it was made from"
        )
    raise UserError(
        f"{path} is no model: it has neither config.json, as a run has, "
        "nor saved_model.pb, nor numbered versions with one"
    )


def _saved_model(path: str | Path) -> Path | None:
    """The folder of the newest SavedModel at `path`, if that is one."""
    folder = Path(path)
    if not folder.is_dir() or (folder / "config.json").exists():
        return None
    from efgan_tf.trained.saved_models import newest_version

    return newest_version(folder)


def editing_model(name: str, trained: "TrainedNetwork") -> EditingModel:
    """A network in memory as a model to edit with."""
    estimator = trained.estimator_function()
    return EditingModel(
        name,
        trained.info,
        trained.cascade_function("stages", "attention", "branches"),
        lambda image: {"action_units": estimator(image)},
    )
