"""How near edits come to the truth on people that were never trained on."""

from collections.abc import Mapping

import numpy as np

from efgan_tf.action_units import normalize
from efgan_tf.common.images import psnr, to_float
from efgan_tf.data import Faces
from efgan_tf.data.pictures import decode
from efgan_tf.data.pipeline import evaluation_pairs


def evaluation_set(held_out: Faces, train: Faces, count: int) -> dict:
    """What a run is judged on: fixed pairs of held-out people's pictures.

    Where there are too few pictures of the same person in the same view, more
    sources get the action units of other faces, without a true target. Where
    no one is held out, those are training faces.

    Args:
      held_out: the test split; may be empty.
      train: the training split.
      count: how many at most.

    Returns:
      `image`, `action_units`, `target_action_units`, `target_image` (the
      source where there is none) and `has_target`, bool `[n]`; ranges as in
      training.
    """
    pairs = evaluation_pairs(held_out, count, seed=0)
    true = len(pairs["image"])
    faces = held_out if len(held_out) else train
    rows = list(range(len(faces)))
    if true:
        rows = [group[0] for group in faces.groups() if len(group) == 1]
    generator = np.random.default_rng(0)
    source = generator.permutation(np.array(rows, int))[: count - true]
    target = generator.permutation(len(faces))[: len(source)]
    images = to_float(decode([faces.encoded[i] for i in source], faces.size))
    units = normalize(faces.action_units).astype(np.float32)
    more = {
        "image": images,
        "action_units": units[source],
        "target_image": images,
        "target_action_units": units[target],
    }
    found = {name: np.concatenate([pairs[name], more[name]]) for name in more}
    return found | {"has_target": np.arange(true + len(source)) < true}


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
    true = pairs["has_target"]
    if not true.any():
        return {}
    truth = pairs["target_image"][true]
    edit = float(np.mean(psnr(edited[true], truth)))
    no_edit = float(np.mean(psnr(pairs["image"][true], truth)))
    return {
        "held_out/psnr": edit,
        "held_out/psnr_no_edit": no_edit,
        "held_out/psnr_gain": edit - no_edit,
    }
