"""The paper's test of use: do edited pictures help to learn expressions?"""

import keras
import numpy as np

from efgan_tf.common.images import to_float, to_uint8
from efgan_tf.data import Faces
from efgan_tf.data.pictures import decode
from efgan_tf.evaluation import judge_training, protocol
from efgan_tf.evaluation.evaluation_settings import JudgesConfig
from efgan_tf.evaluation.features import run_network


def compare_augmentation(
    train: Faces,
    held_out: Faces,
    edited: np.ndarray,
    expressions: np.ndarray,
    config: JudgesConfig,
) -> dict[str, float]:
    """Accuracy on real pictures of two judges of expressions.

    One learns from real pictures, the other from as many that are drawn from
    the real and the edited ones together.

    Args:
      train: the training split.
      held_out: the test split, which both are asked about.
      edited: float32 `[n, S, S, 3]` in [-1, 1], edits of training pictures.
      expressions: `[n]`, what they were edited to.
      config: how judges are trained.

    Returns:
      Accuracies in 0–1 by what was learned from, and how many pictures there
      were; empty where fewer than two expressions have names.
    """
    names = protocol.expressions_of(train)
    if len(names) < 2 or not np.isin(held_out.expressions, names).any():
        return {}
    real = _named(train, names)
    labels = protocol.expression_labels(expressions, names)
    added = to_uint8(edited), labels
    both = [np.concatenate(parts) for parts in zip(real, added, strict=True)]
    shown, expected = _named(held_out, names)
    accuracies = {}
    for name, (images, labels) in (("real", real), ("real and edited", both)):
        keras.utils.set_random_seed(judge_training.SEED)
        judge = judge_training.expression_judge(
            train.size, config.judge_width, len(names)
        )
        judge_training.fit(
            judge,
            judge_training.classification_loss(),
            images,
            labels,
            int(config.judge_kimg * 500),
            f"expressions from {name} pictures:",
        )
        seen = run_network(judge, to_float(shown))[0].argmax(1)
        accuracies[name] = float(np.mean(seen == expected))
    counts = {
        "real pictures": len(real[0]),
        "edited pictures": len(edited),
        "asked about": len(shown),
    }
    return accuracies | counts


def _named(
    faces: Faces, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures whose expression has a name, uint8, and their labels."""
    rows = np.flatnonzero(np.isin(faces.expressions, names))
    images = decode([faces.encoded[i] for i in rows.tolist()], faces.size)
    return images, protocol.expression_labels(faces.expressions[rows], names)
