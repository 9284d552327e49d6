"""The paper's test of use: do edited pictures help to learn expressions?"""

import keras
import numpy as np

from efgan_tf.common.images import to_float, to_uint8
from efgan_tf.data import Faces
from efgan_tf.data.pictures import decode
from efgan_tf.evaluation import judge_networks, judge_training
from efgan_tf.evaluation.evaluation_settings import JudgesConfig
from efgan_tf.evaluation.features import run_network
from efgan_tf.evaluation.judges import expression_labels
from efgan_tf.evaluation.protocol import expressions_of


def compare_augmentation(
    train: Faces,
    held_out: Faces,
    edited: np.ndarray,
    expressions: np.ndarray,
    config: JudgesConfig,
) -> dict[str, float]:
    """Accuracy on real pictures of judges taught without and with edits.

    Both see equally many pictures; the second one's are drawn from the real
    and the edited ones together.

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
    names = expressions_of(train)
    rows = np.flatnonzero(np.isin(train.expressions, names))
    asked = np.flatnonzero(np.isin(held_out.expressions, names))
    if len(names) < 2 or not len(asked):
        return {}
    images = decode([train.encoded[i] for i in rows.tolist()], train.size)
    labels = expression_labels(train.expressions[rows], names)
    made = to_uint8(edited)
    made_labels = expression_labels(expressions, names)
    sets = {
        "real": (images, labels),
        "real and edited": (
            np.concatenate([images, made]),
            np.concatenate([labels, made_labels]),
        ),
    }
    truth = expression_labels(held_out.expressions[asked], names)
    encoded = [held_out.encoded[i] for i in asked.tolist()]
    shown = to_float(decode(encoded, held_out.size))
    accuracies = {
        name: _accuracy(*pictures, shown, truth, len(names), config, name)
        for name, pictures in sets.items()
    }
    counts = {
        "real pictures": len(images),
        "edited pictures": len(made),
        "asked about": len(asked),
    }
    return accuracies | counts


def _accuracy(images, labels, shown, truth, count, config, name) -> float:
    keras.utils.set_random_seed(config.judge_seed)
    model = judge_networks.expression_judge(
        images.shape[1], config.judge_width, count
    )
    judge_training.fit(
        model,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        images,
        labels,
        int(config.judge_kimg * 500),
        config.judge_seed,
        f"expressions from {name} pictures:",
    )
    return float(np.mean(run_network(model, shown)[0].argmax(1) == truth))
