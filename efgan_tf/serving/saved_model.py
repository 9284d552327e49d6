"""Writes a SavedModel in a numbered folder, as TensorFlow Serving needs it."""

from collections.abc import Callable, Iterable
from pathlib import Path

import tensorflow as tf

from efgan_tf.common.errors import as_user_error
from efgan_tf.common.outputs import atomic_folder
from efgan_tf.serving import model_card
from efgan_tf.serving.signatures import Signatures
from efgan_tf.serving.warmup import write_warmup
from efgan_tf.trained.info import FILE_NAME
from efgan_tf.trained.network import TrainedNetwork


def write_saved_model(
    trained: TrainedNetwork,
    folder: Path,
    origin: str,
    warmup_batches: Iterable[int] = (),
    check: Callable[[Path], None] | None = None,
) -> Path:
    """Writes the next version of a model; it appears whole or not at all.

    Args:
      trained: the model.
      folder: of the versions; created if it is missing. Its name is the
        model's.
      origin: for the model card, Markdown on the data it was trained on.
      warmup_batches: numbers of images of the warm-up requests.
      check: gets the folder before it is renamed to its number, and raises to
        prevent that.

    Returns:
      The version's folder: `folder/1` or one more than the highest there.

    Raises:
      UserError: it cannot be written.
    """
    path = folder / str(next_version(folder))
    with (
        atomic_folder(path) as temporary,
        as_user_error(f"cannot write {path}"),
    ):
        signatures = Signatures(trained)
        functions = signatures.functions()
        tf.saved_model.save(signatures, str(temporary), signatures=functions)
        assets = temporary / "assets"
        assets.mkdir(exist_ok=True)
        (assets / FILE_NAME).write_text(trained.info.to_json())
        specs = {
            key: function.input_signature for key, function in functions.items()
        }
        write_warmup(temporary, folder.name, specs, warmup_batches)
        card = model_card.model_card(folder.name, trained.info, origin)
        (temporary / model_card.FILE_NAME).write_text(card, "utf-8")
        if check:
            check(temporary)
    return path


def next_version(folder: Path) -> int:
    """One more than the highest numbered entry of `folder`, or 1."""
    if not folder.is_dir():
        return 1
    numbers = [
        int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()
    ]
    return max(numbers, default=0) + 1
