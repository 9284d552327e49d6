"""How near edits come to the truth on people that were never trained on."""

from collections.abc import Mapping

import numpy as np

from efgan_tf.action_units import normalize
from efgan_tf.data import Faces
from efgan_tf.data.pictures import decode
from efgan_tf.data.pipeline import evaluation_pairs
from efgan_tf.fidelity import psnr


def evaluation_set(held_out: Faces, train: Faces, count: int) -> dict:
    """What a run is judged on: fixed pairs of held-out people's pictures.

    Where no two pictures show the same person in the same view, sources get
    the action units of other faces, and there is no true target. Where no one
    is held out, the faces are training faces.

    Args:
      held_out: the test split; may be empty.
      train: the training split.
      count: how many at most.

    Returns:
      `image`, `action_units`, `target_action_units` and, where there are true
      targets, `target_image`; ranges as in training.
    """
    pairs = evaluation_pairs(held_out, count, seed=0)
    if len(pairs["image"]):
        return pairs
    faces = held_out if len(held_out) else train
    generator = np.random.default_rng(0)
    source = generator.permutation(len(faces))[:count]
    target = generator.permutation(len(faces))[: len(source)]
    images = decode([faces.encoded[i] for i in source], faces.size)
    units = normalize(faces.action_units)
    return {
        "image": images.astype(np.float32) / 127.5 - 1.0,
        "action_units": units[source],
        "target_action_units": units[target],
    }


def held_out_metrics(
    pairs: Mapping[str, np.ndarray], edited: np.ndarray
) -> dict[str, float]:
    """Mean PSNR to the true target, of the edit and of no edit at all.

    Args:
      pairs: of `evaluation_set`.
      edited: `[n, S, S, 3]`, the edits of `pairs["image"]`.

    Returns:
      The scores by name; none where there are no true targets.
    """
    if "target_image" not in pairs:
        return {}
    edit = float(np.mean(psnr(edited, pairs["target_image"])))
    no_edit = float(np.mean(psnr(pairs["image"], pairs["target_image"])))
    return {
        "held_out/psnr": edit,
        "held_out/psnr_no_edit": no_edit,
        "held_out/psnr_gain": edit - no_edit,
    }
