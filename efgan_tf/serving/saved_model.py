"""Writes a SavedModel in a numbered folder, as TF Serving wants it."""

from pathlib import Path

import tensorflow as tf

from efgan_tf.editing.info import FILE_NAME
from efgan_tf.editing.network import TrainedNetwork
from efgan_tf.outputs import atomic_folder
from efgan_tf.serving.signatures import Signatures
from efgan_tf.training.refusals import told_plainly


def write_saved_model(trained: TrainedNetwork, folder: Path) -> Path:
    """Writes the next version of a model; it appears whole or not at all.

    Args:
      trained: the model.
      folder: of the versions; made if it is absent.

    Returns:
      The version's folder: `folder/1` or one more than the highest there.

    Raises:
      UserError: it cannot be written.
    """
    path = folder / str(next_version(folder))
    with (
        atomic_folder(path) as temporary,
        told_plainly(f"cannot write {path}"),
    ):
        signatures = Signatures(trained)
        tf.saved_model.save(
            signatures, str(temporary), signatures=signatures.functions()
        )
        assets = temporary / "assets"
        assets.mkdir(exist_ok=True)
        (assets / FILE_NAME).write_text(trained.info.to_json())
    return path


def next_version(folder: Path) -> int:
    """One more than the highest numbered entry of `folder`, or 1."""
    if not folder.is_dir():
        return 1
    numbers = [
        int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()
    ]
    return max(numbers, default=0) + 1
