"""Sample sheets: what the networks do with a fixed set of held-out faces.

Rows are edits of pictures; columns are the source, the output of every stage,
the attention of each branch (white edits, black keeps) at the last stage, the
attention of the cascade as a whole, the result, and the true target, black
where there is none.
"""

from collections.abc import Mapping

import keras
import numpy as np

from efgan_tf.common.images import to_uint8
from efgan_tf.common.sheets import grid
from efgan_tf.config import ModelConfig
from efgan_tf.geometry import Box


def run_cascade(
    cascade: keras.Model, pairs: Mapping[str, np.ndarray], batch_size: int = 32
) -> dict:
    """The cascade's outputs for evaluation pairs, batch by batch.

    Args:
      cascade: built by `efgan_tf.models.build_cascade`.
      pairs: of `efgan_tf.training.validation.evaluation_set`.
      batch_size: pairs at a time.

    Returns:
      The cascade's nested outputs as NumPy arrays, first axis as in `pairs`.
    """
    inputs = {
        "image": pairs["image"],
        "source_action_units": pairs["action_units"],
        "target_action_units": pairs["target_action_units"],
    }
    chunks = []
    for start in range(0, len(pairs["image"]), batch_size):
        part = {k: v[start : start + batch_size] for k, v in inputs.items()}
        outputs = cascade(part, training=False)
        chunks.append(
            keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
        )
    return keras.tree.map_structure(
        lambda *arrays: np.concatenate(arrays), *chunks
    )


def sample_sheet(
    pairs: Mapping[str, np.ndarray], outputs: dict, model: ModelConfig
) -> np.ndarray:
    """Draws a sheet.

    Args:
      pairs: evaluation pairs.
      outputs: of `run_cascade` on them.
      model: boxes of the regions.

    Returns:
      uint8 `[height, width, 3]`.
    """
    columns = {"source": pairs["image"]}
    stages = outputs["stages"]
    for number, stage in enumerate(stages, 1):
        columns[f"stage {number}"] = stage["image"]
    for name, branch in stages[-1]["branches"].items():
        attention = _in_frame(branch["attention"], model.boxes.get(name), model)
        columns[f"A {name}"] = _as_picture(attention)
    columns["A cascade"] = _as_picture(outputs["attention"])
    columns["result"] = outputs["image"]
    true = pairs["has_target"]
    if true.any():
        columns["true target"] = np.where(
            true[:, None, None, None], pairs["target_image"], -1.0
        )
    return grid({title: to_uint8(images) for title, images in columns.items()})


def _in_frame(attention, box: Box | None, model: ModelConfig):
    """A region's attention at its place in an image of zeros."""
    if box is None:
        return attention
    side = model.image_size
    frame = np.zeros((len(attention), side, side, 1), np.float32)
    bottom, right = box.top + box.height, box.left + box.width
    frame[:, box.top : bottom, box.left : right] = attention
    return frame


def _as_picture(attention: np.ndarray) -> np.ndarray:
    """[0, 1] with one channel → [-1, 1] with three."""
    return np.repeat(attention * 2 - 1, 3, axis=-1)
