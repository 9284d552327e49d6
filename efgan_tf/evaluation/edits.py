"""Edits of many faces, without what nobody asks for."""

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.trained.model import BATCH_SIZE, EditingModel


def results(
    model: EditingModel,
    images: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
) -> np.ndarray:
    """The last stage's pictures.

    Args:
      model: that edits.
      images: float32 `[n, S, S, 3]` in [-1, 1].
      source: `[n, 17]`, 0–5.
      target: `[n, 17]`, 0–5.

    Returns:
      float32 `[n, S, S, 3]`.

    Raises:
      UserError: a pixel is not finite.
    """
    edited = np.empty_like(images)
    for start in range(0, len(images), BATCH_SIZE):
        part = slice(start, start + BATCH_SIZE)
        made = model.edit(images[part], source[part], target[part])
        edited[part] = made.images[:, -1]
    if not np.isfinite(edited).all():
        raise UserError(
            f"edits of {model.name} are not finite numbers: its weights are "
            "broken; go back to an older checkpoint"
        )
    return edited
