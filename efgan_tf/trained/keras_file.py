"""A model as one `.keras` file: networks, weights and `efgan.json`.

Keras opens it too, once this package's layers are registered:

    import efgan_tf.models
    keras.saving.load_model("efgan.keras")
"""

import zipfile
from pathlib import Path

import keras

# Imported for its layers, which Keras finds by their registered names.
import efgan_tf.models  # noqa: F401
from efgan_tf.common.errors import UserError, as_user_error
from efgan_tf.common.outputs import atomic_file
from efgan_tf.trained.info import FILE_NAME, ModelInfo
from efgan_tf.trained.network import TrainedNetwork


def write_keras(
    trained: TrainedNetwork, path: Path, overwrite: bool = False
) -> None:
    """Writes the one-file form.

    Raises:
      UserError: `path` exists (without `overwrite`) or cannot be written.
    """
    with (
        atomic_file(path, overwrite) as temporary,
        as_user_error(f"cannot write {path}"),
    ):
        trained.keras_model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(FILE_NAME, trained.info.to_json())


def read_keras(path: Path) -> TrainedNetwork:
    """The network in a file of `write_keras`; runs no code of the file's.

    Raises:
      UserError: the file is damaged, not ours, or holds other networks than
        its `efgan.json` describes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(FILE_NAME)
    except KeyError:
        raise UserError(
            f"{path} has no {FILE_NAME}: it was not written by "
            "python -m efgan_tf.export"
        ) from None
    except zipfile.BadZipFile as error:
        raise UserError(f"{path} is damaged: {error}") from error
    info = ModelInfo.from_json(text, path)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (
        OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        first = str(error).strip().splitlines()[0]
        raise UserError(f"{path} cannot be loaded: {first}") from error
    outputs = getattr(model, "output", None)
    stages = outputs.get("stages") if isinstance(outputs, dict) else None
    info.check_fits(() if stages is None else stages.shape, path)
    return TrainedNetwork(model, info)
